"""Calibration: a monotone curve from what a head puts out to what people say of such texts.

Fitted to predictions of texts that the head had not seen: a straight line for few labels; for more, the means of
groups of equal size, joined by straight lines, with neighbours pooled where they would fall (isotonic regression; Zadrozny
& Elkan 2002). It rises strictly as far as predictions go, so that it changes no order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Labels in a group, and most groups.
GROUP = 60
MOST_GROUPS = 12


@dataclass(frozen=True, slots=True)
class Calibration:
    """The curve's corners: `raw` rising strictly, `values` rising strictly from 0 to the top of the scale."""

    raw: tuple[float, ...]
    values: tuple[float, ...]

    def __call__(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        import numpy as np

        return np.interp(raw, self.raw, self.values)

    def as_list(self) -> list[list[float]]:
        return [list(corner) for corner in zip(self.raw, self.values, strict=True)]

    @classmethod
    def from_list(cls, stored: Sequence[Sequence[float]]) -> Calibration:
        raw, values = zip(*stored, strict=True)
        return cls(raw, values)

    @classmethod
    def fitted(
        cls, predicted: NDArray[np.float64], actual: NDArray[np.float64], highest: float
    ) -> Calibration:
        """The curve for predictions (n,) of texts that the head had not seen, and what these were rated."""
        groups = min(MOST_GROUPS, len(predicted) // GROUP)
        corners = _grouped(predicted, actual, groups) if groups >= 3 else _line(predicted, actual)
        # A scale has ends: a corner on one of them would leave no room for the order beyond it.
        edge = highest / 1_000
        inner = [(raw, min(max(value, edge), highest - edge)) for raw, value in corners]
        inner = [corner for at, corner in enumerate(inner) if at == 0 or corner[1] > inner[at - 1][1]]
        return cls.from_list(_with_ends(inner, highest))


def _line(predicted: NDArray[np.float64], actual: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Least squares, between the lowest and the highest prediction. Where predictions say nothing or the opposite,
    they are believed a little: an order is needed, and the mean is right."""
    import numpy as np

    centred = predicted - predicted.mean()
    spread = float(centred @ centred)
    slope = max(0.1, float(centred @ actual) / spread if spread > 0 else 0.0)
    ends = np.array([predicted.min(), max(predicted.max(), predicted.min() + 1e-6)])
    return [(float(end), float(actual.mean() + slope * (end - predicted.mean()))) for end in ends]


def _grouped(
    predicted: NDArray[np.float64], actual: NDArray[np.float64], groups: int
) -> list[tuple[float, float]]:
    import numpy as np

    order = np.argsort(predicted, kind="stable")
    pooled: list[tuple[float, float, int]] = []
    for rows in np.array_split(order, groups):
        group = (float(predicted[rows].mean()), float(actual[rows].mean()), len(rows))
        while pooled and (pooled[-1][1] >= group[1] or pooled[-1][0] >= group[0]):
            group = _pool(pooled.pop(), group)
        pooled.append(group)
    if len(pooled) < 2:
        return _line(predicted, actual)
    return [(raw, value) for raw, value, _ in pooled]


def _pool(left: tuple[float, float, int], right: tuple[float, float, int]) -> tuple[float, float, int]:
    count = left[2] + right[2]
    return (
        (left[0] * left[2] + right[0] * right[2]) / count,
        (left[1] * left[2] + right[1] * right[2]) / count,
        count,
    )


def _with_ends(corners: list[tuple[float, float]], highest: float) -> list[tuple[float, float]]:
    """Beyond what was seen the curve goes on at half its slope until the end of the scale."""
    if len(corners) == 1:  # all values were beyond one end of the scale
        corners = [corners[0], (corners[0][0] + 1.0, min(highest, corners[0][1] + highest / 2_000))]
    (first, low), (second, above) = corners[0], corners[1]
    (before, below), (last, high) = corners[-2], corners[-1]
    start = first - 2 * low * (second - first) / (above - low)
    end = last + 2 * (highest - high) * (last - before) / (high - below)
    return [(start, 0.0), *corners, (end, float(highest))]
