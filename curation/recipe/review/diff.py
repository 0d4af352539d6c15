"""What an edit changed, word by word.

Built on difflib's longest matching blocks (Ratcliff and Obershelp, 1988). Words keep the white space that
follows them, a run of one mark is a word, and every Chinese, Japanese or Korean character is a word of its own. Long texts are compared
by lines first, so that a whole document takes milliseconds and not minutes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Change = Literal["same", "added", "removed"]

#: Above this many words on either side, lines are compared before words.
WORDS_AT_ONCE = 1_500

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = re.compile(rf"[{_CJK}]\s*|[^\W{_CJK}]+\s*|([^\w\s])\1*\s*|\s+")


@dataclass(frozen=True, slots=True)
class Piece:
    change: Change
    text: str


def words(text: str) -> list[str]:
    """Split so that joining gives the text back."""
    return [match[0] for match in _WORD.finditer(text)]


def compare(old: str, new: str) -> list[Piece]:
    """The pieces of both texts in reading order; neighbours never have the same kind.

    Joining what is same or removed gives `old`; joining what is same or added gives `new`.
    """
    before, after = words(old), words(new)
    if max(len(before), len(after)) <= WORDS_AT_ONCE:
        return list(_merged(_by_words(before, after)))
    return list(_merged(_by_lines(old, new)))


def sides(left: str, right: str) -> tuple[list[Piece], list[Piece]]:
    """Two texts beside each other, in pieces: what they share, and what only the one has."""
    pieces = compare(left, right)
    return [one for one in pieces if one.change != "added"], [
        one for one in pieces if one.change != "removed"
    ]


def _by_lines(old: str, new: str) -> Iterator[Piece]:
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        was, now = "".join(before[a:b]), "".join(after[c:d])
        if tag == "equal":
            yield Piece("same", was)
        elif tag == "replace" and max(len(words(was)), len(words(now))) <= WORDS_AT_ONCE:
            yield from _by_words(words(was), words(now))
        else:
            yield Piece("removed", was)
            yield Piece("added", now)


def _by_words(before: Sequence[str], after: Sequence[str]) -> Iterator[Piece]:
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Piece("same", "".join(before[a:b]))
        else:
            yield Piece("removed", "".join(before[a:b]))
            yield Piece("added", "".join(after[c:d]))


def _merged(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Join neighbours of one kind, and drop empty pieces."""
    kind: Change = "same"
    parts: list[str] = []
    for piece in pieces:
        if not piece.text:
            continue
        if piece.change != kind and parts:
            yield Piece(kind, "".join(parts))
            parts = []
        kind = piece.change
        parts.append(piece.text)
    if parts:
        yield Piece(kind, "".join(parts))
