"""How many of the pairs above a threshold are duplicates, read off pairs that people judged.

Pairs are drawn by strata of their cosine, the same number from each however many there are: below the threshold there are
many, and right above it they matter most. A drawn pair stands for `weight` pairs of its stratum. Precision at a threshold is the
weighted share of duplicates among the judged pairs that reach it; its 95% interval mixes the strata's own, each with Jeffreys' prior
(Brown, Cai & DasGupta 2001), by drawing from them. A stratum in which nobody has judged anything is no evidence either way: its
prior is all that is known of it, and the interval is as wide as that makes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Lower ends; the last one ends at 1.
STRATA = (0.85, 0.87, 0.89, 0.90, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.98)
DRAWS = 4_000


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair that was drawn; `same` is None until people have settled on an answer."""

    cosine: float
    weight: float
    same: bool | None


@dataclass(frozen=True, slots=True)
class Point:
    """At a threshold: precision with its 95% interval, of so many judged pairs that stand for so many; None without any."""

    threshold: float
    precision: float | None
    low: float
    high: float
    judged: int
    pairs: float


def stratum(cosine: float) -> int:
    """The place of a cosine's stratum; below all, the first."""
    return max(0, sum(cosine >= least for least in STRATA) - 1)


def sample(
    cosines: Sequence[float], per_stratum: int, seed: int, taken: Sequence[int] = ()
) -> list[tuple[int, float]]:
    """Positions of up to `per_stratum` pairs of each stratum, with the number of pairs that each stands for.

    `taken` pairs were drawn before: they stay, count towards their stratum, and are given again with the present weight.
    """
    before = set(taken)
    strata: list[list[int]] = [[] for _ in STRATA]
    for at, cosine in enumerate(cosines):
        strata[stratum(cosine)].append(at)
    drawn: list[tuple[int, float]] = []
    for number, members in enumerate(strata):
        chosen = [at for at in members if at in before]
        left = [at for at in members if at not in before]
        wanted = min(len(left), max(0, per_stratum - len(chosen)))
        chosen += np.random.default_rng([seed, number]).permutation(left)[:wanted].astype(int).tolist()
        drawn += [(at, len(members) / len(chosen)) for at in sorted(chosen)]
    return drawn


def curve(judged: Sequence[Judged], thresholds: Sequence[float] = STRATA) -> list[Point]:
    """Precision by threshold. Deterministic."""
    return [_point(threshold, [one for one in judged if one.cosine >= threshold]) for threshold in thresholds]


def _point(threshold: float, judged: list[Judged]) -> Point:
    strata: dict[int, list[Judged]] = {}
    for one in judged:
        strata.setdefault(stratum(one.cosine), []).append(one)
    pairs = sum(one.weight for one in judged)
    answered = [one for one in judged if one.same is not None]
    if not answered:
        return Point(threshold, None, 0.0, 1.0, 0, pairs)
    generator = np.random.default_rng(1)
    mixed, best = np.zeros(DRAWS), 0.0
    known = sum(_weight(members) for members in strata.values() if _answers(members))
    for members in strata.values():
        weight, answers = _weight(members), _answers(members)
        same = sum(answers)
        mixed += weight / pairs * generator.beta(same + 0.5, len(answers) - same + 0.5, DRAWS)
        if answers:
            best += weight / known * same / len(answers)
    low, high = np.quantile(mixed, [0.025, 0.975])
    return Point(threshold, best, float(min(low, best)), float(max(high, best)), len(answered), pairs)


def _weight(members: list[Judged]) -> float:
    return sum(one.weight for one in members)


def _answers(members: list[Judged]) -> list[bool]:
    return [one.same for one in members if one.same is not None]
