"""Regions of a map and what they are called: the words that set the texts of a region apart from all others.

Regions are groups of positions (k-means), coarse ones for the whole picture and fine ones for a part of it. Words are weighed by the log-odds
with an informative prior of Monroe, Colaresi & Quinn 2008 ("Fightin' words"), by how many pages of a region have them: words that are
common everywhere weigh nothing, so no list of stop words is needed, in any language that puts spaces between words; and one long page
does not name a region.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Regions of the whole picture and of its parts: texts for one, and how many at most.
LEVELS = ((250, 18), (60, 90))
#: A word names a region when it stands on so many of its pages, as a share and in number, and weighs so much.
LEAST_SHARE, LEAST_PAGES, LEAST_WEIGHT = 0.12, 3, 2.0
WORDS = 2
#: Characters of a text that are read.
BEGINNING = 700
_PRIOR = 200.0
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’-]){2,28}[^\W\d_]")
_ADDRESS = re.compile(r"\S*(?:://|www\.)\S*|\S+\.(?:com|org|net|html?|php)\b\S*")


@dataclass(frozen=True, slots=True)
class Region:
    """A name lies at (x, y) in the units of the layout; `count` texts are in it; `level` 0 is for the whole picture, 1 for parts of it."""

    x: float
    y: float
    words: tuple[str, ...]
    count: int
    level: int


def name_regions(
    positions: NDArray[np.float64],
    read: Callable[[int, int], Sequence[tuple[int, str]]],
    seed: int = 1,
) -> list[Region]:
    """The regions that can be told apart by words, coarse ones first, large ones first among them.

    `read(start, stop)` gives (page, beginning of the text) from one position to another; it is asked once for each, in order, and texts of
    a page follow each other.
    """
    regions = [
        (level, _grouped(positions, min(most, len(positions) // texts), seed))
        for level, (texts, most) in enumerate(LEVELS)
        if len(positions) // texts >= 2
    ]
    counted = [_Counted(groups) for _, groups in regions]
    for start in range(0, len(positions), 1_000):
        for at, (page, text) in enumerate(read(start, min(start + 1_000, len(positions))), start):
            found = words_of(text)
            for one in counted:
                one.add(at, page, found)
    for one in counted:
        one.turn_page()
    return [
        region
        for (level, groups), one in zip(regions, counted, strict=True)
        for region in _named(positions, groups, one, level)
    ]


def words_of(text: str) -> set[str]:
    """The words of a text's beginning, folded; addresses are none."""
    return {word.replace("’", "'") for word in _WORD.findall(_ADDRESS.sub(" ", text[:BEGINNING]).lower())}


def _grouped(positions: NDArray[np.float64], count: int, seed: int) -> NDArray[np.int64]:
    from sklearn.cluster import KMeans

    found = KMeans(count, n_init=3, random_state=seed).fit_predict(positions)
    return np.asarray(found, dtype=np.int64)


class _Counted:
    """On how many pages of each region each word stands. A page counts once in each region that it has texts in."""

    def __init__(self, groups: NDArray[np.int64]) -> None:
        self.groups = groups
        self.of = [Counter[str]() for _ in range(int(groups.max()) + 1)]
        self.pages = [0] * len(self.of)
        self.all = Counter[str]()
        self._page = -1
        self._words: dict[int, set[str]] = {}

    def add(self, at: int, page: int, words: set[str]) -> None:
        if page != self._page:
            self.turn_page()
            self._page = page
        self._words.setdefault(int(self.groups[at]), set()).update(words)

    def turn_page(self) -> None:
        """Count the page that has come to its end."""
        for group, words in self._words.items():
            self.of[group].update(words)
            self.all.update(words)
            self.pages[group] += 1
        self._words = {}


def _named(
    positions: NDArray[np.float64], groups: NDArray[np.int64], counted: _Counted, level: int
) -> list[Region]:
    sizes = np.bincount(groups, minlength=len(counted.of))
    found = []
    for group in np.argsort(-sizes, kind="stable").tolist():
        inside = positions[groups == group]
        words = _telling(counted.of[group], counted.all, counted.pages[group], sum(counted.pages))
        if words:
            x, y = _middle(inside)
            found.append(Region(x, y, words, len(inside), level))
    return found


def _telling(own: Counter[str], everywhere: Counter[str], size: int, total: int) -> tuple[str, ...]:
    """The words by weight, without those that say the same again."""
    weights = {
        word: _weight(count, size, everywhere[word] - count, total - size, everywhere[word] / total)
        for word, count in own.items()
        if count >= max(LEAST_PAGES, LEAST_SHARE * size)
    }
    ranked = sorted(
        (word for word in weights if weights[word] >= LEAST_WEIGHT), key=lambda w: (-weights[w], w)
    )
    chosen: list[str] = []
    for word in ranked:
        if len(chosen) < WORDS and not any(_akin(word, other) for other in chosen):
            chosen.append(word)
    return tuple(chosen)


def _weight(own: int, size: int, other: int, rest: int, share: float) -> float:
    """The z-score of the log-odds of a word in a region against everywhere else, with the whole as prior."""
    prior = _PRIOR * share
    within = np.log((own + prior) / (size + _PRIOR - own - prior + 1e-9))
    without = np.log((other + prior) / (rest + _PRIOR - other - prior + 1e-9))
    return float((within - without) / np.sqrt(1 / (own + prior) + 1 / (other + prior)))


def _akin(one: str, other: str) -> bool:
    """cell and cells, write and writing."""
    shared = min(len(one), len(other)) - 1
    return one[: max(4, shared)] == other[: max(4, shared)]


def _middle(inside: NDArray[np.float64]) -> tuple[float, float]:
    """The text nearest to the median, so that a name never lies on a gap."""
    middle = np.median(inside, axis=0)
    x, y = inside[np.argmin(((inside - middle) ** 2).sum(axis=1))].tolist()
    return x, y
