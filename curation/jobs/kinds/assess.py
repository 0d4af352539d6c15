"""Kind `assess`: language and signals of each text, then which documents go on.

Measuring is done once per extraction and version of the signals; judging (too short, corrupted, other language, exact
duplicate) is one query over the whole project when all are measured, so that it holds for old and new material alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from curation.actions.judging import judge_documents
from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.models import Chunk, Document, Extraction, Job, Signals
from curation.recipe.scoring import signals
from curation.recipe.steps import IdentifyLanguage, MeasureSignals

DOCUMENTS = 200  # per chunk
CHARACTERS = 2_000_000
BATCH = 20


@dataclass(frozen=True, slots=True)
class Assessed:
    extraction: int
    code: str
    scores: list[list[Any]]
    doubt: dict[str, Any]
    corrupted: str
    signals: dict[str, float]


def unmeasured(job: Job) -> QuerySet[Document]:
    """Documents whose current text has no signals of this version."""
    measured = Signals.objects.filter(extraction=OuterRef("extraction"), version=signals.VERSION)
    return Document.objects.filter(
        ~Exists(measured), project=job.project, extraction__isnull=False, withdrawn_at=None
    )


def plan(job: Job) -> Iterator[ChunkPlan]:
    extractions: list[int] = []
    characters = 0
    rows = unmeasured(job).order_by("pk").values_list("extraction", "extraction__characters")
    for extraction, length in rows.iterator(chunk_size=5_000):
        if extractions and (len(extractions) >= DOCUMENTS or characters + length > CHARACTERS):
            yield ChunkPlan({"extractions": extractions}, len(extractions))
            extractions, characters = [], 0
        extractions.append(extraction)
        characters += length
    if extractions:
        yield ChunkPlan({"extractions": extractions}, len(extractions))


def process(job: Job, chunk: Chunk, pulse: Pulse) -> list[Assessed]:
    made: list[Assessed] = []
    keys = chunk.inputs["extractions"]
    for start in range(0, len(keys), BATCH):
        texts = dict(Extraction.objects.filter(pk__in=keys[start : start + BATCH]).values_list("pk", "text"))
        found = IdentifyLanguage().process_batch(list(texts.values()))
        measured = MeasureSignals().process_batch(list(texts.values()))
        for key, said, values in zip(texts, found, measured, strict=True):
            scores = [[code, probability] for code, probability in said.scores]
            corrupted = signals.corruption(values, said.scores[0][1] if said.scores else 1.0)
            made.append(Assessed(key, said.code, scores, said.doubt, corrupted, values))
        pulse.beat(min(start + BATCH, len(keys)))
    return made


def save(job: Job, chunk: Chunk, result: list[Assessed]) -> Tally:
    """An extraction that was deleted meanwhile (its import was undone) is passed over."""
    texts = Extraction.objects.defer("text").in_bulk([one.extraction for one in result])
    here = [one for one in result if one.extraction in texts]
    for one in here:
        extraction = texts[one.extraction]
        extraction.language, extraction.language_scores = one.code, one.scores
        noted = {"corrupted": one.corrupted, "language": one.doubt}
        kept = {key: value for key, value in extraction.notes.items() if key not in noted}
        extraction.notes = kept | {key: value for key, value in noted.items() if value}
    Extraction.objects.bulk_update(texts.values(), ["language", "language_scores", "notes"])
    Signals.objects.bulk_create(
        [Signals(extraction_id=one.extraction, version=signals.VERSION, values=one.signals) for one in here],
        ignore_conflicts=True,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE curation_document d SET language = e.language FROM curation_extraction e"
            " WHERE e.id = ANY(%s) AND d.extraction_id = e.id",
            [list(texts)],
        )
    return Tally(done=len(here))


def finish(job: Job) -> dict[str, Any]:
    assert job.project is not None
    changed = judge_documents(job.project)
    return {"assessed": sum(job.chunks.values_list("done", flat=True)), "verdicts_changed": changed}


KIND = Kind(
    name="assess",
    title="Assess documents",
    unit="documents",
    plan=plan,
    process=process,
    save=save,
    finish=finish,
)
