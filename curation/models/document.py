"""Document: one distinct page, paper, book or file in a project. Occurrence: one place it was found in."""

from __future__ import annotations

import uuid

from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Now

from curation.models.importing import Import
from curation.models.project import Project
from curation.models.source import Source
from curation.models.stored_file import StoredFile


class DocumentQuerySet(models.QuerySet["Document"]):
    def kept(self) -> DocumentQuerySet:
        return self.filter(left_out="")


class Document(models.Model):
    """Identity is the SHA-256 of its raw bytes (for a table row: of the mapped body field).

    It points into a stored file: the archive `member`, the 1-based `row` of a table, and, where the file can
    be seeked, `offset` and `length` in bytes.
    """

    uuid = models.UUIDField(default=uuid.uuid4, db_default=RandomUUID(), unique=True, editable=False)
    # Without an index of its own: the lists' indexes start with it, and imports pay for each one.
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="documents", db_index=False)
    sha256 = models.CharField(max_length=64)
    title = models.CharField(max_length=500, blank=True, db_default="")
    address = models.CharField(max_length=2000, blank=True, db_default="")
    media_type = models.CharField(max_length=80)
    size = models.BigIntegerField(help_text="bytes")
    stored_file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    member = models.CharField(max_length=1000, blank=True, db_default="")
    row = models.BigIntegerField(default=0, db_default=0)
    offset = models.BigIntegerField(null=True, blank=True)
    length = models.BigIntegerField(null=True, blank=True)
    first_import = models.ForeignKey(Import, on_delete=models.PROTECT, related_name="documents")
    extraction = models.ForeignKey(
        "Extraction",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The current one; older ones stay.",
    )
    language = models.CharField(max_length=8, blank=True, db_default="")
    characters = models.IntegerField(null=True, blank=True, help_text="of the current extraction")
    topic = models.CharField(
        max_length=30, blank=True, db_default="", help_text="Key of recipe.scoring.topics.TOPICS."
    )
    assessed_at = models.DateTimeField(null=True, blank=True)
    left_out = models.CharField(
        max_length=40, blank=True, db_default="", help_text="Key of recipe.reasons.REASONS."
    )
    left_out_detail = models.CharField(max_length=400, blank=True, db_default="")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = DocumentQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        # The hash first: imports look up by it, and no index that starts with the project may seem as good.
        constraints = [
            models.UniqueConstraint(fields=["sha256", "project"], name="document_once_per_project")
        ]
        indexes = [
            models.Index(fields=["project", "-id"], name="document_newest"),
            models.Index(fields=["project", "left_out", "-id"], name="document_by_reason"),
            models.Index(fields=["project", "language", "-id"], name="document_by_language"),
        ]

    def __str__(self) -> str:
        return self.title or self.address or self.sha256[:12]


class Occurrence(models.Model):
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="occurrences")
    # Without an index of its own: the constraint starts with it.
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="occurrences", db_index=False)
    batch = models.ForeignKey(Import, on_delete=models.PROTECT, related_name="occurrences")
    stored_file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    file = models.CharField(
        max_length=1000, blank=True, db_default="", help_text="The name the file came with."
    )
    member = models.CharField(max_length=1000, blank=True, db_default="")
    row = models.BigIntegerField(default=0, db_default=0)
    address = models.CharField(max_length=2000, blank=True, db_default="")
    title = models.CharField(max_length=500, blank=True, db_default="")
    licence = models.CharField(max_length=80, blank=True, db_default="")
    meta = models.JSONField(default=dict, db_default={}, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["source", "stored_file", "member", "row"], name="occurrence_once")
        ]
