"""Pandoc's tree as Markdown in the form that every extractor here writes: pipes for tables, dollars for formulas.

Ours rather than pandoc's own writer, which turns what Markdown has no form for (cells with several paragraphs, spans) into HTML
or leaves `[TABLE]` in its place. What a block or an inline of a later pandoc may be called, its words are found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from curation.recipe.ingest.extractors.raised import lowered, raised
from curation.recipe.ingest.extractors.tables import Cell, pipe_table

Node = dict[str, Any]
#: From pandoc's citations and a way to write inlines to the words in their place.
Cited = Callable[[Sequence[Node], Callable[[Sequence[Node]], str]], str]

LEVELS = 6
LABEL = re.compile(r"\\label\s*\{[^{}]*\}")
FRAMED = re.compile(r"\\begin\{(equation|displaymath)\*?\}(.*)\\end\{\1\*?\}")
FURNITURE = {"toc", "table-of-contents", "cover", "copyright-page"}


class Writer:
    """Writes blocks and inlines. `cited` says what stands for citations; without it what pandoc shows for them does.

    `raw` makes words of a piece that pandoc passes through; `lost` holds the beginnings of those that give none.
    """

    def __init__(self, cited: Cited | None = None, raw: Callable[[str], str] = lambda piece: "") -> None:
        self.cited = cited
        self.raw = raw
        self.footnotes: list[str] = []
        self.waiting: list[str] = []
        self.lost: list[str] = []
        self.shift = 0  # levels added to every heading

    def blocks(self, blocks: Sequence[Node]) -> str:
        return "\n\n".join(filter(None, (self.block(block).strip("\n") for block in blocks)))

    def document(self, blocks: Sequence[Node]) -> str:
        """All of it, with every footnote after the block that refers to it."""
        written: list[str] = []
        for block in blocks:
            if text := self.block(block).strip("\n"):
                written.append(text)
            written += self.waiting
            self.waiting = []
        return "\n\n".join(written)

    def block(self, block: Node) -> str:
        content: Any = block.get("c")
        match block["t"]:
            case "Para" | "Plain":
                return self.inlines(content).strip(" ")
            case "Header":
                level, _, words = content
                heading = " ".join(self.inlines(words).split())
                return f"{'#' * min(level + self.shift, LEVELS)} {heading}" if heading else ""
            case "CodeBlock":
                return self._code(content[0], content[1])
            case "RawBlock":
                return self._raw(content)
            case "BlockQuote":
                return _prefixed(self.blocks(content), "> ", "> ")
            case "BulletList":
                return self._list([("-", entry) for entry in content])
            case "OrderedList":
                start = content[0][0]
                return self._list(
                    [(f"{number}.", entry) for number, entry in enumerate(content[1], start=start)]
                )
            case "DefinitionList":
                return self._definitions(content)
            case "LineBlock":
                return "  \n".join(self.inlines(line) for line in content)
            case "HorizontalRule":
                return ""
            case "Table":
                return self._table(content)
            case "Figure":
                return self._figure(content)
            case "Div":
                return self._div(content)
            case _:
                return self._unknown(content)

    def _code(self, attributes: Sequence[Any], code: str) -> str:
        language = next((name for name in attributes[1] if name.isalnum() and name != "sourcecode"), "")
        fence = "````" if "```" in code else "```"
        return f"{fence}{language.lower()}\n{code}\n{fence}"

    def _raw(self, content: Sequence[str]) -> str:
        words = self.raw(content[1])
        if content[1].strip() and not words:
            self.lost.append(content[1].strip()[:80])
        return words

    def _list(self, entries: Sequence[tuple[str, Sequence[Node]]]) -> str:
        lines = []
        for mark, entry in entries:
            tight = all(block["t"] in ("Plain", "BulletList", "OrderedList") for block in entry)
            body = (
                "\n".join(filter(None, (self.block(block).strip("\n") for block in entry)))
                if tight
                else self.blocks(entry)
            )
            if body:
                lines.append(_prefixed(body, f"{mark} ", " " * (len(mark) + 1)))
        return "\n".join(lines)

    def _definitions(self, entries: Sequence[Any]) -> str:
        lines = []
        for term, meanings in entries:
            body = "\n\n".join(filter(None, (self.blocks(meaning) for meaning in meanings)))
            name = self.inlines(term).strip()
            lines.append(_prefixed(f"**{name}**: {body}" if name else body, "- ", "  "))
        return "\n".join(lines)

    def _table(self, content: Sequence[Any]) -> str:
        _, caption, _, head, bodies, foot = content
        rows = [row for body in bodies for part in (body[2], body[3]) for row in part] + foot[1]
        table = pipe_table(
            [[self._cell(cell) for cell in row[1]] for row in head[1]],
            [[self._cell(cell) for cell in row[1]] for row in rows],
        )
        words = self.blocks(caption[1])
        return "\n\n".join(filter(None, [words, table]))

    def _cell(self, cell: Sequence[Any]) -> Cell:
        _, _, rows, columns, blocks = cell
        return Cell(" ".join(self.blocks(blocks).split()), columns, rows)

    def _figure(self, content: Sequence[Any]) -> str:
        _, caption, blocks = content
        return "\n\n".join(filter(None, [self.blocks(blocks), self.blocks(caption[1])]))

    def _div(self, content: Sequence[Any]) -> str:
        (identifier, classes, _), blocks = content
        if FURNITURE & {identifier, *classes}:
            return ""
        return self.blocks(blocks)

    def _unknown(self, content: Any) -> str:
        """The words in a node of a kind that this was not written for."""
        if isinstance(content, dict) and "t" in content:
            return self.inlines([content])
        if isinstance(content, list):
            return " ".join(filter(None, (self._unknown(inner) for inner in content)))
        return ""

    def inlines(self, inlines: Sequence[Node]) -> str:
        return "".join(self.inline(inline) for inline in inlines)

    def inline(self, inline: Node) -> str:
        content: Any = inline.get("c")
        match inline["t"]:
            case "Str":
                return str(content).replace("\u00a0", " ")
            case "Space" | "SoftBreak":
                return " "
            case "LineBreak":
                return "\n"
            case "Emph":
                return _marked(self.inlines(content), "*")
            case "Strong":
                return _marked(self.inlines(content), "**")
            case "Underline" | "SmallCaps":
                return self.inlines(content)
            case "Strikeout":
                return _marked(self.inlines(content), "~~")
            case "Superscript":
                return raised(self.inlines(content))
            case "Subscript":
                return lowered(self.inlines(content))
            case "Quoted":
                opening, closing = ("‘", "’") if content[0]["t"] == "SingleQuote" else ("“", "”")
                return f"{opening}{self.inlines(content[1])}{closing}"
            case "Cite":
                return self.cited(content[0], self.inlines) if self.cited else self.inlines(content[1])
            case "Code":
                return f"``{content[1]}``" if "`" in content[1] else f"`{content[1]}`"
            case "Math":
                return self._formula(content)
            case "RawInline":
                return self._raw(content)
            case "Link":
                return self._link(content)
            case "Image":
                words = self.inlines(content[1]).strip()
                return f"[picture: {words}]" if words and words != "image" else ""
            case "Note":
                return self._note(content)
            case "Span":
                return self.inlines(content[1])
            case _:
                return self._unknown(content)

    def _formula(self, content: Sequence[Any]) -> str:
        words = " ".join(LABEL.sub("", content[1]).split())
        if framed := FRAMED.fullmatch(words):
            words = framed[2].strip()
        if not words:
            return ""
        return f"\n\n$${words}$$\n\n" if content[0]["t"] == "DisplayMath" else f"${words}$"

    def _link(self, content: Sequence[Any]) -> str:
        attributes, words, (address, _) = content
        shown = self.inlines(words)
        if any(name == "reference-type" for name, _ in attributes[2]):
            return shown.removeprefix("[").removesuffix("]")
        outside = address.startswith(("http://", "https://"))
        return (
            f"[{shown}]({address})" if outside and shown and shown != address else shown or address * outside
        )

    def _note(self, blocks: Sequence[Node]) -> str:
        number = len(self.footnotes) + 1
        self.footnotes.append("")  # keeps its number while a note in the note is written
        self.footnotes[number - 1] = _prefixed(self.blocks(blocks), f"[^{number}]: ", "    ")
        self.waiting.append(self.footnotes[number - 1])
        return f"[^{number}]"


def _marked(words: str, mark: str) -> str:
    """Emphasis with white space left outside; none around nothing, code, formulas or several lines."""
    bare = words.strip()
    if not bare or "\n" in bare or bare[0] in "*~$`" or bare[-1] in "*~":
        return words
    at = words.index(bare)
    return f"{words[:at]}{mark}{bare}{mark}{words[at + len(bare) :]}"


def _prefixed(text: str, first: str, rest: str) -> str:
    """Every line after the first indented by `rest`; empty ones stay empty but for a quotation's mark."""
    lines = text.split("\n")
    return "\n".join(
        [first + lines[0], *((rest + line).rstrip() if line or rest.strip() else "" for line in lines[1:])]
    )
