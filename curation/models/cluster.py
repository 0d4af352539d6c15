"""Cluster: passages that duplicate each other, with the one that represents them."""

from __future__ import annotations

import uuid

from django.db import models

from curation.models.embedding import EmbeddingModel
from curation.models.job import Job
from curation.models.passage import Passage
from curation.models.project import Project


class Cluster(models.Model):
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="clusters")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    model = models.ForeignKey(EmbeddingModel, on_delete=models.PROTECT, related_name="+")
    threshold = models.FloatField(help_text="cosine")
    rule = models.CharField(max_length=60, help_text="How the representative was chosen, with its version.")
    representative = models.ForeignKey(Passage, on_delete=models.CASCADE, related_name="represents")
    size = models.IntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["project", "-size", "-id"], name="cluster_largest")]


class ClusterMember(models.Model):
    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="members")
    passage = models.ForeignKey(Passage, on_delete=models.CASCADE, related_name="cluster_memberships")
    similarity = models.FloatField(help_text="cosine to the representative; 1 for itself")
    jaccard = models.FloatField(
        null=True,
        blank=True,
        help_text="of 5-word shingles with the representative, where it was found by words",
    )

    class Meta:
        ordering = ["-similarity", "id"]
        constraints = [models.UniqueConstraint(fields=["cluster", "passage"], name="cluster_member_once")]
