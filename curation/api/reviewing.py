"""Claiming and deciding over REST: what the review page does, for a script or a client of one's own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router

from curation.actions import review
from curation.actions.review import Answer, LeaseUnknown, NothingToUndo
from curation.api import reach
from curation.api.errors import Problem
from curation.api.schemas import (
    ClaimOut,
    DecidedOut,
    DecideIn,
    HeldOut,
    LeaseIn,
    ReleasedOut,
    RenewedOut,
    UndoneOut,
)
from curation.models import Decision, Document, Item, Lease, Occurrence, Passage, Sample, Seed
from curation.models.reviewing import why_nothing

router = Router(tags=["review"])
REFUSALS: dict[Any, Any] = {401: Problem, 403: Problem, 404: Problem, 409: Problem, 422: Problem}
EVENTS = {"skip": review.skip, "flag": review.flag, "send_back": review.send_back}


@router.post("/queues/{uuid:queue}/claim", response={200: ClaimOut, 204: None, **REFUSALS}, url_name="claim")
def claim(request: HttpRequest, queue: UUID) -> Any:
    """Take the next item of a queue for some minutes.

    204 when nothing is left for you; the header `Seedbed-Why` then says why: `all_done`, `all_leased` or
    `revising` (ask again later), `nothing_for_you`, `paused` or `empty`.
    """
    found = reach.queue(request, queue, "decide")
    claimed = review.claim(found, request.user)  # type: ignore[arg-type]
    if claimed is None:
        response = HttpResponse(status=204)
        response["Seedbed-Why"] = why_nothing(found, request.user)  # type: ignore[arg-type]
        return response
    card = found.card
    item = Item.objects.select_related(*RELATED[found.kind]).get(pk=claimed.item_id)
    return {
        "item": item.uuid,
        "lease": claimed.lease,
        "expires_at": claimed.expires_at,
        "kind": found.kind,
        "queue": found.uuid,
        "question": card.question,
        "verdicts": list(card.verdicts),
        "rubrics": list(card.rubrics),
        "reject_reasons": [{"key": reason.key, "title": reason.title} for reason in card.reject_reasons],
        "subject": _subject(item),
    }


@router.get("/queues/{uuid:queue}/held", response={200: list[HeldOut], **REFUSALS}, url_name="held")
def held(request: HttpRequest, queue: UUID) -> Any:
    """What you hold in a queue: where a client that was restarted goes on."""
    found = reach.queue(request, queue, "decide")
    mine = review.held(found, request.user)  # type: ignore[arg-type]
    uuids = dict(Item.objects.filter(pk__in=[one.item_id for one in mine]).values_list("pk", "uuid"))
    return [{"item": uuids[one.item_id], "lease": one.lease, "expires_at": one.expires_at} for one in mine]


@router.post(
    "/items/{uuid:item}/renew", response={200: RenewedOut, 410: Problem, **REFUSALS}, url_name="renew"
)
def renew(request: HttpRequest, item: UUID, payload: LeaseIn) -> Any:
    """Prolong a lease. 410 when it has ended."""
    _must_be_of(request, item, payload.lease)
    expires_at = review.renew(request.user, payload.lease)  # type: ignore[arg-type]
    return {"lease": payload.lease, "expires_at": expires_at}


@router.post("/items/{uuid:item}/release", response={200: ReleasedOut, **REFUSALS}, url_name="release")
def release(request: HttpRequest, item: UUID, payload: LeaseIn) -> Any:
    """Give an item back. Doing it twice changes nothing."""
    _must_be_of(request, item, payload.lease)
    return {"released": review.release(request.user, payload.lease)}  # type: ignore[arg-type]


def _must_be_of(request: HttpRequest, item: UUID, lease: UUID) -> None:
    found = reach.item(request, item, "decide")
    if not Lease.objects.filter(uuid=lease, item=found, user=request.user).exists():  # type: ignore[misc]
        raise LeaseUnknown("This lease is not yours or not of this item. Claim the item first.")


@router.post("/items/{uuid:item}/decide", response={200: DecidedOut, **REFUSALS}, url_name="decide")
def decide(request: HttpRequest, item: UUID, payload: DecideIn) -> Any:
    """Say what you conclude. The same decision sent again under the same lease is the same decision.

    A lease that has run out still decides: into a slot that is free, or as *surplus*, which is kept and does not
    count. `skip` is yours alone; `flag` asks a reviewer; `send_back` has a sample revised by a language model after your `note`, and
    then everybody is asked anew. `revision` accepts another of the claim's `texts`.
    """
    found = reach.item(request, item, "decide")
    user: Any = request.user
    if payload.verdict in EVENTS:
        decision = EVENTS[payload.verdict](user, found, payload.lease, payload.note, payload.seconds)
    else:
        messages = (
            None if payload.messages is None else [message.model_dump() for message in payload.messages]
        )
        answer = Answer(
            verdict=payload.verdict,
            reason=payload.reason,
            ratings=payload.ratings,
            note=payload.note,
            text=payload.text,
            messages=messages,
            revision=payload.revision,
            seconds=payload.seconds,
        )
        decision = review.decide(user, found, payload.lease, answer)
    return {
        "item": found.uuid,
        "decision": decision.uuid,
        "event": decision.event,
        "verdict": decision.verdict,
        "counts": decision.event == Decision.Event.DECIDE and not decision.surplus,
        "surplus": decision.surplus,
    }


@router.post("/items/{uuid:item}/undo", response={200: UndoneOut, **REFUSALS}, url_name="undo")
def undo(request: HttpRequest, item: UUID) -> Any:
    """Undo your latest decision, skip or flag on an item. The item is yours again, under the lease that is answered."""
    found = reach.item(request, item, "decide")
    user: Any = request.user
    mine = Decision.objects.standing().filter(user=user, item=found).exclude(event=Decision.Event.RESOLVE)
    decision = mine.order_by("-id").first()
    if decision is None:
        raise NothingToUndo("You have no decision on this item.")
    again = review.undo(user, decision)
    return {
        "item": found.uuid,
        "undone": decision.uuid,
        "lease": again.lease if again else None,
        "expires_at": again.expires_at if again else None,
    }


# What is shown of a subject


RELATED = {
    "seeds": ("seed__passage__document", "seed__text_version"),
    "pages": ("document__extraction",),
    "scores": ("passage__document",),
    "pairs": ("pair__left__document", "pair__right__document"),
    "samples": ("text_version", "sample__source", "sample__text_version", "sample__seed__passage"),
}


def _subject(item: Item) -> dict[str, Any]:
    if item.sample is not None:
        return _sample(item, item.sample)
    if item.seed is not None:
        return _seed(item.seed)
    if item.document is not None:
        return _page(item.document)
    if item.pair is not None:
        both = (item.pair.left, item.pair.right)
        return {"pair": item.pair.uuid, "passages": [_passage(one) for one in both]}
    assert item.passage is not None
    return _passage(item.passage)


def _passage(passage: Passage) -> dict[str, Any]:
    return {"passage": passage.uuid, "text": passage.text, **_where(passage)}


def _page(document: Document) -> dict[str, Any]:
    return {
        "page": document.uuid,
        "text": document.extraction.text if document.extraction else "",
        "language": document.language,
        "title": document.title,
        "address": document.address,
        **_found_in(document.pk),
    }


def _seed(seed: Seed) -> dict[str, Any]:
    shown: dict[str, Any] = {"seed": seed.uuid, "text": seed.current_text}
    if seed.passage is not None:
        shown |= {"passage": seed.passage.uuid, **_where(seed.passage)}
    return shown


def _where(passage: Passage) -> dict[str, Any]:
    """Where a passage stands: its document, and the first source that was found to have it."""
    return {
        "heading": passage.heading,
        "language": passage.language,
        "document": {
            "id": passage.document.uuid,
            "title": passage.document.title,
            "address": passage.document.address,
        },
        **_found_in(passage.document_id),
    }


def _found_in(document_id: int) -> dict[str, str]:
    """The first source that was found to have a document, and the licence there."""
    first = (
        Occurrence.objects.filter(document=document_id)
        .select_related("source")
        .only("address", "licence", "source__name", "source__licence")
        .order_by("id")
        .first()
    )
    return {
        "source": first.source.name if first else "",
        "licence": (first.licence or first.source.licence) if first else "",
    }


def _sample(item: Item, sample: Sample) -> dict[str, Any]:
    version = item.text_version or sample.text_version
    return {
        "sample": sample.uuid,
        "messages": (version.messages if version and version.messages else sample.messages),
        "text": version.text if version else sample.text,
        "language": sample.language,
        "workflow": sample.workflow,
        "model": sample.model,
        "source": sample.source.name,
        "licence": sample.licence or sample.source.licence,
        "seed_text": sample.seed.original_text if sample.seed else "",
        "texts": [
            {"key": one.key, "contents": list(one.contents), "now": one.now, "scores": dict(one.scores)}
            for one in review.texts_of(item)
        ],
    }
