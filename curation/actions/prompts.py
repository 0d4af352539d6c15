"""Prompts that are the studio's own, as rows, so that every answer can say which version asked."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from curation.models import Prompt, PromptVersion
from curation.recipe.llm.prompts import Template


class PromptChanged(Exception):
    """The words of a version that is stored already differ: they need a number of their own."""


def ensure_version(key: str, name: str, number: int, template: Template) -> PromptVersion:
    """The row of one of our prompts' versions, made when it is first used. Raises PromptChanged."""
    with transaction.atomic():
        prompt, _ = Prompt.objects.get_or_create(project=None, key=key, defaults={"name": name})
        said: dict[str, Any] = {
            "parts": [{"role": one.role, "template": one.template} for one in template.parts],
            "schema": template.schema,
            "sha256": template.sha256,
        }
        version, _ = PromptVersion.objects.get_or_create(prompt=prompt, number=number, defaults=said)
    if version.sha256 != template.sha256:
        raise PromptChanged(
            f"Version {number} of the prompt {key} is stored with other words. Give the new ones number {number + 1}."
        )
    return version
