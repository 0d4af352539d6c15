"""Prompts: what each workflow asks, ours and the project's own, their versions and what changed between them, and writing one's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from curation import access
from curation.actions import prompts
from curation.actions.prompts import OURS, PromptOutdated, PromptRefused
from curation.models import Project, Prompt, PromptVersion, prompted
from curation.recipe.generate.trial import variables
from curation.recipe.generate.workflows import WORKFLOWS, Workflow
from curation.recipe.llm.wording import Prompt as Wording
from curation.web import prompt_editor


@dataclass(frozen=True, slots=True)
class Row:
    """One version as a list shows it."""

    version: PromptVersion
    current: bool  # whether it is in force
    samples: int
    outdated: str  # why it cannot be asked any more; "" where it can

    @property
    def own(self) -> bool:
        return self.version.prompt.project_id is not None


@require_GET
def list_page(request: HttpRequest, project: str) -> HttpResponse:
    """What each workflow asks here, step by step, in whose words, and how many samples came of those."""
    opened = access.open(request, project, "browse")
    chosen = prompts.chosen_of(opened, OURS)
    labels = {key: chosen[key].label if key in chosen else one.label for key, one in OURS.items()}
    made = prompted.counts(opened, labels.values())
    rows = {
        key: {
            "key": key,
            "title": one.title,
            "own": key in chosen,
            "label": labels[key],
            "samples": made.get(labels[key], 0),
            "outdated": _outdated(chosen[key]) if key in chosen else "",
        }
        for key, one in OURS.items()
    }
    context = {
        "workflows": [
            (workflow, [rows[one.key] for one in workflow.prompts]) for workflow in WORKFLOWS.values()
        ],
        "own": len(chosen),
    }
    return render(request, "prompts/list.html", context)


@require_GET
def prompt(request: HttpRequest, project: str, prompt: str) -> HttpResponse:
    """One prompt: its versions, the words of one of them, or what changed between two."""
    opened = access.open(request, project, "browse")
    ours = _ours(prompt)
    rows = _rows(opened, ours)
    current = next(row.version for row in rows if row.current)
    before, after = (_asked(request, name, rows) for name in ("from", "to"))
    context = {
        "prompt": ours,
        "asked_by": asked_by(prompt),
        "rows": rows,
        "current": current,
        "own_in_force": current.prompt.project_id is not None,
        "shown": after or current,
        "before": before,
        "parts": _parts(before, after or current),
        "variables": variables(ours),
        "may_manage": access.may(request, "manage"),
    }
    return render(request, "prompts/prompt.html", context)


def _ours(key: str) -> Wording:
    if key not in OURS:
        raise Http404("No workflow asks such a prompt.")
    return OURS[key]


def asked_by(key: str) -> list[Workflow]:
    return [one for one in WORKFLOWS.values() if any(asked.key == key for asked in one.prompts)]


def _rows(project: Project, ours: Wording) -> list[Row]:
    """The project's own versions, the newest first, then ours. Ours is in force where the project chose none of its own."""
    prompts.ours(ours.key)
    known = list(
        PromptVersion.objects.filter(prompt__key=ours.key, prompt__project=project)
        .select_related("prompt", "created_by", "parent__prompt")
        .order_by("-number")
    )
    known += (
        PromptVersion.objects.filter(prompt__key=ours.key, prompt__project=None)
        .select_related("prompt", "created_by", "parent__prompt")
        .order_by("-number")
    )
    chosen = Prompt.objects.filter(project=project, key=ours.key).values_list("in_force", flat=True).first()
    made = prompted.counts(project, [one.label for one in known])
    return [
        Row(
            version,
            version.pk == chosen if chosen else version.label == ours.label,
            made.get(version.label, 0),
            _outdated(version),
        )
        for version in known
    ]


def _outdated(version: PromptVersion) -> str:
    try:
        prompts.check_form(version)
    except PromptOutdated as error:
        return str(error)
    return ""


def _asked(request: HttpRequest, name: str, rows: list[Row]) -> PromptVersion | None:
    """The version that the address names by its label."""
    label = request.GET.get(name, "")
    return next((row.version for row in rows if row.version.label == label), None)


def _parts(before: PromptVersion | None, after: PromptVersion) -> list[dict[str, Any]]:
    """Message by message: the role, the words, and what they were in the version compared with."""
    was = before.template.parts if before else ()
    return [
        {
            "role": one.role,
            "words": one.template,
            "was": was[at].template if at < len(was) else "" if before else None,
        }
        for at, one in enumerate(after.template.parts)
    ]


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, project: str, prompt: str) -> HttpResponse:
    """GET opens the words of a version (the one in force, or `from`); POST saves them as the project's next version."""
    opened = access.open(request, project, "manage")
    ours = _ours(prompt)
    if request.method == "POST":
        return _save(request, opened, ours)
    rows = _rows(opened, ours)
    start = _asked(request, "from", rows) or next(row.version for row in rows if row.current)
    form = prompt_editor.WordsForm(ours=ours, initial=prompt_editor.initial(start))
    return prompt_editor.page(request, opened, ours, form, asked_by(prompt))


def _save(request: HttpRequest, project: Project, ours: Wording) -> HttpResponse:
    form = prompt_editor.WordsForm(request.POST, ours=ours)
    user: Any = request.user
    if form.is_valid():
        try:
            version = prompts.save(
                project,
                ours.key,
                form.parts,
                by=user,
                parent=_parent(project, ours, form.cleaned_data["parent"]),
                note=form.cleaned_data["note"],
            )
        except PromptRefused as refused:
            for said in refused.faults:
                form.add_error(None, said)
        else:
            messages.success(
                request,
                f"{version} is in force: runs that are planned from now on ask in these words.",
            )
            return redirect("prompts:prompt", project=project.slug, prompt=ours.key)
    return prompt_editor.page(request, project, ours, form, asked_by(ours.key), status=422)


def _parent(project: Project, ours: Wording, label: str) -> PromptVersion | None:
    return next((row.version for row in _rows(project, ours) if row.version.label == label), None)


@require_POST
def preview(request: HttpRequest, project: str, prompt: str) -> HttpResponse:
    """The words as they would be asked of a seed: a part, or without a script the whole editor."""
    opened = access.open(request, project, "manage")
    ours = _ours(prompt)
    form = prompt_editor.WordsForm(request.POST, ours=ours)
    form.is_valid()
    return prompt_editor.page(request, opened, ours, form, asked_by(prompt), tried=True)


@require_POST
def use(request: HttpRequest, project: str, prompt: str) -> HttpResponse:
    """Put a version of the project's own in force, or ours again (no version)."""
    opened = access.open(request, project, "manage")
    ours = _ours(prompt)
    user: Any = request.user
    label = request.POST.get("version", "")
    version = next(
        (row.version for row in _rows(opened, ours) if row.own and row.version.label == label), None
    )
    try:
        if label and version is None:
            raise PromptRefused([f"There is no version {label[:80]} of the project's own."])
        prompts.use(opened, ours.key, version, by=user)
    except (PromptRefused, PromptOutdated) as refused:
        messages.error(request, str(refused))
    else:
        words = f"{version} is" if version else f"Ours, {ours.label}, is"
        messages.success(request, f"{words} in force. Runs that were planned before keep their words.")
    return redirect("prompts:prompt", project=opened.slug, prompt=ours.key)


app_name = "prompts"
urlpatterns = [
    path("", list_page, name="list"),
    path("<slug:prompt>/", prompt, name="prompt"),
    path("<slug:prompt>/edit", edit, name="edit"),
    path("<slug:prompt>/preview", preview, name="preview"),
    path("<slug:prompt>/use", use, name="use"),
]
