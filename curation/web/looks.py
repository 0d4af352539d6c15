"""What a review page fetches or keeps beside deciding: drafts, the edited text as it will look, the passage in its document, its neighbours, and
of a sample the steps of its chain and its earlier texts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from curation.actions import review as actions
from curation.models import SampleStep
from curation.models.neighbours import nearest_to_passage
from curation.web import answering, cards
from curation.web.chain import opened
from curation.web.items import by_script, item_of, refused
from curation.web.sign_in import person

NEIGHBOURS = 4
#: Less alike than this are only about the same kind of thing, if that: no news to somebody who decides.
CLOSE = 0.5
CONTEXT_CHARACTERS = 4_000  # of the document on each side of a passage


@never_cache
@require_POST
def draft(request: HttpRequest, project: str, item: UUID) -> HttpResponse:
    """Keep what is being typed; `base` is the version it was typed on, `round` the item's when the page was made.

    200 {version} · 204 when this person has decided meanwhile · 409 with the other tab's draft and a diff.
    """
    found = item_of(request, project, item)
    typed = answering.typed_in(request.POST)
    base, of_round = (request.POST.get(name, "") for name in ("base", "round"))
    try:
        saved = actions.save_draft(
            person(request),
            found,
            typed,
            int(base) if base.isdigit() else 0,
            int(of_round) if of_round.isdigit() else None,
        )
    except actions.DraftConflict as conflict:
        shown = cards.show(found, person(request), typed=typed)
        theirs = cards.show(found, person(request), typed=conflict.draft.payload)
        html = render_to_string("review/_conflict.html", {"mine": shown, "theirs": theirs}, request)
        body = {"version": conflict.draft.version, "payload": conflict.draft.payload, "html": html}
        return JsonResponse(body | {"message": str(conflict)}, status=409)
    except actions.NotAsked as refusal:
        return refused(refusal)
    return JsonResponse({"version": saved.version}) if saved else HttpResponse(status=204)


@never_cache
@require_POST
def preview(request: HttpRequest, project: str, item: UUID) -> HttpResponse:
    """The edited text as a difference and as it will look."""
    found = item_of(request, project, item)
    shown = cards.show(found, person(request), typed=answering.typed_in(request.POST))
    return render(request, "review/_text.html", {"shown": shown})


@require_GET
def context(request: HttpRequest, project: str, item: UUID) -> HttpResponse:
    """The passage highlighted in its document, with some thousand characters on each side."""
    found = item_of(request, project, item)
    passage = cards.show(found, person(request)).passage
    if passage is None:
        raise Http404("This item has no passage.")
    text = passage.extraction.text
    first, last = max(0, passage.start - CONTEXT_CHARACTERS), min(len(text), passage.end + CONTEXT_CHARACTERS)
    window = {
        "passage": passage,
        "text": text[first:last],
        "start": passage.start - first,
        "end": passage.end - first,
        "before": first,
        "after": len(text) - last,
    }
    as_part = by_script(request) or request.headers.get("HX-Request")
    template = "review/_context.html" if as_part else "review/context.html"
    return render(request, template, window | {"item": found, "queue": found.queue, "quiet_frame": True})


@require_GET
def near(request: HttpRequest, project: str, item: UUID) -> HttpResponse:
    """The passages nearest to the item's, by meaning; 204 before it was embedded."""
    found = item_of(request, project, item)
    passage = cards.show(found, person(request)).passage
    if passage is None:
        raise Http404("This item has no passage.")
    passage.project = found.queue.project
    neighbours = nearest_to_passage(passage, NEIGHBOURS)
    if not neighbours:
        return HttpResponse(status=204)
    close = [one for one in neighbours if one.similarity >= CLOSE]
    return render(request, "review/_near.html", {"neighbours": close, "least": CLOSE})


@never_cache
@require_GET
def step(request: HttpRequest, project: str, item: UUID, ordinal: int) -> HttpResponse:
    """One step of a sample's chain: what it came to, what it changed, its prompt and raw answer. A part, or a page of its own."""
    found = item_of(request, project, item)
    rows = SampleStep.objects.select_related("sample").defer("sample__search")
    row = get_object_or_404(rows, sample=found.sample_id, ordinal=ordinal)
    context = {"opened": opened(row, request.user, request.role), "item": found, "queue": found.queue}  # type: ignore[attr-defined]
    template = "samples/_step.html" if request.headers.get("HX-Request") else "review/step.html"
    return render(request, template, context)


@never_cache
@require_GET
def text(request: HttpRequest, project: str, item: UUID, key: str) -> HttpResponse:
    """Another text of a sample's chain, as what it changed in the one before it. By script JSON: {html, contents}."""
    found = item_of(request, project, item)
    if found.sample is None:
        raise Http404("This item has no other texts.")
    texts = actions.texts_of(found)
    at = next((n for n, one in enumerate(texts) if one.key == key), None)
    if at is None:
        raise Http404("This sample has no such text.")
    labels = [one["role"] for one in found.sample.messages] if found.sample.messages else [""]
    before = texts[at - 1].contents if at else (None,) * len(labels)
    context: dict[str, Any] = {
        "parts": list(zip(labels, texts[at].contents, before, strict=True)),
        "text": texts[at],
        "place": at + 1,
        "of": len(texts),
        "item": found,
        "queue": found.queue,
    }
    if not by_script(request):
        return render(request, "review/text.html", context)
    html = render_to_string("review/_other_text.html", context, request)
    return JsonResponse({"html": html, "contents": list(texts[at].contents)})
