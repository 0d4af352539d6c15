"""An area of the map as a filter: in a list's address, and in what a queue is filled from."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest
from django.utils.http import urlencode

from curation.models import Project, ProjectMap
from curation.models.project_map import AnotherMap, passages_in
from curation.recipe.atlas.area import LONGEST, AreaError, parse
from curation.web.links import link
from curation.web.listing import Filters

NAME = "area"


def narrow(project: Project, filters: Filters, rows: QuerySet[Any]) -> tuple[QuerySet[Any], str]:
    """Passages within the area that a list's address asks for, and what there is to say: why it selects nothing."""
    asked = filters.text(NAME, "In an area of the map", LONGEST)
    if not asked:
        return rows, ""
    try:
        return rows.filter(pk__in=within(project, asked)), ""
    except (AreaError, AnotherMap) as refused:
        return rows.none(), str(refused)


def on_the_map(project: Project, request: HttpRequest) -> str:
    """The map with the area that a list's address asks for; "" where it asks for none."""
    asked = request.GET.get(NAME, "")
    return f"{link('map:page', project)}?{urlencode({NAME: asked})}" if asked else ""


def within(project: Project, area: str) -> RawSQL:
    """The passages of an area, for `__in`. Raises AreaError or AnotherMap."""
    return passages_in(project, parse(area))


def refusal(project: Project, area: str) -> str:
    """Why an area selects nothing; "" when it is one of the present map."""
    try:
        within(project, area)
    except (AreaError, AnotherMap) as refused:
        return str(refused)
    return ""


def said(project: Project, area: str) -> str:
    """For example: in an area of the map of 3 May 2026."""
    try:
        key = parse(area).map
    except AreaError:
        return "in an area of a map"
    drawn = ProjectMap.objects.light().filter(project=project, uuid=key).first()
    if drawn is None:
        return "in an area of an earlier map"
    return f"in an area of the map of {drawn.created_at:%-d %B %Y}"
