"""Kind `embed_likely`: vectors for those passages only that may have a near duplicate, by the two-speed path.

What a static model or the wording brings together is encoded by the embedding model, a half of all texts or less; comparing them
(`near_duplicates`) then tells what a collection repeats hours before all of it is embedded. Nothing is wasted: `embed` encodes the
rest later, and the comparisons go on from there.

The set is one chunk. Vectors are a cache by content and kept as they come, so one that is run again encodes only what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import F

from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.jobs.kinds.embed import BATCH, options, registered
from curation.models import Chunk, Embedding, EmbeddingModel, Job, Passage
from curation.recipe.dedup import minhash, two_speed
from curation.recipe.steps import Embed
from curation.recipe.text import encode, static

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Beyond so many texts, products of all with all take longer than they save.
MOST = 200_000


def plan(job: Job) -> Iterator[ChunkPlan]:
    model = registered(encode.model_key(options()))
    job.options = {**job.options, "model": model.pk}
    job.save(update_fields=["options"])
    texts = _texts(job).values("text_sha256").distinct().count()
    if texts > MOST:
        raise ValueError(
            f"{texts:,} texts are too many to look for duplicates before they are embedded: curate."
        )
    if texts:
        yield ChunkPlan({}, texts)


def _texts(job: Job) -> Any:
    """Passages of the present text of kept documents."""
    return Passage.objects.filter(
        project=job.project,
        document__left_out="",
        document__withdrawn_at=None,
        document__extraction=F("extraction"),
        left_out__in=["", "near_duplicate", "low_scores"],
    )


def process(job: Job, chunk: Chunk, pulse: Pulse) -> None:
    import numpy as np

    assert job.project is not None
    model = EmbeddingModel.objects.get(pk=job.options["model"])
    texts = dict(_texts(job).order_by("text_sha256").values_list("text_sha256", "text"))
    hashes, read = list(texts), list(texts.values())
    step = Embed(options())

    def encoded(positions: NDArray[np.int64]) -> NDArray[np.float32]:
        wanted = [hashes[at] for at in positions]
        _, there = Embedding.objects.matrix(model, wanted)
        missing = [digest for digest, is_there in zip(wanted, there, strict=True) if not is_there]
        for start in range(0, len(missing), BATCH):
            part = missing[start : start + BATCH]
            fresh = step.process_batch([texts[digest] for digest in part])
            Embedding.objects.keep(model, dict(zip(part, fresh, strict=True)))
            pulse.beat(0)
        return Embedding.objects.matrix(model, wanted)[0].astype(np.float32)

    banded = [minhash.bands(minhash.shingles(text)) for text in read]
    alike = sorted({at for pair in minhash.candidates(banded) for at in pair})
    views = static.load(options(), settings.HOME.make_private(settings.HOME.root / "models")).views(read)
    two_speed.likely(views, encoded, job.project.settings.near_duplicate_cosine, certain=alike)


def save(job: Job, chunk: Chunk, result: None) -> Tally:
    return Tally(done=chunk.size)


def finish(job: Job) -> dict[str, Any]:
    hashes = list(_texts(job).values_list("text_sha256", flat=True).distinct())
    with_vectors = Embedding.objects.filter(model=job.options["model"], text_sha256__in=hashes).count()
    return {"model": job.options["model"], "texts": len(hashes), "with_vectors": with_vectors}


KIND = Kind(
    name="embed_likely",
    title="Embed likely duplicates",
    unit="texts",
    plan=plan,
    process=process,
    save=save,
    finish=finish,
    writes_much=True,
)
