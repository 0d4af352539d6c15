"""ProjectMap: where each passage lies on the two-dimensional picture of a project."""

from __future__ import annotations

import uuid

from django.db import models

from curation.models.embedding import EmbeddingModel
from curation.models.job import Job
from curation.models.project import Project


class ProjectMap(models.Model):
    """`points` is a little-endian array of (passage id int64, x uint16, y uint16), in the order of ids. Replaced as a whole."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="maps")
    model = models.ForeignKey(EmbeddingModel, on_delete=models.PROTECT, related_name="+")
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    method = models.CharField(max_length=80, help_text="How the picture was made, with its version.")
    count = models.IntegerField()
    left_aside = models.IntegerField(
        default=0, db_default=0, help_text="Passages beyond what a map can show."
    )
    points = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
