"""Wikitext to Markdown, over mwparserfromhell's tree: what a reader of the article reads, and a note of what was cut.

Links become their words, lists, tables, code and formulas become Markdown, and templates that only dress words (`{{lang|fr|…}}`,
`{{convert|5|km}}`) become these words. What was cut is named: references, other templates, pictures, categories, comments. A
heading that is left without a text goes too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from curation.recipe.ingest.extractors.code import fenced
from curation.recipe.ingest.extractors.decode import decode, mend
from curation.recipe.ingest.found import shorten

#: Marks of lists at the start of a line, while lines are put together; from the private use area, so that no text has them.
STARS = {"li": {"*": "\ue000", "#": "\ue001"}, "dd": {":": "\ue002"}, "dt": {";": "\ue003"}}
MARKERS = "\ue000\ue001\ue002\ue003"
ASIDE = "\ue004{}\ue005"
SET_BACK = re.compile("\ue004(\\d+)\ue005")
PRIVATE = re.compile("[\ue000-\ue005]")

MEDIA = re.compile(
    r"^(?:file|image|media|datei|bild|fichier|archivo|imagen|arquivo|файл|plik|bestand|fil)\s*:",
    re.IGNORECASE,
)
CATEGORY = re.compile(
    r"^(?:category|kategorie|catégorie|categoría|categoria|категория|kategoria|categorie)\s*:", re.IGNORECASE
)
OTHER_LANGUAGE = re.compile(r"^[a-z]{2,3}(?:-[a-z]{2,8})?:")
MAGIC_WORD = re.compile(r"__[A-Z]{3,24}__")
UNITS = {"convert": "convert", "cvt": "convert", "val": "val"}
#: Templates that dress words: their last positional argument is what is read.
DRESSING = {
    *(
        "lang",
        "nowrap",
        "nobr",
        "small",
        "big",
        "em",
        "strong",
        "abbr",
        "math",
        "mvar",
        "var",
        "nihongo",
        "transl",
        "transliteration",
    ),
    *(
        "code",
        "tt",
        "kbd",
        "mono",
        "smallcaps",
        "sc",
        "zh",
        "ill",
        "interlanguage link",
        "visible anchor",
        "anchored",
        "nobold",
        "sic",
    ),
}
FIRST = {"abbr", "nihongo", "ill", "interlanguage link", "zh", "visible anchor"}
QUOTES = {"quote", "blockquote", "quotation", "cquote", "quote box", "zitat", "citation bloc"}
FRACTIONS = {"frac", "sfrac", "fraction"}
MARKS = {"b": "**", "strong": "**", "i": "*", "em": "*", "s": "~~", "del": "~~"}
CUT_TAGS = {
    "ref": "reference",
    "references": "reference",
    "gallery": "picture",
    "imagemap": "picture",
    "templatestyles": "template",
}
CODE = {"syntaxhighlight", "source", "pre"}
CUT_SHOWN = 60  # pieces that the notes name; the rest is in their sum
DEEPEST = 30
DEEPEST_LIST = 12
CELLS = 20_000  # of one table


def wiki(content: bytes, address: str) -> dict[str, object]:
    """Raises what the parser raises on what is no wikitext."""
    import mwparserfromhell

    text, notes = decode(content)
    page = _Page()
    made = page.read(mwparserfromhell.parse(PRIVATE.sub("", text)), 0)
    body = page.set_back(_without_hollow_headings(_lines(MAGIC_WORD.sub("", made))))
    body, mended = mend(body)
    return {
        "text": body,
        "notes": notes | mended | {"page_type": "article", "by": "wiki", "cut": page.told()},
    }


class _Page:
    """Walks the tree. Blocks that must stay as they are, are put aside and set back at the end."""

    def __init__(self) -> None:
        self.aside: list[str] = []
        self.cut: list[dict[str, Any]] = []
        self.more: dict[str, list[int]] = {}

    def read(self, code: Any, depth: int) -> str:
        if depth > DEEPEST:
            self.leave("nested too deep", str(code))
            return ""
        return "".join(self.node(node, depth) for node in code.nodes)

    def node(self, node: Any, depth: int) -> str:
        return _NODES[type(node).__name__](self, node, depth)

    def put_aside(self, block: str) -> str:
        self.aside.append(block)
        return f"\n\n{ASIDE.format(len(self.aside) - 1)}\n\n"

    def set_back(self, text: str) -> str:
        return SET_BACK.sub(lambda found: self.aside[int(found[1])], text)

    def leave(self, reason: str, text: str) -> None:
        if len(self.cut) < CUT_SHOWN:
            self.cut.append({"reason": reason, "excerpt": shorten(text, 160), "characters": len(text)})
        else:
            self.more.setdefault(reason, []).append(len(text))

    def told(self) -> list[dict[str, Any]]:
        """What was cut, piece by piece, then the sums of what was too much to name."""
        return self.cut + [
            {"reason": reason, "excerpt": f"{len(sizes):,} more", "characters": sum(sizes)}
            for reason, sizes in self.more.items()
        ]


def _text(page: _Page, node: Any, depth: int) -> str:
    return str(node.value)


def _entity(page: _Page, node: Any, depth: int) -> str:
    try:
        return str(node.normalize()).replace("\u00a0", " ")
    except (ValueError, OverflowError):
        return str(node)


def _comment(page: _Page, node: Any, depth: int) -> str:
    page.leave("comment", str(node.contents))
    return ""


def _heading(page: _Page, node: Any, depth: int) -> str:
    words = " ".join(page.read(node.title, depth + 1).split())
    return f"\n\n{'#' * min(max(int(node.level), 1), 6)} {words}\n\n" if words else ""


def _link(page: _Page, node: Any, depth: int) -> str:
    title = str(node.title).strip()
    if MEDIA.match(title):
        page.leave("picture", str(node))
        return ""
    if CATEGORY.match(title) or (OTHER_LANGUAGE.match(title) and node.text is None):
        page.leave("category" if CATEGORY.match(title) else "link to another language", str(node))
        return ""
    if node.text is not None:
        return page.read(node.text, depth + 1)
    return page.read(node.title, depth + 1).removeprefix(":").replace("_", " ")


def _external(page: _Page, node: Any, depth: int) -> str:
    address = str(node.url).strip()
    words = page.read(node.title, depth + 1).strip() if node.title is not None else ""
    return f"[{words}]({address})" if words else address


def _argument(page: _Page, node: Any, depth: int) -> str:
    return page.read(node.default, depth + 1) if node.default is not None else ""


def _template(page: _Page, node: Any, depth: int) -> str:
    name = " ".join(str(node.name).split()).lower().replace("_", " ")
    words = [page.read(one.value, depth + 1).strip() for one in node.params if not one.showkey][:50]
    if name in UNITS and words:
        return _measure(words, UNITS[name])
    if name in FRACTIONS and words:
        return "/".join(words[:2]) if len(words) < 3 else f"{words[0]} {words[1]}/{words[2]}"
    if (name in DRESSING or name.startswith("lang-")) and words:
        return words[0] if name in FIRST else words[-1]
    if name in QUOTES:
        named = {str(one.name).strip().lower(): one.value for one in node.params if one.showkey}
        said = words[0] if words else page.read(named["text"], depth + 1).strip() if "text" in named else ""
        return (
            page.put_aside(
                "\n".join(f"> {line}".rstrip() for line in page.set_back(_lines(said)).split("\n"))
            )
            if said
            else ""
        )
    if name in ("=", "!", "pipe"):
        return "=" if name == "=" else "|"
    page.leave(f"template: {shorten(name, 60)}", str(node))
    return ""


def _measure(words: list[str], kind: str) -> str:
    """`{{convert|5|km|mi}}` is read "5 km"; `{{convert|5|to|7|km}}` "5 to 7 km"; `{{val|5.2}}` its number."""
    if kind == "val":
        return words[0]
    if len(words) > 3 and words[1] in ("to", "and", "or", "-", "–", "by", "x", "×"):
        return f"{words[0]} {words[1]} {words[2]} {words[3]}"
    return " ".join(words[:2])


def _tag(page: _Page, node: Any, depth: int) -> str:
    name = str(node.tag).strip().lower()
    if node.wiki_markup and name in STARS:
        return STARS[name].get(str(node.wiki_markup), "")
    if name in CUT_TAGS:
        page.leave(CUT_TAGS[name], str(node))
        return ""
    if name == "br":
        return "\n" if depth else "\\\n"
    if name == "hr":
        return page.put_aside("---")
    if node.contents is None:
        return ""
    if name in ("math", "chem", "ce"):
        return _formula(page, node)
    if name in CODE:
        return (
            page.put_aside(fenced(str(node.contents).strip("\n"), _attribute(node, "lang")))
            if str(node.contents).strip()
            else ""
        )
    if name == "nowiki":
        return str(node.contents)
    if name == "table":
        return _table(page, node, depth)
    if name == "code":
        return f"`{str(node.contents).strip()}`" if "`" not in str(node.contents) else str(node.contents)
    inside = page.read(node.contents, depth + 1)
    if name == "blockquote":
        return page.put_aside(
            "\n".join(f"> {line}".rstrip() for line in page.set_back(_lines(inside)).split("\n"))
        )
    if name in ("sup", "sub") and inside.strip():
        return (
            f"{'^' if name == 'sup' else '_'}{inside.strip()}"
            if len(inside.strip()) == 1
            else f"<{name}>{inside}</{name}>"
        )
    if (mark := MARKS.get(name)) and inside.strip():
        return (
            f"{mark}{inside.strip()}{mark}" if inside == inside.strip() else f" {mark}{inside.strip()}{mark} "
        )
    return inside


def _formula(page: _Page, node: Any) -> str:
    source = " ".join(str(node.contents).split())
    if not source:
        return ""
    if str(node.tag).strip().lower() != "math":
        source = f"\\ce{{{source}}}"
    return page.put_aside(f"$${source}$$") if _attribute(node, "display") == "block" else f"${source}$"


def _attribute(node: Any, name: str) -> str:
    found = next((one for one in node.attributes if str(one.name).strip().lower() == name), None)
    value = str(found.value).strip("\"' ") if found is not None and found.value is not None else ""
    return value if re.fullmatch(r"[A-Za-z0-9+#.-]{1,30}", value) else ""


def _table(page: _Page, node: Any, depth: int) -> str:
    rows: list[list[str]] = []
    carried: dict[int, tuple[str, int]] = {}  # column → what reaches down into the next rows
    cells = 0
    for row in _rows_of(node):
        made: list[str] = []
        for cell in row:
            while len(made) in carried:
                _carry(made, carried)
            words = (
                " ".join(
                    _lines(page.set_back(page.read(cell.contents, depth + 1))).replace("\\\n", " ").split()
                )
                if cell.contents
                else ""
            )
            across, down = _span(cell, "colspan"), _span(cell, "rowspan")
            for column in range(across):
                if down > 1:
                    carried[len(made)] = (words, down - 1)
                made.append(words if column == 0 else "")
        while len(made) in carried:
            _carry(made, carried)
        cells += len(made)
        if cells > CELLS:
            page.leave("a table of absurd size", str(node))
            return ""
        if any(made):
            rows.append([cell.replace("|", "\\|") for cell in made])
    if not rows:
        return ""
    width = max(map(len, rows))
    lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
    return page.put_aside("\n".join([lines[0], f"|{' --- |' * width}", *lines[1:]]))


def _rows_of(table: Any) -> list[list[Any]]:
    """The cells of each row. Those before the first row's mark are a row too; HTML tables have their rows in parts."""
    rows: list[list[Any]] = [[]]
    for part in table.contents.ifilter_tags(recursive=False):
        name = str(part.tag).strip().lower()
        if name == "td" and part.wiki_markup and str(part.contents).startswith("+"):
            continue  # the caption: the parser takes it for a cell
        if name in ("td", "th"):
            rows[-1].append(part)
        elif part.contents is not None and name == "tr":
            rows.append(
                [
                    one
                    for one in part.contents.ifilter_tags(recursive=False)
                    if str(one.tag).strip().lower() in ("td", "th")
                ]
            )
        elif part.contents is not None and name in ("thead", "tbody", "tfoot"):
            rows.extend(_rows_of(part))
    return rows


def _carry(made: list[str], carried: dict[int, tuple[str, int]]) -> None:
    words, left = carried.pop(len(made))
    if left > 1:
        carried[len(made)] = (words, left - 1)
    made.append(words)


def _span(cell: Any, name: str) -> int:
    value = _attribute(cell, name)
    return min(max(int(value), 1), 100) if value.isdigit() else 1


_NODES: dict[str, Callable[[_Page, Any, int], str]] = {
    "Text": _text,
    "HTMLEntity": _entity,
    "Comment": _comment,
    "Heading": _heading,
    "Wikilink": _link,
    "ExternalLink": _external,
    "Argument": _argument,
    "Template": _template,
    "Tag": _tag,
}


def _lines(text: str) -> str:
    """Lines with the marks of lists as Markdown, never more than one empty line."""
    out: list[str] = []
    for line in text.split("\n"):
        words = line.rstrip().lstrip(MARKERS)
        marks = line[: len(line) - len(line.lstrip(MARKERS))]
        if not marks:
            line = line.strip()
            if line or (out and out[-1]):
                out.append(line)
        elif words.strip():
            out.append(_item(marks, words.strip()))
    return "\n".join(out).strip("\n")


def _item(marks: str, words: str) -> str:
    marks, last = marks[-DEEPEST_LIST:], marks[-1]
    if set(marks) == {"\ue002"}:
        return words  # an indented line is a line
    if last == "\ue003":
        return f"**{words}**"
    bullet = "1." if last == "\ue001" else "-"
    return f"{'  ' * (len(marks) - 1)}{bullet} {words}"


HEADING = re.compile(r"^(#{1,6}) ")


def _without_hollow_headings(text: str) -> str:
    """Headings with nothing under them, not even a lower heading with a text, are left out."""
    kept: list[str] = []
    under = 0  # the level of the kept heading that comes next; 0 at the end, 7 for a text
    for line in reversed(text.split("\n")):
        if found := HEADING.match(line):
            if under <= len(found[1]):
                continue
            under = len(found[1])
        elif line.strip():
            under = 7
        kept.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(reversed(kept))).strip("\n")
