"""The words of a LaTeX source without a TeX engine: for sources that pandoc gives up on, and to judge what it kept.

It knows no macro: headings, lists, emphasis, citations and formulas come out as Markdown; an unknown command goes and the
words in its braces stay.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from curation.recipe.ingest.extractors.latex.references import References

WHOLE_LINE = re.compile(r"^[ \t]*%[^\n]*\n?", re.MULTILINE)
#: The end of a line goes with its comment, but an empty line after it still parts paragraphs.
COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*(?:\n(?![ \t]*\n)[ \t]*)?")
#: Where a percent sign is one.
LITERAL = re.compile(
    r"\\begin\s*\{(verbatim\*?|lstlisting|minted|Verbatim)\}.*?\\end\s*\{\1\}"
    r"|\\(?:url|href|path)\s*\{[^{}\n]{0,2000}\}|\\(?:verb|lstinline)\*?([^a-zA-Z\s{])[^\n]{0,500}?\2",
    re.DOTALL,
)
BODY = re.compile(r"\\begin\s*\{document\}(.*?)(?:\\end\s*\{document\}|\Z)", re.DOTALL)
TITLE = re.compile(r"\\title\s*(?:\[[^\]]{0,300}\])?\s*\{((?:[^{}]|\{[^{}]{0,300}\}){1,600})\}")

#: Environments whose inside is drawing or layout.
DRAWN = re.compile(
    r"\\begin\s*\{(tikzpicture|picture|pgfpicture|filecontents\*?|CCSXML|comment)\}.*?\\end\s*\{\1\}",
    re.DOTALL,
)
CODE = re.compile(
    r"\\begin\s*\{(verbatim\*?|lstlisting|minted|Verbatim)\}(?:\[[^\]]{0,300}\])?(?:\{(\w{1,30})\})?\n?(.*?)\\end\s*\{\1\}",
    re.DOTALL,
)
DISPLAY = re.compile(
    r"\\begin\s*\{(equation|align|gather|multline|eqnarray|displaymath|flalign|alignat|math)(\*?)\}(.*?)\\end\s*\{\1\2\}"
    r"|\\\[(.*?)\\\]|\$\$(.*?)\$\$",
    re.DOTALL,
)
INLINE = re.compile(r"\\\((.{1,2000}?)\\\)|(?<!\\)\$((?:[^$\\]|\\.){1,2000})\$", re.DOTALL)
LABEL = re.compile(r"\\(?:label|nonumber|notag)\b\s*(?:\{[^{}]{0,200}\})?")
NESTED = 6
PUT_ASIDE = "\x02{}\x03"
SET_BACK = re.compile("\x02(\\d+)\x03")

HEADINGS = {
    "part": 2,
    "chapter": 2,
    "section": 2,
    "subsection": 3,
    "subsubsection": 4,
    "paragraph": 5,
    "subparagraph": 6,
}
HEADING = re.compile(
    r"\\(part|chapter|section|subsection|subsubsection|paragraph|subparagraph)\*?\s*(?:\[[^\]]{0,300}\])?\s*\{((?:[^{}]|\{[^{}]{0,300}\}){0,600})\}"
)
EMPHASIS = re.compile(r"\\(emph|textit|textsl|textbf|texttt)\s*\{([^{}]{0,2000})\}")
MARKS = {"textbf": "**", "texttt": "`"}
CITED = re.compile(r"\\([A-Za-z]*cite[a-zA-Z]*)\*?\s*(?:\[[^\]]{0,200}\]){0,2}\s*\{([^{}]{1,2000})\}")
LINK = re.compile(r"\\href\s*\{([^{}]{1,2000})\}\s*\{([^{}]{0,2000})\}")
ADDRESS = re.compile(r"\\url\s*\{([^{}]{1,2000})\}")
FOOTNOTE = re.compile(r"\\footnote\s*(?:\[[^\]]{0,20}\])?\s*\{((?:[^{}]|\{[^{}]{0,1000}\}){0,4000})\}")
SILENT = re.compile(
    r"\\(?:label|ref|eqref|autoref|cref|Cref|pageref|bibliographystyle|bibliography|vspace|hspace|includegraphics|setlength|"
    r"input|include|usepackage|documentclass|pagestyle|thispagestyle|definecolor|color|addtocounter|setcounter|phantom|"
    r"newcommand|renewcommand|providecommand|DeclareMathOperator|hypersetup|geometry|graphicspath|index|cline|multicolumn)\*?"
    r"\s*(?:\[[^\]]{0,500}\]\s*)*(?:\{[^{}]{0,2000}\}\s*)?"
)
ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{([A-Za-z*]{1,40})\}(?:\[[^\]]{0,200}\])?(?:\{[^{}]{0,200}\})?")
ITEM = re.compile(r"\\item\b\s*(?:\[([^\]]{0,300})\])?")
ACCENTED = re.compile(r"\\([`'^\"~=.]|[cvuHrk](?![a-zA-Z]))\s*\{?\s*\\?([A-Za-z])\}?")
ACCENTS = {"`": "\u0300", "'": "\u0301", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307",
           "c": "\u0327", "v": "\u030c", "u": "\u0306", "H": "\u030b", "r": "\u030a", "k": "\u0328"}  # fmt: skip
LETTERS = {"ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "o": "ø", "O": "Ø", "aa": "å", "AA": "Å", "l": "ł", "L": "Ł",
           "i": "ı", "S": "§", "P": "¶", "ldots": "…", "dots": "…", "textendash": "–", "textemdash": "—", "copyright": "©",
           "textbackslash": "\\", "LaTeX": "LaTeX", "TeX": "TeX", "times": "×", "pounds": "£"}  # fmt: skip
LETTER = re.compile(r"\\([A-Za-z]+)\b(?:\{\})?")
COMMAND = re.compile(r"\\[a-zA-Z@]+\*?\s*(?:\[[^\]\n]{0,300}\])?|\\[^a-zA-Z]")
ESCAPED = re.compile(r"\\([%&$#_{} ])")


def uncommented(source: str) -> str:
    """The source without its comments."""
    pieces: list[str] = []
    at = 0
    for literal in LITERAL.finditer(source):
        line = source.rfind("\n", 0, literal.start()) + 1
        if re.search(r"(?<!\\)%", source[max(line, at) : literal.start()]):
            continue  # itself in a comment
        pieces += [_without_comments(source[at : literal.start()]), literal[0]]
        at = literal.end()
    return "".join([*pieces, _without_comments(source[at:])])


def _without_comments(source: str) -> str:
    return COMMENT.sub(r"\1", WHOLE_LINE.sub("", source))


class Stripped(NamedTuple):
    text: str
    title: str
    references: str


def stripped(source: str, references: References) -> Stripped:
    """The text as Markdown, the title, and the list of references, each work a paragraph.

    The source has its list of references taken out.
    """
    source = uncommented(source)
    title = TITLE.search(source)
    body = BODY.search(source)
    entries = [" ".join(_whole(entry.body, references).split()) for entry in references.entries.values()]
    numbered = [
        words if entry.author else f"[{entry.number}] {words}"
        for entry, words in zip(references.entries.values(), entries, strict=True)
    ]
    return Stripped(
        _whole(body[1] if body else source, references),
        " ".join(_whole(title[1], references).split()) if title else "",
        "\n\n".join(filter(None, numbered)),
    )


def words_of(source: str, references: References) -> str:
    """Markdown of a piece of a source, such as a command that nobody knows with its arguments."""
    return _whole(uncommented(source), references)


def _whole(source: str, references: References) -> str:
    """Markdown of a piece of source, with what was put aside set back, also where it stood inside each other."""
    aside: list[str] = []
    text = _text(source, references, aside)
    for _ in range(NESTED):
        text = SET_BACK.sub(lambda found: aside[int(found[1])], text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _text(source: str, references: References, aside: list[str]) -> str:
    def keep(words: str) -> str:
        aside.append(words)
        return PUT_ASIDE.format(len(aside) - 1)

    def display(found: re.Match[str]) -> str:
        words = " ".join(LABEL.sub("", found[3] or found[4] or found[5] or "").split())
        kind = found[1] or ""
        if kind not in ("", "equation", "displaymath", "math") and words:
            words = f"\\begin{{aligned}} {words} \\end{{aligned}}"
        return f"\n\n{keep(f'$${words}$$')}\n\n" if words else ""

    def heading(found: re.Match[str]) -> str:
        words = " ".join(found[2].split())
        return f"\n\n{'#' * HEADINGS[found[1]]} {words}\n\n"

    text = source.replace("\x02", "").replace("\x03", "")
    text = DRAWN.sub("", text)
    text = CODE.sub(
        lambda found: "\n\n" + keep(f"```{found[2] or ''}\n{found[3].strip(chr(10))}\n```") + "\n\n", text
    )
    text = DISPLAY.sub(display, text)
    text = INLINE.sub(lambda found: keep(f"${' '.join((found[1] or found[2]).split())}$"), text)
    text = re.sub(r"\\\\\*?(?:\[[^\]]{0,20}\])?", "\n", text)
    text = ESCAPED.sub(lambda found: keep(found[1]), text)
    text = CITED.sub(
        lambda found: keep(references.said(found[2], found[1] in ("citet", "textcite", "newcite"))), text
    )
    text = LINK.sub(lambda found: f"{found[2]} ({keep(found[1])})", text)
    text = ADDRESS.sub(lambda found: keep(found[1]), text)
    text = FOOTNOTE.sub(r" (\1)", text)
    text = HEADING.sub(heading, text)
    text = EMPHASIS.sub(lambda found: _marked(found[2], MARKS.get(found[1], "*")), text)
    text = SILENT.sub("", text)
    text = re.sub(r"\\begin\s*\{abstract\}", "\n\n## Abstract\n\n", text)
    text = ENVIRONMENT.sub("\n\n", text)
    text = ITEM.sub(lambda found: f"\n- {found[1] + ': ' if found[1] else ''}", text)
    text = re.sub(r"\\caption\b\s*(?:\[[^\]]{0,300}\])?", "\n\n", text)
    text = ACCENTED.sub(lambda found: _accented(found[2], found[1]), text)
    text = LETTER.sub(lambda found: LETTERS.get(found[1], found[0]), text)
    text = COMMAND.sub(" ", text)
    text = text.replace("~", " ").replace("---", "—").replace("--", "–").replace("``", "“").replace("''", "”")
    text = text.replace("{", "").replace("}", "")
    lines = [" ".join(line.split()) for line in text.split("\n")]
    return _joined(lines)


def _joined(lines: list[str]) -> str:
    """Lines of a paragraph as one; an empty line parts paragraphs, and a list entry starts a line."""
    out: list[str] = []
    for line in lines:
        if out and line and out[-1] and not line.startswith(("- ", "#")) and not out[-1].startswith("#"):
            out[-1] += " " + line
        elif line or (out and out[-1]):
            out.append(line)
    return "\n".join(out)


def _marked(words: str, mark: str) -> str:
    return f"{mark}{words.strip()}{mark}" if words.strip() else ""


def _accented(letter: str, accent: str) -> str:
    import unicodedata

    return unicodedata.normalize("NFC", letter + ACCENTS[accent])
