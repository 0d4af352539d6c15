"""From words to blocks in reading order: lines, blocks of lines, columns, bands between what goes across them.

A file draws its words in some order, mostly the reader's. Inside a block that order is kept; blocks are put in order by where
they stand, since files draw columns line by line across, heads last, or boxes first as they please.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection
from dataclasses import dataclass, field

from curation.recipe.ingest.extractors.pdf.page import Line, Page

SAME_LINE = 0.4  # of the smaller height, that two words of one line overlap by
LEADING = 1.9  # font sizes from one line's top to the next one's, beyond which a block ends

GUTTER = 5.0  # points; the least width of a gap between columns
WIDE = 0.62  # of the text's width, from which a line goes across columns, as titles and tables do
CROSSED = 0.1  # share of the other lines that may cross a gap between columns
PROSE = 3  # words of a line that is looked at for columns; cells and labels have fewer
CELLS = 4  # pieces on one height that make a row of a table
CELL_WORDS = 3  # words of such a piece on average
FILLED = 0.55  # of a column's width, that half of its lines fill at least
COLUMN = 0.18  # of the text's width, the least width of a column
COLUMN_LINES = 6


@dataclass(slots=True)
class Block:
    """Lines that belong together, with the left and right edge of the column they stand in."""

    lines: list[Line]
    page: int = 0
    left: float = 0.0
    right: float = 0.0

    @property
    def top(self) -> float:
        return min(line.top for line in self.lines)

    @property
    def bottom(self) -> float:
        return max(line.bottom for line in self.lines)


@dataclass(slots=True)
class _Frame:
    """The columns of a page: `gaps` are the middles of the gaps between them, from left to right."""

    left: float
    right: float
    gaps: list[float] = field(default_factory=list)

    def column(self, line: Line) -> int | None:
        """The column a line stands in; None where it goes across a gap."""
        for gap in self.gaps:
            if line.left < gap - 2 and line.right > gap + 2:
                return None
        middle = (line.left + line.right) / 2
        return sum(middle > gap for gap in self.gaps)

    def edges(self, column: int | None) -> tuple[float, float]:
        bounds = [self.left, *self.gaps, self.right]
        return (self.left, self.right) if column is None else (bounds[column], bounds[column + 1])


def blocks_of(page: Page, cut: Collection[tuple[int, int]]) -> list[Block]:
    """The page's blocks in reading order, without the lines that are furniture (by page and place in the file)."""
    lines = _rows([line for place, line in enumerate(page.lines) if (page.number, place) not in cut])
    if not lines:
        return []
    frame = _frame(lines)
    ordered: list[Block] = []
    for band in _bands(_blocks(lines, frame), frame):
        ordered += band
    for block in ordered:
        block.page = page.number
        edges = [(line.left, line.right) for line in block.lines]
        block.left, block.right = min(edge[0] for edge in edges), max(edge[1] for edge in edges)
    return _widened(_rows_joined(ordered, frame), frame)


def _rows(lines: list[Line]) -> list[Line]:
    """Rows of tables as lines: at least four short pieces on one height, which columns of prose never are."""
    ordered = sorted(range(len(lines)), key=lambda place: lines[place].top + lines[place].bottom)
    merged: dict[int, Line | None] = {}
    group: list[int] = []
    for place in [*ordered, None]:
        if place is not None and (not group or _level(lines[group[0]], lines[place])):
            group.append(place)
            continue
        words = sum(len(lines[member].words) for member in group)
        if len(group) >= CELLS and words <= CELL_WORDS * len(group):
            cells = sorted(group, key=lambda member: lines[member].left)
            merged |= dict.fromkeys(group)
            merged[min(group)] = Line([word for cell in cells for word in lines[cell].words], len(group))
        group = [] if place is None else [place]
    found = [merged.get(place, line) for place, line in enumerate(lines)]
    return [line for line in found if line is not None]


def _level(one: Line, other: Line) -> bool:
    """Whether two lines stand on one height."""
    apart = abs(one.top + one.bottom - other.top - other.bottom) / 2
    return apart < SAME_LINE * min(one.bottom - one.top, other.bottom - other.top)


def _frame(lines: list[Line]) -> _Frame:
    frame = _Frame(min(line.left for line in lines), max(line.right for line in lines))
    width = frame.right - frame.left
    narrow = [
        line for line in lines if line.width < WIDE * width and line.cells == 1 and len(line.words) >= PROSE
    ]
    if width <= 0 or len(narrow) < 2 * COLUMN_LINES:
        return frame
    for gap in _gaps(narrow, frame, width):
        if _columns(narrow, frame, gap, width):
            frame.gaps.append(gap)
    return frame


def _gaps(lines: list[Line], frame: _Frame, width: float) -> list[float]:
    """Middles of the upright strips that hardly any line crosses, at least as wide as a gap between columns is."""
    bins = [0] * (int(width) + 2)
    for line in lines:
        for place in range(int(line.left - frame.left), min(int(line.right - frame.left) + 1, len(bins))):
            bins[place] += 1
    most = max(3.0, CROSSED * len(lines))
    gaps: list[float] = []
    start: int | None = None
    for place, crossed in enumerate([*bins, len(lines)]):
        if crossed <= most and start is None:
            start = place
        elif crossed > most and start is not None:
            if place - start >= GUTTER and COLUMN * width < (start + place) / 2 < (1 - COLUMN) * width:
                gaps.append(frame.left + (start + place) / 2)
            start = None
    return gaps


def _columns(lines: list[Line], frame: _Frame, gap: float, width: float) -> bool:
    """Whether text runs down both sides of a gap, rather than cells of a table standing beside each other."""
    for side in (
        [line for line in lines if line.right <= gap + 2],
        [line for line in lines if line.left >= gap - 2],
    ):
        if len(side) < COLUMN_LINES:
            return False
        span = max(line.right for line in side) - min(line.left for line in side)
        if span < COLUMN * width or statistics.median(line.width for line in side) < FILLED * min(
            span, width / 2
        ):
            return False
    return True


def _blocks(lines: list[Line], frame: _Frame) -> list[Block]:
    """Lines that follow each other in the file downwards in one column, at a line's distance."""
    blocks: list[Block] = []
    before: Line | None = None
    for line in lines:
        if before is not None and _continues(before, line, frame):
            blocks[-1].lines.append(line)
        else:
            blocks.append(Block([line]))
        before = line
    return blocks


def _continues(before: Line, line: Line, frame: _Frame) -> bool:
    if frame.column(before) != frame.column(line):
        return False
    step = line.top - before.top
    if step < -SAME_LINE * before.size or step > LEADING * max(before.size, line.size):
        return False
    return min(before.right, line.right) - max(before.left, line.left) > -2 * line.size


def _bands(blocks: list[Block], frame: _Frame) -> list[list[Block]]:
    """Blocks from the top of the page to its end; between blocks that go across, column by column."""
    across = sorted((block for block in blocks if _column(block, frame) is None), key=lambda block: block.top)
    inside = [block for block in blocks if _column(block, frame) is not None]
    bands: list[list[Block]] = []
    for wide in across:
        above = [block for block in inside if (block.top + block.bottom) / 2 < wide.top + 1]
        inside = [block for block in inside if not any(block is one for one in above)]
        bands += [_by_column(above, frame), [wide]]
    return [*bands, _by_column(inside, frame)]


def _column(block: Block, frame: _Frame) -> int | None:
    columns = [frame.column(line) for line in block.lines]
    return None if None in columns else columns[0]


def _by_column(blocks: list[Block], frame: _Frame) -> list[Block]:
    ordered: list[Block] = []
    for column in range(len(frame.gaps) + 1):
        ordered += sorted(
            (block for block in blocks if _column(block, frame) == column),
            key=lambda block: (block.top, block.lines[0].left),
        )
    return ordered


def _rows_joined(blocks: list[Block], frame: _Frame) -> list[Block]:
    """Blocks of one line that stand side by side, as cells of a row do, made one line."""
    joined: list[Block] = []
    for block in blocks:
        last = joined[-1] if joined else None
        if (
            last is not None
            and len(block.lines) == 1
            and len(last.lines) == 1
            and _column(last, frame) == _column(block, frame)
            and _beside(last.lines[0], block.lines[0])
        ):
            first, second = sorted((last.lines[0], block.lines[0]), key=lambda line: line.left)
            last.lines[0] = Line([*first.words, *second.words], first.cells + second.cells)
            last.left, last.right = min(last.left, block.left), max(last.right, block.right)
        else:
            joined.append(block)
    return joined


def _beside(one: Line, other: Line) -> bool:
    return _level(one, other) and (one.right <= other.left + 1 or other.right <= one.left + 1)


def _widened(blocks: list[Block], frame: _Frame) -> list[Block]:
    """Edges of the whole column for every block in it, so that short lines are known for short."""
    edges: dict[int | None, tuple[float, float]] = {}
    for block in blocks:
        column = _column(block, frame)
        left, right = edges.get(column, (block.left, block.right))
        edges[column] = (min(left, block.left), max(right, block.right))
    for block in blocks:
        column = _column(block, frame)
        if sum(len(line.words) for line in block.lines) > 12:
            block.left, block.right = edges[column][0], edges[column][1]
    return blocks
