"""Texts that share their wording: MinHash of shingles (Broder 1997), in bands (Leskovec et al., Mining of Massive
Datasets, 3.4), every candidate verified by the true Jaccard of its shingles.

A shingle is five words in a row, whatever their case and punctuation. Scripts that put no spaces between words have no words to
count: there every character is one, so that a shingle is five characters. A text of fewer than five words is one shingle.

112 hashes as 14 bands of 8 rows: two texts of Jaccard s share a band with the chance 1 − (1 − s⁸)¹⁴, which is .92 at
.8, .56 at .7 and .001 at .3. Whoever keeps bands keeps `VERSION` with them: another family of hashes
shares nothing with this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

#: Of words, shingles, hashes and bands together.
VERSION = 1
WORDS = 5
BANDS, ROWS = 14, 8
#: From this true Jaccard on two texts are lexical duplicates.
JACCARD = 0.8

#: Han, kana, Thai, Lao, Burmese, Khmer, Tibetan: one character at a time; all else by words.
_UNSPACED = "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")

_UINT = np.uint64
_PRIME = _UINT(0x100000001B3)
#: SplitMix64 (Steele et al. 2014): three constants that make of any number one that looks drawn by chance.
_MIX = (_UINT(0x9E3779B97F4A7C15), _UINT(0xBF58476D1CE4E5B9), _UINT(0x94D049BB133111EB))


def shingles(text: str) -> NDArray[np.uint64]:
    """The distinct shingles of a text as sorted 64-bit hashes; empty for a text without words."""
    words = np.array([_word(word) for word in _WORD.findall(text.casefold())], dtype=_UINT)
    if not len(words):
        return words
    width = min(WORDS, len(words))
    count = len(words) - width + 1
    joined = np.zeros(count, dtype=_UINT)
    for at in range(width):
        joined = joined * _PRIME + words[at : at + count]
    return np.unique(_mixed(joined))


def jaccard(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> float:
    """The true Jaccard of two sets of shingles; 0 where either is empty."""
    if not len(left) or not len(right):
        return 0.0
    shared = len(np.intersect1d(left, right, assume_unique=True))
    return shared / (len(left) + len(right) - shared)


def bands(found: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The bands of a set of shingles, (14,); none, (0,), for an empty one."""
    if not len(found):
        return np.zeros(0, dtype=np.int64)
    multipliers, offsets = _family()
    hashed = found[:, None] * multipliers + offsets
    least = (hashed >> _UINT(32)).min(axis=0).reshape(BANDS, ROWS)
    joined = np.arange(BANDS, dtype=_UINT)
    for row in range(ROWS):
        joined = _mixed(joined * _PRIME + least[:, row])
    return joined.view(np.int64)


def candidates(
    banded: Sequence[NDArray[np.int64]], fresh: Iterable[int] | None = None, most: int = 64
) -> Iterator[tuple[int, int]]:
    """Pairs (left < right) of positions that share a band; of `fresh` ones with all, of all where None.

    In a band that more than `most` texts share, each is paired with the `most` before it: a crowd costs its size, not its square, and
    still hangs together.
    """
    sharing: dict[int, list[int]] = {}
    wanted = None if fresh is None else set(fresh)
    seen: set[tuple[int, int]] = set()
    for at, values in enumerate(banded):
        for value in values.tolist():
            others = sharing.setdefault(value, [])
            for other in others[-most:]:
                pair = (other, at)
                if pair not in seen and (wanted is None or at in wanted or other in wanted):
                    seen.add(pair)
                    yield pair
            others.append(at)


@lru_cache(maxsize=1 << 18)
def _word(word: str) -> int:
    data = word.encode("utf-8", "surrogatepass")
    return crc32(data) << 32 | crc32(data, 0x9E3779B9)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    values = values + _MIX[0]
    values = (values ^ (values >> _UINT(30))) * _MIX[1]
    values = (values ^ (values >> _UINT(27))) * _MIX[2]
    return values ^ (values >> _UINT(31))


@lru_cache(maxsize=1)
def _family() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Multiply-shift hashes (Dietzfelbinger et al. 1997), the same on every machine: odd multipliers and offsets."""
    drawn = _mixed(np.arange(1, 2 * BANDS * ROWS + 1, dtype=_UINT))
    return drawn[::2] | _UINT(1), drawn[1::2]
