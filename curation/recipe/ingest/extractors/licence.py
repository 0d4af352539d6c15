"""The licence that a document states of itself, with the words that say so."""

from __future__ import annotations

import re

from curation.recipe.ingest.found import shorten

CREATIVE_COMMONS = re.compile(
    r"creativecommons\.org/(?:licenses/(by(?:-nc)?(?:-nd|-sa)?)/(\d\.\d)|publicdomain/(zero|mark))",
    re.IGNORECASE,
)
IN_WORDS = re.compile(
    r"creative commons attribution((?:[ -](?:non-?commercial|no-?deriv\w+|share-?alike))*)\s*(?:license|licence)?[\s,(]*(\d\.\d)?",
    re.IGNORECASE,
)
PARTS = (("non", "NC"), ("no-d", "ND"), ("nod", "ND"), ("share", "SA"))


def licence(link: str, words: str) -> dict[str, str] | None:
    """`{name, evidence}`: the name as SPDX writes it where it is a Creative Commons licence, else ""; None without evidence."""
    evidence = shorten(" ".join(filter(None, [link, words])), 400)
    if not evidence:
        return None
    return {"name": _name(f"{link} {words}"), "evidence": evidence}


def _name(words: str) -> str:
    if found := CREATIVE_COMMONS.search(words):
        if found[3]:
            return "CC0-1.0" if found[3].lower() == "zero" else "PDM-1.0"
        return f"CC-{found[1].upper()}-{found[2]}"
    if re.search(r"\bCC0\b|public domain dedication", words):
        return "CC0-1.0"
    if (found := IN_WORDS.search(words)) and found[2]:
        said = re.sub(r"noncommercial", "non-commercial", found[1].lower())
        parts = [short for long, short in PARTS if re.search(rf"[ -]{long}", said)]
        return "-".join(["CC-BY", *dict.fromkeys(parts), found[2]])
    return ""
