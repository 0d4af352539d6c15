"""JSON Lines: one object per line, streamed; a damaged line is one bad row."""

from __future__ import annotations

import codecs
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from curation.recipe.ingest.found import BadRow, Place, Ref, Row
from curation.recipe.ingest.limits import Limits, readable_bytes
from curation.recipe.ingest.mapping import Choice, Missing, NoBody, Picker
from curation.recipe.ingest.readers.lines import Lines, TooLong
from curation.recipe.ingest.walk import Member
from curation.recipe.text.normalise import safe_text

LOOK_AHEAD = 50  # rows that the mapping is guessed from
LOOK_AHEAD_BYTES = 4_000_000

Record = tuple[int, int, bytes, Any, tuple[str, ...]]  # line, offset, bytes, object, notes


def read(member: Member, choice: Choice, limits: Limits) -> Iterator[Row | BadRow]:
    lines = Lines(member.stream, limits)
    records = records_of(lines, member.place, limits)
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
    yield from rows_of(records, picker, member.place, lines.seekable)


def rows_of(
    records: Iterable[Record | BadRow], picker: Picker, place: Place, seekable: bool
) -> Iterator[Row | BadRow]:
    """Records to rows, by the mapping. Shared by the JSON readers."""
    for found in records:
        if isinstance(found, BadRow):
            yield found
            continue
        number, offset, raw, record, notes = found
        try:
            row = picker.row(record, number, offset if seekable else None, len(raw) if seekable else None)
        except Missing as missing:
            yield place.bad_row(number, str(missing), raw)
            continue
        if notes:
            row.notes = notes
        yield row


def again(
    member: Member, refs: Sequence[Ref], picker: Picker, limits: Limits
) -> Iterator[tuple[Ref, bytes | None]]:
    for ref in refs:
        yield ref, _content(seeked(member, ref), picker)


def seeked(member: Member, ref: Ref) -> bytes:
    """The bytes of a record of a plain file; empty when its place is not known."""
    if ref.offset is None or ref.length is None:
        return b""
    member.stream.seek(ref.offset)
    return member.stream.read(ref.length)


def _content(raw: bytes, picker: Picker) -> bytes | None:
    try:
        try:
            return picker.content(orjson.loads(raw))
        except orjson.JSONDecodeError:
            return picker.content(mended(raw)[0])
    except (ValueError, RecursionError):  # Missing is a ValueError: the row is not what it was
        return None


def records_of(lines: Lines, place: Place, limits: Limits) -> Iterator[Record | BadRow]:
    """Every line as an object, whatever fields it has."""
    loads = orjson.loads
    while True:
        offset = lines.offset
        try:
            line = lines.next()
        except TooLong as error:
            complaint = f"is longer than {readable_bytes(limits.line_bytes)}, the limit on one row. Split it."
            yield place.bad_row(lines.number, complaint, error.start)
            continue
        if not line:
            return
        notes: tuple[str, ...] = ()
        try:
            record = loads(line)
        except orjson.JSONDecodeError:
            if line.isspace():
                continue
            try:
                record, notes = mended(line)
            except (ValueError, RecursionError) as error:
                yield place.bad_row(lines.number, json_complaint(error), line)
                continue
        if isinstance(record, dict):
            yield lines.number, offset, line, record, notes
        else:
            yield place.bad_row(
                lines.number, "is not an object with fields. Write one object per line.", line
            )


def mended(raw: bytes) -> tuple[Any, tuple[str, ...]]:
    """Read JSON that strict reading refuses but that is not lost: bad UTF-8 and lone surrogates become U+FFFD.

    Returns the object and what was mended. Raises ValueError or RecursionError where there is nothing to mend.
    """
    notes = []
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("utf-8", "replace")
        notes.append("invalid_utf8")
    value = json.loads(text)
    written = safe_text(json.dumps(value, ensure_ascii=False))
    if written.surrogates_replaced:
        notes.append("lone_surrogates")
        value = json.loads(written.text)
    return value, tuple(notes)


def json_complaint(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON: {error.msg.lower()} at character {error.pos + 1:,}. Mend it, or leave it out."
    if isinstance(error, RecursionError):
        return "is nested too deep. Leave it out."
    return "is not JSON. Mend it, or leave it out."


def look_ahead(records: Iterator[Record | BadRow]) -> tuple[list[Record], Iterator[Record | BadRow]]:
    """The first records, and all of them again."""
    taken: list[Record | BadRow] = []
    size = 0
    for found in itertools.islice(records, LOOK_AHEAD):
        taken.append(found)
        size += 0 if isinstance(found, BadRow) else len(found[2])
        if size > LOOK_AHEAD_BYTES:
            break
    return [found for found in taken if not isinstance(found, BadRow)], itertools.chain(taken, records)


def columns_of(records: Iterable[Record]) -> dict[str, str]:
    """Every field of the records with the longest text it holds, for guessing."""
    columns: dict[str, str] = {}
    for _, _, _, record, _ in records:
        for name, value in record.items():
            text = value if isinstance(value, str) else ""
            if len(text) >= len(columns.get(name, "")):
                columns[name] = text
    return columns


def shows(head: bytes) -> bool:
    """Whether the first line is a JSON object of its own, or an object goes on beyond what is seen."""
    line, newline, _ = head.removeprefix(codecs.BOM_UTF8).lstrip().partition(b"\n")
    if not line.startswith(b"{"):
        return False
    if not newline:
        return line.startswith((b'{"', b'{ "')) and b'":' in line[:200]
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False
