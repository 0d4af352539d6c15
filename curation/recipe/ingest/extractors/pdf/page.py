"""What a page is made of: words with their places, and lines of them in the order in which the file draws them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

SAME_LINE = 0.4  # of the smaller height, that two words of one line overlap by
APART = 1.6  # font sizes between two words of one line, beyond which they stand in different columns or cells


@dataclass(slots=True)
class Word:
    """`left`, `top`, `right`, `bottom` in points from the page's upper left corner, as a reader holds it.

    `size` is the font's in points. `breaks` says that the file starts a new line after it.
    """

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    bold: bool = False
    breaks: bool = False

    @property
    def height(self) -> float:
        return self.bottom - self.top


@dataclass(slots=True)
class Line:
    """Words side by side, with their box. `size` is that of most of its letters; `cells` counts pieces that large gaps part."""

    words: list[Word]
    cells: int = 1
    left: float = 0.0
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0
    size: float = 0.0
    all_bold: bool = False
    text: str = ""

    def __post_init__(self) -> None:
        self.left = min(word.left for word in self.words)
        self.top = min(word.top for word in self.words)
        self.right = max(word.right for word in self.words)
        self.bottom = max(word.bottom for word in self.words)
        self.text = " ".join(word.text for word in self.words)
        sizes: dict[float, int] = {}
        for word in self.words:
            size = round(word.size, 1)
            sizes[size] = sizes.get(size, 0) + len(word.text)
        self.size = max(sizes, key=lambda size: (sizes[size], size))
        self.all_bold = all(word.bold for word in self.words)

    @property
    def width(self) -> float:
        return self.right - self.left


@dataclass(slots=True)
class Page:
    """`lines` are those of the page's own direction; `turned` holds what stands across it (stamps, labels of axes)."""

    number: int
    width: float
    height: float
    lines: list[Line] = field(default_factory=list)
    turned: list[str] = field(default_factory=list)
    pictured: bool = False

    @property
    def characters(self) -> int:
        return sum(len(word.text) for line in self.lines for word in line.words)


def lines_of(words: Iterable[Word]) -> list[Line]:
    """Words that follow each other in the file on one line, as lines in the file's order."""
    lines: list[list[Word]] = []
    before: Word | None = None
    for word in words:
        if before is not None and _goes_on(before, word):
            lines[-1].append(word)
        else:
            lines.append([word])
        before = word
    return [Line(line) for line in lines]


def _goes_on(before: Word, word: Word) -> bool:
    overlap = min(before.bottom, word.bottom) - max(before.top, word.top)
    if overlap < SAME_LINE * min(before.height, word.height):
        return False
    gap = word.left - before.right if word.left >= before.left else before.left - word.right
    if word.left < before.left and not _right_to_left(word.text):
        return False
    return -before.size <= gap <= APART * max(before.size, word.size)


def _right_to_left(text: str) -> bool:
    return any("\u0590" <= letter <= "\u08ff" or "\ufb1d" <= letter <= "\ufefc" for letter in text)
