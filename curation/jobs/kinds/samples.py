"""Kinds `samples`, `undo_samples` and `link`: generated samples come in with their chain, cease to be, and find what
they were generated from.

An import commits batch by batch, each under the guard that this attempt still owns the chunk. A sample's natural key is
its identity in its source, a refused row's its place in the import, so a killed import that is run again ends with the
same rows and the same counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from curation.actions import imports, samples
from curation.jobs.ahead import ReadAhead
from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.jobs.kinds.ingest import one_at_a_time, plan, still_mine
from curation.models import Chunk, Import, ImportFile, Job, RejectedRow, Sample
from curation.recipe.ingest.found import BadRow
from curation.recipe.ingest.objects import Found, read_objects
from curation.recipe.ingest.walk import Watch

BATCH = 500  # rows
BATCH_CHARACTERS = 8_000_000
UNDONE_AT_ONCE = 500
LINKED_AT_ONCE = 1_000


# Import


@dataclass(slots=True)
class Batch:
    """Rows ready to be stored, and rows that are refused."""

    read: list[samples.Row] = field(default_factory=list)
    refused: list[BadRow] = field(default_factory=list)
    characters: int = 0

    @property
    def full(self) -> bool:
        return len(self.read) + len(self.refused) >= BATCH or self.characters >= BATCH_CHARACTERS


def process(job: Job, chunk: Chunk, pulse: Pulse) -> tuple[int, int]:
    """Read one file to its end. Returns how many rows were good (new or known) and how many were refused."""
    file = ImportFile.objects.select_related("batch__project", "stored_file").get(pk=chunk.inputs["file"])
    if file.batch.undo_job_id is not None:
        raise ValueError("This import has been undone; import the files again instead.")
    good = bad = 0
    watch = Watch()
    with file.stored_file.local_path() as path:
        found = read_objects(path, file.name, watch=watch)
        # The position is asked for where the file is read: asked from here, it may just have been closed.
        read = ((batch, watch.position) for batch in _batches(found, file.name))
        with ReadAhead(read) as batches:
            for batch, position in batches:
                clashes = _commit(chunk, file, batch)
                good += len(batch.read) - clashes
                bad += len(batch.refused) + clashes
                pulse.beat(min(chunk.size, position // 1000))
    return good, bad


def _batches(found: Iterable[Found | BadRow], name: str) -> Iterator[Batch]:
    batch = Batch()
    for entry in found:
        if isinstance(entry, BadRow):
            batch.refused.append(entry)
        else:
            _read(entry, name, batch)
        if batch.full:
            yield batch
            batch = Batch()
    yield batch


def _read(entry: Found, name: str, batch: Batch) -> None:
    made = samples.read(entry, name)
    if isinstance(made, BadRow):
        batch.refused.append(made)
        return
    batch.read.append(samples.Row(entry.member, entry.row, made))
    batch.characters += len(made.text) + sum(len(said.content) for said in made.messages)
    batch.characters += sum(len(step.prompt) + len(step.output) for step in made.steps)


def _commit(chunk: Chunk, file: ImportFile, batch: Batch) -> int:
    """One batch in one transaction, while this attempt owns the chunk; returns how many rows clashed."""
    with transaction.atomic():
        one_at_a_time(file.batch.project_id)
        still_mine(chunk)
        stored = samples.store(file.batch, file.name, batch.read)
        refused = [
            RejectedRow(
                batch=file.batch,
                file=bad.file,
                member=bad.member,
                row=bad.row,
                reason=bad.reason,
                excerpt=bad.excerpt,
            )
            for bad in batch.refused
        ]
        RejectedRow.objects.bulk_create([*refused, *stored.refused], ignore_conflicts=True)
    return len(stored.refused)


def save(job: Job, chunk: Chunk, result: tuple[int, int]) -> Tally:
    good, bad = result
    return Tally(done=good, dropped=bad)


def finish(job: Job) -> dict[str, Any]:
    batch = Import.objects.get(pk=job.options["import"])
    batch.counts = imports.report(batch)
    batch.save(update_fields=["counts"])
    return batch.counts


# Undo


def _of_import(job: Job) -> Any:
    return Sample.objects.filter(batch=job.options["import"]).order_by("pk")


def plan_undo(job: Job) -> Iterator[ChunkPlan]:
    ids = list(_of_import(job).values_list("pk", flat=True))
    for start in range(0, len(ids), UNDONE_AT_ONCE):
        piece = ids[start : start + UNDONE_AT_ONCE]
        yield ChunkPlan({"first": piece[0], "last": piece[-1]}, len(piece))


def nothing_outside(job: Job, chunk: Chunk, pulse: Pulse) -> None:
    """Everything happens in the chunk's closing transaction."""


def save_undo(job: Job, chunk: Chunk, result: None) -> Tally:
    batch = Import.objects.select_for_update().get(pk=job.options["import"])
    one_at_a_time(batch.project_id)
    mine = _of_import(job).filter(pk__range=(chunk.inputs["first"], chunk.inputs["last"]))
    snapshots = [str(snapshot.uuid) for snapshot in samples.snapshots_with_samples(mine)]
    deleted, withdrawn = samples.take_back(mine)
    undone = _undone(batch)
    batch.counts["undone"] = {
        "occurrences": undone["occurrences"] + deleted + withdrawn,
        "deleted": undone["deleted"] + deleted,
        "withdrawn": undone["withdrawn"] + withdrawn,
        "snapshots": sorted({*undone["snapshots"], *snapshots}),
    }
    batch.save(update_fields=["counts"])
    return Tally(done=chunk.size)


def _undone(batch: Import) -> dict[str, Any]:
    return dict(
        batch.counts.get("undone") or {"occurrences": 0, "deleted": 0, "withdrawn": 0, "snapshots": []}
    )


def finish_undo(job: Job) -> dict[str, Any]:
    batch = Import.objects.get(pk=job.options["import"])
    batch.undone_at = timezone.now()
    batch.save(update_fields=["undone_at"])
    return _undone(batch)


# Link


def plan_link(job: Job) -> Iterator[ChunkPlan]:
    """Samples may have come before the documents they quote: once there are passages, they are looked for again."""
    assert job.project is not None
    ids = list(samples.unlinked(job.project).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), LINKED_AT_ONCE):
        piece = ids[start : start + LINKED_AT_ONCE]
        yield ChunkPlan({"samples": piece}, len(piece))


def save_link(job: Job, chunk: Chunk, result: None) -> Tally:
    assert job.project is not None
    samples.link(job.project, chunk.inputs["samples"])
    return Tally(done=chunk.size)


def finish_link(job: Job) -> dict[str, Any]:
    assert job.project is not None
    samples.link_seeds(job.project)
    return {"not_found": samples.unlinked(job.project).count()}


IMPORT = Kind(
    name="samples",
    title="Import samples",
    unit="kB",
    plan=plan,
    process=process,
    save=save,
    finish=finish,
    writes_much=True,
)
UNDO = Kind(
    name="undo_samples",
    title="Undo an import of samples",
    unit="samples",
    plan=plan_undo,
    process=nothing_outside,
    save=save_undo,
    finish=finish_undo,
)
LINK = Kind(
    name="link",
    title="Tie samples to their passages",
    unit="samples",
    plan=plan_link,
    process=nothing_outside,
    save=save_link,
    finish=finish_link,
)
