"""Passage: a span of an extraction. What is scored, embedded, searched and reviewed."""

from __future__ import annotations

import uuid

from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from curation.models.document import Document
from curation.models.extraction import Extraction
from curation.models.project import Project


class PassageQuerySet(models.QuerySet["Passage"]):
    def kept(self) -> PassageQuerySet:
        return self.filter(left_out="")


class Passage(models.Model):
    """`extraction.text[start:end] == text`, in code points. Its text never changes; `left_out` does, and where the same text stands in
    a better extraction of its document, the passage moves there with its place."""

    uuid = models.UUIDField(default=uuid.uuid4, db_default=RandomUUID(), unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="passages")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="passages")
    extraction = models.ForeignKey(Extraction, on_delete=models.CASCADE, related_name="passages")
    ordinal = models.IntegerField(help_text="0-based place in its document.")
    start = models.IntegerField()
    end = models.IntegerField()
    heading = models.CharField(max_length=300, blank=True)
    text = models.TextField()
    text_sha256 = models.CharField(max_length=64)
    normal_sha256 = models.CharField(
        max_length=64,
        blank=True,
        db_default="",
        help_text="Of the normal form, by which exact duplicates are found.",
    )
    tokens = models.IntegerField(help_text="by the embedding model's tokenizer")
    language = models.CharField(max_length=8, blank=True)
    left_out = models.CharField(
        max_length=40, blank=True, db_default="", help_text="Key of recipe.reasons.REASONS."
    )
    left_out_detail = models.CharField(max_length=400, blank=True, db_default="")
    search = SearchVectorField(null=True, editable=False)

    objects = PassageQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["extraction", "ordinal"], name="passage_place")]
        indexes = [
            models.Index(fields=["project", "-id"], name="passage_newest"),
            models.Index(fields=["project", "left_out", "-id"], name="passage_by_reason"),
            models.Index(fields=["project", "language", "-id"], name="passage_by_language"),
            models.Index(fields=["project", "text_sha256"], name="passage_by_text"),
            models.Index(fields=["text_sha256"], name="passage_of_embedding"),
            models.Index(fields=["project", "normal_sha256"], name="passage_normal_form"),
            GinIndex(fields=["search"], name="passage_search"),
        ]

    def __str__(self) -> str:
        return f"Passage {self.ordinal + 1} of {self.document_id}"
