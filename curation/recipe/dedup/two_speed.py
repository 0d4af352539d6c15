"""Pairs of close texts when a good vector is dear and a rough one cheap: only texts that may have a partner get a good one.

Every text has rough vectors (`text.static`: means of its tokens', in milliseconds; several views of a text help). What a good model will say of
two texts is only guessed from these, and how to guess depends on the collection; so it is learnt on the way:

1. The texts whose nearest neighbour by rough vectors is closest are encoded first, a share of all (`SHARES`).
2. A ridge regression from rough to good vectors is fitted on what has been encoded; it predicts a vector for every text.
3. By predicted vectors the nearest neighbours are found again, and the next share is encoded. Whoever is encoded for
   learning would have been encoded anyway: they are the likeliest duplicates.
4. It ends when every text is encoded whose nearest neighbour is predicted within `REACH` below the threshold. The pairs are
   then read off the good vectors alone, so precision is that of the good model; only recall depends on the guess.

With `best`, the good model may itself be a fast rendering of another (bfloat16): pairs within `MARGIN` of the threshold are
decided by vectors of the best.

Memory is a block of similarities at a time. Work is a product of all with all per round: for up to some 10⁵ texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Shares of the texts that are encoded by the end of each round, at most.
SHARES = (0.12, 0.25, 0.35)
#: How far a predicted cosine may lie below the threshold. Chosen for recall .995 at .90 on 1,319 questions of GSM8K and their
#: rephrasings (906 pairs, nearly every text with a partner); on 1,646 passages of web articles (43 pairs) it is 1.
REACH = 0.13
#: Ridge: how much the mean variance of a rough dimension is added to each.
RIDGE = 0.05
#: A regression is not fitted on fewer texts.
FEWEST = 200
#: bfloat16 against float32, on 1,700 pairs above .85: at most .004 apart, standard deviation .0005.
MARGIN = 0.004
BLOCK = 1_024

Vectors = NDArray[np.float32]
#: Positions → L2-normalised vectors, float32.
Encode = Callable[[NDArray[np.int64]], Vectors]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs left < right with their cosines, and how many texts the good and the best model had to encode."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    cosine: NDArray[np.float32]
    encoded: int
    refined: int = 0


def pairs(
    views: Sequence[Vectors],
    good: Encode,
    threshold: float,
    best: Encode | None = None,
    reach: float = REACH,
) -> Pairs:
    """The pairs whose cosine by good vectors reaches the threshold. `views` are rough vectors, (n, width) each, one row per
    text; by the first one the search begins."""
    encoded, vectors = likely(views, good, threshold, reach)
    least = threshold - (MARGIN if best else 0.0)
    left, right, cosine = close_pairs(vectors, least)
    left, right = encoded[left], encoded[right]
    if best is None:
        return Pairs(left, right, cosine, len(encoded))
    edge = cosine < threshold + MARGIN
    doubtful = np.unique(np.concatenate([left[edge], right[edge]]))
    if len(doubtful):
        exact = best(doubtful)
        ours, theirs = (exact[np.searchsorted(doubtful, side[edge])] for side in (left, right))
        cosine[edge] = (ours * theirs).sum(axis=1)
    kept = cosine >= threshold
    return Pairs(left[kept], right[kept], cosine[kept], len(encoded), len(doubtful))


def close_pairs(
    vectors: Vectors, threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """All pairs left < right of rows whose cosine reaches the threshold, by products of blocks."""
    found: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]] = []
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK] @ vectors[start:].T
        rows, columns = np.nonzero(block >= threshold)
        above = columns > rows
        rows, columns = rows[above], columns[above]
        found.append((rows + start, columns + start, block[rows, columns]))
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
    left, right, cosine = (np.concatenate(part) for part in zip(*found, strict=True))
    return left, right, cosine


def likely(
    views: Sequence[Vectors],
    good: Encode,
    threshold: float,
    reach: float = REACH,
    certain: Sequence[int] = (),
) -> tuple[NDArray[np.int64], Vectors]:
    """The positions of texts that may have a partner, ascending, with their good vectors. `certain` ones are among them in
    any case, and what they teach is used from the start."""
    count, floor = len(views[0]), threshold - reach
    guessed, rough = _centred(views[0]), np.concatenate(views, axis=1)
    done = np.zeros(count, dtype=bool)
    vectors: Vectors | None = None
    if len(certain):
        chosen = np.unique(np.asarray(certain, dtype=np.int64))
        vectors = _stored(None, chosen, good(chosen), count)
        done[chosen] = True
    for number, share in enumerate((*SHARES, 1.0)):
        nearest = _nearest(guessed)
        # The first guess is by rough cosines, which have a scale of their own: there the order alone counts.
        wanted = ~done & (nearest >= floor) if number else ~done
        room = max(FEWEST, round(share * count)) - int(done.sum())
        chosen = np.flatnonzero(wanted)
        chosen = np.sort(chosen[np.argsort(-nearest[chosen], kind="stable")][: max(0, room)])
        if len(chosen):
            vectors = _stored(vectors, chosen, good(chosen), count)
            done[chosen] = True
        if vectors is None or len(chosen) == wanted.sum() or share == 1.0:
            break
        guessed = _predicted(rough, vectors, done)
    positions = np.flatnonzero(done)
    return positions, vectors[positions] if vectors is not None else np.zeros((0, 0), np.float32)


def _stored(vectors: Vectors | None, chosen: NDArray[np.int64], fresh: Vectors, count: int) -> Vectors:
    vectors = np.zeros((count, fresh.shape[1]), dtype=np.float32) if vectors is None else vectors
    vectors[chosen] = fresh
    return vectors


def _predicted(rough: Vectors, vectors: Vectors, done: NDArray[np.bool_]) -> Vectors:
    """For every text the vector that ridge regression expects of the good model, learnt on those that it has encoded."""
    known, answers = rough[done].astype(np.float64), vectors[done].astype(np.float64)
    offset, mean = known.mean(axis=0), answers.mean(axis=0)
    known, answers = known - offset, answers - mean
    gram = known.T @ known
    gram[np.diag_indices_from(gram)] += RIDGE * np.trace(gram) / len(gram)
    weights = np.linalg.solve(gram, known.T @ answers)
    return _unit(((rough - offset) @ weights + mean).astype(np.float32))


def _nearest(vectors: Vectors) -> NDArray[np.float32]:
    """For each row the cosine to its nearest other row."""
    count = len(vectors)
    best = np.full(count, -1.0, dtype=np.float32)
    for start in range(0, count, BLOCK):
        block = vectors[start : start + BLOCK] @ vectors[start:].T
        own = np.arange(len(block))
        block[own, own] = -1.0
        stop = start + len(block)
        best[start:stop] = np.maximum(best[start:stop], block.max(axis=1))
        best[start:] = np.maximum(best[start:], block.max(axis=0))
    return best


def _centred(vectors: Vectors) -> Vectors:
    """Without what all texts of the collection have in common."""
    return _unit(vectors - vectors.mean(axis=0)) if len(vectors) else vectors


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
