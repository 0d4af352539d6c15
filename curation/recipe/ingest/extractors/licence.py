"""The licence that a document states of itself, with the words that say so."""

from __future__ import annotations

from curation.recipe.ingest import licences
from curation.recipe.ingest.found import shorten


def licence(link: str, words: str) -> dict[str, str] | None:
    """`{name, evidence}`: an SPDX identifier, or "" for words that no rule knows; None where nothing is stated."""
    stated = " ".join(filter(None, [link, words]))
    if not stated.strip():
        return None
    return {"name": _name(stated), "evidence": shorten(stated, 400)}


def _name(stated: str) -> str:
    if known := licences.of_address(stated):
        return known
    commons = licences.CREATIVE_COMMONS.search(" ".join(stated.split()))
    return licences.of_words(commons[0]) if commons and commons[3] else ""
