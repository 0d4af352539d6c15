"""Source: where material came from, under which licence."""

from __future__ import annotations

import uuid

from django.db import models

from curation.models.project import Project


class SourceQuerySet(models.QuerySet["Source"]):
    def in_use(self) -> SourceQuerySet:
        return self.filter(archived_at=None, withdrawn_at=None)


class Source(models.Model):
    class Kind(models.TextChoices):
        WEB = "web", "Web"
        CODE = "code", "Code"
        ACADEMIC = "academic", "Academic"
        BOOK = "book", "Book"
        QUESTIONS = "questions", "Questions"
        SYNTHETIC = "synthetic", "Synthetic"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="sources")
    name = models.CharField(max_length=160)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.WEB)
    licence = models.CharField(
        max_length=80,
        blank=True,
        help_text="SPDX identifier, for example CC-BY-4.0. Empty means none stated.",
    )
    any_licence = models.BooleanField(
        default=False,
        db_default=False,
        help_text="A manager takes its material whatever its licence (thresholds: source:UUID).",
    )
    address = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = SourceQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="source_name_per_project")]

    def __str__(self) -> str:
        return self.name
