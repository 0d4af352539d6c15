"""Reading rows: a stored file, whatever it is packed in, as a stream of rows and bad rows; and single rows again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from curation.recipe.ingest import licences
from curation.recipe.ingest.arrival import Arrival
from curation.recipe.ingest.folders import foreign_folder
from curation.recipe.ingest.found import LICENCE_EVIDENCE, BadRow, Ref, Row, shorten
from curation.recipe.ingest.licences import Licence
from curation.recipe.ingest.limits import DEFAULT, Limits, Refused
from curation.recipe.ingest.mapping import Choice
from curation.recipe.ingest.readers import READERS, reader_of, refusal
from curation.recipe.ingest.tex.papers import gathered, is_part
from curation.recipe.ingest.walk import BROKEN_ARCHIVE, Member, Wanted, Watch, broken, walk

Resolved = dict[str, dict[str, str]]

LICENCE_FILES = 2_000  # of one archive that are looked at


def read_rows(
    path: Path,
    name: str,
    mapping: Mapping[str, str] | None = None,
    limits: Limits = DEFAULT,
    resolved: Resolved | None = None,
    watch: Watch | None = None,
    arrival: Arrival | None = None,
) -> Iterator[Row | BadRow]:
    """Every row of the stored file at `path`, in order, in bounded memory. The same bytes give the same rows.

    `name` is the name it came with: its endings choose the reader. `mapping` (see `mapping.read_mapping`) is what a
    person said; what it leaves open is guessed per table. The whole mapping of each table is put into `resolved` by its
    member's name, and taken from there where it already stands. A row that states no licence has that of the nearest
    folder above it in its archive, or else of what is known of the file's `arrival`.
    """
    arrival = arrival or Arrival()
    choice = Choice(mapping or {}, resolved if resolved is not None else {})
    packages: dict[str, Licence] | None = None
    for found in gathered(walk(path, name, limits, watch=watch), limits):
        if isinstance(found, BadRow):
            yield found
            continue
        if packages is None:
            packages = packages_of(path, name, limits) if found.place.member else {}
        licence = licences.nearest(found.place.member, packages) or arrival.licence
        for row in read_member(found, choice, limits):
            if isinstance(row, Row):
                if licence and not row.licence:
                    row.licence, row.meta = licence.name, {**row.meta, LICENCE_EVIDENCE: licence.evidence}
                if not row.member and not row.row:
                    arrival.tell(row)
            yield row


def packages_of(path: Path, name: str, limits: Limits) -> dict[str, Licence]:
    """The licences of the folders in an archive, read before its material: a licence file may stand last."""
    found: list[tuple[str, Licence]] = []
    for member in walk(path, name, limits, licences.is_file):
        if (
            isinstance(member, BadRow)
            or not licences.is_file(member.name)
            or foreign_folder(member.place.member)
        ):
            continue
        try:
            said = licences.read_file(member.place.member, member.stream.read(licences.LARGEST))
        except (Refused, *BROKEN_ARCHIVE):
            continue  # told when its material is read
        if said:
            found.append((member.place.member, said))
        if len(found) >= LICENCE_FILES:
            break
    return licences.by_folder(found)


def read_member(member: Member, choice: Choice, limits: Limits) -> Iterator[Row | BadRow]:
    """The rows of one member. Damage ends it with one bad row; the rows before it stay."""
    last = 0
    try:
        if folder := foreign_folder(member.place.member or member.place.file):
            yield member.place.bad_file(folder)
            return
        reader = reader_of(member.name, member.head())
        if not reader:
            yield member.place.bad_file(refusal(member.head()))
            return
        for found in READERS[reader].read(member, choice, limits):
            last = found.row
            yield found
    except Refused as refused:
        yield _ending(member, last, f"{refused}. It was refused.")
    except BROKEN_ARCHIVE as error:
        yield _ending(member, last, broken(error))


def _ending(member: Member, last: int, complaint: str) -> BadRow:
    """The bad row of what could not be read on: numbered after the last one, so that it has a place of its own."""
    bad = member.place.bad_file(complaint)
    bad.row = last + 1 if last else 0
    return bad


def read_back(
    path: Path,
    name: str,
    refs: Iterable[Ref],
    resolved: Resolved,
    mapping: Mapping[str, str] | None = None,
    limits: Limits = DEFAULT,
) -> Iterator[tuple[Ref, bytes | None]]:
    """The content of single rows again, as (ref, content) in the file's order; None for one that is not there.

    In a plain file JSONL and CSV are seeked and Parquet is read by row group; members of a ZIP and a plain TAR are
    reached directly; anything else is read from its start up to the last row asked for, so ask for rows that stand
    close together.
    """
    waiting: dict[str, dict[int, Ref]] = {}
    for ref in refs:
        waiting.setdefault(ref.member, {})[ref.row] = ref
    choice = Choice(mapping or {}, resolved)
    for found in gathered(walk(path, name, limits, _wanted(waiting)), limits, waiting):
        if not waiting:
            break
        if isinstance(found, BadRow):
            continue
        rows = waiting.get(found.place.member)
        if rows is None:
            continue
        yield from _found_again(found, rows, choice, limits)
        if not rows:
            del waiting[found.place.member]
    for rows in waiting.values():
        for ref in rows.values():
            yield ref, None


def _wanted(waiting: Mapping[str, object]) -> Wanted:
    """Members that are asked for; with a LaTeX paper among them, also whatever it may be put together from."""
    papers = any(is_part(member) for member in waiting)
    return lambda member: member in waiting or (papers and is_part(member))


def _found_again(
    member: Member, rows: dict[int, Ref], choice: Choice, limits: Limits
) -> Iterator[tuple[Ref, bytes | None]]:
    picker = choice.known(member.place.member)
    reader = READERS.get(reader_of(member.name, member.head()))
    if member.plain and picker and reader and reader.again:
        near = [ref for ref in rows.values() if ref.offset is not None or not reader.by_offset]
        yield from reader.again(member, sorted(near, key=lambda ref: ref.row), picker, limits)
        for ref in near:
            del rows[ref.row]
        if not rows:
            return
        member.stream.seek(0)
    for found in read_member(member, choice, limits):
        if isinstance(found, Row) and found.row in rows:
            yield rows.pop(found.row), found.content
            if not rows:
                return


class Shown(NamedTuple):
    """One row of a preview: short enough to show."""

    member: str
    row: int
    title: str
    address: str
    licence: str
    text: str


@dataclass(slots=True)
class Preview:
    """The beginning of a file, as somebody about to import it sees it."""

    reader: str = ""
    columns: dict[str, str] = field(default_factory=dict)  # name → the beginning of a sample
    mapping: dict[str, str] = field(default_factory=dict)
    rows: list[Shown] = field(default_factory=list)
    bad_rows: list[BadRow] = field(default_factory=list)
    members: int = 0  # seen, not counted
    more: bool = False


def preview(
    path: Path,
    name: str,
    mapping: Mapping[str, str] | None = None,
    limits: Limits = DEFAULT,
    rows: int = 8,
    looked_at: int = 200,
) -> Preview:
    """The first rows with the mapping that would be used, the columns of the first table, and bad rows seen on the way.

    Looks at no more than `looked_at` rows.
    """
    shown = Preview()
    choice = Choice(mapping or {}, {})
    seen = 0
    for found in gathered(walk(path, name, limits), limits):
        if isinstance(found, BadRow):
            shown.bad_rows.append(found)
            continue
        shown.members += 1
        reader = reader_of(found.name, found.head())
        shown.reader = shown.reader or reader
        for row in read_member(found, choice, limits):
            seen += 1
            if isinstance(row, BadRow):
                shown.bad_rows.append(row)
            elif len(shown.rows) < rows:
                shown.rows.append(_shown(row))
            if seen >= looked_at:
                shown.more = True
                break
        if shown.more:
            break
    shown.mapping = next(iter(choice.resolved.values()), dict(mapping or {}))
    shown.columns = {column: shorten(text, 120) for column, text in choice.columns.items()}
    return shown


def _shown(row: Row) -> Shown:
    return Shown(row.member, row.row, row.title, row.address, row.licence, shorten(row.content))
