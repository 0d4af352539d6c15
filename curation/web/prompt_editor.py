"""The editor of a prompt's words, and its preview: rendered on a seed of the project in the limited child, with what would be refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.db.models import F, Value
from django.db.models.functions import Coalesce, Left, NullIf
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from curation.models import Project, PromptVersion, Seed
from curation.recipe.generate.trial import LONGEST, example, faults, placed, variables
from curation.recipe.generate.workflows import Workflow
from curation.recipe.llm import prompts
from curation.recipe.llm.prompts import Part, PromptError, Template
from curation.recipe.llm.wording import Prompt as Wording
from curation.recipe.llm.wording import filled
from curation.recipe.text import tokens

#: Seeds that are offered at once, from the one that is shown on.
OFFERED = 20
NEXT = "next"


class WordsForm(forms.Form):
    """The messages of a prompt, one field each; a message that is left empty is left out."""

    note = forms.CharField(
        label="What you changed, and why",
        max_length=200,
        required=False,
        help_text="For those who look at the versions later.",
    )
    parent = forms.CharField(max_length=80, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, ours: Wording, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.roles = [one.role for one in ours.template.parts]
        for at, role in enumerate(self.roles):
            lines = ours.template.parts[at].template.count("\n") + 1
            self.fields[f"part_{at}"] = forms.CharField(
                label=f"The {role}'s message",
                max_length=LONGEST,
                strip=False,
                required=role == "user",
                widget=forms.Textarea(attrs={"rows": min(28, lines + 4), "spellcheck": "true"}),
            )

    @property
    def words(self) -> list[forms.BoundField]:
        """The fields of the messages, for the template."""
        return [self[f"part_{at}"] for at in range(len(self.roles))]

    @property
    def parts(self) -> tuple[Part, ...]:
        """The messages as they were sent, with the line ends of the studio."""
        sent = [
            (role, str(self.data.get(f"part_{at}", "")).replace("\r\n", "\n"))
            for at, role in enumerate(self.roles)
        ]
        return tuple(Part(role, words) for role, words in sent if words.strip())


def initial(version: PromptVersion) -> dict[str, str]:
    """The editor's fields, filled with a version's words."""
    words = {f"part_{at}": one.template for at, one in enumerate(version.template.parts)}
    return words | {"parent": version.label}


def page(
    request: HttpRequest,
    project: Project,
    ours: Wording,
    form: WordsForm,
    asked_by: list[Workflow],
    *,
    tried: bool = False,
    status: int = 200,
) -> HttpResponse:
    """The editor; only its preview where htmx asks for that. A preview is made of what was sent."""
    seeds = _seeds(project, request)
    context = {
        "prompt": ours,
        "form": form,
        "asked_by": asked_by,
        "variables": variables(ours),
        "seeds": seeds,
        "preview": _preview(ours, Template(form.parts, ours.template.schema), seeds) if tried else None,
        "fields": list((ours.template.schema or {}).get("properties", ())),
    }
    part = tried and getattr(request, "htmx", False)
    return render(request, "prompts/_tried.html" if part else "prompts/edit.html", context, status=status)


def _seeds(project: Project, request: HttpRequest) -> list[dict[str, Any]]:
    """Seeds to try, the one that is tried first: the one asked for, the one after it, or the project's first."""
    rows = project.seeds.exclude(state=Seed.State.WITHDRAWN).order_by("id")
    asked = _seed(project, request.POST.get("seed", ""))
    if asked is not None:
        past = (
            rows.filter(pk__gt=asked.pk) if request.POST.get("go") == NEXT else rows.filter(pk__gte=asked.pk)
        )
        rows = past if past.exists() else rows
    return [dict(row) for row in rows.annotate(begins=_BEGINS).values("uuid", "begins", "pk")[:OFFERED]]


_BEGINS = Left(Coalesce(NullIf(F("text"), Value("")), F("passage__text")), 80)


def _seed(project: Project, uuid: str) -> Seed | None:
    try:
        return project.seeds.filter(uuid=UUID(uuid)).first()
    except ValueError:
        return None


def _preview(ours: Wording, template: Template, seeds: list[dict[str, Any]]) -> dict[str, Any]:
    """The messages with their tokens and what would be refused; or why they cannot be rendered, and the line that it is about."""
    seed = Seed.objects.select_related("passage").get(pk=seeds[0]["pk"]) if seeds else None
    try:
        rendered = prompts.render(template, filled(example(ours, seed.current_text if seed else "")))
    except PromptError as error:
        return {"error": placed(error, template), "line": _line(error, template)}
    counted = tokens.count([one.content for one in rendered])
    return {
        "messages": list(zip(rendered, counted, strict=True)),
        "tokens": sum(counted),
        "answer": ours.most_tokens,
        "faults": faults(ours, template),
        "seed": seed,
    }


def _line(error: PromptError, template: Template) -> str:
    """The line of the template that an error is about."""
    if error.part is None or error.line is None:
        return ""
    lines = template.parts[error.part].template.splitlines()
    return lines[error.line - 1] if error.line <= len(lines) else ""
