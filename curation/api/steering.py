"""Scorers and thresholds over REST: what a manager steers by. Work happens in jobs, which the answers name."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from curation.actions import scorers, thresholds
from curation.api import reach
from curation.api.errors import Problem
from curation.api.schemas import Asked, Text
from curation.models import Job, KnobChange, Project, Rubric, labelled

router = Router()
REFUSALS: dict[Any, Any] = {401: Problem, 403: Problem, 404: Problem, 409: Problem, 422: Problem}


class StartedOut(Schema):
    job: UUID = Field(description="GET /jobs/{job} tells how far it is.")
    kind: str


class ScorerOut(Schema):
    rubric: str
    scorer: str = Field(description="Name and version, for example `head-2`.")
    speaks: bool = Field(description="Whether its scores are the ones that count.")
    created_at: str
    labels: int | None = Field(description="That it was trained from; null for ours.")
    activation: dict[str, Any] | None = Field(
        description="Whether it could take over by itself, and why (not)."
    )
    figures: dict[str, Any] | None = Field(description="On labels that were held out.")


class TrainIn(Asked):
    annotators: list[Text] = Field(
        default_factory=list, description="Whose labels count where people said nothing."
    )


class ActivateIn(Asked):
    version: Text = Field(description="For example `head-2`.")
    why: Text = Field("", max_length=200)


class ChangesIn(Asked):
    changes: dict[Text, float | None] = Field(
        description='For example {"min_factual": 3, "topic:arts": 1.8}; null takes a topic\'s own floor away.'
    )


class ChangeOut(Schema):
    id: UUID
    before: dict[str, float | None]
    after: dict[str, float | None]
    undoes: UUID | None
    applied: bool
    counts: dict[str, Any] = Field(description="By reason, before and after, when it is applied.")
    job: UUID | None


# Scorers


@router.get(
    "/projects/{project}/scorers",
    response={200: list[ScorerOut], **REFUSALS},
    url_name="scorers",
    tags=["scorers"],
)
def list_scorers(request: HttpRequest, project: str) -> Any:
    """Every version of every rubric's scorer, ours and the project's own."""
    found, _ = reach.project(request, project, "manage")
    return scorers.listed(found)


@router.post(
    "/projects/{project}/rubrics/{rubric}/train",
    response={202: StartedOut, **REFUSALS},
    url_name="train",
    tags=["scorers"],
)
def train(request: HttpRequest, project: str, rubric: str, body: TrainIn) -> Any:
    """Train a new version on what people settled. It takes over by itself if it is not worse."""
    found, _ = reach.project(request, project, "manage")
    return _started(scorers.train(found, _rubric(found, rubric), _user(request), annotators=body.annotators))


@router.post(
    "/projects/{project}/rubrics/{rubric}/activate",
    response={202: StartedOut, **REFUSALS},
    url_name="activate_scorer",
    tags=["scorers"],
)
def activate(request: HttpRequest, project: str, rubric: str, body: ActivateIn) -> Any:
    """Let a version speak, once everything has its score."""
    found, _ = reach.project(request, project, "manage")
    scorer = scorers.named(found, _rubric(found, rubric), body.version)
    return _started(scorers.activate(found, scorer, _user(request), body.why))


@router.post(
    "/projects/{project}/rubrics/{rubric}/roll-back",
    response={202: StartedOut, **REFUSALS},
    url_name="roll_back_scorer",
    tags=["scorers"],
)
def roll_back(request: HttpRequest, project: str, rubric: str) -> Any:
    """Let the version speak that spoke before."""
    found, _ = reach.project(request, project, "manage")
    return _started(scorers.roll_back(found, _rubric(found, rubric), _user(request)))


# Thresholds


@router.get(
    "/projects/{project}/thresholds",
    response={200: dict[str, float | None], **REFUSALS},
    url_name="thresholds",
    tags=["thresholds"],
)
def list_thresholds(request: HttpRequest, project: str) -> Any:
    """Where every threshold stands, with the floors that topics have of their own."""
    found, _ = reach.project(request, project, "manage")
    return thresholds.values(found)


@router.post(
    "/projects/{project}/thresholds/effect",
    response={200: dict[str, Any], **REFUSALS},
    url_name="threshold_effect",
    tags=["thresholds"],
)
def effect(request: HttpRequest, project: str, body: ChangesIn) -> Any:
    """What a change would do to documents and passages, in all and by source, language and topic. Changes nothing."""
    found, _ = reach.project(request, project, "manage")
    return thresholds.effect(found, body.changes).as_dict()


@router.post(
    "/projects/{project}/thresholds",
    response={202: ChangeOut, **REFUSALS},
    url_name="thresholds",
    tags=["thresholds"],
)
def apply(request: HttpRequest, project: str, body: ChangesIn) -> Any:
    """Move thresholds as one event, by a job."""
    found, _ = reach.project(request, project, "manage")
    return Status(202, _change(thresholds.apply(found, body.changes, _user(request))))


@router.post(
    "/projects/{project}/thresholds/{uuid:change}/undo",
    response={202: ChangeOut, **REFUSALS},
    url_name="undo_thresholds",
    tags=["thresholds"],
)
def undo(request: HttpRequest, project: str, change: UUID) -> Any:
    """Take a change back, by a change of its own."""
    found, _ = reach.project(request, project, "manage")
    earlier = KnobChange.objects.filter(project=found, uuid=change).first()
    if earlier is None:
        raise Http404
    return Status(202, _change(thresholds.undo(earlier, _user(request))))


def _user(request: HttpRequest) -> Any:
    return request.user


def _rubric(project: Project, key: str) -> Rubric:
    found = labelled.rubrics(project).filter(key=key).order_by("project_id").first()
    if found is None:
        raise Http404
    return found


def _started(job: Job) -> Any:
    return Status(202, {"job": job.uuid, "kind": job.kind})


def _change(change: KnobChange) -> dict[str, Any]:
    return {
        "id": change.uuid,
        "before": change.before,
        "after": change.after,
        "undoes": change.undoes.uuid if change.undoes else None,
        "applied": change.applied_at is not None,
        "counts": change.counts,
        "job": change.job.uuid if change.job else None,
    }
