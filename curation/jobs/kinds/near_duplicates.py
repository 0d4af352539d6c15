"""Kind `near_duplicates`: new passages are compared with all that were compared before, and with each other; then clusters are
drawn from all pairs that are known.

A passage is compared once (`Comparison`), by the vectors of one model and by its wording (`LexicalBand`). Clusters follow from
pairs, scores and what people said, and are drawn anew whenever the job runs: without new material that takes a moment, at another
threshold too. What comes out is what comparing everything at once would give: `tests/jobs/test_near_duplicates.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db import connection

from curation.actions import clustering
from curation.actions.judging import judge_passages
from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.models import (
    Chunk,
    Cluster,
    Comparison,
    Embedding,
    EmbeddingModel,
    Job,
    LexicalBand,
    Passage,
)
from curation.recipe.dedup import closeness, minhash, verify

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Passages whose texts are held at a time, with those of their neighbours.
BATCH = 500
#: Passages of a band that a new one is measured against.
MOST_IN_BAND = 64

_SHARED = """
    SELECT value, array_agg(passage_id) FROM (
        SELECT value, passage_id, row_number() OVER (PARTITION BY band, value ORDER BY passage_id) AS nth FROM curation_lexicalband
         WHERE project_id = %(project)s AND version = %(version)s AND value = ANY(%(values)s)) AS held
     WHERE nth <= %(most)s GROUP BY value
"""


@dataclass(frozen=True, slots=True)
class Compared:
    """What one passage was found to be close to, and its bands."""

    passage: int
    bands: list[int]
    others: list[int] = field(default_factory=list)
    cosines: list[float] = field(default_factory=list)
    jaccards: list[float] = field(default_factory=list)


def plan(job: Job) -> Iterator[ChunkPlan]:
    assert job.project is not None
    model = _model(job)
    if model is None:
        return
    threshold = job.project.settings.near_duplicate_cosine
    job.options = {**job.options, "model": model.pk, "threshold": threshold}
    job.save(update_fields=["options"])
    known = set(clustering.comparisons(job.project, model, threshold).values_list("passage_id", flat=True))
    fresh = [row.pk for row in clustering.candidates(job.project, model) if row.pk not in known]
    if fresh:
        yield ChunkPlan({"passages": fresh}, len(fresh))


def _model(job: Job) -> EmbeddingModel | None:
    if "model" in job.options:
        return EmbeddingModel.objects.get(pk=job.options["model"])
    assert job.project is not None
    return EmbeddingModel.objects.of_project(job.project)


def process(job: Job, chunk: Chunk, pulse: Pulse) -> list[Compared]:
    import numpy as np

    assert job.project is not None
    model = EmbeddingModel.objects.get(pk=job.options["model"])
    floor = min(clustering.FLOOR, job.options["threshold"])
    fresh = chunk.inputs["passages"]
    before = clustering.comparisons(job.project, model, job.options["threshold"]).exclude(passage__in=fresh)
    known = list(before.order_by("passage_id").values_list("passage_id", flat=True))
    digests = dict(Passage.objects.filter(pk__in=[*known, *fresh]).values_list("pk", "text_sha256"))
    keys = [key for key in known if key in digests]
    count = len(keys)
    keys += [key for key in fresh if key in digests]
    vectors, there = Embedding.objects.matrix(model, [digests[key] for key in keys])
    if not there.all():
        count = int(there[:count].sum())
        keys, vectors = [key for key, is_there in zip(keys, there, strict=True) if is_there], vectors[there]

    texts = _Texts()
    banded = {
        key: texts.bands(key)
        for start in range(count, len(keys), BATCH)
        for key in texts.load(keys[start : start + BATCH])
    }
    wording = _by_wording(job, keys, count, banded)
    found = closeness.neighbours(vectors, count, floor, lambda done: pulse.beat(done // 2))
    results = []
    batch: list[tuple[int, dict[int, float]]] = []
    for at, (others, cosines) in enumerate(found, count):
        near = dict(zip(others.tolist(), cosines.tolist(), strict=True))
        for other in wording.get(at, ()):
            near.setdefault(other, float(vectors[at].astype(np.float32) @ vectors[other].astype(np.float32)))
        batch.append((at, near))
        if len(batch) == BATCH or at == len(keys) - 1:
            texts.load([keys[one] for mine, near in batch for one in (mine, *near)])
            results += [_verified(texts, keys, mine, near, floor, banded) for mine, near in batch]
            batch = []
            pulse.beat((len(keys) - count) // 2 + len(results) // 2)
    return results


def _verified(
    texts: _Texts,
    keys: list[int],
    at: int,
    near: dict[int, float],
    floor: float,
    banded: dict[int, list[int]],
) -> Compared:
    own = keys[at]
    compared = Compared(own, banded[own])
    for other in sorted(near):
        key, cosine = keys[other], near[other]
        if not verify.verified(texts.features(own), texts.features(key)):
            continue
        jaccard = minhash.jaccard(texts.shingles(own), texts.shingles(key))
        if cosine >= floor or jaccard >= minhash.JACCARD:
            compared.others.append(key)
            compared.cosines.append(round(cosine, 6))
            compared.jaccards.append(round(jaccard, 4))
    return compared


class _Texts:
    """Texts of passages, a batch at a time, and what was made of them."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}
        self.features: Callable[[int], verify.Features] = lru_cache(8_192)(
            lambda key: verify.features(self._texts[key])
        )
        self.shingles: Callable[[int], NDArray[np.uint64]] = lru_cache(8_192)(
            lambda key: minhash.shingles(self._texts[key])
        )

    def load(self, keys: list[int]) -> list[int]:
        """Have these texts, and no others, at hand."""
        wanted = set(keys)
        self._texts = {key: text for key, text in self._texts.items() if key in wanted}
        missing = wanted - self._texts.keys()
        self._texts.update(Passage.objects.filter(pk__in=missing).values_list("pk", "text"))
        return keys

    def bands(self, key: int) -> list[int]:
        return minhash.bands(self.shingles(key)).tolist()


def _by_wording(job: Job, keys: list[int], known: int, banded: dict[int, list[int]]) -> dict[int, set[int]]:
    """For each new place the earlier places that share a band."""
    place = {key: at for at, key in enumerate(keys)}
    sharing: dict[int, list[int]] = defaultdict(list)
    values = sorted({value for bands in banded.values() for value in bands})
    with connection.cursor() as cursor:
        for start in range(0, len(values), 10_000):
            cursor.execute(
                _SHARED,
                {
                    "project": job.project_id,
                    "version": minhash.VERSION,
                    "values": values[start : start + 10_000],
                    "most": MOST_IN_BAND,
                },
            )
            for value, passages in cursor.fetchall():
                sharing[value] = sorted(place[key] for key in passages if place.get(key, known) < known)
    found: dict[int, set[int]] = defaultdict(set)
    for at in range(known, len(keys)):
        for value in banded[keys[at]]:
            found[at].update(sharing[value][-MOST_IN_BAND:])
            sharing[value].append(at)
    return found


def save(job: Job, chunk: Chunk, result: list[Compared]) -> Tally:
    there = set(Passage.objects.filter(pk__in=[one.passage for one in result]).values_list("pk", flat=True))
    kept = [one for one in result if one.passage in there]
    Comparison.objects.bulk_create(
        [
            Comparison(
                project=job.project,
                passage_id=one.passage,
                model_id=job.options["model"],
                job=job,
                version=clustering.VERSION,
                floor=min(clustering.FLOOR, job.options["threshold"]),
                others=one.others,
                cosines=one.cosines,
                jaccards=one.jaccards,
            )
            for one in kept
        ],
        batch_size=2_000,
        update_conflicts=True,
        unique_fields=["passage", "model"],
        update_fields=["job", "version", "floor", "others", "cosines", "jaccards"],
    )
    LexicalBand.objects.bulk_create(
        [
            LexicalBand(
                project=job.project, passage_id=one.passage, version=minhash.VERSION, band=band, value=value
            )
            for one in kept
            for band, value in enumerate(one.bands)
        ],
        batch_size=10_000,
        ignore_conflicts=True,
    )
    return Tally(done=len(result))


def finish(job: Job) -> dict[str, Any]:
    assert job.project is not None
    model = _model(job)
    threshold = job.project.settings.near_duplicate_cosine
    if model is not None:
        clustering.renew(job.project, model, threshold, job)
    changed = judge_passages(job.project)
    return {
        "clusters": Cluster.objects.filter(project=job.project).count(),
        "compared": sum(job.chunks.values_list("done", flat=True)),
        "verdicts_changed": changed,
        "threshold": threshold,
    }


KIND = Kind(
    name="near_duplicates",
    title="Find near duplicates",
    unit="passages",
    plan=plan,
    process=process,
    save=save,
    finish=finish,
    lane="curate",
)
