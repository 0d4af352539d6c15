"""Seeds: the list, and the page of one with its text, edits, samples, decisions and lineage."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce, Left
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.views.decorators.http import require_GET

from curation import access
from curation.models import Occurrence, Project, Seed, Source, lineage
from curation.web import keyset, listing, scores, standing, strips


@require_GET
def list_page(request: HttpRequest, project: str) -> HttpResponse:
    """Every seed, newest first, by state, language, source, kind, words of its document, and score."""
    opened = access.open(request, project, "browse")
    choices = listing.choices(opened)
    filters = listing.Filters(request)
    rows = _filtered(opened, filters, choices)
    by_score = scores.read_filter(request, filters, choices, "passage")
    rows = by_score.narrow(rows, "passage__scores")
    if by_score.asked:
        rows = scores.without_hidden(rows, request.user, "passage")
    total = listing.count(rows, filters.cap)
    page = keyset.page(request, scores.marked_hidden(_light(rows), request.user, "passage"), by_score.order)
    standing.show(page.rows, lambda row: standing.Standing(row.state))
    shown = [row.passage_id for row in page if row.passage_id]
    values = scores.values_of("passage", by_score.rubrics, shown)
    scores.hang(page.rows, by_score.rubrics, values, by="passage_id")
    note = "Seeds that wait for your own rating are not shown in this order." if by_score.asked else ""
    return listing.respond(
        request, "seeds", filters, {"page": page, "total": total, "rubrics": by_score.rubrics, "note": note}
    )


def _filtered(project: Project, filters: listing.Filters, choices: listing.Choices) -> QuerySet[Seed]:
    rows = project.seeds.all()
    if document := filters.row("document", "Of one document"):
        rows = rows.filter(passage__document__uuid=document)
    if words := filters.search("q", "Words"):
        asked = listing.words_query(words, [code for code, _ in choices.languages])
        found = project.passages.filter(search=asked) if asked else project.passages.none()
        rows = rows.filter(Q(passage__in=found) | Q(passage=None, text__icontains=words))
    if state := filters.select("state", "State", Seed.State.choices):
        rows = rows.filter(state=state)
    if language := filters.select("language", "Language", choices.languages):
        rows = rows.filter(passage__language=language)
    source = filters.select("source", "Source", choices.sources)
    kind = filters.select("kind", "Kind", Source.Kind.choices)
    sources = choices.sources_of(source, kind)
    if sources is not None:
        there = Occurrence.objects.filter(source__in=sources).values("document")
        rows = rows.filter(passage__document__in=there)
    return rows


def _light(rows: QuerySet[Seed]) -> QuerySet[Seed]:
    """What a list shows of a seed: the beginning of its text, cut in the database."""
    return (
        rows.select_related("passage__document")
        .only(
            *("project", "uuid", "state", "created_at", "text_version", "passage__language"),
            "passage__heading",
            *("passage__ordinal", "passage__document__title", "passage__document__address"),
            *("passage__document__uuid", "passage__document__sha256"),
        )
        .annotate(snippet=Left(Coalesce("text_version__text", "passage__text", "text"), listing.SNIPPET))
    )


@require_GET
def seed(request: HttpRequest, project: str, seed: UUID) -> HttpResponse:
    """One seed: its text and how it was edited, its tags, what was generated from it, decisions and lineage."""
    opened = access.open(request, project, "browse")
    found = get_object_or_404(
        opened.seeds.select_related(
            "passage__document", "passage__extraction", "text_version", "chosen_by"
        ).defer("passage__extraction__text", "passage__search"),
        uuid=seed,
    )
    items = list(found.items.select_related("queue"))
    passage = found.passage
    hidden = bool(passage and access.hidden_scores(request.user, [passage.pk]))
    context = {
        "seed": found,
        "passage": passage,
        "scores_hidden": hidden,
        "scores": scores.said_of(opened, passage) if passage and not hidden else [],
        "steps": strips.steps(opened, lineage.of_seed(found)),
        "decisions": access.visible_decisions(request.user, request.role, items),  # type: ignore[attr-defined]
        "items": items,
        "tags": [(name, value) for name, value in found.tags.items() if value not in ("", [], None)],
        "standing": standing.Standing(found.state),
    }
    return render(request, "seeds/seed.html", context)


app_name = "seeds"
urlpatterns = [
    path("", list_page, name="list"),
    path("<uuid:seed>/", seed, name="seed"),
]
