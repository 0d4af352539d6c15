"""A LaTeX source made ready for pandoc: what makes it lose words is taken out or written in a form that it knows.

Layout commands, whose following group it takes for an argument; columns of tables by types that a paper defines; numbers of
figures, tables and equations, which only a TeX run knows, put into captions and references.
"""

from __future__ import annotations

import re

from curation.recipe.ingest.extractors.latex.strip import uncommented

LAYOUT = re.compile(
    r"\\(?:noindent|indent|smallskip|medskip|bigskip|newpage|clearpage|pagebreak|linebreak|centering|raggedright|raggedleft|"
    r"small|footnotesize|scriptsize|tiny|normalsize|large|Large|LARGE|huge|Huge|hfill|vfill|null|protect|allowbreak|"
    r"sloppy|flushbottom|raggedbottom|balance|maketitle)(?![a-zA-Z@])[ \t]*\n?[ \t]*"
)
#: Boxes that scale, turn or frame: the group that stays behind is set as it is.
BOXED = re.compile(
    r"\\(?:resizebox\*?\s*\{[^{}]{0,100}\}\s*\{[^{}]{0,100}\}|(?:scalebox|adjustbox|rotatebox|parbox|colorbox|raisebox)\s*"
    r"(?:\[[^\]]{0,100}\]\s*)*\{[^{}]{0,200}\}(?:\s*\[[^\]]{0,100}\])*)(?=\s*\{)"
    r"|\\(?:begin|end)\s*\{(?:adjustbox|threeparttable|landscape|spacing|singlespace)\}(?:\s*\{[^{}]{0,100}\})?"
)
STACKED = re.compile(r"\\(?:makecell|shortstack|thead)\*?\s*(?:\[[^\]]{0,20}\])?\s*\{")
COLOURED = re.compile(
    r"\\(?:(?:(?:row|cell|column|arrayrule|page)color|color)\*?\s*(?:\[[^\]]{0,50}\]\s*)?\{[^{}]{0,50}\}"
    r"|(?:rowcolors|definecolor)\*?\s*(?:\{[^{}]{0,50}\}\s*){3})"
)
SPACED = re.compile(r"\\[vh](?:space|skip)\*?\s*\{[^{}]{0,100}\}[ \t]*")

TABLE = re.compile(r"\\begin\s*\{(tabular\*?|tabularx|tabulary|tabu|longtable|array|supertabular)\}")
WITH_WIDTH = ("tabular*", "tabularx", "tabulary")
REPEATED = re.compile(r"\*\s*\{\s*(\d{1,3})\s*\}\s*")
WIDEST = 200  # columns

CAPTION_LENGTH = 20_000
FLOAT = re.compile(
    r"\\(begin|end)\s*\{(figure|table|wrapfigure|wraptable|sidewaystable|sidewaysfigure|longtable|algorithm)\*?\}(?:\[[^\]]{0,50}\])?"
)
KINDS = {
    "wrapfigure": "figure",
    "sidewaysfigure": "figure",
    "wraptable": "table",
    "sidewaystable": "table",
    "longtable": "table",
}
EQUATION = re.compile(
    r"\\begin\s*\{(equation|align|gather|multline|eqnarray|flalign|alignat)\}(.*?)\\end\s*\{\1\}", re.DOTALL
)
CAPTION = re.compile(r"\\caption\s*(?:\[[^\]]{0,500}\])?\s*\{")
LABEL = re.compile(r"\\label\s*\{([^{}]{1,200})\}")
REFERRED = re.compile(r"\\(ref|eqref|autoref|cref|Cref|vref|labelcref)\*?\s*\{([^{}]{1,400})\}")
NAMED = ("autoref", "cref", "Cref")  # commands that write the kind before the number


def ready(source: str) -> str:
    source = _numbered(uncommented(source))
    for passed in (SPACED, COLOURED, BOXED, LAYOUT):
        source = passed.sub(" ", source)
    return _columns(_cells(source))


def _cells(source: str) -> str:
    """Cells of several lines on one: a line's end in them would be taken for the row's."""
    out: list[str] = []
    at = 0
    for stack in STACKED.finditer(source):
        end = _group_end(source, stack.end() - 1)
        if stack.start() >= at and end > stack.end():
            out += [source[at : stack.start()], source[stack.end() : end - 1].replace("\\\\", " ")]
            at = end
    return "".join([*out, source[at:]])


# Columns of tables


def _columns(source: str) -> str:
    """Every table's columns written with `l` alone, whatever they are called."""
    out: list[str] = []
    at = 0
    for begin in TABLE.finditer(source):
        if begin.start() < at or begin[1] == "array":
            continue
        place = _after_optional(source, begin.end())
        if begin[1] in WITH_WIDTH:
            place = _after_optional(source, _group_end(source, place))
        end = _group_end(source, place)
        if end > place:
            kind = "longtable" if begin[1] == "longtable" else "tabular"
            count = count_columns(source[place:end].strip()[1:-1])
            out.append(source[at : begin.start()] + f"\\begin{{{kind}}}{{{'l' * count}}}")
            at = end
    source = "".join([*out, source[at:]])
    return re.sub(r"\\end\s*\{(?:tabular\*|tabularx|tabulary|tabu|supertabular)\}", r"\\end{tabular}", source)


def count_columns(columns: str) -> int:
    """How many columns `l|*{3}{c}p{2cm}` and the like stand for."""
    count = place = 0
    while place < len(columns) and count < WIDEST:
        letter = columns[place]
        if letter in "@!><":
            place = _group_end(columns, place + 1)
        elif repeated := REPEATED.match(columns, place):
            end = _group_end(columns, repeated.end())
            count += int(repeated[1]) * count_columns(columns[repeated.end() + 1 : end - 1])
            place = end
        elif letter == "{":
            place = _group_end(columns, place)
        elif letter == "[":
            place = _after_optional(columns, place)
        else:
            count += letter.isalpha()
            place += 1
    return min(max(count, 1), WIDEST)


def _after_optional(source: str, place: int) -> int:
    found = re.compile(r"\s*\[[^\]]{0,300}\]\s*").match(source, place)
    return found.end() if found else place


def _group_end(source: str, place: int, longest: int = 5_000) -> int:
    """Where the group that starts at `place` (after white space) ends; the next place when none starts there."""
    start = place
    while place < len(source) and source[place].isspace():
        place += 1
    if source[place : place + 1] != "{":
        return start + 1
    depth = 0
    for end in range(place, min(len(source), place + longest)):
        depth += (source[end] == "{") - (source[end] == "}")
        if depth == 0:
            return end + 1
    return start + 1


# Numbers


def _numbered(source: str) -> str:
    """Captions begin with `Figure 3:`, and references to figures, tables and equations are numbers."""
    numbers: dict[str, tuple[str, str]] = {}  # label → (its name in a sentence, its number)
    source = _floats(source, numbers)
    count = 0
    for equation in EQUATION.finditer(source):
        rows = (
            equation[2].split(r"\\")
            if equation[1] in ("align", "gather", "eqnarray", "flalign")
            else [equation[2]]
        )
        for row in rows:
            if r"\nonumber" in row or r"\notag" in row:
                continue
            count += 1
            for label in LABEL.findall(row):
                numbers.setdefault(label, ("Equation", f"{count}"))
    return REFERRED.sub(lambda found: _referred(found, numbers), source)


def _floats(source: str, numbers: dict[str, tuple[str, str]]) -> str:
    """Floats without their frame, each caption a paragraph: pandoc loses captions that stand where it does not expect them."""
    counts: dict[str, int] = {}
    out: list[str] = []
    at = 0
    begun: list[tuple[int, int, str]] = []
    for mark in FLOAT.finditer(source):
        kind = KINDS.get(mark[2], mark[2])
        if mark[1] == "begin":
            begun.append((mark.start(), mark.end(), kind))
            continue
        if not begun:
            continue
        start, inside, kind = begun.pop()
        if begun or start < at:
            continue  # what stands in a float has the float's number
        out += [
            source[at:start],
            "\n\n",
            _float(source[inside : mark.start()], kind, counts, numbers),
            "\n\n",
        ]
        at = mark.end()
    return "".join([*out, source[at:]])


def _float(inside: str, kind: str, counts: dict[str, int], numbers: dict[str, tuple[str, str]]) -> str:
    caption = CAPTION.search(inside)
    if caption is None:
        return inside
    counts[kind] = counts.get(kind, 0) + 1
    name, number = kind.capitalize(), str(counts[kind])
    numbers.update(dict.fromkeys(LABEL.findall(inside), (name, number)))
    end = _group_end(inside, caption.end() - 1, CAPTION_LENGTH)
    if end <= caption.end():
        return inside
    words = LABEL.sub("", inside[caption.end() : end - 1]).strip()
    return f"{inside[: caption.start()]}\n\n{name} {number}: {words}\n\n{inside[end:]}"


def _referred(found: re.Match[str], numbers: dict[str, tuple[str, str]]) -> str:
    known = [numbers[label.strip()] for label in found[2].split(",") if label.strip() in numbers]
    if not known or len(known) < len(found[2].split(",")):
        return found[0]
    words = ", ".join(number for _, number in known)
    if found[1] == "eqref":
        return f"({words})"
    return f"{known[0][0]} {words}" if found[1] in NAMED else words
