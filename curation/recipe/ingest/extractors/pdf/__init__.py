"""PDF to Markdown: pypdfium2 says which letters stand where, and the rest is our own reading of a page.

`words` reads a page's words with their places and fonts, and `page` has them as lines; `layout` puts lines into blocks and columns
in reading order; `furniture` finds running heads, page numbers and stamps; `paragraphs` joins lines, mends hyphens and guesses headings.
A file that pypdfium2 cannot open is tried with pypdf, whose plain text comes without any of that.
"""

from __future__ import annotations

import re

from curation.recipe.ingest.extractors.decode import mend
from curation.recipe.ingest.extractors.licence import licence
from curation.recipe.ingest.extractors.pdf.furniture import Furniture, furniture_of
from curation.recipe.ingest.extractors.pdf.layout import Block, blocks_of
from curation.recipe.ingest.extractors.pdf.page import Page
from curation.recipe.ingest.extractors.pdf.paragraphs import Style, markdown
from curation.recipe.ingest.extractors.pdf.words import Opened, opened
from curation.recipe.ingest.found import TITLE, Unreadable, shorten

SPARSE = 25  # characters a page, below which pages with pictures are taken to be scans
PAGES = 5_000
PRIVATE = re.compile("[\ue000-\uf8ff\ufffd]")


def pdf(content: bytes, address: str) -> dict[str, object]:
    """Raises Unreadable: `encrypted`, `scanned`, `damaged`, `empty`, `too_large` or, for letters without names, `not_text`."""
    with opened(content) as file:
        if file.count > PAGES:
            raise Unreadable("too_large", f"It has {file.count:,} pages; the limit is {PAGES:,}.")
        if file.fallback:
            return _plain(file, address)
        pages = list(file.pages())
    if not pages:
        raise Unreadable("damaged", "None of its pages can be read.")
    _refuse_without_text(pages)
    furniture = furniture_of(pages)
    style = Style.of(pages, furniture)
    blocks: list[Block] = []
    for page in pages:
        blocks += blocks_of(page, furniture.cut)
    text, notes = mend(markdown(blocks, style))
    if len(PRIVATE.findall(text)) * 5 > len(text):
        raise Unreadable("not_text", "Its fonts do not say which letters they draw.")
    title = file.about.get("title", "") if _telling(file.about.get("title", "")) else ""
    notes |= {"by": "pypdfium2", "pages": len(pages)}
    notes |= {name: words for name, words in file.about.items() if name in ("author", "date") and words}
    if pictured := [page.number for page in pages if page.pictured and page.characters < SPARSE]:
        notes["pages_without_text"] = pictured[:50]
    if file.broken:
        notes["pages_damaged"] = file.broken[:50]
    if said := _licence(text):
        notes["licence"] = said
    if cut := _cut(furniture):
        notes["cut"] = cut
    heading = re.match(r"# (.+)", text)
    return {
        "text": text,
        "title": shorten((heading[1] if heading else "") or title, TITLE),
        "address": address,
        "language": file.about.get("language", "")[:8],
        "notes": notes,
    }


def _plain(file: Opened, address: str) -> dict[str, object]:
    text, notes = mend("\n\n".join(file.texts).strip())
    if not text:
        raise Unreadable("damaged", "It is no PDF that can be opened, or none of its pages can be read.")
    return {
        "text": text,
        "title": "",
        "address": address,
        "notes": notes | {"by": "pypdf", "why": file.fallback},
    }


def _refuse_without_text(pages: list[Page]) -> None:
    characters = sum(page.characters for page in pages)
    if characters >= SPARSE * max(len(pages), 1):
        return
    if any(page.pictured for page in pages):
        said = f"It has {characters:,} characters on {len(pages):,} pages, and pictures. Recognise its text (OCR) first."
        raise Unreadable("scanned", said)
    if not characters:
        raise Unreadable("empty", "None of its pages holds text.")


def _telling(title: str) -> bool:
    """Whether a title is one, rather than what a program put there."""
    return bool(title) and not re.search(
        r"untitled|\.(?:docx?|tex|dvi|indd|pdf|qxd|ps)\b|^microsoft word", title, re.IGNORECASE
    )


def _licence(text: str) -> dict[str, str] | None:
    """A Creative Commons licence that the first or last page states."""
    for part in (text[:6_000], text[-3_000:]):
        if found := re.search(
            r"[^.\n]{0,200}(?:creativecommons\.org/|creative commons)[^\n]{0,200}", part, re.IGNORECASE
        ):
            return licence("", found[0])
    return None


def _cut(furniture: Furniture) -> list[dict[str, object]]:
    return [
        {
            "reason": reason,
            "excerpt": shorten(" · ".join(dict.fromkeys(lines))),
            "characters": sum(map(len, lines)),
        }
        for reason, lines in furniture.lines.items()
        if lines
    ]
