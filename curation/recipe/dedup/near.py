"""Near duplicates: passages whose vectors are close, in star clusters around a representative.

The rule, with its reasons:

- *Order.* Texts are taken from the best to the worst: higher score, then longer, then the smaller content hash. Ids play no
  part, so the same texts give the same clusters in whatever order they were imported. What people have
  decided on comes before everything, so that new material never displaces it.
- *Stars, no chains.* A text joins the representative that it is closest to, if their cosine reaches the threshold and
  the pair passes verification; otherwise it represents itself. Members are compared with their representative and never through each
  other, so "A like B, B like C" cannot glue unlike texts together, as union-find over pairs does.
- *Verification.* A vector hears what a text is about, not what it says. A pair is refused when the figures
  differ (fewer than half of all numbers in either are shared): the same template filled in for another town, day or product. Texts of fewer than
  `SHORT` words give unreliable vectors and have to share most of their words. So do texts that are not in Latin script: the bundled model
  spells out what it has not learnt, and finds two Hindi texts alike because both are in Hindi (0.92 between a page on the monsoon and
  one on zero); they have to share `TRIGRAMS_SHARED` of their character trigrams (unlike texts of one script share up to 0.21, light
  rewrites 0.9). And a text that lasts twice as long as the other says more: it is no
  duplicate of it.
- *Memory* is bounded: one block of similarities (`BLOCK` × representatives so far, in strips) at a time; no list of pairs is kept.

Cost is n × representatives products, exact, with float32 from half-precision vectors: minutes at 10^5 texts on two cores.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

#: Name and version of the rule by which representatives are chosen, kept with every cluster.
RULE = "score, length, content hash/1"
BLOCK = 1024
#: Representatives compared at a time with a block: 1,024 × 16,384 float32 are 64 MB.
STRIP = 16_384
SHORT = 12
SHORT_WORDS_SHARED = 0.8
NUMBERS_SHARED = 0.5
TRIGRAMS_SHARED = 0.35
MOST_LENGTH_RATIO = 2.0

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_WORD = re.compile(r"[^\W\d_]+")
_NOT_LATIN = re.compile(r"[^\W\d_\u0000-\u024f\u1e00-\u1eff]")


@dataclass(frozen=True, slots=True)
class Features:
    """What verification compares of a text."""

    characters: int
    words: frozenset[str]
    word_count: int
    numbers: frozenset[str]
    trigrams: frozenset[str] | None  # None for a text that is mostly in Latin script


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text to be clustered. `first` puts it before all others (people have decided on it); `digest` is its content
    hash, by which ties are broken."""

    digest: str
    score: float
    characters: int
    first: bool = False


def features(text: str) -> Features:
    words = _WORD.findall(text.casefold())
    latin = 2 * len(_NOT_LATIN.findall(text)) <= sum(map(len, words))
    return Features(
        len(text),
        frozenset(words),
        len(words),
        frozenset(_NUMBER.findall(text)),
        None if latin else _trigrams(text),
    )


def _trigrams(text: str) -> frozenset[str]:
    spaced = " ".join(text.casefold().split())
    return frozenset(spaced[at : at + 3] for at in range(max(1, len(spaced) - 2)))


def verified(left: Features, right: Features) -> bool:
    """Whether two texts with close vectors are duplicates, by the guards above. Symmetric."""
    longer, shorter = max(left.characters, right.characters), min(left.characters, right.characters)
    if longer > MOST_LENGTH_RATIO * max(1, shorter):
        return False
    if _shared(left.numbers, right.numbers) < NUMBERS_SHARED:
        return False
    if left.trigrams is not None and right.trigrams is not None:
        return _shared(left.trigrams, right.trigrams) >= TRIGRAMS_SHARED
    if min(left.word_count, right.word_count) < SHORT:
        return _shared(left.words, right.words) >= SHORT_WORDS_SHARED
    return True


def _shared(left: frozenset[str], right: frozenset[str]) -> float:
    """Jaccard; 1 when both are empty."""
    union = len(left | right)
    return len(left & right) / union if union else 1.0


def order(candidates: Sequence[Candidate]) -> list[int]:
    """Positions from the best to the worst."""

    def rank(at: int) -> tuple[bool, float, int, str]:
        one = candidates[at]
        return not one.first, -one.score, -one.characters, one.digest

    return sorted(range(len(candidates)), key=rank)


def clusters(
    candidates: Sequence[Candidate],
    texts: Sequence[str],
    vectors: NDArray[np.float16],
    threshold: float,
    beat: Callable[[int], None] = lambda done: None,
) -> list[tuple[int, float]]:
    """For each text the position of its representative (its own, when it represents itself) and the cosine to it.

    `vectors` is (n, dimensions), L2-normalised. First the representatives are found, best text first; then every other
    text joins the closest of all of them, so that membership depends on the set of representatives and not on their
    order. `beat` is called with the number of texts settled. Deterministic.
    """
    dimensions = vectors.shape[1] if len(vectors) else 0
    described = lru_cache(maxsize=8_192)(lambda at: features(texts[at]))

    def alike(left: int, right: int) -> bool:
        return verified(described(left), described(right))

    ranked = order(candidates)
    room = _Growing(dimensions)
    held: list[int] = []  # positions of the representatives, best first
    rest: list[int] = []
    for start in range(0, len(ranked), BLOCK):
        block = ranked[start : start + BLOCK]
        rows = vectors[block].astype(np.float32)
        near = _near(rows, room, threshold)
        within = rows @ rows.T >= threshold
        fresh: list[int] = []  # places in the block of those that represent themselves
        for place, at in enumerate(block):
            options = [held[number] for _, number in near[place]]
            options += [block[other] for other in fresh if within[place, other]]
            if any(alike(at, other) for other in options):
                rest.append(at)
            else:
                fresh.append(place)
        room.extend(vectors[[block[place] for place in fresh]])
        held.extend(block[place] for place in fresh)
        beat((start + len(block)) // 2)
    result = [(at, 1.0) for at in range(len(candidates))]
    for start in range(0, len(rest), BLOCK):
        block = rest[start : start + BLOCK]
        for at, near_ones in zip(
            block, _near(vectors[block].astype(np.float32), room, threshold), strict=True
        ):
            # Closest first; of equally close ones the better.
            for similarity, number in sorted(near_ones, key=lambda one: (-one[0], one[1])):
                if alike(at, held[number]):
                    result[at] = (held[number], min(1.0, round(similarity, 6)))
                    break
        beat((len(ranked) + start + len(block)) // 2)
    return result


class _Growing:
    """Rows that are appended to, without copying everything each time."""

    def __init__(self, dimensions: int) -> None:
        self._rows = np.empty((BLOCK, dimensions), dtype=np.float16)
        self.count = 0

    def extend(self, rows: NDArray[np.float16]) -> None:
        needed = self.count + len(rows)
        if needed > len(self._rows):
            larger = np.empty((max(needed, 2 * len(self._rows)), self._rows.shape[1]), dtype=np.float16)
            larger[: self.count] = self._rows[: self.count]
            self._rows = larger
        self._rows[self.count : needed] = rows
        self.count = needed

    def strip(self, start: int) -> NDArray[np.float32]:
        return self._rows[start : min(self.count, start + STRIP)].astype(np.float32)


def _near(rows: NDArray[np.float32], room: _Growing, threshold: float) -> list[list[tuple[float, int]]]:
    """For each row the (cosine, number) of the representatives that reach the threshold."""
    near: list[list[tuple[float, int]]] = [[] for _ in range(len(rows))]
    for start in range(0, room.count, STRIP):
        similarities = rows @ room.strip(start).T
        for place, number in zip(*np.nonzero(similarities >= threshold), strict=True):
            near[place].append((float(similarities[place, number]), start + int(number)))
    return near
