"""The words of a PDF's pages, each with its place, size and weight, in the order in which the file draws them."""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from curation.recipe.ingest.extractors.pdf.page import Page, Word, lines_of
from curation.recipe.ingest.found import Unreadable

LETTERS = 400_000  # of one page; more is a drawing made of letters
BOLD = 600  # font weight
TINY = 1.5  # points
#: A word; pdfium puts the two halves of a word that a line breaks together, with a mark of its own between.
WORD = re.compile("([^\\s\x02\ufffe]+)([\x02\ufffe]?)")
CONTROLS = re.compile("[\x00-\x1f]")
LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "ft", "ﬆ": "st", "ĳ": "ij", "Ĳ": "IJ"})  # fmt: skip


@dataclass(slots=True)
class Opened:
    """An open file. `fallback` says why pypdf had to read it; then `texts` holds its pages' plain text.

    `broken` holds the numbers of pages that could not be read.
    """

    count: int
    about: dict[str, str]
    document: Any = None
    fallback: str = ""
    texts: list[str] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)

    def pages(self) -> Iterator[Page]:
        from pypdfium2 import PdfiumError

        for index in range(self.count):
            try:
                page = self.document[index]
                try:
                    yield _page(page, index + 1)
                finally:
                    page.close()
            except PdfiumError:
                self.broken.append(index + 1)


@contextmanager
def opened(content: bytes) -> Iterator[Opened]:
    """Open by pypdfium2, else by pypdf. Raises Unreadable for what needs a password or is no PDF."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(content)
        count = len(document)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            said = "It opens only with a password. Save it without one and import it again."
            raise Unreadable("encrypted", said) from error
        yield _by_pypdf(content, f"pypdfium2 cannot open it: {error}")
        return
    if count == 0:
        document.close()
        yield _by_pypdf(content, "pypdfium2 finds no page in it")
        return
    try:
        yield Opened(count, _about(document), document)
    finally:
        document.close()


def _about(document: Any) -> dict[str, str]:
    """Title, author, date and language as the file states them."""
    stated = document.get_metadata_dict(skip_empty=True)
    date = "".join(letter for letter in stated.get("CreationDate", "") if letter.isdigit())
    return {
        "title": " ".join(stated.get("Title", "").split()),
        "author": " ".join(stated.get("Author", "").split())[:500],
        "date": f"{date[:4]}-{date[4:6]}-{date[6:8]}" if len(date) >= 8 else "",
        "language": stated.get("Lang", ""),
    }


def _by_pypdf(content: bytes, why: str) -> Opened:
    import io

    import pypdf

    try:
        reader = pypdf.PdfReader(io.BytesIO(content), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("encrypted", "It opens only with a password.")
        texts = [page.extract_text() for page in reader.pages]
    except Unreadable:
        raise
    except MemoryError:
        raise
    except Exception as error:  # what pypdf raises for a broken file is of every kind
        words = " ".join(str(error).split())[:160].rstrip(".")
        raise Unreadable(
            "damaged", f"Neither pypdfium2 nor pypdf can read it ({why}; pypdf: {words})."
        ) from error
    return Opened(len(texts), {}, fallback=why, texts=texts)


# A page


def _page(page: Any, number: int) -> Page:
    import pypdfium2.raw as raw

    width, height = page.get_size()
    turn = page.get_rotation()
    text = page.get_textpage()
    try:
        found = list(_words(raw, text.raw, min(raw.FPDFText_CountChars(text.raw), LETTERS)))
    finally:
        text.close()
    pictured = (
        any(True for _ in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=2))
        if _few(found)
        else False
    )
    quarter = _main_quarter(found)
    result = Page(number, width, height, pictured=pictured)
    if turn in (90, 270):
        width, height = height, width
    if quarter % 2:
        result.width, result.height = height, width
    else:
        result.width, result.height = width, height
    result.lines = lines_of(
        _upright(word, quarter, width, height) for word, direction in found if direction == quarter
    )
    result.turned = [word.text for word, direction in found if direction != quarter]
    return result


def _few(found: list[tuple[Word, int]]) -> bool:
    """Whether it matters that a page has pictures: only where it has next to no words."""
    return len(found) < 30


def _main_quarter(found: list[tuple[Word, int]]) -> int:
    """The direction in which most letters run: 0 to the right, 1 upwards, 2 to the left, 3 downwards."""
    letters = [0, 0, 0, 0]
    for word, quarter in found:
        letters[quarter] += len(word.text)
    return letters.index(max(letters))


def _upright(word: Word, quarter: int, width: float, height: float) -> Word:
    """The word's place as somebody sees it who turns the page so that its words stand upright; from PDF's, whose y goes up."""
    left, low, right, high = word.left, word.top, word.right, word.bottom
    match quarter:
        case 0:
            word.left, word.top, word.right, word.bottom = left, height - high, right, height - low
        case 1:
            word.left, word.top, word.right, word.bottom = low, left, high, right
        case 2:
            word.left, word.top, word.right, word.bottom = width - right, low, width - left, high
        case _:
            word.left, word.top, word.right, word.bottom = (
                height - high,
                width - right,
                height - low,
                width - left,
            )
    return word


def _words(raw: Any, text: Any, count: int) -> Iterator[tuple[Word, int]]:
    """Every word with the quarter of a turn its letters make. Places as PDF has them: `top` is the lower edge."""
    unicode, box, place = raw.FPDFText_GetUnicode, raw.FPDFText_GetLooseCharBox, raw.FS_RECTF()
    letters = "".join([chr(unicode(text, index) or 32) for index in range(count)])
    for found in WORD.finditer(letters):
        start, last = found.start(), found.end(1) - 1
        written = CONTROLS.sub("", found[1]).translate(LIGATURES)
        if not written or not box(text, start, place):
            continue
        left, low, right, high = place.left, place.bottom, place.right, place.top
        if last != start and box(text, last, place):
            left, low = min(left, place.left), min(low, place.bottom)
            right, high = max(right, place.right), max(high, place.top)
        # A sum is finite when all of it is; opposite infinities make no number, which is not finite either.
        if math.isfinite(left + low + right + high):
            size, bold, quarter = _look(raw, text, start)
            # Some files state a size of one and scale the page: what is drawn is as high as its box.
            size = size if size > TINY else (high - low if quarter % 2 == 0 else right - left)
            broken = found[2] != ""
            word = Word(written + "-" * broken, left, low, right, high, size, bold)
            word.breaks = broken or letters[found.end() : found.end() + 1] in "\r\n"
            yield word, quarter


def _look(raw: Any, text: Any, index: int) -> tuple[float, bool, int]:
    """Size, whether it is bold, and direction, of one letter."""
    angle = raw.FPDFText_GetCharAngle(text, index)
    quarter = round(angle / (math.pi / 2)) % 4 if math.isfinite(angle) and angle > 0 else 0
    weight = raw.FPDFText_GetFontWeight(text, index)
    bold = weight >= BOLD or (weight <= 0 and _named_bold(raw, text, index))
    return raw.FPDFText_GetFontSize(text, index), bold, quarter


def _named_bold(raw: Any, text: Any, index: int) -> bool:
    return (
        bool(raw.FPDFText_GetFontInfo(text, index, NAME, len(NAME), FLAGS))
        and BOLD_NAME.search(NAME.value) is not None
    )


#: What pdfium writes a font's name into. One for all: it is not to be used by several threads anyway.
NAME = ctypes.create_string_buffer(80)
FLAGS = ctypes.pointer(ctypes.c_int())
BOLD_NAME = re.compile(rb"[Bb]old|Medi|CMBX|Black|Heavy")
