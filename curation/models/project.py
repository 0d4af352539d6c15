"""Project: a team's workspace and the boundary of everything. Membership: who may do what in it."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower

from curation.models.user import User
from curation.recipe.knobs import Knobs, knobs_from


class Role(models.TextChoices):
    ANNOTATOR = "annotator", "Annotator"
    REVIEWER = "reviewer", "Reviewer"
    MANAGER = "manager", "Manager"

    @property
    def rank(self) -> int:
        return [Role.ANNOTATOR, Role.REVIEWER, Role.MANAGER].index(self)


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, user: Any) -> ProjectQuerySet:
        """Projects this person may see: all for a site admin, otherwise those they are a member of."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        return self if user.is_superuser else self.filter(memberships__user=user)

    def managed_by(self, user: Any) -> ProjectQuerySet:
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(memberships__user=user, memberships__role=Role.MANAGER)

    def current(self) -> ProjectQuerySet:
        return self.filter(archived_at=None)


class Project(models.Model):
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=400, blank=True)
    guidelines = models.TextField(blank=True, help_text="Markdown. Shown beside every item under review.")
    languages = ArrayField(
        models.CharField(max_length=8),
        default=list,
        blank=True,
        help_text="Language codes to keep, for example en, de. Empty keeps every language.",
    )
    knobs = models.JSONField(default=dict, blank=True)
    topic_floors = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        help_text="{topic: least educational value}, where it differs from the project's.",
    )
    coverage_wanted = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        help_text="{axis: {value: weight}}, where more or less is wanted of samples than evenly.",
    )
    accepted_licences = ArrayField(
        models.CharField(max_length=80, blank=True),
        default=list,
        db_default=[],
        blank=True,
        help_text="SPDX identifiers that go on where only accepted licences do; an empty one stands for none stated.",
    )
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = [Lower("name")]

    def __str__(self) -> str:
        return self.name

    @property
    def settings(self) -> Knobs:
        """The project's knobs over our defaults."""
        return knobs_from(self.knobs)


class Membership(models.Model):
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["project_id", "user_id"]
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="one_role_per_project")]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()}"
