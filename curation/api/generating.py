"""Runs over REST: start one within a budget, see how far it is, let it go on, pause, resume and cancel it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from django.http import Http404, HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from curation.actions import runs
from curation.api import reach
from curation.api.errors import Problem
from curation.api.schemas import Asked, Text
from curation.jobs import steering
from curation.models import Project, Run, Spending, run_progress
from curation.recipe.reasons import REASONS

router = Router(tags=["runs"])
REFUSALS: dict[Any, Any] = {401: Problem, 403: Problem, 404: Problem, 409: Problem, 422: Problem}


class SeedsIn(Asked):
    state: Literal["approved", "candidate", ""] = Field(
        "approved", description="Empty: any but rejected ones."
    )
    sources: list[UUID] = Field([], max_length=200)
    language: Text = ""
    topic: Text = ""
    take: int = Field(0, ge=0, le=runs.MOST_SEEDS, description="Drawn at random; 0 is all.")


class RunIn(Asked):
    workflow: Text = Field(description="rewrite, question-answer, self-revision, instruction-reversal, conversation or fill-in-the-middle.")  # fmt: skip
    target: int = Field(ge=1, le=runs.MOST_TARGET, description="Samples to accept, exactly.")
    name: Text = Field("", description="The next free name when it is left out.")
    endpoint: UUID | None = Field(None, description="The project's first one when it is left out.")
    seeds: SeedsIn | None = Field(None, description="Approved ones when it is left out.")
    pilot: int = Field(3, ge=0, le=100, description="Seeds tried before the rest; 0 starts at once.")
    budget_tokens: int | None = Field(None, ge=1, le=10**13)
    budget_money: Decimal | None = Field(None, gt=0, lt=10**9)
    most_candidates: int = Field(0, ge=0, le=10**9, description="0: five for each sample.")
    accepting: Literal["verdicts", "people"] = "people"
    decisions: int = Field(1, ge=1, le=9)
    required: list[Text] = Field([], max_length=8, description="Verdicts that have to pass: code, maths, format, judge.")  # fmt: skip
    judge: UUID | None = None
    most_similar: float | None = Field(runs.MOST_SIMILAR, ge=0.5, le=1)
    draw: int = Field(1, ge=0, lt=2**63)
    options: dict[str, Any] = Field({}, description="Of the workflow's step.")
    aim: dict[str, str] = Field({}, description="skill, difficulty or audience, fixed instead of drawn.")


class BoundsIn(Asked):
    target: int = Field(ge=1, le=runs.MOST_TARGET)
    most_candidates: int = Field(ge=1, le=10**9)
    budget_tokens: int | None = Field(None, ge=1, le=10**13)
    budget_money: Decimal | None = Field(None, gt=0, lt=10**9)


class LostOut(Schema):
    at: str = Field(description="Version of the prompt at which it was lost, or the workflow.")
    reason: str
    title: str
    n: int


class EstimateOut(Schema):
    """(low, likely, high) of what the target would come to; null where nothing can be said."""

    samples_per_candidate: tuple[float, float, float]
    candidates: tuple[int, int, int | None] | None
    calls: tuple[int, int, int | None] | None
    tokens: tuple[int, int, int | None] | None
    money: tuple[float, float, float | None] | None


class RunOut(Schema):
    id: UUID
    name: str
    workflow: str
    model: str
    state: str = Field(description="pilot, ready, running, paused, reviewing, stopped, cancelled, target, candidates or budget.")  # fmt: skip
    accepted: int
    target: int
    candidates: int
    most_candidates: int
    samples: int
    calls: int
    tokens: int
    budget_tokens: int | None
    money: float
    budget_money: float | None
    lost: list[LostOut]
    left_out: dict[str, int]
    estimate: EstimateOut | None
    job: UUID
    created_at: datetime


@router.get("/projects/{project}/runs", response={200: list[RunOut], **REFUSALS}, url_name="runs")
def list_runs(request: HttpRequest, project: str) -> Any:
    """The newest hundred runs."""
    found, _ = reach.project(request, project, "browse")
    return [_out(run) for run in found.runs.select_related("job", "endpoint")[:100]]


@router.post("/projects/{project}/generate", response={202: RunOut, **REFUSALS}, url_name="generate")
def generate(request: HttpRequest, project: str, body: RunIn) -> Any:
    """Start a run. With a pilot it tries a few seeds and then waits for `go-on`."""
    found, _ = reach.project(request, project, "manage")
    user: Any = request.user
    said = body.dict(exclude={"seeds", "endpoint", "judge", "name"})
    wanted = runs.Wanted(
        **{
            **said,
            "required": tuple(body.required),
            "name": body.name or runs.free_name(found),
            "endpoint": reach.endpoint(found, body.endpoint),
            "judge": reach.endpoint(found, body.judge) if body.judge else None,
            "choice": _choice(found, body.seeds) if body.seeds else runs.Choice(),
        }
    )
    return Status(202, _out(runs.create(found, user, wanted)))


def _choice(project: Project, asked: SeedsIn) -> runs.Choice:
    sources = list(project.sources.filter(uuid__in=asked.sources).values_list("pk", flat=True))
    if len(sources) < len(set(asked.sources)):
        raise Http404
    return runs.Choice(**{**asked.dict(), "sources": tuple(sources)})


@router.get("/projects/{project}/runs/{run}", response={200: RunOut, **REFUSALS}, url_name="run")
def get_run(request: HttpRequest, project: str, run: UUID) -> Any:
    """How far a run is, where its candidates were lost, and what the target would come to."""
    found, _ = reach.project(request, project, "browse")
    return _out(_run(found, run))


@router.post("/projects/{project}/runs/{run}/go-on", response={202: RunOut, **REFUSALS}, url_name="run_go_on")
def go_on(request: HttpRequest, project: str, run: UUID, body: BoundsIn) -> Any:
    """Start the whole after the pilot, or let a run that ended short go further."""
    found, user = _managed(request, project, run)
    steering.go_on(found, user, steering.Bounds(**body.dict()))
    return Status(202, _out(_again(found)))


@router.post("/projects/{project}/runs/{run}/pause", response={202: RunOut, **REFUSALS}, url_name="run_pause")
def pause(request: HttpRequest, project: str, run: UUID) -> Any:
    """Ask nothing new; answers under way are kept."""
    found, user = _managed(request, project, run)
    steering.pause(found, user)
    return Status(202, _out(_again(found)))


@router.post(
    "/projects/{project}/runs/{run}/resume", response={202: RunOut, **REFUSALS}, url_name="run_resume"
)
def resume(request: HttpRequest, project: str, run: UUID) -> Any:
    """Go on where it was."""
    found, user = _managed(request, project, run)
    steering.resume(found, user)
    return Status(202, _out(_again(found)))


@router.post(
    "/projects/{project}/runs/{run}/cancel", response={202: RunOut, **REFUSALS}, url_name="run_cancel"
)
def cancel(request: HttpRequest, project: str, run: UUID) -> Any:
    """End it; what was made stays."""
    found, user = _managed(request, project, run)
    steering.cancel(found, user)
    return Status(202, _out(_again(found)))


def _managed(request: HttpRequest, project: str, run: UUID) -> tuple[Run, Any]:
    found, _ = reach.project(request, project, "manage")
    return _run(found, run), request.user


def _run(project: Project, uuid: UUID) -> Run:
    found = project.runs.select_related("job", "endpoint", "judge", "queue").filter(uuid=uuid).first()
    if found is None:
        raise Http404
    return found


def _again(run: Run) -> Run:
    return _run(run.project, run.uuid)


def _out(run: Run) -> dict[str, Any]:
    counts, spent = run_progress.counts(run), Spending.objects.of(run.job)
    return {
        "id": run.uuid,
        **{name: getattr(run, name) for name in ("name", "workflow", "model", "accepted", "target", "most_candidates", "budget_tokens", "budget_money", "created_at")},
        "state": run.standing,
        "candidates": counts.candidates,
        "samples": counts.samples,
        "calls": spent.calls,
        "tokens": spent.tokens,
        "money": spent.money,
        "lost": [{**row, "title": REASONS[row["reason"]].title} for row in run_progress.lost(run)],
        "left_out": counts.left_out,
        "estimate": _estimate(run),
        "job": run.job.uuid,
    }  # fmt: skip


def _estimate(run: Run) -> dict[str, Any] | None:
    told = run_progress.estimate(run)
    if told is None:
        return None
    named = {name: getattr(told, name) for name in ("candidates", "calls", "tokens", "money")}
    return {"samples_per_candidate": told.each, **named}
