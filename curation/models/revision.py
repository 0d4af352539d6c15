"""Revision: what a sent-back item waits for. A person's decision asks for it, a language model makes it, or it comes to nothing by name."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from curation.models.decision import Decision
from curation.models.job import Job
from curation.models.queue import Item
from curation.models.sample import SampleStep
from curation.models.text_version import TextVersion
from curation.models.user import User


class RevisionQuerySet(models.QuerySet["Revision"]):
    def asked(self) -> RevisionQuerySet:
        return self.filter(state=Revision.State.ASKED)


class Revision(models.Model):
    """While one is asked for, its item waits. One that was made has its text and the step that says how it came about."""

    class State(models.TextChoices):
        ASKED = "asked", "Being made"
        MADE = "made", "Made"
        FAILED = "failed", "Came to nothing"
        TAKEN_BACK = "taken_back", "Taken back"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="revisions")
    decision = models.OneToOneField(
        Decision, on_delete=models.PROTECT, related_name="revision", help_text="What sent the item back."
    )
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.ASKED)
    before = models.ForeignKey(
        TextVersion,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The text that was sent back; empty: the sample's own.",
    )
    text_version = models.OneToOneField(
        TextVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="revision"
    )
    step = models.OneToOneField(
        SampleStep, null=True, blank=True, on_delete=models.PROTECT, related_name="revision"
    )
    reason = models.CharField(max_length=40, blank=True, help_text="Name of why it came to nothing.")
    detail = models.CharField(max_length=400, blank=True)
    ended_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = RevisionQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["item"], condition=Q(state="asked"), name="one_revision_asked_per_item"
            ),
            models.CheckConstraint(
                condition=(
                    Q(state="made", text_version__isnull=False, step__isnull=False)
                    | (~Q(state="made") & Q(text_version__isnull=True, step__isnull=True))
                ),
                name="revision_made_has_its_text",
            ),
            models.CheckConstraint(
                condition=Q(state="failed") & ~Q(reason="") | ~Q(state="failed"),
                name="revision_fails_by_name",
            ),
        ]
