"""Choosing seeds: passages that passed everything become candidates, in the default queue.

What people touched stays. A candidate that no longer passes (a threshold was raised) and that nobody has seen goes away; it comes
back with the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.db.models import Exists, OuterRef

from curation.actions.queues import add_subjects
from curation.models import Item, Job, Lease, Project, Queue, Seed

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


@dataclass(frozen=True, slots=True)
class Selected:
    chosen: int
    taken_back: int


def select(project: Project, job: Job) -> Selected:
    """Make seeds of what passes now, take back what nobody touched and passes no longer. Within the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_CHOOSE, {"job": job.pk, "project": project.pk})
        chosen = cursor.rowcount
        cursor.execute(_STALE, {"project": project.pk})
        stale = [key for (key,) in cursor.fetchall()]
    _take_back(stale)
    queue = default_queue(project)
    if queue is not None:
        candidates = Seed.objects.filter(project=project, state=Seed.State.CANDIDATE, passage__left_out="")
        add_subjects(queue, candidates)
    return Selected(chosen, len(stale))


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
