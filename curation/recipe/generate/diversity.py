"""Texts that say again what was said before. Phi-4 report, section 2.1, names diversity first of what synthetic data is for; it gives no measure.

Ours is the cosine of embeddings, in the order in which texts were made: the earlier one stays. Exact: every text is held against every
earlier one, a block at a time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Rows that are multiplied at a time; a block of products takes 16 MB.
NEW_ROWS = 256
OLD_ROWS = 16_384
#: How far a vector's length may be from 1, for what half precision loses.
OFF_UNIT = 0.01
#: What single precision takes from the cosine of a text with itself.
ROUNDING = 1e-6

Vectors = NDArray[np.float32]


def repeats(new: Vectors, before: Vectors, threshold: float) -> dict[int, tuple[int, float]]:
    """Which of the new texts repeat an earlier one: index in `new` → (index into `before` followed by `new`, cosine), the nearest, the first of equals.

    `new` is (n, d) in the order in which the texts were made, `before` (m, d) what was accepted already; rows of length 1. A text repeats another when their
    cosine is at least `threshold` (above 0, at most 1). One that is itself dropped does not drop later ones. Raises ValueError for other shapes or lengths.
    """
    new, before = _unit(new, "new"), _unit(before, "before")
    if new.size and before.size and new.shape[1] != before.shape[1]:
        raise ValueError(f"new vectors have {new.shape[1]} numbers, those before {before.shape[1]}")
    if not 0 < threshold <= 1:
        raise ValueError(f"the threshold is {threshold}; it lies above 0 and is at most 1")
    found: dict[int, tuple[int, float]] = {}
    kept = np.ones(len(new), dtype=bool)
    for start in range(0, len(new), NEW_ROWS):
        block = new[start : start + NEW_ROWS]
        best = _Best(block)
        best.look_at(before, 0)
        best.look_at(new[:start], len(before), kept[:start])
        among = block @ block.T
        for at in range(len(block)):
            best.look_at_row(at, among[at, :at], len(before) + start, kept[start : start + at])
            if best.cosine[at] >= threshold - ROUNDING:
                kept[start + at] = False
                found[start + at] = (int(best.nearest[at]), min(1.0, float(best.cosine[at])))
    return found


class _Best:
    """The nearest so far of each row of a block."""

    def __init__(self, block: Vectors) -> None:
        self.block = block
        self.nearest = np.full(len(block), -1)
        self.cosine = np.full(len(block), -np.inf, dtype=np.float32)

    def look_at(self, others: Vectors, first: int, kept: NDArray[np.bool_] | None = None) -> None:
        """Hold every row against others, whose indices begin with `first`; those not kept are passed over."""
        for start in range(0, len(others), OLD_ROWS):
            products = self.block @ others[start : start + OLD_ROWS].T
            if kept is not None:
                products[:, ~kept[start : start + OLD_ROWS]] = -np.inf
            at = products.argmax(axis=1)
            high = products[np.arange(len(at)), at]
            nearer = high > self.cosine
            self.nearest[nearer] = first + start + at[nearer]
            self.cosine[nearer] = high[nearer]

    def look_at_row(
        self, row: int, products: NDArray[np.float32], first: int, kept: NDArray[np.bool_]
    ) -> None:
        """The same for one row, whose products are there already."""
        if not kept.any():
            return
        high = np.where(kept, products, -np.inf)
        at = int(high.argmax())
        if high[at] > self.cosine[row]:
            self.nearest[row], self.cosine[row] = first + at, high[at]


def _unit(vectors: Vectors, name: str) -> Vectors:
    """The vectors as float32. Raises ValueError for what are no rows of length 1."""
    if vectors.ndim != 2:
        raise ValueError(f"{name} vectors are rows of a table; these have {vectors.ndim} dimensions")
    lengths = np.linalg.norm(vectors.astype(np.float32, copy=False), axis=1)
    wrong = np.flatnonzero(~(np.abs(lengths - 1) <= OFF_UNIT))
    if wrong.size:
        raise ValueError(f"row {wrong[0]} of the {name} vectors has length {lengths[wrong[0]]:.3g}, not 1")
    return vectors.astype(np.float32, copy=False)
