"""Which known texts are close to new ones: new with old and with each other, never old with old.

Up to `EXACT_PAIRS` products all are made, in blocks, with float32 from half-precision vectors. Beyond, a vector is only compared with those
in the same corner of the space (`cells`), exactly again: so an approximate search may overlook a pair but never invents one,
nor changes its cosine.

Of each new text at most `MOST` neighbours are kept, the closest. Memory is bounded whatever the texts: a block of similarities, and the lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from curation.recipe.dedup import cells

#: Neighbours kept of a text. One that has so many stands in a crowd (`near.stars` says what follows).
MOST = 64
#: Products up to which all are made: some minutes on two cores.
EXACT_PAIRS = 40_000_000_000
BLOCK = 1_024
#: Known texts compared at a time with a block: 1,024 × 16,384 float32 are 64 MB.
STRIP = 16_384
#: New texts whose lists are made at a time, where not all products are.
PART = 65_536

Vectors = NDArray[np.float16]
#: (positions of the neighbours, ascending by position; their cosines)
Neighbours = tuple[NDArray[np.int64], NDArray[np.float32]]
#: (rows of new texts, positions of their neighbours, cosines), pair by pair
Listed = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]
_NONE_LISTED: Listed = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))


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
    return _by_cells(vectors, known, floor, beat)


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


def _by_cells(
    vectors: Vectors, known: int, floor: float, beat: Callable[[int], None]
) -> Iterator[Neighbours]:
    held = cells.cells(vectors)
    for start in range(known, len(vectors), PART):
        stop = min(start + PART, len(vectors))
        rows, others, cosines = _found(vectors, start, stop, floor, held, lambda: beat(start - known))  # noqa: B023  called at once
        borders = np.searchsorted(rows, np.arange(stop - start + 1))
        for first, after in pairwise(borders.tolist()):
            yield others[first:after], cosines[first:after]
        beat(stop - known)


def _found(
    vectors: Vectors, start: int, stop: int, floor: float, held: cells.Cells, beat: Callable[[], None]
) -> Listed:
    """What is before and close to the texts of one part."""
    probed = held.probed(vectors[start:stop])
    asking = np.argsort(probed.ravel(), kind="stable")
    borders = np.searchsorted(probed.ravel()[asking], np.arange(len(held.members) + 1)).tolist()
    parts: list[Listed] = [_NONE_LISTED]
    for cell, (first, after) in enumerate(pairwise(borders)):
        members = held.members[cell]
        members = members[: np.searchsorted(members, stop)]
        rows = asking[first:after] // probed.shape[1]
        if not len(members) or not len(rows):
            continue
        theirs = vectors[members].astype(np.float32).T
        for at in range(0, len(rows), BLOCK):
            part = rows[at : at + BLOCK]
            products = vectors[start + part].astype(np.float32) @ theirs
            row, member = np.nonzero(products >= floor)
            before = members[member] < start + part[row]
            row, member = row[before], member[before]
            parts.append(_most(part[row], members[member], products[row, member]))
        beat()
    return _most(*map(np.concatenate, zip(*parts, strict=True)))


def _most(rows: NDArray[np.int64], others: NDArray[np.int64], cosines: NDArray[np.float32]) -> Listed:
    """Of each row at most `MOST`, the closest; by row, then position."""
    order = np.lexsort((others, -cosines, rows))
    rows, others, cosines = rows[order], others[order], cosines[order]
    nth = np.arange(len(rows)) - np.searchsorted(rows, rows)
    rows, others, cosines = rows[nth < MOST], others[nth < MOST], cosines[nth < MOST]
    order = np.lexsort((others, rows))
    return rows[order], others[order], cosines[order]


def _closest(positions: NDArray[np.int64], cosines: NDArray[np.float32]) -> Neighbours:
    """At most `MOST` of them; of equally close ones those that came first."""
    if len(positions) > MOST:
        kept = np.sort(np.lexsort((positions, -cosines))[:MOST])
        positions, cosines = positions[kept], cosines[kept]
    return positions, cosines


def _none() -> Neighbours:
    return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
