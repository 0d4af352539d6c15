"""Text and Markdown: nearly as they are, with their encoding mended."""

from __future__ import annotations

import re

from curation.recipe.ingest.extractors.decode import decode, mend
from curation.recipe.ingest.found import TITLE, shorten

FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.{0,8000}?\n)---[ \t]*(?:\n|\Z)", re.DOTALL)
FRONT_TITLE = re.compile(r"""^title:[ \t]*["']?(.+?)["']?[ \t]*$""", re.MULTILINE)
HEADING = re.compile(r"^#{1,2}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)


def text(content: bytes, address: str) -> dict[str, object]:
    words, notes = _read(content)
    return {"text": words, "notes": notes}


def markdown(content: bytes, address: str) -> dict[str, object]:
    """Front matter is taken off; the title is its `title`, or the first heading."""
    words, notes = _read(content)
    title = ""
    if front := FRONT_MATTER.match(words):
        found = FRONT_TITLE.search(front[1])
        title = found[1] if found else ""
        words = words[front.end() :]
        notes["front_matter_removed"] = True
    if not title and (heading := HEADING.search(words[:20_000])):
        title = heading[1]
    return {"text": words.strip("\n"), "title": shorten(title, TITLE), "notes": notes}


def _read(content: bytes) -> tuple[str, dict[str, object]]:
    words, notes = decode(content)
    words, mended = mend(words)
    return words.strip("\n"), notes | mended
