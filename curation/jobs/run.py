"""Planning and running: where the states of jobs and chunks change because work was done.

A worker claims a chunk with one conditional UPDATE, works outside any transaction, and saves the results and
the chunk's end in one transaction guarded by its attempt. Anything may be killed at any time.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import (
    IntegrityError,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    transaction,
)
from django.utils import timezone

from curation.jobs.kind import Cancelled, ChunkPlan, Kind, Lost, Tally
from curation.jobs.messages import announce, send
from curation.models import Chunk, Job, Mishap
from curation.studio.disk import DiskFull, require_space

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
BEAT_SECONDS = 12.0
MAX_TRIES = 5
FAN_OUT = 16  # messages that circulate per job; each runs one chunk and then sends itself again

CLAIM = """
    UPDATE curation_chunk SET state = 'running', attempt = attempt + 1, tries = tries + 1, worker = %(worker)s,
           started_at = clock_timestamp(), expires_at = clock_timestamp() + %(lease)s, beaten = 0, error = ''
     WHERE id = (SELECT c.id FROM curation_chunk c JOIN curation_job j ON j.id = c.job_id
                  WHERE c.job_id = %(job)s AND c.state = 'waiting' AND j.state = 'running'
                    AND (c.retry_at IS NULL OR c.retry_at <= clock_timestamp())
                  ORDER BY c.ordinal LIMIT 1 FOR UPDATE OF c SKIP LOCKED)
    RETURNING id
"""


def kind_of(job: Job) -> Kind:
    """The kind's entry. Raises LookupError naming an unknown one."""
    from curation.jobs.kinds import KINDS

    try:
        return KINDS[job.kind]
    except KeyError:
        raise LookupError(
            f"No job kind is called {job.kind!r}; this studio knows {', '.join(KINDS)}."
        ) from None


def queue_for(job: Job) -> str:
    """The Celery queue that its pieces are announced in: "" for the one of all work, another for code that nobody trusts."""
    from curation.jobs.kinds import KINDS

    runs_code = KINDS[job.kind].runs_code if job.kind in KINDS else None
    return str(settings.CODE_QUEUE) if runs_code is not None and runs_code(job) else ""


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"[:80]


# Planning


def plan(job_id: int) -> None:
    """Cut a waiting job into chunks. Safe to call twice or from several workers at once."""
    with transaction.atomic():
        job = (
            Job.objects.select_for_update(skip_locked=True).filter(pk=job_id, state=Job.State.WAITING).first()
        )
        if job is None:
            return
        try:
            kind = kind_of(job)
            if kind.lane and not job.lane and not _enter(job, kind.lane):
                return
            if kind.writes_much:
                require_space()
            with transaction.atomic():
                count = _insert_chunks(job, kind.plan(job))
        except (OperationalError, InterfaceError):
            raise
        except (DiskFull, LookupError, ValueError) as error:
            _end(job, Job.State.FAILED, reason=str(error))
            return
        except Exception as error:
            log.exception("Planning job %s failed", job.pk)
            _end(job, Job.State.FAILED, reason=f"Planning failed: {type(error).__name__}: {error}")
            return
        job.state, job.started_at = Job.State.RUNNING, timezone.now()
        job.save(update_fields=["state", "started_at"])
        for _ in range(min(count, FAN_OUT)):
            announce("work", job.pk, queue=queue_for(job))
    if not count:
        finish_if_done(job_id)


def _enter(job: Job, lane: str) -> bool:
    """Take the lane for a job that was inserted without one, unless another has it or was here before."""
    from curation.jobs.kinds import KINDS

    queueing = [kind.name for kind in KINDS.values() if kind.lane == lane]
    waiting = Job.objects.filter(project=job.project, state=Job.State.WAITING, kind__in=queueing, lane="")
    if waiting.filter(pk__lt=job.pk).exists():
        return False
    try:
        with transaction.atomic():
            job.lane = lane
            job.save(update_fields=["lane"])
    except IntegrityError:
        job.lane = ""
        return False
    return True


def in_the_way(job: Job) -> Job | None:
    """What a waiting job waits for: the job that has its lane, or the first of those that asked for it before."""
    from curation.jobs.kinds import KINDS

    lane = KINDS[job.kind].lane if job.kind in KINDS and not job.lane else ""
    if not lane:
        return None
    if holder := Job.objects.active().filter(project=job.project, lane=lane).first():
        return holder
    queueing = [kind.name for kind in KINDS.values() if kind.lane == lane]
    before = Job.objects.filter(
        project=job.project, state=Job.State.WAITING, kind__in=queueing, lane="", pk__lt=job.pk
    )
    return before.order_by("pk").first()


def _insert_chunks(job: Job, plans: Iterable[ChunkPlan], first: int = 0) -> int:
    numbered = enumerate(plans, first)
    count = 0
    while batch := list(islice(numbered, 500)):
        Chunk.objects.bulk_create(
            [Chunk(job=job, ordinal=ordinal, inputs=plan.inputs, size=plan.size) for ordinal, plan in batch]
        )
        count += len(batch)
    return count


def extend(job: Job, plans: Iterable[ChunkPlan]) -> int:
    """Give a planned job more chunks, for work whose amount follows from what came of it. One that had ended runs again.

    Inside the transaction that decides on them. Returns how many.
    """
    locked = Job.objects.select_for_update().get(pk=job.pk)
    last = locked.chunks.order_by("-ordinal").values_list("ordinal", flat=True).first()
    count = _insert_chunks(locked, plans, 0 if last is None else last + 1)
    if count and locked.state == Job.State.DONE:
        locked.state, locked.finished_at, locked.result = Job.State.RUNNING, None, {}
        locked.save(update_fields=["state", "finished_at", "result"])
    for _ in range(min(count, FAN_OUT)):
        announce("work", locked.pk, queue=queue_for(locked))
    return count


# Running one chunk


class _Pulse:
    """Renews the chunk's lease from a thread of its own, and tells the work when to stop."""

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        self.done = 0
        self.stop: type[Exception] | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"pulse-{chunk.pk}", daemon=True)

    def __enter__(self) -> _Pulse:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join(timeout=5)

    def beat(self, done: int = 0) -> None:
        self.done = done
        if self.stop:
            raise self.stop()

    def _run(self) -> None:
        try:
            while not self._ended.wait(BEAT_SECONDS):
                try:
                    self._renew()
                except (OperationalError, InterfaceError):
                    connection.close()  # the database may come back before the lease runs out
        finally:
            connection.close()

    def _renew(self) -> None:
        mine = Chunk.objects.filter(pk=self.chunk.pk, attempt=self.chunk.attempt, state=Chunk.State.RUNNING)
        if not mine.update(expires_at=timezone.now() + LEASE, beaten=min(self.done, self.chunk.size)):
            self.stop = Lost
        elif not Job.objects.filter(pk=self.chunk.job_id, state=Job.State.RUNNING).exists():
            self.stop = Cancelled


def claim(job_id: int) -> Chunk | None:
    """Take the job's next waiting chunk, or None."""
    with connection.cursor() as cursor:
        parameters: dict[str, Any] = {"worker": worker_name(), "lease": LEASE, "job": job_id}
        cursor.execute(CLAIM, parameters)
        row = cursor.fetchone()
    return Chunk.objects.select_related("job", "job__project").get(pk=row[0]) if row else None


def work(job_id: int) -> bool:
    """Run one chunk of a job and pass the message on. False when there was none to take."""
    chunk = claim(job_id)
    if chunk is None:
        finish_if_done(job_id)
        return False
    run_chunk(chunk)
    finish_if_done(job_id)
    send("work", job_id, queue=queue_for(chunk.job))
    return True


def run_chunk(chunk: Chunk) -> None:
    """Process and save a claimed chunk; record how it ended. Raises only when the database is gone."""
    kind = kind_of(chunk.job)
    try:
        with _Pulse(chunk) as pulse:
            result = kind.process(chunk.job, chunk, pulse)
            pulse.beat(chunk.size)
            _save(kind, chunk, result)
    except Lost:
        log.info("Chunk %s was taken over; its result is dropped", chunk)
    except Cancelled:
        _stop(chunk)
    except (OperationalError, InterfaceError):
        close_old_connections()
        raise
    except Exception as error:
        _fail(kind, chunk, error)


def _save(kind: Kind, chunk: Chunk, result: Any) -> None:
    with transaction.atomic():
        state = Job.objects.filter(pk=chunk.job_id).values_list("state", flat=True).get()
        if state not in (Job.State.RUNNING, Job.State.PAUSED):
            raise Cancelled
        mine = Chunk.objects.select_for_update().filter(
            pk=chunk.pk, attempt=chunk.attempt, state=Chunk.State.RUNNING
        )
        if mine.values_list("pk", flat=True).first() is None:
            raise Lost
        tally: Tally = kind.save(chunk.job, chunk, result)
        Mishap.objects.filter(chunk=chunk).delete()
        Mishap.objects.bulk_create(
            Mishap(job=chunk.job, chunk=chunk, subject=subject[:1000], reason=reason, detail=detail)
            for subject, reason, detail in tally.mishaps
        )
        mine.update(
            state=Chunk.State.DONE,
            finished_at=timezone.now(),
            expires_at=None,
            beaten=chunk.size,
            done=tally.done,
            dropped=tally.dropped,
            failed=tally.failed,
        )


def _release(chunk: Chunk, state: str, error: str = "", retry_in: float | None = None) -> None:
    Chunk.objects.filter(pk=chunk.pk, attempt=chunk.attempt, state=Chunk.State.RUNNING).update(
        state=state,
        error=error,
        expires_at=None,
        finished_at=timezone.now(),
        retry_at=timezone.now() + timedelta(seconds=retry_in) if retry_in else None,
    )


def _stop(chunk: Chunk) -> None:
    """Let go of a chunk whose job was cancelled or paused; of a paused one it waits for the job to go on."""
    paused = Job.objects.filter(pk=chunk.job_id, state=Job.State.PAUSED).exists()
    _release(chunk, Chunk.State.WAITING if paused else Chunk.State.CANCELLED)


def _fail(kind: Kind, chunk: Chunk, error: Exception) -> None:
    """Named transient errors are tried again after a while; anything else fails the chunk with its error."""
    what = f"{type(error).__name__}: {error}"
    if isinstance(error, kind.transient) and chunk.tries < MAX_TRIES:
        _release(chunk, Chunk.State.WAITING, what, retry_in=min(60.0, 2.0**chunk.tries))
        return
    log.exception("Chunk %s failed", chunk)
    _release(chunk, Chunk.State.FAILED, what)


# Finishing


def finish_if_done(job_id: int) -> None:
    """Close a running job whose chunks have all ended, and start the kind that follows it."""
    with transaction.atomic():
        job = (
            Job.objects.select_for_update(skip_locked=True).filter(pk=job_id, state=Job.State.RUNNING).first()
        )
        if job is None or job.chunks.filter(state__in=[Chunk.State.WAITING, Chunk.State.RUNNING]).exists():
            return
        broken = job.chunks.filter(state__in=[Chunk.State.FAILED, Chunk.State.CANCELLED])
        if first := broken.first():
            _end(
                job,
                Job.State.FAILED,
                reason=f"{broken.count()} of {job.chunks.count()} pieces failed, the first with: {first.error} "
                "What was done stays; resume tries the rest again.",
            )
            return
        finish = kind_of(job).finish
        try:
            with transaction.atomic():
                job.result = finish(job) if finish else {}
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            log.exception("Finishing job %s failed", job.pk)
            _end(job, Job.State.FAILED, reason=f"Finishing failed: {type(error).__name__}: {error}")
            return
        _end(job, Job.State.DONE)
        if job.then:
            Job.objects.create(
                project=job.project,
                kind=job.then[0],
                then=job.then[1:],
                lane=job.lane,
                options=job.options,
                follows=job,
                created_by=job.created_by,
            )


def _end(job: Job, state: str, reason: str = "") -> None:
    job.state, job.reason, job.finished_at = state, reason, timezone.now()
    job.save(update_fields=["state", "reason", "finished_at", "result"])
    if job.lane:
        queued = Job.objects.filter(project=job.project, state=Job.State.WAITING, lane="").order_by("pk")
        for waiting in queued.values_list("pk", flat=True):
            announce("plan", waiting)


# Running in this process


def drain(
    job: Job,
    on_progress: Callable[[Job], None] | None = None,
    left_to_others: Callable[[], bool] = lambda: False,
) -> Job:
    """Run a job and those that follow it to their end, in this process, beside any worker. Returns the last job.

    What commands and tests call. Chunks that another worker holds are waited for, and taken over when their
    lease runs out. While `left_to_others()` holds (workers are alive, say) it only watches.
    """
    from curation.jobs.sweep import sweep

    while True:
        job.refresh_from_db()
        if on_progress:
            on_progress(job)
        if job.is_active and left_to_others():
            time.sleep(0.5)
        elif job.state == Job.State.WAITING and (before := in_the_way(job)):
            drain(before, on_progress, left_to_others)
        elif job.state == Job.State.WAITING:
            plan(job.pk)
        elif job.state == Job.State.RUNNING:
            if chunk := claim(job.pk):
                run_chunk(chunk)
            else:
                sweep()
                unfinished = [
                    Chunk.State.WAITING,
                    Chunk.State.RUNNING,
                ]  # with others, or to be tried again later
                time.sleep(0.1 if job.chunks.filter(state__in=unfinished).exists() else 0)
            finish_if_done(job.pk)
        elif follower := Job.objects.filter(follows=job).first():
            job = follower
        else:
            return job
