"""Duplicates: clusters of passages that say nearly the same; one cluster with its texts side by side, to be ruled on."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Exists, F, Min, OuterRef, Q, QuerySet
from django.db.models.functions import Left
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from curation import access
from curation.actions import duplicates as actions
from curation.actions.duplicates import RulingError
from curation.models import Cluster, DuplicateRuling, Project, Queue
from curation.recipe.review.diff import sides
from curation.web import keyset, listing, standing
from curation.web.sign_in import person

#: Rulings that the list shows, the latest first.
RULINGS = 8
#: Members of a cluster that one page compares: each is a word-by-word diff.
COMPARED = 12


@require_GET
def list_page(request: HttpRequest, project: str) -> HttpResponse:
    """Every cluster, the largest first."""
    opened = access.open(request, project, "browse")
    filters = listing.Filters(request)
    rows = _clusters(request, opened)
    total = listing.count(rows)
    held_back = listing.count(opened.clusters.all()).value - total.value
    shown = (
        rows.select_related("representative__document")
        .only(
            *("project", "uuid", "size", "threshold", "rule", "created_at", "representative__uuid"),
            *("representative__heading", "representative__ordinal", "representative__language"),
            *("representative__document__title", "representative__document__address"),
            *("representative__document__sha256",),
        )
        .annotate(snippet=Left("representative__text", listing.SNIPPET))
    )
    page = keyset.page(request, shown, ("-size", "-id"))
    context = {"page": page, "total": total, "held_back": held_back}
    context |= {"rulings": _rulings(opened), "pairs": _queue_of_pairs(opened)}
    return listing.respond(request, "duplicates", filters, context)


def _clusters(request: HttpRequest, project: Project) -> QuerySet[Cluster]:
    """The clusters that this person may see: none that would answer a pair for them."""
    return project.clusters.exclude(pk__in=access.hidden_clusters(request.user).values("pk"))


def _rulings(project: Project) -> list[dict[str, Any]]:
    """What people said of clusters, ruling by ruling: how many pairs it told apart or put together, and whether it stands."""
    rows = (
        DuplicateRuling.objects.filter(project=project, batch__isnull=False)
        .values("batch", "by__name", "by__email")
        .annotate(
            said_at=Min("created_at"),
            taken_back_at=Min("taken_back_at"),
            together=Count("pk", filter=Q(same=True)),
            apart=Count("pk", filter=Q(same=False)),
        )
        .order_by("-said_at")
    )
    return [dict(row) for row in rows[:RULINGS]]


def _queue_of_pairs(project: Project) -> Queue | None:
    return project.queues.filter(kind=Queue.Kind.PAIRS, archived_at=None).order_by("id").first()


@require_GET
def cluster(request: HttpRequest, project: str, cluster: UUID) -> HttpResponse:
    """One cluster: its representative, the rule that chose it, and the others as differences from it."""
    opened = access.open(request, project, "browse")
    held_back = access.hidden_clusters(request.user).filter(pk=OuterRef("pk"))
    rows: Any = opened.clusters.select_related("representative__document", "model")
    found = get_object_or_404(rows.annotate(held_back=Exists(held_back)), uuid=cluster)
    if found.held_back:
        messages.info(
            request, "This cluster holds a pair that waits for your own answer. It is shown after that."
        )
        return redirect("duplicates:list", project=opened.slug)
    others = (
        found.members.exclude(passage=found.representative_id)
        .select_related("passage__document")
        .defer("passage__search")
        .annotate(title=F("passage__document__title"))
    )
    page = keyset.page(request, others, ("-similarity", "id"), size=COMPARED)
    hidden = access.hidden_scores(request.user, [row.passage_id for row in page])
    sees_scores = access.may(request, "see_scores")
    standing.show(
        page.rows,
        lambda row: standing.of_passage(
            row.passage, sees_scores=sees_scores, hidden=row.passage_id in hidden
        ),
    )
    for row in page:
        row.sides = sides(found.representative.text, row.passage.text)
    context = {
        "cluster": found,
        "representative": found.representative,
        "page": page,
        "beyond": max(0, found.size - 1 - len(page)),
        "may_rule": access.may(request, "resolve") and not opened.archived_at,
        **_neighbours(_clusters(request, opened), found),
    }
    return render(request, "duplicates/cluster.html", context)


def _neighbours(clusters: QuerySet[Cluster], here: Cluster) -> dict[str, Cluster | None]:
    """The clusters before and after one, the largest first."""
    light = clusters.only("uuid", "size")
    before = light.filter(Q(size__gt=here.size) | Q(size=here.size, id__gt=here.pk))
    after = light.filter(Q(size__lt=here.size) | Q(size=here.size, id__lt=here.pk))
    return {
        "previous": before.order_by("size", "id").first(),
        "following": after.order_by("-size", "-id").first(),
    }


@require_POST
def rule(request: HttpRequest, project: str, cluster: UUID) -> HttpResponse:
    """Keep the ticked passages and leave the others out as their duplicates; or say that they are no duplicates."""
    opened = access.open(request, project, "resolve")
    found = get_object_or_404(opened.clusters.all(), uuid=cluster)
    following = _neighbours(_clusters(request, opened), found)["following"]
    keep = {int(key) for key in request.POST.getlist("keep") if key.isdigit()}
    try:
        if request.POST.get("action") == "apart":
            actions.not_duplicates(found, person(request))
            said = "Told apart: they are kept, and will not be put together again."
        else:
            actions.rule_on_cluster(found, keep, person(request))
            said = f"Kept {len(keep)} of {found.size:,}."
    except RulingError as refusal:
        messages.error(request, str(refusal))
        return redirect("duplicates:cluster", project=opened.slug, cluster=found.uuid)
    messages.success(request, f"{said} It can be taken back on the page of duplicates.")
    if following:
        return redirect("duplicates:cluster", project=opened.slug, cluster=following.uuid)
    return redirect("duplicates:list", project=opened.slug)


@require_POST
def take_back(request: HttpRequest, project: str, ruling: UUID) -> HttpResponse:
    """What was said of a cluster no longer holds."""
    opened = access.open(request, project, "resolve")
    if not opened.duplicate_rulings.filter(batch=ruling).exists():
        raise Http404("No such ruling.")
    if actions.take_back(opened, ruling, person(request)):
        messages.success(request, "Taken back. Clusters are drawn anew.")
    else:
        messages.info(request, "This was taken back already.")
    return redirect("duplicates:list", project=opened.slug)


@require_POST
def draw(request: HttpRequest, project: str) -> HttpResponse:
    """Put a sample of pairs near the threshold into the queue of pairs."""
    opened = access.open(request, project, "manage")
    try:
        queue = actions.draw_pairs(opened, person(request), wanted=opened.settings.pairs_decisions)
    except RulingError as refusal:
        messages.error(request, str(refusal))
        return redirect("duplicates:list", project=opened.slug)
    messages.success(request, "Pairs on both sides of the threshold are in the queue.")
    return redirect("queues:page", project=opened.slug, queue=queue.uuid)


app_name = "duplicates"
urlpatterns = [
    path("", list_page, name="list"),
    path("pairs", draw, name="draw"),
    path("rulings/<uuid:ruling>/take-back", take_back, name="take_back"),
    path("<uuid:cluster>/", cluster, name="cluster"),
    path("<uuid:cluster>/rule", rule, name="rule"),
]
