"""The Celery application: `celery -A curation.celery worker`. Tasks are in `curation/tasks.py`."""

import os
import signal
import threading
from typing import Any

from celery import Celery
from celery.signals import worker_process_init, worker_ready, worker_shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "curation.settings")

app = Celery("seedbed")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["curation"])

_stopped = threading.Event()
_beating: list[threading.Thread] = []


@worker_process_init.connect
def die_with_the_worker(**kwargs: Any) -> None:
    """A pool process whose worker was killed has nobody to report to: the kernel ends it (Linux)."""
    from curation.studio.processes import die_with_parent

    die_with_parent(signal.SIGKILL)


@worker_ready.connect
def begin_heartbeat(sender: Any, **kwargs: Any) -> None:
    """Beat from a thread of the worker's main process for as long as it runs."""
    from curation.jobs.heartbeat import beat

    thread = threading.Thread(target=beat, args=(sender.hostname, _stopped), name="heartbeat", daemon=True)
    thread.start()
    _beating.append(thread)


@worker_shutdown.connect
def end_heartbeat(sender: Any, **kwargs: Any) -> None:
    """Stop beating; the row goes, so that nobody waits for it to grow old."""
    _stopped.set()
    for thread in _beating:
        thread.join(timeout=3)
