"""A page as a list of blocks: the runs of text between the ends of block-level elements, each as Markdown, with what
stands around it.

One walk over the tree, with a stack of our own: the depth of a hostile page costs memory, never the stack of Python.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urljoin

from curation.recipe.ingest.extractors.html import code, page, tables
from curation.recipe.ingest.extractors.html.hints import LONGEST, OF_TAG, hints_of

INLINE = frozenset({
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i",
    "ins", "kbd", "label", "mark", "nobr", "q", "s", "samp", "small", "span", "strike", "strong", "sub",
    "sup", "time", "tt", "u", "var", "wbr", "br", "img", "data", "output", "picture", "source", "ruby",
    "rt", "rp", "rb", "svg",
})  # fmt: skip
SKIPPED = frozenset({
    "script", "style", "template", "iframe", "object", "embed", "canvas", "svg", "head", "audio", "video",
    "map", "datalist", "meter", "progress", "input", "textarea", "img", "picture", "source", "link",
    "meta", "base", "frame", "frameset", "applet", "param", "track", "area", "math",
})  # fmt: skip
HEADINGS = {f"h{level}": level for level in range(1, 7)}
STRONG = frozenset({"b", "strong"})
EMPHASIS = frozenset({"i", "em"})
CODE = frozenset({"code", "kbd", "samp", "tt"})
LISTS = frozenset({"ul", "ol", "menu", "dir"})
#: Kinds that an element gives to the text inside, where nothing nearer gives another.
KINDS = frozenset({
    *HEADINGS, "p", "li", "dt", "dd", "td", "th", "pre", "figcaption", "caption", "button", "option", "summary",
    "legend", "address", "label",
})  # fmt: skip
WORD = re.compile(r"\w+")
IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
SPACE = re.compile(r"[ \t\r\f\v\u00a0\u2007\u202f]+")
HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
#: Blocks of one page; a page of more is cut there, and says so.
MOST = 60_000
DEEPEST_LIST = 8
LONGEST_LINK = 2_000
OTHER_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
UNSAFE = re.compile(r"[\s()<>]")


@dataclass(slots=True)
class Container:
    """A block-level element that is open or was: its place in the tree and the blocks inside it, [first, last)."""

    parent: int
    tag: str
    names: str
    first: int
    last: int = -1

    @property
    def own(self) -> str:
        """Its tag and the first of its names: what blocks of the same kind share."""
        return f"{self.tag}.{self.names.split(' ', 1)[0][:40]}"


@dataclass(slots=True)
class Block:
    """A run of text. `text` is Markdown without the mark of its kind; `plain` the same words without any marks.

    `links` counts the characters of `plain` inside links, `around` has the hints of all that is around it, `near` those
    of the three nearest elements. `depth` is that of lists. `whole` blocks (code, tables) keep their lines.
    """

    kind: str
    text: str
    plain: str
    links: int
    around: int
    near: int
    container: int
    depth: int = 0
    number: int = 0  # in an ordered list
    quoted: int = 0
    hidden: bool = False
    whole: bool = False
    size: float = 0.0  # words, and ideographs at two to a word


@dataclass
class Blocks:
    """The blocks of a page in their order, and the tree of elements around them."""

    blocks: list[Block] = field(default_factory=list)
    containers: list[Container] = field(default_factory=list)
    cut_off: bool = False

    @cached_property
    def paths(self) -> list[str]:
        """For each block the three nearest elements around it and its kind: blocks of one pattern have the same."""
        made: dict[int, str] = {}
        for number in {block.container for block in self.blocks}:
            parts: list[str] = []
            at = number
            while at >= 0 and len(parts) < 3:
                parts.append(self.containers[at].own)
                at = self.containers[at].parent
            made[number] = " < ".join(parts)
        return [f"{made[block.container]} | {block.kind}" for block in self.blocks]


@dataclass(slots=True)
class _Open:
    """An element whose end has not come."""

    tag: str
    around: int
    near: tuple[int, int, int]
    kind: str
    container: int
    block: bool
    hidden: bool
    quoted: int
    depth: int
    item: _Open | None = None  # the item of a list that it is or is in
    run: int = 0  # which run its own text starts in, and where
    mark: int = 0
    address: str = ""
    counter: int = 0  # of a list the items so far, of an item of an ordered list its number
    begun: bool = False  # an item whose first block is there


def size_of(text: str) -> float:
    words = len(WORD.findall(text))
    if text.isascii():
        return float(words)
    return words + len(IDEOGRAPH.findall(text)) / 2


def blocks_of(body: Any, address: str) -> Blocks:
    """The blocks of an element. `address` is what links are relative to."""
    from lxml import etree

    return _Walk(address).over(body, etree)


class _Walk:
    """The state of one walk: the open elements, and the run of text that is being collected."""

    def __init__(self, address: str) -> None:
        self.address = address if address.startswith(("http://", "https://")) else ""
        self.origin = "/".join(self.address.split("/", 3)[:3])
        self.found = Blocks()
        self.stack: list[_Open] = []
        self.parts: list[str] = []  # of the run, with marks
        self.plain: list[str] = []
        self.linked = 0
        self.link_depth = 0
        self.filled = False  # the run has something that is not white space
        self.run = 1

    def over(self, body: Any, etree: Any) -> Blocks:
        walk = etree.iterwalk(body, events=("start", "end"))
        for event, element in walk:
            tag = element.tag
            if not isinstance(tag, str):
                continue
            if event == "start":
                if len(self.found.blocks) >= MOST:
                    self.found.cut_off = True
                    break
                if self._enter(element, tag):
                    walk.skip_subtree()
            else:
                self._leave(tag)
                if element.tail and element is not body:
                    self._add(element.tail)
        self._flush()
        for container in self.found.containers:
            if container.last < 0:
                container.last = len(self.found.blocks)
        return self.found

    def _enter(self, element: Any, tag: str) -> bool:
        """Open an element. True when what is inside has been dealt with or is of no interest."""
        above = self.stack[-1] if self.stack else None
        if tag in SKIPPED:
            self.stack.append(_Open(tag, 0, (0, 0, 0), "", -1, False, False, 0, 0))
            return True
        get = element.get
        names = " ".join(
            filter(None, (get("class"), get("id"), get("role"), get("itemprop"), get("data-testid")))
        )[:LONGEST]
        hints = (hints_of(names) if names else 0) | OF_TAG.get(tag, 0)
        block = tag not in INLINE
        hidden = bool(
            (above and above.hidden)
            or get("hidden") is not None
            or get("aria-hidden") == "true"
            or ((style := get("style")) and HIDDEN.search(style))
        )
        if above is None:
            opened = _Open(tag, hints, (0, 0, hints), "", -1, block, hidden, 0, 0)
        else:
            opened = _Open(
                tag,
                above.around | hints,
                (*above.near[1:], hints) if block else (*above.near[:2], above.near[2] | hints),
                above.kind,
                above.container,
                block,
                hidden,
                above.quoted + (tag == "blockquote"),
                above.depth + (tag in LISTS),
                above.item,
            )
        if block:
            self._flush()
            self._contain(opened, tag, names)
        if tag in KINDS:
            opened.kind = tag
        elif tag in LISTS or tag in ("table", "blockquote", "section", "article"):
            opened.kind = ""
        self.stack.append(opened)
        if tag == "br":
            self.parts.append("\n")
            self.plain.append("\n")
            return True
        if tag == "pre":
            return self._preformatted(element, opened)
        if tag == "table" and (table := tables.markdown_of(element)):
            self._whole("table", table, opened)
            return True
        if tag == "li":
            opened.item = opened
            self._number(opened)
        opened.run, opened.mark = self.run, len(self.parts)
        if tag == "a":
            self.link_depth += 1
            opened.address = self._target(get("href") or "")
        if element.text:
            self._add(element.text)
        return False

    def _leave(self, tag: str) -> None:
        if self.stack[-1].block and self.stack[-1].tag not in SKIPPED:
            self._flush()
        opened = self.stack.pop()
        if opened.tag in SKIPPED:
            return
        if opened.block:
            container = self.found.containers[opened.container]
            if container.last < 0:
                container.last = len(self.found.blocks)
            return
        if tag == "a":
            self.link_depth -= 1
        if opened.run == self.run and opened.mark < len(self.parts):
            self._mark(tag, opened)

    def _contain(self, opened: _Open, tag: str, names: str) -> None:
        containers = self.found.containers
        containers.append(Container(opened.container, tag, names, len(self.found.blocks)))
        opened.container = len(containers) - 1

    def _number(self, opened: _Open) -> None:
        above = self.stack[-2] if len(self.stack) > 1 else None
        if above is not None and above.tag == "ol":
            above.counter += 1
            opened.counter = above.counter

    def _target(self, link: str) -> str:
        """The web address that a link leads to; "" for one within the page or of another kind."""
        link = link.strip()
        if not link or link[0] == "#" or len(link) > LONGEST_LINK:
            return ""
        if not link.startswith(("http://", "https://")):
            if not self.address or OTHER_SCHEME.match(link):
                return ""
            try:
                link = (
                    self.origin + link if link[0] == "/" and link[1:2] != "/" else urljoin(self.address, link)
                )
            except ValueError:
                return ""
        return UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", link)

    def _add(self, text: str) -> None:
        if not self.stack or self.stack[-1].tag in SKIPPED:
            return
        if not self.filled and not text.strip():
            return
        self.filled = True
        text = SPACE.sub(" ", text.replace("\n", " "))
        self.parts.append(text)
        self.plain.append(text)
        if self.link_depth:
            self.linked += len(text.strip())

    def _mark(self, tag: str, opened: _Open) -> None:
        """Put Markdown's signs around what an inline element added to the run."""
        if tag == "a":
            if opened.address and opened.kind not in HEADINGS:
                self._wrap(opened.mark, "[", f"]({opened.address})")
        elif tag in STRONG:
            if opened.kind not in HEADINGS:
                self._wrap(opened.mark, "**", "**")
        elif tag in EMPHASIS:
            self._wrap(opened.mark, "*", "*")
        elif tag in CODE:
            self._wrap(opened.mark, "`", "`")

    def _wrap(self, mark: int, before: str, after: str) -> None:
        inner = "".join(self.parts[mark:])
        core = inner.strip()
        if not core or "\n" in core or (before != "[" and before in core) or len(core) > 2000:
            return
        outside = "".join(self.parts[max(0, mark - 1) : mark])[-1:]
        if before != "`" and before != "[" and (outside.isalnum() or outside == "*"):
            return
        lead = inner[: len(inner) - len(inner.lstrip())]
        trail = inner[len(inner.rstrip()) :]
        self.parts[mark:] = [f"{lead}{before}{core}{after}{trail}"]

    def _flush(self) -> None:
        """End the run: what was collected becomes a block."""
        if self.filled:
            self._emit()
        self.parts, self.plain, self.linked, self.filled = [], [], 0, False
        self.run += 1

    def _emit(self) -> None:
        nearest = self.stack[-1]
        item = nearest.item
        kind = nearest.kind
        if item is not None and kind in ("", "p", "li") and item.depth == nearest.depth:
            kind = "p" if item.begun else "li"
        if item is not None:
            item.begun = True
        text, plain = "".join(self.parts), "".join(self.plain)
        paragraphs = re.split(r"\n[ \n]*\n", text) if "\n" in text else [text]
        flat = re.split(r"\n[ \n]*\n", plain) if "\n" in plain else [plain]
        if len(paragraphs) != len(flat) or kind in HEADINGS:
            paragraphs, flat = [text], [plain]
        share = self.linked / max(1, len(plain.strip()))
        number = item.counter if item is not None and kind == "li" else 0
        for marked, bare in zip(paragraphs, flat, strict=True):
            marked = _lines(marked, kind in HEADINGS)
            bare = _lines(bare, kind in HEADINGS)
            if not bare:
                continue
            self._append(kind, marked, bare, round(share * len(bare)), nearest, number)
            kind = "p" if kind == "li" else kind

    def _append(self, kind: str, text: str, plain: str, links: int, opened: _Open, number: int = 0) -> None:
        near = opened.near[0] | opened.near[1] | opened.near[2]
        self.found.blocks.append(
            Block(
                kind or "p",
                text,
                plain,
                links,
                opened.around,
                near,
                opened.container,
                min(opened.depth, DEEPEST_LIST),
                number,
                opened.quoted,
                opened.hidden,
                size=size_of(plain),
            )
        )

    def _preformatted(self, element: Any, opened: _Open) -> bool:
        fenced = code.fenced(element)
        if fenced:
            self._whole("pre", fenced, opened)
            return True
        for paragraph in re.split(r"\n\s*\n", page.words_in(element).replace("\r\n", "\n")):
            if text := "\n".join(" ".join(line.split()) for line in paragraph.split("\n") if line.strip()):
                self._append("p", text, text, 0, opened)
        return True

    def _whole(self, kind: str, text: str, opened: _Open) -> None:
        self._append(kind, text, text, 0, opened)
        self.found.blocks[-1].whole = True


def _lines(text: str, one: bool) -> str:
    lines = [" ".join(line.split()) for line in text.split("\n")]
    return (" " if one else "\n").join(line for line in lines if line)
