"""XML as a tree, without what attacks are made of: no entity is expanded, no file or address is read."""

from __future__ import annotations

import re
from html.entities import html5
from typing import Any

from curation.recipe.ingest.found import Unreadable

DEPTH = 200  # elements inside each other; articles have thirty


def xml_tree(content: bytes) -> Any:
    """The root element, with the named characters of HTML (`&nbsp;`, `&alpha;`) put in.

    Raises Unreadable: `damaged` for what is not well-formed, `unsafe` for entities of its own and for absurd nesting.
    """
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_pis=True,
        remove_comments=True,
        strip_cdata=True,
    )
    try:
        root = etree.fromstring(content.lstrip(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable("damaged", f"It is not well-formed XML: {_words(error)}.") from error
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > DEPTH:
            raise Unreadable("unsafe", f"Its elements stand more than {DEPTH} deep in each other.")
    for entity in list(root.iter(etree.Entity)):
        _put_in(entity)
    return root


def local(element: Any) -> str:
    """An element's name without its namespace; "" for what is no element."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def attribute(element: Any, name: str) -> str:
    """An attribute by its local name: `xlink:href` and `href` alike."""
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(value)
    return ""


def words_of(element: Any | None) -> str:
    """All text inside an element on one line; "" for None."""
    return "" if element is None else " ".join("".join(element.itertext()).split())


def first(element: Any, *names: str) -> Any | None:
    """The first descendant with one of these local names."""
    return next((inner for inner in element.iter() if local(inner) in names), None)


def children(element: Any, *names: str) -> list[Any]:
    """The direct children with one of these local names."""
    return [inner for inner in element if local(inner) in names]


def _put_in(entity: Any) -> None:
    """Replace a reference by its character. One that is not a named character was declared by the file itself."""
    character = html5.get(f"{entity.name};")
    if character is None:
        raise Unreadable(
            "unsafe", f"It refers to an entity of its own (&{entity.name};), which is not expanded."
        )
    put_in_place(entity, character)


def put_in_place(element: Any, text: str) -> None:
    """Put text in the place of an element; what follows the element stays."""
    parent, previous = element.getparent(), element.getprevious()
    words = text + (element.tail or "")
    if previous is not None:
        previous.tail = (previous.tail or "") + words
    else:
        parent.text = (parent.text or "") + words
    parent.remove(element)


def etree_bytes(root: Any) -> bytes:
    """The tree as XML."""
    from lxml import etree

    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True))


def _words(error: BaseException) -> str:
    return re.sub(r"\s+", " ", str(error))[:160].rstrip(".")
