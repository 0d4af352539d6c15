"""HTML that is all content (a post, an answer) to Markdown: nothing is judged to be furniture, nothing is left out.

The posts of question-and-answer dumps are written in Markdown and stored as the HTML that was made of it; this is the way back.
"""

from __future__ import annotations

import re
from typing import Any

from curation.recipe.ingest.extractors.code import fenced

BLOCKS = {
    "p",
    "div",
    "section",
    "article",
    "dl",
    "dd",
    "dt",
    "center",
    "details",
    "summary",
    "figure",
    "figcaption",
    "address",
}
MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "del": "~~", "s": "~~", "strike": "~~"}
IGNORED = {"script", "style", "noscript", "template", "head"}
SPACE = re.compile(r"[ \t\r\n\f]+")
LANGUAGE = re.compile(r"\blang(?:uage)?-([A-Za-z0-9+#-]{1,20})")
DEEPEST = 60  # of lists and quotes inside each other


def markdown_of(markup: str) -> str:
    """Raises nothing: what cannot be parsed comes back as the text it is."""
    from lxml import etree
    from lxml import html as lxml_html

    parser = lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        root = lxml_html.fragment_fromstring(
            markup.encode("utf-8", "replace").decode("utf-8"), create_parent="div", parser=parser
        )
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return markup.strip()
    return "\n\n".join(block for block in _blocks(root, 0) if block.strip())


def _blocks(element: Any, depth: int) -> list[str]:
    """The blocks directly or deeper inside an element, each without empty lines around it."""
    done: list[str] = []
    line: list[str] = [element.text or ""]

    def flush() -> None:
        text = _tidy("".join(line))
        if text:
            done.append(text)
        line.clear()

    for child in element:
        name = child.tag if isinstance(child.tag, str) else ""
        if name in IGNORED or not name:
            pass
        elif name in BLOCKS or name in _MADE:
            flush()
            done.extend(_MADE[name](child, depth) if name in _MADE else _blocks(child, depth))
        else:
            line.append(_inline(child, depth))
        line.append(child.tail or "")
    flush()
    return done


def _inline(element: Any, depth: int) -> str:
    name = element.tag
    if name == "br":
        return "\\\n"
    if name == "img":
        alt = SPACE.sub(" ", element.get("alt") or "").strip()
        return f"![{alt}]({element.get('src')})" if element.get("src") else alt
    if name in ("code", "kbd", "samp", "tt"):
        return _code(element.text_content())
    if depth > DEEPEST:
        return SPACE.sub(" ", element.text_content())
    inside = _words(element, depth + 1)
    if name == "a" and (address := (element.get("href") or "").strip()) and inside.strip():
        return f"[{inside.strip()}]({address.replace(' ', '%20')})" if "\n" not in address else inside
    if name in ("sup", "sub") and inside.strip():
        return (
            f"{'^' if name == 'sup' else '_'}{inside.strip()}"
            if len(inside.strip()) == 1
            else f"<{name}>{inside}</{name}>"
        )
    if mark := MARKS.get(name):
        bare = inside.strip()
        before = " " if inside[:1].isspace() else ""
        after = " " if inside[-1:].isspace() else ""
        return f"{before}{mark}{bare}{mark}{after}" if bare else inside
    return inside


def _words(element: Any, depth: int) -> str:
    """An element's content on one line, but for the line ends it asks for."""
    pieces = [SPACE.sub(" ", element.text or "")]
    for child in element:
        if isinstance(child.tag, str) and child.tag not in IGNORED:
            pieces.append(_inline(child, depth))
        pieces.append(SPACE.sub(" ", child.tail or ""))
    return "".join(pieces)


def _code(text: str) -> str:
    if not text.strip():
        return text
    tick = "``" if "`" in text else "`"
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{tick}{space}{SPACE.sub(' ', text)}{space}{tick}"


def _tidy(text: str) -> str:
    lines = [SPACE.sub(" ", line).strip() for line in text.replace("\\\n", "\x00").split("\x00")]
    return "\\\n".join(line for line in lines if line).removesuffix("\\\n")


def _pre(element: Any, depth: int) -> list[str]:
    hints = " ".join(one.get("class") or "" for one in [element, *element.iter("code")])
    found = LANGUAGE.search(hints)
    for line_break in element.iter("br"):
        line_break.tail = "\n" + (line_break.tail or "")
    text = element.text_content().strip("\n")
    return [fenced(text, found[1].lower() if found else "")] if text.strip() else []


def _heading(element: Any, depth: int) -> list[str]:
    words = _tidy(_words(element, depth))
    return [f"{'#' * (int(element.tag[1]) + 1)} {words}"] if words else []


def _quote(element: Any, depth: int) -> list[str]:
    inside = _blocks(element, depth + 1) if depth < DEEPEST else [_tidy(element.text_content())]
    text = "\n\n".join(inside)
    return ["\n".join(f"> {line}".rstrip() for line in text.split("\n"))] if text else []


def _list(element: Any, depth: int) -> list[str]:
    if depth >= DEEPEST:
        return [_tidy(element.text_content())]
    items = []
    start = int(element.get("start") or 1) if (element.get("start") or "1").isdigit() else 1
    for number, child in enumerate((one for one in element if one.tag == "li"), start=start):
        marker = f"{number}. " if element.tag == "ol" else "- "
        inside = _blocks(child, depth + 1)
        loose = (
            "\n\n" if any(block.startswith(("```", ">")) or "\n\n" in block for block in inside[1:]) else "\n"
        )
        lines = loose.join(inside).split("\n")
        indent = " " * len(marker)
        items.append(
            "\n".join(
                f"{marker if at == 0 else indent if line else ''}{line}" for at, line in enumerate(lines)
            )
        )
    return ["\n".join(items)] if items else _blocks_of_items(element, depth)


def _blocks_of_items(element: Any, depth: int) -> list[str]:
    """A list without items: what stands in it, rather than nothing."""
    return [text] if (text := _tidy(element.text_content())) else []


def _table(element: Any, depth: int) -> list[str]:
    rows = [
        [
            _tidy(_words(cell, depth)).replace("|", "\\|").replace("\\\n", " ")
            for cell in row
            if cell.tag in ("td", "th")
        ]
        for row in element.iter("tr")
    ]
    rows = [row for row in rows if row]
    if not rows:
        return []
    width = max(map(len, rows))
    padded = [row + [""] * (width - len(row)) for row in rows]
    lines = [f"| {' | '.join(row)} |" for row in padded]
    return ["\n".join([lines[0], f"|{' --- |' * width}", *lines[1:]])]


def _rule(element: Any, depth: int) -> list[str]:
    return ["---"]


_MADE = {
    "pre": _pre,
    "blockquote": _quote,
    "ul": _list,
    "ol": _list,
    "table": _table,
    "hr": _rule,
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), _heading),
}
