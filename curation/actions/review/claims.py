"""Claiming and giving back: a person holds a slot by a short lease that the open page renews."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from curation.actions.review.errors import LeaseGone, TooManyHeld
from curation.models import Activity, Decision, Item, Lease, Queue, Slot, User

LEASE = timedelta(minutes=12)
MOST_HELD = 10  # per person and queue; more would take the queue away from everybody else
PAUSE_ENDS_SITTING = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Claim:
    item_id: int
    lease: uuid.UUID
    expires_at: datetime


CLAIM = """
    WITH pick AS (
        SELECT s.id FROM curation_slot s
         WHERE s.queue_id = %(queue)s AND s.state = 'open' AND s.position > {after}
           AND EXISTS (SELECT 1 FROM curation_queue q
                        WHERE q.id = %(queue)s AND q.paused_at IS NULL AND q.archived_at IS NULL)
           AND NOT EXISTS (SELECT 1 FROM curation_slot mine
                            WHERE mine.item_id = s.item_id AND mine.holder_id = %(user)s)
           AND NOT EXISTS (SELECT 1 FROM curation_decision d JOIN curation_item i ON i.id = d.item_id AND i.round = d.round
                            WHERE d.item_id = s.item_id AND d.user_id = %(user)s
                              AND d.event IN ('decide', 'skip', 'flag')
                              AND NOT EXISTS (SELECT 1 FROM curation_decision u WHERE u.undoes_id = d.id))
         ORDER BY s.position, s.id LIMIT 1 FOR UPDATE OF s SKIP LOCKED
    ), taken AS (
        UPDATE curation_slot s SET state = 'held', holder_id = %(user)s, lease = gen_random_uuid(),
               expires_at = now() + %(lease)s
          FROM pick WHERE s.id = pick.id
        RETURNING s.item_id, s.lease, s.expires_at, s.position
    ), history AS (
        INSERT INTO curation_lease (uuid, item_id, user_id, claimed_at, ended_how, round)
        SELECT t.lease, t.item_id, %(user)s, now(), '', i.round FROM taken t JOIN curation_item i ON i.id = t.item_id
    ), sitting AS (
        INSERT INTO curation_sitting AS old (queue_id, user_id, started_at, last_seen_at, cursor)
        SELECT %(queue)s, %(user)s, now(), now(), position FROM taken
        ON CONFLICT (queue_id, user_id) DO UPDATE
           SET cursor = excluded.cursor, last_seen_at = now(),
               started_at = CASE WHEN old.last_seen_at < now() - %(pause)s THEN now() ELSE old.started_at END
    )
    SELECT item_id, lease, expires_at FROM taken
"""
BEYOND_MY_CURSOR = (
    "coalesce((SELECT cursor FROM curation_sitting WHERE queue_id = %(queue)s AND user_id = %(user)s), -1)"
)
FROM_THE_START = "-1"


def claim(queue: Queue, user: User) -> Claim | None:
    """Take a slot of the queue's next item that this person has not answered, or None when there is none.

    Raises TooManyHeld when they hold `MOST_HELD` already.
    """
    if Slot.objects.filter(queue=queue, holder=user, state=Slot.State.HELD).count() >= MOST_HELD:
        raise TooManyHeld(f"You hold {MOST_HELD} items of this queue. Decide or release one first.")
    for after in (BEYOND_MY_CURSOR, FROM_THE_START):
        if claimed := _claim(queue.pk, user.pk, after):
            return claimed
    if expire_leases(queue):
        return _claim(queue.pk, user.pk, FROM_THE_START)
    return None


def _claim(queue_id: int, user_id: int, after: str) -> Claim | None:
    parameters: dict[str, Any] = {
        "queue": queue_id,
        "user": user_id,
        "lease": LEASE,
        "pause": PAUSE_ENDS_SITTING,
    }
    for _ in range(3):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(CLAIM.format(after=after), parameters)
                row = cursor.fetchone()
            return Claim(*row) if row else None
        except IntegrityError:
            continue  # this person's other tab took another slot of the same item: look again
    return None


def held(queue: Queue, user: User) -> list[Claim]:
    """What this person holds in the queue, in its order: a reloaded page goes on with it."""
    slots = Slot.objects.filter(queue=queue, holder=user, state=Slot.State.HELD).order_by("position", "id")
    return [
        Claim(item, lease, expires_at)
        for item, lease, expires_at in slots.values_list("item_id", "lease", "expires_at")
        if lease and expires_at
    ]


def claim_item(user: User, item: Item) -> Claim | None:
    """This very item again, for a page that was reloaded or slept: as it is held, or taken anew.

    None when it is not free for this person: they have answered it, or others fill its slots, or it is paused.
    """
    with transaction.atomic():
        item = lock_item(item)
        if item.queue.paused_at or item.queue.archived_at or item.state != Item.State.OPEN:
            return None
        slot = item.slots.filter(holder=user, state=Slot.State.HELD).first()
        if slot and slot.lease and slot.expires_at:
            return Claim(item.pk, slot.lease, slot.expires_at)
        answers = [Decision.Event.DECIDE, Decision.Event.SKIP, Decision.Event.FLAG]
        mine = Decision.objects.standing().filter(item=item, user=user, event__in=answers, round=item.round)
        if mine.exists():
            return None
        return take_slot(user, item)


def take_slot(user: User, item: Item) -> Claim | None:
    """An open slot of a locked item for this person; None when none is open or they have one. For other actions."""
    slot = item.slots.select_for_update().filter(state=Slot.State.OPEN).order_by("number").first()
    if slot is None or item.slots.filter(holder=user).exists():
        return None
    lease = Lease.objects.create(item=item, user=user, round=item.round)
    slot.state, slot.holder, slot.lease = Slot.State.HELD, user, lease.uuid
    slot.expires_at = timezone.now() + LEASE
    slot.save(update_fields=["state", "holder", "lease", "expires_at"])
    return Claim(item.pk, lease.uuid, slot.expires_at)


def renew(user: User, lease: uuid.UUID) -> datetime:
    """Prolong a lease that is still mine and return when it ends. Raises LeaseGone otherwise."""
    expires_at = timezone.now() + LEASE
    mine = Slot.objects.filter(lease=lease, holder=user, state=Slot.State.HELD)
    if not mine.update(expires_at=expires_at):
        raise LeaseGone("This item is no longer yours. What you typed is kept as a draft.")
    return expires_at


def release(user: User, lease: uuid.UUID) -> bool:
    """Give an item back. False when the lease had ended already."""
    return bool(give_back(Lease.End.RELEASED, "lease = %s AND holder_id = %s", [lease, user.pk]))


def free(slot: Slot, by: User) -> bool:
    """A manager takes an item back from whoever holds it; their late decision would still be kept."""
    with transaction.atomic():
        freed = bool(give_back(Lease.End.FREED, "id = %s", [slot.pk]))
        if freed:
            Activity.objects.create(
                project_id=slot.queue.project_id,
                actor=by,
                verb="freed a lease",
                subject=f"item {slot.item.uuid}",
                details={"holder": str(slot.holder)},
            )
    return freed


def release_all(user: User, queue: Queue | None = None) -> int:
    """Give back all that a person holds (when they leave a queue, or their account is deactivated)."""
    if queue is None:
        return give_back(Lease.End.RELEASED, "holder_id = %s", [user.pk])
    return give_back(Lease.End.RELEASED, "holder_id = %s AND queue_id = %s", [user.pk, queue.pk])


def expire_leases(queue: Queue | None = None) -> int:
    """Open every slot whose lease has run out. Returns how many."""
    if queue is None:
        return give_back(Lease.End.EXPIRED, "expires_at < now()", [])
    return give_back(Lease.End.EXPIRED, "expires_at < now() AND queue_id = %s", [queue.pk])


def give_back(how: str, where: str, parameters: list[Any]) -> int:
    """Open the held slots that `where` (our own SQL) chooses, and end their leases in the history.

    An item that was flagged or settled meanwhile keeps its slots closed.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH gone AS (
                SELECT id, lease, item_id FROM curation_slot
                 WHERE state = 'held' AND {where} FOR UPDATE SKIP LOCKED
            ), opened AS (
                UPDATE curation_slot s
                   SET state = CASE WHEN i.state = 'open' THEN 'open' ELSE 'closed' END,
                       holder_id = NULL, lease = NULL, expires_at = NULL
                  FROM gone, curation_item i WHERE s.id = gone.id AND i.id = gone.item_id
            )
            UPDATE curation_lease l SET ended_at = now(), ended_how = %s FROM gone WHERE l.uuid = gone.lease
            """,
            [*parameters, how],
        )
        return cursor.rowcount


def lock_item(item: Item) -> Item:
    """The item with its queue and subject, locked until the transaction ends. For other actions.

    The lock leaves the key alone: a claim of another slot, which holds that slot and whose foreign keys look at the
    item when it commits, would otherwise wait for us while we wait for the slot.
    """
    known = Item.queue.is_cached(item)  # type: ignore[attr-defined]
    wanted = [item.queue.card.subject] if known else list(_SUBJECTS)
    paths = [path for subject in wanted for path in _SUBJECTS[subject]]
    return (
        Item.objects.select_for_update(of=("self",), no_key=True)
        .select_related("queue", "text_version", *paths)
        .defer(*(heavy for path in paths for heavy in _heavy(path)))
        .get(pk=item.pk)
    )


#: What is loaded with an item of each subject, by its path from the item.
_SUBJECTS = {
    "document": ("document__extraction",),
    "passage": ("passage",),
    "pair": ("pair__left", "pair__right"),
    "seed": ("seed__passage",),
    "sample": ("sample",),
}


def _heavy(path: str) -> tuple[str, ...]:
    """Long columns that no decision looks at."""
    return (f"{path}__text",) if path == "document__extraction" else (f"{path}__search",)
