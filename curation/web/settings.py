"""A project's settings: what it says of itself, its thresholds, archiving, and what was done in it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from curation import access
from curation.actions import projects, thresholds
from curation.actions.projects import ProjectError
from curation.models import Activity, Project
from curation.recipe.knobs import KNOBS, Knobs
from curation.web import keyset

ACTIVITY_SHOWN = 12


class AboutForm(forms.Form):
    name = forms.CharField(max_length=120)
    description = forms.CharField(max_length=400, required=False, help_text="One line of what it is for.")
    languages = forms.CharField(
        max_length=400,
        required=False,
        help_text="Language codes to keep, for example en, de. Empty keeps every language.",
    )
    guidelines = forms.CharField(
        required=False,
        max_length=projects.MOST_GUIDELINES,
        widget=forms.Textarea(attrs={"rows": 12}),
        help_text="Markdown. Shown beside every item under review.",
    )


class KnobsForm(forms.Form):
    """One field per knob. An empty field means our default."""

    def __init__(self, *args: Any, current: Knobs, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        values, ours = asdict(current), asdict(Knobs())
        for name, knob in KNOBS.items():
            whole = isinstance(ours[name], int)
            kind: Any = forms.IntegerField if whole else forms.FloatField
            said = (
                f"{knob.help} {knob.minimum:,g} to {knob.maximum:,g}{f' {knob.unit}' if knob.unit else ''}."
            )
            step = "1" if whole else "any"
            self.fields[name] = kind(
                label=knob.title,
                help_text=said,
                required=False,
                initial=values[name],
                min_value=knob.minimum,
                max_value=knob.maximum,
                widget=forms.NumberInput(
                    attrs={
                        "step": step,
                        "placeholder": f"{ours[name]:g}",
                        "aria-describedby": f"id_{name}-help",
                    }
                ),
            )

    def values(self) -> dict[str, Any]:
        """What was entered, with our default where the field was left empty."""
        ours = asdict(Knobs())
        return {name: ours[name] if value is None else value for name, value in self.cleaned_data.items()}


@require_GET
def page(request: HttpRequest, project: str) -> HttpResponse:
    """All settings of a project."""
    return _page(request, access.open(request, project, "manage"))


def _page(
    request: HttpRequest,
    project: Project,
    about: forms.Form | None = None,
    knobs: KnobsForm | None = None,
    status: int = 200,
) -> HttpResponse:
    initial = {
        "name": project.name,
        "description": project.description,
        "languages": ", ".join(project.languages),
        "guidelines": project.guidelines,
    }
    current, ours = asdict(project.settings), asdict(Knobs())
    form = knobs or KnobsForm(current=project.settings)
    context = {
        "project": project,
        "about": about or AboutForm(initial=initial),
        "knobs": [
            {
                "field": form[name],
                "ours": ours[name],
                "is_ours": current[name] == ours[name],
            }
            for name in KNOBS
        ],
        "knobs_form": form,
        "activity": Activity.objects.filter(project=project).select_related("actor")[:ACTIVITY_SHOWN],
    }
    return render(request, "settings/page.html", context, status=status)


@require_POST
def about(request: HttpRequest, project: str) -> HttpResponse:
    """Save name, description, languages and guidelines."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    form = AboutForm(request.POST)
    if not form.is_valid():
        return _page(request, opened, about=form, status=422)
    values = form.cleaned_data
    try:
        changed = projects.change_project(
            opened,
            user,
            name=values["name"],
            description=values["description"],
            guidelines=values["guidelines"],
            languages=values["languages"].replace(",", " ").split(),
        )
    except ProjectError as error:
        form.add_error("languages" if "language" in str(error) else None, str(error))
        return _page(request, opened, about=form, status=422)
    messages.success(request, "Saved." if changed else "Nothing was changed.")
    if "languages" in changed:
        messages.info(request, "The next curation judges by the new languages.")
    return redirect("settings:page", project=opened.slug)


@require_POST
def knobs(request: HttpRequest, project: str) -> HttpResponse:
    """Save what people work by; thresholds move by a job, as on their workbenches."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    form = KnobsForm(request.POST, current=opened.settings)
    if not form.is_valid():
        return _page(request, opened, knobs=form, status=422)
    try:
        changed = projects.change_knobs(opened, user, form.values())
    except ProjectError as error:
        form.add_error(None, str(error))
        return _page(request, opened, knobs=form, status=422)
    messages.success(request, "Saved." if changed else "Nothing was changed.")
    moving = thresholds.under_way(opened)
    if moving and set(moving.after).intersection(changed):
        return redirect("thresholds:change", project=opened.slug, change=moving.uuid)
    return redirect("settings:page", project=opened.slug)


@require_POST
def archive(request: HttpRequest, project: str) -> HttpResponse:
    """Put the project away."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    try:
        projects.archive_project(opened, user)
    except ProjectError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{opened.name} is archived. Nothing was deleted; it can be restored here.")
    return redirect("settings:page", project=opened.slug)


@require_POST
def restore(request: HttpRequest, project: str) -> HttpResponse:
    """Take the project back into use."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    projects.restore_project(opened, user)
    messages.success(request, f"{opened.name} is in use again.")
    return redirect("settings:page", project=opened.slug)


@require_GET
def activity(request: HttpRequest, project: str) -> HttpResponse:
    """The audit log: who did what, newest first."""
    opened = access.open(request, project, "manage")
    rows = Activity.objects.filter(project=opened).select_related("actor")
    return render(request, "settings/activity.html", {"page": keyset.page(request, rows)})


app_name = "settings"
urlpatterns = [
    path("", page, name="page"),
    path("about", about, name="about"),
    path("thresholds", knobs, name="knobs"),
    path("archive", archive, name="archive"),
    path("restore", restore, name="restore"),
    path("activity", activity, name="activity"),
]
