"""Whether two texts with close vectors, or much the same wording, are duplicates of each other.

A vector hears what a text is about, not what it says. A pair is refused when

- one lasts twice as long as the other: it says more, and is no duplicate of it;
- fewer than half of all numbers in either are shared: the same template filled in for another town, day or product;
- the texts have fewer than `SHORT` words, which make unreliable vectors, and do not share most of them;
- they are not in Latin script and share less than `TRIGRAMS_SHARED` of their character trigrams: the bundled model spells out what
  it has not learnt, and finds two Hindi texts alike because both are in Hindi (0.92 between a page on the monsoon and one on zero;
  unlike texts of one script share up to 0.21 of their trigrams, light rewrites 0.9).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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


def _trigrams(text: str) -> frozenset[str]:
    spaced = " ".join(text.casefold().split())
    return frozenset(spaced[at : at + 3] for at in range(max(1, len(spaced) - 2)))


def _shared(left: frozenset[str], right: frozenset[str]) -> float:
    """Jaccard; 1 when both are empty."""
    union = len(left | right)
    return len(left & right) / union if union else 1.0
