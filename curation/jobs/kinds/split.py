"""Kind `split`: passages of each kept document, with tokens, language, signals and search words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.models import Chunk, Document, Extraction, Job, Passage
from curation.recipe.scoring import signals
from curation.recipe.steps import IdentifyLanguage, MeasureSignals, SplitIntoPassages
from curation.recipe.text import language, search
from curation.recipe.text.normalise import normal_hash, text_hash

DOCUMENTS = 50  # per chunk
CHARACTERS = 500_000
BATCH = 10
#: Documents that are left out for their score alone have passages: their score was made of them.
SPLIT = ("", "low_educational")

_INSERT = """
    WITH made AS (
        SELECT * FROM unnest(
            %(extraction)s::bigint[], %(ordinal)s::int[], %(start)s::int[], %(end)s::int[], %(heading)s::text[], %(text)s::text[],
            %(text_sha256)s::text[], %(normal_sha256)s::text[], %(tokens)s::int[], %(language)s::text[],
            %(configuration)s::text[], %(words)s::text[], %(signals)s::text[]
        ) AS made (extraction, ordinal, start, "end", heading, text, text_sha256, normal_sha256, tokens, language,
                   configuration, words, signals)
    ), added AS (
        INSERT INTO curation_passage (project_id, document_id, extraction_id, ordinal, start, "end", heading, text,
                                      text_sha256, normal_sha256, tokens, language, search)
        SELECT %(project)s, e.document_id, e.id, made.ordinal, made.start, made."end", made.heading, made.text,
               made.text_sha256, made.normal_sha256, made.tokens, made.language,
               to_tsvector(made.configuration::regconfig, made.words)
          FROM made JOIN curation_extraction e ON e.id = made.extraction
         ORDER BY e.id, made.ordinal
        ON CONFLICT (extraction_id, ordinal) DO NOTHING
        RETURNING id, extraction_id, ordinal
    ), noted AS (
        INSERT INTO curation_signals (passage_id, version, values)
        SELECT added.id, %(version)s, made.signals::jsonb
          FROM added JOIN made ON made.extraction = added.extraction_id AND made.ordinal = added.ordinal
    )
    SELECT count(*) FROM added
"""


#: A better extraction made another text: a passage whose text still stands in it moves there, with all that stands on it.
#: Of a text that stands there several times each place takes one, in order.
_ADOPT = """
    WITH made AS (
        SELECT made.*, e.document_id, row_number() OVER (PARTITION BY e.document_id, made.text_sha256 ORDER BY made.ordinal) AS nth
          FROM unnest(%(extraction)s::bigint[], %(ordinal)s::int[], %(start)s::int[], %(end)s::int[], %(heading)s::text[],
                      %(text_sha256)s::text[]) AS made (extraction, ordinal, start, "end", heading, text_sha256)
          JOIN curation_extraction e ON e.id = made.extraction
    ), held AS (
        SELECT p.id, p.document_id, p.text_sha256,
               row_number() OVER (PARTITION BY p.document_id, p.text_sha256 ORDER BY p.extraction_id DESC, p.ordinal) AS nth
          FROM curation_passage p
         WHERE p.document_id IN (SELECT document_id FROM made) AND p.extraction_id <> ALL(%(extraction)s::bigint[])
    )
    UPDATE curation_passage p
       SET extraction_id = made.extraction, ordinal = made.ordinal, start = made.start, "end" = made."end", heading = made.heading
      FROM made JOIN held USING (document_id, text_sha256, nth) WHERE p.id = held.id
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One passage as it is stored; the names are those of the INSERT."""

    extraction: int
    ordinal: int
    start: int
    end: int
    heading: str
    text: str
    text_sha256: str
    normal_sha256: str
    tokens: int
    language: str
    configuration: str
    words: str
    signals: str


def unsplit(job: Job) -> QuerySet[Document]:
    """Documents that go on and whose current text has no passages."""
    passages = Passage.objects.filter(extraction=OuterRef("extraction"))
    return Document.objects.filter(
        ~Exists(passages),
        project=job.project,
        extraction__isnull=False,
        withdrawn_at=None,
        left_out__in=SPLIT,
    )


def plan(job: Job) -> Iterator[ChunkPlan]:
    extractions: list[int] = []
    characters = 0
    rows = unsplit(job).order_by("pk").values_list("extraction", "extraction__characters")
    for extraction, length in rows.iterator(chunk_size=5_000):
        if extractions and (len(extractions) >= DOCUMENTS or characters + length > CHARACTERS):
            yield ChunkPlan({"extractions": extractions}, len(extractions))
            extractions, characters = [], 0
        extractions.append(extraction)
        characters += length
    if extractions:
        yield ChunkPlan({"extractions": extractions}, len(extractions))


def process(job: Job, chunk: Chunk, pulse: Pulse) -> list[Row]:
    rows: list[Row] = []
    keys = chunk.inputs["extractions"]
    for start in range(0, len(keys), BATCH):
        found = Extraction.objects.filter(pk__in=keys[start : start + BATCH]).values_list(
            "pk", "text", "language"
        )
        for key, text, code in found:
            rows += passages_of(key, text, code)
        pulse.beat(min(start + BATCH, len(keys)))
    return rows


def passages_of(extraction: int, text: str, code: str) -> list[Row]:
    """The rows of one text. A passage too short or odd to tell its language has its document's."""
    (spans,) = SplitIntoPassages().process_batch([text])
    parts = [text[span.start : span.end] for span in spans]
    said = IdentifyLanguage().process_batch(parts)
    measured = MeasureSignals().process_batch(parts)
    rows = []
    for ordinal, (span, part, guess, values) in enumerate(zip(spans, parts, said, measured, strict=True)):
        own = guess.code if guess.code != language.UNDETERMINED else code
        configuration, words = search.index(part, own)
        rows.append(
            Row(
                extraction,
                ordinal,
                span.start,
                span.end,
                span.heading,
                part,
                text_hash(part),
                normal_hash(part),
                span.tokens,
                own,
                configuration,
                words,
                json.dumps(values),
            )
        )
    return rows


PLACE = ("extraction", "ordinal", "start", "end", "heading", "text_sha256")


def save(job: Job, chunk: Chunk, result: list[Row]) -> Tally:
    columns = {name: [getattr(row, name) for row in result] for name in Row.__slots__}
    with connection.cursor() as cursor:
        cursor.execute(_ADOPT, {name: columns[name] for name in PLACE})
        cursor.execute(_INSERT, {**columns, "project": job.project_id, "version": signals.VERSION})
    return Tally(done=chunk.size)


def finish(job: Job) -> dict[str, Any]:
    made = Passage.objects.filter(extraction__in=_extractions(job)).count()
    return {"documents": sum(job.chunks.values_list("done", flat=True)), "passages": made}


def _extractions(job: Job) -> list[int]:
    return [key for inputs in job.chunks.values_list("inputs", flat=True) for key in inputs["extractions"]]


KIND = Kind(
    name="split",
    title="Split into passages",
    unit="documents",
    plan=plan,
    process=process,
    save=save,
    finish=finish,
    writes_much=True,
)
