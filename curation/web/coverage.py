"""Coverage: topic × skill × difficulty of a set of samples, where it is thin, and the way to a run for exactly that."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods

from curation import access
from curation.actions import coverage as actions
from curation.actions.coverage import HIGHEST, CoverageError
from curation.models import Project, Run, coverage
from curation.recipe.generate.coverage import AXES, Cell, Coverage, shares, values
from curation.recipe.generate.drawn import DIFFICULTIES, LONGEST_AIM, SKILLS
from curation.recipe.generate.workflows import WORKFLOWS
from curation.recipe.scoring import topics
from curation.web.links import link

THINNEST = 8
RUNS_OFFERED = 30
#: Workflows that can keep to a skill and a difficulty; a run for one place takes the first.
AIMING = [one.key for one in WORKFLOWS.values() if {"skill", "difficulty"} <= set(one.aims)]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The set that is looked at: its name, its rows, and how a list of samples is asked for the same."""

    words: str
    rows: Any
    asked: dict[str, str]

    @property
    def query(self) -> str:
        return urlencode(self.asked)


@require_GET
def page(request: HttpRequest, project: str) -> HttpResponse:
    """The table over the approved set, over everything made, or over one run; its skills of one topic or of all."""
    opened = access.open(request, project, "browse")
    chosen = _chosen(request, opened)
    table, seeds = _table(opened, chosen.rows)
    topic = request.GET.get("topic", "")
    topic = topic if topic in table.topics else ""
    shown = _Shown(opened, chosen, seeds, may_run=access.may(request, "manage"))
    context = {
        "sets": [(key, words) for key, (words, _) in coverage.SETS.items()],
        "chosen": chosen,
        "runs": list(opened.runs.only("uuid", "name")[:RUNS_OFFERED]),
        "table": table,
        "difficulties": list(table.difficulties),
        "topic": topic,
        "topic_name": topic_name(topic),
        "topics": [
            (key, topic_name(key), seeds.get(key, 0), shown.row(table, topic=key)) for key in table.topics
        ],
        "skills": [(skill, shown.row(table, topic=topic, skill=skill)) for skill in table.skills],
        "whole": shown.row(table),
        "thinnest": [shown.cell(one) for one in table.thinnest(THINNEST)] if table.total else [],
        "wanted": bool(opened.coverage_wanted),
        "may_manage": access.may(request, "manage"),
    }
    return render(request, "coverage/page.html", context)


def _chosen(request: HttpRequest, project: Project) -> Chosen:
    key = request.GET.get("set", "approved")
    try:
        run = request.GET.get("run") and forms.UUIDField().clean(request.GET["run"])
    except forms.ValidationError:
        run = None
    if run:
        found = get_object_or_404(Run, project=project, uuid=run)
        made = project.samples.filter(candidate__run=found)
        return Chosen(f"The run {found.name}", made, {"run": str(run)})
    key = key if key in coverage.SETS else "approved"
    words, rows = coverage.SETS[key]
    return Chosen(words, rows(project), {"set": key})


def _table(project: Project, rows: Any) -> tuple[Coverage, dict[str, int]]:
    """The table, and seeds by topic. Two queries."""
    counts, seeds = coverage.counted(rows), coverage.seeded(project)
    found: list[dict[str, int]] = [{}, {}, {}]
    for place, n in counts.items():
        for at, value in enumerate(place):
            found[at][value] = found[at].get(value, 0) + n
    ours = ([key for key in topics.KEYS if key in seeds or key in found[0]], SKILLS, tuple(DIFFICULTIES))
    wanted = project.coverage_wanted
    topic, skill, difficulty = (
        shares(values(found[at], ours[at]), wanted.get(axis, {})) for at, axis in enumerate(AXES)
    )
    return Coverage(counts, topic, skill, difficulty), seeds


def topic_name(key: str) -> str:
    """In words; of a sample's own topic those that it has."""
    return topics.NAMES.get(key) or key[:1].upper() + key[1:]


class _Shown:
    """Cells as the page draws them: with the address of the rows behind, and of a run for exactly that."""

    def __init__(self, project: Project, chosen: Chosen, seeds: Mapping[str, int], may_run: bool) -> None:
        self.chosen, self.seeds = chosen, seeds
        self.samples = link("samples:list", project)
        self.run = link("runs:create", project) if may_run else ""

    def row(self, table: Coverage, topic: str = "", skill: str = "") -> list[dict[str, Any]]:
        """One cell for each difficulty, and one for all of them together."""
        return [self.cell(table.cell(topic, skill, one)) for one in (*table.difficulties, "")]

    def cell(self, cell: Cell) -> dict[str, Any]:
        place = {axis: value for axis in AXES if (value := getattr(cell, axis))}
        return {
            "cell": cell,
            "place": ", ".join(
                topic_name(value) if axis == "topic" else value for axis, value in place.items()
            ),
            "rows": f"{self.samples}?{urlencode({**self.chosen.asked, **place})}" if cell.count else "",
            "run": self._run(cell, place),
        }

    def _run(self, cell: Cell, place: Mapping[str, str]) -> str:
        """Where a run for this place is planned; "" where none can be aimed at it."""
        can = (
            self.run
            and place
            and len(cell.skill) <= LONGEST_AIM
            and cell.difficulty in ("", *DIFFICULTIES)
            and (not cell.topic or self.seeds.get(cell.topic))
        )
        if not can:
            return ""
        asked = {"workflow": AIMING[0], **place}
        if cell.missing >= 1:
            asked["target"] = str(math.ceil(cell.missing))
        return f"{self.run}?{urlencode(asked)}"


class WantedForm(forms.Form):
    """A weight for every value of every axis."""

    def __init__(self, *args: Any, axes: Mapping[str, Iterable[str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.places: dict[str, tuple[str, str]] = {}
        for axis, found in axes.items():
            for at, value in enumerate(found):
                name = f"{axis}_{at}"
                self.places[name] = (axis, value)
                self.fields[name] = forms.FloatField(
                    label=topic_name(value) if axis == "topic" else value,
                    min_value=0,
                    max_value=HIGHEST,
                    widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
                )

    def of(self, axis: str) -> list[forms.BoundField]:
        return [self[name] for name, (one, _) in self.places.items() if one == axis]

    @property
    def axes(self) -> list[tuple[str, list[forms.BoundField]]]:
        return [(words, self.of(axis)) for axis, words in _AXIS_WORDS.items()]

    @property
    def weights(self) -> dict[str, dict[str, float]]:
        given: dict[str, dict[str, float]] = {axis: {} for axis in AXES}
        for name, (axis, value) in self.places.items():
            given[axis][value] = self.cleaned_data[name]
        return given


_AXIS_WORDS = {"topic": "Topics", "skill": "Skills", "difficulty": "Difficulties"}


@require_http_methods(["GET", "HEAD", "POST"])
def wanted(request: HttpRequest, project: str) -> HttpResponse:
    """How much of each topic, skill and difficulty is wanted, as weights."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    table, _ = _table(opened, coverage.made(opened))
    known = opened.coverage_wanted
    axes = {axis: [*found, *(one for one in known.get(axis, {}) if one not in found)] for axis, found in zip(AXES, table.axes, strict=True)}  # fmt: skip
    form = WantedForm(request.POST or None, axes=axes)
    for name, (axis, value) in form.places.items():
        form.initial[name] = f"{known.get(axis, {}).get(value, 1.0):g}"
    if request.method == "POST" and form.is_valid():
        try:
            changed = actions.want(opened, form.weights, user)
        except CoverageError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Saved." if changed else "Nothing was changed.")
            return redirect("coverage:page", project=opened.slug)
    refused = request.method == "POST"
    return render(request, "coverage/wanted.html", {"form": form}, status=422 if refused else 200)


app_name = "coverage"
urlpatterns = [
    path("", page, name="page"),
    path("wanted", wanted, name="wanted"),
]
