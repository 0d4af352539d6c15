"""Prompt and PromptVersion: what a language model is asked, in versions that never change. Every answer says which one asked."""

from __future__ import annotations

import uuid

from django.db import models

from curation.models.project import Project
from curation.models.user import User
from curation.recipe.llm.prompts import Part, Template


class Prompt(models.Model):
    """A prompt by its key; ours has no project, a project's own stands beside it."""

    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.PROTECT, related_name="prompts"
    )
    key = models.SlugField(max_length=40)
    name = models.CharField(max_length=120)

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
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["prompt", "number"]
        constraints = [models.UniqueConstraint(fields=["prompt", "number"], name="prompt_version")]

    def __str__(self) -> str:
        return f"{self.prompt.key}/{self.number}"

    @property
    def template(self) -> Template:
        return Template(tuple(Part(one["role"], one["template"]) for one in self.parts), self.schema)
