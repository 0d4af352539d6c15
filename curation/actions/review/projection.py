"""What follows from the events: the states of an item, its slots and its subject."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from curation.actions.review.answers import subject_of
from curation.models import Decision, Item, Revision, Sample, Seed, Slot, TextVersion
from curation.recipe.review.settle import Opinion, Settlement, settle

AFTER_RESOLVING = {"accept": "accepted", "reject": "rejected", "rate": "rated"}


@dataclass(frozen=True, slots=True)
class Standing:
    """The events of an item that stand: what counts, what was flagged, what a reviewer said last."""

    counting: list[Decision]
    flags: list[Decision]
    resolution: Decision | None
    revising: bool = False  # sent back, and the revision is not there yet

    @classmethod
    def of(cls, item: Item) -> Standing:
        events = (
            Decision.objects.standing()
            .filter(item=item)
            .exclude(event__in=[Decision.Event.SKIP, Decision.Event.SEND_BACK])
            .select_related("text_version", "slot")
            .order_by("id")
        )
        resolution = None
        counting, flags = [], []
        for event in events:
            if event.event == Decision.Event.RESOLVE:
                resolution = event
            elif event.event == Decision.Event.FLAG:
                flags.append(event)
            elif hasattr(event, "slot"):
                counting.append(event)
        revising = item.sample_id is not None and Revision.objects.asked().filter(item=item).exists()
        return cls(counting, flags, resolution, revising)

    @property
    def final(self) -> Decision | None:
        """The resolution, when it ended the matter rather than putting the item back."""
        ended = self.resolution and self.resolution.verdict != Decision.Verdict.REOPEN
        return self.resolution if ended else None

    @property
    def flagged(self) -> bool:
        """Flagged since a reviewer last looked."""
        return any(not self.resolution or flag.pk > self.resolution.pk for flag in self.flags)

    @property
    def accepted_version(self) -> TextVersion | None:
        """The text that an accepted item stands for; None for the text as it was."""
        speaking = self.final or next(iter(self.counting), None)
        return speaking.text_version if speaking else None

    def settlement(self, item: Item) -> Settlement:
        if final := self.final:
            ratings = {rubric: float(value) for rubric, value in final.ratings.items()}
            return Settlement(AFTER_RESOLVING[final.verdict], ratings)
        if self.flagged:
            return Settlement("flagged")
        if self.revising:
            return Settlement("revising")
        opinions = [
            Opinion(one.verdict, one.text_version.sha256 if one.text_version else "", one.ratings)
            for one in self.counting
        ]
        return settle(opinions, item.wanted, item.queue.dispute_gap)


def project(item: Item) -> None:
    """Make the item's state, its slots and its subject follow from the events."""
    standing = Standing.of(item)
    settlement = standing.settlement(item)
    was_open, item.state, item.result = item.state == Item.State.OPEN, settlement.state, settlement.result
    settled = item.state not in (Item.State.OPEN, Item.State.FLAGGED, Item.State.REVISING)
    item.settled_at = (item.settled_at or timezone.now()) if settled else None
    item.save(update_fields=["state", "result", "settled_at"])
    if item.state != Item.State.OPEN and len(standing.counting) < item.wanted:
        item.slots.filter(state=Slot.State.OPEN).update(state=Slot.State.CLOSED)
    elif item.state == Item.State.OPEN and not was_open:
        item.slots.filter(state=Slot.State.CLOSED).update(state=Slot.State.OPEN)
    _project_subject(item, standing)


def _project_subject(item: Item, standing: Standing) -> None:
    """A seed or sample is rejected when any settled item rejects it, approved when one accepts and none rejects."""
    subject = subject_of(item)
    if not isinstance(subject, Seed | Sample) or subject.state == "withdrawn":
        return
    decided = [Item.State.ACCEPTED, Item.State.REJECTED]
    others = list(
        Item.objects.filter(**{item.queue.card.subject: subject}, state__in=decided)
        .exclude(pk=item.pk)
        .order_by("settled_at", "id")
    )
    states = {item.state, *(other.state for other in others)}
    accepted = [other for other in others if other.state == Item.State.ACCEPTED]
    before = (subject.state, subject.text_version_id)
    subject.text_version = None
    if Item.State.REJECTED in states:
        subject.state = "rejected"
    elif item.state == Item.State.ACCEPTED:
        subject.state, subject.text_version = "approved", standing.accepted_version
    elif accepted:
        subject.state, subject.text_version = "approved", Standing.of(accepted[-1]).accepted_version
    else:
        subject.state = "approved" if _accepted_by_verdicts(subject) else "candidate"
    if (subject.state, subject.text_version_id) != before:
        subject.save(update_fields=["state", "text_version"])


def _accepted_by_verdicts(subject: Seed | Sample) -> bool:
    """Whether a run accepted a sample without asking people: so it stands until one of them rejects it."""
    if not isinstance(subject, Sample) or subject.rank is None or subject.candidate is None:
        return False
    return not subject.candidate.run.by_people
