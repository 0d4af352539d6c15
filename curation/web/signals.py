"""Signals: every heuristic with its definition, its source, and how the project's documents and passages are spread over it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_GET

from curation import access
from curation.models import Project, Signals, measured
from curation.models.score import Rubric
from curation.recipe.scoring import signals
from curation.recipe.scoring.signals import Signal
from curation.web.charts import Axis, Bars, counted, nice_range, said
from curation.web.links import link

LEVELS = {"documents": Rubric.Level.DOCUMENT, "passages": Rubric.Level.PASSAGE}
#: The table of signals in groups, for reading. A test holds that none is missing.
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Length", ("characters", "words", "lines", "sentences", "mean_word_length", "mean_sentence_length", "mean_line_length")),
    ("Words", ("distinct_words", "stop_words", "alphabetic_words", "symbols", "letter_surprise")),
    ("Lines", ("bullet_lines", "ellipsis_lines", "ended_lines", "short_lines", "code_lines")),
    (
        "Repetition",
        (
            *("duplicate_lines", "duplicate_paragraphs", "top_2_gram", "top_3_gram", "top_4_gram"),
            *("duplicate_5_grams", "duplicate_10_grams", "compression"),
        ),
    ),
    ("Characters", ("entropy", "letters", "digits", "upper_case", "markup", "broken_characters", "mojibake")),
    ("What it talks of", ("links", "formulas", "boilerplate", "reasoning_words", "personal_words", "promotion")),
)  # fmt: skip
SMALL, LARGE = 24, 60
#: Rows shown at either end of a signal.
EXTREMES = 6
#: Reading a large sample takes a while: what took longer than this (seconds) is kept for so long.
CHEAP, KEPT = 0.15, 300


@dataclass(frozen=True, slots=True)
class Spread:
    """How one signal is spread over the sample. Quantiles are at 5, 25, 50, 75 and 95 per cent."""

    signal: Signal
    bars: Bars
    quantiles: Sequence[float]
    lowest: float
    highest: float

    def say(self, value: float) -> str:
        return say(self.signal, value)

    @property
    def median(self) -> str:
        return self.say(self.quantiles[2])

    @property
    def usual(self) -> str:
        return f"{bare(self.signal, self.quantiles[0])} to {bare(self.signal, self.quantiles[4])}"


def bare(signal: Signal, value: float) -> str:
    """A value of a signal as a figure."""
    if signal.unit == "share":
        return f"{value:.1%}"
    if signal.unit in ("ratio", "bits"):
        return f"{value:.3f}" if signal.unit == "ratio" else f"{value:.2f}"
    return f"{value:,.1f}" if signal.key.startswith("mean_") else f"{value:,.0f}"


def say(signal: Signal, value: float) -> str:
    """The figure with its unit, where that is not its title."""
    unit = f" {signal.unit}" if signal.unit == "bits" or signal.key.startswith("mean_") else ""
    return bare(signal, value) + unit


def spread(
    signal: Signal, values: Sequence[float], bins: int, level: str, mine: float | None = None
) -> Spread:
    """The histogram reaches to the 99th percentile; its last bar holds what lies above. `mine` is marked in it."""
    ordered = sorted(values)
    at = [_quantile(ordered, share) for share in (0.05, 0.25, 0.5, 0.75, 0.95)]
    top = _quantile(ordered, 0.99)
    low = 0.0 if ordered[0] >= 0 and top > 0 and ordered[0] < 0.5 * top else ordered[0]
    # A signal that is the same for all has no range of its own.
    bounds = (
        nice_range(low, top if top > low else ordered[-1], 4) if ordered[-1] > low else (low, low + 1.0, 0.25)
    )
    axis = Axis(signal.title, *bounds, words=_axis_words(signal, bounds[2]))
    bars = Bars(
        title=signal.title,
        unit=level,
        axis=axis,
        counts=counted(ordered, axis, bins),
        threshold=_limit(signal, axis, level),
        before=mine,
        overflow=ordered[-1] > axis.high,
    )
    return Spread(signal, bars, at, ordered[0], ordered[-1])


def _limit(signal: Signal, axis: Axis, level: str) -> float | None:
    """Where documents begin to count as corrupted, as far as the picture reaches."""
    limits = signals.LIMITS.get(signal.key, ()) if level == "documents" else ()
    return next((limit for _, limit in limits if axis.low < limit < axis.high), None)


def _limits(signal: Signal, sample: measured.Sampled, level: str) -> list[tuple[str, int]]:
    """(limit in words, how many of the sample lie beyond) of the judgement of corrupted documents."""
    if level != "documents":
        return []
    values = [row.values[signal.key] for row in sample.rows if signal.key in row.values]
    return [
        (f"{side.capitalize()} {say(signal, limit)}", sum(one < limit if side == "below" else one > limit for one in values))
        for side, limit in signals.LIMITS.get(signal.key, ())
    ]  # fmt: skip


def _axis_words(signal: Signal, step: float) -> Any:
    """A tick's label: shares in per cent, the rest as their axis needs."""
    if signal.unit == "share":
        return lambda value: f"{said(100 * value, 100 * step)}%"
    return lambda value: said(value, step)


def _quantile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _sample(project: Project, level: str) -> measured.Sampled:
    """Read now, or a short while ago where that is dear."""
    key = f"signals-{project.pk}-{level}-{signals.VERSION}"
    if found := cache.get(key):
        return found
    began = time.monotonic()
    sample = measured.sampled(project, LEVELS[level], signals.VERSION)
    if time.monotonic() - began > CHEAP:
        cache.set(key, sample, KEPT)
    return sample


def _level(request: HttpRequest) -> str:
    asked = request.GET.get("of", "documents")
    return asked if asked in LEVELS else "documents"


@require_GET
def list_page(request: HttpRequest, project: str) -> HttpResponse:
    """Every signal with its definition, source and distribution over documents or passages."""
    opened = access.open(request, project, "browse")
    level = _level(request)
    sample = _sample(opened, level)
    known = {signal.key: signal for signal in signals.SIGNALS}
    groups = [
        {"title": title, "spreads": [_spread_of(known[key], sample, SMALL, level) for key in keys]}
        for title, keys in GROUPS
    ]
    context = {
        "groups": groups,
        "sample": sample,
        "level": level,
        "levels": list(LEVELS),
        "count": len(known),
    }
    return render(request, "signals/list.html", context)


def _spread_of(
    signal: Signal, sample: measured.Sampled, bins: int, level: str, mine: float | None = None
) -> dict[str, Any]:
    values = [row.values[signal.key] for row in sample.rows if signal.key in row.values]
    return {"signal": signal, "spread": spread(signal, values, bins, level, mine) if values else None}


@require_GET
def signal(request: HttpRequest, project: str, signal: str) -> HttpResponse:
    """One signal: what it is, how it is spread, and the rows at either end. `?value=` marks one row's own."""
    opened = access.open(request, project, "browse")
    found = next((one for one in signals.SIGNALS if one.key == signal), None)
    if found is None:
        raise Http404("There is no such signal.")
    level = _level(request)
    sample = _sample(opened, level)
    mine = _number(request.GET.get("value", ""))
    shown = _spread_of(found, sample, LARGE, level, mine)["spread"]
    context = {
        "signal": found,
        "spread": shown,
        "quantiles": _quantiles(shown),
        "sample": sample,
        "level": level,
        "levels": list(LEVELS),
        "mine": None if mine is None else say(found, mine),
        "place": _place(found, sample, mine),
        "ends": _ends(opened, found, sample, level),
        "limits": _limits(found, sample, level),
    }
    return render(request, "signals/signal.html", context)


def _quantiles(shown: Spread | None) -> list[tuple[str, str]]:
    if shown is None:
        return []
    names = ("5% are below", "25% are below", "Half are below", "75% are below", "95% are below")
    return [
        ("Lowest", shown.say(shown.lowest)),
        *((name, shown.say(value)) for name, value in zip(names, shown.quantiles, strict=True)),
        ("Highest", shown.say(shown.highest)),
    ]


def _number(given: str) -> float | None:
    try:
        value = float(given)
    except ValueError:
        return None
    return value if abs(value) < 1e12 else None


def _place(signal: Signal, sample: measured.Sampled, value: float | None) -> float | None:
    """The share of the sample that lies below a value."""
    values = [row.values[signal.key] for row in sample.rows if signal.key in row.values]
    if value is None or not values:
        return None
    return sum(1 for one in values if one < value - 1e-9) / len(values)


def _ends(project: Project, signal: Signal, sample: measured.Sampled, level: str) -> list[dict[str, Any]]:
    """The rows with the least and with the most of it, as far as the sample knows them."""
    rows = sorted(
        (row for row in sample.rows if signal.key in row.values), key=lambda row: row.values[signal.key]
    )
    least, most = rows[:EXTREMES], rows[: -EXTREMES - 1 : -1]
    names = measured.titles(project, LEVELS[level], [row.row for row in (*least, *most)]) if rows else {}
    page = {"documents": ("documents:document", "document"), "passages": ("passages:passage", "passage")}[
        level
    ]
    return [
        {
            "title": title,
            "rows": [
                {
                    "title": names.get(row.row, str(row.uuid)),
                    "value": say(signal, row.values[signal.key]),
                    "url": link(page[0], project, **{page[1]: row.uuid}),
                }
                for row in ends
            ],
        }
        for title, ends in (("Least", least), ("Most", most))
    ]


def signals_of(rows: QuerySet[Signals]) -> list[dict[str, Any]]:
    """The newest signals of a document's text or of a passage, each with what it means, for the row's own page."""
    row = rows.order_by("-id").first()
    if row is None:
        return []
    level = "passages" if row.passage_id else "documents"
    return [
        {"signal": one, "value": row.values[one.key], "said": say(one, row.values[one.key]), "level": level}
        for one in signals.SIGNALS
        if one.key in row.values
    ]


app_name = "signals"
urlpatterns = [
    path("", list_page, name="list"),
    path("<slug:signal>/", signal, name="signal"),
]
