"""What a learning queue asks next, and why: texts that the scorer is unsure of, random controls, likely top ones.

- *uncertain*: what teaches the scorer most, above all about texts near the threshold. Not simply the most uncertain ones (Lewis & Gale
  1994): those are alike, and where people's own ratings waver they stay uncertain for ever. Taken is, one after the other, the text
  whose label would take away most of the variance of all scores, those that may fall on either side of the threshold first
  (transductive experimental design; Yu, Bi & Tresp 2006, ICML). What one label tells is taken off before the next is
  chosen, so no misunderstanding fills the queue.
- *control*: drawn from all candidates with equal chance, before the others. Only controls tell without bias how good the
  scorer is and whether it drifts.
- *top*: the highest scores: what will be used most should have been looked at.

The kinds are mixed evenly: whoever stops early has seen them in the same shares. Deterministic given the seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNCERTAIN, CONTROL, TOP = "uncertain", "control", "top"
#: Uncertain ones are taken from so many candidates at a time, at most so many from each lot.
LOT = 600
MOST_OF_A_LOT = 150


@dataclass(frozen=True, slots=True)
class Drawn:
    """`at`: which candidate. `detail`: why, in words that do not tell its score."""

    at: int
    why: str
    detail: str


def draw(
    scores: NDArray[np.floating[Any]],
    uncertainty: NDArray[np.floating[Any]],
    count: int,
    *,
    share_random: float,
    share_top: float,
    seed: int,
    kinship: Callable[[NDArray[np.intp]], NDArray[np.floating[Any]]] | None = None,
) -> list[Drawn]:
    """At most `count` of the candidates in the order in which to ask, each once.

    `scores` and `uncertainty` (n,) belong together row by row. `kinship` gives for some candidates (m,) what their
    labels say about each other, (m, any): `Head.kinship` of them, or with a scorer that has none their vectors. Without
    it the most uncertain ones are taken. The same candidates in the same order with the same seed: the same draw.
    """
    import numpy as np

    if share_random < 0 or share_top < 0 or share_random + share_top > 1:
        raise ValueError("the shares of controls and of likely top items lie between 0 and 1, together too")
    total = len(scores)
    count = min(count, total)
    free = np.ones(total, dtype=bool)
    shuffled = np.random.default_rng(seed).permutation(total)

    controls = shuffled[: round(count * share_random)]
    free[controls] = False
    tops = _highest(scores, free, shuffled, round(count * share_top))
    free[tops] = False
    wanted = count - len(controls) - len(tops)
    if kinship is None:
        uncertain = _highest(uncertainty, free, shuffled, wanted)
    else:
        uncertain = _telling(uncertainty, shuffled[free[shuffled]], wanted, kinship)
    return _mixed(
        [Drawn(int(at), UNCERTAIN, _chance(float(uncertainty[at]))) for at in uncertain],
        [Drawn(int(at), CONTROL, "Drawn at random from all, as a control.") for at in controls],
        [Drawn(int(at), TOP, _place(place, total)) for place, at in enumerate(tops, 1)],
    )


def _highest(
    values: NDArray[np.floating[Any]], free: NDArray[np.bool_], shuffled: NDArray[np.intp], count: int
) -> NDArray[np.intp]:
    """The free candidates with the highest values, highest first, equal ones in random order."""
    import numpy as np

    candidates = shuffled[free[shuffled]]
    return candidates[np.argsort(-values[candidates], kind="stable")[:count]]


def _telling(
    uncertainty: NDArray[np.floating[Any]],
    candidates: NDArray[np.intp],
    count: int,
    kinship: Callable[[NDArray[np.intp]], NDArray[np.floating[Any]]],
) -> NDArray[np.intp]:
    """So many candidates, lot after lot, as many from each."""
    import numpy as np

    if not count:
        return np.zeros(0, dtype=np.intp)
    lots = -(-count // MOST_OF_A_LOT)
    size = min(LOT, -(-len(candidates) // lots))
    taken: list[NDArray[np.intp]] = []
    for number in range(lots):
        lot = candidates[number * size : (number + 1) * size]
        share = count * (number + 1) // lots - count * number // lots
        taken.append(lot[_most_telling(kinship(lot), uncertainty[lot], share)])
    return np.concatenate(taken)


def _most_telling(
    kinship: NDArray[np.floating[Any]], uncertainty: NDArray[np.floating[Any]], count: int
) -> list[int]:
    """Greedily the ones that take most off the weighted sum of the lot's variances; what is known for it
    is taken off the covariances before the next."""
    import numpy as np

    points = kinship.astype(np.float64)
    covariance = points @ points.T
    near = uncertainty.astype(np.float64) ** 2
    # Half for the texts near the threshold, half for all alike: the threshold may stand where there are hardly any.
    weights = 1.0 + near / near.mean() if near.any() else np.ones(len(points))
    taken: list[int] = []
    for _ in range(min(count, len(points))):
        gain = (weights @ covariance**2) / (1.0 + np.diag(covariance))
        gain[taken] = -1.0
        best = int(np.argmax(gain))
        taken.append(best)
        column = covariance[:, best].copy()
        covariance -= np.outer(column, column) / (1.0 + column[best])
    return taken


def _mixed(*kinds: Sequence[Drawn]) -> list[Drawn]:
    """All of them, each kind spread evenly over the whole."""
    places = [
        ((place + 0.5) / len(kind), order, drawn)
        for order, kind in enumerate(kinds)
        for place, drawn in enumerate(kind)
    ]
    return [drawn for *_, drawn in sorted(places, key=lambda entry: entry[:2])]


def _chance(uncertainty: float) -> str:
    return f"A rating has a chance of {uncertainty:.0%} to fall on the other side of the threshold than the score."


def _place(place: int, total: int) -> str:
    return f"Number {place} of {total} by score."
