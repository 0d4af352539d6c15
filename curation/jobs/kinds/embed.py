"""Kind `embed`: the vector of every distinct text of a passage that has none under the studio's model.

A chunk is a frozen list of text hashes; it is always encoded whole, so that a chunk that is run again gives the same
vectors to the bit. Vectors are a cache by content: texts that are known already cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from celery import current_task
from django.conf import settings
from django.db import connection

from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.jobs.kinds.split import SPLIT
from curation.models import Chunk, Embedding, EmbeddingModel, Job, Passage
from curation.recipe.steps import Embed
from curation.recipe.text import encode

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TEXTS = 96  # per chunk: some seconds of work
BATCH = 16

#: By length and then hash: texts of a chunk are of a size, which a GPU likes, and the order is one of content.
_MISSING = """
    SELECT DISTINCT p.tokens, p.text_sha256 FROM curation_passage p
      JOIN curation_document d ON d.id = p.document_id AND d.extraction_id = p.extraction_id
     WHERE p.project_id = %(project)s AND d.left_out = ANY(%(split)s) AND d.withdrawn_at IS NULL
       AND NOT EXISTS (SELECT FROM curation_embedding e WHERE e.model_id = %(model)s AND e.text_sha256 = p.text_sha256)
     ORDER BY p.tokens, p.text_sha256
"""


def options() -> encode.Options:
    """How this studio encodes: its settings, and its share of the cores. A command that runs jobs itself has all of
    them; no vector depends on it."""
    processes = settings.CELERY_WORKER_CONCURRENCY if current_task else 1
    return encode.Options(
        name=settings.EMBEDDING_MODEL,
        dtype=settings.EMBEDDING_DTYPE,
        threads=encode.threads_for(processes),
    )


def registered(key: encode.ModelKey) -> EmbeddingModel:
    """The row of a model, with its index, made when it is first used."""
    model, created = EmbeddingModel.objects.get_or_create(
        key=str(key),
        defaults={
            "name": key.name,
            "revision": key.revision,
            "options": {
                "sha256": key.sha256,
                "dtype": key.dtype,
                "pooling": key.pooling,
                "window": key.window,
            },
            "dimensions": key.dimensions,
        },
    )
    if created:
        model.make_index()
    return model


def plan(job: Job) -> Iterator[ChunkPlan]:
    model = registered(encode.model_key(options()))
    job.options = {**job.options, "model": model.pk}
    job.save(update_fields=["options"])
    with connection.cursor() as cursor:
        cursor.execute(_MISSING, {"project": job.project_id, "split": list(SPLIT), "model": model.pk})
        while rows := cursor.fetchmany(TEXTS):
            yield ChunkPlan({"texts": [digest for _, digest in rows]}, len(rows))


def process(job: Job, chunk: Chunk, pulse: Pulse) -> dict[str, NDArray[np.float32]]:
    hashes = chunk.inputs["texts"]
    texts = dict(
        Passage.objects.filter(project=job.project, text_sha256__in=hashes)
        .order_by("text_sha256", "pk")
        .distinct("text_sha256")
        .values_list("text_sha256", "text")
    )
    here = [digest for digest in hashes if digest in texts]
    step = Embed(options())
    vectors: dict[str, NDArray[np.float32]] = {}
    for start in range(0, len(here), BATCH):
        batch = here[start : start + BATCH]
        vectors.update(zip(batch, step.process_batch([texts[digest] for digest in batch]), strict=True))
        pulse.beat(min(start + BATCH, len(hashes)))
    return vectors


def save(job: Job, chunk: Chunk, result: dict[str, NDArray[np.float32]]) -> Tally:
    Embedding.objects.keep(EmbeddingModel.objects.get(pk=job.options["model"]), result)
    return Tally(done=len(result))


def finish(job: Job) -> dict[str, Any]:
    return {"model": job.options["model"], "texts": sum(job.chunks.values_list("done", flat=True))}


KIND = Kind(
    name="embed",
    title="Embed passages",
    unit="texts",
    plan=plan,
    process=process,
    save=save,
    finish=finish,
    writes_much=True,
)
