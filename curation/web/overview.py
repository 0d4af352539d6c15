"""The project's home: the funnel, scores, languages, people's progress, what runs and what asks for action."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.cache import cache
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from curation import access
from curation.actions import curation
from curation.models import Project, overview
from curation.models.funnel import Funnel, funnel
from curation.recipe.reasons import REASONS
from curation.web.frame import Frame
from curation.web.jobs import said
from curation.web.links import link

#: Counting a large project takes a while. What took longer than this (seconds) is shown again for some time…
CHEAP = 0.15
#: …namely this many times as long as it took, but no longer than this (seconds).
REPEAT, LONGEST = 40, 60
REASONS_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Figures:
    """What is counted over all rows of a project, and when."""

    funnel: Funnel
    seeds: dict[str, int]
    samples: dict[str, int]
    histograms: list[overview.Histogram]
    languages: list[tuple[str, int]]
    counted_at: datetime


def figures(project: Project) -> Figures:
    """Counted now, or a short while ago where that is dear; `counted_at` says so."""
    knobs = "-".join(f"{name}:{value}" for name, value in sorted(project.knobs.items()))
    key = f"overview-{project.pk}-{knobs}"
    if found := cache.get(key):
        return found
    began = time.monotonic()
    counted = Figures(
        funnel=funnel(project, approved=False),
        seeds=_by_state(project.seeds),
        samples=_by_state(project.samples),
        histograms=overview.histograms(project),
        languages=overview.languages(project),
        counted_at=timezone.now(),
    )
    took = time.monotonic() - began
    if took > CHEAP:
        cache.set(key, counted, min(LONGEST, REPEAT * took))
    return counted


def _by_state(rows: Any) -> dict[str, int]:
    return dict(rows.order_by().values_list("state").annotate(n=Count("pk")))


@require_GET
def page(request: HttpRequest, project: str) -> HttpResponse:
    """Everything about a project on one page; every number leads to the rows behind it."""
    opened = access.open(request, project, "browse")
    counted = figures(opened)
    sees_people = access.may(request, "see_decisions")
    queues = overview.progress(opened, None if sees_people else request.user)  # type: ignore[arg-type]
    failed = overview.failed_jobs(opened)
    for job in failed:
        job.said = said(job.kind)  # type: ignore[attr-defined]
    context = {
        "figures": counted,
        "funnels": _funnels(opened, counted),
        "histograms": [_histogram(request, opened, entry) for entry in counted.histograms],
        "languages": _languages(opened, counted.languages),
        "queues": queues,
        "sees_people": sees_people,
        "failed": failed,
        "waiting": overview.totals(queues),
        "may_manage": access.may(request, "manage"),
        "may_resolve": access.may(request, "resolve"),
        "sources_url": link("sources:list", opened),
        "disputes_url": link("disputes:list", opened),
        "fresh": (timezone.now() - counted.counted_at).total_seconds() < 2,
    }
    return render(request, "overview/page.html", context)


def _funnels(project: Project, counted: Figures) -> list[dict[str, Any]]:
    """Three funnels, each in its own unit: documents, passages down to approved seeds, samples."""
    sums = counted.funnel
    documents = [
        _stage(project, "Documents", sums.documents, "documents"),
        _stage(
            *(project, "Kept", sums.kept - sums.waiting, "documents", {"state": "kept"}),
            lost=[
                *_lost(project, "documents", sums.left_out),
                *_waiting(project, sums.waiting),
            ],
        ),
    ]
    passages = [
        _stage(project, "Passages", sums.passages, "passages"),
        _stage(project, "Embedded", sums.embedded, "passages", {"has": "embedded"}),
        _stage(project, "Scored", sums.scored, "passages", {"has": "scored"}),
        _stage(
            *(project, "Kept", sums.passages_kept, "passages", {"state": "kept"}),
            lost=_lost(project, "passages", sums.passages_left_out),
        ),
        _stage(project, "Seeds", sum(counted.seeds.values()), "seeds"),
        _stage(
            *(project, "Approved seeds", counted.seeds.get("approved", 0), "seeds", {"state": "approved"}),
            lost=_states(project, "seeds", counted.seeds),
        ),
    ]
    samples = [
        _stage(project, "Samples", sum(counted.samples.values()), "samples"),
        _stage(
            *(project, "Approved", counted.samples.get("approved", 0), "samples", {"state": "approved"}),
            lost=_states(project, "samples", counted.samples),
        ),
    ]
    groups = (("Documents", documents), ("Passages and seeds", passages), ("Samples", samples))
    return [{"title": title, "stages": stages} for title, stages in groups if stages[0]["count"]]


def _stage(
    project: Project,
    label: str,
    count: int,
    area: str,
    narrowed: dict[str, str] | None = None,
    lost: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    return {"label": label, "count": count, "url": _rows(project, area, narrowed or {}), "lost": lost or []}


def _rows(project: Project, area: str, narrowed: dict[str, Any]) -> str:
    address = link(f"{area}:list", project)
    return f"{address}?{urlencode(narrowed)}" if narrowed else address


def _lost(project: Project, area: str, left_out: dict[str, int]) -> list[dict[str, Any]]:
    """The reasons, the most frequent first."""
    return [
        {
            "label": REASONS[key].title if key in REASONS else key,
            "count": count,
            "url": _rows(project, area, {"reason": key}),
        }
        for key, count in left_out.items()
    ]


def _waiting(project: Project, count: int) -> list[dict[str, Any]]:
    url = _rows(project, "documents", {"state": "waiting"})
    return [{"label": "Not curated yet", "count": count, "url": url}] if count else []


def _states(project: Project, area: str, counts: dict[str, int]) -> list[dict[str, Any]]:
    words = {"candidate": "Candidates", "rejected": "Rejected", "withdrawn": "Withdrawn"}
    return [
        {"label": word, "count": counts[state], "url": _rows(project, area, {"state": state})}
        for state, word in words.items()
        if counts.get(state)
    ]


def _histogram(request: HttpRequest, project: Project, entry: overview.Histogram) -> dict[str, Any]:
    """Bars that lead to their rows, for those who may filter by score."""
    width = 5 / overview.BINS
    linked = access.may(request, "see_scores")
    area = f"{entry.level}s"
    bins = []
    for at, count in enumerate(entry.counts):
        start, end = at * width, (at + 1) * width
        asked = {"rubric": entry.rubric, "least": f"{start:g}", "below": f"{end:g}"}
        bins.append(
            {
                "start": start,
                "end": end,
                "count": count,
                "url": _rows(project, area, asked) if linked and count else "",
            }
        )
    return {
        "entry": entry,
        "bins": bins,
        "unit": area,
        "url": _rows(project, area, {"rubric": entry.rubric, "sort": "highest"}) if linked else "",
    }


def _languages(project: Project, counted: list[tuple[str, int]]) -> dict[str, Any]:
    known = [(code, count) for code, count in counted if code]
    most = known[0][1] if known else 0
    shown = [
        {"code": code, "count": count, "url": _rows(project, "documents", {"language": code})}
        for code, count in known[: overview.LANGUAGES]
    ]
    rest = known[overview.LANGUAGES :]
    return {"shown": shown, "most": most, "rest": len(rest), "rest_count": sum(count for _, count in rest)}


@require_POST
def curate(request: HttpRequest, project: str) -> HttpResponse:
    """Start every background step, from stored documents to seeds."""
    opened = access.open(request, project, "manage")
    try:
        job = curation.start_curation(opened, request.user)  # type: ignore[arg-type]
    except curation.NothingToCurate:
        messages.error(request, "There are no documents to curate yet. Import some into a source first.")
        return redirect("overview:page", project=project)
    return redirect("jobs:job", project=project, job=job.uuid)


@require_GET
def running(request: HttpRequest, project: str) -> HttpResponse:
    """The part that shows running jobs; when the last one ends, the page is read again."""
    access.open(request, project, "browse")
    if not Frame(request).jobs:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "overview/_running.html")


app_name = "overview"
urlpatterns = [
    path("", page, name="page"),
    path("curate", curate, name="curate"),
    path("running", running, name="running"),
]
