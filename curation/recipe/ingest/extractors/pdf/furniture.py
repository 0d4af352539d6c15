"""Furniture of pages: running heads and feet, page numbers, stamps. It is told by what comes back in the same place."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from curation.recipe.ingest.extractors.pdf.page import Line, Page

EDGE = 0.12  # of a page's height, at its top and its bottom, in which furniture stands
SHARE = 0.25  # of the pages on which a running line comes back
LEAST = 3  # pages, or both of two
NUMBER = re.compile(
    r"(?:page|seite|p\.)?\s*[-–—\[(]?\s*(?:\d{1,4}|[ivxl]{1,6})\s*[-–—\])]?(?:\s*(?:of|/|von)\s*\d{1,4})?",
    re.IGNORECASE,
)
#: What the foot of a first page says of the publication.
IMPRINT = re.compile(
    r"proceedings of|©|\(c\) ?\d{4}|copyright|arxiv:\d|\bdoi:|https?://doi\.org|permission to make",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Furniture:
    """`cut` holds (page, place of the line in the file's order); `lines` the same as words, by the reason of the cut."""

    cut: set[tuple[int, int]] = field(default_factory=set)
    lines: dict[str, list[str]] = field(default_factory=dict)

    def take(self, reason: str, page: int, place: int, line: Line) -> None:
        if (page, place) not in self.cut:
            self.cut.add((page, place))
            self.lines.setdefault(reason, []).append(line.text)


def furniture_of(pages: list[Page]) -> Furniture:
    """What of the pages is furniture, each line with its reason."""
    found = Furniture()
    edges = [(page, place, line) for page in pages for place, line in _edge_lines(page)]
    repeated = Counter({key: len(on) for key, on in _places(edges).items()})
    least = min(LEAST, len(pages)) if len(pages) > 1 else 2
    for page, place, line in edges:
        again = repeated[_key(page, line)] >= max(least, SHARE * len(pages) / 2)
        if NUMBER.fullmatch(line.text.strip()) and (again or _outermost(page, line)):
            found.take("page numbers", page.number, place, line)
        elif again:
            found.take("running heads and feet", page.number, place, line)
    if pages:
        feet = [(place, line) for place, line in _edge_lines(pages[0]) if line.top > pages[0].height / 2]
        start = min((line.top for _, line in feet if IMPRINT.search(line.text)), default=pages[0].height)
        for place, line in feet:
            if line.top >= start - 1:
                found.take("imprint", pages[0].number, place, line)
    for page in pages:
        if page.turned:
            found.lines.setdefault("text across the page", []).append(" ".join(page.turned))
    for page in pages:
        # A page is not made of furniture alone: what would empty it is its text.
        if all((page.number, place) in found.cut for place in range(len(page.lines))):
            found.cut -= {(page.number, place) for place in range(len(page.lines))}
    return found


def _edge_lines(page: Page) -> list[tuple[int, Line]]:
    """Lines in the upper and lower edge of the page, with their places in the file's order."""
    return [
        (place, line)
        for place, line in enumerate(page.lines)
        if line.bottom < page.height * EDGE or line.top > page.height * (1 - EDGE)
    ]


def _places(edges: list[tuple[Page, int, Line]]) -> dict[tuple[str, int], set[int]]:
    """On which pages a line comes back: its words without figures, and its height on the page in tens of points."""
    places: dict[tuple[str, int], set[int]] = {}
    for page, _, line in edges:
        places.setdefault(_key(page, line), set()).add(page.number)
    return places


def _key(page: Page, line: Line) -> tuple[str, int]:
    words = re.sub(r"\d+", "#", line.text.casefold())
    return " ".join(words.split()), round(line.top / 10)


def _outermost(page: Page, line: Line) -> bool:
    """Whether nothing stands above it at the top of the page, or below it at the bottom."""
    others = [other for other in page.lines if other is not line]
    if line.bottom < page.height * EDGE:
        return all(other.top > line.top - 2 for other in others)
    return all(other.bottom < line.bottom + 2 for other in others)
