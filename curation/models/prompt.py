"""Prompt and PromptVersion: what a language model is asked, in versions that never change. Every answer says which one asked."""

from __future__ import annotations

import uuid

from django.db import models

from curation.models.project import Project
from curation.models.user import User
from curation.recipe.llm.prompts import Part, Template
from curation.recipe.llm.wording import label


class Prompt(models.Model):
    """A prompt by its key; ours has no project, a project's own stands beside it.

    `in_force` is the project's choice among its own versions; without one, and where a project has no prompt of its own, ours is asked.
    """

    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.PROTECT, related_name="prompts"
    )
    key = models.SlugField(max_length=40)
    name = models.CharField(max_length=120)
    in_force = models.ForeignKey(
        "PromptVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    chosen_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    chosen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "key"], name="prompt_key", nulls_distinct=False)
        ]

    def __str__(self) -> str:
        return self.name


class PromptVersion(models.Model):
    """The words of one version. Immutable: the database refuses a change; other words are the next number."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    parts = models.JSONField(help_text="[{role, template}]: Jinja, sandboxed.")
    schema = models.JSONField(null=True, blank=True, help_text="JSON schema of the answer; empty for prose.")
    sha256 = models.CharField(max_length=64)
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The version whose words these were before they were edited.",
    )
    note = models.CharField(max_length=200, blank=True, db_default="", help_text="What was changed, and why.")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["prompt", "number"]
        constraints = [models.UniqueConstraint(fields=["prompt", "number"], name="prompt_version")]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """What samples call it; a project's own is told from ours."""
        return label(self.prompt.key, self.number, own=self.prompt.project_id is not None)

    @property
    def template(self) -> Template:
        return Template(tuple(Part(one["role"], one["template"]) for one in self.parts), self.schema)
