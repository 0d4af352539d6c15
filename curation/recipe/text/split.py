"""Passages: the spans of a text that are scored, embedded, searched and reviewed.

The text is Markdown as the extractors write it, or anything else. It is first read into blocks (headings,
fenced code, tables, display formulas, paragraphs); a block that is too long for one passage falls into
pieces at its weaker joints (blank lines, lines, sentences, words, and between characters when nothing else is
there). Pieces are then put together into passages so that the sum of four small costs is least, found
exactly by dynamic programming:

- a passage should weigh 100 to 200 tokens (`LOW`, `HIGH`), and never more than 240 (`MOST`), which with
  the two special tokens stays inside the 256 that the bundled model reads;
- it should begin at a strong joint: a heading rather than a paragraph, a paragraph rather than a sentence;
- it should not run over a heading into another section, unless a section is too short to stand alone;
- it should not end with a heading whose text comes after.

Short tails are merged and long paragraphs shared out evenly because that costs less, not by rules of their own. Code, tables and
formulas are cut only when they are longer than `MOST`. Every character that is not white space is in exactly one
passage; there are no gaps. The sizes are ours (the recipe says only "passages") and are documented in docs/decisions.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from curation.recipe.text import tokens

LOW, HIGH, MOST = 100, 200, 240
#: Start, end and text of a line, its newline included.
_Line = tuple[int, int, str]
#: Longest trail of headings kept with a passage, in characters.
HEADING_CHARS = 300

# What a cut costs, by the joint it is made at; what a passage costs by its size and shape.
_CUT = {
    "heading": 0.0,
    "block": 0.1,
    "break": 0.3,
    "sentence": 0.6,
    "line": 0.8,
    "word": 2.0,
    "character": 4.0,
}
_SHORT_COST = 1.5
_LONG_COST = 0.5
_PULL_COST = 0.2
_INNER_HEADING_COST = 0.6
_DANGLING_HEADING_COST = 3.0

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(\S.*)")
_DELIMITER_ROW = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*")
_FORMULA_OPENS = re.compile(
    r"\s*(\$\$|\\\[|\\begin\{(equation|align|gather|multline|eqnarray|displaymath|math)\*?\})"
)
#: A display formula that has not closed after so many lines was no formula.
_FORMULA_LINES = 80

_PROTECTED = re.compile(r"\$\$.+?\$\$|\\\[.+?\\\]|\\\(.+?\\\)|`[^`\n]+`|\$[^$\n]{1,300}\$", re.S)
_BLANK_LINE = re.compile(r"\n[ \t]*\n\s*")
_NEWLINE = re.compile(r"\n\s*")
_SENTENCE = re.compile(r"[.!?…۔؟।]+[\"'”’»)\]*_]*\s+|[。！？｡]+[\"”’」』）)]*\s*")
_WORD = re.compile(r"\s+")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[\"'“])(?:[A-Z]|[A-Za-z]\.[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|etc|cf|al|Fig|Figs|Eq|Eqs|No|Vol|pp?|ca|approx|bzw|Nr|Abb)\.$"
)
_MARKUP = re.compile(r"[*_`#]+|!?\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` is the passage (code points; neither end is white space). `heading` is the trail of
    headings it stands under, outermost first; `tokens` its weight by `recipe.text.tokens`."""

    start: int
    end: int
    heading: str
    tokens: int


@dataclass(frozen=True, slots=True)
class _Block:
    kind: str  # heading, code, table, formula, text
    start: int
    end: int
    level: int = 0


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    end: int
    weight: int
    joint: str  # what stands before it: a key of _CUT
    level: int = 0  # of a heading, else 0


def split(text: str) -> list[Span]:
    """The passages of a text, in order. Deterministic; an empty or blank text has none."""
    scale = _Scale(text)
    pieces = [piece for block in _blocks(text) for piece in _pieces(text, block, scale)]
    return list(_spans(text, pieces))


class _Scale:
    """Weighs any span of one text, from a single run of the tokenizer."""

    def __init__(self, text: str) -> None:
        ends, weights = tokens.ends_and_weights(text)
        self._ends: list[int] = ends.tolist()
        self._sums = [0, *accumulate(weights.tolist())]

    def weigh(self, start: int, end: int) -> int:
        return max(1, self._sums[bisect_right(self._ends, end)] - self._sums[bisect_right(self._ends, start)])


def _blocks(text: str) -> Iterator[_Block]:
    lines = [(found.start(), found.end(), found.group()) for found in _LINE.finditer(text)]
    at = 0
    while at < len(lines):
        start, _, line = lines[at]
        if not line.strip():
            at += 1
            continue
        kind, after = _block_at(lines, at)
        block = _trimmed(text, start, lines[after - 1][1])
        if heading := kind == "heading" and _HEADING.match(line):
            yield _Block("heading", *block, level=len(heading.group(1)))
        else:
            yield _Block(kind, *block)
        at = after


def _block_at(lines: Sequence[_Line], at: int) -> tuple[str, int]:
    """Kind of the block that begins at a line, and the line after its last."""
    line = lines[at][2]
    if fence := _FENCE.match(line):
        return "code", _closing_fence(lines, at, fence.group(1))
    if _FORMULA_OPENS.match(line) and (after := _closing_formula(lines, at)):
        return "formula", after
    if _HEADING.match(line):
        return "heading", at + 1
    if _is_table(lines, at):
        return "table", _while(lines, at, lambda row: "|" in row)
    after = at + 1
    while after < len(lines) and lines[after][2].strip() and not _opens_block(lines, after):
        after += 1
    return "text", after


def _opens_block(lines: Sequence[_Line], at: int) -> bool:
    line = lines[at][2]
    return bool(
        _FENCE.match(line)
        or _HEADING.match(line)
        or (_FORMULA_OPENS.match(line) and _closing_formula(lines, at))
        or _is_table(lines, at)
    )


def _is_table(lines: Sequence[_Line], at: int) -> bool:
    row = lines[at][2].strip()
    following = lines[at + 1][2].strip() if at + 1 < len(lines) else ""
    if row.startswith("|"):
        return following.startswith("|")
    return "|" in row and "|" in following and "-" in following and bool(_DELIMITER_ROW.fullmatch(following))


def _while(lines: Sequence[_Line], at: int, holds: Callable[[str], bool]) -> int:
    while at < len(lines) and holds(lines[at][2]):
        at += 1
    return at


def _closing_fence(lines: Sequence[_Line], at: int, fence: str) -> int:
    """The line after the fence closes. One that never closes takes the rest, as CommonMark has it."""
    for later in range(at + 1, len(lines)):
        line = lines[later][2].strip()
        if line.startswith(fence) and not line.strip(fence[0]):
            return later + 1
    return len(lines)


def _closing_formula(lines: Sequence[_Line], at: int) -> int | None:
    """The line after a display formula closes, or None when it is not one after all."""
    opens = _FORMULA_OPENS.match(lines[at][2])
    if opens is None:
        return None
    sign = opens.group(1)
    closes = {"$$": "$$", "\\[": "\\]"}.get(sign, sign.replace("begin", "end"))
    rest = lines[at][2][opens.end() :]
    if closes in rest:
        return at + 1
    for later in range(at + 1, min(len(lines), at + _FORMULA_LINES)):
        if closes in lines[later][2]:
            return later + 1
    return None


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    return end - len(part.lstrip()), start + len(part.rstrip())


def _pieces(text: str, block: _Block, scale: _Scale) -> Iterator[_Piece]:
    joint = "heading" if block.kind == "heading" else "block"
    weight = scale.weigh(block.start, block.end)
    # A paragraph that could stand alone is still read as sentences, so that its neighbours may share it.
    if weight <= (LOW if block.kind == "text" else MOST):
        yield _Piece(block.start, block.end, weight, joint, block.level)
        return
    yield from _broken(text, block.start, block.end, joint, scale, block.kind)


def _joints(text: str, start: int, end: int, kind: str) -> Iterator[tuple[str, list[int]]]:
    """Where a span may be cut, from its strongest kind of joint to its weakest."""
    part = text[start:end]
    safe = [(start + found.start(), start + found.end()) for found in _PROTECTED.finditer(part)]

    def found(pattern: re.Pattern[str], keep: Callable[[re.Match[str]], bool] = bool) -> list[int]:
        places = [start + match.end() for match in pattern.finditer(part) if keep(match)]
        return [place for place in places if start < place < end]

    def outside(places: list[int]) -> list[int]:
        opens = [left for left, _ in safe]
        return [
            place
            for place in places
            if not (at := bisect_right(opens, place - 1)) or safe[at - 1][1] <= place
        ]

    if kind == "text":
        yield "sentence", outside(found(_SENTENCE, lambda match: _ends_sentence(part, match)))
        yield "line", outside(found(_NEWLINE))
    else:
        yield "break", found(_BLANK_LINE)
        yield "line", found(_NEWLINE)
    yield "word", outside(found(_WORD))
    yield "word", found(_WORD)


def _ends_sentence(part: str, match: re.Match[str]) -> bool:
    if match.end() < len(part) and part[match.end()].islower():
        return False
    dot = match.start() + 1
    return part[match.start()] != "." or not _ABBREVIATION.search(part[max(0, dot - 12) : dot])


def _broken(text: str, start: int, end: int, joint: str, scale: _Scale, kind: str) -> Iterator[_Piece]:
    """Cut a span at its strongest joints, and what is still too long at the next weaker ones."""
    whole = scale.weigh(start, end)
    for name, places in _joints(text, start, end, kind):
        if not places:
            continue
        if whole <= MOST and name != "sentence":
            break
        for number, (left, right) in enumerate(zip([start, *places], [*places, end], strict=True)):
            left, right = _trimmed(text, left, right)
            if left >= right:
                continue
            before = joint if number == 0 else name
            weight = scale.weigh(left, right)
            if weight <= MOST:
                yield _Piece(left, right, weight, before)
            elif name == "word":
                yield from _chopped(text, left, right, before)
            else:
                yield from _broken(text, left, right, before, scale, kind)
        return
    if whole <= MOST:
        yield _Piece(start, end, whole, joint)
    else:
        yield from _chopped(text, start, end, joint)


def _chopped(text: str, start: int, end: int, joint: str) -> Iterator[_Piece]:
    """Halve a run without any joint until its parts are short enough. Each is weighed anew, because cutting a
    word changes its tokens."""
    start, end = _trimmed(text, start, end)
    weight = max(1, tokens.count([text[start:end]])[0])
    if weight <= MOST or end - start < 2:
        yield _Piece(start, end, weight, joint)
        return
    middle = (start + end) // 2
    yield from _chopped(text, start, middle, joint)
    yield from _chopped(text, middle, end, "character")


def _spans(text: str, pieces: Sequence[_Piece]) -> Iterator[Span]:
    trail: list[tuple[int, str]] = []
    for first, after in _cheapest(pieces):
        opening = first
        while opening < after and pieces[opening].level:
            _enter(trail, pieces[opening], text)
            opening += 1
        weight = sum(piece.weight for piece in pieces[first:after])
        yield Span(pieces[first].start, pieces[after - 1].end, _shown(trail), weight)
        for piece in pieces[opening:after]:
            if piece.level:
                _enter(trail, piece, text)


def _enter(trail: list[tuple[int, str]], piece: _Piece, text: str) -> None:
    while trail and trail[-1][0] >= piece.level:
        trail.pop()
    title = text[piece.start : piece.end].lstrip("# \t")
    trail.append((piece.level, " ".join(_MARKUP.sub(r"\1", title).split())))


def _shown(trail: Sequence[tuple[int, str]]) -> str:
    """The trail of headings; too long a one loses its outermost part."""
    shown = " › ".join(title for _, title in trail if title)
    return shown if len(shown) <= HEADING_CHARS else "…" + shown[1 - HEADING_CHARS :]


def _cheapest(pieces: Sequence[_Piece]) -> list[tuple[int, int]]:
    """Runs [first, after) of pieces with the least sum of costs."""
    count = len(pieces)
    best = [0.0] + [float("inf")] * count
    came_from = [0] * (count + 1)
    for after in range(1, count + 1):
        weight, inner, pending = 0, 0.0, 0.0
        dangling = _DANGLING_HEADING_COST if pieces[after - 1].level and after < count else 0.0
        for first in range(after - 1, -1, -1):
            weight += pieces[first].weight
            if weight > MOST and first < after - 1:
                break
            # A heading costs once something stands before it in the same passage; headings in a row count once.
            inner += pending
            is_section = pieces[first].level and (first == 0 or not pieces[first - 1].level)
            pending = _INNER_HEADING_COST if is_section else 0.0
            cut = _CUT[pieces[first].joint] if first else 0.0
            cost = best[first] + _size_cost(weight) + inner + dangling + cut
            if cost < best[after] - 1e-12:
                best[after], came_from[after] = cost, first
    runs = []
    while count:
        runs.append((came_from[count], count))
        count = came_from[count]
    return runs[::-1]


def _size_cost(weight: int) -> float:
    cost = _PULL_COST * ((weight - (LOW + HIGH) / 2) / HIGH) ** 2
    if weight < LOW:
        cost += _SHORT_COST * ((LOW - weight) / LOW) ** 2
    elif weight > HIGH:
        cost += _LONG_COST * (weight - HIGH) / (MOST - HIGH)
    return cost
