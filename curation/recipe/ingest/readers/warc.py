"""WARC (ISO 28500): the pages that a crawler was answered with, one record after the other.

Records that are a crawler's own notes (warcinfo, request, metadata) are no material and are passed over. An answer that is
no page (another status than 200, a picture, a revisit) is a bad row with its reason. FastWARC reads what is clipped up to
the cut.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from curation.recipe.ingest.content_type import ContentType, content_type_of
from curation.recipe.ingest.found import ADDRESS, BadRow, Place, Row, storable
from curation.recipe.ingest.limits import MIB, Budget, Limits, Refused, readable_bytes
from curation.recipe.ingest.looks import is_text
from curation.recipe.ingest.mapping import Choice
from curation.recipe.ingest.readers import whole
from curation.recipe.ingest.unpack import BROKEN, compression_of, unpack
from curation.recipe.ingest.walk import Member

HEADER_BYTES = 1 * MIB
PIECE = 4096  # what is lost at most of a page that the file ends in
PAGES = {"response", "resource", "conversion", "revisit"}


def marked(head: bytes) -> bool:
    return head.startswith(b"WARC/")


def read(member: Member, choice: Choice, limits: Limits) -> Iterator[Row | BadRow]:
    """Rows are numbered by record, whatever its type, from 1. A page that the file ends in is kept up to there, and noted."""
    try:
        for number, record in enumerate(_records(member), start=1):
            cut: list[EOFError] = []
            if (record.headers.get("WARC-Type") or "").lower() in PAGES:
                yield _row(record, number, member.place, limits, cut)
            if cut:
                raise cut[0]
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # what a failed assertion in FastWARC's Rust arrives as
            raise
        raise ValueError("FastWARC cannot read on") from None


def _records(member: Member) -> Iterator[Any]:
    from fastwarc.warc import ArchiveIterator

    return ArchiveIterator(
        cast(BinaryIO, _Bounded(member.stream)),
        parse_http=False,
        stream_detect=False,
        quirks_mode=True,
        max_header_len=HEADER_BYTES,
        fsspec_args=False,
    )


def _row(record: Any, number: int, place: Place, limits: Limits, cut: list[EOFError]) -> Row | BadRow:
    kind = (record.headers.get("WARC-Type") or "").lower()
    address = storable((record.headers.get("WARC-Target-URI") or "").strip("<> "))[:ADDRESS]
    if kind == "revisit":
        return place.bad_row(number, "is a revisit: its page is in the record that it refers to.", address)
    stated, status, packed = record.headers.get("Content-Type") or "", 200, ""
    if record.is_http:
        try:
            record.parse_http(auto_decode="transfer", max_header_len=HEADER_BYTES, quirks_mode=True)
        except OSError as error:
            return place.bad_row(
                number, f"has HTTP headers that cannot be read ({error}). Leave it out.", address
            )
        headers = record.http_headers
        stated, status = headers.get("Content-Type") or "", headers.status_code or 200
        packed = (headers.get("Content-Encoding") or "").strip().lower()
    if status != 200:
        return place.bad_row(number, f"was answered with status {status}, which is no page.", address)
    try:
        content = unpacked(_payload(record, limits, cut), packed, limits)
    except Refused as refused:
        return place.bad_row(number, f"{refused}. It was refused.", address)
    except BROKEN as error:
        if not packed:
            raise
        return place.bad_row(number, f"is packed ({packed}) and damaged: {error}. Leave it out.", address)
    if len(content) > limits.document_bytes:
        complaint = f"is larger than {readable_bytes(limits.document_bytes)}, the limit on one document."
        return place.bad_row(number, complaint, address)
    if not content.strip():
        return place.bad_row(number, "is an answer without content.", address)
    found = content_type_of(stated, content)
    if not found.media_type:
        return place.bad_row(
            number, f"is {found.stated or 'of no type'}, which the studio does not read here.", address
        )
    meta = {"warc_type": kind, "date": record.headers.get("WARC-Date") or ""}
    if record.headers.get("WARC-Truncated"):
        meta["truncated"] = record.headers.get("WARC-Truncated")
    notes = ("clipped",) if cut or "truncated" in meta else ()
    media_type = str(ContentType(found.media_type, found.charset))
    return Row(place.member, number, content, media_type, "", address, meta=meta, notes=notes)


def _payload(record: Any, limits: Limits, cut: list[EOFError]) -> bytes:
    """The record's content up to a byte beyond the limit. Where the file ends before it does, that is put into `cut`."""
    pieces: list[bytes] = []
    size = 0
    try:
        while size <= limits.document_bytes and (piece := record.reader.read(PIECE)):
            pieces.append(piece)
            size += len(piece)
    except EOFError as error:
        cut.append(error)
    return b"".join(pieces)


def unpacked(content: bytes, packed: str, limits: Limits) -> bytes:
    """An answer's content without the packing that its header states, up to a byte beyond the limit on a document.

    Some crawlers unpack what they store and keep the header: content that does not look packed is taken as it is. Raises
    Refused for a bomb and one of BROKEN for damage.
    """
    if packed in ("", "identity") or len(content) > limits.document_bytes or is_text(content[:4096]):
        return content
    budget, most = Budget(len(content), limits), limits.document_bytes + 1
    if compression := compression_of(content[:8]):
        return whole.read_whole(unpack(io.BytesIO(content), compression, budget, limits), most)
    made = content
    if packed == "br":
        import brotli

        try:
            made = brotli.Decompressor().process(content, output_buffer_limit=most)
        except brotli.error as error:
            raise OSError(str(error)) from error
    elif packed == "deflate":
        bare = content[:1] != b"\x78"  # some servers leave the wrapping out
        made = zlib.decompressobj(-15 if bare else 15).decompress(content, most)
    budget.spend(len(made))
    return made


class _Bounded:
    """The member's stream as FastWARC asks for it; a refusal beyond a limit comes through as what it is."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def read(self, size: int = -1) -> bytes:
        data: bytes = self.stream.read1(size if 0 < size < MIB else MIB)
        return data

    def tell(self) -> int:
        return 0

    def seek(self, offset: int) -> None:
        raise OSError("a stream that is read once")

    def close(self) -> None:
        """The stream belongs to whoever opened it."""
