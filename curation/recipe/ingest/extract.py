"""Making text of a document: a table of extractors by media type, and the judgements about what came out.

`extract` runs in this process and may hang or crash on hostile input: jobs run it through `pool.Pool`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from curation.recipe.ingest.cleaning.find import counts, find
from curation.recipe.ingest.cleaning.repair import repair
from curation.recipe.ingest.content_type import as_utf8, without_charset
from curation.recipe.ingest.extractors import (
    code,
    epub,
    html,
    jats,
    latex,
    notebook,
    office,
    pdf,
    plain,
    thread,
    wiki,
)
from curation.recipe.ingest.found import Unreadable
from curation.recipe.ingest.limits import MIB, readable_bytes
from curation.recipe.ingest.programming import BY_MEDIA_TYPE
from curation.recipe.records import Dropped

#: Larger documents are dropped as `too_large`: a page of more markup, or a text of more characters, is no page.
MARKUP_BYTES = 24 * MIB
PDF_BYTES = 64 * MIB
TEXT_CHARACTERS = 8_000_000

#: Places of personal data that are noted of one document.
FOUND_SHOWN = 20

UNREADABLE = re.compile("[\ufffd\x80-\x9f]")


@dataclass(frozen=True, slots=True)
class Extracted:
    """The text of a document. `notes` says what was changed on the way and who found the text; of HTML also what kind of
    page it was judged to be, what was cut and why, and what it says of its author, date and licence (`extractors/html`)."""

    text: str
    title: str = ""
    address: str = ""
    language: str = ""  # what the page says of itself, for what that is worth
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Extractor:
    """`run(content, address)` returns the fields of `Extracted`, or raises `Unreadable`. `library` is the distribution whose version matters."""

    name: str
    version: str
    run: Callable[[bytes, str], dict[str, Any]]
    library: str = ""
    largest: int = TEXT_CHARACTERS * 4  # bytes


EXTRACTORS: dict[str, Extractor] = {
    "application/epub+zip": Extractor("epub", "1", epub.epub, "pypandoc_binary"),
    "application/jats+xml": Extractor("jats", "1", jats.jats, "lxml", MARKUP_BYTES),
    "application/pdf": Extractor("pdf", "1", pdf.pdf, "pypdfium2", PDF_BYTES),
    "application/vnd.oasis.opendocument.text": Extractor("odt", "1", office.odt, "pypandoc_binary"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": Extractor(
        "docx", "1", office.docx, "pypandoc_binary"
    ),
    "application/x-ipynb+json": Extractor("notebook", "1", notebook.notebook),
    "text/html": Extractor("html", "2", html.html, "trafilatura", MARKUP_BYTES),
    "text/markdown": Extractor("markdown", "1", plain.markdown),
    "text/plain": Extractor("text", "1", plain.text),
    "text/x-tex": Extractor("latex", "1", latex.latex, "pypandoc_binary"),
    "text/x-wiki": Extractor("wiki", "1", wiki.wiki, "mwparserfromhell"),
    "application/x-thread+json": Extractor("thread", "1", thread.thread),
    **{kind: Extractor("code", "1", partial(code.code, kind)) for kind in BY_MEDIA_TYPE},
}


def extractor_of(media_type: str) -> str:
    """The name and version that an extraction is recorded under: `html/2+trafilatura-2.3.1`; "" when none reads it."""
    extractor = EXTRACTORS.get(without_charset(media_type)[0])
    if extractor is None:
        return ""
    if not extractor.library:
        return f"{extractor.name}/{extractor.version}"
    from importlib.metadata import version

    return f"{extractor.name}/{extractor.version}+{extractor.library}-{version(extractor.library)}"


def extract(content: bytes, media_type: str, address: str = "") -> Extracted | Dropped:
    """Make text of a document. What a library raises comes through: the pool turns it into `extraction_failed`.

    `media_type` may carry the encoding that HTTP stated: `text/html;charset=koi8-r`.
    """
    media_type, charset = without_charset(media_type)
    extractor = EXTRACTORS.get(media_type)
    if extractor is None:
        return Dropped("not_text", f"Nothing reads {media_type}.")
    if len(content) > extractor.largest:
        return Dropped(
            "too_large", f"{readable_bytes(len(content))}; the limit is {readable_bytes(extractor.largest)}."
        )
    try:
        found = extractor.run(as_utf8(content, charset), address)
    except Unreadable as unreadable:
        return Dropped(unreadable.reason, unreadable.detail)
    except RecursionError:
        return Dropped("unsafe", "Its parts stand absurdly deep in each other.")
    text = found["text"]
    if len(text) > TEXT_CHARACTERS:
        return Dropped("too_large", f"{len(text):,} characters; the limit is {TEXT_CHARACTERS:,}.")
    if not text.strip():
        return Dropped("empty")
    if (lost := len(UNREADABLE.findall(text))) * 10 > len(text):
        return Dropped("not_text", f"{lost:,} of {len(text):,} characters cannot be read.")
    return Extracted(**cleaned(found))


def cleaned(found: dict[str, Any]) -> dict[str, Any]:
    """The fields of a text with encodings and characters put right, and what was found of personal data noted."""
    text, done = repair(found["text"])
    notes = {**found.get("notes", {}), **({"repaired": done} if done else {}), **searched(text)}
    return {**found, "text": text, "notes": notes}


def searched(text: str) -> dict[str, Any]:
    """Notes on personal data and secrets: how many of each kind, and where the first stand. Empty where there is none."""
    spans = find(text)
    if not spans:
        return {}
    return {
        "found": counts(spans),
        "found_at": [[one.kind, one.start, one.end] for one in spans[:FOUND_SHOWN]],
    }
