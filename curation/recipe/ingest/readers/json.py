"""JSON: an array of objects, or objects one after the other, streamed by finding where each one ends."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Iterator

import orjson

from curation.recipe.ingest.found import BadRow, Place, Row
from curation.recipe.ingest.limits import MIB, Limits, readable_bytes
from curation.recipe.ingest.mapping import Choice, NoBody
from curation.recipe.ingest.readers.jsonl import (
    Record,
    columns_of,
    json_complaint,
    look_ahead,
    mended,
    rows_of,
)
from curation.recipe.ingest.readers.lines import bom_of, encoding_of
from curation.recipe.ingest.walk import Member

BETWEEN = re.compile(r"[\s,]*")


def read(member: Member, choice: Choice, limits: Limits) -> Iterator[Row | BadRow]:
    records = records_of(member.stream, member.place, limits)
    picker = choice.known(member.place.member)
    if picker is None:
        ahead, records = look_ahead(records)
        try:
            picker = choice.choose(member.place.member, columns_of(ahead))
        except NoBody as error:
            if ahead:
                yield member.place.bad_file(str(error))
            else:
                yield from (found for found in records if isinstance(found, BadRow))
            return
    yield from rows_of(records, picker, member.place, seekable=False)


def records_of(stream: io.BufferedReader, place: Place, limits: Limits) -> Iterator[Record | BadRow]:
    """Every object of an array or a sequence. Rows are counted from 1, since an array may stand on a single line."""
    mark, marked = bom_of(stream.peek(4)[:4])
    stream.read(len(mark))
    sample = stream.peek(65_536)
    decoder = codecs.getincrementaldecoder(marked or encoding_of(sample, whole=False))(errors="replace")
    scanner = json.JSONDecoder()
    text, at, number, ended = "", 0, 0, False
    opened = False
    while True:
        at = _skip(text, at)
        if not opened and at < len(text):
            opened = True
            if text[at] == "[":
                at = _skip(text, at + 1)
        if at < len(text) and text[at] == "]" and text[at + 1 :].strip() == "":
            text, at = "", 0
        if at < len(text):
            try:
                value, end = scanner.raw_decode(text, at)
            except (json.JSONDecodeError, RecursionError) as error:
                if ended or len(text) - at > limits.line_bytes or isinstance(error, RecursionError):
                    yield place.bad_row(number + 1, _stopped(error, ended, limits), text[at : at + 400])
                    return
            else:
                # A number at the end of what is read may go on.
                if ended or end < len(text):
                    number += 1
                    yield _record(text[at:end], value, number, place)
                    at = end
                    continue
        if ended:
            return
        # Read at least as much as is pending, so that a long record is not scanned again for every piece.
        data = stream.read(max(MIB, len(text) - at))
        ended = not data
        text, at = text[at:] + decoder.decode(data, final=ended), 0


def _record(raw: str, value: object, number: int, place: Place) -> Record | BadRow:
    if not isinstance(value, dict):
        return place.bad_row(number, "is not an object with fields. Write an array of objects.", raw)
    written = raw.encode("utf-8", "replace")
    try:
        return number, 0, written, orjson.loads(written), ()
    except orjson.JSONDecodeError:
        value, notes = mended(written)
        return number, 0, written, value, notes


def _skip(text: str, at: int) -> int:
    found = BETWEEN.match(text, at)
    return found.end() if found else at


def _stopped(error: Exception, ended: bool, limits: Limits) -> str:
    if not ended and not isinstance(error, RecursionError):
        return f"is longer than {readable_bytes(limits.line_bytes)}, or not JSON. Reading stopped here."
    assert isinstance(error, ValueError | RecursionError)
    return f"{json_complaint(error)} Reading stopped here."
