"""Decision: what a person concluded of an item. Events, never changed; undone only by another event."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from curation.models.queue import Item
from curation.models.text_version import TextVersion
from curation.models.user import User


class DecisionQuerySet(models.QuerySet["Decision"]):
    def standing(self) -> DecisionQuerySet:
        """Those that no later event undid, without the undo events themselves."""
        return self.exclude(event=Decision.Event.UNDO).filter(undone_by=None)


class Decision(models.Model):
    class Event(models.TextChoices):
        DECIDE = "decide", "Decided"
        SKIP = "skip", "Skipped"
        FLAG = "flag", "Flagged"
        SEND_BACK = "send_back", "Sent back"
        UNDO = "undo", "Undone"
        RESOLVE = "resolve", "Resolved"

    class Verdict(models.TextChoices):
        ACCEPT = "accept", "Accept"
        REJECT = "reject", "Reject"
        RATE = "rate", "Rate"
        REOPEN = "reopen", "Put back"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="decisions")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="decisions")
    event = models.CharField(max_length=10, choices=Event.choices)
    verdict = models.CharField(max_length=10, choices=Verdict.choices, blank=True)
    reason = models.CharField(max_length=40, blank=True, help_text="Key of recipe.reasons.REJECT_REASONS.")
    ratings = models.JSONField(default=dict, blank=True, help_text="{rubric: 0-5}")
    note = models.TextField(blank=True)
    seconds = models.FloatField(null=True, blank=True, help_text="of attention, as the page measured them")
    seen_sha256 = models.CharField(max_length=64, blank=True, help_text="of the text that was on screen")
    text_version = models.ForeignKey(
        TextVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="decisions"
    )
    lease = models.UUIDField(null=True, blank=True)
    surplus = models.BooleanField(
        default=False, help_text="Came when the slots were filled: kept, does not count."
    )
    round = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text="Of the item, when its text was read: others do not count any more.",
    )
    undoes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="undone_by"
    )
    batch = models.UUIDField(null=True, blank=True, help_text="The bulk action it came with.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["lease"],
                condition=Q(event__in=["decide", "skip", "flag", "send_back"]),
                name="one_decision_per_lease",
            ),
            models.CheckConstraint(
                condition=Q(event="undo", undoes__isnull=False) | (~Q(event="undo") & Q(undoes__isnull=True)),
                name="undo_names_what_it_undoes",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="decision_mine"),
            models.Index(fields=["item", "user"], name="decision_on_item"),
        ]


class Draft(models.Model):
    """What a person has typed and not yet decided. Never outranks a decision.

    `version` counts saves: a save that is based on an older version is a conflict, and both texts are shown.
    A draft on a text that was revised since stays beside the one on the new text.
    """

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="drafts")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    payload = models.JSONField(default=dict)
    round = models.PositiveSmallIntegerField(default=0, db_default=0)
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "user", "round"], name="one_draft")]
