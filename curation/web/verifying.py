"""Having samples verified: which samples and checks, by which model, what that would cost, and starting it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from curation import access
from curation.actions import endpoints, verifying
from curation.actions.asking import AskingError
from curation.actions.verifying import Chosen
from curation.models import Endpoint, Job, Project, Run, Sample
from curation.recipe.llm.prompts import PromptError
from curation.recipe.verify.examine import CHECKS
from curation.web.annotator import BudgetForm

RECENT_RUNS = 200
MOST_NAMED = 200  # samples that can be named one by one


class VerifyForm(forms.Form):
    """What to verify, and how. The counts and the estimate follow from it."""

    checks = forms.MultipleChoiceField(
        label="Checks that ask nobody",
        required=False,
        choices=[(key, check.title) for key, check in CHECKS.items()],
        widget=forms.CheckboxSelectMultiple,
    )
    endpoint = forms.ChoiceField(label="Judge", required=False)
    source = forms.ChoiceField(label="Source", required=False)
    run = forms.ChoiceField(label="Run", required=False)
    workflow = forms.CharField(label="Workflow", required=False, max_length=60)
    state = forms.ChoiceField(label="State", required=False)
    again = forms.BooleanField(
        label="Also those that were verified so already",
        required=False,
        help_text="A verdict that says nothing new is not kept twice.",
    )
    sample = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, project: Project, offered: list[Endpoint], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        sources = project.sources.filter(samples__isnull=False).distinct().order_by("name")
        self.rows: dict[str, dict[str, Any]] = {
            "endpoint": {str(one.uuid): one for one in offered},
            "source": {str(one.uuid): one for one in sources},
            "run": {str(one.uuid): one for one in Run.objects.filter(project=project)[:RECENT_RUNS]},
        }
        nothing = {"endpoint": "No model", "source": "Every source", "run": "Every run"}
        for name, rows in self.rows.items():
            named = [(uuid, self._named(row)) for uuid, row in rows.items()]
            fields[name].choices = [("", nothing[name]), *named]
        fields["state"].choices = [
            ("", "Every state"),
            *(one for one in Sample.State.choices if one[0] != Sample.State.WITHDRAWN),
        ]

    @staticmethod
    def _named(row: Any) -> str:
        return f"{row.name} ({row.model})" if isinstance(row, Endpoint) else str(row.name)

    @property
    def judge(self) -> Endpoint | None:
        found: Endpoint | None = self.rows["endpoint"].get(self.cleaned_data["endpoint"])
        return found

    @property
    def chosen(self) -> Chosen:
        said = self.cleaned_data
        source, run = self.rows["source"].get(said["source"]), self.rows["run"].get(said["run"])
        return Chosen(
            sources=(source.pk,) if source else (),
            run=run.pk if run else None,
            workflow=said["workflow"].strip(),
            state=said["state"],
            samples=(str(said["sample"]),) if said["sample"] else (),
            again=said["again"],
        )

    def sent(self) -> list[tuple[str, str]]:
        """What was chosen, name by name, for the form that starts it."""
        lists: Any = self.data
        return [(name, value) for name in self.fields for value in lists.getlist(name) if value]


@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest, project: str) -> HttpResponse:
    """GET chooses, counts and estimates; POST starts."""
    opened = access.open(request, project, "manage")
    offered = list(endpoints.offered(opened))
    if request.method == "POST":
        return _start(request, opened, offered)
    asked = request.GET if request.GET.keys() - {"sample"} else None
    first = {"checks": list(CHECKS), "sample": request.GET.get("sample", "")}
    form = VerifyForm(asked, project=opened, offered=offered, initial=first)
    context = {"form": form, "checks": CHECKS, "offered": offered}
    if form.is_bound and form.is_valid():
        context |= _estimated(opened, form)
    return _shown(request, context)


def _estimated(project: Project, form: VerifyForm) -> dict[str, Any]:
    checks, endpoint, chosen = form.cleaned_data["checks"], form.judge, form.chosen
    if not checks and endpoint is None:
        return {"refused": "Choose a check, or a model as the judge."}
    told: dict[str, Any] = {"asked": form.sent()}
    if checks:
        names = verifying.names_of(checks)
        told["to_check"] = verifying.samples(project, chosen, names).count()
    if endpoint is not None:
        try:
            told["estimate"] = verifying.estimate(project, endpoint, chosen)
        except (AskingError, PromptError) as error:
            told["not_judged"] = str(error)
        else:
            told["judge"] = verifying.judge_of(endpoint)[verifying.JUDGE]
            told["budget"] = BudgetForm(endpoint=endpoint, estimate=told["estimate"])
    return told


def _start(request: HttpRequest, project: Project, offered: list[Endpoint]) -> HttpResponse:
    form = VerifyForm(request.POST, project=project, offered=offered)
    context: dict[str, Any] = {"form": form, "checks": CHECKS, "offered": offered}
    if not form.is_valid():
        return render(request, "samples/verify.html", context, status=422)
    endpoint = form.judge
    spent: dict[str, Any] = {}
    if endpoint is not None:
        budget = BudgetForm(request.POST, endpoint=endpoint)
        if not budget.is_valid():
            context |= {**_estimated(project, form), "budget": budget}
            return render(request, "samples/verify.html", context, status=422)
        spent = {name: budget.cleaned_data.get(name) for name in ("budget_tokens", "budget_money")}
    user: Any = request.user
    try:
        jobs = verifying.start(
            project, user, form.chosen, checks=form.cleaned_data["checks"], endpoint=endpoint, **spent
        )
    except AskingError as error:
        context |= {**_estimated(project, form), "refused": str(error)}
        return render(request, "samples/verify.html", context, status=422)
    return _to(request, project, jobs)


def _to(request: HttpRequest, project: Project, jobs: list[Job]) -> HttpResponse:
    messages.success(request, "Samples are being verified. What was concluded stays, whatever happens.")
    if len(jobs) == 1:
        return redirect("jobs:job", project=project.slug, job=jobs[0].uuid)
    return redirect("jobs:list", project=project.slug)


def _shown(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    part = "samples/_verify.html" if getattr(request, "htmx", False) else "samples/verify.html"
    return render(request, part, context)
