"""Runs: what is being generated, from what, for how much; starting one, looking at its pilot, and watching it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from curation import access
from curation.actions import endpoints, prompts, runs
from curation.actions.runs import RunError
from curation.jobs import control, steering
from curation.models import Call, Project, Run, Sample, Spending, User, run_progress
from curation.recipe.generate.workflows import WORKFLOWS
from curation.recipe.reasons import REASONS
from curation.web import keyset, listing
from curation.web.run_forms import BoundsForm, RunForm

SHOWN = 8
LOSSES = 20


@require_GET
def list_page(request: HttpRequest, project: str) -> HttpResponse:
    """Every run, newest first, with how far it is."""
    opened = access.open(request, project, "browse")
    filters = listing.Filters(request)
    rows = opened.runs.select_related("job", "endpoint", "created_by")
    if workflow := filters.select(
        "workflow", "Workflow", [(key, one.title) for key, one in WORKFLOWS.items()]
    ):
        rows = rows.filter(workflow=workflow)
    total = listing.count(rows)
    page = keyset.page(request, rows)
    for run in page:
        run.title = WORKFLOWS[run.workflow].title
    return listing.respond(
        request,
        "runs",
        filters,
        {"page": page, "total": total, "may_manage": access.may(request, "manage")},
    )


# Starting one


@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest, project: str) -> HttpResponse:
    """The form of a new run; POST starts its pilot, or the whole where no pilot is wanted."""
    opened = access.open(request, project, "manage")
    offered = list(endpoints.offered(opened))
    if not offered:
        return render(request, "runs/create.html", {"offered": offered})
    if request.method == "POST":
        return _created(request, opened, RunForm(request.POST, project=opened, offered=offered))
    form = RunForm(project=opened, offered=offered, asked=request.GET)
    return render(request, "runs/create.html", {"form": form, "offered": offered, "workflows": WORKFLOWS})


def _created(request: HttpRequest, project: Project, form: RunForm) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "offered": True, "workflows": WORKFLOWS}
    if form.is_valid():
        try:
            run = runs.create(project, _person(request), form.wanted())
        except (RunError, prompts.PromptOutdated) as error:
            context["refused"] = str(error)
        else:
            return redirect("runs:run", project=project.slug, run=run.uuid)
    return render(request, "runs/create.html", context, status=422)


@require_GET
def seeds(request: HttpRequest, project: str) -> HttpResponse:
    """How many seeds the form's choice comes to: the part that follows the form."""
    opened = access.open(request, project, "manage")
    form = RunForm(request.GET, project=opened, offered=list(endpoints.offered(opened)))
    form.full_clean()
    count, refused = 0, ""
    try:
        count = runs.seeds(opened, form.cleaned_data.get("workflow") or "rewrite", form.choice()).count()
    except RunError as error:
        refused = str(error)
    take = form.cleaned_data.get("take") or 0
    return render(request, "runs/_seeds.html", {"count": count, "taken": min(count, take or count), "refused": refused})  # fmt: skip


def _person(request: HttpRequest) -> User:
    user: Any = request.user
    return user  # type: ignore[no-any-return]


# Watching one


@require_GET
def run(request: HttpRequest, project: str, run: UUID) -> HttpResponse:
    """One run: how far it is, what it would come to, where candidates were lost, what it made, what was asked for."""
    opened = access.open(request, project, "browse")
    found = _run(opened, run)
    context = {**_progress(request, found), **_about(found)}
    return render(request, "runs/run.html", context)


@require_GET
def progress(request: HttpRequest, project: str, run: UUID) -> HttpResponse:
    """The part of a run's page that moves; without htmx it leads to the page."""
    found = _run(access.open(request, project, "browse"), run)
    if not getattr(request, "htmx", False):
        return redirect("runs:run", project=project, run=run)
    return render(request, "runs/_progress.html", _progress(request, found))


def _run(project: Project, uuid: UUID) -> Run:
    rows = project.runs.select_related("job", "endpoint", "judge", "queue", "source", "created_by")
    return get_object_or_404(rows, uuid=uuid)


def _progress(request: HttpRequest, run: Run) -> dict[str, Any]:
    counts = run_progress.counts(run)
    estimate = run_progress.estimate(run)
    may_manage = access.may(request, "manage")
    steered = may_manage and run.standing not in ("running", "pilot", "target")
    return {
        "run": run,
        "said": run.said,
        "counts": counts,
        "spent": Spending.objects.of(run.job),
        "lost": run_progress.lost(run),
        "estimate": estimate,
        "pace": run.job.progress(),
        "may_manage": may_manage,
        "bounds": BoundsForm(run=run, estimate=estimate) if steered else None,
        "waiting": counts.by.get("candidate", 0) if run.by_people else 0,
        "stages": _stages(run, counts),
        "newest": _newest(run),
    }


def _newest(run: Run) -> list[Sample]:
    found = Sample.objects.filter(candidate__run=run, left_out="").order_by("-id")
    fields = ("project", "uuid", "title", "external_id", "state", "rank", "created_at", "skill", "difficulty")
    return list(found.only(*fields)[:SHOWN])


def _stages(run: Run, counts: run_progress.Counts) -> list[dict[str, Any]]:
    """From candidates to what was accepted, as bars: what each stage left of the one before."""
    checked = sum(n for key, n in counts.by.items() if key.startswith("verdict_"))
    repeated = sum(n for key, n in counts.by.items() if key.startswith("repeats_"))
    passed = counts.samples - checked
    fresh = passed - repeated
    stages = [("Candidates made", counts.candidates), ("Samples that came of them", counts.samples)]
    if run.required:
        stages.append(("Passed what is required", passed))
    if run.most_similar is not None:
        stages.append(("Say something new", fresh))
    stages.append(("Accepted", run.accepted))
    most = max(1, *(n for _, n in stages))
    return [{"label": label, "n": n, "most": most} for label, n in stages]


def _about(run: Run) -> dict[str, Any]:
    return {
        "workflow": WORKFLOWS[run.workflow],
        "versions": run.versions.select_related("prompt__project").order_by("prompt__key"),
        "seeds_count": run.seeds.count(),
    }


@require_GET
def losses(request: HttpRequest, project: str, run: UUID) -> HttpResponse:
    """Where candidates were lost, one by one: the seed, the step, the reason, and the calls that led there."""
    opened = access.open(request, project, "browse")
    found = _run(opened, run)
    filters = listing.Filters(request)
    by = run_progress.lost(found)
    steps = sorted({row["at"] for row in by})
    at = filters.select("at", "Step", [(one, one) for one in steps])
    reason = filters.select(
        "reason", "Reason", [(key, REASONS[key].title) for key in sorted({row["reason"] for row in by})]
    )
    rows = run_progress.losses(found, at, reason).select_related("candidate__seed__passage__document")
    rows = rows.defer("candidate__seed__passage__search", "candidate__seed__passage__text")
    total = listing.count(rows)
    page = keyset.page(request, rows.prefetch_related("calls"), ("id",), size=LOSSES)
    return listing.respond(request, "runs/losses", filters, {"page": page, "total": total, "run": found})


@require_GET
def call(request: HttpRequest, project: str, run: UUID, call: UUID) -> HttpResponse:
    """One call of a run as it was asked and answered. A part, or a page of its own."""
    opened = access.open(request, project, "browse")
    found = _run(opened, run)
    row = get_object_or_404(
        Call.objects.select_related("prompt_version__prompt", "endpoint", "hit_of"), job=found.job, uuid=call
    )
    said = row.hit_of or row
    context = {"run": found, "call": row, "said": said, "words": _words(said), "asked": (said.request or {})}
    template = "runs/_call.html" if getattr(request, "htmx", False) else "runs/call.html"
    return render(request, template, context)


def _words(call: Call) -> str:
    """The model's own words in a raw answer."""
    answer: Any = call.answer or {}
    choices = answer.get("choices") if isinstance(answer, dict) else None
    first = choices[0] if choices else {}
    said = first.get("message", {}).get("content") if "message" in first else first.get("text")
    return str(said or "")


# Steering one


@require_POST
def go_on(request: HttpRequest, project: str, run: UUID) -> HttpResponse:
    """Start the whole after the pilot, or let it go further than it went."""
    opened = access.open(request, project, "manage")
    found = _run(opened, run)
    form = BoundsForm(request.POST, run=found)
    if not form.is_valid():
        context = {**_progress(request, found), **_about(found), "bounds": form}
        return render(request, "runs/run.html", context, status=422)
    try:
        steering.go_on(found, _person(request), form.bounds())
    except (RunError, control.NotNow) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, "Going on. What was made already counts.")
    return redirect("runs:run", project=project, run=run)


def _steered(change: Any, done: str) -> Any:
    @require_POST
    def view(request: HttpRequest, project: str, run: UUID) -> HttpResponse:
        opened = access.open(request, project, "manage")
        try:
            change(_run(opened, run), _person(request))
        except control.NotNow as refused:
            messages.error(request, str(refused))
        else:
            messages.success(request, done)
        return redirect("runs:run", project=project, run=run)

    return view


pause = _steered(steering.pause, "Paused. Answers that are under way are kept.")
resume = _steered(steering.resume, "Resumed where it was.")
cancel = _steered(steering.cancel, "Cancelled. What was made stays; it can be resumed.")


app_name = "runs"
urlpatterns = [
    path("", list_page, name="list"),
    path("new", create, name="create"),
    path("seeds", seeds, name="seeds"),
    path("<uuid:run>/", run, name="run"),
    path("<uuid:run>/progress", progress, name="progress"),
    path("<uuid:run>/losses", losses, name="losses"),
    path("<uuid:run>/calls/<uuid:call>", call, name="call"),
    path("<uuid:run>/go-on", go_on, name="go_on"),
    path("<uuid:run>/pause", pause, name="pause"),
    path("<uuid:run>/resume", resume, name="resume"),
    path("<uuid:run>/cancel", cancel, name="cancel"),
]
