"""What stands on a threshold's workbench: the picture of its values, rows on either side, and what to expect of it.

One entry of `BENCHES` per threshold. Those of scores and the one of similarity are read from different rows and shown alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from curation import access
from curation.models import Project, labelled, similar_pairs, workbench
from curation.recipe.dedup import precision
from curation.recipe.knobs import KNOBS, Knobs
from curation.recipe.scoring import holdout, yields
from curation.recipe.scoring.yields import Expected, Side
from curation.web.charts import Axis, Bars, Plot, Series
from curation.web.links import link

#: Rows shown on either side of a threshold.
EXAMPLES = 4
#: Marks of labelled rows under the picture, and points of the curve.
RUG, CURVE = 400, 21


@dataclass(frozen=True, slots=True)
class Bench:
    """One threshold: its knob, what it decides about, and the range of its handle."""

    knob: str
    rubric: str  # key; "" for the similarity of passages
    level: str  # what is kept or left out by it: documents or passages
    unit: str  # what is counted in its picture
    low: float
    high: float
    step: float
    bins: int
    tick: float
    above: str
    below: str

    @property
    def title(self) -> str:
        return KNOBS[self.knob].title

    @property
    def good(self) -> str:
        """What people call a row that belongs above the threshold."""
        return "good" if self.rubric else "same"

    @property
    def help(self) -> str:
        return KNOBS[self.knob].help

    @property
    def ours(self) -> float:
        """Our default."""
        return float(getattr(Knobs(), self.knob))

    @property
    def places(self) -> int:
        """Decimals of the handle's step."""
        return len(f"{self.step:g}".partition(".")[2])

    def clean(self, value: float) -> float:
        """A value within the range, on the handle's step."""
        return round(min(self.high, max(self.low, round(value / self.step) * self.step)), self.places)

    @property
    def read(self) -> Callable[[Project, Bench, float, int | None, Any], Look | None]:
        return by_score if self.rubric else by_similarity


BENCHES: dict[str, Bench] = {
    one.knob: one
    for one in (
        Bench("min_educational", "educational", "documents", "documents", 0, 5, 0.05, 100, 1, "These go on", "These are left out"),
        Bench("min_factual", "factual", "passages", "passages", 0, 5, 0.05, 100, 1, "These go on",
              "These are left out, unless they reason enough"),
        Bench("min_reasoning", "reasoning", "passages", "passages", 0, 5, 0.05, 100, 1, "These go on",
              "These are left out, unless they are factual enough"),
        Bench("near_duplicate_cosine", "", "passages", "pairs", 0.7, 1.0, 0.005, 60, 0.05, "These count as the same",
              "These count as different"),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Labels:
    """What people say of the rows on this bench: (value, whether it is good), and which of them may be counted on."""

    points: Sequence[tuple[float, bool]]
    all: int
    unseen: bool  # only those that the scorer has not learnt from are counted


@dataclass(frozen=True, slots=True)
class Look:
    """Everything the page shows for one position of the handle."""

    bench: Bench
    value: float
    current: float
    good: int
    goods: Sequence[int]
    by: str  # who gave the values: the scorer with its version
    bars: Bars
    kept: int
    labels: Labels
    expected: Expected | None
    curve: Plot | None
    above: Sequence[dict[str, Any]] = field(default_factory=tuple)
    below: Sequence[dict[str, Any]] = field(default_factory=tuple)
    held_back: bool = False  # some rows are not shown, because they still wait for this person's own answer

    @property
    def total(self) -> int:
        return self.bars.total

    @property
    def share(self) -> float:
        """Of the rows in the picture, those at the threshold and above."""
        return self.kept / self.total if self.total else 0.0

    @property
    def moved(self) -> bool:
        return abs(self.value - self.current) > 1e-9


def default_good(highest: int) -> int:
    """From which rating on a row counts as good, unless somebody says otherwise: three fifths of the scale."""
    return max(1, round(0.6 * highest))


def picture(project: Project, bench: Bench) -> Bars | None:
    """The values with the threshold as it stands, for a card. None before there are any."""
    value = float(getattr(project.settings, bench.knob))
    if not bench.rubric:
        counts = similar_pairs.spread(project, bench.low, bench.high, bench.bins)
        return _bars(bench, counts, value, value, ()) if any(counts) else None
    scorer = workbench.active_scorer(project, bench.rubric)
    return _bars(bench, workbench.spread(project, scorer, bench.bins), value, value, ()) if scorer else None


def by_score(project: Project, bench: Bench, value: float, good: int | None, user: Any) -> Look | None:
    """A bench whose values are an active scorer's. None before anything was scored. Six queries."""
    scorer = workbench.active_scorer(project, bench.rubric)
    if scorer is None:
        return None
    highest = scorer.rubric.highest
    wanted = good if good and 1 <= good <= highest else default_good(highest)
    counts = workbench.spread(project, scorer, bench.bins)
    hidden = access.measured_items(user).filter(queue__project=project)
    asked = set(hidden.exclude(**{scorer.rubric.level: None}).values_list(scorer.rubric.level, flat=True))
    labels = _labels(project, scorer, wanted, asked)
    above, below = workbench.around(project, scorer, value, EXAMPLES, hidden)
    current = getattr(project.settings, bench.knob)
    bars = _bars(bench, counts, value, current, labels.points)
    return Look(
        *(bench, value, current, wanted, range(1, highest + 1), str(scorer), bars),
        kept=_from(counts, bench, value),
        labels=labels,
        expected=_expected(bench, counts, labels, value),
        curve=_curve(bench, counts, labels, value),
        above=_rows(project, scorer.rubric.level, above),
        below=_rows(project, scorer.rubric.level, below),
        held_back=bool(asked),
    )


def by_similarity(project: Project, bench: Bench, value: float, good: int | None, user: Any) -> Look | None:
    """The bench of near duplicates: pairs by cosine, and what people said of those drawn for them. None before any is known."""
    counts = similar_pairs.spread(project, bench.low, bench.high, bench.bins)
    if not any(counts):
        return None
    hidden = access.measured_items(user).filter(queue__project=project)
    drawn = similar_pairs.drawn(project, hidden)
    points = [(one.cosine, one.same) for one in drawn if one.same is not None]
    above, below = similar_pairs.around(project, value, EXAMPLES, hidden)
    current = float(getattr(project.settings, bench.knob))
    return Look(
        *(
            bench,
            value,
            current,
            0,
            (),
            "the cosine of their vectors",
            _bars(bench, counts, value, current, points),
        ),
        kept=_from(counts, bench, value),
        labels=Labels(points, len(points), False),
        expected=_expected_pairs(bench, counts, drawn, points, value),
        curve=_pair_curve(bench, drawn, value),
        above=_pairs(project, above),
        below=_pairs(project, below),
        held_back=hidden.exclude(pair=None).exists(),
    )


def _judged(drawn: Sequence[similar_pairs.Drawn]) -> list[precision.Judged]:
    return [precision.Judged(one.cosine, one.weight, one.same) for one in drawn]


def _expected_pairs(
    bench: Bench,
    counts: Sequence[int],
    drawn: Sequence[similar_pairs.Drawn],
    points: Sequence[tuple[float, bool]],
    value: float,
) -> Expected | None:
    """The kept side by strata, as pairs were drawn; the side below as for scores."""
    if not points:
        return None
    (point,) = precision.curve(_judged(drawn), [value])
    below = yields.expected(points, _edges(bench), counts, [value])[0].left_out
    kept = _from(counts, bench, value)
    if point.precision is None:
        return Expected(value, Side(kept, 0, None, None, None, None, "No labels on this side."), below)
    good, interval = point.precision * kept, (point.low * kept, point.high * kept)
    few = f"Only {point.judged} labels on this side." if point.judged < yields.FEW_LABELS else ""
    sided = Side(kept, point.judged, point.precision, (point.low, point.high), good, interval, few)
    return Expected(value, sided, below)


def _pair_curve(bench: Bench, drawn: Sequence[similar_pairs.Drawn], value: float) -> Plot | None:
    found = [one for one in precision.curve(_judged(drawn)) if one.precision is not None] if drawn else []
    if not found:
        return None
    points = [
        (one.threshold, one.precision or 0.0, (one.low, one.high), f"{one.judged:,} judged") for one in found
    ]
    return precision_plot(bench, points, value)


def _pairs(project: Project, found: Sequence[similar_pairs.Pair]) -> list[dict[str, Any]]:
    def address(uuid: Any) -> str:
        return link("passages:passage", project, passage=uuid)

    return [
        {"row": one, "left_url": address(one.left_uuid), "right_url": address(one.right_uuid)}
        for one in found
    ]


def _labels(project: Project, scorer: Any, good: int, asked: set[int]) -> Labels:
    """Settled ratings beside the scores of the same rows. A trained scorer is measured only on what it has never learnt from."""
    level = scorer.rubric.level
    targets = [one for one in labelled.targets(project, scorer.rubric) if one.subject not in asked]
    trained = scorer.project_id is not None
    counted = [one for one in targets if not trained or holdout.held_out(one.page_sha256)]
    scores = dict(
        scorer.scores.filter(**{f"{level}__in": [one.subject for one in counted]}).values_list(level, "value")
    )
    points = [(scores[one.subject], one.value >= good) for one in counted if one.subject in scores]
    return Labels(points, len(targets), trained)


def _bars(
    bench: Bench, counts: Sequence[int], value: float, current: float, points: Sequence[tuple[float, bool]]
) -> Bars:
    return Bars(
        title=bench.title,
        unit=bench.unit,
        axis=Axis(bench.title, bench.low, bench.high, bench.tick),
        counts=counts,
        threshold=value,
        before=current,
        rug=points[:: max(1, len(points) // RUG)],
    )


def _from(counts: Sequence[int], bench: Bench, value: float) -> int:
    """Rows whose value reaches the threshold: exact where it lies on the edge of a bin."""
    first = round((value - bench.low) / (bench.high - bench.low) * len(counts))
    return sum(counts[first:])


def _edges(bench: Bench) -> list[float]:
    return [bench.low + at * (bench.high - bench.low) / bench.bins for at in range(bench.bins + 1)]


def _expected(bench: Bench, counts: Sequence[int], labels: Labels, value: float) -> Expected | None:
    if not labels.points:
        return None
    return yields.expected(labels.points, _edges(bench), counts, [value])[0]


def _curve(bench: Bench, counts: Sequence[int], labels: Labels, value: float) -> Plot | None:
    """Precision of what is kept by threshold, with its interval."""
    if not labels.points:
        return None
    steps = [bench.low + at * (bench.high - bench.low) / (CURVE - 1) for at in range(CURVE)]
    found = [
        one
        for one in yields.expected(labels.points, _edges(bench), counts, steps)
        if one.kept.share is not None
    ]
    return precision_plot(
        bench,
        [
            (
                one.threshold,
                one.kept.share or 0.0,
                one.kept.share_interval or (0.0, 1.0),
                f"{one.kept.labelled:,} labels",
            )
            for one in found
        ],
        value,
    )


def precision_plot(
    bench: Bench, points: Sequence[tuple[float, float, tuple[float, float], str]], value: float
) -> Plot:
    """(threshold, precision, interval, on what it rests) as a line with its band."""
    return Plot(
        title="Precision by threshold",
        alternative=f"Precision of what lies above a threshold, from {points[0][1]:.0%} at {points[0][0]:g} "
        f"to {points[-1][1]:.0%} at {points[-1][0]:g}; the band is the 95% interval."
        if points
        else "No figures.",
        x=Axis("Threshold", bench.low, bench.high, bench.tick),
        y=Axis("Precision", 0.0, 1.0, 0.25, words=lambda share: f"{share:.0%}"),
        series=[
            Series(
                "Precision",
                [(at, share) for at, share, _, _ in points],
                band=[(at, *interval) for at, _, interval, _ in points],
                notes=[
                    f"{interval[0]:.0%} to {interval[1]:.0%}, {rests}" for _, _, interval, rests in points
                ],
                dots=False,
            )
        ],
        mark=value,
        heads=["95% interval"],
    )


def _rows(project: Project, level: str, examples: Sequence[workbench.Example]) -> list[dict[str, Any]]:
    return [{"row": one, "url": link(f"{level}s:{level}", project, **{level: one.uuid})} for one in examples]
