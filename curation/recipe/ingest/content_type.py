"""Content types, as HTTP states them: which of the studio's media types is meant, and in which encoding the text is."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from curation.recipe.ingest.looks import is_text, shows_html

CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]{1,40})""", re.IGNORECASE)
#: What is stated → what it is read as. What is not here is looked at, unless it is plainly something else.
READ_AS = {
    "text/html": "text/html",
    "application/xhtml+xml": "text/html",
    "text/plain": "text/plain",
    "text/markdown": "text/markdown",
    "text/x-markdown": "text/markdown",
}
#: Said by servers that do not know.
VAGUE = {
    "",
    "application/octet-stream",
    "binary/octet-stream",
    "unknown/unknown",
    "application/x-unknown",
    "text/xml",
} | {"application/xml"}


@dataclass(frozen=True, slots=True)
class ContentType:
    """`media_type` is one of the studio's, "" for what it does not read. As a string: `text/html;charset=windows-1251`."""

    media_type: str
    charset: str = ""
    stated: str = ""

    def __str__(self) -> str:
        return f"{self.media_type};charset={self.charset}" if self.charset else self.media_type


def content_type_of(stated: str, content: bytes) -> ContentType:
    """Bytes that plainly are HTML are read so whatever was stated; a type that says nothing is told by the bytes."""
    kind = stated.partition(";")[0].strip().lower()
    found = CHARSET.search(stated)
    charset = known_charset(found[1]) if found else ""
    if shows_html(content[:4096]):
        return ContentType("text/html", charset, kind)
    if kind in READ_AS:
        known = READ_AS[kind] if is_text(content[:4096]) else ""
        return ContentType(known, charset, kind)
    if kind in VAGUE and is_text(content[:4096]):
        tagged = b"<" in content[:400] and re.search(
            rb"<(?:head|body|title|meta|div|p)\b", content[:8192], re.IGNORECASE
        )
        return ContentType("text/html" if tagged else "text/plain", charset, kind)
    return ContentType("", charset, kind)


def without_charset(media_type: str) -> tuple[str, str]:
    """`text/html;charset=koi8-r` as its two parts."""
    kind, _, parameter = media_type.partition(";charset=")
    return kind, parameter


def as_utf8(content: bytes, charset: str) -> bytes:
    """Text in the encoding that HTTP stated, as UTF-8. Bytes that are UTF-8 already, or carry a mark, say it themselves."""
    if not charset or content.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode(charset, "replace").encode("utf-8", "replace")
    return content


def known_charset(label: str) -> str:
    """Python's name of an encoding that is a superset of ASCII and is not UTF-8; "" for those that need no telling."""
    try:
        name = codecs.lookup(label).name
        plain = codecs.decode(b"<a>", name) == "<a>"
    except (LookupError, ValueError, TypeError):
        return ""
    return name if plain and name not in ("utf-8", "ascii", "utf-7", "iso2022_jp") else ""
