"""How a queue and a sitting stand: the counts that review pages and the API show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Q
from django.utils import timezone

from curation.models.decision import Decision
from curation.models.queue import Item, Queue, Sitting, Slot
from curation.models.user import User


@dataclass(frozen=True, slots=True)
class QueueState:
    """Items of a queue by state, and slots by who could take them."""

    items: int
    open: int
    accepted: int
    rejected: int
    rated: int
    disputed: int
    flagged: int
    revising: int
    closed: int
    held: int

    @property
    def settled(self) -> int:
        return self.accepted + self.rejected + self.rated

    @property
    def waiting_for_reviewer(self) -> int:
        return self.disputed + self.flagged

    @property
    def share(self) -> float:
        return self.settled / self.items if self.items else 0.0


def queue_states(queues: list[Queue]) -> dict[int, QueueState]:
    """The state of each queue, in two queries for all of them."""
    ids = [queue.pk for queue in queues]
    items: dict[int, dict[str, int]] = {pk: {} for pk in ids}
    rows = Item.objects.filter(queue__in=ids).order_by().values_list("queue", "state").annotate(n=Count("id"))
    for queue_id, state, count in rows:
        items[queue_id][state] = count
    held = dict(
        Slot.objects.filter(queue__in=ids, state=Slot.State.HELD)
        .order_by()
        .values_list("queue")
        .annotate(n=Count("id"))
    )
    return {
        pk: QueueState(
            items=sum(items[pk].values()),
            held=held.get(pk, 0),
            **{state: items[pk].get(state, 0) for state in Item.State.values},
        )
        for pk in ids
    }


def why_nothing(queue: Queue, user: User) -> str:
    """Why a claim came back empty: paused, empty, all_done, all_leased or revising (may come back), or nothing_for_you."""
    if queue.paused_at or queue.archived_at:
        return "paused"
    if not Item.objects.filter(queue=queue).exists():
        return "empty"
    if Slot.objects.filter(queue=queue, state=Slot.State.OPEN).exists():
        return "nothing_for_you"
    if Slot.objects.filter(queue=queue, state=Slot.State.HELD).exclude(holder=user).exists():
        return "all_leased"
    if Item.objects.filter(queue=queue, state=Item.State.REVISING).exists():
        return "revising"
    return "all_done"


#: What a person did with an item, as their session lists it.
ANSWERS = [
    Decision.Event.DECIDE,
    Decision.Event.SKIP,
    Decision.Event.FLAG,
    Decision.Event.SEND_BACK,
]
#: Beyond one's cursor first: on the way there lies everything one has answered already.
WITH_WORK = """
    SELECT q.id FROM curation_queue q
      LEFT JOIN curation_sitting t ON t.queue_id = q.id AND t.user_id = %(user)s
     WHERE q.id = ANY(%(queues)s) AND (
           EXISTS (SELECT 1 FROM curation_slot s WHERE s.queue_id = q.id AND s.state = 'held' AND s.holder_id = %(user)s)
        OR EXISTS (SELECT 1 FROM curation_slot s WHERE s.queue_id = q.id AND s.state = 'open'
                      AND s.position > coalesce(t.cursor, -1) AND {unanswered})
        OR EXISTS (SELECT 1 FROM curation_slot s WHERE s.queue_id = q.id AND s.state = 'open' AND {unanswered}))
"""
UNANSWERED = """
    NOT EXISTS (SELECT 1 FROM curation_decision d JOIN curation_item i ON i.id = d.item_id AND i.round = d.round
                 WHERE d.item_id = s.item_id AND d.user_id = %(user)s AND d.event IN ('decide', 'skip', 'flag')
                   AND NOT EXISTS (SELECT 1 FROM curation_decision u WHERE u.undoes_id = d.id))
"""


def with_work(queues: list[Queue], user: User) -> set[int]:
    """Ids of those queues in which something is left for this person to claim, or is theirs already. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            WITH_WORK.format(unanswered=UNANSWERED),
            {"user": user.pk, "queues": [queue.pk for queue in queues]},
        )
        return {row[0] for row in cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class SittingSummary:
    """What a person has done in a queue since they sat down. `seconds` is the median; None before the first."""

    since: datetime | None
    decided: int
    accepted: int
    rejected: int
    rated: int
    skipped: int
    flagged: int
    sent_back: int
    seconds: float | None
    compared: int
    agreed: int

    @property
    def agreement(self) -> float | None:
        """Share of my decisions here that a settled item of several decisions agrees with; None before the first."""
        return self.agreed / self.compared if self.compared else None


SUMMARY = """
    WITH mine AS (
        SELECT d.* FROM curation_decision d JOIN curation_item i ON i.id = d.item_id
         WHERE d.user_id = %(user)s AND i.queue_id = %(queue)s AND d.event IN ('decide', 'skip', 'flag', 'send_back')
           AND d.created_at >= %(since)s
           AND NOT EXISTS (SELECT 1 FROM curation_decision u WHERE u.undoes_id = d.id)
    )
    SELECT count(*) FILTER (WHERE event = 'decide'),
           count(*) FILTER (WHERE verdict = 'accept'), count(*) FILTER (WHERE verdict = 'reject'),
           count(*) FILTER (WHERE verdict = 'rate'),
           count(*) FILTER (WHERE event = 'skip'), count(*) FILTER (WHERE event = 'flag'),
           count(*) FILTER (WHERE event = 'send_back'),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE event = 'decide')
      FROM mine
"""
#: Only settled items that several people decided, or a reviewer resolved: before that, nothing of others shows.
AGREEMENT = """
    SELECT count(*), count(*) FILTER (WHERE CASE d.verdict
             WHEN 'accept' THEN i.state = 'accepted'
             WHEN 'reject' THEN i.state = 'rejected'
             ELSE NOT EXISTS (SELECT 1 FROM jsonb_each(i.result) r
                               WHERE abs((d.ratings->>r.key)::float - r.value::text::float) >= 1) END)
      FROM curation_decision d JOIN curation_item i ON i.id = d.item_id
     WHERE d.user_id = %(user)s AND i.queue_id = %(queue)s AND d.event = 'decide' AND d.created_at >= %(since)s
       AND d.round = i.round
       AND i.state IN ('accepted', 'rejected', 'rated')
       AND NOT EXISTS (SELECT 1 FROM curation_decision u WHERE u.undoes_id = d.id)
       AND (i.wanted > 1 OR EXISTS (SELECT 1 FROM curation_decision r
                                     WHERE r.item_id = i.id AND r.event = 'resolve'))
"""


def sitting_summary(queue: Queue, user: User) -> SittingSummary:
    """How many, how fast, how much in agreement, since this person sat down at the queue."""
    sitting = Sitting.objects.filter(queue=queue, user=user).first()
    since = sitting.started_at if sitting else timezone.now()
    parameters: dict[str, Any] = {"user": user.pk, "queue": queue.pk, "since": since}
    with connection.cursor() as cursor:
        cursor.execute(SUMMARY, parameters)
        decided, accepted, rejected, rated, skipped, flagged, sent_back, seconds = cursor.fetchone()
        cursor.execute(AGREEMENT, parameters)
        compared, agreed = cursor.fetchone()
    return SittingSummary(
        since if sitting else None,
        decided,
        accepted,
        rejected,
        rated,
        skipped,
        flagged,
        sent_back,
        seconds,
        compared,
        agreed,
    )


def sitting_items(queue: Queue, user: User, limit: int = 200) -> list[Decision]:
    """This sitting's standing decisions, newest first: what j and k walk through."""
    sitting = Sitting.objects.filter(queue=queue, user=user).first()
    if sitting is None:
        return []
    mine = Decision.objects.standing().filter(
        Q(item__queue=queue, user=user, created_at__gte=sitting.started_at) & Q(event__in=ANSWERS)
    )
    return list(mine.select_related("item", "text_version").order_by("-id")[:limit])
