"""Snapshot: a frozen export. The number shown before it was made equals the rows written."""

from __future__ import annotations

import uuid

from django.db import connection, models

from curation.models.job import Job
from curation.models.project import Project
from curation.models.user import User

#: What joins a snapshot's rows to what they were made of, with `gone` for a row that may not be used any more.
_STANDING = {
    "documents": """LEFT JOIN curation_document d ON d.id = r.subject_id
        CROSS JOIN LATERAL (SELECT d.id IS NULL OR d.withdrawn_at IS NOT NULL AS gone) AS is_gone""",
    "passages": """LEFT JOIN curation_passage p ON p.id = r.subject_id LEFT JOIN curation_document d ON d.id = p.document_id
        CROSS JOIN LATERAL (SELECT d.id IS NULL OR d.withdrawn_at IS NOT NULL AS gone) AS is_gone""",
    "seeds": """LEFT JOIN curation_seed s ON s.id = r.subject_id LEFT JOIN curation_passage p ON p.id = s.passage_id
        LEFT JOIN curation_document d ON d.id = p.document_id CROSS JOIN LATERAL (
            SELECT s.id IS NULL OR s.state = 'withdrawn' OR d.withdrawn_at IS NOT NULL AS gone) AS is_gone""",
    "samples": """LEFT JOIN curation_sample m ON m.id = r.subject_id LEFT JOIN curation_passage p ON p.id = m.passage_id
        LEFT JOIN curation_document d ON d.id = p.document_id CROSS JOIN LATERAL (
            SELECT m.id IS NULL OR m.state = 'withdrawn' OR d.withdrawn_at IS NOT NULL AS gone) AS is_gone""",
}


class Snapshot(models.Model):
    class What(models.TextChoices):
        DOCUMENTS = "documents", "Documents"
        PASSAGES = "passages", "Passages"
        SEEDS = "seeds", "Seeds"
        SAMPLES = "samples", "Samples"

    class State(models.TextChoices):
        FROZEN = "frozen", "Being written"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="snapshots")
    what = models.CharField(max_length=10, choices=What.choices)
    format = models.CharField(max_length=10)
    filters = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.FROZEN)
    rows = models.BigIntegerField(default=0)
    left_out = models.JSONField(default=dict, blank=True, help_text="{reason: count}")
    licences = models.JSONField(default=dict, blank=True, help_text="{licence: rows}")
    versions = models.JSONField(
        default=dict, blank=True, help_text="scorers, extractor, thresholds, libraries"
    )
    manifest = models.JSONField(default=dict, blank=True)
    folder = models.CharField(max_length=300, blank=True)
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.PROTECT, related_name="snapshots")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_what_display()} {self.created_at:%Y-%m-%d %H:%M}"

    def withdrawn_since(self) -> int:
        """How many of its rows have been withdrawn, or have left the project, since it was made."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT count(*) FROM curation_snapshotrow r {_STANDING[self.what]}
                     WHERE r.snapshot_id = %s AND gone""",
                [self.pk],
            )
            return int(cursor.fetchone()[0])


class SnapshotRow(models.Model):
    """One row that a snapshot froze: which subject, with which content."""

    # Rows are only ever inserted together with their snapshot, in one statement; a check per row would double its time.
    snapshot = models.ForeignKey(
        Snapshot, on_delete=models.PROTECT, related_name="frozen_rows", db_constraint=False, db_index=False
    )
    ordinal = models.BigIntegerField()
    subject_id = models.BigIntegerField(help_text="Primary key in the table that `snapshot.what` names.")
    subject_uuid = models.UUIDField()
    text_version_id = models.BigIntegerField(null=True, blank=True)
    extraction_id = models.BigIntegerField(
        null=True, blank=True, help_text="Of a document: the text that was current."
    )
    content_sha256 = models.CharField(max_length=64)
    facts = models.TextField(
        db_default="{}",
        blank=True,
        help_text="JSON: everything of the row that can change and is not text (licence, scores, counts, places). "
        "It is only ever written out again, so it is kept as it will be read.",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["snapshot", "ordinal"], name="snapshot_place")]
        indexes = [models.Index(fields=["subject_uuid"], name="snapshot_of_subject")]


class SnapshotFile(models.Model):
    """One finished file of a snapshot: a shard of its rows, or the list of them."""

    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="files")
    ordinal = models.IntegerField(help_text="Place of the shard, from 0; the list of rows comes last.")
    name = models.CharField(max_length=100)
    rows = models.BigIntegerField()
    bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        ordering = ["ordinal"]
        constraints = [models.UniqueConstraint(fields=["snapshot", "ordinal"], name="snapshot_file_place")]

    def __str__(self) -> str:
        return self.name
