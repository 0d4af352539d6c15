"""Documents: the list, and the page of one with its text, places, signals and lineage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Substr
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.views.decorators.http import require_GET

from curation import access
from curation.models import (
    Document,
    Extraction,
    ImportFile,
    Occurrence,
    Passage,
    Project,
    Signals,
    Source,
    lineage,
)
from curation.recipe.ingest.cleaning import find
from curation.web import keyset, listing, scores, sides, standing, strips
from curation.web.signals import signals_of

#: Characters of a text that one page shows.
WINDOW = 40_000
PLACES_SHOWN = 20


@require_GET
def list_page(request: HttpRequest, project: str) -> HttpResponse:
    """Every document, newest first, by state, reason, language, source, kind, words of its title, and score."""
    opened = access.open(request, project, "browse")
    choices = listing.choices(opened)
    filters = listing.Filters(request)
    rows = _filtered(opened, filters, choices)
    by_score = scores.read_filter(request, filters, choices, "document")
    rows = by_score.narrow(rows)
    leaves_out = by_score.asked or request.GET.get("reason", "") in scores.TELLING
    if leaves_out:
        rows = scores.without_hidden(rows, request.user, level="document")
    total = listing.count(rows, filters.cap)
    light = scores.marked_hidden(_light(rows), request.user, level="document")
    page = keyset.page(request, light, by_score.order)
    sees_scores = access.may(request, "see_scores")
    standing.show(
        page.rows, lambda row: standing.of_document(row, sees_scores=sees_scores, hidden=row.hidden)
    )
    values = scores.values_of("document", by_score.rubrics, [row.pk for row in page])
    scores.hang(page.rows, by_score.rubrics, values)
    note = "Pages that wait for your own rating are not shown in this order." if leaves_out else ""
    return listing.respond(
        request,
        "documents",
        filters,
        {
            "page": page,
            "total": total,
            "rubrics": by_score.rubrics,
            "note": note,
            "may_manage": access.may(request, "manage"),
        },
    )


def _filtered(project: Project, filters: listing.Filters, choices: listing.Choices) -> QuerySet[Document]:
    rows = project.documents.all()
    if words := filters.search("q", "Title or address"):
        rows = rows.filter(Q(title__icontains=words) | Q(address__icontains=words))
    match filters.select("state", "State", STATES):
        case "kept":
            rows = rows.filter(left_out="").exclude(_UNJUDGED)
        case "left_out":
            rows = rows.exclude(left_out="")
        case "waiting":
            rows = rows.filter(_UNJUDGED, left_out="")
        case "":
            pass
        case _:
            rows = rows.none()
    if reason := filters.select("reason", "Left out because", standing.REASONS_OF["document"]):
        rows = rows.filter(left_out=reason)
    if language := filters.select("language", "Language", choices.languages):
        rows = rows.filter(language=language)
    if project.settings.personal_data and (
        found := filters.select("found", "Personal data and secrets", PERSONAL)
    ):
        rows = rows.filter(extraction__notes__has_key="found")
        if found != ANY:
            rows = rows.filter(extraction__notes__found__has_key=found)
    source = filters.select("source", "Source", choices.sources)
    kind = filters.select("kind", "Kind", Source.Kind.choices)
    sources = choices.sources_of(source, kind)
    if sources is not None:
        rows = rows.filter(pk__in=Occurrence.objects.filter(source__in=sources).values("document"))
    return rows


#: Not curated yet: the same words as in `models.funnel`.
_UNJUDGED = Q(extraction=None) | Q(assessed_at=None)
STATES = (("kept", "Kept"), ("left_out", "Left out"), ("waiting", "Not curated yet"))
#: What the texts of documents can be asked for: `cleaning.find.KINDS`.
ANY = "any"
PERSONAL = ((ANY, "Any of it"), *((key, kind.title) for key, kind in find.KINDS.items()))


def _light(rows: QuerySet[Document]) -> QuerySet[Document]:
    """What a list shows of a document and nothing more."""
    return rows.select_related("first_import__source").only(
        *("project", "uuid", "title", "address", "member", "sha256", "language", "characters"),
        *("extraction", "left_out", "left_out_detail", "assessed_at", "withdrawn_at", "created_at"),
        "first_import__source__name",
    )


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of a text: a passage, or what stands between two."""

    text: str
    passage: Passage | None = None


@require_GET
def document(request: HttpRequest, project: str, document: UUID) -> HttpResponse:
    """One document: its text with the passages marked, where it was found, its signals, scores and lineage."""
    opened = access.open(request, project, "browse")
    found = get_object_or_404(
        opened.documents.select_related("first_import", "extraction").defer("extraction__text"), uuid=document
    )
    at = _position(request, found.extraction)
    sees_scores = access.may(request, "see_scores")
    hidden = found.pk in access.hidden_pages(request.user, [found.pk])
    context = {
        "document": found,
        "standing": standing.of_document(found, sees_scores=sees_scores, hidden=hidden),
        "same": _same(found),
        "link": safe_link(found.address),
        "steps": strips.steps(opened, lineage.of_document(found)),
        "places": found.occurrences.select_related("source", "batch")[: PLACES_SHOWN + 1],
        "places_shown": PLACES_SHOWN,
        "scores_hidden": hidden,
        "scores": [] if hidden else scores.said_of(opened, found),
        "may_download": access.may(request, "manage"),
        "said": sides.said_of(found.extraction.notes) if found.extraction else [],
        **_text(request, found.extraction, at),
        **_measured(found),
    }
    return render(request, "documents/document.html", context)


def _same(document: Document) -> Document | None:
    """The document that was kept where this one is its exact duplicate."""
    if document.left_out != "exact_duplicate" or document.extraction is None:
        return None
    kept = Document.objects.filter(
        project=document.project_id, extraction__normal_sha256=document.extraction.normal_sha256, left_out=""
    )
    return kept.only("uuid", "title", "address", "sha256").first()


def _position(request: HttpRequest, extraction: Extraction | None) -> int:
    """Where the shown part of the text begins, a multiple of the window."""
    try:
        at = int(request.GET.get("at", "0"))
    except ValueError:
        at = 0
    last = max(0, (extraction.characters if extraction else 0) - 1)
    return min(max(at, 0), last) // WINDOW * WINDOW


def _text(request: HttpRequest, extraction: Extraction | None, at: int) -> dict[str, Any]:
    """The part of the text that is shown, cut in the database, with its passages."""
    if extraction is None:
        return {"stretches": [], "passages": 0}
    text = (
        Extraction.objects.filter(pk=extraction.pk)
        .annotate(part=Substr("text", at + 1, WINDOW))
        .values_list("part", flat=True)
        .get()
    )
    shown = extraction.passages.filter(start__lt=at + WINDOW, end__gt=at).order_by("start", "ordinal")
    passages = list(
        scores.marked_hidden(shown, request.user).only(
            "uuid", "ordinal", "start", "end", "heading", "left_out", "tokens"
        )
    )
    standing.show(passages, lambda row: standing.of_passage(row, hidden=row.hidden))
    end = at + WINDOW
    return {
        "stretches": stretches(text, at, passages),
        "passages": len(passages),
        "at": at,
        "until": min(end, extraction.characters),
        "before": at - WINDOW if at else None,
        "after": end if end < extraction.characters else None,
    }


def stretches(text: str, at: int, passages: list[Passage]) -> list[Stretch]:
    """Cut `text`, which begins at code point `at` of its extraction, at the bounds of its passages."""
    pieces: list[Stretch] = []
    done = 0
    for passage in passages:
        start, end = max(passage.start - at, done), min(passage.end - at, len(text))
        if end <= start:
            continue
        if text[done:start].strip():
            pieces.append(Stretch(text[done:start]))
        pieces.append(Stretch(text[start:end], passage))
        done = end
    if text[done:].strip():
        pieces.append(Stretch(text[done:]))
    return pieces


def _measured(document: Document) -> dict[str, Any]:
    extraction = document.extraction
    if extraction is None:
        return {"signals": [], "languages": [], "doubt": {}, "personal": []}
    return {
        "signals": signals_of(Signals.objects.filter(extraction=extraction)),
        "languages": [(code, share) for code, share in extraction.language_scores],
        "doubt": extraction.notes.get("language", {}),
        "personal": _personal(document.project, extraction),
    }


def _personal(project: Project, extraction: Extraction) -> list[tuple[str, int, bool]]:
    """(what, how many, whether masked) of the personal data and secrets in a text, where the project heeds them."""
    if not project.settings.personal_data:
        return []
    return [
        (find.KINDS[key].title if key in find.KINDS else key, count, name == "masked")
        for name in ("found", "masked")
        for key, count in extraction.notes.get(name, {}).items()
    ]


def safe_link(address: str) -> str:
    """The address when it can be followed; "" for anything but http and https."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return address if parts.scheme in ("http", "https") and parts.netloc else ""


@require_GET
def sides_page(request: HttpRequest, project: str, document: UUID) -> HttpResponse:
    """What came, what was made of it and what was cut, side by side; htmx gets the part alone, once somebody scrolls to it."""
    opened = access.open(request, project, "browse")
    found = get_object_or_404(
        opened.documents.select_related("stored_file", "extraction").defer("extraction__text"), uuid=document
    )
    text = ""
    if found.extraction_id:
        shown = Extraction.objects.filter(pk=found.extraction_id)
        text = shown.annotate(part=Substr("text", 1, sides.TEXT + 1)).values_list("part", flat=True).get()
    notes = found.extraction.notes if found.extraction else {}
    made = sides.of(_bytes_of(found), found.size, found.media_type, text, notes)
    part = bool(getattr(request, "htmx", False))
    template = "parts/_sides.html" if part else "documents/sides.html"
    return render(request, template, {"document": found, "sides": made})


@require_GET
def raw(request: HttpRequest, project: str, document: UUID) -> HttpResponse:
    """The document's bytes as they came, to be saved: never rendered in a page of ours."""
    opened = access.open(request, project, "manage")
    found = get_object_or_404(opened.documents.select_related("stored_file"), uuid=document)
    content = _bytes_of(found)
    if content is None:
        raise Http404("The file it came in is no longer there.")
    response = HttpResponse(content, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{found.sha256[:16]}.txt"'
    return response


def _bytes_of(document: Document) -> bytes | None:
    from curation.recipe.ingest.found import Ref
    from curation.recipe.ingest.rows import read_back

    files = ImportFile.objects.filter(stored_file=document.stored_file_id, batch__project=document.project_id)
    file = files.select_related("stored_file", "batch").order_by("pk").first()
    if file is None:
        return None
    ref = Ref(document.member, document.row, document.offset, document.length)
    try:
        with file.stored_file.local_path() as place:
            for _, content in read_back(place, file.name, [ref], file.mappings, file.batch.mapping):
                return content
    except FileNotFoundError:
        return None
    return None


app_name = "documents"
urlpatterns = [
    path("", list_page, name="list"),
    path("<uuid:document>/", document, name="document"),
    path("<uuid:document>/sides", sides_page, name="sides"),
    path("<uuid:document>/raw", raw, name="raw"),
]
