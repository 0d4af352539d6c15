"""Choosing seeds: passages that passed everything become candidates, in the default queue.

What people touched stays. A candidate that no longer passes (a threshold was raised) and that nobody has seen goes away; it comes
back with the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.db.models import Exists, OuterRef

from curation.actions.queues import add_subjects
from curation.models import Item, Job, KnobChange, Lease, Project, Queue, Seed

QUEUE = "Seeds"

_CHOOSE = """
    INSERT INTO curation_seed (project_id, passage_id, text_sha256, chosen_by_id)
    SELECT p.project_id, p.id, p.text_sha256, %(job)s
      FROM curation_passage p JOIN curation_document d ON d.id = p.document_id
     WHERE p.project_id = %(project)s AND p.left_out = '' AND d.left_out = '' AND d.withdrawn_at IS NULL
       AND (SELECT count(*) FROM curation_score s JOIN curation_activescorer a
                ON a.scorer_id = s.scorer_id AND a.project_id = %(project)s
              JOIN curation_rubric r ON r.id = a.rubric_id AND r.key IN ('factual', 'reasoning')
             WHERE s.passage_id = p.id) >= 2
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


#: What goes is written down with a change of thresholds, so that undoing it brings the same rows back.
_REMEMBER = """
    INSERT INTO curation_takenback (change_id, passage_id, seed, items)
    SELECT %(change)s, s.passage_id, to_jsonb(s),
           coalesce((SELECT jsonb_agg(to_jsonb(i) ORDER BY i.id) FROM curation_item i WHERE i.seed_id = s.id), '[]')
      FROM curation_seed s WHERE s.id = ANY(%(seeds)s)
    ON CONFLICT DO NOTHING
"""
_BRING_BACK = """
    WITH gone AS (
        SELECT t.* FROM curation_takenback t JOIN curation_passage p ON p.id = t.passage_id AND p.left_out = ''
         WHERE t.change_id = %(change)s
    ), seeds AS (
        INSERT INTO curation_seed (id, uuid, project_id, passage_id, text, text_sha256, state, tags, chosen_by_id, created_at)
        SELECT s.id, s.uuid, s.project_id, s.passage_id, s.text, s.text_sha256, s.state, s.tags, j.id, s.created_at
          FROM gone CROSS JOIN LATERAL jsonb_populate_record(NULL::curation_seed, gone.seed) s
          LEFT JOIN curation_job j ON j.id = s.chosen_by_id
         ORDER BY s.id ON CONFLICT DO NOTHING RETURNING id
    ), items AS (
        INSERT INTO curation_item (id, uuid, queue_id, seed_id, position, drawn, drawn_detail, wanted, created_at)
        SELECT i.id, i.uuid, i.queue_id, i.seed_id, i.position, i.drawn, i.drawn_detail, i.wanted, i.created_at
          FROM gone CROSS JOIN LATERAL jsonb_populate_recordset(NULL::curation_item, gone.items) i
          JOIN seeds ON seeds.id = i.seed_id
         ORDER BY i.id ON CONFLICT DO NOTHING RETURNING id, queue_id, wanted, position
    ), slots AS (
        INSERT INTO curation_slot (item_id, queue_id, number, position)
        SELECT items.id, items.queue_id, number, items.position FROM items, generate_series(1, items.wanted) AS number
    )
    SELECT count(*) FROM seeds
"""


@dataclass(frozen=True, slots=True)
class Selected:
    chosen: int
    taken_back: int


def select(project: Project, job: Job, change: KnobChange | None = None) -> Selected:
    """Make seeds of what passes now, take back what nobody touched and passes no longer. Within the caller's transaction.

    With a `change` of thresholds, what goes is remembered with it, and what the change that it undoes took away comes back
    as it was: the same seeds at the same places in all their queues.
    """
    chosen = 0
    with connection.cursor() as cursor:
        if change is not None and change.undoes_id is not None:
            cursor.execute(_BRING_BACK, {"change": change.undoes_id})
            chosen += cursor.fetchone()[0]
        cursor.execute(_CHOOSE, {"job": job.pk, "project": project.pk})
        chosen += cursor.rowcount
        cursor.execute(_STALE, {"project": project.pk})
        stale = [key for (key,) in cursor.fetchall()]
    gone = _take_back(stale, change)
    queue = default_queue(project)
    if queue is not None:
        candidates = Seed.objects.filter(project=project, state=Seed.State.CANDIDATE, passage__left_out="")
        add_subjects(queue, candidates)
    return Selected(chosen, gone)


def _take_back(seeds: list[int], change: KnobChange | None) -> int:
    """Items are locked before anything goes, as claiming locks them: a seed that was claimed this moment stays."""
    unclaimed = ~Exists(Lease.objects.filter(item=OuterRef("pk")))
    locked = set(
        Item.objects.select_for_update(skip_locked=True)
        .filter(unclaimed, seed__in=seeds)
        .values_list("pk", flat=True)
    )
    there = Item.objects.filter(seed__in=seeds).values_list("pk", "seed")
    kept = {seed for item, seed in there if item not in locked}
    going = [seed for seed in seeds if seed not in kept]
    if change is not None and going:
        with connection.cursor() as cursor:
            cursor.execute(_REMEMBER, {"change": change.pk, "seeds": going})
    Item.objects.filter(seed__in=going).delete()
    Seed.objects.filter(pk__in=going).delete()
    return len(going)


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
