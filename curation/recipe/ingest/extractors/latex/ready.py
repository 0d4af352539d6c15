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
SPACED = re.compile(r"\\[vh](?:space|skip)\*?\s*\{[^{}]{0,100}\}[ \t]*")

TABLE = re.compile(r"\\begin\s*\{(tabular\*?|tabularx|tabulary|tabu|longtable|array|supertabular)\}")
WITH_WIDTH = ("tabular*", "tabularx", "tabulary")
REPEATED = re.compile(r"\*\s*\{\s*(\d{1,3})\s*\}\s*")
WIDEST = 200  # columns

FLOAT = re.compile(
    r"\\(begin|end)\s*\{(figure|table|wrapfigure|wraptable|sidewaystable|sidewaysfigure|longtable|algorithm)\*?\}"
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
    source = LAYOUT.sub(" ", SPACED.sub(" ", source))
    return _columns(source)


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


def _group_end(source: str, place: int) -> int:
    """Where the group that starts at `place` (after white space) ends; the next place when none starts there."""
    start = place
    while place < len(source) and source[place].isspace():
        place += 1
    if source[place : place + 1] != "{":
        return start + 1
    depth = 0
    for end in range(place, min(len(source), place + 5_000)):
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
    counts: dict[str, int] = {}
    out: list[str] = []
    at = 0
    begun: list[tuple[int, str]] = []
    for mark in FLOAT.finditer(source):
        if mark[1] == "begin":
            begun.append((mark.end(), KINDS.get(mark[2], mark[2])))
            continue
        if not begun:
            continue
        start, kind = begun.pop()
        if begun or start < at:
            continue  # what stands in a float has the float's number
        inside = source[start : mark.start()]
        if CAPTION.search(inside):
            counts[kind] = counts.get(kind, 0) + 1
            name, number = kind.capitalize(), str(counts[kind])
            numbers.update(dict.fromkeys(LABEL.findall(inside), (name, number)))
            caption = next(CAPTION.finditer(inside)).end()
            inside = f"{inside[:caption]}{name} {number}: {inside[caption:]}"
        out += [source[at:start], inside]
        at = mark.start()
    return "".join([*out, source[at:]])


def _referred(found: re.Match[str], numbers: dict[str, tuple[str, str]]) -> str:
    known = [numbers[label.strip()] for label in found[2].split(",") if label.strip() in numbers]
    if not known or len(known) < len(found[2].split(",")):
        return found[0]
    words = ", ".join(number for _, number in known)
    if found[1] == "eqref":
        return f"({words})"
    return f"{known[0][0]} {words}" if found[1] in NAMED else words
