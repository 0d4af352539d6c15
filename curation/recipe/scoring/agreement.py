"""Do raters agree, beyond what chance would do? For two: the confusion table and Cohen's kappa. For any number of raters
with ratings missing: Krippendorff's alpha.

Cohen 1960 (Educational and Psychological Measurement 20:37); weighted: Cohen 1968 (Psychological Bulletin 70:213). Krippendorff
2011, "Computing Krippendorff's Alpha-Reliability". Both are 1 for perfect agreement and 0 for chance. Where there is nothing to compare
(no item rated twice) or nothing to tell apart (one value only) they are None, not a number.

Intervals are of 95%, by drawing the items again and again (Efron 1979), with a fixed seed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    #: Ratings of one rater: by item, or in one order for all raters with None or NaN where there is none.
    Ratings = Mapping[Hashable, Any] | Sequence[Any] | NDArray[Any]
    #: By item and rater, or an array (items, raters) with NaN where there is none.
    Table = Mapping[Hashable, Mapping[Hashable, Any]] | NDArray[np.floating[Any]]

Weights = Literal["linear", "quadratic"]
Level = Literal["nominal", "ordinal", "interval"]

#: Times that items are drawn for an interval, and the fewest items for one.
DRAWS = 1_000
LEAST_ITEMS = 10


@dataclass(frozen=True, slots=True)
class Confusion:
    """counts[i][j]: items that the first rater gave values[i] and the second values[j]."""

    values: tuple[Any, ...]
    counts: tuple[tuple[int, ...], ...]

    @property
    def items(self) -> int:
        return sum(map(sum, self.counts))

    @property
    def same(self) -> float | None:
        """The share of items on which both say the same."""
        return sum(row[at] for at, row in enumerate(self.counts)) / self.items if self.items else None


def confusion(a: Ratings, b: Ratings, values: Sequence[Any] | None = None) -> Confusion:
    """What two raters said of the items that both rated. `values`: the scale in order; by default the values that
    occur, sorted. Raises ValueError for a rating that is not on the scale."""
    pairs = _pairs(a, b)
    scale = (
        tuple(values) if values is not None else tuple(sorted({value for pair in pairs for value in pair}))
    )
    place = {value: at for at, value in enumerate(scale)}
    counts = [[0] * len(scale) for _ in scale]
    for left, right in pairs:
        if left not in place or right not in place:
            raise ValueError(f"{left!r} or {right!r} is not on the scale {scale}")
        counts[place[left]][place[right]] += 1
    return Confusion(scale, tuple(map(tuple, counts)))


def cohen_kappa(
    a: Ratings, b: Ratings, weights: Weights | None = None, values: Sequence[Any] | None = None
) -> float | None:
    """Cohen's kappa of two raters over the items that both rated. Weights count a disagreement by its distance on the
    scale (`values`, see `confusion`), or by the square of that."""
    return kappa(confusion(a, b, values), weights)


def kappa(table: Confusion, weights: Weights | None = None) -> float | None:
    """Cohen's kappa of a confusion table."""
    import numpy as np

    found = _kappas(np.array([table.counts], dtype=np.float64).reshape(1, *[len(table.values)] * 2), weights)
    return _number(found[0])


def kappa_interval(table: Confusion, weights: Weights | None = None) -> tuple[float, float] | None:
    """None below `LEAST_ITEMS` items."""
    import numpy as np

    if table.items < LEAST_ITEMS:
        return None
    counts = np.array(table.counts)
    drawn = np.random.default_rng(1).multinomial(table.items, counts.ravel() / table.items, size=DRAWS)
    return _middle(_kappas(drawn.reshape(DRAWS, *counts.shape).astype(np.float64), weights))


def krippendorff_alpha(ratings: Table, level: Level = "nominal") -> float | None:
    """Krippendorff's alpha. Items with fewer than two ratings say nothing and are left out.

    *nominal*: values are the same or not. *ordinal*: they differ by how many ratings lie between them. *interval*: they
    are numbers. Values of ordinal and interval ratings must be numbers.
    """
    import numpy as np

    scale, counts = _counts(ratings)
    return _number(_alphas(scale, counts, np.ones((1, len(counts))), level)[0])


def alpha_interval(ratings: Table, level: Level = "nominal") -> tuple[float, float] | None:
    """None below `LEAST_ITEMS` items with two ratings."""
    import numpy as np

    scale, counts = _counts(ratings)
    items = len(counts)
    if items < LEAST_ITEMS:
        return None
    random = np.random.default_rng(1)
    times = np.array([np.bincount(random.integers(items, size=items), minlength=items) for _ in range(DRAWS)])
    return _middle(_alphas(scale, counts, times.astype(np.float64), level))


def _pairs(a: Ratings, b: Ratings) -> list[tuple[Any, Any]]:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return [(a[item], b[item]) for item in a if item in b]
    if isinstance(a, Mapping) or isinstance(b, Mapping):
        raise TypeError("both raters' ratings by item, or both in one order")
    return [pair for pair in zip(_plain(a), _plain(b), strict=True) if not any(map(_missing, pair))]


def _plain(ratings: Any) -> list[Any]:
    return ratings.tolist() if hasattr(ratings, "tolist") else list(ratings)


def _missing(value: Any) -> bool:
    return value is None or value != value  # NaN is what differs from itself


def _kappas(counts: NDArray[np.float64], weights: Weights | None) -> NDArray[np.float64]:
    """Of tables (n, k, k); NaN where chance would always agree."""
    import numpy as np

    places = np.arange(counts.shape[1])
    apart = np.abs(places[:, None] - places)
    cost = {None: (apart > 0) * 1.0, "linear": apart, "quadratic": apart**2}[weights]
    whole = counts.sum(axis=(1, 2))
    by_chance = np.einsum("ni,nj,ij->n", counts.sum(axis=2), counts.sum(axis=1), cost)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1.0 - whole * (counts * cost).sum(axis=(1, 2)) / by_chance


def _counts(ratings: Table) -> tuple[list[Any], NDArray[np.float64]]:
    """The values in order, and (items, values) how often each was given, of items rated at least twice."""
    import numpy as np

    rows: list[list[Any]]
    if isinstance(ratings, Mapping):
        rows = [[value for value in row.values() if not _missing(value)] for row in ratings.values()]
    else:
        rows = [[value for value in row if not _missing(value)] for row in _plain(ratings)]
    rows = [row for row in rows if len(row) > 1]
    scale = sorted({value for row in rows for value in row})
    place = {value: at for at, value in enumerate(scale)}
    counts = np.zeros((len(rows), len(scale)))
    for at, row in enumerate(rows):
        for value in row:
            counts[at, place[value]] += 1
    return scale, counts


def _alphas(
    scale: Sequence[Any], counts: NDArray[np.float64], times: NDArray[np.float64], level: Level
) -> NDArray[np.float64]:
    """Alpha with item i taken times[:, i] times, for each row of `times`."""
    import numpy as np

    kinds = np.arange(len(scale))
    each = 1.0 / np.maximum(counts.sum(axis=1) - 1, 1)  # an item's pairs count as many as it has ratings
    coincidences = np.array([counts.T @ (counts * (taken * each)[:, None]) for taken in times])
    coincidences[:, kinds, kinds] -= times @ (counts * each[:, None])
    margins = coincidences.sum(axis=2)
    whole = margins.sum(axis=1)
    apart = DISTANCES[level](scale, margins)
    observed = (coincidences * apart).sum(axis=(1, 2))
    by_chance = np.einsum("ni,nj,nij->n", margins, margins, apart)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1.0 - (whole - 1) * observed / by_chance


def _nominal(scale: Sequence[Any], margins: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    kinds = len(scale)
    return np.broadcast_to(1.0 - np.eye(kinds), (len(margins), kinds, kinds))


def _ordinal(scale: Sequence[Any], margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """The ratings between two values, with half of those at either end, squared."""
    import numpy as np

    middles = np.cumsum(margins, axis=1) - margins / 2
    return (middles[:, :, None] - middles[:, None, :]) ** 2


def _interval(scale: Sequence[Any], margins: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    numbers = np.array(scale, dtype=np.float64)
    squares = (numbers[:, None] - numbers) ** 2
    return np.broadcast_to(squares, (len(margins), *squares.shape))


#: Squared distance between values, by level of measurement, from the values and how often each occurs.
DISTANCES: dict[str, Callable[[Sequence[Any], NDArray[np.float64]], NDArray[np.float64]]] = {
    "nominal": _nominal,
    "ordinal": _ordinal,
    "interval": _interval,
}


def _number(value: Any) -> float | None:
    import math

    return float(value) if math.isfinite(value) else None


def _middle(values: NDArray[np.float64]) -> tuple[float, float] | None:
    """The middle 95% of those that can be told; None if none can."""
    import numpy as np

    told = values[np.isfinite(values)]
    if not len(told):
        return None
    low, high = np.quantile(told, [0.025, 0.975])
    return float(low), float(high)
