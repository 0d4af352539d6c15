"""What a page says of itself to machines: JSON-LD in the vocabulary of schema.org, and the descriptions in its head."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MOST_NODES = 5_000  # of one page's JSON-LD; what goes beyond is a catalogue, not a description
LARGEST = 2_000_000  # characters of one script
BREAK = re.compile(r"</(?:p|div|li|h\d)>|<br\s*/?>", re.IGNORECASE)
MARKUP = re.compile(r"<[^<>]{0,2000}>")


@dataclass(slots=True)
class Stated:
    """The nodes of a page's JSON-LD in their order, flat, and the types that they have."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    types: list[str] = field(default_factory=list)

    def of(self, *types: str) -> list[dict[str, Any]]:
        wanted = set(types)
        return [node for node in self.nodes if wanted.intersection(types_of(node))]


def stated_by(root: Any) -> Stated:
    """What the page's scripts of JSON-LD say. What is no JSON is passed over."""
    found = Stated()
    for script in root.iter("script"):
        if "ld+json" not in (script.get("type") or ""):
            continue
        text = (script.text or "").strip()
        if not text or len(text) > LARGEST:
            continue
        text = re.sub(
            r"^\s*(?:<!--|//\s*<!\[CDATA\[|<!\[CDATA\[)|(?:-->|//\s*\]\]>|\]\]>)\s*;?\s*$", "", text
        )
        try:
            whole = json.loads(text.rstrip("; \n"), strict=False)
        except (ValueError, RecursionError):
            continue
        for node in _nodes(whole):
            if len(found.nodes) >= MOST_NODES:
                return found
            found.nodes.append(node)
            found.types += types_of(node)
    return found


def _nodes(whole: Any) -> Iterator[dict[str, Any]]:
    """Every object in it, outer before inner, in the order of the text."""
    waiting = [whole]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting += reversed(list(one.values()))
        elif isinstance(one, list):
            waiting += reversed(one)


def types_of(node: dict[str, Any]) -> list[str]:
    stated = node.get("@type")
    listed = stated if isinstance(stated, list) else [stated]
    return [one.rsplit("/", 1)[-1] for one in listed if isinstance(one, str)]


def words_of(value: Any) -> str:
    """A value's text, without markup: of a string, of a list's first, of an object's name or value."""
    for _ in range(5):
        if isinstance(value, list):
            value = value[0] if value else ""
        elif isinstance(value, dict):
            value = value.get("name") or value.get("@value") or value.get("text") or ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    from html import unescape

    text = MARKUP.sub("", BREAK.sub("\n", unescape(unescape(str(value)))))
    return "\n".join(line for one in text.split("\n") if (line := " ".join(one.split())))


def described_by(root: Any, stated: Stated) -> str:
    """All that the page says of its content in its head and its JSON-LD, as one text to compare blocks with."""
    texts = [
        meta.get("content") or ""
        for meta in root.iterfind(".//meta")
        if (meta.get("name") or meta.get("property") or "").lower()
        in ("description", "og:description", "twitter:description", "og:title")
    ]
    for node in stated.nodes:
        texts += [
            words_of(node[key])
            for key in ("headline", "articleBody", "description", "text", "reviewBody")
            if key in node
        ]
        if types_of(node) != ["BreadcrumbList"] and "name" in node:
            texts.append(words_of(node["name"]))
    return "\n".join(texts)


#: Page type → the types whose text is the page's, and the values that hold it.
TOLD: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "article": (("Article", "NewsArticle", "BlogPosting", "Report", "LiveBlogPosting"), ("articleBody",)),
    "product": (("Product", "ProductGroup", "IndividualProduct"), ("name", "description")),
    "collection": (("CollectionPage", "ItemList", "ListItem", "Product"), ("name", "description")),
    "service": (("Service", "Course", "SoftwareApplication", "LocalBusiness"), ("name", "description")),
}
SEEN = 0.5  # share of its pairs of words from which a text counts as standing on the page
LEAST = 12  # words of a text worth adding
NOTHING = 30  # words of main text below which a page is taken to keep it from its markup


def unseen(stated: Stated, page_type: str, text: str) -> list[str]:
    """Paragraphs of the page's JSON-LD that belong to its main text and do not stand in it, because scripts draw them."""
    types, keys = TOLD.get(page_type, ((), ()))
    seen = _pairs(text)
    bare = len(text.split()) < NOTHING
    added: list[str] = []
    for node in stated.of(*types) if types else ():
        if page_type in ("article", "collection", "service") and not bare:
            continue
        for key in keys:
            words = words_of(node.get(key))
            if len(words.split()) < LEAST and not (bare and key == "name"):
                continue
            pairs = _pairs(words)
            if words not in added and len(pairs & seen) < SEEN * max(1, len(pairs)):
                added.append(words)
                seen |= pairs
    return added if sum(map(len, added)) > 40 else []


def _pairs(text: str) -> set[tuple[str, str]]:
    words = re.findall(r"\w+", text.lower())
    return set(itertools.pairwise(words))
