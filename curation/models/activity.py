"""Activity: the audit log of a project. Who did what, to what, when."""

from __future__ import annotations

from django.db import models

from curation.models.project import Project
from curation.models.user import User


class Activity(models.Model):
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.PROTECT, related_name="activity"
    )
    actor = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    verb = models.CharField(max_length=60, help_text='For example "imported", "paused queue".')
    subject = models.CharField(max_length=300, blank=True)
    details = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "activity"
        indexes = [models.Index(fields=["project", "-id"], name="activity_newest")]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject}"
