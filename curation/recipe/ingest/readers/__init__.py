"""Readers: how each kind of file becomes rows. A reader is one file here and one line in `READERS`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from curation.recipe.ingest.found import BadRow, Ref, Row
from curation.recipe.ingest.limits import Limits
from curation.recipe.ingest.looks import is_text, shows_html
from curation.recipe.ingest.mapping import Choice, Picker
from curation.recipe.ingest.packages import ZIP
from curation.recipe.ingest.programming import BY_SUFFIX as CODE_SUFFIXES
from curation.recipe.ingest.readers import (
    code,
    csv,
    epub,
    jats,
    json,
    jsonl,
    latex,
    mediawiki,
    notebook,
    office,
    parquet,
    pdf,
    stackexchange,
    warc,
    whole,
)
from curation.recipe.ingest.walk import Member

Read = Callable[[Member, Choice, Limits], Iterator[Row | BadRow]]
Again = Callable[[Member, Sequence[Ref], Picker, Limits], Iterator[tuple[Ref, bytes | None]]]


@dataclass(frozen=True, slots=True)
class Reader:
    """`table`: its rows are records with fields, which a mapping chooses from; otherwise the file is one document.

    `again` finds single rows of a plain file without reading what stands before them, where the format allows it;
    `by_offset` says that it needs to know where in the file they are. `marked` knows the format by a file's first bytes
    beyond doubt: then they decide, whatever the name is, and a name alone does not.
    """

    title: str
    suffixes: tuple[str, ...]
    read: Read
    table: bool
    again: Again | None = None
    by_offset: bool = True
    marked: Callable[[bytes], bool] | None = None


READERS: dict[str, Reader] = {
    "jsonl": Reader("JSON Lines", (".jsonl", ".ndjson", ".jsonlines"), jsonl.read, True, jsonl.again),
    "json": Reader("JSON", (".json",), json.read, True),
    "csv": Reader("CSV", (".csv", ".tsv", ".tab"), csv.read, True, csv.again),
    "parquet": Reader(
        "Parquet",
        (".parquet", ".pq"),
        parquet.read,
        True,
        parquet.again,
        by_offset=False,
        marked=parquet.marked,
    ),
    "warc": Reader("WARC", (".warc",), warc.read, False, marked=warc.marked),
    "mediawiki": Reader("MediaWiki dumps", (), mediawiki.read, False, marked=mediawiki.marked),
    "stackexchange": Reader(
        "Stack Exchange dumps", (), stackexchange.read, False, marked=stackexchange.marked
    ),
    "html": Reader("HTML", (".html", ".htm", ".xhtml"), whole.html, False),
    "pdf": Reader("PDF", (".pdf",), pdf.read, False, marked=pdf.marked),
    "jats": Reader("JATS XML", (".nxml",), jats.read, False, marked=jats.marked),
    "latex": Reader("LaTeX", (".tex", ".ltx", ".latex"), latex.read, False),
    "epub": Reader("EPUB", (".epub",), epub.read, False, marked=epub.marked),
    "docx": Reader("DOCX", (".docx",), office.docx, False, marked=office.is_docx),
    "odt": Reader("ODT", (".odt",), office.odt, False, marked=office.is_odt),
    "notebook": Reader("Jupyter notebooks", (".ipynb",), notebook.read, False),
    "markdown": Reader("Markdown", (".md", ".markdown", ".mdown"), whole.markdown, False),
    "code": Reader("source code", tuple(CODE_SUFFIXES), code.read, False),
    "text": Reader("Text", (".txt", ".text"), whole.text, False),
}

BY_SUFFIX = {suffix: name for name, reader in READERS.items() for suffix in reader.suffixes}

#: Packages that are not built as their standard says are taken at their name.
PACKAGES = ("epub", "docx", "odt")

#: What the bytes of a file without a telling name look like, the surest first.
SHOWN: dict[str, Callable[[bytes], bool]] = {
    "jsonl": jsonl.shows,
    "html": shows_html,
    "latex": latex.shows,
}

#: What is recognised only to be refused by its name.
FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"RIFF", "a sound or a film"),
    (b"OggS", "a sound or a film"),
    (b"ID3", "a sound or a film"),
    (b"\xd0\xcf\x11\xe0", "an Office document"),
    (ZIP, "a package of office software"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"SQLite format 3", "a database"),
)


def reader_of(name: str, head: bytes) -> str:
    """The reader's key for a file with this name that starts with these bytes; "" when none reads it.

    The name's ending decides, unless the bytes say plainly that it lies.
    """
    if marked := next((key for key, one in READERS.items() if one.marked and one.marked(head)), ""):
        return marked
    by_name = BY_SUFFIX.get(os.path.splitext(name)[1].lower(), "")
    if foreign(head):
        return by_name if head.startswith(ZIP) and by_name in PACKAGES else ""
    if by_name and READERS[by_name].marked:
        by_name = ""  # the bytes would show it
    if code.shows(name, head):
        by_name = "code"  # by its whole name or its first line, where the ending does not tell
    shows = next((reader for reader, shown in SHOWN.items() if shown(head)), "")
    if by_name in ("jsonl", "csv") and shows == "html":
        return "html"
    if by_name in ("", "csv", "text", "html") and shows == "jsonl":
        return "jsonl"
    if by_name == "jsonl" and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        return "json"
    return by_name or shows or ("text" if is_text(head) else "")


def foreign(head: bytes) -> str:
    """What a file that the studio does not read is, in words; "" for anything else."""
    return next((what for magic, what in FOREIGN if head.startswith(magic)), "")


def refusal(head: bytes) -> str:
    """The complaint about a file that no reader takes; it follows the file's name."""
    what = foreign(head)
    said = f"is {what}, which the studio does not read" if what else "is not text of a kind the studio reads"
    return f"{said}. It reads {kinds()}."


def kinds() -> str:
    """What the studio reads, in words."""
    titles = [reader.title for reader in READERS.values()]
    return f"{', '.join(titles[:-1])} and {titles[-1]}"
