"""What an item's counting decisions come to: agreed, or disputed.

Plurality is not enough here: two people who differ are a question for a reviewer, not a vote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean


@dataclass(frozen=True, slots=True)
class Opinion:
    """One counting decision. `text_sha256` is the text it would accept; empty for the text as it stood."""

    verdict: str
    text_sha256: str = ""
    ratings: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settlement:
    """`state` is open, accepted, rejected, rated or disputed; `result` the mean ratings of a rated item."""

    state: str
    result: dict[str, float] = field(default_factory=dict)


def settle(opinions: Sequence[Opinion], wanted: int, gap: int) -> Settlement:
    """Settle an item that wants `wanted` decisions.

    Accepting different texts is a dispute, and so are ratings of one rubric that lie `gap` or more apart.
    """
    if len(opinions) < wanted:
        return Settlement("open")
    verdicts = {opinion.verdict for opinion in opinions}
    if len(verdicts) > 1:
        return Settlement("disputed")
    match verdicts.pop():
        case "accept":
            texts = {opinion.text_sha256 for opinion in opinions}
            return Settlement("accepted" if len(texts) == 1 else "disputed")
        case "reject":
            return Settlement("rejected")
        case "rate":
            return _settle_ratings(opinions, gap)
        case other:
            raise ValueError(f"{other!r} is not a verdict that counts")


def _settle_ratings(opinions: Sequence[Opinion], gap: int) -> Settlement:
    by_rubric: dict[str, list[int]] = {}
    for opinion in opinions:
        for rubric, rating in opinion.ratings.items():
            by_rubric.setdefault(rubric, []).append(rating)
    if any(max(ratings) - min(ratings) >= gap for ratings in by_rubric.values()):
        return Settlement("disputed")
    return Settlement("rated", {rubric: fmean(ratings) for rubric, ratings in sorted(by_rubric.items())})
