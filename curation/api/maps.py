"""The map of a project over REST: what it shows, and drawing it anew by a job."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from curation.actions import maps
from curation.api import reach
from curation.api.schemas import Asked
from curation.api.steering import REFUSALS, StartedOut
from curation.models import ProjectMap

router = Router()


class RegionOut(Schema):
    words: list[str] = Field(description="What sets its passages apart from all others.")
    passages: int
    x: int = Field(description="Of 65,535, from the left.")
    y: int = Field(description="Of 65,535, from below.")
    level: int = Field(description="0 for regions of the whole picture, 1 for parts of them.")


class MapOut(Schema):
    id: UUID = Field(description="Changes whenever the map is drawn anew.")
    drawn_at: datetime
    method: str
    passages: int
    left_aside: int = Field(description="Passages beyond what a map can show.")
    with_left_out: bool = Field(description="Also shows what was left out for its scores or as a duplicate.")
    regions: list[RegionOut]


class DrawIn(Asked):
    with_left_out: bool = Field(
        False, description="Also show what was left out for its scores or as a duplicate."
    )


@router.get("/projects/{project}/map", response={200: MapOut, **REFUSALS}, url_name="map", tags=["map"])
def the_map(request: HttpRequest, project: str) -> Any:
    """The map as it was last drawn."""
    found, _ = reach.project(request, project, "manage")
    drawn = ProjectMap.objects.light().filter(project=found).first()
    if drawn is None:
        raise Http404
    return {
        "id": drawn.uuid,
        "drawn_at": drawn.created_at,
        "method": drawn.method,
        "passages": drawn.count,
        "left_aside": drawn.left_aside,
        "with_left_out": drawn.with_left_out,
        "regions": [{**region, "passages": region["count"]} for region in drawn.regions],
    }


@router.post("/projects/{project}/map", response={202: StartedOut, **REFUSALS}, url_name="map", tags=["map"])
def draw(request: HttpRequest, project: str, body: DrawIn) -> Any:
    """Draw the map anew, by a job; one that is being drawn already is enough."""
    found, _ = reach.project(request, project, "manage")
    user: Any = request.user
    job = maps.draw(found, user, with_left_out=body.with_left_out)
    return Status(202, {"job": job.uuid, "kind": job.kind})
