"""Kind `clean`: lines that a source repeats are cut from its new texts, and personal data and secrets masked where the project says so.

An extraction is never changed: a text that comes out shorter or masked is a new one, named after the one it was made of
(`html/5+trafilatura-2.3.1·cut`), and the document points at it. What an extraction is cut by is found in its source's texts as they were
extracted, on `SAMPLE` of them, so that every chunk and every attempt finds the same. Only documents that are not assessed yet are cut;
masking is for all, as soon as a project wants it, and is not undone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.jobs.kinds.assess import unmeasured
from curation.models import Chunk, Document, Extraction, Job
from curation.recipe.ingest.cleaning import find, lines
from curation.recipe.ingest.extract import searched
from curation.recipe.knobs import MASK
from curation.recipe.text.normalise import normal_hash, text_hash

DOCUMENTS = 2_000  # per chunk
BATCH = 50
#: Documents of a source that are looked at for the lines it repeats, in the order of their content's hash.
SAMPLE = 2_000
CUT, MASKED = "·cut", "·masked"
FOUND = ("found", "found_at")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A text made of an extraction: what is stored of it but for its hashes."""

    document: int
    of: int
    suffix: str
    text: str
    notes: dict[str, Any]


# Planning


def plan(job: Job) -> Iterator[ChunkPlan]:
    """New documents source by source, then those whose personal data a project now wants masked."""
    assert job.project is not None
    settings = job.project.settings
    new = unmeasured(job)
    if settings.cut_repeated_lines:
        yield from _chunks(new)
    if settings.personal_data == MASK:
        yield from _chunks(
            unmasked(job) if not settings.cut_repeated_lines else unmasked(job).exclude(pk__in=new)
        )


def unmasked(job: Job) -> QuerySet[Document]:
    """Documents whose current text has personal data or secrets in it."""
    return Document.objects.filter(project=job.project, withdrawn_at=None, extraction__notes__has_key="found")


def _chunks(documents: QuerySet[Document]) -> Iterator[ChunkPlan]:
    rows = documents.order_by("first_import__source", "pk").values_list("first_import__source", "pk")
    for source, group in groupby(rows.iterator(chunk_size=5_000), key=lambda row: row[0]):
        held: list[int] = []
        until = (
            Document.objects.filter(first_import__source=source)
            .order_by("-pk")
            .values_list("pk", flat=True)[0]
        )
        for _, key in group:
            held.append(key)
            if len(held) == DOCUMENTS:
                yield ChunkPlan({"source": source, "until": until, "documents": held}, len(held))
                held = []
        if held:
            yield ChunkPlan({"source": source, "until": until, "documents": held}, len(held))


# Processing


def process(job: Job, chunk: Chunk, pulse: Pulse) -> list[Cleaned]:
    assert job.project is not None
    settings = job.project.settings
    keys = chunk.inputs["documents"]
    new = set(unmeasured(job).filter(pk__in=keys).values_list("pk", flat=True))
    repeated = (
        repeated_lines(chunk.inputs["source"], chunk.inputs["until"])
        if settings.cut_repeated_lines and new
        else {}
    )
    made: list[Cleaned] = []
    for start in range(0, len(keys), BATCH):
        rows = Document.objects.filter(pk__in=keys[start : start + BATCH]).exclude(extraction=None)
        for document in rows.select_related("extraction"):
            cuts = repeated if document.pk in new else {}
            made += _cleaned(document, cuts, masks=settings.personal_data == MASK)
        pulse.beat(min(start + BATCH, len(keys)))
    return made


def repeated_lines(source: int, until: int) -> dict[str, int]:
    """The lines that a source repeats, by how many of its documents have them (`cleaning.lines`)."""
    as_extracted = Extraction.objects.filter(document=OuterRef("pk")).exclude(extractor__contains="·")
    texts = (
        Document.objects.filter(first_import__source=source, pk__lte=until, withdrawn_at=None)
        .exclude(extraction=None)
        .annotate(extracted=Subquery(as_extracted.order_by("-pk").values("text")[:1]))
        .order_by("sha256")
        .values_list("extracted", flat=True)[:SAMPLE]
    )
    return lines.gather(text for text in texts.iterator(chunk_size=100) if text)


def _cleaned(document: Document, repeated: dict[str, int], *, masks: bool) -> list[Cleaned]:
    """What becomes of a document's current text; nothing where it stays as it is."""
    extraction = document.extraction
    assert extraction is not None
    text, suffix = extraction.text, ""
    notes = _without(extraction.notes, "corrupted", "language")
    text, cuts = lines.cut(text, repeated) if repeated else (text, [])
    if cuts:
        suffix += CUT
        notes = _without(notes, *FOUND) | {"cut": [*notes.get("cut", []), *cuts]} | searched(text)
    if masks and notes.get("found"):
        suffix += MASKED
        notes = _without(notes, *FOUND) | {"masked": notes["found"]}
        text = find.mask(text, find.find(text))
    return [Cleaned(document.pk, extraction.pk, suffix, text, notes)] if suffix else []


def _without(notes: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in notes.items() if key not in keys}


def save(job: Job, chunk: Chunk, result: list[Cleaned]) -> Tally:
    """A document that another extractor has read anew meanwhile keeps that text; the next curation cleans it."""
    documents = Document.objects.select_for_update(of=("self",)).in_bulk([one.document for one in result])
    old = Extraction.objects.defer("text").in_bulk([one.of for one in result])
    made: list[Extraction] = []
    for one in result:
        document = documents.get(one.document)
        if document is not None and document.extraction_id == one.of:
            made.append(_extraction(one, old[one.of]))
    Extraction.objects.bulk_create(made, ignore_conflicts=True)
    stored = {
        (row.document_id, row.extractor): row
        for row in Extraction.objects.filter(document__in=[row.document_id for row in made]).defer("text")
    }
    for row in made:
        current = stored[row.document_id, row.extractor]
        document = documents[row.document_id]
        document.extraction, document.characters = current, current.characters
    Document.objects.bulk_update([documents[row.document_id] for row in made], ["extraction", "characters"])
    return Tally(done=chunk.size)


def _extraction(one: Cleaned, old: Extraction) -> Extraction:
    return Extraction(
        document_id=one.document,
        extractor=f"{old.extractor}{one.suffix}"[:60],
        text=one.text,
        text_sha256=text_hash(one.text),
        normal_sha256=normal_hash(one.text),
        title=old.title,
        characters=len(one.text),
        notes=one.notes,
    )


def finish(job: Job) -> dict[str, Any]:
    return {"looked_at": sum(job.chunks.values_list("done", flat=True))}


KIND = Kind(
    name="clean",
    title="Clean texts",
    unit="documents",
    plan=plan,
    process=process,
    save=save,
    finish=finish,
    writes_much=True,
)
