"""Passages: the list, and the page of one in its document, with scores, duplicates, decisions and lineage."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Left, Substr
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.views.decorators.http import require_GET

from curation import access
from curation.models import (
    ClusterMember,
    Embedding,
    EmbeddingModel,
    Extraction,
    Item,
    Occurrence,
    Passage,
    Project,
    Score,
    Signals,
    Source,
    lineage,
)
from curation.recipe.scoring import topics
from curation.web import areas, keyset, listing, scores, standing, strips
from curation.web.signals import signals_of

#: Characters of the document that are shown on each side of a passage.
AROUND = 1_500
COMPANIONS = 6
STATES = (("kept", "Kept"), ("left_out", "Left out"))
HAS = (("embedded", "A vector"), ("scored", "Scores"))


@require_GET
def list_page(request: HttpRequest, project: str) -> HttpResponse:
    """Every passage, newest first, by state, reason, language, topic, source, kind, words of its heading, an area of the map, and score."""
    opened = access.open(request, project, "browse")
    choices = listing.choices(opened)
    filters = listing.Filters(request)
    rows = _filtered(opened, filters, choices)
    rows, outside = areas.narrow(opened, filters, rows)
    by_score = scores.read_filter(request, filters, choices, "passage")
    rows = by_score.narrow(rows)
    reason = request.GET.get("reason", "")
    leaves_out = by_score.asked or reason in scores.TELLING
    if leaves_out:
        rows = scores.without_hidden(rows, request.user)
    total = listing.count(rows, filters.cap)
    page = keyset.page(request, scores.marked_hidden(_light(rows), request.user), by_score.order)
    sees_scores = access.may(request, "see_scores")
    standing.show(page.rows, lambda row: standing.of_passage(row, sees_scores=sees_scores, hidden=row.hidden))
    values = scores.values_of("passage", by_score.rubrics, [row.pk for row in page])
    scores.hang(page.rows, by_score.rubrics, values)
    note = outside or (
        "Passages that wait for your own rating are not shown in this order." if leaves_out else ""
    )
    return listing.respond(
        request,
        "passages",
        filters,
        {
            "page": page,
            "total": total,
            "rubrics": by_score.rubrics,
            "note": note,
            "map_url": areas.on_the_map(opened, request),
        },
    )


def _filtered(project: Project, filters: listing.Filters, choices: listing.Choices) -> QuerySet[Passage]:
    rows = project.passages.all()
    if document := filters.row("document", "Of one document"):
        rows = rows.filter(document__uuid=document)
    if words := filters.search("q", "Words"):
        asked = listing.words_query(words, [code for code, _ in choices.languages])
        rows = rows.filter(search=asked) if asked else rows.none()
    match filters.select("state", "State", STATES):
        case "kept":
            rows = rows.filter(left_out="")
        case "left_out":
            rows = rows.exclude(left_out="")
        case "":
            pass
        case _:
            rows = rows.none()
    match filters.select("has", "Has", HAS):
        case "embedded":
            rows = rows.filter(Exists(_vectors(project)))
        case "scored":
            for rubric in choices.of_level("passage"):
                rows = rows.filter(Exists(Score.objects.filter(scorer=rubric.scorer, passage=OuterRef("pk"))))
        case "":
            pass
        case _:
            rows = rows.none()
    if reason := filters.select("reason", "Left out because", standing.REASONS_OF["passage"]):
        rows = rows.filter(left_out=reason)
    if language := filters.select("language", "Language", choices.languages):
        rows = rows.filter(language=language)
    if topic := filters.select("topic", "Topic", topics.NAMES.items()):
        rows = rows.filter(document__topic=topic)
    source = filters.select("source", "Source", choices.sources)
    kind = filters.select("kind", "Kind", Source.Kind.choices)
    sources = choices.sources_of(source, kind)
    if sources is not None:
        rows = rows.filter(document__in=Occurrence.objects.filter(source__in=sources).values("document"))
    return rows


def _vectors(project: Project) -> QuerySet[Embedding]:
    """Vectors of a passage's text under the project's model."""
    model = EmbeddingModel.objects.of_project(project)
    return Embedding.objects.filter(model=model, text_sha256=OuterRef("text_sha256"))


def _light(rows: QuerySet[Passage]) -> QuerySet[Passage]:
    """What a list shows of a passage: the beginning of its text, cut in the database."""
    return (
        rows.select_related("document")
        .only(
            *("project", "uuid", "ordinal", "heading", "tokens", "language", "left_out", "left_out_detail"),
            *("document__uuid", "document__title", "document__address", "document__sha256"),
        )
        .annotate(snippet=Left("text", listing.SNIPPET))
    )


@require_GET
def passage(request: HttpRequest, project: str, passage: UUID) -> HttpResponse:
    """One passage: its text, where it stands in its document, scores, duplicates, decisions and lineage."""
    opened = access.open(request, project, "browse")
    found = get_object_or_404(
        opened.passages.select_related("document", "extraction").defer("extraction__text", "search"),
        uuid=passage,
    )
    hidden = found.pk in access.hidden_scores(request.user, [found.pk])
    sees_scores = access.may(request, "see_scores")
    telling = access.hidden_clusters(request.user)
    paired = telling.filter(members__passage=found).exists()
    items = list(Item.objects.filter(Q(passage=found) | Q(seed__passage=found)).select_related("queue"))
    context = {
        "passage": found,
        "standing": standing.of_passage(found, sees_scores=sees_scores, hidden=hidden, paired=paired),
        "same": _same(found),
        "scores_hidden": hidden,
        "scores": [] if hidden else scores.said_of(opened, found),
        "steps": strips.steps(opened, lineage.of_passage(found)),
        "signals": signals_of(Signals.objects.filter(passage=found)),
        "decisions": access.visible_decisions(request.user, request.role, items),  # type: ignore[attr-defined]
        "items": items,
        **around(found),
        **_beside(found),
        **({} if paired else companions(found)),
    }
    return render(request, "passages/passage.html", context)


def _same(passage: Passage) -> Passage | None:
    """The passage that was kept where this one is its exact duplicate."""
    if passage.left_out != "exact_duplicate" or not passage.normal_sha256:
        return None
    twins = Passage.objects.filter(project=passage.project_id, normal_sha256=passage.normal_sha256)
    return twins.exclude(left_out="exact_duplicate").select_related("document").defer("search").first()


def around(passage: Passage) -> dict[str, Any]:
    """The document's text just before and after a passage, cut in the database."""
    start = max(0, passage.start - AROUND)
    before, after = (
        Extraction.objects.filter(pk=passage.extraction_id)
        .annotate(
            before=Substr("text", start + 1, passage.start - start),
            after=Substr("text", passage.end + 1, AROUND),
        )
        .values_list("before", "after")
        .get()
    )
    more = passage.extraction.characters - passage.end > AROUND
    return {"before": before, "after": after, "cut_before": start > 0, "cut_after": more}


def _beside(passage: Passage) -> dict[str, Any]:
    """The passages before and after it in its document."""
    near = Passage.objects.filter(
        extraction=passage.extraction_id, ordinal__in=[passage.ordinal - 1, passage.ordinal + 1]
    ).values("uuid", "ordinal")
    by_place = {row["ordinal"]: row["uuid"] for row in near}
    return {"previous": by_place.get(passage.ordinal - 1), "next": by_place.get(passage.ordinal + 1)}


def companions(passage: Passage) -> dict[str, Any]:
    """The newest cluster it belongs to, with the members most like its representative."""
    own = (
        ClusterMember.objects.filter(passage=passage, cluster__project=passage.project_id)
        .select_related("cluster")
        .order_by("-cluster")
        .first()
    )
    if own is None:
        return {"cluster": None, "companions": []}
    others = (
        own.cluster.members.exclude(passage=passage)
        .annotate(
            snippet=Left("passage__text", listing.SNIPPET),
            uuid=F("passage__uuid"),
            title=F("passage__document__title"),
        )
        .order_by("-similarity", "id")[:COMPANIONS]
    )
    return {"cluster": own.cluster, "membership": own, "companions": others}


app_name = "passages"
urlpatterns = [
    path("", list_page, name="list"),
    path("<uuid:passage>/", passage, name="passage"),
]
