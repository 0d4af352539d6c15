"""Extracting again: what an older extractor made, decisions about texts that were replaced, and asking anew."""

from __future__ import annotations

from itertools import islice
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from curation import access
from curation.actions import rereading
from curation.actions.curation import NothingToCurate, under_way
from curation.jobs.kinds.extract_again import outdated
from curation.models import Item
from curation.models.stale import stale_items
from curation.web import keyset

COUNTED = 10_000


@require_GET
def page(request: HttpRequest, project: str) -> HttpResponse:
    """How many texts an older extractor made, and every decision that stands on a text which was replaced."""
    opened = access.open(request, project, "manage")
    rows = stale_items(opened).select_related(
        "queue", "document", "passage__document", "seed__passage__document"
    )
    found = keyset.page(request, rows.defer("passage__text", "passage__search"), ("-id",), size=50)
    for item in found.rows:
        item.about = _document_of(item)
    context = {
        "page": found,
        "outdated": sum(1 for _ in islice(outdated(opened), COUNTED + 1)),
        "counted": COUNTED,
        "under_way": under_way(opened),
    }
    return render(request, "documents/again.html", context)


def _document_of(item: Item) -> Any:
    if item.document is not None:
        return item.document
    passage = item.passage or (item.seed.passage if item.seed else None)
    return passage.document if passage else None


@require_POST
def start(request: HttpRequest, project: str) -> HttpResponse:
    """Make the texts anew, in the background, with every step after it."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    try:
        job = rereading.start(opened, user)
    except NothingToCurate as error:
        messages.error(request, str(error))
        return redirect("again:page", project=opened.slug)
    return redirect("jobs:job", project=opened.slug, job=job.uuid)


@require_POST
def ask(request: HttpRequest, project: str) -> HttpResponse:
    """Put what replaced the old texts into queues of their own."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    try:
        made = rereading.ask_again(opened, user)
    except rereading.NothingStale as error:
        messages.info(request, str(error))
        return redirect("again:page", project=opened.slug)
    messages.success(request, f"Made: {', '.join(queue.name for queue in made)}. The old decisions stay.")
    return redirect("queues:list", project=opened.slug)


app_name = "again"
urlpatterns = [
    path("", page, name="page"),
    path("start", start, name="start"),
    path("ask", ask, name="ask"),
]
