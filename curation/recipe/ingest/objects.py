"""Reading JSON objects whole: what becomes samples rather than documents, from plain and packed files alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from curation.recipe.ingest.found import BadRow
from curation.recipe.ingest.limits import DEFAULT, Limits, Refused
from curation.recipe.ingest.readers import reader_of
from curation.recipe.ingest.readers.json import records_of as in_json
from curation.recipe.ingest.readers.jsonl import Record
from curation.recipe.ingest.readers.jsonl import records_of as in_jsonl
from curation.recipe.ingest.readers.lines import Lines
from curation.recipe.ingest.walk import BROKEN_ARCHIVE, Member, Watch, broken, walk


class Found(NamedTuple):
    """One object and where it stands: the path inside an archive, the 1-based row as an editor shows it."""

    member: str
    row: int
    value: dict[str, Any]


def read_objects(
    path: Path, name: str, limits: Limits = DEFAULT, watch: Watch | None = None
) -> Iterator[Found | BadRow]:
    """Every object of the stored file at `path`, in order, in bounded memory, with the guards of `walk`."""
    for member in walk(path, name, limits, watch=watch):
        if isinstance(member, BadRow):
            yield member
        else:
            yield from _of_member(member, limits)


def _of_member(member: Member, limits: Limits) -> Iterator[Found | BadRow]:
    """The objects of one file. Damage ends it with one bad row; those before it stay."""
    last = 0
    try:
        reader = reader_of(member.name, member.head())
        if reader not in ("jsonl", "json"):
            yield member.place.bad_file("is not JSON Lines. Samples come as one JSON object a line.")
            return
        for found in _records(member, reader, limits):
            if isinstance(found, BadRow):
                last = found.row
                yield found
            else:
                last, _, _, value, _ = found
                yield Found(member.place.member, last, value)
    except Refused as refused:
        yield _ending(member, last, f"{refused}. It was refused.")
    except BROKEN_ARCHIVE as error:
        yield _ending(member, last, broken(error))


def _records(member: Member, reader: str, limits: Limits) -> Iterator[Record | BadRow]:
    if reader == "jsonl":
        return in_jsonl(Lines(member.stream, limits), member.place, limits)
    return in_json(member.stream, member.place, limits)


def _ending(member: Member, last: int, complaint: str) -> BadRow:
    bad = member.place.bad_file(complaint)
    bad.row = last + 1 if last else 0
    return bad
