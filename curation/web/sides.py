"""Raw, extracted and cut, side by side: what came, what was made of it, and what was left out of it and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from curation.recipe.ingest.content_type import as_utf8, without_charset
from curation.recipe.ingest.extractors.decode import decode
from curation.recipe.ingest.looks import is_text
from curation.recipe.ingest.outcomes import Outcome
from curation.recipe.reasons import REASONS

RAW = 60_000  # bytes of the raw content that a page shows
TEXT = 60_000  # characters of a text


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece that was cut. `reason` is in words."""

    reason: str
    excerpt: str
    characters: int | None = None


@dataclass(frozen=True, slots=True)
class Sides:
    """`raw` is source text as it stands, to be escaped; "" for bytes that are no text. `said` is what the extractor notes, in words."""

    raw: str
    raw_cut: bool
    is_binary: bool
    text: str = ""
    text_cut: bool = False
    cuts: list[Cut] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)


#: Notes that are shown with a word of their own; what is not here is shown by its key.
WORDS = {
    "page_type": "Page type",
    "by": "Extracted by",
    "why": "Because",
    "author": "Author",
    "date": "Date",
    "licence": "Licence",
    "declared_language": "Language it states",
    "canonical": "Address it states",
    "programming_language": "Language of code",
    "encoding": "Encoding",
}
#: What is shown elsewhere or is no more than a helper's memory.
NOT_SHOWN = {"cut", "posts", "corrupted", "found", "found_at", "masked"}


def of(content: bytes | None, size: int, media_type: str, text: str, notes: dict[str, Any]) -> Sides:
    """The sides of one document. `content` is its raw beginning, `size` all of it in bytes."""
    content = content or b""
    kind, charset = without_charset(media_type)
    binary = not is_text(content[:4096])
    raw = "" if binary else decode(as_utf8(content[:RAW], charset), html=kind == "text/html")[0]
    return Sides(
        raw=raw,
        raw_cut=size > len(content[:RAW]),
        is_binary=binary and bool(content),
        text=text[:TEXT],
        text_cut=len(text) > TEXT,
        cuts=cuts_of(notes),
        said=said_of(notes),
    )


def of_outcome(outcome: Outcome) -> Sides:
    notes = dict(outcome.notes)
    if outcome.licence:
        notes["licence"] = {"name": outcome.licence, "evidence": outcome.meta.get("licence_evidence", "")}
    size = len(outcome.content) + (1 if len(outcome.content) >= RAW else 0)
    return of(outcome.content, size, outcome.media_type, outcome.text, notes)


def cuts_of(notes: dict[str, Any]) -> list[Cut]:
    """What the notes say was cut; a reason that is one of ours is told by its title."""
    found = notes.get("cut")
    return [
        Cut(_title(str(one.get("reason", ""))), str(one.get("excerpt", "")), one.get("characters"))
        for one in (found if isinstance(found, list) else [])
        if isinstance(one, dict)
    ]


def said_of(notes: dict[str, Any]) -> list[tuple[str, str]]:
    """The other notes, in words: (what, value)."""
    said = [(name, notes[name]) for name in [*WORDS, *notes] if name in notes and name not in NOT_SHOWN]
    return [
        (WORDS.get(name, name.replace("_", " ")), words_of(value))
        for name, value in dict(said).items()
        if value
    ]


def words_of(value: Any) -> str:
    if isinstance(value, dict):
        if set(value) == {"name", "evidence"}:
            return " · ".join(str(part) for part in (value["name"], value["evidence"]) if part)
        return ", ".join(f"{key}: {words_of(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(words_of, value))
    return "yes" if value is True else str(value)


def _title(reason: str) -> str:
    return REASONS[reason].title if reason in REASONS else reason.replace("_", " ")
