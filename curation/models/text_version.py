"""TextVersion: an edit by a person, or a revision by a language model. The text it came from is never changed."""

from __future__ import annotations

from django.db import models

from curation.models.call import Call
from curation.models.passage import Passage
from curation.models.project import Project
from curation.models.sample import Sample
from curation.models.seed import Seed
from curation.models.user import User


class TextVersion(models.Model):
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    passage = models.ForeignKey(
        Passage, null=True, blank=True, on_delete=models.PROTECT, related_name="versions"
    )
    seed = models.ForeignKey(Seed, null=True, blank=True, on_delete=models.PROTECT, related_name="versions")
    sample = models.ForeignKey(
        Sample, null=True, blank=True, on_delete=models.PROTECT, related_name="versions"
    )
    text = models.TextField()
    messages = models.JSONField(null=True, blank=True)
    sha256 = models.CharField(max_length=64)
    author = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Empty: a model."
    )
    call = models.ForeignKey(
        Call,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="text_versions",
        help_text="The call that said it, where a model wrote it.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=(
                    models.Q(passage__isnull=False, seed__isnull=True, sample__isnull=True)
                    | models.Q(passage__isnull=True, seed__isnull=False, sample__isnull=True)
                    | models.Q(passage__isnull=True, seed__isnull=True, sample__isnull=False)
                ),
                name="text_version_has_one_subject",
            ),
            models.CheckConstraint(
                condition=models.Q(author__isnull=False, call__isnull=True)
                | models.Q(author__isnull=True, call__isnull=False),
                name="text_version_has_one_author",
            ),
        ]
