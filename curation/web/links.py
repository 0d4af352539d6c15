"""Addresses of pages by name: "" for a page that does not exist."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.urls import NoReverseMatch, reverse

from curation.models import Project


def link(page: str, project: Project | None = None, **place: Any) -> str:
    """The address of `area:page` in a project (or outside of projects)."""
    given = {"project": project.slug, **place} if project else place
    if not _exists(page, tuple(sorted(given))):
        return ""
    return reverse(page, kwargs=given)


@cache
def _exists(page: str, names: tuple[str, ...]) -> bool:
    """Whether an address of that name takes these arguments: tried with a slug and with an id."""
    for sample in ("00000000-0000-0000-0000-000000000000", "x", 1):
        try:
            reverse(page, kwargs={name: "x" if name == "project" else sample for name in names})
        except NoReverseMatch:
            continue
        return True
    return False
