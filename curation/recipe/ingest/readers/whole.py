"""Whole files: one file is one document, kept byte for byte. Its text is made later, at extraction."""

from __future__ import annotations

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
    """A file as one row, or as one bad row where it is empty or too large."""
    content = read_whole(member.stream, limits.document_bytes + 1)
    if len(content) > limits.document_bytes:
        complaint = (
            f"is larger than {readable_bytes(limits.document_bytes)}, the limit on one document. Split it."
        )
        yield member.place.bad_file(complaint, content[:400])
    elif not content.strip():
        yield member.place.bad_file("is empty. Leave it out.")
    else:
        yield Row(member.place.member, 0, content, media_type, offset=0, length=len(content))


def read_whole(stream: BinaryIO, most: int) -> bytes:
    """Piece by piece: asked for all at once, a stream sets that much memory aside whatever it holds."""
    pieces: list[bytes] = []
    while most > 0 and (piece := stream.read(min(most, MIB))):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)
