"""Vectors become positions in a plane in which neighbours stay neighbours: t-SNE (van der Maaten & Hinton 2008) with the
interpolated gradient of FIt-SNE (Linderman et al. 2019), by openTSNE.

Each text is drawn to its `NEIGHBOURS` nearest with equal force, which gives practically the picture of a perplexity of 30 at a third
of the work (Böhm, Berens & Kobak 2022). It starts from the two main directions of the vectors, so that the whole keeps a meaning
(Kobak & Berens 2019), and a lasting exaggeration keeps clusters apart from each other where there are many points (Kobak & Linderman 2021).
A picture that was drawn before is where the next one starts: what people know stays where it was.

Same vectors, same start, same seed: the same picture. Memory is that of the neighbours and of a grid: some 300 MB for 50,000 texts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.recipe.atlas.neighbours import nearest

NEIGHBOURS = 15
#: Fewer cannot be laid out by their neighbours: they keep their two main directions.
LEAST = 8
#: Iterations: with strong attraction first, then as it stays; from an earlier picture.
EARLY, LATE, AGAIN = 250, 350, 150
#: Of an earlier picture: after so many iterations known texts are pulled back by this share of their way.
PULLED_EVERY, PULLED = 10, 0.3
EARLY_EXAGGERATION = 12.0
#: Of the lasting exaggeration: none up to the first count, this much from the second on.
EXAGGERATION, FEW, MANY = 2.0, 5_000, 50_000
#: Below this share of known texts the earlier picture says too little to start from.
LEAST_KNOWN = 0.3
#: Shares of the time: finding neighbours, and the rest.
_FINDING = 0.35
METHOD = "t-SNE by openTSNE, 15 neighbours"

Positions = NDArray[np.float64]


def lay_out(
    vectors: NDArray[np.floating[Any]],
    seed: int = 1,
    earlier: Positions | None = None,
    beat: Callable[[float], None] = lambda share: None,
) -> Positions:
    """Positions (n, 2) of (n, d) vectors, which need not be of unit length. `earlier` is (n, 2) too: where each text lay on
    the picture before, in its units, NaN where it was not on it. `beat` is told the share that is done; what it raises ends the work."""
    units = _units(vectors)
    if len(units) < LEAST:
        return _main_directions(units, seed)
    near, distances = nearest(units, min(NEIGHBOURS, len(units) - 1), lambda share: beat(_FINDING * share))
    exaggeration = _exaggeration(len(units))
    pace = _Pace(beat)
    known = _known(earlier, len(units))
    if earlier is not None and known.mean() >= LEAST_KNOWN:
        picture = _picture(_placed(earlier, known, near, seed), near, distances, seed)
        _again(picture, earlier, known, exaggeration, pace)
    else:
        main = _main_directions(units, seed)
        picture = _picture(main / (main[:, 0].std() or 1.0) * 1e-4, near, distances, seed)
        _anew(picture, exaggeration, pace)
    return _parted(np.asarray(picture, dtype=np.float64), seed)


def _units(vectors: NDArray[np.floating[Any]]) -> NDArray[np.float16]:
    rows = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(lengths == 0, 1, lengths)).astype(np.float16)


def _known(earlier: Positions | None, count: int) -> NDArray[np.bool_]:
    if earlier is None:
        return np.zeros(count, dtype=np.bool_)
    return np.isfinite(earlier[:, 0]) & np.isfinite(earlier[:, 1])


def _main_directions(units: NDArray[np.float16], seed: int) -> Positions:
    """The two directions in which vectors differ most, the wider one first, with the sign by which more of them lie on the
    left; a little noise parts what is the same."""
    noise = np.random.default_rng(seed).normal(size=(len(units), 2))
    if len(units) < 3:
        return noise
    rows = units.astype(np.float32)
    rows -= rows.mean(axis=0)
    _, axes = np.linalg.eigh(rows.T @ rows)
    main = (rows @ axes[:, [-1, -2]]).astype(np.float64)
    main *= np.where(np.median(main, axis=0) > main.mean(axis=0), -1.0, 1.0)
    return main + noise * max(1e-3 * float(main.std()), 1e-6)


def _placed(earlier: Positions, known: NDArray[np.bool_], near: NDArray[np.int64], seed: int) -> Positions:
    """Known texts where they lay, new ones amid their known neighbours, or somewhere amid all."""
    drawn = np.random.default_rng(seed)
    placed = earlier.copy()
    centre, spread = earlier[known].mean(axis=0), earlier[known].std()
    for at in np.flatnonzero(~known):
        old = near[at][known[near[at]]][:5]
        where = np.median(earlier[old], axis=0) if len(old) else centre + drawn.normal(size=2) * spread
        placed[at] = where + drawn.normal(size=2) * 1e-3 * spread
    return placed


def _exaggeration(count: int) -> float:
    share = np.clip((count - FEW) / (MANY - FEW), 0, 1)
    return float(1 + (EXAGGERATION - 1) * share)


class _Pace:
    """Tells the share that is done of all iterations."""

    def __init__(self, beat: Callable[[float], None]) -> None:
        self.beat, self.before, self.total = beat, 0, 1

    def __call__(self, iteration: int, error: float, embedding: Any) -> bool:
        share = (self.before + iteration) / self.total
        self.beat(_FINDING + (1 - _FINDING) * share)
        return False


def _picture(start: Positions, near: NDArray[np.int64], distances: NDArray[np.float32], seed: int) -> Any:
    from openTSNE import TSNEEmbedding, affinity
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    logging.getLogger("openTSNE").setLevel(logging.WARNING)  # it says every time that neighbours were given
    drawn_to = affinity.Uniform(
        knn_index=PrecomputedNeighbors(near, distances), k_neighbors=near.shape[1], symmetrize="mean"
    )
    method = "fft" if len(start) > 3_000 else "bh"
    return TSNEEmbedding(start, drawn_to, negative_gradient_method=method, n_jobs=1, random_state=seed)


def _anew(picture: Any, exaggeration: float, pace: _Pace) -> None:
    pace.total = EARLY + LATE
    for iterations, factor, momentum in ((EARLY, EARLY_EXAGGERATION, 0.5), (LATE, exaggeration, 0.8)):
        _optimise(picture, iterations, factor, momentum, pace)
        pace.before += iterations


def _again(
    picture: Any, earlier: Positions, known: NDArray[np.bool_], exaggeration: float, pace: _Pace
) -> None:
    """What is new finds its place; what was known gives way, but is pulled back to where it lay."""
    pace.total = AGAIN
    for _ in range(AGAIN // PULLED_EVERY):
        _optimise(picture, PULLED_EVERY, exaggeration, 0.8, pace)
        picture[known] += PULLED * (earlier[known] - picture[known])
        pace.before += PULLED_EVERY


def _optimise(picture: Any, iterations: int, exaggeration: float, momentum: float, pace: _Pace) -> None:
    picture.optimize(
        n_iter=iterations,
        exaggeration=exaggeration,
        learning_rate="auto",
        momentum=momentum,
        inplace=True,
        callbacks=[pace],
        callbacks_every_iters=10,
    )


def _parted(positions: Positions, seed: int) -> Positions:
    """Texts that are alike to the last bit may come to lie on one point: they are moved a little, so that each can be pointed at."""
    spread = float(positions.std()) or 1.0
    cells = np.rint(positions / (1e-4 * spread)).astype(np.int64)
    _, of, counts = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    crowded = counts[of.reshape(-1)] > 1
    noise = np.random.default_rng(seed).normal(size=positions.shape) * 3e-3 * spread
    return positions + noise * crowded[:, None]
