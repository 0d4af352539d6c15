"""Positions as a map keeps them: whole numbers from 0 to 65,535, y upwards, and back to the units they were made in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIDE = 65_535
#: Left free on each side, so that no point lies on the edge.
MARGIN = 0.03
#: One point of a map as it is stored: the passage's id, and where it lies.
POINT = np.dtype([("passage", "<i8"), ("x", "<u2"), ("y", "<u2")])


@dataclass(frozen=True, slots=True)
class Frame:
    """The square of the plane that a map shows: its lower left corner and its side, in the units of the layout."""

    left: float
    bottom: float
    side: float

    def to_grid(self, positions: NDArray[np.float64]) -> NDArray[np.uint16]:
        """(n, 2) positions on the grid."""
        shares = (positions - (self.left, self.bottom)) / self.side
        return np.clip(np.rint(shares * SIDE), 0, SIDE).astype(np.uint16)

    def from_grid(self, places: NDArray[np.uint16]) -> NDArray[np.float64]:
        """(n, 2) places of the grid in the units of the layout."""
        return places.astype(np.float64) / SIDE * self.side + (self.left, self.bottom)


def frame_of(positions: NDArray[np.float64]) -> Frame:
    """The smallest square around (n, 2) positions, with its margin. Both axes have one scale: distances stay true."""
    if not len(positions):
        return Frame(0.0, 0.0, 1.0)
    low, high = positions.min(axis=0), positions.max(axis=0)
    side = float(max((high - low).max(), 1e-9)) / (1 - 2 * MARGIN)
    left, bottom = (low + high) / 2 - side / 2
    return Frame(float(left), float(bottom), side)


def points(passages: NDArray[np.int64], places: NDArray[np.uint16]) -> NDArray[np.void]:
    """Points in the order of ids, as they are stored."""
    order = np.argsort(passages, kind="stable")
    made = np.empty(len(passages), dtype=POINT)
    made["passage"], made["x"], made["y"] = passages[order], places[order, 0], places[order, 1]
    return made
