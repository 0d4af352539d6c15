"""What reading a file finds: rows that can become documents, and rows that cannot, each with its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from curation.recipe.text.normalise import safe_text

EXCERPT = 200
TITLE = 500
ADDRESS = 2000
LICENCE = 80
#: The field of a row's `meta` that says where its licence was found, when no column stated it.
LICENCE_EVIDENCE = "licence_evidence"


@dataclass(slots=True)
class Row:
    """One document as it came. `content` is its raw bytes: a whole file, or the mapped field of a table as UTF-8.

    `row` is 1-based, as an editor shows it (for CSV the line where the record starts; for Parquet and JSON arrays the
    ordinal), and 0 for a whole file. `offset` and `length` are the record's place in bytes in its member,
    None where it cannot be seeked. `notes` names what was mended to read it.
    """

    member: str
    row: int
    content: bytes
    media_type: str
    title: str = ""
    address: str = ""
    licence: str = ""
    meta: dict[str, Any] = field(default_factory=dict)
    offset: int | None = None
    length: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class BadRow:
    """A row, member or file that cannot be read. `reason` is a whole sentence with its way out."""

    file: str
    member: str
    row: int
    reason: str
    excerpt: str = ""


class Ref(NamedTuple):
    """A row that was read before: what its content is found again by."""

    member: str
    row: int
    offset: int | None
    length: int | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where reading stands: the file's name, and the path inside an archive (empty outside one)."""

    file: str
    member: str = ""

    @property
    def shown(self) -> str:
        return f"{self.file} › {self.member}" if self.member else self.file

    def bad_row(self, row: int, complaint: str, excerpt: str | bytes = "") -> BadRow:
        """`complaint` follows "Row 1,204 of pages.jsonl "."""
        reason = f"Row {row:,} of {storable(self.shown)} {complaint}"
        return BadRow(self.file, self.member, row, storable(reason), shorten(excerpt))

    def bad_file(self, complaint: str, excerpt: str | bytes = "") -> BadRow:
        """`complaint` follows the name of the file or member."""
        return BadRow(self.file, self.member, 0, storable(f"{self.shown} {complaint}"), shorten(excerpt))


def storable(text: str) -> str:
    """The text without what PostgreSQL cannot hold (NUL, lone surrogates)."""
    return safe_text(text).text


def shorten(text: str | bytes, limit: int = EXCERPT) -> str:
    """The beginning of a text on one line, for a person to recognise it by."""
    if isinstance(text, bytes):
        text = text[: limit * 4].decode("utf-8", "replace")
    line = " ".join(storable(text[: limit * 4]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


class Unreadable(Exception):
    """A document whose text cannot be had. `reason` is a key of `reasons.REASONS`, `detail` a sentence for a person."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
