"""Runs: what is generated from which seeds, how far it is, and the levers that stop it. They are set up and read on their own pages."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from curation.admin.scoped import ProjectFilter, Scoped, choice_filter, confirmed, each
from curation.admin.site import site
from curation.jobs import steering
from curation.models import Run, Spending
from curation.models.run import STANDINGS
from curation.recipe.generate.workflows import WORKFLOWS

#: A standing's tone on the studio's pages, as the panel colours a label.
TONES = {"good": "success", "bad": "danger", "warn": "warning", "info": "info"}
COLOURS = {one.title: TONES[one.tone] for one in STANDINGS.values() if one.tone in TONES}


@admin.register(Run, site=site)
class RunAdmin(Scoped):
    list_display = (
        "name",
        "project",
        "workflow_title",
        "model",
        "standing_shown",
        "accepted_of",
        "created_by",
        "created_at",
    )
    list_select_related = ("project", "created_by", "job")
    list_filter = (
        ProjectFilter,
        choice_filter("workflow", "workflow", lambda: [(key, one.title) for key, one in WORKFLOWS.items()]),
        choice_filter("accepting", "accepting", lambda: Run.Accepting.choices),
        choice_filter("ended", "ended", lambda: Run.Ended.choices),
    )
    search_fields = ("=uuid", "name", "model")
    search_help_text = "Id, name or model"
    ordering = ("-id",)
    fields = (
        "uuid",
        "name",
        "project",
        "page",
        "workflow_title",
        "model",
        "standing_shown",
        "accepted_of",
        "most_candidates",
        "spent",
        "accepting",
        "required",
        "source",
        "job",
        "created_by",
        "created_at",
    )
    readonly_fields = fields
    actions = ("pause", "resume", "cancel")

    @display(description="workflow", ordering="workflow")
    def workflow_title(self, run: Run) -> str:
        return WORKFLOWS[run.workflow].title if run.workflow in WORKFLOWS else run.workflow

    @display(description="state", label=COLOURS)
    def standing_shown(self, run: Run) -> str:
        return run.said.title

    @display(description="accepted", ordering="accepted")
    def accepted_of(self, run: Run) -> str:
        return f"{run.accepted:,} of {run.target:,}"

    @display(description="budget")
    def spent(self, run: Run) -> str:
        said = {**run.bounds, **Spending.objects.of(run.job).told}
        return " · ".join(f"{key.replace('_', ' ')} {value}" for key, value in said.items())

    @display(description="page")
    def page(self, run: Run) -> str:
        """Where its losses, calls and samples are."""
        return format_html(
            '<a class="text-primary-700 dark:text-primary-400" href="{}">Losses, calls and samples</a>',
            reverse("runs:run", kwargs={"project": run.project.slug, "run": run.uuid}),
        )

    @admin.action(description="Pause")
    def pause(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        _each(request, queryset, steering.pause, "paused")

    @admin.action(description="Resume")
    def resume(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        _each(request, queryset, steering.resume, "resumed")

    @admin.action(description="Cancel")
    @confirmed("Nothing new is asked. What was made stays, and they can be resumed.")
    def cancel(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        _each(request, queryset, steering.cancel, "cancelled")


def _each(request: HttpRequest, runs: QuerySet[Run], act: Any, done: str) -> None:
    """Do it to every run, in the name of whoever asked."""
    each(request, runs, partial(act, by=request.user), done)
