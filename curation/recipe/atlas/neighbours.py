"""The nearest texts of each text, which is all that the picture is made from.

Up to `EXACT` texts all products are made, in blocks of bounded memory; beyond, an HNSW graph (usearch, half precision) is asked,
built and asked by one thread, so that the same vectors always give the same neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from usearch.index import Index

EXACT = 20_000
#: 512 × 20,000 float32 are 41 MB.
BLOCK = 512
#: Of the graph: links per node, candidates while building and while asking.
LINKS, BUILDING, ASKING = 16, 64, 64
PART = 2_000

Nearest = tuple[NDArray[np.int64], NDArray[np.float32]]


def nearest(
    vectors: NDArray[np.float16],
    count: int,
    beat: Callable[[float], None] = lambda share: None,
    *,
    exact: int = EXACT,
) -> Nearest:
    """Of each row of (n, d) unit vectors the `count` other rows with the highest cosine: positions and distances (1 - cosine),
    both (n, count). Needs n > count. `beat` is told the share that is done."""
    found = _exact if len(vectors) <= exact else _by_graph
    return found(vectors, count, beat)


def _exact(vectors: NDArray[np.float16], count: int, beat: Callable[[float], None]) -> Nearest:
    full = vectors.astype(np.float32)
    positions = np.empty((len(full), count), dtype=np.int64)
    distances = np.empty((len(full), count), dtype=np.float32)
    for start in range(0, len(full), BLOCK):
        stop = min(start + BLOCK, len(full))
        products = full[start:stop] @ full.T
        products[np.arange(stop - start), np.arange(start, stop)] = -np.inf
        near = np.argpartition(-products, count - 1, axis=1)[:, :count]
        near, cosines = _sorted(near, np.take_along_axis(products, near, axis=1))
        positions[start:stop], distances[start:stop] = near, 1 - cosines
        beat(stop / len(full))
    return positions, np.maximum(distances, 0)


def _sorted(near: NDArray[np.int64], cosines: NDArray[np.float32]) -> Nearest:
    """Nearest first; of equally near ones the earlier row."""
    order = np.lexsort((near, -cosines), axis=1)
    return np.take_along_axis(near, order, axis=1), np.take_along_axis(cosines, order, axis=1)


def _by_graph(vectors: NDArray[np.float16], count: int, beat: Callable[[float], None]) -> Nearest:
    graph = _graph(vectors.shape[1])
    for start in range(0, len(vectors), PART):
        part = vectors[start : start + PART]
        graph.add(np.arange(start, start + len(part), dtype=np.uint64), part, copy=False, threads=1)
        beat(0.6 * (start + len(part)) / len(vectors))
    positions = np.empty((len(vectors), count), dtype=np.int64)
    distances = np.empty((len(vectors), count), dtype=np.float32)
    for start in range(0, len(vectors), PART):
        part = vectors[start : start + PART]
        matches = graph.search(part, count + 1, threads=1)
        for row in range(len(part)):
            at = start + row
            near = matches.keys[row][: matches.counts[row]].astype(np.int64)
            positions[at] = _others(near, at, count)
            distances[at] = 1 - vectors[positions[at]].astype(np.float32) @ vectors[at].astype(np.float32)
        beat(0.6 + 0.4 * (start + len(part)) / len(vectors))
    return positions, np.maximum(distances, 0)


def _others(near: NDArray[np.int64], at: int, count: int) -> NDArray[np.int64]:
    """Without the row itself; where the graph returned too few, the last one again."""
    others = near[near != at][:count]
    if not len(others):
        others = np.array([at - 1 if at else 1])
    return np.pad(others, (0, count - len(others)), mode="edge")


def _graph(dimensions: int) -> Index:
    from usearch.index import Index

    return Index(
        ndim=dimensions,
        metric="ip",
        dtype="f16",
        connectivity=LINKS,
        expansion_add=BUILDING,
        expansion_search=ASKING,
    )
