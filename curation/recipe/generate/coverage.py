"""Where a set of samples is thin: topic × skill × difficulty, held against what a team wants or, unless it says otherwise, against an even spread.

The Phi-4 report (section 2.1) asks for comprehensive coverage of topics and skills within a domain, and does not say how it is seen; the table is ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod

AXES = ("topic", "skill", "difficulty")
#: Values of an axis that are shown besides ours; samples of rarer ones are counted as outside of the table.
MOST_FOUND = 20
#: A place is thin when it holds less than this share of what is wanted there,
THIN = 0.5
#: and only where at least so many samples are wanted: with fewer, none is no surprise.
LEAST_WANTED = 2.0

#: Where a sample stands: topic, skill, difficulty, each "" where it is not said.
Place = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Cell:
    """One place, or a whole row or column of them (values that are left open are ""). `wanted`: samples, of as many as there are."""

    topic: str
    skill: str
    difficulty: str
    count: int
    wanted: float

    @property
    def thin(self) -> bool:
        return self.wanted >= LEAST_WANTED and self.count < THIN * self.wanted

    @property
    def missing(self) -> float:
        """Samples that are missing of what is wanted."""
        return max(0.0, self.wanted - self.count)


def values(found: Mapping[str, int], ours: Sequence[str] = ()) -> list[str]:
    """The values of an axis: ours in their order, then the most frequent others."""
    others = sorted((one for one in found if one and one not in ours), key=lambda one: (-found[one], one))
    return [*ours, *others[:MOST_FOUND]]


def shares(axis: Sequence[str], weights: Mapping[str, float]) -> dict[str, float]:
    """{value: share wanted}, together 1. What has no weight weighs 1; when nothing is wanted, all is wanted evenly."""
    weighed = {one: max(0.0, weights.get(one, 1.0)) for one in axis}
    total = sum(weighed.values())
    return {one: weight / total if total else 1 / len(weighed) for one, weight in weighed.items()}


@dataclass(frozen=True)
class Coverage:
    """Samples by place, and the share that is wanted of each value; a place's is the product of its three."""

    counts: Mapping[Place, int]
    topics: Mapping[str, float]
    skills: Mapping[str, float]
    difficulties: Mapping[str, float]

    @property
    def axes(self) -> tuple[Mapping[str, float], Mapping[str, float], Mapping[str, float]]:
        return self.topics, self.skills, self.difficulties

    @cached_property
    def standing(self) -> dict[Place, int]:
        """The places of the table that hold any: of an import there may be a skill for every sample."""
        return {
            place: count
            for place, count in self.counts.items()
            if all(value in axis for value, axis in zip(place, self.axes, strict=True))
        }

    @cached_property
    def total(self) -> int:
        """Samples that stand in the table."""
        return sum(self.standing.values())

    @property
    def outside(self) -> int:
        """Samples that do not: their topic, skill or difficulty is not said, or too rare to be shown."""
        return sum(self.counts.values()) - self.total

    @property
    def places(self) -> int:
        return prod(len(axis) for axis in self.axes)

    def cell(self, topic: str = "", skill: str = "", difficulty: str = "") -> Cell:
        """One place; with a value left open, all places along it."""
        asked = (topic, skill, difficulty)
        count = sum(
            n
            for place, n in self.standing.items()
            if all(want in ("", value) for want, value in zip(asked, place, strict=True))
        )
        share = prod(axis[value] for axis, value in zip(self.axes, asked, strict=True) if value)
        return Cell(topic, skill, difficulty, count, self.total * share)

    def cells(self) -> Iterator[Cell]:
        """Every place, in the order of the axes."""
        for place in product(*self.axes):
            share = prod(axis[value] for axis, value in zip(self.axes, place, strict=True))
            yield Cell(*place, self.standing.get(place, 0), self.total * share)

    def thinnest(self, most: int) -> list[Cell]:
        """Where most is missing of what is wanted: places; in a set too small to miss a sample anywhere, skills by difficulty, or skills."""
        pairs = (self.cell("", *pair) for pair in product(self.skills, self.difficulties))
        for cells in (self.cells(), pairs, (self.cell("", skill) for skill in self.skills)):
            if lacking := [cell for cell in cells if cell.missing >= 1]:
                return sorted(lacking, key=lambda cell: -cell.missing)[:most]
        return []
