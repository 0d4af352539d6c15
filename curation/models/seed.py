"""Seed: a passage or a question chosen to generate from."""

from __future__ import annotations

import uuid

from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Now

from curation.models.job import Job
from curation.models.passage import Passage
from curation.models.project import Project


class Seed(models.Model):
    class State(models.TextChoices):
        CANDIDATE = "candidate", "Candidate"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"

    uuid = models.UUIDField(default=uuid.uuid4, db_default=RandomUUID(), unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="seeds")
    passage = models.ForeignKey(
        Passage, null=True, blank=True, on_delete=models.PROTECT, related_name="seeds"
    )
    text = models.TextField(blank=True, db_default="", help_text="Only of a seed that is no passage of ours.")
    text_sha256 = models.CharField(max_length=64)
    text_version = models.ForeignKey(
        "TextVersion",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The edited text that was approved; empty when it was approved as it stands.",
    )
    state = models.CharField(
        max_length=10, choices=State.choices, default=State.CANDIDATE, db_default="candidate"
    )
    tags = models.JSONField(default=dict, db_default={}, blank=True)
    chosen_by = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "passage"],
                condition=models.Q(passage__isnull=False),
                name="seed_of_passage",
            ),
            models.UniqueConstraint(
                fields=["project", "text_sha256"],
                condition=models.Q(passage__isnull=True),
                name="seed_of_text",
            ),
        ]
        indexes = [models.Index(fields=["project", "state", "-id"], name="seed_by_state")]

    def __str__(self) -> str:
        return f"Seed {self.uuid}"

    @property
    def original_text(self) -> str:
        return self.passage.text if self.passage else self.text

    @property
    def current_text(self) -> str:
        return self.text_version.text if self.text_version else self.original_text
