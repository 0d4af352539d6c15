"""What waits for a reviewer: disputed items with both decisions side by side, and flags."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from curation import access
from curation.actions import review as actions
from curation.models import Decision, Item
from curation.web import answering, cards, keyset
from curation.web.sign_in import person

WAITING = (Item.State.DISPUTED, Item.State.FLAGGED)


@require_GET
def list(request: HttpRequest, project: str) -> HttpResponse:  # noqa: A001  reads as disputes.list
    """Every item of the project that waits for a reviewer, the oldest first."""
    opened = access.open(request, project, "resolve")
    state = request.GET.get("state", "")
    rows = Item.objects.filter(
        queue__project=opened,
        queue__archived_at=None,
        state__in=[state] if state in WAITING else WAITING,
    ).select_related("queue", "passage__document", "seed__passage__document", "sample")
    rows = rows.defer(*DEFERRED)
    page = keyset.page(request, rows, order=("id",))
    listed = [{"item": item, "title": _title(item)} for item in page]
    return render(request, "disputes/list.html", {"page": page, "rows": listed, "state": state})


#: Long text that a list does not show.
DEFERRED = (
    "passage__text",
    "passage__search",
    "seed__text",
    "seed__passage__text",
    "seed__passage__search",
    "sample__text",
    "sample__messages",
    "sample__search",
)


def _title(item: Item) -> str:
    if item.sample:
        return str(item.sample)
    passage = item.passage or (item.seed.passage if item.seed else None)
    return f"{passage.document}, {str(passage).partition(' of ')[0].lower()}" if passage else "A question"


@never_cache
@require_GET
def dispute(request: HttpRequest, project: str, item: UUID) -> HttpResponse:
    """One item with what each person concluded, and the form that ends it."""
    return _page(request, _item(request, project, item))


@never_cache
@require_POST
def resolve(request: HttpRequest, project: str, item: UUID) -> HttpResponse:
    """End the dispute or answer the flag; `chosen` names the decision whose text is accepted."""
    found = _item(request, project, item)
    try:
        answer = answering.answer_of(cards.show(found, person(request)), request.POST)
        chosen = _chosen(request, found) if answer.verdict == "accept" else None
        actions.resolve(
            person(request),
            found,
            answer,
            text_version=chosen.text_version if chosen else None,
            only_from=request.POST.get("seen") or None,
        )
    except actions.ReviewError as refusal:
        messages.error(request, str(refusal))
        return _page(request, found, typed=answering.typed_in(request.POST), status=422)
    messages.success(request, "Put back into the queue." if answer.verdict == "reopen" else "Resolved.")
    following = Item.objects.filter(
        queue__project_id=found.queue.project_id, state__in=WAITING, pk__gt=found.pk
    )
    if after := following.order_by("id").first():
        return redirect("disputes:dispute", project=project, item=after.uuid)
    return redirect("disputes:list", project=project)


def _chosen(request: HttpRequest, item: Item) -> Decision | None:
    """The decision whose edited text the reviewer accepts; None for the text as it stood."""
    try:
        named = UUID(request.POST.get("chosen", ""))
    except ValueError:
        return None
    return item.decisions.standing().filter(uuid=named).select_related("text_version").first()


def _page(request: HttpRequest, item: Item, typed: Any = None, status: int = 200) -> HttpResponse:
    shown = cards.show(item, person(request), typed=typed or {})
    events = access.visible_decisions(person(request), request.role, [item])  # type: ignore[attr-defined]
    standing = [event for event in events if event.event != Decision.Event.UNDO and not _undone(event)]
    context = {
        "item": item,
        "queue": item.queue,
        "shown": shown,
        "card": item.queue.card,
        "opinions": [_opinion(shown, one) for one in standing],
        "waits": item.state in WAITING,
    }
    return render(request, "disputes/dispute.html", context, status=status)


def _undone(event: Decision) -> bool:
    return getattr(event, "undone_by", None) is not None


def _opinion(shown: cards.Shown, decision: Decision) -> dict[str, Any]:
    """A decision with the texts it would accept, beside those that stood there."""
    theirs = shown.with_typed(answering.typed_of(decision))
    return {"decision": decision, "edits": [one for one in theirs.fields if one.is_edited]}


def _item(request: HttpRequest, project: str, uuid: UUID) -> Item:
    opened = access.open(request, project, "resolve")
    try:
        found = Item.objects.select_related("queue").get(queue__project=opened, uuid=uuid)
    except Item.DoesNotExist:
        raise Http404("No such item.") from None
    found.queue.project = opened
    return found


app_name = "disputes"
urlpatterns = [
    path("", list, name="list"),
    path("<uuid:item>", dispute, name="dispute"),
    path("<uuid:item>/resolve", resolve, name="resolve"),
]
