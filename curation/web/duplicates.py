"""Duplicates: clusters of passages that say nearly the same, and one cluster with its texts side by side."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.views.decorators.http import require_GET

from curation import access
from curation.recipe.review.diff import sides
from curation.web import keyset, listing, standing

#: Members of a cluster that one page compares: each is a word-by-word diff.
COMPARED = 12


@require_GET
def list_page(request: HttpRequest, project: str) -> HttpResponse:
    """Every cluster, the largest first."""
    opened = access.open(request, project, "browse")
    filters = listing.Filters(request)
    rows = opened.clusters.all()
    total = listing.count(rows)
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
    return listing.respond(request, "duplicates", filters, {"page": page, "total": total})


@require_GET
def cluster(request: HttpRequest, project: str, cluster: UUID) -> HttpResponse:
    """One cluster: its representative, the rule that chose it, and the others as differences from it."""
    opened = access.open(request, project, "browse")
    found = get_object_or_404(
        opened.clusters.select_related("representative__document", "model"), uuid=cluster
    )
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
    context = {"cluster": found, "representative": found.representative, "page": page}
    return render(request, "duplicates/cluster.html", context)


app_name = "duplicates"
urlpatterns = [
    path("", list_page, name="list"),
    path("<uuid:cluster>/", cluster, name="cluster"),
]
