"""Kind `extract_again`: texts that an older extractor made are made anew; where the same text comes out, nothing changes.

An extraction is never changed: another text is a new extraction that the document points at, and the steps after it follow
(`split` takes passages over whose text still stands in the new one, with their seeds, scores and decisions). What the present extractor
cannot read keeps its old text, and the job names it. Committed in groups like `extract`; a chunk that is run again goes on with the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, Subquery

from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.jobs.kinds import extract
from curation.jobs.kinds.ingest import still_mine
from curation.models import Chunk, Document, Extraction, ImportFile, Job, Project
from curation.recipe.ingest.extract import Extracted, extractor_of
from curation.recipe.text.normalise import text_hash

#: Notes of an extraction: which later extractor made the same text, or could make none, and why.
CONFIRMED, REFUSED = "confirmed_by", "not_read_by"


def as_extracted(document: Any) -> Any:
    """The newest extractions as they were extracted: not those that cleaning made of them."""
    return Extraction.objects.filter(document=document).exclude(extractor__contains="·").order_by("-pk")


def outdated(project: Project) -> Iterator[tuple[int, int, int]]:
    """Documents whose text an older extractor made and no present one has confirmed: (key, stored file, size), in the order of files."""
    newest = as_extracted(OuterRef("pk"))
    rows = (
        Document.objects.filter(project=project, extraction__isnull=False, withdrawn_at=None)
        .annotate(
            by=Subquery(newest.values("extractor")[:1]),
            confirmed=Subquery(newest.values(f"notes__{CONFIRMED}")[:1]),
            refused=Subquery(newest.values(f"notes__{REFUSED}__extractor")[:1]),
        )
        .order_by("stored_file_id", "pk")
        .values_list("pk", "stored_file_id", "size", "media_type", "by", "confirmed", "refused")
    )
    for key, stored, size, media_type, *done in rows.iterator(chunk_size=5_000):
        present = extractor_of(media_type)
        if present and present not in done:
            yield key, stored, size


def plan(job: Job) -> Iterator[ChunkPlan]:
    assert job.project is not None
    held: list[int] = []
    size = 0
    for key, _, length in outdated(job.project):
        if held and (len(held) >= extract.DOCUMENTS or size + length > extract.BYTES):
            yield ChunkPlan({"documents": held}, len(held))
            held, size = [], 0
        held.append(key)
        size += length
    if held:
        yield ChunkPlan({"documents": held}, len(held))


def process(job: Job, chunk: Chunk, pulse: Pulse) -> None:
    assert job.project is not None
    keys = set(chunk.inputs["documents"])
    due = {key for key, _, _ in outdated(job.project) if key in keys}
    documents = list(
        Document.objects.filter(pk__in=due).select_related("stored_file").order_by("stored_file_id", "pk")
    )
    files = extract.files_of(documents)
    group: list[extract.Found] = []
    for count, found in enumerate(extract.texts(documents, files), start=chunk.size - len(documents) + 1):
        group.append(found)
        pulse.beat(count)
        if len(group) >= extract.COMMITTED:
            _commit(chunk, group, files)
            group = []
    if group:
        _commit(chunk, group, files)


def _commit(chunk: Chunk, found: list[extract.Found], files: dict[int, ImportFile]) -> None:
    """Store what came out, in one transaction, while this attempt owns the chunk. Raises Lost when it does not."""
    with transaction.atomic():
        still_mine(chunk)
        here = Document.objects.select_for_update().in_bulk([document.pk for document, _ in found])
        for document, result in found:
            if document.pk in here:
                _renew(here[document.pk], result, files)


def _renew(document: Document, result: Any, files: dict[int, ImportFile]) -> None:
    before = as_extracted(document.pk).first()
    if before is None:
        return
    present = extractor_of(document.media_type)
    if not isinstance(result, Extracted):
        before.notes[REFUSED] = {"extractor": present, "reason": result.reason, "detail": result.detail}
        before.save(update_fields=["notes"])
    elif text_hash(result.text) == before.text_sha256:
        before.notes[CONFIRMED] = present
        before.save(update_fields=["notes"])
    else:
        new = extract.extraction_of(document, result, files[document.pk].name)
        new.save()
        if document.title == before.title:
            document.title = new.title
        document.extraction, document.characters, document.language = new, new.characters, ""
        document.assessed_at = None
        document.save(update_fields=["extraction", "characters", "title", "language", "assessed_at"])


def save(job: Job, chunk: Chunk, result: None) -> Tally:
    refused = Extraction.objects.filter(
        document__in=chunk.inputs["documents"], notes__has_key=REFUSED
    ).select_related("document")
    mishaps = [
        (str(one.document), one.notes[REFUSED]["reason"], one.notes[REFUSED]["detail"])
        for one in refused.defer("text")
    ]
    return Tally(done=chunk.size - len(mishaps), failed=len(mishaps), mishaps=mishaps)


def finish(job: Job) -> dict[str, Any]:
    keys = [key for inputs in job.chunks.values_list("inputs", flat=True) for key in inputs["documents"]]
    changed = Document.objects.filter(pk__in=keys, extraction__created_at__gte=job.created_at).count()
    kept = sum(job.chunks.values_list("failed", flat=True))
    return {"changed": changed, "same": len(keys) - changed - kept, "old_text_kept": kept}


KIND = Kind(
    name="extract_again",
    title="Make texts anew",
    unit="documents",
    plan=plan,
    process=process,
    save=save,
    finish=finish,
    writes_much=True,
)
