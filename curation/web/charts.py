"""Pictures of numbers, drawn on the server: histograms with a threshold, lines with a band, calibration, strength of a cell.

Here is only geometry and wording; `templates/charts/` draws it as SVG, `templatetags/charts.py` gives the tags. Every picture
carries its text alternative, and `Plot.rows` is the table of figures behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, isfinite, log10

#: Inner box of a plot in SVG units, with room for tick labels around it.
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 380.0, 220.0, 40.0, 12.0, 12.0, 34.0
#: A stretched picture (bars) has this box; its labels are HTML beside it, so that no letter is stretched.
BARS_WIDTH, BARS_HEIGHT = 1000.0, 100.0
SHADES = 5


# -- Numbers on an axis ------------------------------------------------------------------------------------------


def nice_step(span: float, parts: int = 5) -> float:
    """1, 2 or 5 times a power of ten, so that `span` has at most about `parts` of them."""
    if span <= 0 or not isfinite(span):
        return 1.0
    raw = span / parts
    power = 10.0 ** floor(log10(raw))
    return next(times * power for times in (1, 2, 5, 10) if times * power >= raw * 0.999)


def nice_range(low: float, high: float, parts: int = 5) -> tuple[float, float, float]:
    """(low, high, step): round bounds that hold both values, and the step between ticks."""
    if high <= low:
        low, high = (low - 0.5, low + 0.5) if low else (0.0, 1.0)
    step = nice_step(high - low, parts)
    return floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step, step


def said(value: float, step: float = 1.0) -> str:
    """A number with as many decimals as its axis needs, and thousands separators."""
    decimals = len(f"{step:.6f}".rstrip("0").partition(".")[2]) if step > 0 else 0
    return f"{value:,.{decimals}f}"


@dataclass(frozen=True, slots=True)
class Tick:
    label: str
    place: str  # in units of the picture


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, a tick every `step`. `words` says a value; by default as the step needs."""

    label: str
    low: float
    high: float
    step: float
    words: Callable[[float], str] | None = None

    @classmethod
    def over(cls, label: str, values: Sequence[float], *, from_zero: bool = False, parts: int = 5) -> Axis:
        """Round bounds around values."""
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        return cls(label, *nice_range(0.0 if from_zero else low, high, parts))

    def say(self, value: float) -> str:
        return self.words(value) if self.words else said(value, self.step)

    def share(self, value: float) -> float:
        """Where a value lies, from 0 to 1; what lies outside is put on the edge."""
        return min(1.0, max(0.0, (value - self.low) / ((self.high - self.low) or 1.0)))

    @property
    def values(self) -> list[float]:
        return [self.low + at * self.step for at in range(round((self.high - self.low) / self.step) + 1)]


# -- Plots: lines, dots, bands --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Series:
    """One line or cloud. `band` is (x, low, high) around it; `notes` is one word per point, for hovering and the table."""

    name: str
    points: Sequence[tuple[float, float]]
    css: str = "is-1"
    line: bool = True
    dots: bool = True
    band: Sequence[tuple[float, float, float]] = ()
    notes: Sequence[str] = ()
    sizes: Sequence[float] = ()  # of the dots, 0 to 1


@dataclass(frozen=True, slots=True)
class Dot:
    x: str
    y: str
    radius: str
    title: str


@dataclass(frozen=True, slots=True)
class Drawn:
    name: str
    css: str
    line: str
    band: str
    dots: list[Dot]


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture over two axes. `alternative` says in words what it shows; `rows` are the figures."""

    title: str
    alternative: str
    x: Axis
    y: Axis
    series: Sequence[Series]
    diagonal: bool = False
    mark: float | None = None
    heads: Sequence[str] = ()
    note: str = ""

    width, height = f"{WIDTH:g}", f"{HEIGHT:g}"
    left, right, top, bottom = f"{LEFT:g}", f"{WIDTH - RIGHT:g}", f"{TOP:g}", f"{HEIGHT - BOTTOM:g}"
    middle = f"{(LEFT + WIDTH - RIGHT) / 2:g}"
    tick_y, label_y = f"{HEIGHT - BOTTOM + 14:g}", f"{HEIGHT - 4:g}"
    tick_x = f"{LEFT - 6:g}"

    @property
    def empty(self) -> bool:
        return not any(one.points for one in self.series)

    @property
    def x_ticks(self) -> list[Tick]:
        return [Tick(self.x.say(value), self._x(value)) for value in self.x.values]

    @property
    def y_ticks(self) -> list[Tick]:
        return [Tick(self.y.say(value), self._y(value)) for value in self.y.values]

    @property
    def mark_x(self) -> str:
        return "" if self.mark is None else self._x(self.mark)

    @property
    def legend(self) -> list[tuple[str, str]]:
        return [(one.name, one.css) for one in self.series if one.points] if len(self.series) > 1 else []

    @property
    def drawn(self) -> list[Drawn]:
        return [self._draw(one) for one in self.series if one.points]

    @property
    def rows(self) -> list[list[str]]:
        """The figures, one row per point: series (where there are several), x, y, what is noted."""
        noted = any(one.notes for one in self.series)
        return [
            [
                *([one.name] if self.legend else []),
                self.x.say(x),
                f"{y:.3f}" if self.y.step < 1 else self.y.say(y),
                *([_nth(one.notes, at)] if noted else []),
            ]
            for one in self.series
            for at, (x, y) in enumerate(one.points)
        ]

    @property
    def table_heads(self) -> list[str]:
        noted = any(one.notes for one in self.series)
        names = [*(["Line"] if self.legend else []), self.x.label, self.y.label]
        return [*names, *(self.heads or ["Note"] if noted else [])]

    def _draw(self, one: Series) -> Drawn:
        line = " ".join(f"{self._x(x)},{self._y(y)}" for x, y in one.points)
        above = [f"{self._x(x)},{self._y(high)}" for x, _, high in one.band]
        below = [f"{self._x(x)},{self._y(low)}" for x, low, _ in reversed(one.band)]
        dots = [
            Dot(
                *(self._x(x), self._y(y), f"{2.5 + 4 * one.sizes[at]:.1f}" if one.sizes else "2.5"),
                ", ".join(
                    part for part in (f"{self.x.say(x)}: {y:.3g}", one.name, _nth(one.notes, at)) if part
                ),
            )
            for at, (x, y) in enumerate(one.points)
        ]
        drawn_line = line if one.line and len(one.points) > 1 else ""
        return Drawn(one.name, one.css, drawn_line, " ".join(above + below), dots if one.dots else [])

    def _x(self, value: float) -> str:
        return f"{LEFT + self.x.share(value) * (WIDTH - LEFT - RIGHT):.1f}"

    def _y(self, value: float) -> str:
        return f"{HEIGHT - BOTTOM - self.y.share(value) * (HEIGHT - TOP - BOTTOM):.1f}"


def _nth(notes: Sequence[str], at: int) -> str:
    return notes[at] if at < len(notes) else ""


def calibration(bins: Sequence[tuple[float, float, int]], highest: float, title: str) -> Plot:
    """What was predicted against what people said, one dot per bin (mean predicted, mean observed, n), larger for more."""
    most = max((n for _, _, n in bins), default=1) or 1
    apart = sum(abs(predicted - observed) * n for predicted, observed, n in bins)
    whole = sum(n for _, _, n in bins)
    scale = (0.0, float(highest), 1.0)
    return Plot(
        title=title,
        alternative=f"{title}: {len(bins)} groups of {whole:,} items. On average people are "
        f"{apart / whole:.2f} away from what was predicted."
        if whole
        else f"{title}: no figures.",
        x=Axis("Predicted", *scale),
        y=Axis("Observed", *scale),
        series=[
            Series(
                "",
                [(predicted, observed) for predicted, observed, _ in bins],
                notes=[f"{n:,} items" for _, _, n in bins],
                sizes=[(n / most) ** 0.5 for _, _, n in bins],
            )
        ],
        diagonal=True,
        heads=["Items"],
    )


# -- Bars -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a stretched picture, with what it says on hover. `start` and `end` are its interval."""

    start: float
    end: float
    count: int
    x: str
    width: str
    y: str
    height: str
    kept: bool

    @property
    def middle(self) -> float:
        return round((self.start + self.end) / 2, 6)


@dataclass(frozen=True, slots=True)
class Bars:
    """A histogram over equal intervals from `axis.low` to `axis.high`, stretched to the width it is given.

    `counts` has one number per interval; `threshold` is drawn where it stands, `before` where it stood. Labels are HTML.
    """

    title: str
    unit: str
    axis: Axis
    counts: Sequence[int]
    threshold: float | None = None
    before: float | None = None
    overflow: bool = False  # the last bar holds everything above
    rug: Sequence[tuple[float, bool]] = field(default_factory=tuple)  # labelled items: (score, is good)

    box = f"0 0 {BARS_WIDTH:g} {BARS_HEIGHT:g}"

    @property
    def total(self) -> int:
        return sum(self.counts)

    @property
    def bars(self) -> list[Bar]:
        most = max(self.counts, default=0) or 1
        step = BARS_WIDTH / max(1, len(self.counts))
        width = (self.axis.high - self.axis.low) / max(1, len(self.counts))
        made = []
        for at, count in enumerate(self.counts):
            start = self.axis.low + at * width
            tall = max(BARS_HEIGHT * count / most, 1.0 if count else 0.0)
            made.append(
                Bar(
                    *(start, start + width, count, f"{at * step + step * 0.06:.1f}", f"{step * 0.88:.1f}"),
                    *(f"{BARS_HEIGHT - tall:.1f}", f"{tall:.1f}", self._is_kept(start + width / 2)),
                )
            )
        return made

    def _is_kept(self, middle: float) -> bool:
        return self.threshold is None or middle >= self.threshold

    @property
    def ticks(self) -> list[str]:
        words = [self.axis.say(value) for value in self.axis.values]
        return [*words[:-1], f"{words[-1]} +"] if self.overflow else words

    @property
    def threshold_x(self) -> str:
        return "" if self.threshold is None else self._x(self.threshold)

    @property
    def before_x(self) -> str:
        return "" if self.before is None or self.before == self.threshold else self._x(self.before)

    @property
    def stood_x(self) -> str:
        """Where the threshold stood, also while it stands there still: a handle moves away from it."""
        return "" if self.before is None else self._x(self.before)

    @property
    def marks(self) -> list[tuple[str, bool]]:
        return [(self._x(value), good) for value, good in self.rug]

    def _x(self, value: float) -> str:
        return f"{self.axis.share(value) * BARS_WIDTH:.1f}"

    @property
    def alternative(self) -> str:
        """What the picture shows, in words."""
        if not self.total:
            return f"{self.title}: nothing to count."
        highest = max(self.bars, key=lambda bar: bar.count)
        step = min(self.axis.step, (self.axis.high - self.axis.low) / max(1, len(self.counts)))
        parts = [
            f"{self.title}: {self.total:,} {self.unit} from {self.axis.say(self.axis.low)} to {self.axis.say(self.axis.high)}",
            f"most between {said(highest.start, step)} and {said(highest.end, step)}",
        ]
        if self.threshold is not None:
            parts.append(f"the threshold stands at {self.threshold:g}")
        return ", ".join(parts) + "."


def counted(values: Sequence[float], axis: Axis, bins: int) -> list[int]:
    """How many values fall into each of `bins` equal intervals of an axis; the last one holds what lies above."""
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, int(axis.share(value) * bins))] += 1
    return counts


def shade(count: float, most: float) -> int:
    """How strongly a cell of a table is filled: 0 (nothing) to `SHADES`."""
    return 0 if not count or not most else max(1, min(SHADES, ceil(SHADES * count / most)))
