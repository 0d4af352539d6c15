"""Having samples verified over REST: what a judge would cost, and starting it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from curation.actions import verifying
from curation.actions.verifying import Chosen
from curation.api import reach
from curation.api.annotating import REFUSALS, EstimateOut
from curation.api.schemas import Asked, Text
from curation.models import Project, Run
from curation.recipe.verify.examine import CHECKS

router = Router()


class ChosenIn(Asked):
    sources: list[UUID] = Field(default_factory=list, max_length=1_000, description="Empty is every source.")
    run: UUID | None = None
    workflow: Text = ""
    state: Text = Field("", description="candidate, approved or rejected; empty is every state.")
    samples: list[UUID] = Field(default_factory=list, max_length=10_000, description="Empty is every sample.")
    again: bool = Field(False, description="Also those that were verified so already.")


class JudgeIn(ChosenIn):
    endpoint: UUID | None = Field(
        None, description="The model that would judge; the project's first one when it is left out."
    )


class VerifyIn(ChosenIn):
    checks: list[Text] = Field(
        default_factory=lambda: list(CHECKS), max_length=20, description=f"Of {', '.join(CHECKS)}."
    )
    endpoint: UUID | None = Field(None, description="A model as the judge, besides the checks.")
    budget_tokens: int | None = Field(
        None, ge=1, le=10**12, description="Of the judge, read and written together."
    )
    budget_money: Decimal | None = Field(None, gt=0, lt=10**7)


class StartedOut(Schema):
    jobs: list[UUID] = Field(
        description="GET /jobs/{job} tells how far each is: one of the checks, one of the judge."
    )


@router.post(
    "/projects/{project}/samples/verify/estimate",
    response={200: EstimateOut, **REFUSALS},
    url_name="verify_estimate",
    tags=["samples"],
)
def estimate(request: HttpRequest, project: str, body: JudgeIn) -> Any:
    """What a judge would come to. Asks nothing; the checks cost nothing but time."""
    found, _ = reach.project(request, project, "manage")
    told = verifying.estimate(found, reach.endpoint(found, body.endpoint), _chosen(found, body))
    return {name: getattr(told, name) for name in ("texts", "tokens_in", "tokens_out", "money", "basis")}


@router.post(
    "/projects/{project}/samples/verify",
    response={202: StartedOut, **REFUSALS},
    url_name="verify",
    tags=["samples"],
)
def verify(request: HttpRequest, project: str, body: VerifyIn) -> Any:
    """Verify samples by checks, and by a model within a budget."""
    found, _ = reach.project(request, project, "manage")
    user: Any = request.user
    jobs = verifying.start(
        found,
        user,
        _chosen(found, body),
        checks=body.checks,
        endpoint=reach.endpoint(found, body.endpoint) if body.endpoint else None,
        budget_tokens=body.budget_tokens,
        budget_money=body.budget_money,
    )
    return Status(202, {"jobs": [job.uuid for job in jobs]})


def _chosen(project: Project, body: ChosenIn) -> Chosen:
    sources = dict(project.sources.filter(uuid__in=body.sources).values_list("uuid", "pk"))
    run = Run.objects.filter(project=project, uuid=body.run).first() if body.run else None
    if len(sources) < len(set(body.sources)) or (body.run and run is None):
        raise Http404
    return Chosen(
        sources=tuple(sources.values()),
        run=run.pk if run else None,
        workflow=body.workflow,
        state=body.state,
        samples=tuple(str(one) for one in body.samples),
        again=body.again,
    )
