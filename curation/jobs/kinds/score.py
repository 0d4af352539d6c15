"""Kind `score`: pages by educational value, then the passages of pages that pass, by factual and reasoning value.

A chunk is a list of documents: a page's value is made of its passages', so both stages need the same vectors and signals, and passages of
pages that fail are not scored at all. When a threshold is lowered later, the pages that pass now are planned again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import F

from curation.actions.judging import judge_documents, judge_passages
from curation.actions.scorers import ensure_scorers
from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.jobs.kinds.embed import options as encoding
from curation.jobs.kinds.split import SPLIT
from curation.models import Chunk, Embedding, EmbeddingModel, Job, Passage, Score, Scorer
from curation.recipe.scoring import signals, starter
from curation.recipe.text import encode

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DOCUMENTS = 200  # per chunk
PASSAGES = 4_000
BATCH = 25

#: Documents that have passages and lack their own score, or whose score passes while passages lack theirs.
_UNSCORED = """
    SELECT d.id, count(*) FROM curation_document d
      JOIN curation_passage p ON p.document_id = d.id AND p.extraction_id = d.extraction_id
      LEFT JOIN curation_score own ON own.document_id = d.id AND own.scorer_id = %(educational)s
     WHERE d.project_id = %(project)s AND d.withdrawn_at IS NULL AND d.left_out = ANY(%(split)s)
       AND (own.id IS NULL OR own.value >= %(least)s AND EXISTS (
            SELECT FROM curation_passage q, unnest(%(passage_scorers)s::bigint[]) AS wanted (scorer)
             WHERE q.document_id = d.id AND q.extraction_id = d.extraction_id AND NOT EXISTS (
                   SELECT FROM curation_score s WHERE s.passage_id = q.id AND s.scorer_id = wanted.scorer)))
     GROUP BY d.id ORDER BY d.id
"""


@dataclass(frozen=True, slots=True)
class Scored:
    """(scorer, document or passage, value) of a chunk."""

    documents: list[tuple[int, int, float]]
    passages: list[tuple[int, int, float]]


def plan(job: Job) -> Iterator[ChunkPlan]:
    """Freezes the scorers and the threshold with the job, so that every chunk uses the same."""
    assert job.project is not None
    model = EmbeddingModel.objects.get(pk=job.options["model"])
    scorers = ensure_scorers(job.project, model, lambda: _heads(model))
    least = job.project.settings.min_educational
    job.options = {**job.options, "scorers": scorers, "min_educational": least}
    job.save(update_fields=["options"])
    documents: list[int] = []
    passages = 0
    with connection.cursor() as cursor:
        cursor.execute(
            _UNSCORED,
            {
                "project": job.project_id,
                "split": list(SPLIT),
                "educational": scorers["educational"],
                "passage_scorers": [scorers["factual"], scorers["reasoning"]],
                "least": least,
            },
        )
        for document, count in cursor.fetchall():
            if documents and (len(documents) >= DOCUMENTS or passages + count > PASSAGES):
                yield ChunkPlan({"documents": documents}, len(documents))
                documents, passages = [], 0
            documents.append(document)
            passages += count
    if documents:
        yield ChunkPlan({"documents": documents}, len(documents))


def _heads(model: EmbeddingModel) -> starter.Heads:
    """`starter-1` for a model: as shipped for the bundled one, fitted to the exemplars for any other."""
    key = encode.model_key(encoding())
    if str(key) != model.key:
        raise ValueError(
            f"The passages were embedded with {model.key}, the studio is set to {key}: curate again."
        )
    if key.name == encode.BUNDLED:
        return starter.shipped()
    exemplars = starter.exemplars()
    texts = [exemplar.text for exemplar in exemplars]
    measured = [signals.measure(text) for text in texts]
    vectors = encode.load(encoding()).encode(texts)
    return starter.fit(model.key, vectors, measured, [exemplar.values for exemplar in exemplars])


def process(job: Job, chunk: Chunk, pulse: Pulse) -> Scored:
    scorers: Mapping[str, int] = job.options["scorers"]
    heads = {
        rubric: starter.Heads.from_dict(Scorer.objects.get(pk=pk).parameters)
        for rubric, pk in scorers.items()
    }
    model = EmbeddingModel.objects.get(pk=job.options["model"])
    result = Scored([], [])
    keys = chunk.inputs["documents"]
    for start in range(0, len(keys), BATCH):
        for document, page in _pages(model, keys[start : start + BATCH]).items():
            values = heads["educational"].score("educational", page.vectors, page.signals)
            value = starter.page_value(values, page.tokens)
            result.documents.append((scorers["educational"], document, value))
            if value < job.options["min_educational"]:
                continue
            for rubric in ("factual", "reasoning"):
                for passage, mark in zip(
                    page.passages, heads[rubric].score(rubric, page.vectors, page.signals), strict=True
                ):
                    result.passages.append((scorers[rubric], passage, mark))
        pulse.beat(min(start + BATCH, len(keys)))
    return result


@dataclass(frozen=True, slots=True)
class _Page:
    passages: list[int]
    tokens: list[int]
    signals: list[dict[str, float]]
    vectors: NDArray[np.float16]


def _pages(model: EmbeddingModel, documents: list[int]) -> dict[int, _Page]:
    """What is known of the passages of each document, in their order."""
    import numpy as np

    rows: dict[int, list[tuple[int, int, str, dict[str, float]]]] = defaultdict(list)
    found = (
        Passage.objects.filter(document__in=documents, extraction=F("document__extraction"))
        .filter(signals__version=signals.VERSION)
        .order_by("document_id", "ordinal")
        .values_list("document_id", "pk", "tokens", "text_sha256", "signals__values")
    )
    for document, *row in found:
        rows[document].append(tuple(row))
    hashes = sorted({row[2] for page in rows.values() for row in page})
    vectors = Embedding.objects.vectors(model, hashes)
    missing = len(hashes) - len(vectors)
    if missing:
        raise ValueError(f"{missing} passages have no vector yet: curate again, which embeds them first.")
    return {
        document: _Page(
            [row[0] for row in page],
            [row[1] for row in page],
            [row[3] for row in page],
            np.stack([vectors[row[2]] for row in page]),
        )
        for document, page in rows.items()
    }


def save(job: Job, chunk: Chunk, result: Scored) -> Tally:
    Score.objects.append("document", result.documents)
    Score.objects.append("passage", result.passages)
    return Tally(done=len(result.documents))


def finish(job: Job) -> dict[str, Any]:
    assert job.project is not None
    documents = judge_documents(job.project)
    passages = judge_passages(job.project)
    return {
        "documents": sum(job.chunks.values_list("done", flat=True)),
        "verdicts_changed": documents + passages,
    }


KIND = Kind(
    name="score",
    title="Score pages and passages",
    unit="documents",
    plan=plan,
    process=process,
    save=save,
    finish=finish,
)
