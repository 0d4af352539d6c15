"""Deciding, skipping, flagging, sending back, undoing, resolving: each inserts an event and projects what follows from it."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from curation.actions.review import revisions
from curation.actions.review.answers import LONGEST_NOTE, Answer, check, edited, subject_sha256
from curation.actions.review.claims import Claim, give_back, lock_item, take_slot
from curation.actions.review.errors import AlreadyDecided, LeaseUnknown, NotAsked, NothingToUndo
from curation.actions.review.projection import Standing, project
from curation.models import Decision, Draft, Item, Lease, Queue, Revision, Slot, TextVersion, User

ENDED_BY: dict[str, Decision.Event] = {
    Lease.End.DECIDED: Decision.Event.DECIDE,
    Lease.End.SKIPPED: Decision.Event.SKIP,
    Lease.End.FLAGGED: Decision.Event.FLAG,
    Lease.End.SENT_BACK: Decision.Event.SEND_BACK,
}


def decide(user: User, item: Item, lease: uuid.UUID, answer: Answer) -> Decision:
    """Record a decision under a lease. The same lease again returns the same decision.

    A lease that ran out still decides: into a slot that is open, or, when all are filled or the text was revised since, as *surplus*.
    Raises NotAsked (the answer does not fit), LeaseUnknown, AlreadyDecided.
    """
    with transaction.atomic():
        item = lock_item(item)
        mine = _lease(user, item, lease)
        if earlier := _ended_with(mine, item, Decision.Event.DECIDE):
            return earlier
        check(item.queue, answer)
        slot = _slot_for(user, item) if mine.round == item.round else None
        decision = Decision.objects.create(
            item=item,
            user=user,
            event=Decision.Event.DECIDE,
            verdict=answer.verdict,
            reason=answer.reason if answer.verdict == "reject" else "",
            ratings=answer.ratings if answer.verdict == "rate" else {},
            note=answer.note[:LONGEST_NOTE],
            seconds=_seconds(answer.seconds),
            seen_sha256=subject_sha256(item),
            text_version=edited(user, item, answer),
            lease=lease,
            surplus=slot is None,
            round=mine.round,
        )
        if slot:
            slot.state, slot.holder, slot.lease = Slot.State.DECIDED, user, lease
            slot.decision, slot.expires_at = decision, None
            slot.save(update_fields=["state", "holder", "lease", "decision", "expires_at"])
            project(item)
        _end_lease(lease, Lease.End.DECIDED)
        Draft.objects.filter(item=item, user=user).delete()
        return decision


def skip(user: User, item: Item, lease: uuid.UUID, note: str = "", seconds: float | None = None) -> Decision:
    """Not for me: the item goes to others and does not come back to this person. Counts for nobody."""
    with transaction.atomic():
        item = lock_item(item)
        mine = _lease(user, item, lease)
        if earlier := _ended_with(mine, item, Decision.Event.SKIP):
            return earlier
        _give_up_slot(user, item, lease, Lease.End.SKIPPED)
        return _event(mine, item, Decision.Event.SKIP, note, seconds)


def flag(user: User, item: Item, lease: uuid.UUID, note: str = "", seconds: float | None = None) -> Decision:
    """Ask a person: the item leaves the queue until a reviewer has looked at it."""
    with transaction.atomic():
        item = lock_item(item)
        mine = _lease(user, item, lease)
        if earlier := _ended_with(mine, item, Decision.Event.FLAG):
            return earlier
        _give_up_slot(user, item, lease, Lease.End.FLAGGED)
        event = _event(mine, item, Decision.Event.FLAG, note, seconds)
        project(item)
        return event


def send_back(user: User, item: Item, lease: uuid.UUID, note: str, seconds: float | None = None) -> Decision:
    """Ask for another revision of a sample: a language model makes it by the note, and nobody is handed the item meanwhile.

    Once it is there everybody is asked anew; until then what others decided counts on. Raises NotAsked: no note, no model to ask,
    not a sample, or an item that is not open any more.
    """
    with transaction.atomic():
        item = lock_item(item)
        mine = _lease(user, item, lease)
        if earlier := _ended_with(mine, item, Decision.Event.SEND_BACK):
            return earlier
        endpoint = revisions.to_ask(item, note, mine.round)
        _give_up_slot(user, item, lease, Lease.End.SENT_BACK)
        event = _event(mine, item, Decision.Event.SEND_BACK, note, seconds)
        revisions.ask(item, event, endpoint)
        project(item)
        return event


def undo(user: User, decision: Decision) -> Claim | None:
    """Undo one's own decision, skip, flag or sending back by another event; the item is this person's again.

    Returns the new claim (None when a surplus decision was undone, or the slot is somebody else's by now).
    Raises NothingToUndo when it is not theirs, was undone before, or a reviewer has resolved the item or the text was revised since.
    """
    with transaction.atomic():
        item = lock_item(decision.item)
        decision = Decision.objects.select_for_update().get(pk=decision.pk)
        if decision.user_id != user.pk or decision.event == Decision.Event.UNDO:
            raise NothingToUndo("Only your own decisions can be undone by you.")
        if Decision.objects.filter(undoes=decision).exists():
            raise NothingToUndo("This decision was undone already.")
        if decision.event != Decision.Event.RESOLVE and Standing.of(item).final:
            raise NothingToUndo("A reviewer has resolved this item. Ask them to put it back.")
        if decision.round != item.round:
            raise NothingToUndo(
                "The text was revised since: this was about the one before. You are asked anew."
            )
        if decision.event == Decision.Event.SEND_BACK and not revisions.withdraw(decision):
            raise NothingToUndo("No revision is being made any more; the item is back in its queue.")
        Decision.objects.create(
            item=item, user=user, event=Decision.Event.UNDO, undoes=decision, round=item.round
        )
        Slot.objects.filter(decision=decision).update(
            state=Slot.State.OPEN, decision=None, holder=None, lease=None, expires_at=None
        )
        project(item)
        if decision.event == Decision.Event.RESOLVE or decision.surplus:
            return None
        return take_slot(user, item)


def last_undoable(user: User, queue: Queue) -> Decision | None:
    """This person's latest standing decision, skip, flag or sending back in the queue, of those about the present text."""
    mine = Decision.objects.standing().filter(user=user, item__queue=queue, round=F("item__round"))
    mine = mine.exclude(event=Decision.Event.RESOLVE)
    ended = mine.filter(event=Decision.Event.SEND_BACK).exclude(revision__state=Revision.State.ASKED)
    return mine.exclude(pk__in=ended.values("pk")).order_by("-id").first()


def resolve(
    user: User,
    item: Item,
    answer: Answer,
    text_version: TextVersion | None = None,
    only_from: str | None = None,
) -> Decision:
    """A reviewer ends a dispute or answers a flag. The verdict `reopen` puts a flagged item back into the queue.

    `text_version` accepts the text that one of the decisions made. Raises NotAsked when the item waits for
    nobody, or when it is no longer in the state `only_from` that the reviewer saw.
    """
    with transaction.atomic():
        item = lock_item(item)
        waiting = (Item.State.DISPUTED, Item.State.FLAGGED)
        if item.state not in waiting or (only_from and item.state != only_from):
            raise NotAsked(
                "This item no longer waits for a reviewer; somebody resolved it or it was put back."
            )
        if answer.verdict == "reopen":
            if item.state != Item.State.FLAGGED:
                raise NotAsked("Only a flagged item can be put back; resolve a dispute with a verdict.")
        else:
            check(item.queue, answer)
        if text_version is not None and not item.decisions.filter(text_version=text_version).exists():
            raise NotAsked("That text belongs to another item.")
        event = Decision.objects.create(
            item=item,
            user=user,
            event=Decision.Event.RESOLVE,
            verdict=answer.verdict,
            reason=answer.reason if answer.verdict == "reject" else "",
            ratings=answer.ratings if answer.verdict == "rate" else {},
            note=answer.note[:LONGEST_NOTE],
            seconds=_seconds(answer.seconds),
            seen_sha256=subject_sha256(item),
            text_version=text_version or edited(user, item, answer),
            round=item.round,
        )
        project(item)
        return event


def _lease(user: User, item: Item, lease: uuid.UUID) -> Lease:
    """The person's lease of the item. Raises LeaseUnknown."""
    mine = Lease.objects.filter(uuid=lease, item=item, user=user).first()
    if mine is None:
        raise LeaseUnknown("This lease is not yours or not of this item. Claim the item first.")
    return mine


def _ended_with(mine: Lease, item: Item, event: str) -> Decision | None:
    """The event that this lease ended with: asking again is answered again, asking otherwise is refused.

    None while the lease can still decide, though it may have run out. Raises AlreadyDecided.
    """
    if mine.ended_how not in ENDED_BY:
        return None
    earlier = Decision.objects.get(
        lease=mine.uuid, user=mine.user_id, item=item, event=ENDED_BY[mine.ended_how]
    )
    if earlier.event != event or Decision.objects.filter(undoes=earlier).exists():
        raise AlreadyDecided(earlier)
    return earlier


def _slot_for(user: User, item: Item) -> Slot | None:
    """The slot that a person's decision fills; None when it comes too late (surplus)."""
    mine = item.slots.filter(holder=user).first()
    if mine and mine.state == Slot.State.HELD:
        return mine
    if mine and mine.decision:
        raise AlreadyDecided(mine.decision)
    return (
        item.slots.select_for_update(skip_locked=True)
        .filter(state=Slot.State.OPEN)
        .order_by("number")
        .first()
    )


def _give_up_slot(user: User, item: Item, lease: uuid.UUID, how: str) -> None:
    give_back(how, "item_id = %s AND holder_id = %s", [item.pk, user.pk])
    _end_lease(lease, how)


def _event(mine: Lease, item: Item, event: str, note: str, seconds: float | None) -> Decision:
    return Decision.objects.create(
        item=item,
        user_id=mine.user_id,
        event=event,
        lease=mine.uuid,
        round=mine.round,
        note=note[:LONGEST_NOTE],
        seconds=_seconds(seconds),
        seen_sha256=subject_sha256(item),
    )


def _end_lease(lease: uuid.UUID, how: str) -> None:
    Lease.objects.filter(uuid=lease).update(ended_at=timezone.now(), ended_how=how)


def _seconds(seconds: float | None) -> float | None:
    return None if seconds is None else min(max(float(seconds), 0.0), 3600.0)
