"""Comparison: which passages were close to one when it came. Kept, so that nothing is ever compared twice."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from curation.models.embedding import EmbeddingModel
from curation.models.job import Job
from curation.models.passage import Passage
from curation.models.project import Project


class Comparison(models.Model):
    """A passage was compared with every one that had been compared before it, and with those before it in its own job.

    `others` are the passages that may be duplicates of it (verified; at most `closeness.MOST`), with their cosines and, of 5-word
    shingles, their Jaccards: by a cosine of `floor` or more, or by wording whatever the cosine. A pair stands in the row of
    whichever came later. Passages that are gone may still be named.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    passage = models.ForeignKey(Passage, on_delete=models.CASCADE, related_name="+")
    model = models.ForeignKey(EmbeddingModel, on_delete=models.CASCADE, related_name="+")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    version = models.PositiveSmallIntegerField(help_text="of the guards and shingles")
    floor = models.FloatField(help_text="least cosine")
    others = ArrayField(models.BigIntegerField(), default=list)
    cosines = ArrayField(models.FloatField(), default=list)
    jaccards = ArrayField(models.FloatField(), default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["passage", "model"], name="compared_once")]
        indexes = [models.Index(fields=["project", "model"], name="comparison_of_project")]
