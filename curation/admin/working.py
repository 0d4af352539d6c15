"""Background work and what came out of it: jobs, their pieces and mishaps, exports."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from curation.admin.scoped import Long, ProjectFilter, Scoped, choice_filter, confirmed, each
from curation.admin.site import site
from curation.jobs import control
from curation.jobs.kinds import KINDS
from curation.models import Chunk, Job, Mishap, Snapshot

STATE_LABELS = {
    "Done": "success",
    "Failed": "danger",
    "Running": "info",
    "Waiting": "warning",
    "Ready": "success",
}


@admin.register(Job, site=site)
class JobAdmin(Scoped):
    list_display = (
        "title",
        "project",
        "state_shown",
        "progress_shown",
        "mishap_count",
        "created_by",
        "created_at",
        "finished_at",
    )
    list_select_related = ("project", "created_by")
    list_filter = (
        ProjectFilter,
        choice_filter("state", "state", lambda: Job.State.choices),
        choice_filter("kind", "kind", lambda: [(name, kind.title) for name, kind in KINDS.items()]),
    )
    search_fields = ("=uuid", "kind", "reason")
    search_help_text = "Id, kind, or words of a failure"
    ordering = ("-id",)
    fields = (
        "uuid",
        "title",
        "project",
        "state_shown",
        "reason",
        "progress_shown",
        "pieces",
        "options",
        "result",
        "created_by",
        "created_at",
        "started_at",
        "finished_at",
    )
    readonly_fields = fields
    actions = ("cancel", "resume")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        chunks = Chunk.objects.filter(job=OuterRef("pk")).order_by().values("job")
        done = Q(state=Chunk.State.DONE)
        mishaps = Mishap.objects.filter(job=OuterRef("pk")).order_by().values("job")
        return (
            super()
            .get_queryset(request)
            .annotate(
                total=Subquery(chunks.annotate(sum=Sum("size")).values("sum")),
                finished=Subquery(chunks.annotate(sum=Sum("size", filter=done)).values("sum")),
                mishaps_in_all=Subquery(mishaps.annotate(count=Count("pk")).values("count")),
            )
        )

    @display(description="job")
    def title(self, job: Job) -> str:
        return KINDS[job.kind].title if job.kind in KINDS else job.kind

    @display(description="state", label=STATE_LABELS, ordering="state")
    def state_shown(self, job: Job) -> str:
        return job.get_state_display()

    @display(description="progress")
    def progress_shown(self, job: Any) -> str:
        if not job.total:
            return "–"
        unit = KINDS[job.kind].unit if job.kind in KINDS else ""
        return f"{job.finished or 0:,} of {job.total:,} {unit}"

    @display(description="mishaps", ordering="mishaps_in_all")
    def mishap_count(self, job: Any) -> str:
        return f"{job.mishaps_in_all or 0:,}"

    @display(description="pieces")
    def pieces(self, job: Job) -> str:
        """Links to its chunks and mishaps."""
        return format_html(
            '<a class="text-primary-700 dark:text-primary-400" href="{}?job={}">Pieces</a> · '
            '<a class="text-primary-700 dark:text-primary-400" href="{}?job={}">Mishaps</a>',
            reverse("admin:curation_chunk_changelist"),
            job.uuid,
            reverse("admin:curation_mishap_changelist"),
            job.uuid,
        )

    @admin.action(description="Cancel")
    @confirmed("They stop between two batches. What was saved stays, and they can be resumed.")
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        each(request, queryset, control.cancel, "cancelled")

    @admin.action(description="Resume")
    def resume(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        each(request, queryset, control.resume, "resumed")


class JobIdFilter(admin.SimpleListFilter):
    """By the job's id: what the links on a job's page use."""

    title = "job"
    parameter_name = "job"

    def has_output(self) -> bool:
        return True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(self.value() or "", "this job")] if self.value() else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        try:
            return queryset.filter(job__uuid=UUID(self.value()))
        except ValueError:
            return queryset.none()


@admin.register(Chunk, site=site)
class ChunkAdmin(Long):
    project_path = "job__project"
    list_display = (
        "job",
        "ordinal",
        "state_shown",
        "size",
        "done",
        "dropped",
        "failed",
        "attempt",
        "worker",
        "error",
    )
    list_select_related = ("job__project",)
    list_filter = (JobIdFilter, ProjectFilter, choice_filter("state", "state", lambda: Chunk.State.choices))
    search_fields = ("error", "worker")
    search_help_text = "Words of an error, or a worker"

    @display(description="state", label=STATE_LABELS)
    def state_shown(self, chunk: Chunk) -> str:
        return chunk.get_state_display()


@admin.register(Mishap, site=site)
class MishapAdmin(Long):
    project_path = "job__project"
    list_display = ("created_at", "job", "subject", "reason", "detail")
    list_select_related = ("job__project",)
    list_filter = (JobIdFilter, ProjectFilter)
    search_fields = ("subject", "reason", "detail")
    search_help_text = "What failed, or why"


@admin.register(Snapshot, site=site)
class SnapshotAdmin(Scoped):
    list_display = ("what", "format", "project", "row_count", "state_shown", "created_by", "created_at")
    list_select_related = ("project", "created_by")
    list_filter = (
        ProjectFilter,
        choice_filter("what", "what", lambda: Snapshot.What.choices),
        choice_filter("state", "state", lambda: Snapshot.State.choices),
    )
    search_fields = ("=uuid", "created_by__email")
    search_help_text = "Id, or who made it"
    ordering = ("-id",)
    fields = (
        "uuid",
        "what",
        "format",
        "project",
        "state_shown",
        "row_count",
        "filters",
        "left_out",
        "licences",
        "versions",
        "job",
        "created_by",
        "created_at",
    )
    readonly_fields = fields

    @display(description="rows", ordering="rows")
    def row_count(self, snapshot: Snapshot) -> str:
        return f"{snapshot.rows:,}"

    @display(description="state", label=STATE_LABELS, ordering="state")
    def state_shown(self, snapshot: Snapshot) -> str:
        return snapshot.get_state_display()
