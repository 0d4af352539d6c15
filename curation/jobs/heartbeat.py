"""The workers' signs of life: each worker renews its row, /healthz asks how old the newest is."""

from __future__ import annotations

import threading
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.models.functions import Now

from curation.models import WorkerHeartbeat

PERIOD = 10.0
ALIVE_FOR = timedelta(seconds=35)
FORGOTTEN_AFTER = timedelta(days=1)


def beat(name: str, stopped: threading.Event) -> None:
    """Renew the row of worker `name` until told to stop. A database that is away is waited for."""
    try:
        while True:
            try:
                _renew(name)
            except (DatabaseError, InterfaceError):
                connection.close()
            if stopped.wait(PERIOD):
                WorkerHeartbeat.objects.filter(name=name).delete()
                return
    except (DatabaseError, InterfaceError):
        return
    finally:
        connection.close()


def _renew(name: str) -> None:
    WorkerHeartbeat.objects.update_or_create(
        name=name, defaults={"beaten_at": Now(), "version": settings.VERSION}
    )
    WorkerHeartbeat.objects.filter(beaten_at__lt=Now() - FORGOTTEN_AFTER).delete()


def worker_alive() -> bool:
    """Whether any worker has beaten lately, by the database's clock."""
    return WorkerHeartbeat.objects.filter(beaten_at__gte=Now() - ALIVE_FOR).exists()
