"""What a threshold would keep: how many good texts are expected on either side of it, from those that people labelled.

Labels are not a fair sample (a learning queue draws uncertain and likely top texts on purpose), but which text of a
given score was labelled hangs on its score alone. So each side is cut into strata by score, the share of good texts is taken
within each, and each counts with the texts that all scores say lie in it (post-stratification; Holt & Smith 1979). The interval is
Wilson's, for as many labels as would give the estimate's variance if they were a fair sample.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from curation.recipe.scoring.intervals import wilson_of_share

#: Labels in a stratum at least, and strata at most.
LEAST_IN_STRATUM = 20
MOST_STRATA = 8
#: Below these an expectation is shown with a warning.
FEW_LABELS = 30


@dataclass(frozen=True, slots=True)
class Side:
    """The texts on one side of a threshold. None: there are no labels to tell from."""

    texts: int
    labelled: int
    share: float | None  # of good texts: of the kept side, the precision
    share_interval: tuple[float, float] | None
    good: float | None  # expected number of good texts: of the kept side, the yield
    good_interval: tuple[float, float] | None
    caution: str


@dataclass(frozen=True, slots=True)
class Expected:
    threshold: float
    kept: Side  # scores at the threshold and above
    left_out: Side

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def expected(
    labelled: Sequence[tuple[float, bool]],
    edges: Sequence[float],
    counts: Sequence[int],
    thresholds: Sequence[float],
) -> list[Expected]:
    """For each threshold what it keeps and leaves out.

    `labelled`: (score, is it good) of the labelled texts. `edges` (rising, one more than `counts`) and
    `counts`: the histogram of all scores; within a bin scores are taken as evenly spread.
    """
    if len(edges) != len(counts) + 1 or any(left >= right for left, right in pairwise(edges)):
        raise ValueError("a histogram has rising edges, one more than counts")
    ordered = sorted((float(score), bool(is_good)) for score, is_good in labelled)
    scores = [score for score, _ in ordered]
    below = _Cumulated(edges, counts)
    found = []
    for threshold in map(float, thresholds):
        at = bisect_left(scores, threshold)
        found.append(
            Expected(
                threshold,
                _side(ordered[at:], threshold, float("inf"), below),
                _side(ordered[:at], float("-inf"), threshold, below),
            )
        )
    return found


class _Cumulated:
    """How many of all texts have a score below a value."""

    def __init__(self, edges: Sequence[float], counts: Sequence[int]) -> None:
        self._edges = [float(edge) for edge in edges]
        self._before = [0.0]
        for count in counts:
            self._before.append(self._before[-1] + int(count))

    def __call__(self, score: float) -> float:
        if score <= self._edges[0]:
            return 0.0
        if score >= self._edges[-1]:
            return self._before[-1]
        at = bisect_left(self._edges, score) - 1
        width = self._edges[at + 1] - self._edges[at]
        return (
            self._before[at] + (self._before[at + 1] - self._before[at]) * (score - self._edges[at]) / width
        )


def _side(labelled: Sequence[tuple[float, bool]], low: float, high: float, below: _Cumulated) -> Side:
    texts = below(high) - below(low)
    if not labelled or texts <= 0:
        nothing = "No labels on this side." if not labelled else ""
        return Side(round(texts), len(labelled), None, None, None, None, nothing)
    share = middle = variance = 0.0
    for (first, last), members in _strata(labelled, low, high):
        weight = (below(last) - below(first)) / texts
        good = sum(is_good for _, is_good in members)
        share += weight * good / len(members)
        # Half a success and half a failure added: a stratum where all agree is not certain for that.
        hedged = (good + 0.5) / (len(members) + 1)
        middle += weight * hedged
        variance += weight**2 * hedged * (1 - hedged) / len(members)
    interval = wilson_of_share(share, middle * (1 - middle) / variance)
    few = len(labelled) < FEW_LABELS
    return Side(
        texts=round(texts),
        labelled=len(labelled),
        share=share,
        share_interval=interval,
        good=share * texts,
        good_interval=(interval[0] * texts, interval[1] * texts),
        caution=f"Only {len(labelled)} labels on this side." if few else "",
    )


def _strata(
    labelled: Sequence[tuple[float, bool]], low: float, high: float
) -> list[tuple[tuple[float, float], Sequence[tuple[float, bool]]]]:
    """The side cut by score into strata of about as many labels each, equal scores together."""
    wanted = max(1, min(MOST_STRATA, len(labelled) // LEAST_IN_STRATUM))
    size = len(labelled) / wanted
    cuts = [0]
    for number in range(1, wanted):
        at = round(number * size)
        while at < len(labelled) and labelled[at][0] == labelled[at - 1][0]:
            at += 1
        if cuts[-1] < at < len(labelled):
            cuts.append(at)
    cuts.append(len(labelled))
    borders = [low, *((labelled[at - 1][0] + labelled[at][0]) / 2 for at in cuts[1:-1]), high]
    return [
        ((first, last), labelled[start:end])
        for (first, last), (start, end) in zip(pairwise(borders), pairwise(cuts), strict=True)
    ]
