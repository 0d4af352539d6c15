"""CSV and TSV: dialect and encoding found from the file itself, records of many lines, one bad row at a time."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from curation.recipe.ingest.found import BadRow, Place, Ref, Row
from curation.recipe.ingest.limits import Limits, readable_bytes
from curation.recipe.ingest.mapping import Choice, Missing, NoBody, Picker
from curation.recipe.ingest.readers.jsonl import seeked
from curation.recipe.ingest.readers.lines import Lines, TooLong, encoding_of
from curation.recipe.ingest.walk import Member

SAMPLE = 262_144
DELIMITERS = (",", "\t", ";", "|")
LOOK_AHEAD = 50


@dataclass(slots=True)
class Record:
    """`line` is where it starts, as an editor counts; `offset` and `length` are its bytes, blank lines included."""

    line: int
    offset: int
    length: int
    values: list[str]


def read(member: Member, choice: Choice, limits: Limits) -> Iterator[Row | BadRow]:
    sample = member.stream.peek(SAMPLE)
    encoding = encoding_of(sample, whole=len(sample) < SAMPLE)
    lines = Lines(member.stream, limits, encoding)
    delimiter = delimiter_of(sample.decode(lines.encoding if lines.seekable else encoding, "replace"))
    source = _Source(lines, limits)
    records = _records(source, delimiter, member.place, limits)
    ahead: list[Record | BadRow] = []
    header: Record | None = None
    for found in records:
        if isinstance(found, BadRow):
            ahead.append(found)
        elif header is None:
            header = found
        else:
            ahead.append(found)
            if len(ahead) >= LOOK_AHEAD:
                break
    if header is None:
        yield from (found for found in ahead if isinstance(found, BadRow))
        yield member.place.bad_file("has no header line. The first line must name the columns.")
        return
    names = column_names(header.values)
    try:
        samples = [found.values for found in ahead if isinstance(found, Record)]
        picker = choice.choose(member.place.member, _columns(names, samples))
    except NoBody as error:
        yield from (found for found in ahead if isinstance(found, BadRow))
        yield member.place.bad_file(str(error), ",".join(header.values))
        return
    for found in ahead:
        yield _row(found, names, picker, member.place, lines.seekable)
    for found in records:
        yield _row(found, names, picker, member.place, lines.seekable)


def again(
    member: Member, refs: Sequence[Ref], picker: Picker, limits: Limits
) -> Iterator[tuple[Ref, bytes | None]]:
    sample = member.stream.peek(SAMPLE)
    lines = Lines(member.stream, limits, encoding_of(sample, whole=len(sample) < SAMPLE))
    delimiter = delimiter_of(sample.decode(lines.encoding, "replace"))
    header = next(_records(_Source(lines, limits), delimiter, member.place, limits), None)
    names = column_names(header.values) if isinstance(header, Record) else []
    for ref in refs:
        text = seeked(member, ref).decode(lines.encoding, "replace")
        try:
            values = next(csv.reader(text.splitlines(keepends=True), delimiter=delimiter))
            yield ref, picker.content(dict(zip(names, values, strict=False)))
        except (StopIteration, csv.Error, Missing):
            yield ref, None


def _row(
    found: Record | BadRow, names: list[str], picker: Picker, place: Place, seekable: bool
) -> Row | BadRow:
    if isinstance(found, BadRow):
        return found
    values = found.values
    if len(values) > len(names) and any(values[len(names) :]):
        complaint = (
            f"has {len(values):,} values and the header {len(names):,}. Look for a quote that is not closed."
        )
        return place.bad_row(found.line, complaint, ",".join(values))
    record = dict(zip(names, values, strict=False))
    try:
        row = picker.row(
            record, found.line, found.offset if seekable else None, found.length if seekable else None
        )
    except Missing as missing:
        return place.bad_row(found.line, str(missing), ",".join(values))
    if b"\xef\xbf\xbd" in row.content:
        row.notes = ("invalid_characters",)
    return row


class _Source:
    """Lines as text for csv.reader, with a limit on what one record may gather."""

    def __init__(self, lines: Lines, limits: Limits) -> None:
        self.lines = lines
        self.limits = limits
        self.gathered = 0

    def __iter__(self) -> _Source:
        return self

    def __next__(self) -> str:
        line = self.lines.next()
        if not line:
            raise StopIteration
        self.gathered += len(line)
        if self.gathered > self.limits.line_bytes:
            raise TooLong(line[:400])
        return line.decode(self.lines.encoding, "replace")


def _records(source: _Source, delimiter: str, place: Place, limits: Limits) -> Iterator[Record | BadRow]:
    # The limit is the csv module's own and global; it is only ever raised to what a line may hold.
    csv.field_size_limit(max(csv.field_size_limit(), limits.line_bytes))
    reader = csv.reader(source, delimiter=delimiter)
    lines = source.lines
    while True:
        source.gathered = 0
        line, offset = lines.number + 1, lines.offset
        try:
            values = next(reader)
        except StopIteration:
            return
        except TooLong as error:
            complaint = f"is longer than {readable_bytes(limits.line_bytes)}, the limit on one row. "
            yield place.bad_row(line, complaint + "Look for a quote that is not closed.", error.start)
            continue
        except csv.Error as error:
            yield place.bad_row(line, f"cannot be read: {error}. Mend it, or leave it out.")
            continue
        if any(values):
            yield Record(line, offset, lines.offset - offset, values)


def delimiter_of(sample: str) -> str:
    """The separator with which most lines have as many values as the header; a comma when none has two."""
    best, best_score = ",", 0.0
    text = sample[: sample.rfind("\n") + 1] or sample
    for delimiter in DELIMITERS:
        rows = [row for row in csv.reader(text.splitlines(keepends=True)[:200], delimiter=delimiter) if row]
        widths = Counter(len(row) for row in rows)
        if not rows or len(rows[0]) < 2:
            continue
        agreed = widths[len(rows[0])] / len(rows)
        score = agreed + min(len(rows[0]), 20) / 1000
        if score > best_score:
            best, best_score = delimiter, score
    return best


def column_names(header: list[str]) -> list[str]:
    """The header's names, told apart: a second `text` becomes `text (2)`, an empty one `column 3`."""
    names: list[str] = []
    for place, name in enumerate(header, start=1):
        clean = name.strip() or f"column {place}"
        unique, count = clean, 1
        while unique in names:
            count += 1
            unique = f"{clean} ({count})"
        names.append(unique)
    return names


def _columns(names: list[str], rows: list[list[str]]) -> dict[str, str]:
    columns = dict.fromkeys(names, "")
    for values in rows:
        for name, value in zip(names, values, strict=False):
            if len(value) > len(columns[name]):
                columns[name] = value
    return columns
