"""Import: one act of bringing files into a source, with its mapping, files and refused rows."""

from __future__ import annotations

import uuid

from django.db import models

from curation.models.job import Job
from curation.models.project import Project
from curation.models.source import Source
from curation.models.stored_file import StoredFile
from curation.models.user import User


class Import(models.Model):
    """Its counts are derived from rows: documents first seen by it, occurrences it added, rows it refused."""

    class What(models.TextChoices):
        DOCUMENTS = "documents", "Documents"
        SAMPLES = "samples", "Samples"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="imports")
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="imports")
    what = models.CharField(max_length=10, choices=What.choices, default=What.DOCUMENTS)
    mapping = models.JSONField(default=dict, blank=True)
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.PROTECT, related_name="imports")
    undo_job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    counts = models.JSONField(default=dict, blank=True, help_text="Written once, when the job has ended.")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Import {self.pk} into {self.source}"


class ImportFile(models.Model):
    batch = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="files")
    stored_file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(
        max_length=1000, help_text="The name it came with; its suffixes choose the reader."
    )
    mappings = models.JSONField(
        default=dict,
        blank=True,
        help_text="The whole mapping each table in it was read with, by the table's path in the archive.",
    )

    address = models.CharField(
        max_length=2000, blank=True, db_default="", help_text="Where it was fetched from."
    )
    charset = models.CharField(
        max_length=40, blank=True, db_default="", help_text="The encoding that HTTP stated of its text."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["batch", "name"], name="import_file_name")]

    def __str__(self) -> str:
        return self.name


class RejectedRow(models.Model):
    """A row that could not be read. The good rows of its file stay."""

    batch = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="rejected_rows")
    file = models.CharField(max_length=1000)
    member = models.CharField(max_length=1000, blank=True, help_text="Path inside an archive.")
    row = models.BigIntegerField(default=0, help_text="1-based, as an editor shows it; 0 for a whole file.")
    reason = models.TextField()
    excerpt = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "file", "member", "row"], name="one_rejection_per_row")
        ]
