"""Kind `select`: passages that passed everything become candidates for seeds, in the default queue.

What people touched stays. A candidate that no longer passes (a threshold was raised) and that nobody has seen
goes away again; it comes back with the threshold.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef

from curation.actions.judging import judge_documents, judge_passages
from curation.actions.queues import add_subjects
from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.models import Chunk, Document, Item, Job, Lease, Project, Queue, Seed

QUEUE = "Seeds"

_CHOOSE = """
    INSERT INTO curation_seed (project_id, passage_id, text_sha256, chosen_by_id)
    SELECT p.project_id, p.id, p.text_sha256, %(job)s
      FROM curation_passage p JOIN curation_document d ON d.id = p.document_id
     WHERE p.project_id = %(project)s AND p.left_out = '' AND d.left_out = '' AND d.withdrawn_at IS NULL
       AND (SELECT count(*) FROM curation_score s JOIN curation_activescorer a
                ON a.scorer_id = s.scorer_id AND a.project_id = %(project)s WHERE s.passage_id = p.id) >= 2
     ORDER BY p.id
    ON CONFLICT DO NOTHING
"""
#: Candidates that no longer pass and that nobody has touched: no claim, draft, decision or sample.
_STALE = """
    SELECT s.id FROM curation_seed s JOIN curation_passage p ON p.id = s.passage_id
     WHERE s.project_id = %(project)s AND s.state = 'candidate' AND p.left_out <> ''
       AND NOT EXISTS (SELECT FROM curation_sample m WHERE m.seed_id = s.id)
       AND NOT EXISTS (SELECT FROM curation_item i WHERE i.seed_id = s.id AND (
               EXISTS (SELECT FROM curation_lease l WHERE l.item_id = i.id)
            OR EXISTS (SELECT FROM curation_decision d WHERE d.item_id = i.id)
            OR EXISTS (SELECT FROM curation_draft f WHERE f.item_id = i.id)))
"""


def plan(job: Job) -> Iterator[ChunkPlan]:
    yield ChunkPlan({}, Document.objects.filter(project=job.project, left_out="").count())


def process(job: Job, chunk: Chunk, pulse: Pulse) -> None:
    """Everything is a query in the chunk's closing transaction."""


def save(job: Job, chunk: Chunk, result: None) -> Tally:
    assert job.project is not None
    judge_documents(job.project)
    judge_passages(job.project)
    with connection.cursor() as cursor:
        cursor.execute(_CHOOSE, {"job": job.pk, "project": job.project_id})
        chosen = cursor.rowcount
        cursor.execute(_STALE, {"project": job.project_id})
        stale = [key for (key,) in cursor.fetchall()]
    _take_back(stale)
    queue = default_queue(job.project)
    if queue is not None:
        add_subjects(
            queue, Seed.objects.filter(project=job.project, state=Seed.State.CANDIDATE, passage__left_out="")
        )
    job.result = {"chosen": chosen, "taken_back": len(stale)}
    job.save(update_fields=["result"])
    return Tally(done=chunk.size)


def _take_back(seeds: list[int]) -> None:
    """Items are locked before anything goes, as claiming locks them: one that was claimed this moment stays."""
    unclaimed = ~Exists(Lease.objects.filter(item=OuterRef("pk")))
    items = list(
        Item.objects.select_for_update(skip_locked=True)
        .filter(unclaimed, seed__in=seeds)
        .values_list("pk", flat=True)
    )
    Item.objects.filter(pk__in=items).delete()
    Seed.objects.filter(~Exists(Item.objects.filter(seed=OuterRef("pk"))), pk__in=seeds).delete()


def default_queue(project: Project) -> Queue | None:
    """The queue that candidates go into: the one called "Seeds", made when the project has no queue of seeds.
    None when a manager has put it away or made others instead."""
    seeds = Queue.objects.filter(project=project, kind=Queue.Kind.SEEDS)
    if not seeds.exists() and not Queue.objects.filter(project=project, name=QUEUE).exists():
        return Queue.objects.create(
            project=project,
            kind=Queue.Kind.SEEDS,
            name=QUEUE,
            wanted=project.settings.seeds_decisions,
            order=Queue.Order.HIGHEST,
        )
    return seeds.filter(name=QUEUE, archived_at=None).first()


def finish(job: Job) -> dict[str, Any]:
    candidates = Seed.objects.filter(project=job.project, state=Seed.State.CANDIDATE).count()
    return {**job.result, "candidates": candidates}


KIND = Kind(
    name="select",
    title="Choose seeds",
    unit="documents",
    plan=plan,
    process=process,
    save=save,
    finish=finish,
)
