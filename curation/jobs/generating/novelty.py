"""Vectors of what a run made, and which of it the set that was approved before the run says already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from curation.jobs.generating.made import Generated
from curation.jobs.kind import ChunkPlan, Pulse
from curation.jobs.kinds.embed import options as embedding_options
from curation.jobs.kinds.embed import registered
from curation.models import Embedding, EmbeddingModel, Run, Sample
from curation.recipe import chain
from curation.recipe.generate.diversity import repeats
from curation.recipe.steps import Embed
from curation.recipe.text import encode
from curation.recipe.text.normalise import text_hash

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TEXTS = 64  # of the approved set, per piece


def model() -> EmbeddingModel:
    return registered(encode.model_key(embedding_options()))


def approved_before(run: Run) -> Any:
    """The approved set as it was when the run was made."""
    found = Sample.objects.filter(
        project_id=run.project_id, state=Sample.State.APPROVED, created_at__lt=run.created_at
    )
    return found.exclude(candidate__run=run).order_by("pk")


def missing_vectors(run: Run) -> Iterator[ChunkPlan]:
    ours = model()
    wanted = dict(approved_before(run).values_list("text_sha256", "pk"))
    there = Embedding.objects.filter(model=ours, text_sha256__in=list(wanted)).values_list(
        "text_sha256", flat=True
    )
    missing = sorted(wanted.keys() - set(there))
    for start in range(0, len(missing), TEXTS):
        yield ChunkPlan({"approved": [wanted[digest] for digest in missing[start : start + TEXTS]]}, 0)


def compare(run: Run, generated: Generated, pulse: Pulse) -> None:
    """Vectors of what was made, and which of it the approved set says already."""
    import numpy as np

    texts = {key: chain.rendered(one.sample) for key, one in generated.made()}
    if not texts:
        return
    hashes = {key: text_hash(text) for key, text in texts.items()}
    generated.vectors = encoded(
        {hashes[key]: text for key, text in texts.items()}, pulse, generated.asked.done
    )
    ids, before = _approved_vectors(run)
    if not ids or run.most_similar is None:
        return
    for key, digest in hashes.items():
        found = repeats(generated.vectors[digest][None, :].astype(np.float32), before, run.most_similar)
        for nearest, cosine in found.values():
            generated.repeats[key] = (ids[nearest], cosine)


_approved: dict[int, tuple[list[int], Any]] = {}


def _approved_vectors(run: Run) -> tuple[list[int], NDArray[np.float32]]:
    """The approved set as it was when the run began: ids and vectors, kept by this process for the run it is at."""
    import numpy as np

    if run.pk not in _approved:
        rows = list(approved_before(run).values_list("pk", "text_sha256"))
        matrix, there = Embedding.objects.matrix(model(), [digest for _, digest in rows])
        _approved.clear()
        ids = [pk for (pk, _), here in zip(rows, there, strict=True) if here]
        _approved[run.pk] = (ids, matrix[there].astype(np.float32))
    return _approved[run.pk]


def encoded(texts: Mapping[str, str], pulse: Pulse, done: int = 0) -> dict[str, NDArray[np.float32]]:
    """Vectors of texts by hash; those that are there already are not made again. `done`, candidates, is what the pulse tells meanwhile."""
    known = Embedding.objects.vectors(model(), list(texts))
    step = Embed(embedding_options())
    found: dict[str, NDArray[np.float32]] = {}
    for digest, text in texts.items():
        pulse.beat(done)
        found[digest] = known[digest].astype("float32") if digest in known else step.process_batch([text])[0]
    return found
