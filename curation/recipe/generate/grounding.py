"""Whether what was written stands on the seed, stands alone, and is not a copy of it: checks that need no model."""

from __future__ import annotations

import re

from curation.recipe.text.normalise import normal_form

#: Words in a row that count as copied. Ours: long enough that a term or a usual phrase is none.
RUN = 8
_WORD = re.compile(r"\w+")
_ELLIPSIS = re.compile(r"\s*(?:\[\s*(?:\.\.\.|…)\s*\]|\.\.\.|…)\s*")
#: A task that points at a text which the reader does not have.
_POINTS = re.compile(
    r"\b(?:the|this|that|above|given|following) (?:passage(?! of)|excerpt|article|snippet|provided text|source text|given text)\b"
    r"|\b(?:according to|as (?:stated|described|mentioned|discussed) in|based on) the (?:text|author|paper|book|document)\b",
    re.I,
)
LEAST_QUOTE = 12  # characters


def quoted(quote: str, text: str) -> bool:
    """Whether the words of the quote stand in the text, part by part in their order where it was shortened with dots."""
    said, at = normal_form(text), 0
    parts = [normal_form(part) for part in _ELLIPSIS.split(quote.strip().strip("\"'“”«»")) if part.strip()]
    if sum(map(len, parts)) < LEAST_QUOTE:
        return False
    for part in parts:
        found = said.find(part.rstrip("."), at)
        if found < 0:
            return False
        at = found + len(part)
    return True


def points_elsewhere(task: str) -> str:
    """The words by which a task points at a text that is not there; "" without any."""
    found = _POINTS.search(task)
    return found.group() if found else ""


def copied(written: str, text: str) -> float:
    """Share of the written text's runs of eight words that stand in the text too; 0 where it has none."""
    ours, theirs = _runs(written), _runs(text)
    return len(ours & theirs) / len(ours) if ours else 0.0


def _runs(text: str) -> set[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    return {tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}
