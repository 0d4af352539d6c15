"""Label: an answer to a rubric that no person of the project gave. People's answers are their standing decisions."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from curation.models.call import Call
from curation.models.document import Document
from curation.models.job import Job
from curation.models.passage import Passage
from curation.models.project import Project
from curation.models.score import Rubric


class Label(models.Model):
    """One value by one annotator (a model under a prompt version). Kept apart from people's; asked again under
    another prompt or model it is another label."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="labels")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, related_name="labels")
    document = models.ForeignKey(
        Document, null=True, blank=True, on_delete=models.CASCADE, related_name="labels"
    )
    passage = models.ForeignKey(
        Passage, null=True, blank=True, on_delete=models.CASCADE, related_name="labels"
    )
    annotator = models.CharField(
        max_length=200, help_text="Model and version of the prompt: `name · prompt/2`."
    )
    value = models.FloatField()
    reasons = models.TextField(blank=True, db_default="", help_text="What the annotator said for it.")
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    call = models.ForeignKey(
        Call,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="labels",
        help_text="Which answer said it.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(document__isnull=False) ^ Q(passage__isnull=False), name="label_has_one_subject"
            ),
            models.CheckConstraint(condition=Q(value__gte=0, value__lte=5), name="label_is_on_the_scale"),
            models.UniqueConstraint(
                fields=["rubric", "annotator", "document"],
                condition=Q(document__isnull=False),
                name="label_of_document",
            ),
            models.UniqueConstraint(
                fields=["rubric", "annotator", "passage"],
                condition=Q(passage__isnull=False),
                name="label_of_passage",
            ),
        ]
        indexes = [models.Index(fields=["project", "rubric", "-id"], name="label_newest")]
