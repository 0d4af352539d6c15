"""Messages to the workers. Each only says "look here": losing or repeating one changes nothing."""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import receiver
from kombu.exceptions import OperationalError as BrokerDown
from psycopg import Error as DatabaseDown

from curation.models import Job

log = logging.getLogger(__name__)


def announce(task: str, *args: Any, queue: str = "") -> None:
    """Send a message once the surrounding transaction has committed."""
    transaction.on_commit(lambda: send(task, *args, queue=queue), robust=True)


def send(task: str, *args: Any, queue: str = "") -> None:
    """Send now, to the queue that every worker takes unless another is named. A broker that is down is logged, not raised: the sweep finds the work."""
    from curation.celery import app

    try:
        app.send_task(f"curation.{task}", args=args, retry=False, queue=queue or None)
    except (BrokerDown, DatabaseDown, OSError) as error:  # the broker may live in the database
        reason = str(error).partition("\n")[0]
        log.warning("The broker did not take %s%s (%s); the sweep will find the work.", task, args, reason)


@receiver(post_save, sender=Job, dispatch_uid="announce_new_job")
def announce_new_job(sender: type[Job], instance: Job, created: bool, **kwargs: Any) -> None:
    if created and not kwargs.get("raw"):
        announce("plan", instance.pk)
