"""What people say of duplicates: rulings on clusters, remembered by content and taken back; pairs drawn for them, and what their
answers are worth.

A ruling holds for every passage with these texts, now and after another import, until it is taken back. Clusters are drawn
anew by a job that the ruling inserts (kind `near_duplicates`, which compares nothing that was compared).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from itertools import combinations

from django.db import transaction
from django.utils import timezone

from curation.actions import clustering, queues
from curation.models import (
    Activity,
    Cluster,
    ClusterMember,
    DuplicatePair,
    DuplicateRuling,
    EmbeddingModel,
    Item,
    Job,
    Project,
    Queue,
    User,
)
from curation.recipe.dedup import precision as figures
from curation.recipe.dedup.precision import Judged, Point

#: Every text of a cluster is ruled on with every other; a larger one is ruled on by what is kept of it.
MOST_APART = 100
QUEUE = "Pairs of duplicates"
PER_STRATUM = 12
AFTER_RULING = ("near_duplicates", "select")


class RulingError(Exception):
    """What was asked cannot be done; the message says why and what to do."""


# Rulings


def rule_on_cluster(cluster: Cluster, keep: Iterable[int], by: User) -> uuid.UUID:
    """Keep these passages of a cluster (by id, at least one) and leave the others out as their duplicates. Returns the batch.

    What is left out follows the representative, where that is kept, otherwise the kept one that is closest to it. Kept ones are
    different from each other from now on. Raises RulingError.
    """
    members = _members(cluster)
    kept = [one for one in members if one.passage_id in set(keep)]
    if not kept:
        raise RulingError("Keep at least one passage of the cluster, or say that they are not duplicates.")
    if len(kept) == len(members):
        return not_duplicates(cluster, by)
    if len(kept) > MOST_APART:
        raise RulingError(f"At most {MOST_APART} passages of one cluster can be kept apart from each other.")
    leader = next((one for one in kept if one.passage_id == cluster.representative_id), kept[0])
    rulings = _apart(cluster.project, kept, by)
    for one in members:
        if one not in kept:
            rulings += _ruling(cluster.project, one, leader, by, preferred=leader.passage.text_sha256)
    return _said(
        cluster, rulings, by, "ruled on a cluster", kept=len(kept), left_out=len(members) - len(kept)
    )


def not_duplicates(cluster: Cluster, by: User) -> uuid.UUID:
    """The passages of a cluster are different from each other: they are never in one cluster again. Returns the batch."""
    members = _members(cluster)
    if len(members) > MOST_APART:
        raise RulingError(
            f"A cluster of {len(members):,} is too large to be told apart at once; keep up to {MOST_APART} of it, or "
            "raise the similarity from which passages are near duplicates."
        )
    return _said(
        cluster,
        _apart(cluster.project, members, by),
        by,
        "ruled a cluster not duplicates",
        passages=len(members),
    )


@transaction.atomic
def take_back(project: Project, batch: uuid.UUID, by: User) -> int:
    """Take a ruling back: what stood before it stands again. Returns how many pairs it had ruled on; twice changes nothing."""
    taken = DuplicateRuling.objects.filter(project=project, batch=batch, taken_back_at=None).update(
        taken_back_at=timezone.now()
    )
    if taken:
        Activity.objects.create(
            project=project, actor=by, verb="took back a ruling on duplicates", subject=str(batch)
        )
        redraw(project, by)
    return taken


def redraw(project: Project, by: User | None) -> Job:
    """A job that draws the project's clusters anew; one that waits already is enough."""
    waiting = Job.objects.filter(
        project=project, kind=AFTER_RULING[0], state=Job.State.WAITING, then=list(AFTER_RULING[1:])
    ).first()
    return waiting or Job.objects.create(
        project=project, kind=AFTER_RULING[0], then=list(AFTER_RULING[1:]), created_by=by
    )


def _members(cluster: Cluster) -> list[ClusterMember]:
    return list(cluster.members.select_related("passage"))


def _apart(project: Project, members: Sequence[ClusterMember], by: User) -> list[DuplicateRuling]:
    return [
        ruling for left, right in combinations(members, 2) for ruling in _ruling(project, left, right, by)
    ]


def _ruling(
    project: Project, one: ClusterMember, other: ClusterMember, by: User, preferred: str = ""
) -> list[DuplicateRuling]:
    """None where two passages hold the same text: a text cannot differ from itself, nor be preferred to itself."""
    left, right = sorted((one.passage.text_sha256, other.passage.text_sha256))
    if left == right:
        return []
    return [
        DuplicateRuling(
            project=project,
            left_sha256=left,
            right_sha256=right,
            same=bool(preferred),
            preferred_sha256=preferred,
            by=by,
        )
    ]


@transaction.atomic
def _said(cluster: Cluster, rulings: list[DuplicateRuling], by: User, verb: str, **details: int) -> uuid.UUID:
    batch = uuid.uuid4()
    for ruling in rulings:
        ruling.batch = batch
    DuplicateRuling.objects.bulk_create(rulings, batch_size=2_000)
    Activity.objects.create(
        project=cluster.project,
        actor=by,
        verb=verb,
        subject=str(cluster.uuid),
        details={"batch": str(batch), **details},
    )
    redraw(cluster.project, by)
    return batch


# Pairs for people


@transaction.atomic
def draw_pairs(
    project: Project, by: User | None, *, per_stratum: int = PER_STRATUM, wanted: int = 1, seed: int = 1
) -> Queue:
    """Draw pairs near the threshold into the project's queue of pairs, which is made at the first time.

    As many from each stratum of cosine (`recipe.dedup.precision.STRATA`); drawing again fills up what is missing and puts the weights
    right for the pairs that are there by now. Raises RulingError where nothing was compared yet.
    """
    model = EmbeddingModel.objects.of_project(project)
    pairs = _close_pairs(project, model) if model else []
    if not pairs:
        raise RulingError("There are no close pairs yet. Find near duplicates first.")
    queue = _queue(project, by, wanted)
    there = {
        (one.left_id, one.right_id): one
        for one in DuplicatePair.objects.filter(project=project, items__queue=queue).distinct()
    }
    taken = [at for at, pair in enumerate(pairs) if (pair.left_id, pair.right_id) in there]
    drawn = figures.sample([pair.cosine for pair in pairs], per_stratum, seed, taken)
    for at, weight in drawn:
        pairs[at].weight = weight
    DuplicatePair.objects.bulk_create(
        [pairs[at] for at, _ in drawn],
        update_conflicts=True,
        unique_fields=["left", "right"],
        update_fields=["cosine", "jaccard", "weight"],
    )
    lefts_and_rights = {(pairs[at].left_id, pairs[at].right_id) for at, _ in drawn}
    chosen = [
        key
        for key, left, right in DuplicatePair.objects.filter(project=project).values_list(
            "pk", "left", "right"
        )
        if (left, right) in lefts_and_rights
    ]
    added = queues.add_subjects(queue, DuplicatePair.objects.filter(pk__in=chosen))
    Activity.objects.create(
        project=project,
        actor=by,
        verb="drew pairs of duplicates",
        subject=queue.name,
        details={"pairs": added},
    )
    return queue


def precision(project: Project) -> list[Point]:
    """Precision by threshold with 95% intervals, from what people settled on of the drawn pairs; [] before any was drawn."""
    settled = {Item.State.ACCEPTED: True, Item.State.REJECTED: False}
    items = Item.objects.filter(queue__project=project, queue__kind=Queue.Kind.PAIRS, pair__isnull=False)
    judged = {
        pair: Judged(cosine, weight, settled.get(Item.State(state)))
        for pair, cosine, weight, state in items.order_by("id").values_list(
            "pair", "pair__cosine", "pair__weight", "state"
        )
    }
    return figures.curve(list(judged.values())) if judged else []


def _queue(project: Project, by: User | None, wanted: int) -> Queue:
    found = Queue.objects.filter(project=project, kind=Queue.Kind.PAIRS, name=QUEUE).first()
    return found or queues.create_queue(
        project, by, kind=Queue.Kind.PAIRS, name=QUEUE, wanted=wanted, order=Queue.Order.RANDOM
    )


def _close_pairs(project: Project, model: EmbeddingModel) -> list[DuplicatePair]:
    """Every pair that is close enough to be asked about, of passages that can be in a cluster; by id."""
    here = {row.pk for row in clustering.candidates(project, model)}
    found: dict[tuple[int, int], DuplicatePair] = {}
    rows = clustering.comparisons(project, model, clustering.FLOOR)
    for passage, others, cosines, jaccards in rows.values_list("passage", "others", "cosines", "jaccards"):
        for other, cosine, jaccard in zip(others, cosines, jaccards, strict=True):
            if passage in here and other in here and cosine >= figures.STRATA[0]:
                left, right = sorted((passage, other))
                found[left, right] = DuplicatePair(
                    project=project, left_id=left, right_id=right, cosine=cosine, jaccard=jaccard
                )
    return [found[key] for key in sorted(found)]
