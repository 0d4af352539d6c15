"""What a person does to a job: pause it, cancel it, resume it."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from curation.jobs.messages import announce
from curation.jobs.run import FAN_OUT, queue_for
from curation.models import Chunk, Job


class NotNow(Exception):
    """The job cannot do that in its state; the message says why and what to do."""


@transaction.atomic
def pause(job: Job) -> None:
    """Let a running job wait: nothing new is begun, what is under way stops between two batches and is kept as far as it came."""
    locked = Job.objects.select_for_update().get(pk=job.pk)
    if locked.state != Job.State.RUNNING:
        raise NotNow(f"This job is {locked.get_state_display().lower()}; only a running one can be paused.")
    locked.state = Job.State.PAUSED
    locked.save(update_fields=["state"])
    job.refresh_from_db()


@transaction.atomic
def cancel(job: Job) -> None:
    """Stop a job: waiting chunks at once, running ones between two batches. What was saved stays."""
    locked = Job.objects.select_for_update().get(pk=job.pk)
    if not (locked.is_active or locked.state == Job.State.PAUSED):
        raise NotNow(f"This job is {locked.get_state_display().lower()} already.")
    locked.chunks.filter(state=Chunk.State.WAITING).update(state=Chunk.State.CANCELLED)
    locked.state, locked.reason = Job.State.CANCELLED, "Cancelled by a person."
    locked.save(update_fields=["state", "reason"])
    job.refresh_from_db()


def resume(job: Job) -> None:
    """Enqueue what is not done. Raises NotNow when it runs already, ended well, or its lane is taken."""
    try:
        with transaction.atomic():
            locked = Job.objects.select_for_update().get(pk=job.pk)
            if locked.state not in (Job.State.PAUSED, Job.State.CANCELLED, Job.State.FAILED):
                raise NotNow(f"This job is {locked.get_state_display().lower()}; there is nothing to resume.")
            open_again = locked.chunks.filter(state__in=[Chunk.State.CANCELLED, Chunk.State.FAILED])
            waiting = open_again.update(state=Chunk.State.WAITING, tries=0, error="", retry_at=None)
            planned = locked.started_at is not None
            locked.state = Job.State.RUNNING if planned else Job.State.WAITING
            locked.reason, locked.finished_at = "", None
            locked.save(update_fields=["state", "reason", "finished_at"])
            if planned:
                for _ in range(max(1, min(waiting, FAN_OUT))):
                    announce("work", locked.pk, queue=queue_for(locked))
            else:
                announce("plan", locked.pk)
    except IntegrityError as error:
        raise NotNow(
            "Another job of this kind runs in the project. Resume this one when it has ended."
        ) from error
    job.refresh_from_db()
