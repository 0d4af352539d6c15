"""How freely a text may be used, as far as its licence's name tells: of two duplicates the freer one is kept."""

from __future__ import annotations

import re

#: Freest first; the first pattern that is found decides. What no pattern knows stands before what states nothing.
FREEDOM = (
    re.compile(r"\b(cc0|pdm|public[ -]?domain|unlicense|0bsd)", re.I),
    re.compile(r"\b(cc[ -]by([ -]\d|$)|mit\b|apache|bsd|isc\b|odc-by)", re.I),
    re.compile(r"\b(cc[ -]by-sa|gfdl|a?gpl|lgpl|mpl|odbl)", re.I),
)
OTHER, NONE = len(FREEDOM), len(FREEDOM) + 1


def rank(licence: str) -> int:
    """0 for the public domain, then attribution, share-alike, anything else that is stated, and nothing stated."""
    if not licence.strip():
        return NONE
    return next((place for place, named in enumerate(FREEDOM) if named.search(licence)), OTHER)
