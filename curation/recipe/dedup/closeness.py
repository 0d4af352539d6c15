"""Which known texts are close to new ones: new with old and with each other, never old with old.

Up to `EXACT_PAIRS` products all are made, in blocks, with float32 from half-precision vectors. Beyond, an HNSW graph
(usearch, half precision) is asked for the nearest; what it returns is then measured exactly, so an approximate
search may overlook a pair but never invents one, nor changes its cosine.

Of each new text at most `MOST` neighbours are kept, the closest. Memory is bounded whatever the texts: a block of similarities, and the lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Neighbours kept of a text. One that has so many stands in a crowd (`near.stars` says what follows).
MOST = 64
#: Products up to which all are made: some minutes on two cores.
EXACT_PAIRS = 40_000_000_000
BLOCK = 1_024
#: Known texts compared at a time with a block: 1,024 × 16,384 float32 are 64 MB.
STRIP = 16_384
#: Of the graph: links per node, candidates while building and while asking.
LINKS, BUILDING, ASKING = 16, 96, 96

Vectors = NDArray[np.float16]
#: (positions of the neighbours, ascending by position; their cosines)
Neighbours = tuple[NDArray[np.int64], NDArray[np.float32]]


def neighbours(
    vectors: Vectors,
    known: int,
    floor: float,
    beat: Callable[[int], None] = lambda done: None,
    *,
    exact_pairs: int = EXACT_PAIRS,
) -> Iterator[Neighbours]:
    """For each new text those before it whose cosine reaches `floor`, at most `MOST`.

    `vectors` is (n, dimensions), L2-normalised: first so many `known` ones, then the new ones, and a result is yielded for each
    of these in order. `beat` is called with the number of new texts done.
    """
    new = len(vectors) - known
    if new * len(vectors) <= exact_pairs:
        return _exact(vectors, known, floor, beat)
    return _by_graph(vectors, known, floor, beat)


def _exact(vectors: Vectors, known: int, floor: float, beat: Callable[[int], None]) -> Iterator[Neighbours]:
    for start in range(known, len(vectors), BLOCK):
        stop = min(start + BLOCK, len(vectors))
        rows = vectors[start:stop].astype(np.float32)
        found: list[list[Neighbours]] = [[] for _ in range(stop - start)]
        for strip in range(0, stop, STRIP):
            products = rows @ vectors[strip : min(stop, strip + STRIP)].astype(np.float32).T
            for row in np.flatnonzero((products >= floor).any(axis=1)):
                before = products[row, : max(0, start + row - strip)]
                near = np.flatnonzero(before >= floor)
                if len(near):
                    found[row].append(_closest(near + strip, before[near]))
        for parts in found:
            yield _closest(*map(np.concatenate, zip(*parts, strict=True))) if parts else _none()
        beat(stop - known)


def _by_graph(
    vectors: Vectors, known: int, floor: float, beat: Callable[[int], None]
) -> Iterator[Neighbours]:
    graph = _graph(vectors.shape[1])
    for start in range(0, len(vectors), 8 * STRIP):
        part = vectors[start : start + 8 * STRIP]
        # The graph reads the rows where they are: `vectors` outlives it.
        graph.add(np.arange(start, start + len(part), dtype=np.uint64), part, copy=False)
        beat(0)
    for start in range(known, len(vectors), STRIP):
        part = vectors[start : start + STRIP]
        matches = graph.search(part, MOST)
        for row in range(len(part)):
            at = start + row
            keys = np.sort(matches.keys[row][: matches.counts[row]].astype(np.int64))
            # Neighbours that are new themselves are listed by whichever comes later, or by both: each finds only its nearest.
            keys = keys[keys != at]
            cosine = vectors[keys].astype(np.float32) @ vectors[at].astype(np.float32)
            yield keys[cosine >= floor], cosine[cosine >= floor]
        beat(min(start + STRIP, len(vectors)) - known)


def _graph(dimensions: int) -> Any:
    from usearch.index import Index

    return Index(
        ndim=dimensions,
        metric="ip",
        dtype="f16",
        connectivity=LINKS,
        expansion_add=BUILDING,
        expansion_search=ASKING,
    )


def _closest(positions: NDArray[np.int64], cosines: NDArray[np.float32]) -> Neighbours:
    """At most `MOST` of them; of equally close ones those that came first."""
    if len(positions) > MOST:
        kept = np.sort(np.lexsort((positions, -cosines))[:MOST])
        positions, cosines = positions[kept], cosines[kept]
    return positions, cosines


def _none() -> Neighbours:
    return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
