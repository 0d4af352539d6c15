"""Rubrics: the questions that are scored, ours and the project's own, and how far their answers agree."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from curation import access
from curation.actions import rubrics
from curation.actions.rubrics import MOST_ANCHOR, MOST_ANCHORS, MOST_QUESTION, RubricError
from curation.models import Project, Rubric
from curation.web import agreement, annotator

LEVELS = (
    (Rubric.Level.DOCUMENT.value, "Page: asked of a whole document"),
    (Rubric.Level.PASSAGE.value, "Passage: asked of a span of a document"),
)
STEPS = range(MOST_ANCHORS)


class RubricForm(forms.Form):
    """A question and its scale. The scale ends at the last anchor that is written."""

    name = forms.CharField(
        max_length=80, help_text="Short, as it stands over a column: Clarity, Local colour."
    )
    level = forms.ChoiceField(choices=LEVELS, help_text="What one answer is about.")
    question = forms.CharField(
        max_length=MOST_QUESTION,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What people, language models and scorers answer. One thing at a time.",
    )

    def __init__(self, *args: Any, fixed_level: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if fixed_level:
            del self.fields["level"]
        for step in STEPS:
            self.fields[f"anchor_{step}"] = forms.CharField(
                label=f"{step} means", max_length=MOST_ANCHOR, required=step < rubrics.LEAST_ANCHORS
            )

    @property
    def anchors(self) -> list[Any]:
        """The fields of the scale, for the template."""
        return [self[f"anchor_{step}"] for step in STEPS]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        written = [bool(values.get(f"anchor_{step}")) for step in STEPS]
        last = max((step for step in STEPS if written[step]), default=0)
        for step in STEPS:
            if step < last and not written[step] and f"anchor_{step}" not in self.errors:
                self.add_error(f"anchor_{step}", f"Say what {step} means, or end the scale before it.")
        return values

    def values(self) -> dict[str, Any]:
        """As `create_rubric` and `change_rubric` take them."""
        steps = [self.cleaned_data[f"anchor_{step}"] for step in STEPS]
        names = [name for name in ("name", "level", "question") if name in self.fields]
        return {
            **{name: self.cleaned_data[name] for name in names},
            "anchors": [step for step in steps if step],
        }


def _rubric(project: Project, key: str) -> Rubric:
    """The project's own rubric of that key, else ours."""
    found = rubrics.of_project(project).filter(key=key).order_by("project").first()
    if found is None:
        raise Http404("There is no such rubric.")
    return found


@require_GET
def list_page(request: HttpRequest, project: str) -> HttpResponse:
    """Ours and the project's own, each with its question and scale; archived ones at the end."""
    opened = access.open(request, project, "browse")
    found = list(rubrics.of_project(opened))
    context = {
        "ours": [one for one in found if one.project_id is None],
        "own": [one for one in found if one.project_id and one.archived_at is None],
        "archived": [one for one in found if one.archived_at is not None],
        "may_manage": access.may(request, "manage"),
    }
    return render(request, "rubrics/list.html", context)


@require_GET
def rubric(request: HttpRequest, project: str, rubric: str) -> HttpResponse:
    """One rubric; for reviewers also who answered it, and how far people, models and the scorer agree."""
    opened = access.open(request, project, "browse")
    found = _rubric(opened, rubric)
    sees = access.may(request, "see_decisions")
    context = {
        "rubric": found,
        "steps": _steps(found),
        "sees_agreement": sees,
        "agreement": agreement.of_rubric(opened, found, request.user) if sees else None,
        "may_manage": access.may(request, "manage"),
    }
    return render(request, "rubrics/rubric.html", context)


def _steps(found: Rubric) -> list[tuple[int, str]]:
    return list(enumerate(str(anchor) for anchor in found.anchors))[::-1]


@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest, project: str) -> HttpResponse:
    """Write a rubric of the project's own."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    form = RubricForm(request.POST or None, initial={"level": Rubric.Level.PASSAGE})
    if request.method == "POST" and form.is_valid():
        try:
            made = rubrics.create_rubric(opened, user, **form.values())
        except RubricError as error:
            form.add_error(None, str(error))
        else:
            messages.success(
                request,
                "Written. Put it into a queue of scores, so that people answer it: scorers learn from their answers.",
            )
            return redirect("rubrics:rubric", project=opened.slug, rubric=made.key)
    return render(request, "rubrics/form.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, project: str, rubric: str) -> HttpResponse:
    """Change the words of the project's own rubric."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    found = _rubric(opened, rubric)
    initial = {"name": found.name, "question": found.question}
    initial |= {f"anchor_{at}": anchor for at, anchor in enumerate(found.anchors)}
    form = RubricForm(request.POST or None, initial=initial, fixed_level=True)
    if request.method == "POST" and form.is_valid():
        try:
            changed = rubrics.change_rubric(found, user, **form.values())
        except RubricError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Saved." if changed else "Nothing was changed.")
            return redirect("rubrics:rubric", project=opened.slug, rubric=found.key)
    context = {"form": form, "rubric": found, "answered": found.project_id and rubrics.is_answered(found)}
    return render(request, "rubrics/form.html", context, status=422 if form.errors else 200)


@require_POST
def archive(request: HttpRequest, project: str, rubric: str) -> HttpResponse:
    """Offer a rubric no more."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    found = _rubric(opened, rubric)
    try:
        rubrics.archive_rubric(found, user)
    except RubricError as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request, f"{found.name} is archived. Its answers, scorers and scores stay; it can be restored."
        )
    return redirect("rubrics:rubric", project=opened.slug, rubric=found.key)


@require_POST
def restore(request: HttpRequest, project: str, rubric: str) -> HttpResponse:
    """Offer it again."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    found = _rubric(opened, rubric)
    rubrics.restore_rubric(found, user)
    return redirect("rubrics:rubric", project=opened.slug, rubric=found.key)


app_name = "rubrics"
urlpatterns = [
    path("", list_page, name="list"),
    path("create", create, name="create"),
    path("<slug:rubric>/", rubric, name="rubric"),
    path("<slug:rubric>/edit", edit, name="edit"),
    path("<slug:rubric>/ask", annotator.ask, name="ask"),
    path("<slug:rubric>/archive", archive, name="archive"),
    path("<slug:rubric>/restore", restore, name="restore"),
]
