"""The sweep: every few seconds, find what was lost or is due. Expired chunks and leases, unannounced jobs, stalled ones; trainings; revisions that nobody makes."""

from __future__ import annotations

import socket
from datetime import timedelta

import psutil
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.utils import timezone

from curation.actions.review import expire_leases
from curation.actions.review.revisions import give_back_abandoned
from curation.actions.scorers import train_what_is_due
from curation.jobs import steering
from curation.jobs.messages import send
from curation.jobs.run import FAN_OUT, MAX_TRIES, finish_if_done, queue_for
from curation.models import Chunk, Job

EXPIRE = """
    UPDATE curation_chunk SET expires_at = NULL, finished_at = clock_timestamp(),
           state = CASE WHEN tries >= %(most)s THEN 'failed' ELSE 'waiting' END,
           error = CASE WHEN tries >= %(most)s
                        THEN 'Its worker was lost ' || tries || ' times. ' ELSE 'Its worker was lost. ' END
     WHERE id IN (SELECT id FROM curation_chunk WHERE state = 'running' AND expires_at < clock_timestamp()
                   FOR UPDATE SKIP LOCKED)
    RETURNING job_id
"""


def sweep() -> dict[str, int]:
    """Requeue what its worker lost and announce what nobody works on. Returns counts, for the log."""
    _expire_of_the_dead()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(EXPIRE, {"most": MAX_TRIES})
        expired = [row[0] for row in cursor.fetchall()]
    unplanned = _unplanned()
    stalled = _stalled()
    trainings = train_what_is_due()
    for job_id in unplanned:
        send("plan", job_id)
    jobs = Job.objects.in_bulk([*expired, *stalled])
    for job_id in [*expired, *stalled]:
        send("work", job_id, queue=queue_for(jobs[job_id]))
    return {
        "chunks_expired": len(expired),
        "jobs_unplanned": len(unplanned),
        "jobs_stalled": len(stalled),
        "leases_expired": expire_leases(),
        "revisions_given_back": give_back_abandoned(),
        "trainings_started": len(trainings),
        "runs_made_up": steering.make_up_for_rejected(),
    }


def tidy() -> int:
    """Forget browser sessions that have run out. Returns how many."""
    gone, _ = Session.objects.filter(expire_date__lt=timezone.now()).delete()
    return gone


def _expire_of_the_dead() -> None:
    """End the leases of this machine's workers whose process is gone, rather than waiting for them to run out.

    Where two machines share a name this may take a chunk from a living worker; the attempt fences that off.
    """
    here = socket.gethostname()
    running = Chunk.objects.filter(state=Chunk.State.RUNNING, worker__startswith=f"{here}:")
    for worker in running.values_list("worker", flat=True).distinct():
        if not psutil.pid_exists(int(worker.rpartition(":")[2])):
            running.filter(worker=worker).update(expires_at=timezone.now() - timedelta(seconds=1))


def _unplanned() -> list[int]:
    long_ago = timezone.now() - timedelta(seconds=10)
    waiting = Job.objects.filter(state=Job.State.WAITING, created_at__lt=long_ago)
    return list(waiting.order_by("pk").values_list("pk", flat=True))


def _stalled() -> list[int]:
    """Running jobs with work to do and nobody at it: one entry per message that should circulate."""
    quiet_since = timezone.now() - timedelta(seconds=20)
    entries: list[int] = []
    for job in Job.objects.filter(state=Job.State.RUNNING, started_at__lt=quiet_since):
        if not job.chunks.filter(state__in=[Chunk.State.WAITING, Chunk.State.RUNNING]).exists():
            finish_if_done(job.pk)
            continue
        if job.chunks.filter(state=Chunk.State.RUNNING).exists():
            continue
        if job.chunks.filter(finished_at__gte=quiet_since).exists():
            continue
        waiting = job.chunks.filter(state=Chunk.State.WAITING).count()
        entries += [job.pk] * min(waiting, FAN_OUT)
    return entries
