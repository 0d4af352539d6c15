"""What follows from the events: the states of an item, its slots and its subject."""

from __future__ import annotations

from django.utils import timezone

from curation.actions.review.answers import subject_of
from curation.models import Decision, Item, Sample, Seed, Slot, TextVersion
from curation.recipe.review.cards import CARDS
from curation.recipe.review.settle import Opinion, settle


def resolution_of(item: Item) -> Decision | None:
    return item.decisions.standing().filter(event=Decision.Event.RESOLVE).order_by("-id").first()


def project(item: Item) -> None:
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
    if resolution := resolution_of(item):
        return resolution.text_version
    first = Decision.objects.filter(slot__item=item).select_related("text_version").order_by("id").first()
    return first.text_version if first else None
