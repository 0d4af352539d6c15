"""Tables of data as Markdown. Tables that only lay a page out are walked through like any other element."""

from __future__ import annotations

import re
from typing import Any

#: A table within a table, headings, lists of paragraphs and forms are signs of layout.
LAYOUT = frozenset(
    {"table", "h1", "h2", "h3", "form", "section", "article", "nav", "iframe", "video", "blockquote"}
)
LONGEST_CELL = 700  # characters; beyond it a cell is a piece of the page rather than a datum
MOST_CELLS = 50_000
WIDEST = 60


def markdown_of(table: Any) -> str:
    """The table in Markdown, its caption before it; "" when it is layout, or has one row or column."""
    rows = _rows(table)
    if rows is None:
        return ""
    grid = _grid(rows)
    width = max((len(row) for row in grid), default=0)
    if len(grid) < 2 or width < 2 or width > WIDEST:
        return ""
    grid = [row + [""] * (width - len(row)) for row in grid]
    keep = [at for at in range(width) if any(row[at] for row in grid)]
    grid = [[row[at] for at in keep] for row in grid if any(row)]
    if len(grid) < 2 or len(keep) < 2:
        return ""
    lines = [f"| {' | '.join(row)} |" for row in grid]
    lines.insert(1, "|" + "---|" * len(keep))
    caption = next((words for one in table.iterchildren("caption") if (words := _words(one))), "")
    return "\n".join([caption, "", *lines] if caption else lines)


def _rows(table: Any) -> list[list[tuple[str, int, int]]] | None:
    """Each row's cells as (text, columns, rows) that they span, or None where the table is layout."""
    role = table.get("role")
    if role in ("presentation", "none"):
        return None
    rows: list[list[tuple[str, int, int]]] = []
    cells = 0
    for inner in table.iter():
        if inner.tag in LAYOUT and inner is not table:
            return None
        if inner.tag != "tr":
            continue
        row = []
        for cell in inner.iterchildren("td", "th"):
            words = _words(cell)
            if len(words) > LONGEST_CELL:
                return None
            row.append((words, _span(cell.get("colspan")), _span(cell.get("rowspan"))))
            cells += 1
            if cells > MOST_CELLS:
                return None
        if row:
            rows.append(row)
    return rows


def _grid(rows: list[list[tuple[str, int, int]]]) -> list[list[str]]:
    """Rows of equal columns: a cell that spans stands in its first place, the others stay empty."""
    below: dict[int, int] = {}  # column → rows that a cell above still covers
    grid = []
    for row in rows:
        line: list[str] = []
        for words, columns, depth in row:
            while below.get(len(line), 0):
                below[len(line)] -= 1
                line.append("")
            for at in range(min(columns, WIDEST)):
                if depth > 1:
                    below[len(line)] = depth - 1
                line.append(words if not at else "")
        while below.get(len(line), 0):
            below[len(line)] -= 1
            line.append("")
        grid.append(line)
    return grid


def _span(stated: str | None) -> int:
    return min(int(stated), 1000) if stated and re.fullmatch(r"[1-9]\d{0,4}", stated.strip()) else 1


def _words(cell: Any) -> str:
    """A cell's text on one line; its pipes are escaped, so that they end no cell."""
    parts = []
    for one in cell.iter():
        if one.tag in ("script", "style", "noscript", "template"):
            continue
        if one.tag in ("br", "p", "div", "li"):
            parts.append(" ")
        if one.tag == "code" and one.text and not len(one) and "`" not in one.text:
            parts.append(f"`{one.text}`")
        elif one.text:
            parts.append(one.text)
        if one is not cell and one.tail:
            parts.append(one.tail)
    return " ".join("".join(parts).split()).replace("|", "\\|")
