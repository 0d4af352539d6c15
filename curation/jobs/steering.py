"""What a person does to a run, and what decisions of people do to it: go on after the pilot, ask for more, spend more, make up for what was rejected."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from curation.actions import runs, settling
from curation.actions.runs import RunError
from curation.jobs import control
from curation.jobs.kinds import generate
from curation.jobs.messages import announce
from curation.jobs.run import extend
from curation.models import Activity, Candidate, Chunk, Job, Run, User


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a run may go."""

    target: int
    most_candidates: int
    budget_tokens: int | None = None
    budget_money: Decimal | None = None


def go_on(run: Run, by: User | None, bounds: Bounds) -> None:
    """Start the whole run after its pilot, or let a run that ended short go further. Raises RunError where the bounds leave nothing to do."""
    runs.check_budget(run.endpoint, run.judge, bounds.budget_tokens, bounds.budget_money)
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=run.job_id)
        held = _locked(run)
        if job.is_active:
            raise RunError("This run is at work. Pause it to change its bounds.")
        if bounds.target < max(1, held.accepted) or bounds.target > runs.MOST_TARGET:
            raise RunError(
                f"{held.accepted:,} samples are accepted already: the target is that or more, {runs.MOST_TARGET:,} at most."
            )
        if bounds.most_candidates < 1:
            raise RunError("A run makes at least one candidate.")
        held.target, held.most_candidates = bounds.target, bounds.most_candidates
        held.budget_tokens, held.budget_money = bounds.budget_tokens, bounds.budget_money
        held.phase, held.ended = Run.Phase.FULL, ""
        held.save(
            update_fields=[
                *("target", "most_candidates", "budget_tokens", "budget_money", "phase", "ended"),
            ]
        )
        _note(held, by, "let a run go on", target=held.target, **held.bounds)
        stock = settling.settle(held, None, 0)
        if held.ended:
            return
        begun = _ask_again(held, job) + extend(job, generate.next_pieces(held, stock))
        if not begun and job.state == Job.State.DONE and stock.short_of(held.target):
            raise RunError(
                f"All {held.most_candidates:,} candidates that it may make are made. Allow more to go on."
            )
    if job.state in (Job.State.PAUSED, Job.State.CANCELLED, Job.State.FAILED):
        control.resume(job)


def _ask_again(run: Run, job: Job) -> int:
    """Open the pieces again in which the budget left candidates unasked. Returns how many."""
    unasked = run.candidates.filter(state=Candidate.State.NOT_ASKED).values_list("ordinal", flat=True)
    places = list(unasked)
    again = [
        chunk.pk
        for chunk in job.chunks.filter(state=Chunk.State.DONE, inputs__has_key="first")
        if any(chunk.inputs["first"] <= at < chunk.inputs["last"] for at in places)
    ]
    count = Chunk.objects.filter(pk__in=again).update(state=Chunk.State.WAITING, tries=0, error="")
    if count and job.state == Job.State.DONE:
        job.state, job.finished_at, job.result = Job.State.RUNNING, None, {}
        job.save(update_fields=["state", "finished_at", "result"])
        announce("work", job.pk)
    return count


def pause(run: Run, by: User | None) -> None:
    """Ask nothing new. Raises control.NotNow."""
    control.pause(run.job)
    _note(run, by, "paused a run")


def resume(run: Run, by: User | None) -> None:
    """Go on from where it was paused, stopped or cancelled. Raises control.NotNow."""
    control.resume(run.job)
    _note(run, by, "resumed a run")


def cancel(run: Run, by: User | None) -> None:
    """End it; what was made stays. Raises control.NotNow."""
    control.cancel(run.job)
    _note(run, by, "cancelled a run")


def make_up_for_rejected() -> int:
    """Runs whose people rejected some: propose spare samples, or make more. Returns how many runs were given more to do. For the sweep."""
    changed = 0
    for run in settling.with_people().select_related("job"):
        # Work under way settles by itself.
        if run.job.state == Job.State.DONE and run.target > run.accepted:
            changed += _made_up_for(run)
    return changed


@transaction.atomic
def _made_up_for(run: Run) -> bool:
    job = Job.objects.select_for_update(skip_locked=True).filter(pk=run.job_id, state=Job.State.DONE).first()
    if job is None:
        return False
    held = _locked(run)
    before = settling.stock(held)
    stock = settling.propose(held)
    if held.ended:
        return held.ended == Run.Ended.TARGET
    if extend(job, generate.next_pieces(held, stock)):
        return True
    if stock.short_of(held.target) and not held.ended:
        held.ended = Run.Ended.CANDIDATES
        held.save(update_fields=["ended"])
    return stock != before


def _locked(run: Run) -> Run:
    return (
        Run.objects.select_for_update(of=("self",))
        .select_related("job", "endpoint", "judge", "queue", "project")
        .get(pk=run.pk)
    )


def _note(run: Run, by: User | None, verb: str, **details: object) -> None:
    Activity.objects.create(project_id=run.project_id, actor=by, verb=verb, subject=run.name, details=details)
