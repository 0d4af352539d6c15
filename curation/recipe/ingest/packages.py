"""ZIP files that are one document: e-books and office files, told from archives by what stands first in them."""

from __future__ import annotations

import struct

ZIP = b"PK\x03\x04"
MIMETYPES: tuple[tuple[bytes, str], ...] = (
    (b"application/epub+zip", "epub"),
    (b"application/vnd.oasis.opendocument.text", "odt"),
    (b"application/", "other"),
)
#: Folders of an Office Open XML package; the first that is met tells what it is.
PARTS: tuple[tuple[bytes, str], ...] = ((b"word/", "docx"), (b"xl/", "other"), (b"ppt/", "other"))
FIRST_ENTRIES = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"customXml/", b"word/", b"xl/", b"ppt/")


def package_of(head: bytes) -> str:
    """`epub`, `odt`, `docx`, `other` for a package of another kind, or "" for what is none, by a file's first bytes."""
    if not head.startswith(ZIP) or len(head) < 30:
        return ""
    name_length, extra_length = struct.unpack("<HH", head[26:30])
    name = head[30 : 30 + name_length]
    if name == b"mimetype":
        stated = head[30 + name_length + extra_length :][:80]
        return next((kind for start, kind in MIMETYPES if stated.startswith(start)), "")
    if not name.startswith(FIRST_ENTRIES):
        return ""
    places = [(place, kind) for part, kind in PARTS if (place := head.find(part)) >= 0]
    return min(places)[1] if places else "other"
