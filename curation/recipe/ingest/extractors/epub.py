"""EPUB: the chapters of a book in reading order, each by pandoc, without cover, contents and colophon.

The package's own list (`spine`) says what comes after what. Chapters go to pandoc together, since each start of it costs more
than a short chapter; a chapter that cannot be unpacked is left out by name and costs itself alone.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote

from curation.recipe.ingest.extractors.decode import decode, mend
from curation.recipe.ingest.extractors.licence import licence
from curation.recipe.ingest.extractors.markup import first, local, words_of, xml_tree
from curation.recipe.ingest.extractors.packaged import Package
from curation.recipe.ingest.extractors.pandoc.run import tree
from curation.recipe.ingest.extractors.pandoc.write import Writer
from curation.recipe.ingest.found import TITLE, Unreadable, shorten

CHAPTERS = 5_000
MARKUP = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
#: Parts of a book that are not its text, by their names or by what they call themselves (`epub:type`).
FURNITURE = re.compile(
    r"(?:^|[/_-])(?:cover|titlepage|toc|nav|contents|copyright|colophon|imprint)(?:[._-]|$)", re.IGNORECASE
)
CALLED = re.compile(r"epub:type\s*=\s*[\"'](?:cover|toc|landmarks|copyright-page|titlepage|colophon)\b")
BODY = re.compile(r"<body[^>]*>(.*)</body>", re.DOTALL | re.IGNORECASE)
TAG = re.compile(r"<[^<>]{0,2000}>")
AT_ONCE = 2_000_000  # characters of markup
FONTS = re.compile(r"obfuscation", re.IGNORECASE)


class Book(NamedTuple):
    """What the package document says: fields by Dublin Core's names, and the chapters' paths in reading order."""

    about: dict[str, str]
    chapters: list[str]


def epub(content: bytes, address: str) -> dict[str, object]:
    """Raises Unreadable for what is damaged, locked, swells, or is no book."""
    package = Package.of(content)
    _refuse_locked(package)
    book = _book(package)
    cut: list[dict[str, object]] = []
    chapters: list[str] = []
    for path in book.chapters[:CHAPTERS]:
        try:
            chapter = package.read(path)
        except Unreadable as unreadable:
            cut.append({"reason": "damaged chapter", "excerpt": unreadable.detail, "characters": 0})
            continue
        source, _ = decode(chapter, html=True)
        if FURNITURE.search(path) or CALLED.search(source[:4_000]):
            words = " ".join(TAG.sub(" ", source).split())
            cut.append(
                {"reason": "cover, contents or colophon", "excerpt": shorten(words), "characters": len(words)}
            )
        else:
            body = BODY.search(source)
            chapters.append(body[1] if body else source)
    if not chapters:
        raise Unreadable("empty", "Its chapters hold no text.")
    text, notes = mend("\n\n".join(filter(None, (_markdown(group) for group in _groups(chapters)))))
    about = book.about
    notes |= {"by": "pandoc", "chapters": len(chapters)}
    notes |= {name: about[name] for name in ("author", "date", "publisher") if about.get(name)}
    if said := licence("", about.get("rights", "")):
        notes["licence"] = said
    if cut:
        notes["cut"] = cut[:50]
    return {
        "text": text,
        "title": shorten(about.get("title", ""), TITLE),
        "address": address,
        "language": about.get("language", "")[:8],
        "notes": notes,
    }


def _refuse_locked(package: Package) -> None:
    """Refuse what a shop has encrypted; fonts that are only obfuscated do not matter."""
    if package.holds("META-INF/encryption.xml"):
        root = xml_tree(package.read("META-INF/encryption.xml"))
        methods = [part.get("Algorithm", "") for part in root.iter() if local(part) == "EncryptionMethod"]
        if any(not FONTS.search(method) for method in methods):
            raise Unreadable(
                "encrypted", "It is protected against copying, and opens only in the shop's reader."
            )


def _book(package: Package) -> Book:
    container = xml_tree(package.read("META-INF/container.xml"))
    rootfile = first(container, "rootfile")
    path = unquote(rootfile.get("full-path", "")) if rootfile is not None else ""
    root = xml_tree(package.read(path))
    folder = posixpath.dirname(path)
    items: dict[str, tuple[str, str]] = {}
    for item in root.iter():
        if local(item) == "item":
            place = posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
            items[item.get("id", "")] = (place, item.get("media-type", ""))
    order = [
        items[ref.get("idref", "")]
        for ref in root.iter()
        if local(ref) == "itemref" and ref.get("idref") in items
    ]
    return Book(_about(root), [place for place, kind in dict.fromkeys(order) if kind in MARKUP])


def _about(root: Any) -> dict[str, str]:
    metadata = first(root, "metadata")
    names = {"title": "title", "creator": "author", "date": "date", "language": "language", "rights": "rights", "publisher": "publisher"}  # fmt: skip
    said: dict[str, str] = {}
    for element in metadata.iter() if metadata is not None else ():
        name, words = names.get(local(element), ""), words_of(element)
        if name == "author" and said.get(name):
            said[name] += f", {words}"
        elif name and words:
            said.setdefault(name, words)
    return said


def _groups(chapters: list[str]) -> Iterator[str]:
    """Chapters one after the other, as many at once as pandoc reads with ease."""
    group: list[str] = []
    size = 0
    for chapter in chapters:
        if group and size + len(chapter) > AT_ONCE:
            yield "\n".join(group)
            group, size = [], 0
        group.append(f"<div>{chapter}</div>")
        size += len(chapter)
    if group:
        yield "\n".join(group)


def _markdown(source: str) -> str:
    return Writer().document(tree(source.encode("utf-8", "replace"), "html+epub_html_exts")["blocks"])
