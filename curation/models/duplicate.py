"""What is known of two texts that may say the same: drawn pairs for people, what they ruled, and bands of MinHash."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q

from curation.models.passage import Passage
from curation.models.project import Project
from curation.models.user import User


class DuplicatePair(models.Model):
    """Two passages that were close, drawn for people to judge: precision by threshold is read off their answers."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="duplicate_pairs")
    left = models.ForeignKey(Passage, on_delete=models.CASCADE, related_name="+")
    right = models.ForeignKey(Passage, on_delete=models.CASCADE, related_name="+")
    cosine = models.FloatField()
    jaccard = models.FloatField(null=True, blank=True, help_text="of their 5-word shingles")
    weight = models.FloatField(
        default=1.0, db_default=1.0, help_text="How many pairs of its stratum it was drawn to stand for."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["left", "right"], name="pair_once"),
            models.CheckConstraint(condition=Q(left__lt=F("right")), name="pair_is_ordered"),
        ]


class DuplicateRuling(models.Model):
    """A person's word on two texts, by their content: `same` or not. Holds for every passage with these texts, now and
    later, until it is taken back. The latest standing one of a pair counts."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="duplicate_rulings")
    left_sha256 = models.CharField(max_length=64)
    right_sha256 = models.CharField(max_length=64)
    same = models.BooleanField()
    preferred_sha256 = models.CharField(
        max_length=64, blank=True, db_default="", help_text="Of two that are the same: the one to keep."
    )
    batch = models.UUIDField(null=True, blank=True, help_text="The ruling on a cluster that it came with.")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    taken_back_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(left_sha256__lt=F("right_sha256")), name="ruling_is_ordered")
        ]
        indexes = [
            models.Index(fields=["project", "left_sha256", "right_sha256"], name="ruling_of_pair"),
            models.Index(fields=["project", "batch"], name="ruling_of_batch"),
        ]


class LexicalBand(models.Model):
    """One band of a passage's MinHash: passages that share one are candidates. `version` names the hash family."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    passage = models.ForeignKey(Passage, on_delete=models.CASCADE, related_name="+")
    version = models.PositiveSmallIntegerField()
    band = models.PositiveSmallIntegerField()
    value = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["project", "value", "band"], name="band_shared")]
        constraints = [models.UniqueConstraint(fields=["passage", "version", "band"], name="band_once")]
