"""Extraction: the text that one version of an extractor made of a document. Signals: its heuristics."""

from __future__ import annotations

from django.db import models

from curation.models.document import Document


class Extraction(models.Model):
    """Immutable: a better extractor makes a new one, and the document points at it."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="extractions")
    extractor = models.CharField(max_length=60, help_text="name/version")
    text = models.TextField()
    text_sha256 = models.CharField(max_length=64)
    normal_sha256 = models.CharField(
        max_length=64, blank=True, help_text="Of the normal form, by which exact duplicates are found."
    )
    title = models.CharField(max_length=500, blank=True)
    language = models.CharField(max_length=8, blank=True, help_text='"und" when it is uncertain.')
    language_scores = models.JSONField(
        default=list, blank=True, help_text="Top three as [code, probability]."
    )
    characters = models.IntegerField()
    notes = models.JSONField(
        default=dict, blank=True, help_text="What the extractor or the door changed, and why."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["document", "extractor"], name="extraction_per_version")
        ]
        indexes = [
            models.Index(fields=["normal_sha256"], name="extraction_normal_form"),
            # Few texts have any, and the list of documents asks for them.
            models.Index(
                fields=["document"],
                name="extraction_personal_data",
                condition=models.Q(notes__has_key="found"),
            ),
        ]


class Signals(models.Model):
    """Quality heuristics of an extraction or a passage, by the version of the table that defines them."""

    extraction = models.ForeignKey(
        Extraction, null=True, blank=True, on_delete=models.CASCADE, related_name="signals"
    )
    passage = models.ForeignKey(
        "Passage", null=True, blank=True, on_delete=models.CASCADE, related_name="signals"
    )
    version = models.CharField(max_length=20)
    values = models.JSONField()

    class Meta:
        verbose_name_plural = "signals"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(extraction__isnull=False) ^ models.Q(passage__isnull=False),
                name="signals_have_one_subject",
            ),
            models.UniqueConstraint(
                fields=["extraction", "version"],
                condition=models.Q(extraction__isnull=False),
                name="signals_per_extraction",
            ),
            models.UniqueConstraint(
                fields=["passage", "version"],
                condition=models.Q(passage__isnull=False),
                name="signals_per_passage",
            ),
        ]
