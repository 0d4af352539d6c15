"""Scorers: per rubric the version that speaks, what it rests on, its figures; training, comparing, activating, rolling back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import ceil
from typing import Any

from django.contrib import messages
from django.db.models import F, Q
from django.db.models.functions import Left
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from curation import access
from curation.actions import annotating, scorers
from curation.actions.scorers import ScorerError
from curation.models import (
    ActiveScorer,
    Document,
    Passage,
    Project,
    Rubric,
    Scorer,
    compared,
    labelled,
    training,
)
from curation.models.drift import drift
from curation.recipe.scoring.figures import Figures
from curation.web import charts, listing
from curation.web.benches import default_good
from curation.web.links import link

#: Figures as pages show them: key, name, what it says, whether more is better.
FIGURES = (
    ("auc", "AUC", "the chance that of two, one rated good and one not, the good one scores higher", True),
    ("spearman", "Spearman", "do scores and ratings put them in the same order", True),
    ("f1", "F1 at the threshold", "precision and recall of what reaches the threshold, in one", True),
    ("mae", "Mean error", "how far a score lies from the rating, in points", False),
)
VERSIONS_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with its interval, and in a comparison how it differs from the other side."""

    name: str
    explained: str
    value: float | None
    interval: Sequence[float] | None
    change: float | None = None
    better: bool | None = None


def shown_figures(found: Mapping[str, Any], other: Mapping[str, Any] | None = None) -> list[Figure]:
    """Figures in the order of `FIGURES`; a difference counts as one where it is larger than a hundredth."""
    made = []
    for key, name, explained, more_is_better in FIGURES:
        value, beside = found.get(key), (other or {}).get(key)
        change = value - beside if value is not None and beside is not None else None
        better = (change > 0) == more_is_better if change is not None and abs(change) >= 0.01 else None
        made.append(Figure(name, explained, value, found.get("intervals", {}).get(key), change, better))
    return made


# -- What is asked for ------------------------------------------------------------------------------------------------


def _rubric(project: Project, key: str) -> Rubric:
    """The project's own rubric of that key, else ours."""
    found = Rubric.objects.filter(Q(project=None) | Q(project=project), key=key)
    rubric = found.order_by(F("project").asc(nulls_last=True)).first()
    if rubric is None:
        raise Http404("There is no such rubric.")
    return rubric


def _versions(project: Project, rubric: Rubric) -> list[Scorer]:
    """The project's versions and our starters, the newest first, without their weights."""
    rows = Scorer.objects.filter(Q(project=None) | Q(project=project), rubric=rubric)
    return list(rows.defer("parameters").select_related("model").order_by("-id")[:VERSIONS_SHOWN])


def _version(project: Project, rubric: Rubric, said: str) -> Scorer:
    """A version by its name as it is shown, `starter-1`."""
    name, _, number = said.partition("-")
    rows = Scorer.objects.filter(Q(project=None) | Q(project=project), rubric=rubric)
    found = (
        rows.filter(name=name, version=number)
        .select_related("rubric", "model", "job")
        .order_by("-project")
        .first()
    )
    if found is None:
        raise Http404("There is no such version.")
    return found


def _active(project: Project, rubric: Rubric) -> Scorer | None:
    row = ActiveScorer.objects.filter(project=project, rubric=rubric).select_related("scorer").first()
    return row.scorer if row else None


def _threshold(project: Project, rubric: Rubric) -> float:
    """The project's threshold of a rubric; where there is none, what counts as good."""
    return float(getattr(project.settings, f"min_{rubric.key}", default_good(rubric.highest)))


def _hidden(request: HttpRequest, project: Project, level: str) -> set[int]:
    """Subjects whose scores this person may not see yet."""
    waiting = access.measured_items(request.user).filter(queue__project=project).exclude(**{level: None})
    return set(waiting.values_list(level, flat=True))


# -- Pages --------------------------------------------------------------------------------------------------------------


@require_GET
def list_page(request: HttpRequest, project: str) -> HttpResponse:
    """Every rubric with the version that speaks for it and how far its next training is."""
    opened = access.open(request, project, "see_scores")
    found = training.of_project(opened, list(labelled.rubrics(opened)))
    return render(request, "scorers/list.html", {"trainings": found})


@require_GET
def rubric(request: HttpRequest, project: str, rubric: str) -> HttpResponse:
    """One rubric: its versions, who made which speak, drift, and what labels have brought."""
    opened = access.open(request, project, "see_scores")
    found = _rubric(opened, rubric)
    versions = _versions(opened, found)
    (stands,) = training.of_project(opened, [found])
    context = {
        "rubric": found,
        "training": stands,
        "tally": labelled.tally(opened, found),
        "annotators": annotating.annotators(opened, found),
        "versions": [_row(opened, one, stands.active) for one in versions],
        "history": scorers.history(opened, found),
        "previous": scorers.previous(opened, found),
        "pending": scorers.pending(opened, found),
        "may_manage": access.may(request, "manage") and opened.archived_at is None,
        "drift": _drift(opened, found, stands.active),
        "gain": _gain(next((one for one in versions if "learning_curve" in one.figures), None)),
    }
    return render(request, "scorers/rubric.html", context)


def _row(project: Project, scorer: Scorer, active: Scorer | None) -> dict[str, Any]:
    return {
        "scorer": scorer,
        "speaks": active is not None and active.pk == scorer.pk,
        "figures": shown_figures(figures_of(scorer)),
        "n": figures_of(scorer).get("n"),
        "labels": labels_of(scorer),
    }


def figures_of(scorer: Scorer) -> Mapping[str, Any]:
    """Its figures on the hold-out, as `Figures.as_dict` makes them; empty for a starter."""
    return scorer.figures


def labels_of(scorer: Scorer) -> int | None:
    """How many labels it learnt from; None for a starter."""
    return scorer.training.get("labels")


def _gain(scorer: Scorer | None) -> charts.Plot | None:
    """How good heads were that learnt from the first labels only: what more of them have brought. None before the first training."""
    points = scorer.figures["learning_curve"] if scorer else []
    lines = [
        _line(name, [(row["labels"], row[key]) for row in points if row[key] is not None], css)
        for key, name, css in (("auc", "AUC", "is-1"), ("spearman", "Spearman", "is-2"))
    ]
    values = [value for line in lines for _, value in line.points]
    if not values:
        return None
    first, last = lines[0].points[0], lines[0].points[-1]
    return charts.Plot(
        title="What labels have brought",
        alternative=f"What labels have brought: AUC {first[1]:.2f} with {first[0]:,} labels, {last[1]:.2f} with {last[0]:,}.",
        x=charts.Axis.over("Labels learnt from", [row["labels"] for row in points], from_zero=True),
        y=charts.Axis("On the held-out labels", *_lower(min(values))),
        series=lines,
        note=_per_hundred(lines[0]),
        heads=["For each hundred more"],
    )


def _drift(project: Project, rubric: Rubric, scorer: Scorer | None) -> charts.Plot | None:
    """Rating less score by week: a line that leaves zero says that the scorer no longer means what people mean."""
    if scorer is None:
        return None
    scorer.rubric = rubric
    told = drift(project, scorer)
    if not told.weeks:
        return None
    days = [(float(week.start.toordinal()), week) for week in told.weeks]
    first, last = days[0][0], max(days[-1][0], days[0][0] + 7)
    step = max(7.0, 7.0 * ceil((last - first) / 28))
    extent = [0.0, *(edge for _, week in days for edge in (week.low, week.high))]
    return charts.Plot(
        title="Drift",
        alternative=f"Drift: in the latest of {len(days)} weeks people rated {days[-1][1].mean:+.2f} from what {scorer} says.",
        x=charts.Axis("Week", first, first + step * ceil((last - first) / step), step, words=_day),
        y=charts.Axis.over("Rating less score", extent),
        series=[
            charts.Series(
                "Rating less score",
                [(day, week.mean) for day, week in days],
                band=[(day, week.low, week.high) for day, week in days],
                notes=[f"{week.n:,} rated, {week.low:+.2f} to {week.high:+.2f}" for _, week in days],
            )
        ],
        heads=["95% interval"],
        note="On random controls only."
        if told.controls
        else "On whatever was rated: random controls in a learning queue would say it without bias.",
    )


def _day(ordinal: float) -> str:
    return f"{date.fromordinal(int(ordinal)):%-d %b}"


def _line(name: str, points: list[tuple[float, float]], css: str) -> charts.Series:
    """A line whose points say what each hundred labels before them has brought."""
    notes = [""] + [
        f"{(right[1] - left[1]) / (right[0] - left[0]) * 100:+.3f}" for left, right in pairwise(points)
    ]
    return charts.Series(name, points, css, notes=notes)


def _per_hundred(line: charts.Series) -> str:
    """What the later half of the labels brought: whether rating on pays."""
    middle, last = line.points[len(line.points) // 2], line.points[-1]
    if last[0] <= middle[0]:
        return ""
    each = (last[1] - middle[1]) / (last[0] - middle[0]) * 100
    return f"From {middle[0]:,.0f} to {last[0]:,.0f} labels, each hundred brought {each:+.3f} {line.name}."


def _lower(least: float) -> tuple[float, float, float]:
    """The axis of figures that are at best 1: as much of it as is needed."""
    if least >= 0.5:
        return 0.5, 1.0, 0.1
    return (0.0, 1.0, 0.25) if least >= 0 else (-1.0, 1.0, 0.5)


@require_GET
def version(request: HttpRequest, project: str, rubric: str, version: str) -> HttpResponse:
    """One version: its figures on labels that it has not learnt from, what it learnt from and how."""
    opened = access.open(request, project, "see_scores")
    found = _rubric(opened, rubric)
    scorer = _version(opened, found, version)
    active = _active(opened, found)
    told = figures_of(scorer)
    context = {
        "rubric": found,
        "scorer": scorer,
        "speaks": active is not None and active.pk == scorer.pk,
        "active": active,
        "told": told,
        "figures": shown_figures(told),
        "calibration": _calibration(told, found.highest),
        "languages": _languages(told),
        "made": _made(scorer),
        "starter": scorer.parameters.get("fit") if scorer.project_id is None else None,
        "verdict": scorer.training.get("activation"),
        "activations": [one for one in scorers.history(opened, found) if one.scorer_id == scorer.pk],
        "pending": scorers.pending(opened, found),
        "may_manage": access.may(request, "manage") and opened.archived_at is None,
    }
    return render(request, "scorers/version.html", context)


def _made(scorer: Scorer) -> list[tuple[str, str]]:
    """How a trained version was made, in words; nothing of a starter."""
    told = scorer.training
    fit = scorer.parameters.get("fit", {}) if scorer.project_id else {}
    rows = [
        ("Learnt from", f"{told['learnt']:,} labels" if "learnt" in told else ""),
        ("Held out", f"{len(told['held_out']):,} labels" if "held_out" in told else ""),
        ("Annotators", ", ".join(told.get("annotators", [])) or ("people only" if told else "")),
        ("Ridge", f"{fit['ridge']:g}" if "ridge" in fit else ""),
        ("Weight of the signals", f"{fit['signal_weight']:g}" if "signal_weight" in fit else ""),
    ]
    return [(name, value) for name, value in rows if value]


def _calibration(told: Mapping[str, Any], highest: int) -> charts.Plot:
    groups = [
        (float(predicted), float(observed), int(n)) for predicted, observed, n in told.get("calibration", [])
    ]
    return charts.calibration(groups, highest, "Calibration")


def _languages(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Figures per language, the one with the most labels first."""
    rows = told.get("by_language", {}).items()
    return [
        {"code": code, "n": row["n"], "figures": shown_figures(row), "caution": row.get("caution", "")}
        for code, row in sorted(rows, key=lambda one: (-one[1]["n"], one[0]))
    ]


@require_GET
def compare(request: HttpRequest, project: str, rubric: str) -> HttpResponse:
    """Two versions on the same labels, which neither has learnt from, and the rows on which they differ most."""
    opened = access.open(request, project, "see_scores")
    found = _rubric(opened, rubric)
    versions = _versions(opened, found)
    left, right = _pair(request, opened, found, versions)
    choices = [("left", left), ("right", right)]
    context: dict[str, Any] = {
        "rubric": found,
        "versions": versions,
        "choices": choices,
        "left": left,
        "right": right,
    }
    if left is not None and right is not None and left.pk != right.pk:
        context |= _compared(request, opened, found, left, right)
    return render(request, "scorers/compare.html", context)


def _pair(
    request: HttpRequest, project: Project, rubric: Rubric, versions: Sequence[Scorer]
) -> tuple[Scorer | None, Scorer | None]:
    """The two that were asked for; by default what speaks and the newest other one."""
    asked = [request.GET.get(side, "") for side in ("left", "right")]
    active = _active(project, rubric)
    left = _version(project, rubric, asked[0]) if asked[0] else active
    others = [one for one in versions if left is None or one.pk != left.pk]
    right = _version(project, rubric, asked[1]) if asked[1] else next(iter(others), None)
    return left, right


def _compared(
    request: HttpRequest, project: Project, rubric: Rubric, left: Scorer, right: Scorer
) -> dict[str, Any]:
    hidden = _hidden(request, project, rubric.level)
    full = {
        one.pk: one
        for one in Scorer.objects.filter(pk__in=[left.pk, right.pk]).select_related("rubric", "model")
    }
    try:
        told = compared.compare(project, full[left.pk], full[right.pk], _threshold(project, rubric), hidden)
    except ValueError as error:
        return {"error": str(error)}
    sides = [told.left.as_dict(), told.right.as_dict()]
    return {
        "told": told,
        "sides": [
            {
                "scorer": left,
                "figures": shown_figures(sides[0]),
                "plot": _calibration_of(told.left, rubric, left),
            },
            {
                "scorer": right,
                "figures": shown_figures(sides[1], sides[0]),
                "plot": _calibration_of(told.right, rubric, right),
            },
        ],
        "differences": _differences(project, rubric, told.differences),
        "hidden": len(hidden),
    }


def _calibration_of(found: Figures, rubric: Rubric, scorer: Scorer) -> charts.Plot:
    return charts.calibration(found.calibration, rubric.highest, f"Calibration of {scorer}")


def _differences(
    project: Project, rubric: Rubric, found: Sequence[compared.Difference]
) -> list[dict[str, Any]]:
    """The rows with a title and the beginning of their text. One query."""
    keys = [one.subject for one in found]
    rows: dict[int, Any]
    if rubric.level == Rubric.Level.PASSAGE:
        passages = Passage.objects.filter(project=project, pk__in=keys).select_related("document")
        light = passages.only(
            "uuid",
            "heading",
            "ordinal",
            "document__title",
            "document__address",
            "document__sha256",
            "project",
        )
        rows = {row.pk: row for row in light.annotate(snippet=Left("text", listing.SNIPPET))}
    else:
        documents = Document.objects.filter(project=project, pk__in=keys)
        rows = {row.pk: row for row in documents.annotate(snippet=Left("extraction__text", listing.SNIPPET))}
    level = rubric.level
    return [
        {
            "difference": one,
            "title": getattr(row, "heading", "") or getattr(row, "document", row),
            "snippet": row.snippet,
            "url": link(f"{level}s:{level}", project, **{level: row.uuid}),
        }
        for one in found
        if (row := rows.get(one.subject))
    ]


# -- Buttons ------------------------------------------------------------------------------------------------------------


@require_POST
def train(request: HttpRequest, project: str, rubric: str) -> HttpResponse:
    """Train a new version now."""
    opened = access.open(request, project, "manage")
    found = _rubric(opened, rubric)
    user: Any = request.user
    try:
        job = scorers.train(opened, found, user, annotators=_annotators(request, opened, found))
    except ScorerError as error:
        messages.error(request, str(error))
        return redirect("scorers:rubric", project=opened.slug, rubric=found.key)
    return redirect("jobs:job", project=opened.slug, job=job.uuid)


def _annotators(request: HttpRequest, project: Project, rubric: Rubric) -> list[str]:
    """The annotators that were ticked, of those there are."""
    known = {name for name, _ in annotating.annotators(project, rubric)}
    return [name for name in request.POST.getlist("annotator") if name in known]


@require_POST
def activate(request: HttpRequest, project: str, rubric: str, version: str) -> HttpResponse:
    """Make a version speak, once everything has its score."""
    opened = access.open(request, project, "manage")
    found = _rubric(opened, rubric)
    user: Any = request.user
    scorer = _version(opened, found, version)
    try:
        job = scorers.activate(opened, scorer, user, request.POST.get("why", "").strip()[:200])
    except ScorerError as error:
        messages.error(request, str(error))
        return redirect("scorers:version", project=opened.slug, rubric=found.key, version=str(scorer))
    messages.info(
        request, f"{scorer} speaks as soon as everything has its score. Until then nothing changes."
    )
    return redirect("jobs:job", project=opened.slug, job=job.uuid)


@require_POST
def roll_back(request: HttpRequest, project: str, rubric: str) -> HttpResponse:
    """Make the version speak again that spoke before."""
    opened = access.open(request, project, "manage")
    found = _rubric(opened, rubric)
    user: Any = request.user
    try:
        job = scorers.roll_back(opened, found, user)
    except ScorerError as error:
        messages.error(request, str(error))
        return redirect("scorers:rubric", project=opened.slug, rubric=found.key)
    return redirect("jobs:job", project=opened.slug, job=job.uuid)


app_name = "scorers"
urlpatterns = [
    path("", list_page, name="list"),
    path("<slug:rubric>/", rubric, name="rubric"),
    path("<slug:rubric>/compare", compare, name="compare"),
    path("<slug:rubric>/train", train, name="train"),
    path("<slug:rubric>/roll-back", roll_back, name="roll_back"),
    path("<slug:rubric>/versions/<str:version>/", version, name="version"),
    path("<slug:rubric>/versions/<str:version>/activate", activate, name="activate"),
]
