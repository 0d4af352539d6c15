"""Home: the projects one may see, and creating one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods

from curation.actions.projects import ProjectError, create_project
from curation.models import Membership, Project, Queue, Role
from curation.web.links import link


class NewProjectForm(forms.Form):
    name = forms.CharField(max_length=120, widget=forms.TextInput(attrs={"autofocus": True}))
    slug = forms.SlugField(
        label="Address",
        max_length=60,
        required=False,
        help_text="The last part of its address, for example physics-web. Made from the name when empty; it stays.",
    )
    description = forms.CharField(max_length=400, required=False, help_text="One line of what it is for.")
    languages = forms.CharField(
        max_length=400,
        required=False,
        help_text="Language codes to keep, for example en, de. Empty keeps every language.",
    )


@require_GET
def list(request: HttpRequest) -> HttpResponse:  # noqa: A001  the page is called projects:list
    """The projects one may see, with what waits in them."""
    user: Any = request.user
    mine = Membership.objects.filter(project=OuterRef("pk"), user=user).values("role")
    members = (
        Membership.objects.filter(project=OuterRef("pk"), user__is_active=True).order_by().values("project")
    )
    open_queues = Queue.objects.filter(project=OuterRef("pk"), archived_at=None, paused_at=None)
    projects = (
        Project.objects.visible_to(user)
        .annotate(
            my_role=Subquery(mine[:1]),
            queue_count=Subquery(
                open_queues.order_by().values("project").annotate(count=Count("pk")).values("count")
            ),
            member_count=Subquery(members.annotate(count=Count("pk")).values("count")),
        )
        .defer("guidelines")
    )
    rows = [_row(project, user) for project in projects]
    context = {
        "current": [row for row in rows if not row["project"].archived_at],
        "archived": [row for row in rows if row["project"].archived_at],
        "may_create": user.is_superuser,
    }
    return render(request, "projects/list.html", context)


def _row(project: Any, user: Any) -> dict[str, Any]:
    role = Role(project.my_role).label if project.my_role else "Site admin"
    return {
        "project": project,
        "role": role,
        "url": link("overview:page", project) or link("review:queues", project),
    }


@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """Make a project. For site admins."""
    user: Any = request.user
    if not user.is_superuser:
        raise PermissionDenied("Only a site admin creates projects.")
    form = NewProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            project = create_project(
                values["name"],
                user,
                slug=values["slug"],
                description=values["description"],
                languages=values["languages"].replace(",", " ").split(),
            )
        except ProjectError as error:
            form.add_error(None, str(error))
        else:
            return redirect("members:list", project=project.slug)
    return render(request, "projects/create.html", {"form": form}, status=422 if form.errors else 200)


app_name = "projects"
urlpatterns = [
    path("", list, name="list"),
    path("new-project", create, name="create"),
]
