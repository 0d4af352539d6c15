"""The space of vectors in cells: around each of some thousand centres, the vectors that are closest to it (an inverted file;
Sivic & Zisserman 2003, Jégou, Douze & Schmid 2011, section IV).

Two vectors that are close to each other are close to the same centres: to find the neighbours of one, only the cells of its `PROBED`
closest centres are searched, and those by exact products. A pair may be overlooked, where one's cell is not among those; none is
invented. Among a million vectors, of which one in fifty repeats another at a cosine of .93 to .99, this overlooks fewer than one
pair in a hundred, where a graph of nearest neighbours (HNSW) overlooks one in four: its greedy walk ends among what is merely
similar, and there is much of that.

Centres are found by spherical k-means (Dhillon & Modha 2001) on a sample. Same vectors, same cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Cells that are searched for the neighbours of one vector.
PROBED = 8
FEWEST, MOST = 16, 4_096
#: Vectors that centres are found on, for each centre, and rounds of doing so.
SAMPLED, ROUNDS = 40, 6
BLOCK = 16_384

Vectors = NDArray[np.float16]


@dataclass(frozen=True)
class Cells:
    """`centres` (cells, dimensions) in float32; `members` of each cell are positions of vectors, ascending."""

    centres: NDArray[np.float32]
    members: list[NDArray[np.int64]]

    def probed(self, vectors: Vectors) -> NDArray[np.int64]:
        """The cells (n, `PROBED`) in which the neighbours of these vectors are looked for."""
        most = min(PROBED, len(self.centres))
        found = np.empty((len(vectors), most), dtype=np.int64)
        for start in range(0, len(vectors), BLOCK):
            near = vectors[start : start + BLOCK].astype(np.float32) @ self.centres.T
            found[start : start + BLOCK] = np.argpartition(-near, most - 1, axis=1)[:, :most]
        return found


def cells(vectors: Vectors, seed: int = 1) -> Cells:
    """Cells of about as many vectors as there are cells."""
    count = int(np.clip(np.sqrt(len(vectors)), FEWEST, MOST))
    drawn = np.random.default_rng(seed)
    sample = vectors[np.sort(drawn.permutation(len(vectors))[: SAMPLED * count])].astype(np.float32)
    centres = sample[drawn.permutation(len(sample))[:count]]
    for _ in range(ROUNDS):
        centres = _moved(centres, sample)
    return Cells(centres, _grouped(_closest(vectors, centres), len(centres)))


def _moved(centres: NDArray[np.float32], sample: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each centre in the middle of what is closest to it; one that nothing is closest to stays."""
    order = np.argsort(own := _closest(sample, centres), kind="stable")
    there, starts = np.unique(own[order], return_index=True)
    sums = np.add.reduceat(sample[order], starts, axis=0)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    moved = centres.copy()
    moved[there] = np.divide(sums, lengths, out=centres[there], where=lengths > 0)
    return moved


def _closest(vectors: NDArray[np.floating], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    found = np.empty(len(vectors), dtype=np.int64)
    for start in range(0, len(vectors), BLOCK):
        part = vectors[start : start + BLOCK].astype(np.float32)
        found[start : start + BLOCK] = (part @ centres.T).argmax(axis=1)
    return found


def _grouped(own: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
    order = np.argsort(own, kind="stable")
    return np.split(order, np.searchsorted(own[order], np.arange(1, count)))
