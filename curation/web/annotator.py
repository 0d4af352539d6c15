"""Asking a language model to rate texts by a rubric: which model and texts, what it would cost, and starting it under a budget."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from curation import access
from curation.actions import annotating, asking, endpoints
from curation.actions.annotating import MOST_TEXTS, WHICH
from curation.actions.asking import AskingError, Estimate
from curation.models import Endpoint, Project, Rubric, labelled
from curation.recipe.llm.prompts import PromptError


class AskForm(forms.Form):
    """What to ask about. The estimate follows from it."""

    endpoint = forms.ChoiceField(label="Model")
    which = forms.ChoiceField(
        label="Which texts", choices=[(key, words) for key, (words, _) in WHICH.items()]
    )
    take = forms.IntegerField(
        label="How many",
        min_value=1,
        max_value=MOST_TEXTS,
        help_text="Those that this model has rated already are left out.",
    )

    def __init__(self, *args: Any, offered: list[Endpoint], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen: Any = self.fields["endpoint"]
        chosen.choices = [(str(one.uuid), f"{one.name} ({one.model})") for one in offered]
        self.offered = {str(one.uuid): one for one in offered}

    @property
    def asked(self) -> dict[str, Any]:
        """For the estimate: endpoint, which and take."""
        return {
            "endpoint": self.offered[self.cleaned_data["endpoint"]],
            "which": self.cleaned_data["which"],
            "take": self.cleaned_data["take"],
        }


class BudgetForm(forms.Form):
    """What may be spent at most: in tokens, or in money where the endpoint has a price."""

    use_required_attribute = False
    budget_tokens = forms.IntegerField(
        label="Tokens at most",
        min_value=1,
        max_value=10**12,
        required=False,
        help_text="Read and written together.",
        error_messages={"required": "Say how many tokens may be spent at most."},
    )
    budget_money = forms.DecimalField(
        label="Money at most",
        min_value=0,
        max_digits=12,
        decimal_places=4,
        required=False,
        help_text="In the currency of its prices.",
    )

    def __init__(self, data: Any = None, *, endpoint: Endpoint, estimate: Estimate | None = None) -> None:
        offered: dict[str, Any] = {}
        if estimate is not None:
            offered = {"budget_tokens": estimate.offered_tokens}
            if estimate.money is not None:
                offered["budget_money"] = f"{estimate.money * asking.ROOM + 0.0001:.4f}"
        super().__init__(data, initial=offered)
        if not endpoint.has_price:
            del self.fields["budget_money"]
            self.fields["budget_tokens"].required = True


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, project: str, rubric: str) -> HttpResponse:
    """GET chooses and estimates; POST starts within a budget."""
    opened = access.open(request, project, "manage")
    found = _rubric(opened, rubric)
    offered = list(endpoints.offered(opened))
    if request.method == "POST":
        return _start(request, opened, found, offered)
    first = {"endpoint": str(offered[0].uuid) if offered else "", "which": "rated", "take": 100}
    form = AskForm(request.GET or None, offered=offered, initial=first)
    context = _context(opened, found, offered, form)
    if form.is_bound and form.is_valid():
        context |= _estimated(opened, found, form)
    return _shown(request, context)


def _start(request: HttpRequest, project: Project, rubric: Rubric, offered: list[Endpoint]) -> HttpResponse:
    form = AskForm(request.POST, offered=offered)
    context = _context(project, rubric, offered, form)
    if not form.is_valid():
        return render(request, "rubrics/ask.html", context, status=422)
    budget = BudgetForm(request.POST, endpoint=form.asked["endpoint"])
    if not budget.is_valid():
        return render(
            request, "rubrics/ask.html", {**context, "budget": budget, "asked": form.asked}, status=422
        )
    user: Any = request.user
    try:
        job = annotating.start(
            project,
            rubric,
            by=user,
            budget_tokens=budget.cleaned_data.get("budget_tokens"),
            budget_money=budget.cleaned_data.get("budget_money"),
            **form.asked,
        )
    except AskingError as error:
        context |= {"budget": budget, "asked": form.asked, "refused": str(error)}
        return render(request, "rubrics/ask.html", context, status=422)
    messages.success(request, "The model is being asked. What it has answered stays, whatever happens.")
    return redirect("jobs:job", project=project.slug, job=job.uuid)


def _estimated(project: Project, rubric: Rubric, form: AskForm) -> dict[str, Any]:
    asked = form.asked
    try:
        told = annotating.estimate(project, rubric, **asked)
    except (AskingError, PromptError) as error:
        return {"refused": str(error)}
    return {
        "estimate": told,
        "asked": asked,
        "annotator": annotating.name_of(asked["endpoint"]),
        "budget": BudgetForm(endpoint=asked["endpoint"], estimate=told),
    }


def _context(project: Project, rubric: Rubric, offered: list[Endpoint], form: AskForm) -> dict[str, Any]:
    return {
        "rubric": rubric,
        "offered": offered,
        "form": form,
        "which": [(words, why) for words, why in WHICH.values()],
        "annotators": annotating.annotators(project, rubric),
    }


def _shown(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    part = "rubrics/_estimate.html" if getattr(request, "htmx", False) else "rubrics/ask.html"
    return render(request, part, context)


def _rubric(project: Project, key: str) -> Rubric:
    found = labelled.rubrics(project).filter(key=key).order_by("project").first()
    if found is None:
        raise Http404("There is no such rubric, or it is archived.")
    return found
