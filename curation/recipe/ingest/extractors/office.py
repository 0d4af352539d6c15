"""DOCX and ODT by pandoc: headings, lists, tables, footnotes and formulas as the word processor's styles say."""

from __future__ import annotations

import posixpath

from curation.recipe.ingest.extractors.decode import mend
from curation.recipe.ingest.extractors.licence import licence
from curation.recipe.ingest.extractors.markup import (
    attribute,
    etree_bytes,
    first,
    local,
    put_in_place,
    words_of,
    xml_tree,
)
from curation.recipe.ingest.extractors.mathml import tex_of
from curation.recipe.ingest.extractors.packaged import Package
from curation.recipe.ingest.extractors.pandoc.run import tree
from curation.recipe.ingest.extractors.pandoc.write import Writer
from curation.recipe.ingest.found import TITLE, Unreadable, shorten

PUT_ASIDE = "FORMULAPUTASIDE{}X"


def docx(content: bytes, address: str) -> dict[str, object]:
    """Raises Unreadable for what is damaged, encrypted, swells, or is no Word document."""
    package = Package.of(content)
    if not package.holds("word/document.xml"):
        raise Unreadable("not_text", "It is no Word document: it holds no word/document.xml.")
    for name in package.names:
        if name.startswith("word/") and name.endswith(".xml"):
            xml_tree(package.read(name))  # damage and attacks are told here, and by their names
    return _read(content, "docx", package, "docProps/core.xml", address)


def odt(content: bytes, address: str) -> dict[str, object]:
    """Raises Unreadable for what is damaged, encrypted, swells, or is no OpenDocument text."""
    package = Package.of(content)
    if not package.holds("content.xml"):
        raise Unreadable("not_text", "It is no OpenDocument text: it holds no content.xml.")
    if package.holds("META-INF/manifest.xml") and b"encryption-data" in package.read("META-INF/manifest.xml"):
        raise Unreadable(
            "encrypted", "It opens only with a password. Save it without one and import it again."
        )
    formulas, light = _formulas_aside(package)
    found = _read(light or content, "odt", package, "meta.xml", address)
    for number, words in enumerate(formulas):
        found["text"] = str(found["text"]).replace(PUT_ASIDE.format(number), words)
    return found


def _formulas_aside(package: Package) -> tuple[list[str], bytes]:
    """The formulas of an OpenDocument text as TeX, and the document with a mark in each one's place.

    They are objects of their own in the package, which pandoc passes over. No formulas: an empty list and no document.
    """
    root = xml_tree(package.read("content.xml"))
    formulas: list[str] = []
    for frame in [element for element in root.iter() if local(element) == "frame"]:
        held = first(frame, "object")
        path = posixpath.normpath(attribute(held, "href")) + "/content.xml" if held is not None else ""
        if path and package.holds(path) and (words := tex_of(xml_tree(package.read(path)))):
            put_in_place(frame, PUT_ASIDE.format(len(formulas)))
            formulas.append(f"${words}$")
    if not formulas:
        return [], b""
    return formulas, package.with_part("content.xml", etree_bytes(root))


def _read(content: bytes, reader: str, package: Package, about: str, address: str) -> dict[str, object]:
    found = tree(content, reader)
    writer = Writer()
    text, notes = mend(writer.document(found["blocks"]))
    stated = _about(package, about)
    title = stated.pop("title")
    evidence = stated.pop("rights")
    notes |= {"by": "pandoc"} | {name: words for name, words in stated.items() if words}
    if said := licence("", evidence):
        notes["licence"] = said
    return {
        "text": text,
        "title": shorten(title or _first_heading(text), TITLE),
        "address": address,
        "language": stated["language"][:8],
        "notes": {name: value for name, value in notes.items() if name != "language"},
    }


def _about(package: Package, path: str) -> dict[str, str]:
    """What the package says of its document, by Dublin Core's names."""
    names = {
        "title": ("title",),
        "author": ("creator", "initial-creator"),
        "date": ("created", "creation-date", "date"),
        "language": ("language",),
        "rights": ("rights",),
    }
    if not package.holds(path):
        return dict.fromkeys(names, "")
    root = xml_tree(package.read(path))
    said = {name: words_of(first(root, *tags)) for name, tags in names.items()}
    return said | {"date": said["date"][:10]}


def _first_heading(text: str) -> str:
    return next((line.lstrip("#").strip() for line in text[:5_000].split("\n") if line.startswith("#")), "")
