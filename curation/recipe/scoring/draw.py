"""What a learning queue asks next, and why: texts that the scorer is unsure of, random controls, likely top ones.

- *uncertain* (Lewis & Gale 1994): a rating may well fall on the other side of the threshold. Of several times as many as
  are wanted, those unlike each other are taken, so that one misunderstanding does not fill the queue.
- *control*: drawn from all candidates with equal chance, before the others. Only controls tell without bias how good the scorer is and
  whether it drifts.
- *top*: the highest scores: what will be used most should have been looked at.

The kinds are mixed evenly: whoever stops early has seen them in the same shares. Deterministic given the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNCERTAIN, CONTROL, TOP = "uncertain", "control", "top"
#: Out of so many times the wanted number the uncertain ones are picked apart.
POOL = 5


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
    vectors: NDArray[np.floating[Any]] | None = None,
) -> list[Drawn]:
    """At most `count` of the candidates in the order in which to ask, each once.

    `scores`, `uncertainty` (from `Head.uncertainty`) and `vectors` (n, dimensions; without them nothing is picked
    apart) belong together row by row; so do two draws from the same candidates in the same order with the same seed.
    """
    import numpy as np

    if share_random < 0 or share_top < 0 or share_random + share_top > 1:
        raise ValueError("the shares of controls and of likely top items lie between 0 and 1, together too")
    total = len(scores)
    count = min(count, total)
    random = np.random.default_rng(seed)
    free = np.ones(total, dtype=bool)
    shuffled = random.permutation(total)

    controls = shuffled[: round(count * share_random)]
    free[controls] = False
    tops = _highest(scores, free, shuffled, round(count * share_top))
    free[tops] = False
    wanted = count - len(controls) - len(tops)
    pool = _highest(uncertainty, free, shuffled, wanted * POOL)
    uncertain = pool[:wanted] if vectors is None else pool[_apart(vectors[pool], uncertainty[pool], wanted)]
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


def _apart(
    vectors: NDArray[np.floating[Any]], uncertainty: NDArray[np.floating[Any]], count: int
) -> NDArray[np.intp]:
    """So many of the pool, one after the other the one with the greatest uncertainty times distance to the nearest one taken."""
    import numpy as np

    if not len(vectors) or not count:
        return np.zeros(0, dtype=np.intp)
    points = vectors.astype(np.float32)
    distance = np.ones(len(points), dtype=np.float32)
    taken: list[int] = []
    while len(taken) < min(count, len(points)):
        gain = uncertainty * distance
        gain[taken] = -1.0
        taken.append(int(np.argmax(gain)))
        distance = np.minimum(distance, np.maximum(0.0, 1.0 - points @ points[taken[-1]]))
    return np.array(taken, dtype=np.intp)


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
