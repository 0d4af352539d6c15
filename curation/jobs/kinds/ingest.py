"""Kinds `import` and `undo_import`: rows of stored files become documents and occurrences, and cease to be.

An import commits batch by batch, each under the guard that this attempt still owns the chunk. Every row has a natural
key (the document's content in its project; the occurrence's place in its source; the bad row's place in its import), so
a killed import that is run again ends with the same rows and the same counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.db import connection, transaction
from django.db.models import Min, QuerySet
from django.utils import timezone

from curation.actions.imports import report, snapshots_with, standing_on
from curation.jobs.ahead import ReadAhead
from curation.jobs.kind import ChunkPlan, Kind, Lost, Pulse, Tally
from curation.models import (
    Chunk,
    Document,
    Import,
    ImportFile,
    Item,
    Job,
    Occurrence,
    Passage,
    RejectedRow,
    Seed,
)
from curation.recipe.ingest import licences
from curation.recipe.ingest.arrival import Arrival
from curation.recipe.ingest.found import BadRow, Row
from curation.recipe.ingest.licences import Licence
from curation.recipe.ingest.rows import LICENCE_FILES, read_rows
from curation.recipe.ingest.walk import Watch

BATCH = 4_000  # rows
FILES = 200  # of one chunk, when they are small
FILES_BYTES = 8_000_000
UNDONE_AT_ONCE = 500  # occurrences


# Import


def plan(job: Job) -> Iterator[ChunkPlan]:
    """One chunk per stored file; the unit is kB of the file as it lies there."""
    for file in _files(job):
        yield ChunkPlan({"file": file.pk}, _size(file))


def plan_together(job: Job) -> Iterator[ChunkPlan]:
    """The same with small files together: a folder of pages is not a chunk per page."""
    held: list[ImportFile] = []
    for file in _files(job):
        if held and (len(held) >= FILES or _size(*held, file) * 1000 > FILES_BYTES):
            yield ChunkPlan({"files": [file.pk for file in held]}, _size(*held))
            held = []
        held.append(file)
    if held:
        yield ChunkPlan({"files": [file.pk for file in held]}, _size(*held))


def _files(job: Job) -> QuerySet[ImportFile]:
    return ImportFile.objects.filter(batch=job.options["import"]).select_related("stored_file").order_by("pk")


def _size(*files: ImportFile) -> int:
    return sum(max(1, file.stored_file.size // 1000) for file in files)


def process(job: Job, chunk: Chunk, pulse: Pulse) -> tuple[int, int]:
    """Read the chunk's files to their end. Returns how many rows were good and how many were not."""
    files = ImportFile.objects.select_related("batch__source", "stored_file").filter(
        pk__in=chunk.inputs["files"]
    )
    good = bad = read = 0
    packages: dict[int, dict[str, Licence]] = {}
    for file in files.order_by("pk"):
        if file.batch.undo_job_id is not None:
            raise ValueError("This import has been undone; import the files again instead.")
        if file.batch_id not in packages:
            packages[file.batch_id] = _packages(file.batch)
        licence = licences.nearest(file.name, packages[file.batch_id])
        for batch, position in _read(file, Arrival(file.address, file.charset, licence)):
            _commit(chunk, file, batch)
            good += len(batch.staged)
            bad += len(batch.refused)
            pulse.beat(min(chunk.size, read + position // 1000))
        read += _size(file)
    return good, bad


def _packages(batch: Import) -> dict[str, Licence]:
    """The licences of the folders that an import came in, by the files among them that state one."""
    stating = batch.files.filter(
        name__iregex=r"(^|/)[^/]*(licen[cs]e|copying|package|composer|pyproject|cargo|setup|description|pom)[^/]*$"
    )
    found = []
    for file in stating.select_related("stored_file").order_by("pk")[:LICENCE_FILES]:
        if not licences.is_file(file.name):
            continue
        with file.stored_file.local_path() as path, open(path, "rb") as content:
            if said := licences.read_file(file.name, content.read(licences.LARGEST)):
                found.append((file.name, said))
    return licences.by_folder(found)


def _read(file: ImportFile, arrival: Arrival) -> Iterator[tuple[Batch, int]]:
    """A file's rows in batches, with how many of its bytes have been read by then."""
    watch = Watch()
    with file.stored_file.local_path() as path:
        mappings = dict(file.mappings)
        rows = read_rows(path, file.name, file.batch.mapping, resolved=mappings, watch=watch, arrival=arrival)
        # The position is asked for where the file is read: asked from here, it may just have been closed.
        read = ((batch, watch.position) for batch in _batches(rows, file, mappings))
        with ReadAhead(read) as batches:
            yield from batches


@dataclass(slots=True)
class Batch:
    """Rows ready to be stored: the tuples of the staging table, without the content they were hashed from."""

    staged: list[tuple[Any, ...]] = field(default_factory=list)
    refused: list[RejectedRow] = field(default_factory=list)
    mappings: dict[str, dict[str, str]] = field(default_factory=dict)


def _batches(
    rows: Iterable[Row | BadRow], file: ImportFile, mappings: dict[str, dict[str, str]]
) -> Iterator[Batch]:
    batch = Batch()
    for row in rows:
        if isinstance(row, Row):
            batch.staged.append(_staged(len(batch.staged), row))
        else:
            batch.refused.append(_refused(file, row))
        if len(batch.staged) + len(batch.refused) >= BATCH:
            batch.mappings = dict(mappings)
            yield batch
            batch = Batch()
    batch.mappings = dict(mappings)
    yield batch


STAGE = """
    CREATE TEMPORARY TABLE IF NOT EXISTS incoming (
        place int, sha256 text, media_type text, size bigint, member text, row bigint, "offset" bigint, length bigint,
        title text, address text, licence text, meta jsonb) ON COMMIT DELETE ROWS;
    DELETE FROM incoming -- of an earlier batch, where a transaction of the caller's goes around both
"""
FILL = 'COPY incoming (place, sha256, media_type, size, member, row, "offset", length, title, address, licence, meta) FROM STDIN'

#: Tables without statistics are not to be read as a whole; and a batch need not wait for the disk: the chunk's end does,
#: and with it everything before. What a crash loses until then, the next attempt reads again.
SETTINGS = "SET LOCAL enable_seqscan = off; SET LOCAL synchronous_commit = off"

DOCUMENTS = """
    INSERT INTO curation_document (project_id, sha256, title, address, media_type, size, stored_file_id, member, row,
                                   "offset", length, first_import_id)
    SELECT %(project)s, sha256, title, address, media_type, size, %(stored)s, member, row, "offset", length, %(batch)s
      FROM incoming ORDER BY place
    ON CONFLICT (project_id, sha256) DO NOTHING
"""
#: A document is looked up by a subquery per row, with `+ 0` so that no index of the project fits: a new database has no
#: statistics, and whatever else the planner may choose from then reads the project once per row. A document that had
#: been withdrawn because its last occurrence went is back, and judged again.
OCCURRENCES = """
    WITH placed AS MATERIALIZED (
        SELECT (SELECT d.id FROM curation_document d WHERE d.sha256 = i.sha256 AND d.project_id + 0 = %(project)s)
               AS document_id, i.*
          FROM incoming i
    ), found AS (
        INSERT INTO curation_occurrence (document_id, source_id, batch_id, stored_file_id, file, member, row, address,
                                         title, licence, meta)
        SELECT document_id, %(source)s, %(batch)s, %(stored)s, %(file)s, member, row, address, title, licence, meta
          FROM placed ORDER BY place
        ON CONFLICT (source_id, stored_file_id, member, row) DO NOTHING
    )
    UPDATE curation_document SET withdrawn_at = NULL, left_out = '', left_out_detail = '', assessed_at = NULL
     WHERE id = ANY (ARRAY(SELECT document_id FROM placed)) AND withdrawn_at IS NOT NULL
"""


def _commit(chunk: Chunk, file: ImportFile, batch: Batch) -> None:
    """One batch in one transaction, while this attempt owns the chunk. Raises Lost when it does not."""
    with transaction.atomic():
        one_at_a_time(file.batch.project_id)
        still_mine(chunk)
        if batch.staged:
            keys: dict[str, Any] = {
                "project": file.batch.project_id,
                "source": file.batch.source_id,
                "batch": file.batch_id,
                "stored": file.stored_file_id,
                "file": file.name,
            }
            with connection.cursor() as cursor:
                cursor.execute(STAGE)
                with cursor.copy(FILL) as copy:
                    for row in batch.staged:
                        copy.write_row(row)
                cursor.execute(SETTINGS)
                cursor.execute(DOCUMENTS, keys)
                cursor.execute(OCCURRENCES, keys)
        RejectedRow.objects.bulk_create(batch.refused, ignore_conflicts=True)
        if batch.mappings != file.mappings:
            # Which mapping the rows were read with is kept with them: they are found again by it.
            file.mappings = batch.mappings
            file.save(update_fields=["mappings"])


def _staged(place: int, row: Row) -> tuple[Any, ...]:
    meta = {**row.meta, "notes": list(row.notes)} if row.notes else row.meta
    return (
        place,
        hashlib.sha256(row.content).hexdigest(),
        row.media_type,
        len(row.content),
        row.member,
        row.row,
        row.offset,
        row.length,
        row.title,
        row.address,
        row.licence,
        orjson.dumps(meta).decode() if meta else "{}",
    )


def _refused(file: ImportFile, bad: BadRow) -> RejectedRow:
    return RejectedRow(
        batch=file.batch,
        file=file.name,
        member=bad.member,
        row=bad.row,
        reason=bad.reason,
        excerpt=bad.excerpt,
    )


def one_at_a_time(project_id: int) -> None:
    """Until the transaction ends, nobody else adds or removes documents of the project.

    Two imports with texts in common would wait for each other's rows in opposite order, and an undo could delete
    what an import has just found.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [ADDING, project_id % 2**31])


ADDING = 0x5EED


def still_mine(chunk: Chunk) -> None:
    """Keep others from taking the chunk until the transaction ends. Raises Lost when one has it by now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM curation_chunk WHERE id = %s AND attempt = %s AND state = 'running' FOR SHARE",
            [chunk.pk, chunk.attempt],
        )
        if cursor.fetchone() is None:
            raise Lost


def save(job: Job, chunk: Chunk, result: tuple[int, int]) -> Tally:
    good, bad = result
    return Tally(done=good, dropped=bad)


def finish(job: Job) -> dict[str, Any]:
    batch = Import.objects.get(pk=job.options["import"])
    batch.counts = report(batch)
    batch.save(update_fields=["counts"])
    return batch.counts


# Undo


def plan_undo(job: Job) -> Iterator[ChunkPlan]:
    ids = list(
        Occurrence.objects.filter(batch=job.options["import"]).order_by("pk").values_list("pk", flat=True)
    )
    for start in range(0, len(ids), UNDONE_AT_ONCE):
        piece = ids[start : start + UNDONE_AT_ONCE]
        yield ChunkPlan({"first": piece[0], "last": piece[-1]}, len(piece))


def process_undo(job: Job, chunk: Chunk, pulse: Pulse) -> None:
    """Everything happens in the chunk's closing transaction."""


def save_undo(job: Job, chunk: Chunk, result: None) -> Tally:
    batch = Import.objects.get(pk=job.options["import"])
    one_at_a_time(batch.project_id)
    batch = Import.objects.select_for_update().get(pk=job.options["import"])
    mine = Occurrence.objects.filter(batch=batch, pk__range=(chunk.inputs["first"], chunk.inputs["last"]))
    touched = list(mine.values_list("document", flat=True).distinct())
    removed, _ = mine.delete()
    elsewhere = Occurrence.objects.filter(document__in=touched).values("document")
    fallen = Document.objects.filter(pk__in=touched).exclude(pk__in=elsewhere)
    standing = list(standing_on(fallen).values_list("pk", flat=True))
    snapshots = [str(snapshot.uuid) for snapshot in snapshots_with(fallen)]
    withdrawn = Document.objects.filter(pk__in=standing, withdrawn_at=None).update(
        withdrawn_at=timezone.now(),
        left_out="withdrawn",
        left_out_detail="The import that brought it was undone.",
    )
    deleted = delete_documents(fallen.exclude(pk__in=standing))
    _point_elsewhere(Document.objects.filter(pk__in=touched, first_import=batch, withdrawn_at=None))
    undone = batch.counts.get("undone", {"occurrences": 0, "deleted": 0, "withdrawn": 0, "snapshots": []})
    batch.counts["undone"] = {
        "occurrences": undone["occurrences"] + removed,
        "deleted": undone["deleted"] + deleted,
        "withdrawn": undone["withdrawn"] + withdrawn,
        "snapshots": sorted({*undone["snapshots"], *snapshots}),
    }
    batch.save(update_fields=["counts"])
    return Tally(done=removed)


def delete_documents(documents: QuerySet[Document]) -> int:
    """Delete documents with what machines made of them. Raises ProtectedError when somebody's work stands on one."""
    ids = list(documents.values_list("pk", flat=True))
    passages = Passage.objects.filter(document__in=ids)
    seeds = Seed.objects.filter(passage__in=passages.values("pk"))
    Item.objects.filter(seed__in=seeds.values("pk")).delete()
    Item.objects.filter(passage__in=passages.values("pk")).delete()
    seeds.delete()
    Document.objects.filter(pk__in=ids).delete()
    return len(ids)


def _point_elsewhere(documents: QuerySet[Document]) -> None:
    """Documents that were found elsewhere too point there from now on: the place that is left tells where they are from."""
    left = (
        Occurrence.objects.filter(document__in=documents.values("pk"))
        .values("document")
        .annotate(first=Min("pk"))
    )
    places = {
        place.document_id: place
        for place in Occurrence.objects.filter(pk__in=[entry["first"] for entry in left])
    }
    changed = []
    for document in documents.filter(pk__in=places):
        place = places[document.pk]
        document.stored_file_id, document.member, document.row = place.stored_file_id, place.member, place.row
        document.first_import_id, document.offset, document.length = place.batch_id, None, None
        changed.append(document)
    Document.objects.bulk_update(
        changed, ["stored_file", "member", "row", "first_import", "offset", "length"], batch_size=500
    )


def finish_undo(job: Job) -> dict[str, Any]:
    batch = Import.objects.get(pk=job.options["import"])
    batch.undone_at = timezone.now()
    batch.save(update_fields=["undone_at"])
    return dict(batch.counts.get("undone", {"occurrences": 0, "deleted": 0, "withdrawn": 0, "snapshots": []}))


IMPORT = Kind(
    name="import",
    title="Import files",
    unit="kB",
    plan=plan_together,
    process=process,
    save=save,
    finish=finish,
    writes_much=True,
)
UNDO = Kind(
    name="undo_import",
    title="Undo an import",
    unit="occurrences",
    plan=plan_undo,
    process=process_undo,
    save=save_undo,
    finish=finish_undo,
)
