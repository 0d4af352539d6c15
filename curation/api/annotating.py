"""Asking language models over REST: which there are, what asking would cost, starting it within a budget."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from curation.actions import annotating, endpoints
from curation.api import reach
from curation.api.errors import Problem
from curation.api.schemas import Asked, Text
from curation.models import Project, Rubric, labelled

router = Router()
REFUSALS: dict[Any, Any] = {401: Problem, 403: Problem, 404: Problem, 409: Problem, 422: Problem}


class EndpointOut(Schema):
    id: UUID
    name: str
    model: str
    kind: str
    price_in: float | None = Field(description="Of a million tokens read.")
    price_out: float | None = Field(description="Of a million tokens written.")


class EstimateIn(Asked):
    endpoint: UUID | None = Field(None, description="The project's first one when it is left out.")
    which: Text = Field("rated", description="rated, uncertain or random.")
    take: int = Field(100, ge=1, le=annotating.MOST_TEXTS)


class EstimateOut(Schema):
    texts: int
    tokens_in: int
    tokens_out: int
    money: float | None = Field(description="null where the endpoint has no price.")
    basis: str = Field(description="What the tokens rest on.")


class AnnotateIn(EstimateIn):
    budget_tokens: int | None = Field(
        None, ge=1, le=10**12, description="At most so many, read and written together."
    )
    budget_money: Decimal | None = Field(None, gt=0, lt=10**7)


class StartedOut(Schema):
    job: UUID = Field(description="GET /jobs/{job} tells how far it is.")
    annotator: str = Field(description="Who the labels will be of: model and version of the prompt.")


@router.get(
    "/projects/{project}/endpoints",
    response={200: list[EndpointOut], **REFUSALS},
    url_name="endpoints",
    tags=["language models"],
)
def list_endpoints(request: HttpRequest, project: str) -> Any:
    """The language models that the project may ask."""
    found, _ = reach.project(request, project, "manage")
    return [
        {
            "id": one.uuid,
            "name": one.name,
            "model": one.model,
            "kind": one.kind,
            "price_in": one.price.into,
            "price_out": one.price.out,
        }
        for one in endpoints.offered(found)
    ]


@router.post(
    "/projects/{project}/rubrics/{rubric}/annotate/estimate",
    response={200: EstimateOut, **REFUSALS},
    url_name="annotation_estimate",
    tags=["language models"],
)
def estimate(request: HttpRequest, project: str, rubric: str, body: EstimateIn) -> Any:
    """What asking would come to. Asks nothing."""
    found, _ = reach.project(request, project, "manage")
    told = annotating.estimate(
        found, _rubric(found, rubric), reach.endpoint(found, body.endpoint), body.which, body.take
    )
    return {name: getattr(told, name) for name in ("texts", "tokens_in", "tokens_out", "money", "basis")}


@router.post(
    "/projects/{project}/rubrics/{rubric}/annotate",
    response={202: StartedOut, **REFUSALS},
    url_name="annotate",
    tags=["language models"],
)
def annotate(request: HttpRequest, project: str, rubric: str, body: AnnotateIn) -> Any:
    """Let a language model rate texts, within a budget."""
    found, _ = reach.project(request, project, "manage")
    user: Any = request.user
    job = annotating.start(
        found,
        _rubric(found, rubric),
        reach.endpoint(found, body.endpoint),
        user,
        which=body.which,
        take=body.take,
        budget_tokens=body.budget_tokens,
        budget_money=body.budget_money,
    )
    return Status(202, {"job": job.uuid, "annotator": job.options["annotator"]})


def _rubric(project: Project, key: str) -> Rubric:
    found = labelled.rubrics(project).filter(key=key).order_by("project_id").first()
    if found is None:
        raise Http404
    return found
