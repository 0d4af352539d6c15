"""What every filterable list shares: filters read from the address, counts with a cap, the part that htmx swaps.

A list's view reads its filters with `Filters`, which remembers the controls to draw while it reads, narrows a
queryset, takes one page of it (`keyset.page`) and answers with `respond`: the whole page, or only the rows when htmx asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import and_
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import CombinedSearchQuery, SearchQuery
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.http import urlencode

from curation.models import Project
from curation.recipe.text import search

#: Controls that are always in sight; the others stand behind "More filters".
FIRST = ("q", "state", "language", "sort")
FEW = 3
#: A list counts its rows up to here and then says "more than".
COUNT_CAP = 10_000
WORDS_CAP = 1_000
#: Characters of a text that a list shows; cut in the database.
SNIPPET = 220

#: What the selects of a project's lists offer, in one query: its sources, the languages of its documents (by a walk
#: along the index, one step per language), and the rubrics it is scored by.
_CHOICES = """
    WITH RECURSIVE spoken AS (
        (SELECT language FROM curation_document WHERE project_id = %(project)s ORDER BY language LIMIT 1)
        UNION ALL
        SELECT (SELECT d.language FROM curation_document d
                 WHERE d.project_id = %(project)s AND d.language > spoken.language ORDER BY d.language LIMIT 1)
          FROM spoken WHERE spoken.language IS NOT NULL
    )
    SELECT 'language', language, language, '', 0 FROM spoken WHERE language <> ''
    UNION ALL
    (SELECT 'source', uuid::text, name, kind, id FROM curation_source WHERE project_id = %(project)s ORDER BY id)
    UNION ALL
    (SELECT 'rubric', r.key, r.name, r.level, a.scorer_id
       FROM curation_activescorer a JOIN curation_rubric r ON r.id = a.rubric_id
      WHERE a.project_id = %(project)s ORDER BY r.id)
"""


@dataclass(frozen=True, slots=True)
class Scored:
    """A rubric that speaks in the project, with the scorer that is active for it."""

    key: str
    name: str
    level: str
    scorer: int


@dataclass(frozen=True, slots=True)
class Choices:
    languages: list[tuple[str, str]]
    sources: list[tuple[str, str]]
    source_ids: Mapping[str, int]
    kinds: Mapping[int, str]
    rubrics: list[Scored]

    def of_level(self, level: str) -> list[Scored]:
        return [rubric for rubric in self.rubrics if rubric.level == level]

    def sources_of(self, source: str, kind: str) -> list[int] | None:
        """Ids of the sources that both filters allow; None when neither restricts anything."""
        if not source and not kind:
            return None
        named = [self.source_ids[source]] if source in self.source_ids else []
        ids = named if source else list(self.kinds)
        return [pk for pk in ids if not kind or self.kinds[pk] == kind]


def choices(project: Project) -> Choices:
    """What a project's lists can be narrowed to. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_CHOICES, {"project": project.pk})
        rows = cursor.fetchall()
    sources = [row for row in rows if row[0] == "source"]
    return Choices(
        languages=[(code, code) for what, code, *_ in rows if what == "language"],
        sources=[(uuid, name) for _, uuid, name, _, _ in sources],
        source_ids={uuid: pk for _, uuid, _, _, pk in sources},
        kinds={pk: kind for _, _, _, kind, pk in sources},
        rubrics=[Scored(key, name, level, pk) for what, key, name, level, pk in rows if what == "rubric"],
    )


@dataclass(frozen=True, slots=True)
class Control:
    """One filter as it is drawn. `kind` is search, select, number or hidden."""

    kind: str
    name: str
    label: str
    value: str
    options: tuple[tuple[str, str], ...] = ()
    most: str = ""


@dataclass(slots=True)
class Filters:
    """Reads what a list's address asks for and remembers the controls to draw, in that order."""

    request: HttpRequest
    controls: list[Control] = field(default_factory=list)

    def search(self, name: str, label: str) -> str:
        value = self.request.GET.get(name, "").replace("\x00", "").strip()[:200]
        self.controls.append(Control("search", name, label, value))
        return value

    def select(self, name: str, label: str, options: Iterable[tuple[str, str]], anything: str = "Any") -> str:
        """A value that is no option stays asked for and is drawn: the list is then empty, not unfiltered."""
        value = self.request.GET.get(name, "").replace("\x00", "")[:200]
        offered = [*([("", anything)] if anything else []), *options]
        if value and value not in [key for key, _ in offered]:
            offered.append((value, value))
        self.controls.append(Control("select", name, label, value, tuple(offered)))
        return value

    def number(self, name: str, label: str, most: float) -> float | None:
        """A number from 0 to `most`; anything else is no filter."""
        try:
            value = float(self.request.GET.get(name, ""))
        except ValueError:
            value = -1.0
        asked = value if 0 <= value <= most else None
        said = "" if asked is None else f"{asked:g}"
        self.controls.append(Control("number", name, label, said, most=f"{most:g}"))
        return asked

    def row(self, name: str, label: str) -> UUID | None:
        """The page of another row that this list was reached from; drawn only when it is asked for."""
        try:
            value = UUID(self.request.GET.get(name, ""))
        except ValueError:
            return None
        self.controls.append(Control("hidden", name, label, str(value)))
        return value

    def text(self, name: str, label: str, most: int) -> str:
        """Something that this list was reached with and that nobody types; drawn only when it is asked for."""
        value = self.request.GET.get(name, "").replace("\x00", "")[:most]
        if value:
            self.controls.append(Control("hidden", name, label, value))
        return value

    @property
    def cap(self) -> int:
        """How far to count: less far where words are looked for, which no index counts."""
        return (
            WORDS_CAP
            if any(control.kind == "search" and control.value for control in self.controls)
            else COUNT_CAP
        )

    @property
    def active(self) -> bool:
        """Whether anything but the order narrows the list."""
        return any(control.value for control in self.controls if control.name != "sort")

    @property
    def first(self) -> list[Control]:
        """The controls that are always in sight."""
        shown = [control for control in self.controls if control.kind != "hidden"]
        return shown if len(shown) <= FEW else [control for control in shown if control.name in FIRST]

    @property
    def further(self) -> list[Control]:
        """Those behind "More filters"."""
        first = self.first
        return [control for control in self.controls if control.kind != "hidden" and control not in first]

    @property
    def narrowed_further(self) -> bool:
        return any(control.value for control in self.further)

    @property
    def within(self) -> list[Control]:
        return [control for control in self.controls if control.kind == "hidden"]

    @property
    def removable(self) -> list[tuple[Control, str]]:
        """What the list was reached with, each with the list's address without it."""
        return [(control, self._address(control)) for control in self.within]

    def _address(self, without: Control) -> str:
        asked = [(one.name, one.value) for one in self.controls if one.value and one is not without]
        return f"{self.request.path}?{urlencode(asked)}" if asked else self.request.path

    @property
    def address(self) -> str:
        """The list's address with what is asked for and nothing else."""
        asked = [(control.name, control.value) for control in self.controls if control.value]
        asked += [(name, value) for name in ("after", "before") if (value := self.request.GET.get(name, ""))]
        return f"{self.request.path}?{urlencode(asked)}" if asked else self.request.path


def words_query(query: str, languages: Iterable[str]) -> CombinedSearchQuery | SearchQuery | None:
    """What to look for in a `search` column: every word of the query, in the languages of the project. None for none."""
    asked: Any = None
    for question in search.question(query, languages):
        parts = [SearchQuery(question.words, config=question.configuration, search_type="websearch")] * bool(
            question.words
        )
        parts += [SearchQuery(prefix, config="simple", search_type="raw") for prefix in question.prefixes]
        together = reduce(and_, parts)
        asked = together if asked is None else asked | together
    return asked


@dataclass(frozen=True, slots=True)
class Count:
    """Rows of a list, counted up to a cap."""

    value: int
    capped: bool

    def __str__(self) -> str:
        return f"more than {self.value:,}" if self.capped else f"{self.value:,}"


def count(rows: QuerySet[Any], cap: int = COUNT_CAP) -> Count:
    """Count at most `cap` rows. One query, and never a walk over the whole table for its own sake."""
    found = rows.order_by().values("pk")[: cap + 1].count()
    return Count(min(found, cap), found > cap)


def respond(request: HttpRequest, area: str, filters: Filters, context: Mapping[str, Any]) -> HttpResponse:
    """`<area>/list.html`, or only `<area>/_rows.html` when htmx asks; caches keep the two apart."""
    is_part = bool(getattr(request, "htmx", False)) and not request.htmx.history_restore_request  # type: ignore[attr-defined]
    template = f"{area}/_rows.html" if is_part else f"{area}/list.html"
    response = render(request, template, {**context, "filters": filters})
    patch_vary_headers(response, ["HX-Request"])
    if is_part:
        response["HX-Push-Url"] = filters.address
    return response
