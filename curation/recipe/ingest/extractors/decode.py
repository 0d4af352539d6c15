"""Bytes to text: the encoding of a page or file, and text that was decoded wrongly before it came to us."""

from __future__ import annotations

import codecs
import re

from curation.recipe.ingest.readers.lines import bom_of
from curation.recipe.text.normalise import safe_text

META_CHARSET = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]+)""", re.IGNORECASE)
XML_ENCODING = re.compile(rb"""^<\?xml[^>]+encoding\s*=\s*["']([A-Za-z0-9_:.-]+)["']""")
HEAD = 4096

#: Labels that mean their larger superset on the web (WHATWG Encoding Standard).
WIDER = {"iso8859-1": "cp1252", "ascii": "cp1252", "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949"}

#: UTF-8 that was read as Windows-1252: a lead byte of two or three (Ã, Â, â …), then continuation bytes.
MOJIBAKE = re.compile(
    r"[\u00c2-\u00f4][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]"
)

CONTROLS = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")


def decode(content: bytes, html: bool = False) -> tuple[str, dict[str, object]]:
    """Text of these bytes, and notes on how: the encoding where it is not UTF-8, and how much was lost.

    Order: byte order mark; UTF-8 where all of it decodes; the encoding that an HTML page or XML declares; detection.
    """
    mark, marked = bom_of(content[:4])
    if marked:
        return _decoded(content[len(mark) :], marked)
    declared = declared_encoding(content) if html else ""
    if declared in ("iso2022_jp", "utf-7"):
        return _decoded(content, declared)  # seven bits, so that it would pass for UTF-8
    try:
        return content.decode("utf-8"), {}
    except UnicodeDecodeError as error:
        # A page that is UTF-8 but for a stray byte is not Windows-1252, whatever it declares.
        if declared in ("", "utf-8") and _mostly_utf8(content, error.start):
            return _decoded(content, "utf-8")
    if declared and declared != "utf-8":
        return _decoded(content, declared)
    from resiliparse.parse.encoding import detect_encoding

    return _decoded(
        content, known_encoding(detect_encoding(content[:100_000], html5_compatible=True)) or "cp1252"
    )


def _decoded(content: bytes, encoding: str) -> tuple[str, dict[str, object]]:
    text = content.decode(encoding, "replace")
    notes: dict[str, object] = {} if encoding == "utf-8" else {"encoding": encoding}
    if lost := text.count("\ufffd"):
        notes["undecodable"] = lost
    return text, notes


def _mostly_utf8(content: bytes, first_error: int) -> bool:
    replaced = content.decode("utf-8", "replace")
    return (
        replaced.count("\ufffd") * 200 < max(len(replaced), 1) and first_error > 0 and not content.isascii()
    )


def declared_encoding(content: bytes) -> str:
    """The encoding an HTML page states in its head, as Python names it; "" when it states none that is known."""
    head = content[:HEAD]
    found = META_CHARSET.search(head) or XML_ENCODING.search(head)
    return known_encoding(found[1].decode("ascii")) if found else ""


def known_encoding(label: str | None) -> str:
    try:
        name = codecs.lookup(label or "").name
    except LookupError:
        return ""
    return WIDER.get(name, name)


def mend(text: str) -> tuple[str, dict[str, object]]:
    """Line ends made plain, controls and what PostgreSQL cannot hold removed, UTF-8 that was read as Windows-1252 undone."""
    notes: dict[str, object] = {}
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    if MOJIBAKE.search(text):
        lines = [_undone(line) for line in text.split("\n")]
        mended = "\n".join(lines)
        if mended != text:
            notes["mojibake_mended"] = True
            text = mended
    safe = safe_text(text)
    notes |= safe.notes
    text, controls = CONTROLS.subn(lambda found: "\n" if found[0] in "\x0b\x0c" else "", safe.text)
    if controls:
        notes["controls_removed"] = controls
    return text, notes


def _undone(line: str) -> str:
    """The line with double encoding undone, or the line itself where that is not what it is."""
    if not MOJIBAKE.search(line):
        return line
    try:
        return b"".join(_single_byte(letter) for letter in line).decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return line


def _single_byte(letter: str) -> bytes:
    try:
        return letter.encode("cp1252")
    except UnicodeEncodeError:
        return letter.encode("latin-1")  # the five bytes that Windows-1252 leaves open
