"""Jobs: what runs in the background and what ran, with progress, failures, cancel and resume."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from curation import access
from curation.jobs import control
from curation.models import Chunk, Job, Project, Spending
from curation.recipe.reasons import REASONS
from curation.web import keyset, listing

#: Jobs of one chain that are shown; a chain has as many as the pipeline has stages.
CHAIN = 40
MISHAPS = 50


@require_GET
def list_page(request: HttpRequest, project: str) -> HttpResponse:
    """Every job, newest first, by state and kind."""
    opened = access.open(request, project, "browse")
    filters = listing.Filters(request)
    rows = opened.jobs.select_related("created_by")
    if state := filters.select("state", "State", Job.State.choices):
        rows = rows.filter(state=state)
    if kind := filters.select("kind", "Kind", kinds()):
        rows = rows.filter(kind=kind)
    total = listing.count(rows)
    page = keyset.page(request, rows.defer("options", "result"))
    sums = _sums(page.rows)
    for job in page:
        job.said = said(job.kind)
        job.sums = sums.get(job.pk, {})
    active = any(job.is_active for job in page)
    return listing.respond(
        request, "jobs", filters, {"page": page, "total": total, "active": active, "here": filters.address}
    )


def kinds() -> list[tuple[str, str]]:
    """(name, title) of every job kind the studio knows."""
    from curation.jobs.kinds import KINDS

    return [(name, kind.title) for name, kind in KINDS.items()]


def said(name: str) -> dict[str, str]:
    """A kind's words: title and unit; its bare name when this studio does not know it."""
    from curation.jobs.kinds import KINDS

    kind = KINDS.get(name)
    return {"title": kind.title, "unit": kind.unit} if kind else {"title": name, "unit": "records"}


def _sums(jobs: Iterable[Job]) -> dict[int, dict[str, Any]]:
    """Progress and counts of the jobs of one page, in one query."""
    counted = (
        Chunk.objects.filter(job__in=[job.pk for job in jobs])
        .order_by()
        .values("job")
        .annotate(
            total=Sum("size"),
            settled=Sum("size", filter=Q(state=Chunk.State.DONE), default=0),
            moving=Sum("beaten", filter=Q(state=Chunk.State.RUNNING), default=0),
            left_out=Sum("dropped"),
            broken=Sum("failed"),
        )
    )
    return {row["job"]: {**row, "done": row["settled"] + row["moving"]} for row in counted}


@require_GET
def job(request: HttpRequest, project: str, job: UUID) -> HttpResponse:
    """One job: progress, pieces by state, what failed, what came before and what follows."""
    opened = access.open(request, project, "browse")
    found = _job(opened, job)
    mishaps = keyset.page(request, found.mishaps.all(), ("id",), size=MISHAPS)
    context = {**_progress(request, found), "mishaps": mishaps, "chain": _chain(found)}
    return render(request, "jobs/job.html", context)


@require_GET
def progress(request: HttpRequest, project: str, job: UUID) -> HttpResponse:
    """The part of a job's page that moves; without htmx it leads to the page."""
    found = _job(access.open(request, project, "browse"), job)
    if not getattr(request, "htmx", False):
        return redirect("jobs:job", project=project, job=job)
    return render(request, "jobs/_progress.html", _progress(request, found))


def _job(project: Project, uuid: UUID) -> Job:
    return get_object_or_404(project.jobs.select_related("created_by", "follows"), uuid=uuid)


def _progress(request: HttpRequest, job: Job) -> dict[str, Any]:
    counted = dict(job.chunks.order_by().values_list("state").annotate(n=Count("id")))
    pieces = [(str(label), counted.get(value, 0)) for value, label in Chunk.State.choices]
    errors = job.chunks.exclude(error="").order_by("ordinal").values("ordinal", "error", "tries", "state")[:5]
    return {
        "job": job,
        "said": said(job.kind),
        "progress": job.progress(),
        "pieces": [(label, n) for label, n in pieces if n],
        "errors": errors,
        "results": [
            (_words(name), _plain(value)) for name, value in job.result.items() if value not in ({}, [])
        ],
        "spent": _spent(job),
        "may_manage": access.may(request, "manage"),
    }


def _spent(job: Job) -> str:
    """What a job that asks language models has spent of its budget so far; when it has ended its result says it."""
    if job.result or not (spent := Spending.objects.of(job)).calls:
        return ""
    most_tokens, most_money = job.options.get("budget_tokens"), job.options.get("budget_money")
    words = [
        f"{spent.calls:,} calls, {spent.tokens:,} tokens" + (f" of {most_tokens:,}" if most_tokens else "")
    ]
    if spent.money:
        words.append(f"{spent.money:,.4f}" + (f" of {most_money}" if most_money else "") + " in money")
    if spent.lost:
        words.append(f"at most {spent.lost:,} tokens more by calls that were cut off")
    return "; ".join(words)


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _plain(value: Any) -> str:
    """A job's result in words; counts per reason by the reasons' titles."""
    if isinstance(value, dict):
        titled = [
            (REASONS[key].title if key in REASONS else _words(key), entry) for key, entry in value.items()
        ]
        return ", ".join(f"{title} {_plain(entry)}" for title, entry in titled)
    if isinstance(value, list):
        return ", ".join(_plain(entry) for entry in value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _chain(job: Job) -> list[dict[str, Any]]:
    """The jobs before and after this one, oldest first, and the kinds that have yet to begin. One query."""
    family = """
        WITH RECURSIVE up AS (SELECT id, follows_id FROM curation_job WHERE id = %(job)s
                              UNION SELECT j.id, j.follows_id FROM curation_job j JOIN up ON j.id = up.follows_id),
                       down AS (SELECT id FROM curation_job WHERE id = %(job)s
                                UNION SELECT j.id FROM curation_job j JOIN down ON j.follows_id = down.id)
        SELECT j.* FROM curation_job j WHERE j.project_id = %(project)s
           AND j.id IN (SELECT id FROM up UNION SELECT id FROM down) ORDER BY j.id LIMIT %(most)s
    """
    rows = list(Job.objects.raw(family, {"job": job.pk, "project": job.project_id, "most": CHAIN}))
    shown: list[dict[str, Any]] = [{"job": row, **said(row.kind), "here": row.pk == job.pk} for row in rows]
    last = rows[-1] if rows else job
    return shown + [{"job": None, **said(kind), "here": False} for kind in last.then]


@require_POST
def cancel(request: HttpRequest, project: str, job: UUID) -> HttpResponse:
    """Stop a job between two batches; what it saved stays."""
    return _change(
        request, project, job, control.cancel, "Cancelled. What was done stays; resume goes on from there."
    )


@require_POST
def resume(request: HttpRequest, project: str, job: UUID) -> HttpResponse:
    """Go on with what is not done."""
    return _change(request, project, job, control.resume, "Resumed with what was not done.")


def _change(request: HttpRequest, slug: str, uuid: UUID, change: Any, done: str) -> HttpResponse:
    opened = access.open(request, slug, "manage")
    found = _job(opened, uuid)
    try:
        change(found)
    except control.NotNow as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, done)
    return redirect("jobs:job", project=slug, job=uuid)


app_name = "jobs"
urlpatterns = [
    path("", list_page, name="list"),
    path("<uuid:job>/", job, name="job"),
    path("<uuid:job>/progress", progress, name="progress"),
    path("<uuid:job>/cancel", cancel, name="cancel"),
    path("<uuid:job>/resume", resume, name="resume"),
]
