"""Claiming, deciding, undoing: everything that changes an item, its slots and its decisions.

A person claims a slot, holds it by a short lease that the open page renews, and fills it with a decision.
Decisions are events; the states of slots, items and subjects are projections that `_project` makes of them.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from curation.models import (
    Activity,
    Decision,
    Draft,
    Item,
    Lease,
    Queue,
    Sample,
    Seed,
    Slot,
    TextVersion,
    User,
)
from curation.recipe.review.cards import CARDS, Card
from curation.recipe.review.settle import Opinion, settle

LEASE = timedelta(minutes=12)
MOST_HELD = 10  # per person and queue; more would take the queue away from everybody else
PAUSE_ENDS_SITTING = timedelta(minutes=30)
LONGEST_NOTE = 10_000
LONGEST_DRAFT = 1_000_000


class ReviewError(Exception):
    """What was asked cannot be done; the message says why and what to do. `code` names it for the API."""

    code = "refused"


class NotAsked(ReviewError):
    """The answer does not fit the question."""

    code = "invalid"


class LeaseUnknown(ReviewError):
    code = "lease_unknown"


class LeaseGone(ReviewError):
    code = "lease_gone"


class AlreadyDecided(ReviewError):
    code = "already_decided"

    def __init__(self, decision: Decision) -> None:
        super().__init__("You have decided on this item already. Undo that decision to change it.")
        self.decision = decision


class TooManyHeld(ReviewError):
    code = "too_many_held"


class NothingToUndo(ReviewError):
    code = "nothing_to_undo"


class DraftConflict(ReviewError):
    """Another tab saved a newer draft: `draft` is that one; keep both and let the person choose."""

    code = "draft_conflict"

    def __init__(self, draft: Draft) -> None:
        super().__init__("This item has a newer draft from another tab.")
        self.draft = draft


@dataclass(frozen=True, slots=True)
class Claim:
    item_id: int
    lease: uuid.UUID
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person concluded. `text` or `messages` is the edited text they accept; None leaves it as it stands."""

    verdict: str
    reason: str = ""
    ratings: dict[str, int] = field(default_factory=dict)
    note: str = ""
    text: str | None = None
    messages: list[dict[str, str]] | None = None
    seconds: float | None = None


# Claiming

CLAIM = """
    WITH pick AS (
        SELECT s.id FROM curation_slot s
         WHERE s.queue_id = %(queue)s AND s.state = 'open' AND s.position > {after}
           AND EXISTS (SELECT 1 FROM curation_queue q
                        WHERE q.id = %(queue)s AND q.paused_at IS NULL AND q.archived_at IS NULL)
           AND NOT EXISTS (SELECT 1 FROM curation_slot mine
                            WHERE mine.item_id = s.item_id AND mine.holder_id = %(user)s)
           AND NOT EXISTS (SELECT 1 FROM curation_decision d
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
        INSERT INTO curation_lease (uuid, item_id, user_id, claimed_at, ended_how)
        SELECT lease, item_id, %(user)s, now(), '' FROM taken
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
    parameters = {"queue": queue_id, "user": user_id, "lease": LEASE, "pause": PAUSE_ENDS_SITTING}
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
    ]


def claim_item(user: User, item: Item) -> Claim | None:
    """This very item again, for a page that was reloaded or slept: as it is held, or taken anew.

    None when it is not free for this person: they have answered it, or others fill its slots, or it is paused.
    """
    with transaction.atomic():
        item = _lock(item)
        if item.queue.paused_at or item.queue.archived_at or item.state != Item.State.OPEN:
            return None
        mine = item.slots.filter(holder=user, state=Slot.State.HELD).first()
        if mine and mine.lease and mine.expires_at:
            return Claim(item.pk, mine.lease, mine.expires_at)
        answers = [Decision.Event.DECIDE, Decision.Event.SKIP, Decision.Event.FLAG]
        if Decision.objects.standing().filter(item=item, user=user, event__in=answers).exists():
            return None
        return _claim_item(user, item)


def renew(user: User, lease: uuid.UUID) -> datetime:
    """Prolong a lease that is still mine and return when it ends. Raises LeaseGone otherwise."""
    expires_at = timezone.now() + LEASE
    mine = Slot.objects.filter(lease=lease, holder=user, state=Slot.State.HELD)
    if not mine.update(expires_at=expires_at):
        raise LeaseGone("This item is no longer yours. What you typed is kept as a draft.")
    return expires_at


def release(user: User, lease: uuid.UUID) -> bool:
    """Give an item back. False when the lease had ended already."""
    return bool(_open_slots(Lease.End.RELEASED, "lease = %s AND holder_id = %s", [lease, user.pk]))


def free(slot: Slot, by: User) -> bool:
    """A manager takes an item back from whoever holds it; their late decision would still be kept."""
    with transaction.atomic():
        freed = bool(_open_slots(Lease.End.FREED, "id = %s", [slot.pk]))
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
        return _open_slots(Lease.End.RELEASED, "holder_id = %s", [user.pk])
    return _open_slots(Lease.End.RELEASED, "holder_id = %s AND queue_id = %s", [user.pk, queue.pk])


def expire_leases(queue: Queue | None = None) -> int:
    """Open every slot whose lease has run out. Returns how many."""
    if queue is None:
        return _open_slots(Lease.End.EXPIRED, "expires_at < now()", [])
    return _open_slots(Lease.End.EXPIRED, "expires_at < now() AND queue_id = %s", [queue.pk])


def _open_slots(how: str, where: str, parameters: list[Any]) -> int:
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


# Deciding


def decide(user: User, item: Item, lease: uuid.UUID, answer: Answer) -> Decision:
    """Record a decision under a lease. The same lease again returns the same decision.

    A lease that ran out still decides: into a slot that is open, or, when all are filled, as *surplus*.
    Raises NotAsked (the answer does not fit), LeaseUnknown, AlreadyDecided.
    """
    with transaction.atomic():
        item = _lock(item)
        if earlier := _decided_under(user, item, lease, Decision.Event.DECIDE):
            return earlier
        card = CARDS[item.queue.kind]
        _check(card, answer)
        slot = _slot_for(user, item, lease)
        decision = Decision.objects.create(
            item=item,
            user=user,
            event=Decision.Event.DECIDE,
            verdict=answer.verdict,
            reason=answer.reason if answer.verdict == "reject" else "",
            ratings=answer.ratings if answer.verdict == "rate" else {},
            note=answer.note[:LONGEST_NOTE],
            seconds=_seconds(answer.seconds),
            seen_sha256=_subject_sha256(item),
            text_version=_edited(user, item, answer),
            lease=lease,
            surplus=slot is None,
        )
        if slot:
            slot.state, slot.holder, slot.lease = Slot.State.DECIDED, user, lease
            slot.decision, slot.expires_at = decision, None
            slot.save(update_fields=["state", "holder", "lease", "decision", "expires_at"])
            _project(item)
        _end_lease(lease, Lease.End.DECIDED)
        Draft.objects.filter(item=item, user=user).delete()
        return decision


def skip(user: User, item: Item, lease: uuid.UUID, note: str = "", seconds: float | None = None) -> Decision:
    """Not for me: the item goes to others and does not come back to this person. Counts for nobody."""
    with transaction.atomic():
        item = _lock(item)
        if earlier := _decided_under(user, item, lease, Decision.Event.SKIP):
            return earlier
        _must_know(user, item, lease)
        _give_up_slot(user, item, Lease.End.SKIPPED)
        return _event(user, item, Decision.Event.SKIP, lease, note, seconds)


def flag(user: User, item: Item, lease: uuid.UUID, note: str = "", seconds: float | None = None) -> Decision:
    """Ask a person: the item leaves the queue until a reviewer has looked at it."""
    with transaction.atomic():
        item = _lock(item)
        if earlier := _decided_under(user, item, lease, Decision.Event.FLAG):
            return earlier
        _must_know(user, item, lease)
        _give_up_slot(user, item, Lease.End.FLAGGED)
        event = _event(user, item, Decision.Event.FLAG, lease, note, seconds)
        _project(item)
        return event


def undo(user: User, decision: Decision) -> Claim | None:
    """Undo one's own decision, skip or flag by another event; the item is this person's again.

    Returns the new claim (None when a surplus decision was undone, or the slot is somebody else's by now).
    Raises NothingToUndo when it is not theirs, was undone before, or a reviewer has resolved the item since.
    """
    with transaction.atomic():
        item = _lock(decision.item)
        decision = Decision.objects.select_for_update().get(pk=decision.pk)
        if decision.user_id != user.pk or decision.event == Decision.Event.UNDO:
            raise NothingToUndo("Only your own decisions can be undone by you.")
        if Decision.objects.filter(undoes=decision).exists():
            raise NothingToUndo("This decision was undone already.")
        resolution = _resolved(item)
        if decision.event != Decision.Event.RESOLVE and resolution and resolution.verdict != "reopen":
            raise NothingToUndo("A reviewer has resolved this item. Ask them to put it back.")
        Decision.objects.create(item=item, user=user, event=Decision.Event.UNDO, undoes=decision)
        Slot.objects.filter(decision=decision).update(
            state=Slot.State.OPEN, decision=None, holder=None, lease=None, expires_at=None
        )
        _project(item)
        if decision.event == Decision.Event.RESOLVE or decision.surplus:
            return None
        return _claim_item(user, item)


def last_undoable(user: User, queue: Queue) -> Decision | None:
    """This person's latest standing decision, skip or flag in the queue."""
    mine = (
        Decision.objects.standing().filter(user=user, item__queue=queue).exclude(event=Decision.Event.RESOLVE)
    )
    return mine.order_by("-id").first()


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
        item = _lock(item)
        waiting = (Item.State.DISPUTED, Item.State.FLAGGED)
        if item.state not in waiting or (only_from and item.state != only_from):
            raise NotAsked(
                "This item no longer waits for a reviewer; somebody resolved it or it was put back."
            )
        if answer.verdict == "reopen":
            if item.state != Item.State.FLAGGED:
                raise NotAsked("Only a flagged item can be put back; resolve a dispute with a verdict.")
        else:
            _check(CARDS[item.queue.kind], answer)
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
            seen_sha256=_subject_sha256(item),
            text_version=text_version or _edited(user, item, answer),
        )
        _project(item)
        return event


# Drafts


def save_draft(user: User, item: Item, payload: dict[str, Any], base: int) -> Draft | None:
    """Keep what is being typed. `base` is the version it was typed on (0 for none).

    None when this person has decided meanwhile: a draft never outranks a decision. Raises DraftConflict when
    another tab saved since, NotAsked when it is too large.
    """
    if len(json.dumps(payload)) > LONGEST_DRAFT:
        raise NotAsked("This draft is too long to keep.")
    with transaction.atomic():
        mine = Decision.objects.standing().filter(item=item, user=user, event=Decision.Event.DECIDE)
        if mine.exists():
            return None
        draft, created = Draft.objects.select_for_update().get_or_create(
            item=item, user=user, defaults={"payload": payload}
        )
        if created or draft.payload == payload:
            return draft
        if draft.version != base:
            raise DraftConflict(draft)
        draft.payload, draft.version = payload, draft.version + 1
        draft.save(update_fields=["payload", "version", "updated_at"])
        return draft


# Pieces


def _lock(item: Item) -> Item:
    return (
        Item.objects.select_for_update(of=("self",))
        .select_related("queue", "passage", "seed__passage", "sample")
        .defer("passage__search", "seed__passage__search", "sample__search")
        .get(pk=item.pk)
    )


def _decided_under(user: User, item: Item, lease: uuid.UUID, event: str) -> Decision | None:
    """The event that this lease ended with: asking again is answered again, asking otherwise is refused."""
    earlier = (
        Decision.objects.filter(lease=lease, user=user, item=item)
        .exclude(event__in=[Decision.Event.UNDO, Decision.Event.RESOLVE])
        .first()
    )
    if earlier is None:
        return None
    if earlier.event != event or Decision.objects.filter(undoes=earlier).exists():
        raise AlreadyDecided(earlier)
    return earlier


def _must_know(user: User, item: Item, lease: uuid.UUID) -> None:
    if not Lease.objects.filter(uuid=lease, item=item, user=user).exists():
        raise LeaseUnknown("This lease is not yours or not of this item. Claim the item first.")


def _slot_for(user: User, item: Item, lease: uuid.UUID) -> Slot | None:
    """The slot that a decision under this lease fills; None when it comes too late (surplus)."""
    _must_know(user, item, lease)
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


def _give_up_slot(user: User, item: Item, how: str) -> None:
    _open_slots(how, "item_id = %s AND holder_id = %s", [item.pk, user.pk])


def _claim_item(user: User, item: Item) -> Claim | None:
    slot = item.slots.select_for_update().filter(state=Slot.State.OPEN).order_by("number").first()
    if slot is None or item.slots.filter(holder=user).exists():
        return None
    lease = Lease.objects.create(item=item, user=user)
    slot.state, slot.holder, slot.lease = Slot.State.HELD, user, lease.uuid
    slot.expires_at = timezone.now() + LEASE
    slot.save(update_fields=["state", "holder", "lease", "expires_at"])
    return Claim(item.pk, lease.uuid, slot.expires_at)


def _event(
    user: User, item: Item, event: str, lease: uuid.UUID, note: str, seconds: float | None
) -> Decision:
    return Decision.objects.create(
        item=item,
        user=user,
        event=event,
        lease=lease,
        note=note[:LONGEST_NOTE],
        seconds=_seconds(seconds),
        seen_sha256=_subject_sha256(item),
    )


def _end_lease(lease: uuid.UUID, how: str) -> None:
    Lease.objects.filter(uuid=lease).update(ended_at=timezone.now(), ended_how=how)


def _seconds(seconds: float | None) -> float | None:
    return None if seconds is None else min(max(float(seconds), 0.0), 3600.0)


def _check(card: Card, answer: Answer) -> None:
    """Raise NotAsked unless the answer fits the card's question."""
    if answer.verdict not in card.verdicts:
        raise NotAsked(f"A {card.kind} queue asks for {' or '.join(card.verdicts)}, not {answer.verdict!r}.")
    if answer.verdict == "reject":
        known = [reason.key for reason in card.reject_reasons]
        if answer.reason not in known:
            raise NotAsked(f"Give a reason for rejecting: one of {', '.join(known)}.")
        if answer.reason == "other" and not answer.note.strip():
            raise NotAsked("Say in the note what the other reason is.")
    if answer.verdict == "rate":
        for rubric in card.rubrics:
            rating = answer.ratings.get(rubric)
            if isinstance(rating, bool) or not isinstance(rating, int) or not 0 <= rating <= 5:
                raise NotAsked(f"Rate {rubric} value from 0 to 5.")
        if unknown := set(answer.ratings) - set(card.rubrics):
            raise NotAsked(f"This queue does not ask for {', '.join(sorted(unknown))}.")
    if answer.verdict != "accept" and (answer.text is not None or answer.messages is not None):
        raise NotAsked("An edited text goes with accepting it.")


def subject_of(item: Item) -> Seed | Sample | Any:
    """The passage, seed or sample that an item is about."""
    return getattr(item, CARDS[item.queue.kind].subject)


def _subject_sha256(item: Item) -> str:
    subject = subject_of(item)
    version = getattr(subject, "text_version", None)
    return version.sha256 if version else subject.text_sha256


def _edited(user: User, item: Item, answer: Answer) -> TextVersion | None:
    """Make a text version of an edit; None when nothing was edited. Raises NotAsked for an empty text."""
    subject = subject_of(item)
    if isinstance(subject, Seed):
        return _new_version(user, item, {"seed": subject}, subject.original_text, answer.text)
    if isinstance(subject, Sample):
        messages = _edited_messages(subject, answer)
        if messages is not None:
            if messages == subject.messages:
                return None
            text = "\n\n".join(message["content"] for message in messages)
            return _new_version(user, item, {"sample": subject}, None, text, messages)
        return _new_version(user, item, {"sample": subject}, subject.text, answer.text)
    return None


def _edited_messages(sample: Sample, answer: Answer) -> list[dict[str, str]] | None:
    """The messages as edited: given whole, or `text` as the new content of the last one."""
    if not sample.messages:
        if answer.messages is not None:
            raise NotAsked("This sample is plain text; send `text`.")
        return None
    if answer.messages is not None:
        before = [message["role"] for message in sample.messages]
        if [message.get("role") for message in answer.messages] != before:
            raise NotAsked("An edit keeps the number and the roles of the messages.")
        if not all(str(message.get("content", "")).strip() for message in answer.messages):
            raise NotAsked("A message cannot be empty. Reject the sample instead.")
        return [
            {**old, "content": str(new["content"])}
            for old, new in zip(sample.messages, answer.messages, strict=True)
        ]
    if answer.text is not None:
        if not answer.text.strip():
            raise NotAsked("A message cannot be empty. Reject the sample instead.")
        return [*sample.messages[:-1], {**sample.messages[-1], "content": answer.text}]
    return None


def _new_version(
    user: User,
    item: Item,
    subject: dict[str, Any],
    before: str | None,
    text: str | None,
    messages: list[dict[str, str]] | None = None,
) -> TextVersion | None:
    if text is None:
        return None
    text = text.replace("\r\n", "\n").replace("\x00", "")
    if text == before:
        return None
    if not text.strip():
        raise NotAsked("The text cannot be empty. Reject the item instead.")
    content = json.dumps(messages, sort_keys=True, ensure_ascii=False) if messages else text
    return TextVersion.objects.create(
        project_id=item.queue.project_id,
        author=user,
        text=text,
        messages=messages,
        sha256=hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest(),
        **subject,
    )


# Projections


def _resolved(item: Item) -> Decision | None:
    return item.decisions.standing().filter(event=Decision.Event.RESOLVE).order_by("-id").first()


def _project(item: Item) -> None:
    """Make the item's state, its slots and its subject follow from the events."""
    asked = list(item.decisions.standing().filter(event__in=[Decision.Event.FLAG, Decision.Event.RESOLVE]))
    resolution = next((one for one in reversed(asked) if one.event == Decision.Event.RESOLVE), None)
    flagged = any(
        one.event == Decision.Event.FLAG for one in asked if not resolution or one.pk > resolution.pk
    )
    result: dict[str, float] = {}
    if resolution and resolution.verdict != Decision.Verdict.REOPEN:
        state = {"accept": "accepted", "reject": "rejected", "rate": "rated"}[resolution.verdict]
        result = {rubric: float(value) for rubric, value in resolution.ratings.items()}
    elif flagged:
        state = Item.State.FLAGGED.value
    else:
        settlement = settle(_opinions(item), item.wanted, item.queue.dispute_gap)
        state, result = settlement.state, settlement.result
    settled = state not in (Item.State.OPEN, Item.State.FLAGGED)
    item.state, item.result = state, result
    item.settled_at = (item.settled_at or timezone.now()) if settled else None
    item.save(update_fields=["state", "result", "settled_at"])
    if state == Item.State.OPEN:
        item.slots.filter(state=Slot.State.CLOSED).update(state=Slot.State.OPEN)
    else:
        item.slots.filter(state=Slot.State.OPEN).update(state=Slot.State.CLOSED)
    _project_subject(item)


def _opinions(item: Item) -> list[Opinion]:
    counting = Decision.objects.filter(slot__item=item).select_related("text_version").order_by("id")
    return [Opinion(d.verdict, d.text_version.sha256 if d.text_version else "", d.ratings) for d in counting]


def _project_subject(item: Item) -> None:
    """A seed or sample is rejected when any settled item rejects it, approved when one accepts and none rejects."""
    subject = subject_of(item)
    if not isinstance(subject, Seed | Sample) or subject.state == "withdrawn":
        return
    settled = list(
        Item.objects.filter(**{CARDS[item.queue.kind].subject: subject})
        .filter(state__in=[Item.State.ACCEPTED, Item.State.REJECTED])
        .order_by("settled_at", "id")
    )
    states = {one.state for one in settled}
    if Item.State.REJECTED in states:
        subject.state, subject.text_version = "rejected", None
    elif Item.State.ACCEPTED in states:
        accepted = [one for one in settled if one.state == Item.State.ACCEPTED][-1]
        subject.state, subject.text_version = "approved", _accepted_version(accepted)
    else:
        subject.state, subject.text_version = "candidate", None
    subject.save(update_fields=["state", "text_version"])


def _accepted_version(item: Item) -> TextVersion | None:
    if resolution := _resolved(item):
        return resolution.text_version
    first = Decision.objects.filter(slot__item=item).select_related("text_version").order_by("id").first()
    return first.text_version if first else None
