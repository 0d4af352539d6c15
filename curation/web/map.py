"""The map of a project: a picture of its passages that is coloured, searched by eye, and cut out of."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models.functions import Left
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from django.views.decorators.http import require_GET, require_POST

from curation import access
from curation.actions import maps
from curation.models import Job, Passage, Project, ProjectMap, Seed
from curation.models.project_map import come_since
from curation.recipe.scoring import topics
from curation.web import colourings, listing, scores, standing
from curation.web.sign_in import person

#: Passages that came since are counted so far.
CAP = 10_000
#: Characters of a passage that its card shows.
SHOWN = 280


@require_GET
def page(request: HttpRequest, project: str) -> HttpResponse:
    """The picture with its legend, which is the same in words; or why there is none yet."""
    opened = access.open(request, project, "browse")
    drawn = ProjectMap.objects.filter(project=opened).select_related("model", "project").first()
    context: dict[str, Any] = {"map": drawn, **_state(opened), "may_manage": access.may(request, "manage")}
    if drawn is not None:
        offered = colourings.ways(request, opened)
        by = offered.chosen(request.GET.get("by", "")) or offered.offered[0][0]
        found = colourings.coloured(request, drawn, by, offered.rubrics.get(by))
        context |= {"offered": offered.offered, "by": by, "coloured": found, "came": _came(drawn)}
        context["said"] = dict(offered.offered)[by]
    is_part = bool(getattr(request, "htmx", False)) and drawn is not None
    response = render(request, "map/_legend.html" if is_part else "map/page.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _state(project: Project) -> dict[str, Any]:
    """What the page says of the job that draws: running, failed, or whether one could begin."""
    latest = maps.latest(project)
    return {
        "job": latest if latest and latest.is_active else None,
        "failed": latest if latest and latest.state == Job.State.FAILED else None,
        "drawable": maps.drawable(project),
    }


def _came(drawn: ProjectMap) -> listing.Count:
    """Passages that came after the map was drawn."""
    found = come_since(drawn, CAP + 1)
    return listing.Count(min(found, CAP), found > CAP)


@require_GET
def progress(request: HttpRequest, project: str) -> HttpResponse:
    """How far the drawing is; when it has ended, the page itself comes anew."""
    opened = access.open(request, project, "browse")
    state = _state(opened)
    if not getattr(request, "htmx", False):
        return redirect("map:page", project=opened.slug)
    if state["job"] is None:
        response = HttpResponse(status=204)
        response["HX-Refresh"] = "true"
        return response
    return render(request, "map/_progress.html", state)


@require_POST
def draw(request: HttpRequest, project: str) -> HttpResponse:
    """Ask for a new map."""
    opened = access.open(request, project, "manage")
    try:
        maps.draw(opened, person(request), with_left_out=request.POST.get("with_left_out") == "on")
    except maps.MapError as refusal:
        messages.error(request, str(refusal))
    return redirect("map:page", project=opened.slug)


@require_GET
def points(request: HttpRequest, project: str, map: UUID) -> HttpResponse:  # noqa: A002  as the address says
    """Every point with its group, in one binary answer: the length of a JSON header (uint32), the header, padded with spaces to a
    multiple of four; x and y of each point (uint16 each); the number of its group (uint8), 255 for a passage that is gone. Little-endian."""
    opened = access.open(request, project, "browse")
    drawn = get_object_or_404(ProjectMap.objects.select_related("project"), project=opened, uuid=map)
    offered = colourings.ways(request, opened)
    by = offered.chosen(request.GET.get("by", ""))
    if not by:
        raise Http404("The map is not coloured by this.")
    found = colourings.coloured(request, drawn, by, offered.rubrics.get(by))
    body = _packed(drawn, by, found)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    known = parse_etags(request.headers.get("If-None-Match", ""))
    response = (
        HttpResponseNotModified()
        if etag in known or f"W/{etag}" in known
        else HttpResponse(body, content_type="application/octet-stream")
    )
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response


def _packed(drawn: ProjectMap, by: str, found: colourings.Coloured) -> bytes:
    import numpy as np

    header = {
        "map": drawn.uuid.hex,
        "by": by,
        "count": drawn.count,
        "groups": [
            {"key": group.key, "label": group.label, "colour": group.colour} for group in found.groups
        ],
        "regions": drawn.regions,
    }
    said = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    said += b" " * (-len(said) % 4)
    array = drawn.array
    places = np.column_stack([array["x"], array["y"]]).astype("<u2")
    return len(said).to_bytes(4, "little") + said + places.tobytes() + found.values


@require_GET
def point(request: HttpRequest, project: str, map: UUID, place: int) -> HttpResponse:  # noqa: A002
    """The card of one point, by its place on the map: title, beginning of the text, what is known of it."""
    opened = access.open(request, project, "browse")
    drawn = get_object_or_404(ProjectMap, project=opened, uuid=map)
    if place >= drawn.count:
        raise Http404("The map has no such point.")
    key = int(drawn.array["passage"][place])
    found = get_object_or_404(
        Passage.objects.filter(project=opened)
        .select_related("document")
        .defer("text", "search")
        .annotate(snippet=Left("text", SHOWN)),
        pk=key,
    )
    return render(request, "map/_point.html", {"passage": found, **_said(request, opened, found)})


def _said(request: HttpRequest, project: Project, passage: Passage) -> dict[str, Any]:
    sees_scores = access.may(request, "see_scores")
    levels = access.hidden_levels(request.user, passage.pk, passage.document_id)
    hidden = "passage" in levels
    places = passage.document.occurrences.select_related("source").order_by("pk")
    return {
        "standing": standing.of_passage(passage, sees_scores=sees_scores, hidden=hidden),
        "seed": None if hidden else Seed.objects.filter(project=project, passage=passage).first(),
        "topic": topics.NAMES.get(passage.document.topic, ""),
        "source": next((place.source for place in places[:1]), None),
        "scores": _scores(project, passage, levels) if sees_scores else [],
    }


def _scores(project: Project, passage: Passage, hidden: set[str]) -> list[tuple[str, float | None, bool]]:
    """(rubric, score or None, hidden) by the scorers that speak for the passage and its page."""
    found: list[tuple[str, float | None, bool]] = []
    rubrics = listing.choices(project).rubrics
    for level, key in (("document", passage.document_id), ("passage", passage.pk)):
        asked = [rubric for rubric in rubrics if rubric.level == level]
        mine = {} if level in hidden else scores.values_of(level, asked, [key]).get(key, {})
        found += [(rubric.name, mine.get(rubric.key), level in hidden) for rubric in asked]
    return found


app_name = "map"
urlpatterns = [
    path("", page, name="page"),
    path("progress", progress, name="progress"),
    path("draw", draw, name="draw"),
    path("<uuid:map>/points", points, name="points"),
    path("<uuid:map>/points/<int:place>", point, name="point"),
]
