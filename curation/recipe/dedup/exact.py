"""Exact duplicates: texts with the same normal form (`recipe.text.normalise.normal_form`).

Of each group the text that came first is kept, which is a rule that stays true when more material comes: what
was kept yesterday is not left out today because of a newcomer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

Name = TypeVar("Name")


def duplicates(texts: Iterable[tuple[Name, str]]) -> dict[Name, Name]:
    """Each duplicate with the one it repeats. `texts` are (name, normal hash) in the order in which they came."""
    first: dict[str, Name] = {}
    repeats: dict[Name, Name] = {}
    for name, digest in texts:
        kept = first.setdefault(digest, name)
        if kept != name:
            repeats[name] = kept
    return repeats
