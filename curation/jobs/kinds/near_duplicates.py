"""Kind `near_duplicates`: star clusters of passages whose vectors are close, each with its representative.

The whole set is one chunk: every passage of kept pages that is no exact duplicate, with its best score. Where
neither the set nor the threshold changed since the last time, nothing is planned. Clusters that come out the same keep
their rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection

from curation.actions.judging import judge_passages
from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.models import Chunk, Cluster, ClusterMember, Embedding, EmbeddingModel, Job, Passage, Project
from curation.recipe.dedup import near

#: Passages that are compared: what is left out only as a near duplicate or for its scores is compared again.
_CANDIDATES = """
    SELECT p.id, p.text_sha256, length(p.text), coalesce(max(s.value), 0)
      FROM curation_passage p JOIN curation_document d ON d.id = p.document_id AND d.extraction_id = p.extraction_id
      LEFT JOIN curation_score s ON s.passage_id = p.id AND s.scorer_id IN (
           SELECT a.scorer_id FROM curation_activescorer a JOIN curation_rubric r ON r.id = a.rubric_id
            WHERE a.project_id = %(project)s AND r.level = 'passage' AND r.key IN ('factual', 'reasoning'))
     WHERE p.project_id = %(project)s AND d.left_out = '' AND d.withdrawn_at IS NULL
       AND p.left_out IN ('', 'near_duplicate', 'low_scores')
       AND EXISTS (SELECT FROM curation_embedding e WHERE e.model_id = %(model)s AND e.text_sha256 = p.text_sha256)
     GROUP BY p.id
     ORDER BY p.id
"""
#: What people have to do with stays a representative: new material never displaces it.
_STANDING = """
    SELECT DISTINCT coalesce(i.passage_id, s.passage_id) FROM curation_item i
      LEFT JOIN curation_seed s ON s.id = i.seed_id
      JOIN curation_passage p ON p.id = coalesce(i.passage_id, s.passage_id) AND p.project_id = %(project)s
     WHERE EXISTS (SELECT FROM curation_decision d WHERE d.item_id = i.id)
"""


@dataclass(frozen=True, slots=True)
class Found:
    """The members of each cluster of two and more: {representative: {member: similarity}}."""

    clusters: dict[int, dict[int, float]]
    compared: int


def plan(job: Job) -> Iterator[ChunkPlan]:
    assert job.project is not None
    threshold = job.project.settings.near_duplicate_cosine
    rows = _candidates(job.project, job.options["model"])
    digest = _digest(rows, threshold, job.options["model"])
    job.options = {**job.options, "threshold": threshold, "digest": digest}
    job.save(update_fields=["options"])
    done = (
        Job.objects.filter(project=job.project, kind=job.kind, state=Job.State.DONE).order_by("-pk").first()
    )
    if rows and (done is None or done.options.get("digest") != digest):
        yield ChunkPlan({}, len(rows))


def _candidates(project: Project, model: int) -> list[tuple[int, str, int, float]]:
    with connection.cursor() as cursor:
        cursor.execute(_CANDIDATES, {"project": project.pk, "model": model})
        return cursor.fetchall()


def _digest(rows: list[tuple[int, str, int, float]], threshold: float, model: int) -> str:
    digest = hashlib.sha256(f"{threshold!r} {model} {near.RULE}".encode())
    for row in rows:
        digest.update(repr(row).encode())
    return digest.hexdigest()


def process(job: Job, chunk: Chunk, pulse: Pulse) -> Found:
    import numpy as np

    assert job.project is not None
    model = EmbeddingModel.objects.get(pk=job.options["model"])
    rows = _candidates(job.project, model.pk)
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"project": job.project_id})
        standing = {key for (key,) in cursor.fetchall()}
    vectors = Embedding.objects.vectors(model, [row[1] for row in rows])
    texts = dict(Passage.objects.filter(pk__in=[row[0] for row in rows]).values_list("pk", "text"))
    rows = [row for row in rows if row[1] in vectors and row[0] in texts]
    found = near.clusters(
        [near.Candidate(digest, score, length, key in standing) for key, digest, length, score in rows],
        [texts[row[0]] for row in rows],
        np.stack([vectors[row[1]] for row in rows]) if rows else np.empty((0, model.dimensions), np.float16),
        job.options["threshold"],
        pulse.beat,
    )
    clusters: dict[int, dict[int, float]] = {}
    for row, (representative, similarity) in zip(rows, found, strict=True):
        if rows[representative][0] != row[0]:
            clusters.setdefault(rows[representative][0], {})[row[0]] = similarity
    return Found(clusters, len(rows))


def save(job: Job, chunk: Chunk, result: Found) -> Tally:
    """Replace what changed: clusters with the same representative, members and threshold keep their rows."""
    stands: set[int] = set()
    for cluster in Cluster.objects.filter(project=job.project).prefetch_related("members"):
        members = {
            one.passage_id: one.similarity
            for one in cluster.members.all()
            if one.passage_id != cluster.representative_id
        }
        same = result.clusters.get(cluster.representative_id) == members
        if (
            same
            and cluster.model_id == job.options["model"]
            and cluster.threshold == job.options["threshold"]
        ):
            stands.add(cluster.representative_id)
        else:
            cluster.delete()
    here = set(
        Passage.objects.filter(project=job.project)
        .filter(pk__in=[*result.clusters, *(one for members in result.clusters.values() for one in members)])
        .values_list("pk", flat=True)
    )
    fresh = {
        representative: {representative: 1.0, **{one: near for one, near in members.items() if one in here}}
        for representative, members in result.clusters.items()
        if representative not in stands and representative in here
    }
    made = Cluster.objects.bulk_create(
        Cluster(
            project=job.project,
            job=job,
            model_id=job.options["model"],
            threshold=job.options["threshold"],
            rule=near.RULE,
            representative_id=representative,
            size=len(members),
        )
        for representative, members in fresh.items()
    )
    ClusterMember.objects.bulk_create(
        [
            ClusterMember(cluster=cluster, passage_id=passage, similarity=similarity)
            for cluster in made
            for passage, similarity in fresh[cluster.representative_id].items()
        ],
        batch_size=5_000,
    )
    return Tally(done=result.compared, dropped=sum(map(len, result.clusters.values())))


def finish(job: Job) -> dict[str, Any]:
    assert job.project is not None
    if not _candidates(job.project, job.options["model"]):
        Cluster.objects.filter(project=job.project).delete()
    changed = judge_passages(job.project)
    return {
        "clusters": Cluster.objects.filter(project=job.project).count(),
        "verdicts_changed": changed,
        "threshold": job.options["threshold"],
    }


KIND = Kind(
    name="near_duplicates",
    title="Find near duplicates",
    unit="passages",
    plan=plan,
    process=process,
    save=save,
    finish=finish,
)
