"""Tables as Markdown: a grid of cells with spans, whichever format it came from, written with pipes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

WIDEST = 1_000  # columns, and rows that one cell may span: beyond them a span is taken for one


class Cell(NamedTuple):
    text: str
    columns: int = 1
    rows: int = 1


def pipe_table(head: Sequence[Sequence[Cell]], body: Iterable[Sequence[Cell]]) -> str:
    """The table in Markdown; "" when no cell holds anything.

    Several rows of headings become one, each column's headings under each other joined. A spanned cell says its words
    in its first row and column; the others stay empty. Without headings the first row stands as one, as Markdown asks.
    """
    headings = grid(head)
    rows = grid(body)
    width = max((len(row) for row in [*headings, *rows]), default=0)
    if not width or not any(text for row in [*headings, *rows] for text in row):
        return ""
    if not headings:
        headings, rows = rows[:1], rows[1:]
    top = [
        " ".join(dict.fromkeys(row[column] for row in headings if column < len(row) and row[column]))
        for column in range(width)
    ]
    lines = [_line(top, width), _line(["---"] * width, width)]
    lines += [_line(row, width) for row in rows if any(row)]
    return "\n".join(lines)


def grid(rows: Iterable[Sequence[Cell]]) -> list[list[str]]:
    """Rows of plain texts, with the places that a spanning cell covers kept free."""
    out: list[list[str]] = []
    covered: dict[int, int] = {}  # column → rows below that a cell above still covers
    for cells in rows:
        row: list[str] = []
        below = {column: left - 1 for column, left in covered.items() if left > 1}
        for cell in cells:
            while len(row) in covered:
                row.append("")
            columns = cell.columns if 0 < cell.columns <= WIDEST else 1
            if 1 < cell.rows <= WIDEST:
                below.update({len(row) + step: cell.rows - 1 for step in range(columns)})
            row += [cell.text, *[""] * (columns - 1)]
        while len(row) in covered:
            row.append("")
        covered = below
        out.append(row)
    return out


def _line(cells: Sequence[str], width: int) -> str:
    padded = [*cells, *[""] * (width - len(cells))]
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in padded) + " |"
