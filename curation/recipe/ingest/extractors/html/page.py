"""A page as a tree: parsed within limits, without what nobody sees."""

from __future__ import annotations

import re
from typing import Any

#: What libxml2 says when a page is nested deeper than it reads: it loses what follows, so the page is flattened and parsed again.
TOO_DEEP = "ERR_RESOURCE_LIMIT"
HOLLOW = re.compile(
    r"</?(?:div|span|font|b|i|u|center|small|big|em|strong|section|blockquote|ul|ol|li|dl|table|tbody|tr|td|mrow)\b[^>]{0,2000}>",
    re.IGNORECASE,
)


def parsed(page: str) -> Any:
    """The root element, or None when nothing of the page can be parsed."""
    root, too_deep = _parsed(page)
    return _parsed(HOLLOW.sub("\n", page))[0] if too_deep else root


def _parsed(page: str) -> tuple[Any, bool]:
    """The root, and whether the page is nested deeper than the parser reads."""
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        root = etree.fromstring(page.encode("utf-8", "replace"), parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        return None, False
    return root, any(error.type_name == TOO_DEEP for error in parser.error_log)


def words_in(element: Any) -> str:
    """All text inside an element, as it stands."""
    return "".join(element.itertext())


def replace(element: Any, text: str) -> None:
    """Put text in an element's place; what follows the element stays."""
    parent = element.getparent()
    if parent is None:
        return
    words = text + (element.tail or "")
    before = element.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + words
    else:
        parent.text = (parent.text or "") + words
    parent.remove(element)


def remove(element: Any) -> None:
    """Take an element out; what follows it stays."""
    replace(element, "")


def body_of(root: Any) -> Any:
    """The body, or the root where there is none."""
    body = root.find("body")
    return root if body is None else body
