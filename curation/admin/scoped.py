"""What every list of the panel shares: rows, choices and filters of the projects one manages, and nothing deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import DropdownFilter
from unfold.paginator import InfinitePaginator

from curation.actions.imports import ImportRefused
from curation.actions.people import PeopleError
from curation.actions.projects import ProjectError
from curation.actions.queues import QueueError
from curation.jobs.control import NotNow
from curation.models import Project

REFUSALS = (ImportRefused, PeopleError, ProjectError, QueueError, NotNow)
REFUSALS_SHOWN = 5


class Scoped(ModelAdmin):  # type: ignore[misc]
    """A list of rows that belong to projects. `project_path` is the lookup from a row to its project.

    Rows can be looked at by default; a list that lets them be changed says so with `editable`. Nothing is added or
    deleted here: rows that decisions and exports stand on are archived, by actions.
    """

    project_path = "project"
    editable = False
    list_filter_submit = True
    list_per_page = 50
    show_full_result_count = False
    compressed_fields = True
    warn_unsaved_form = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Rows of the projects that this person manages."""
        mine = Project.objects.managed_by(request.user)
        path = f"{self.project_path}__in" if self.project_path else "pk__in"
        return super().get_queryset(request).filter(**{path: mine.values("pk")})

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """A row of somebody else's project is not there."""
        found = super().get_object(request, object_id, from_field)
        if found is None:
            raise Http404
        return found

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.admin_site.has_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.editable and self.admin_site.has_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only what the list's own filters take: an address bar is no way around what a list leaves out."""
        return lookup in {getattr(one, "parameter_name", None) for one in self.get_list_filter(request)}


class Long(Scoped):
    """A list that may have millions of rows: pages without a count of them all."""

    paginator = InfinitePaginator
    ordering = ("-id",)


# Actions


def confirmed(question: str) -> Callable[[Any], Any]:
    """An action that says what it will do to how many, and asks first."""

    def wrap(action: Any) -> Any:
        @wraps(action)
        def ask(self: Scoped, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
            if request.POST.get("confirmed"):
                return action(self, request, queryset)
            rows = list(queryset[:50])
            context = {
                **self.admin_site.each_context(request),
                "title": getattr(action, "short_description", action.__name__.replace("_", " ").capitalize()),
                "question": question,
                "rows": rows,
                "count": queryset.count(),
                "action": request.POST["action"],
                "select_across": request.POST.get("select_across", "0"),
                "checkbox": ACTION_CHECKBOX_NAME,
                "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
                "opts": self.model._meta,
            }
            return TemplateResponse(request, "admin/confirm_action.html", context)

        return ask

    return wrap


def each(request: HttpRequest, rows: Iterable[Any], act: Callable[[Any], Any], done: str) -> None:
    """Do something to every row; those that refuse are named with their reason, and the others are done."""
    count, refused = 0, []
    for row in rows:
        try:
            act(row)
        except REFUSALS as error:
            refused.append(f"{row}: {error}")
        else:
            count += 1
    if count:
        messages.success(request, f"{count:,} {done}.")
    for said in refused[:REFUSALS_SHOWN]:
        messages.warning(request, said)
    if len(refused) > REFUSALS_SHOWN:
        messages.warning(request, f"{len(refused) - REFUSALS_SHOWN:,} more were refused.")


# Filters


class ProjectFilter(DropdownFilter):  # type: ignore[misc]
    """By project, of those that one manages."""

    title = "project"
    parameter_name = "project"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Scoped) -> None:
        self.path = model_admin.project_path
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: Scoped) -> list[tuple[str, str]]:
        return [
            (slug, name)
            for slug, name in Project.objects.managed_by(request.user).values_list("slug", "name")
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{f"{self.path}__slug": self.value()}) if self.value() else queryset


def choice_filter(
    name: str, column: str, choices: Callable[[], Iterable[tuple[str, str]]]
) -> type[DropdownFilter]:
    """A filter by the values of a column, chosen from a fixed list."""

    class ChoiceFilter(DropdownFilter):  # type: ignore[misc]
        title = name
        parameter_name = column

        def lookups(self, request: HttpRequest, model_admin: Scoped) -> list[tuple[str, str]]:
            return list(choices())

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            return queryset.filter(**{column: self.value()}) if self.value() else queryset

    return ChoiceFilter


def set_filter(name: str, column: str, yes: str, no: str) -> type[DropdownFilter]:
    """A filter by whether a moment is set: archived or in use, paused or open."""

    class SetFilter(DropdownFilter):  # type: ignore[misc]
        title = name
        parameter_name = name.replace(" ", "_")

        def lookups(self, request: HttpRequest, model_admin: Scoped) -> list[tuple[str, str]]:
            return [("no", no), ("yes", yes)]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            if self.value() not in ("yes", "no"):
                return queryset
            return queryset.filter(**{f"{column}__isnull": self.value() == "no"})

    return SetFilter
