"""Whole files: one file is one document, kept byte for byte. Its text is made later, at extraction."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from curation.recipe.ingest.found import BadRow, Row
from curation.recipe.ingest.limits import MIB, Limits, readable_bytes
from curation.recipe.ingest.mapping import Choice
from curation.recipe.ingest.walk import Member


def html(member: Member, choice: Choice, limits: Limits) -> Iterator[Row | BadRow]:
    return document(member, "text/html", limits)


def markdown(member: Member, choice: Choice, limits: Limits) -> Iterator[Row | BadRow]:
    return document(member, "text/markdown", limits)


def text(member: Member, choice: Choice, limits: Limits) -> Iterator[Row | BadRow]:
    return document(member, "text/plain", limits)


def document(member: Member, media_type: str, limits: Limits) -> Iterator[Row | BadRow]:
    content = _read(member.stream, limits.document_bytes + 1)
    if len(content) > limits.document_bytes:
        complaint = (
            f"is larger than {readable_bytes(limits.document_bytes)}, the limit on one document. Split it."
        )
        yield member.place.bad_file(complaint, content[:400])
    elif not content.strip():
        yield member.place.bad_file("is empty. Leave it out.")
    else:
        yield Row(member.place.member, 0, content, media_type, offset=0, length=len(content))


def _read(stream: BinaryIO, most: int) -> bytes:
    """Piece by piece: asked for all at once, a stream sets that much memory aside whatever it holds."""
    pieces: list[bytes] = []
    while most > 0 and (piece := stream.read(min(most, MIB))):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)


def is_text(head: bytes) -> bool:
    """Whether the first bytes of a file may be text: no control characters beyond those that text has."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF8)):
        return True
    if not head:
        return True
    controls = sum(byte < 32 and byte not in b"\t\n\r\f\x08\x1b" for byte in head)
    return controls <= len(head) // 100


def shows_html(head: bytes) -> bool:
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:400].lower()
    return start.startswith((b"<!doctype html", b"<html")) or (
        start.startswith((b"<?xml", b"<!--")) and b"<html" in start
    )
