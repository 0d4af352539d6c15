"""Projects with their thresholds, sources, imports, and the log of what was done."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
)

from curation.actions import imports, projects
from curation.admin.scoped import Long, ProjectFilter, Scoped, choice_filter, confirmed, each, set_filter
from curation.admin.site import site
from curation.models import Activity, Document, Import, Job, Project, Source
from curation.recipe.knobs import KNOBS, Knobs


class ProjectForm(forms.ModelForm):
    """A project with one field per knob, beside the columns."""

    languages = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Language codes to keep, for example en, de. Empty keeps every language.",
    )

    class Meta:
        model = Project
        fields = ("name", "description", "languages", "guidelines")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            current = asdict(self.instance.settings)
            self.initial["languages"] = ", ".join(self.instance.languages)
            for name in KNOBS:
                self.initial[f"knob_{name}"] = current[name]

    def clean_languages(self) -> list[str]:
        try:
            return projects.clean_languages(self.cleaned_data["languages"].replace(",", " ").split())
        except projects.ProjectError as error:
            raise forms.ValidationError(str(error)) from error


def _knob_field(name: str) -> forms.Field:
    knob, ours = KNOBS[name], asdict(Knobs())[name]
    whole = isinstance(ours, int)
    unit = f" {knob.unit}" if knob.unit else ""
    said = f"{knob.help} {knob.minimum:g} to {knob.maximum:g}{unit}. Our default, which no paper gives: {ours:g}."
    kind: Any = forms.IntegerField if whole else forms.FloatField
    widget = (
        UnfoldAdminIntegerFieldWidget() if whole else UnfoldAdminDecimalFieldWidget(attrs={"step": "any"})
    )
    return kind(
        label=knob.title,
        help_text=said,
        required=False,
        min_value=knob.minimum,
        max_value=knob.maximum,
        widget=widget,
    )


ProjectForm.base_fields |= {f"knob_{name}": _knob_field(name) for name in KNOBS}
ProjectForm.declared_fields |= {f"knob_{name}": ProjectForm.base_fields[f"knob_{name}"] for name in KNOBS}


@admin.register(Project, site=site)
class ProjectAdmin(Scoped):
    project_path = ""
    editable = True
    form = ProjectForm
    list_display = ("name", "in_use", "member_count", "document_count", "running", "created_at")
    list_filter = (set_filter("archived", "archived_at", "Archived", "In use"),)
    ordering = ("name",)
    search_fields = ("name", "slug", "description")
    search_help_text = "Name, address or description"
    readonly_fields = ("slug", "uuid", "created_by", "created_at", "archived_at")
    fieldsets = (
        (None, {"fields": ("name", "description", "languages", "guidelines")}),
        (
            "Thresholds and decisions (ours, not the paper's)",
            {"fields": tuple(f"knob_{name}" for name in KNOBS)},
        ),
        ("About", {"fields": ("slug", "uuid", "created_by", "created_at", "archived_at")}),
    )
    actions = ("archive", "restore")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        documents = Document.objects.filter(project=OuterRef("pk")).order_by().values("project")
        active = Q(jobs__state__in=[Job.State.WAITING, Job.State.RUNNING])
        return (
            super()
            .get_queryset(request)
            .annotate(
                members=Count("memberships", distinct=True),
                running_jobs=Count("jobs", filter=active, distinct=True),
                documents_in_all=Subquery(documents.annotate(count=Count("pk")).values("count")),
            )
        )

    @display(description="state", label={"In use": "success", "Archived": "warning"})
    def in_use(self, project: Project) -> str:
        return "Archived" if project.archived_at else "In use"

    @display(description="members", ordering="members")
    def member_count(self, project: Any) -> str:
        return f"{project.members:,}"

    @display(description="documents", ordering="documents_in_all")
    def document_count(self, project: Any) -> str:
        return f"{project.documents_in_all or 0:,}"

    @display(description="running jobs", ordering="running_jobs")
    def running(self, project: Any) -> str:
        return f"{project.running_jobs:,}"

    def save_model(self, request: HttpRequest, obj: Project, form: Any, change: bool) -> None:
        """Through the actions, as the settings page does it."""
        values, stored = form.cleaned_data, Project.objects.get(pk=obj.pk)
        user: Any = request.user
        about = {name: values[name] for name in ("name", "description", "languages", "guidelines")}
        projects.change_project(stored, user, **about)
        ours = asdict(Knobs())
        knobs = {name: values[f"knob_{name}"] for name in KNOBS}
        try:
            projects.change_knobs(stored, user, {n: ours[n] if v is None else v for n, v in knobs.items()})
        except projects.ProjectError as error:
            self.message_user(request, f"The thresholds stay as they were. {error}", messages.ERROR)

    @admin.action(description="Archive")
    @confirmed(
        "They leave everybody's lists and hand out no more items. Nothing is deleted; they can be restored."
    )
    def archive(self, request: HttpRequest, queryset: QuerySet[Project]) -> None:
        user: Any = request.user
        each(request, queryset, lambda project: projects.archive_project(project, user), "archived")

    @admin.action(description="Restore")
    def restore(self, request: HttpRequest, queryset: QuerySet[Project]) -> None:
        user: Any = request.user
        each(request, queryset, lambda project: projects.restore_project(project, user), "in use again")


@admin.register(Source, site=site)
class SourceAdmin(Scoped):
    editable = True
    list_display = ("name", "project", "kind", "licence", "document_count", "standing", "created_at")
    list_select_related = ("project",)
    list_filter = (
        ProjectFilter,
        choice_filter("kind", "kind", lambda: Source.Kind.choices),
        set_filter("archived", "archived_at", "Archived", "In use"),
    )
    search_fields = ("name", "licence", "address")
    search_help_text = "Name, licence or address"
    fields = (
        "name",
        "kind",
        "licence",
        "address",
        "project",
        "uuid",
        "created_at",
        "archived_at",
        "withdrawn_at",
    )
    readonly_fields = ("project", "uuid", "created_at", "archived_at", "withdrawn_at")
    actions = ("archive", "restore")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found = Document.objects.filter(occurrences__source=OuterRef("pk")).order_by()
        counted = (
            found.values("occurrences__source").annotate(count=Count("pk", distinct=True)).values("count")
        )
        return super().get_queryset(request).annotate(documents_in_all=Subquery(counted))

    @display(description="documents", ordering="documents_in_all")
    def document_count(self, source: Any) -> str:
        return f"{source.documents_in_all or 0:,}"

    @display(description="state", label={"In use": "success", "Archived": "warning", "Withdrawn": "danger"})
    def standing(self, source: Source) -> str:
        return "Withdrawn" if source.withdrawn_at else "Archived" if source.archived_at else "In use"

    def save_model(self, request: HttpRequest, obj: Source, form: Any, change: bool) -> None:
        user: Any = request.user
        values = {name: form.cleaned_data[name] for name in ("name", "kind", "licence", "address")}
        imports.change_source(Source.objects.select_related("project").get(pk=obj.pk), user, **values)

    @admin.action(description="Archive")
    @confirmed("Their documents leave what is approved until they are restored. Nothing is deleted.")
    def archive(self, request: HttpRequest, queryset: QuerySet[Source]) -> None:
        user: Any = request.user
        each(request, queryset, lambda source: imports.archive_source(source, user), "archived")

    @admin.action(description="Restore")
    def restore(self, request: HttpRequest, queryset: QuerySet[Source]) -> None:
        user: Any = request.user
        each(request, queryset, lambda source: imports.restore_source(source, user), "in use again")


@admin.register(Import, site=site)
class ImportAdmin(Scoped):
    list_display = (
        "uuid",
        "source",
        "project",
        "what",
        "file_count",
        "rejected",
        "job_state",
        "created_by",
        "created_at",
    )
    list_select_related = ("source", "project", "job", "created_by")
    list_filter = (
        ProjectFilter,
        choice_filter("what", "what", lambda: Import.What.choices),
        choice_filter("job", "job__state", lambda: Job.State.choices),
        set_filter("undone", "undone_at", "Undone", "Standing"),
    )
    search_fields = ("source__name", "files__name", "uuid")
    search_help_text = "Source, file or id"
    fields = (
        "source",
        "project",
        "what",
        "mapping",
        "counts",
        "job",
        "created_by",
        "created_at",
        "undone_at",
    )
    ordering = ("-id",)
    actions = ("undo",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                files_in_all=Count("files", distinct=True),
                rejected_in_all=Count("rejected_rows", distinct=True),
            )
        )

    @display(description="files", ordering="files_in_all")
    def file_count(self, batch: Any) -> str:
        return f"{batch.files_in_all:,}"

    @display(description="rejected rows", ordering="rejected_in_all")
    def rejected(self, batch: Any) -> str:
        return f"{batch.rejected_in_all:,}"

    @display(description="state", label=True)
    def job_state(self, batch: Import) -> str:
        if batch.undone_at:
            return "Undone"
        return batch.job.get_state_display() if batch.job else "Not started"

    @admin.action(description="Undo")
    @confirmed(
        "Documents that only they brought leave the project; what people decided on is withdrawn, not deleted."
    )
    def undo(self, request: HttpRequest, queryset: QuerySet[Import]) -> None:
        user: Any = request.user
        each(request, queryset, lambda batch: imports.undo_import(batch, user), "are being undone")


@admin.register(Activity, site=site)
class ActivityAdmin(Long):
    list_display = ("created_at", "who", "verb", "subject", "project")
    list_display_links = None
    list_select_related = ("project", "actor")
    list_filter = (ProjectFilter,)
    search_fields = ("verb", "subject", "actor__email")
    search_help_text = "What was done, to what, or by whom"

    @display(description="who", empty_value="The command line")
    def who(self, entry: Activity) -> Any:
        return entry.actor or None
