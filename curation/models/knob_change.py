"""KnobChange: thresholds that were moved, as one event that a job applies and another undoes."""

from __future__ import annotations

import uuid

from django.db import models

from curation.models.job import Job
from curation.models.passage import Passage
from curation.models.project import Project
from curation.models.user import User


class KnobChange(models.Model):
    """`before` and `after` hold the knobs that moved (for a topic's floor: `topic:NAME`), `counts` how many rows changed
    their verdict when it was applied. An undoing is a change of its own that names what it undoes."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="knob_changes")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    counts = models.JSONField(default=dict, blank=True)
    undoes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="undone_by"
    )
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["project", "-id"], name="knob_change_latest")]


class TakenBack(models.Model):
    """A candidate that a change took back because its passage no longer passed, with its places in queues: an undoing puts
    exactly this back. `seed` and `items` are the rows as they were."""

    change = models.ForeignKey(KnobChange, on_delete=models.CASCADE, related_name="taken_back")
    passage = models.ForeignKey(Passage, on_delete=models.CASCADE, related_name="+", db_index=False)
    seed = models.JSONField()
    items = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["passage", "change"], name="taken_back_once")]
