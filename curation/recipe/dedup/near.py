"""Near duplicates: texts that are close to each other, in star clusters around a representative.

The rule, with its reasons:

- *Order.* Texts are taken from the best to the worst: higher score (to a tenth), then longer (to a tenth), then freer licence, then the earlier
  source; the content hash breaks what ties are left. What people have decided on comes before everything, so that new material
  never displaces it.
- *Stars, no chains.* A text joins the representative that it is closest to, if the two are close and verified; otherwise it
  represents itself. Members are compared with their representative and never through each other, so "A like B, B
  like C" cannot glue unlike texts together, as union-find over pairs does.
- *People's word goes first.* Two texts that were ruled different are never in one cluster, not by way of a third either; one that was
  ruled to repeat another follows it wherever it goes, whatever their cosine.

Stars are drawn from pairs (`closeness` and `minhash` find them, `verify` refuses some), which do not depend on the order. So the same texts and pairs
give the same clusters however they came: in one go, or a thousand new ones a day, of which only the new pairs were ever measured.

Lists of pairs are cut at `closeness.MOST` per text. A text whose list is full stands in a crowd: representatives from crowds
are compared with each other once more (`between`), so that a crowd gets one representative and not many. Which of a crowd's
representatives a member is measured against may then depend on what was listed; who is kept does not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import log

import numpy as np
from numpy.typing import NDArray

from curation.recipe.dedup import closeness
from curation.recipe.dedup.verify import features, verified

#: Name and version of the rule by which representatives are chosen, kept with every cluster.
RULE = "score, length, licence, source order/2"
#: Lengths within about a tenth of each other are the same.
_LENGTH_STEP = log(1.1)

#: (left, right, closeness) by position.
Pair = tuple[int, int, float]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text to be clustered. `first` puts it before all others (people have decided on it); `licence` is 0 for the freest;
    `source` is its place in the order of sources; `digest` is its content hash, by which ties are broken."""

    digest: str
    score: float
    characters: int
    first: bool = False
    licence: int = 0
    source: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Rulings:
    """What people said, by content hash: pairs that are different; and which text follows which, as {repeats: kept}."""

    different: frozenset[tuple[str, str]] = frozenset()
    follows: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.different or self.follows)


NOTHING_RULED = Rulings()


def order(candidates: Sequence[Candidate]) -> list[int]:
    """Positions from the best to the worst."""

    def rank(at: int) -> tuple[bool, float, int, int, tuple[int, ...], str]:
        one = candidates[at]
        length = round(log(max(1, one.characters)) / _LENGTH_STEP)
        return not one.first, -round(one.score, 1), -length, one.licence, one.source, one.digest

    return sorted(range(len(candidates)), key=rank)


def stars(
    candidates: Sequence[Candidate],
    pairs: Iterable[Pair],
    rulings: Rulings = NOTHING_RULED,
    between: Callable[[list[int]], Iterable[Pair]] = lambda crowd: (),
) -> list[tuple[int, float]]:
    """For each text the position of its representative (its own, when it represents itself) and how close they are.

    First the representatives are found, best text first; then every other text joins the closest of all of them, so that
    membership depends on the set of representatives and not on their order. `between` measures pairs among the positions it is
    given: representatives whose lists are full. Deterministic.
    """
    drawing = _Drawing(candidates, rulings)
    drawing.add(pairs)
    while True:
        found = drawing.draw()
        crowd = [at for at, (own, _) in enumerate(found) if own == at and drawing.is_crowded(at)]
        if len(crowd) < 2 or not drawing.add(between(crowd)):
            return found


def clusters(
    candidates: Sequence[Candidate],
    texts: Sequence[str],
    vectors: NDArray[np.float16],
    threshold: float,
    rulings: Rulings = NOTHING_RULED,
) -> list[tuple[int, float]]:
    """`stars` of texts by their vectors alone, all compared with all: (n, dimensions), L2-normalised."""
    described = lru_cache(maxsize=8_192)(lambda at: features(texts[at]))

    def among(positions: list[int]) -> list[Pair]:
        return [
            (positions[left], positions[right], float(cosine))
            for right, (lefts, cosines) in enumerate(closeness.neighbours(vectors[positions], 0, threshold))
            for left, cosine in zip(lefts.tolist(), cosines.tolist(), strict=True)
            if verified(described(positions[left]), described(positions[right]))
        ]

    return stars(candidates, among(list(range(len(candidates)))), rulings, among)


class _Drawing:
    """Texts, who is close to whom, and who may not meet."""

    def __init__(self, candidates: Sequence[Candidate], rulings: Rulings) -> None:
        self._ranked = order(candidates)
        self._place = {at: place for place, at in enumerate(self._ranked)}
        self._near: dict[int, dict[int, float]] = defaultdict(dict)
        held: dict[str, list[int]] = defaultdict(list)
        for at, one in enumerate(candidates):
            held[one.digest].append(at)
        self._apart: dict[int, set[int]] = defaultdict(set)
        for left, right in rulings.different:
            for here in held.get(left, ()):
                for there in held.get(right, ()):
                    self._apart[here].add(there)
                    self._apart[there].add(here)
        self._follows = {
            at: held[kept][0]
            for digest, kept in rulings.follows.items()
            if kept in held
            for at in held.get(digest, ())
        }

    def add(self, pairs: Iterable[Pair]) -> bool:
        """Whether any of them was new."""
        fresh = False
        for left, right, close in pairs:
            if left == right or right in self._apart.get(left, ()) or right in self._near[left]:
                continue
            self._near[left][right] = self._near[right][left] = close
            fresh = True
        return fresh

    def is_crowded(self, at: int) -> bool:
        return len(self._near.get(at, ())) >= closeness.MOST

    def draw(self) -> list[tuple[int, float]]:
        found = {at: (at, 1.0) for at in self._ranked}
        chosen: set[int] = set()
        rest = []
        for at in self._ranked:
            if at in self._follows:
                continue
            if chosen.isdisjoint(self._near.get(at, ())):
                chosen.add(at)
            else:
                rest.append(at)
        members: dict[int, set[int]] = {at: {at} for at in chosen}
        for at in rest:
            self._join(at, self._options(at, chosen), found, members)
        for at in sorted(self._follows, key=self._place.__getitem__):
            kept = found[self._leader(at)][0]
            close = self._near.get(at, {}).get(kept, 0.0)
            self._join(at, [(close, kept)], found, members)
        return [found[at] for at in range(len(self._ranked))]

    def _options(self, at: int, chosen: set[int]) -> list[tuple[float, int]]:
        """Representatives near a text, the closest first; of equally close ones the better."""
        near = [(close, other) for other, close in self._near[at].items() if other in chosen]
        return sorted(near, key=lambda one: (-one[0], self._place[one[1]]))

    def _join(
        self,
        at: int,
        options: list[tuple[float, int]],
        found: dict[int, tuple[int, float]],
        members: dict[int, set[int]],
    ) -> None:
        apart = self._apart.get(at, set())
        for close, kept in options:
            group = members.setdefault(kept, {kept})
            if apart.isdisjoint(group):
                group.add(at)
                found[at] = (kept, min(1.0, round(close, 6)))
                return

    def _leader(self, at: int) -> int:
        """Whom a text follows in the end."""
        while at in self._follows:
            at = self._follows[at]
        return at
