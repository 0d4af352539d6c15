"""From blocks to Markdown: lines joined to paragraphs, hyphens mended, headings guessed, paragraphs gone on with over columns."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from curation.recipe.ingest.extractors.pdf.furniture import Furniture
from curation.recipe.ingest.extractors.pdf.layout import Block
from curation.recipe.ingest.extractors.pdf.page import Line, Page

INDENT = 0.7  # font sizes
SHORT = 0.12  # of the column's width, by which a last line falls short
LARGER = 1.08  # times the size of the body, from which a line may be a heading
SURE = 3  # headings that are numbered or named, from which the others must look like them
HEADING_WORDS = 20
SMALL = 0.93  # times the size of the body, below which it is a note, a caption or a table

NUMBERED = re.compile(
    r"(?:(?P<digits>\d{1,2}(?:\.\d{1,2}){0,4})\.?|(?P<letter>[A-Z](?:\.\d{1,2}){0,3})\.?|[IVX]{1,5}\.)\s+\S"
)
NAMED = re.compile(
    r"(?:abstract|introduction|references|bibliography|acknowledge?ments?|conclusions?|discussion|appendix|contents|summary)\b[ .:]*",
    re.IGNORECASE,
)
#: An entry of a table of contents: a number, a title and the page, with or without dots between.
CONTENTS = re.compile(r"(?:\d{1,2}(?:\.\d{1,2})*\.?\s+\S.*?|.+?(?:\s?\.){3,})\s*\d{1,4}$")
CAPTION = re.compile(r"(?:figure|fig\.|table|tab\.|algorithm|scheme|abbildung|tabelle)\s*\d+", re.IGNORECASE)
BULLET = re.compile(r"[•◦▪‣●○■∙·*–-]\s+\S|(?:\(?\d{1,2}[.)]|\(?[a-z][.)])\s+\S")
DOTS = "•◦▪‣●○■∙·"
HYPHENS = ("-", "\u2010")
ENDS = re.compile(r"[.!?:;。！？…][\"'”’)\]]*$")


@dataclass(slots=True)
class Style:
    """`body` is the size of most letters; `known` counts words written without a hyphen anywhere in the document."""

    body: float
    known: Counter[str]
    hyphened: Counter[str]
    title: float  # the size of the largest line of the first page, 0 when that is the body's

    @classmethod
    def of(cls, pages: list[Page], furniture: Furniture) -> Style:
        sizes: Counter[float] = Counter()
        known: Counter[str] = Counter()
        hyphened: Counter[str] = Counter()
        for page in pages:
            for word in (word for line in page.lines for word in line.words):
                sizes[round(word.size, 1)] += len(word.text)
                bare = word.text.strip(".,;:!?()[]{}\"'“”‘’").casefold()
                (hyphened if "-" in bare.strip("-") else known)[bare] += 1
        body = sizes.most_common(1)[0][0] if sizes else 10.0
        first = pages[0] if pages else None
        lines = [
            line
            for place, line in enumerate(first.lines if first else [])
            if first and (first.number, place) not in furniture.cut and line.top < first.height * 0.6
        ]
        largest = max((line.size for line in lines if sum(c.isalpha() for c in line.text) > 3), default=0.0)
        return cls(body, known, hyphened, largest if largest > body * 1.15 else 0.0)


@dataclass(slots=True)
class Paragraph:
    """`kind`: `text`, `heading`, `title`, `small` (notes, captions), `rows` (lines of a table or a listing)."""

    text: str
    kind: str
    level: int = 0
    ended: bool = True
    look: tuple[float, bool] = (0.0, False)  # size and weight, of a heading


def markdown(blocks: list[Block], style: Style) -> str:
    """The document. A paragraph that a column or page breaks is gone on with, whatever note or figure stands between."""
    paragraphs: list[Paragraph] = []
    waiting: Paragraph | None = None
    for block in blocks:
        for paragraph in _paragraphs(block, style):
            if waiting and paragraph.kind == "text" and _goes_on(waiting, paragraph):
                waiting.text = joined(waiting.text, paragraph.text, style)
                waiting.ended = paragraph.ended
            else:
                paragraphs.append(paragraph)
                if paragraph.kind == "text":
                    waiting = paragraph
                elif paragraph.kind in ("heading", "title"):
                    waiting = None
            if waiting and waiting.ended:
                waiting = None
    out = ""
    before = ""
    for paragraph in _titles_joined(paragraphs):
        if paragraph.text.strip():
            # The rows of a table stay together, a line each.
            out += ("\n" if before == paragraph.kind == "rows" else "\n\n") + _written(paragraph)
            before = paragraph.kind
    return out.strip("\n")


def _written(paragraph: Paragraph) -> str:
    match paragraph.kind:
        case "title":
            return f"# {paragraph.text}"
        case "heading":
            return f"{'#' * paragraph.level} {paragraph.text}"
    if paragraph.text[:1] in DOTS and paragraph.text[1:2] == " ":
        return f"- {paragraph.text[1:].strip()}"
    return paragraph.text


def _titles_joined(paragraphs: list[Paragraph]) -> list[Paragraph]:
    """A title over several lines is one; what is as large later on is a heading; authors below a title are none.

    Where sections are numbered or named, only what looks like one of them is a heading: labels in figures are large too.
    """
    sections = [place for place, paragraph in enumerate(paragraphs) if _sections(paragraph)]
    looks = {paragraphs[place].look for place in sections} if len(sections) >= SURE else set()
    before = sections[0] if sections else len(paragraphs)
    head = next((place for place in range(before) if paragraphs[place].kind == "title"), None)
    out: list[Paragraph] = []
    for place, paragraph in enumerate(paragraphs):
        if paragraph.kind == "title" and out and out[-1].kind == "title":
            out[-1].text += f" {paragraph.text}"
            continue
        if paragraph.kind == "title" and place != head:
            paragraph.kind, paragraph.level = "heading", 2
        authors = head is not None and bool(sections) and head < place < before
        label = bool(looks) and not any(
            abs(size - paragraph.look[0]) < 0.3 and bold == paragraph.look[1] for size, bold in looks
        )
        if paragraph.kind == "heading" and (authors or label):
            paragraph.kind = "text" if authors else "small"
        out.append(paragraph)
    return out


def _sections(paragraph: Paragraph) -> bool:
    """Whether a heading is a section's beyond doubt: by its number or its name."""
    found = paragraph.kind == "heading" and (
        NUMBERED.match(paragraph.text) or NAMED.fullmatch(paragraph.text)
    )
    return bool(found)


def _goes_on(before: Paragraph, paragraph: Paragraph) -> bool:
    first = paragraph.text[:1]
    return not before.ended and (first.islower() or first in "([0123456789" or hyphenated(before.text))


def _paragraphs(block: Block, style: Style) -> list[Paragraph]:
    """The paragraphs of one block."""
    found: list[Paragraph] = []
    group: list[Line] = []
    lines = _same_line_joined(block.lines)
    for line in lines:
        if group and _starts(group, line, block, style):
            found.append(_paragraph(group, block, style))
            group = []
        group.append(line)
    if group:
        found.append(_paragraph(group, block, style))
    return found


def _same_line_joined(lines: list[Line]) -> list[Line]:
    """Pieces of one line (a formula's, a justified line's) as one line, in their order."""
    joined_lines: list[Line] = []
    for line in lines:
        last = joined_lines[-1] if joined_lines else None
        if last and min(last.bottom, line.bottom) - max(last.top, line.top) > 0.5 * min(
            last.bottom - last.top, line.bottom - line.top
        ):
            apart = line.left - last.right > 1.6 * line.size
            joined_lines[-1] = Line(
                [*last.words, *line.words], last.cells + (line.cells if apart else line.cells - 1)
            )
        else:
            joined_lines.append(line)
    return joined_lines


def _starts(group: list[Line], line: Line, block: Block, style: Style) -> bool:
    """Whether a line begins a new paragraph after the lines so far."""
    last = group[-1]
    if _headlike(last, style) != _headlike(line, style) or (
        _headlike(line, style) and abs(last.size - line.size) > 0.6
    ):
        return True
    if last.cells > 1 or line.cells > 1:
        return True
    if line.top - last.bottom > 0.75 * line.size:
        return True
    if BULLET.match(line.text) and (line.text[0] in DOTS or ends(last.text)):
        return True
    width = max(block.right - block.left, 1.0)
    ended_short = last.right < block.right - SHORT * width
    indented = line.left > block.left + INDENT * line.size and line.left > last.left + INDENT * line.size
    hanging = len(group) > 1 and group[0].left < group[1].left - INDENT * line.size
    if hanging:
        return line.left < last.left - INDENT * line.size
    if indented and len(group) == 1 and group[0].left <= block.left + 1 and not ends(last.text):
        return False  # the second line of a hanging entry
    return (indented and (ended_short or ends(last.text))) or (ended_short and ends(last.text))


def _headlike(line: Line, style: Style) -> bool:
    """Larger or bolder than the body, short, and with letters in it."""
    if line.size <= style.body * LARGER and not (line.all_bold and line.size > style.body * 0.97):
        return False
    words = line.text
    if len(line.words) > HEADING_WORDS or line.cells > 2 or CAPTION.match(words) or words[:1] in DOTS:
        return False
    return sum(letter.isalpha() for letter in words) >= 3


def _paragraph(lines: list[Line], block: Block, style: Style) -> Paragraph:
    text = lines[0].text
    for line in lines[1:]:
        text = joined(text, line.text, style)
    text = " ".join(text.split())
    size = max(line.size for line in lines)
    if all(_headlike(line, style) for line in lines) and len(text.split()) <= 2 * HEADING_WORDS:
        section = NUMBERED.match(text) or NAMED.fullmatch(text)
        if style.title and block.page == 1 and abs(size - style.title) < 0.6 and not section:
            return Paragraph(text, "title", look=(size, lines[0].all_bold))
        if CONTENTS.match(text):
            return Paragraph(text, "rows")
        if section or not ends(text):
            return Paragraph(text, "heading", _level(text, size, style), look=(size, lines[0].all_bold))
    if any(line.cells > 1 for line in lines):
        return Paragraph(text, "rows")
    if CAPTION.match(text) or size < style.body * SMALL:
        return Paragraph(text, "small")
    full = lines[-1].right >= block.right - SHORT * max(block.right - block.left, 1.0)
    return Paragraph(text, "text", ended=ends(text) or not (full or hyphenated(text)))


def _level(text: str, size: float, style: Style) -> int:
    """By its number where it has one, else by its size: 2 for sections, 3 for what is smaller."""
    if found := NUMBERED.match(text):
        number = found["digits"] or found["letter"] or ""
        return min(2 + number.count("."), 6)
    if NAMED.fullmatch(text):
        return 2
    return 2 if size > style.body * 1.15 else 3


def hyphenated(text: str) -> bool:
    """Whether a text ends within a word."""
    return text[-1:] in HYPHENS and text[-2:-1].isalpha()


def ends(text: str) -> bool:
    """Whether a text ends a sentence, quotation marks and brackets after it or not."""
    return ENDS.search(text[-8:]) is not None


def joined(before: str, after: str, style: Style) -> str:
    """Two lines as one. A hyphen at the end goes where the word is one without it: the document itself is asked first."""
    if not hyphenated(before) or not after[:1].isalpha():
        return f"{before} {after}"
    head, tail = re.search(r"(\S*)[-\u2010]$", before[-80:]), re.match(r"[\w’'-]*[\w’']", after)
    if head is None or tail is None:
        return f"{before} {after}"
    start = re.sub(r"^\W+", "", head[1]).casefold()
    whole, parted = f"{start}{tail[0]}".casefold(), f"{start}-{tail[0]}".casefold()
    meant = style.hyphened[parted] > style.known[whole] + style.hyphened[whole]
    compound = "-" in start or (
        "-" in tail[0] and style.known[start] > 0
    )  # state-of-the-art, broken anywhere
    name = (
        after[0].isupper() and after[1:2].islower() and not style.known[whole]
    )  # Smith-Jones, and not MED-LINE
    return f"{before}{after}" if meant or compound or name else f"{before[:-1]}{after}"
