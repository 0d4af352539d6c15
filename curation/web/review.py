"""Reviewing: one item at a time, made for the keyboard, and complete without script.

The page holds a lease on the item it shows and, with script, on the next one, which it preloads. Every change
is a POST; asked by script it answers with JSON or a part, otherwise with a redirect.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from curation import access
from curation.actions import review as actions
from curation.models import Decision, Item, Project, Queue
from curation.models.reviewing import queue_states, sitting_items, sitting_summary, why_nothing, with_work
from curation.web import answering, cards, looks
from curation.web.items import by_script, item_of, queue_of, refused, was_given
from curation.web.sign_in import person

#: Events other than a decision with a verdict, by the action that the form names.
WITHOUT_VERDICT = {"skip": actions.skip, "flag": actions.flag, "send_back": actions.send_back}
SAID = {
    "accept": "Accepted",
    "reject": "Rejected",
    "rate": "Rated",
    Decision.Event.SKIP: "Skipped",
    Decision.Event.FLAG: "Flagged for a reviewer",
    Decision.Event.SEND_BACK: "Sent back for another revision",
}
ICONS = {
    "seeds": "sprout",
    "pages": "file-text",
    "scores": "gauge",
    "pairs": "git-compare",
    "samples": "package",
}


# -- Queues --------------------------------------------------------------------------------------------------------


@require_GET
def queues(request: HttpRequest, project: str) -> HttpResponse:
    """The project's queues: how far each is, and whether something is left for this person."""
    opened = access.open(request, project, "decide")
    rows = list(Queue.objects.filter(project=opened, archived_at=None).order_by("id"))
    states, work = queue_states(rows), with_work(rows, person(request))
    listed: list[dict[str, Any]] = [
        {
            "queue": queue,
            "state": states[queue.pk],
            "why": _why(queue, states[queue.pk], queue.pk in work),
            "icon": ICONS[queue.kind],
            "question": queue.card.question,
        }
        for queue in rows
    ]
    waiting = sum(row["state"].waiting_for_reviewer for row in listed)
    return render(
        request,
        "review/queues.html",
        {"queues": listed, "waiting": waiting, "may_resolve": access.may(request, "resolve")},
    )


def _why(queue: Queue, state: Any, has_work: bool) -> str:
    """What a queue's row says: ready, or why there is nothing to do in it now."""
    if queue.paused_at:
        return "paused"
    if not state.items:
        return "empty"
    if has_work:
        return "ready"
    if not state.open:
        return "revising" if state.revising else "all_done"
    return "all_leased" if state.held else "nothing_for_you"


@never_cache
@require_GET
def queue(request: HttpRequest, project: str, queue: UUID) -> HttpResponse:
    """The review page: the item this person holds, or the next one."""
    found = queue_of(request, project, queue)
    claim = _wanted(request, found) or next(iter(actions.held(found, person(request))), None)
    claim = claim or actions.claim(found, person(request))
    shown = cards.show_claim(claim, found, person(request)) if claim else None
    return _page(request, found, shown)


def _page(request: HttpRequest, queue: Queue, shown: cards.Shown | None, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {"queue": queue, "shown": shown, "quiet_frame": True}
    if shown is None:
        context["why"] = why_nothing(queue, person(request))
    return render(request, "review/queue.html", context, status=status)


@never_cache
@require_POST
def next_item(request: HttpRequest, project: str, queue: UUID) -> HttpResponse:
    """One more item, to be shown when the present one is done: the part alone."""
    found = queue_of(request, project, queue)
    here = set(request.POST.getlist("lease"))
    held = (claim for claim in actions.held(found, person(request)) if str(claim.lease) not in here)
    try:
        claim = next(held, None) or actions.claim(found, person(request))
    except actions.TooManyHeld as refusal:
        return refused(refusal)
    if claim is None:
        return _part(
            request, "review/_nothing.html", {"queue": found, "why": why_nothing(found, person(request))}
        )
    return _item_part(request, found, cards.show_claim(claim, found, person(request)))


@never_cache
@require_GET
def progress(request: HttpRequest, project: str, queue: UUID) -> HttpResponse:
    """The line on top of the page: the queue's progress and this session's pace."""
    return _part(request, "review/_progress.html", _standing(request, queue_of(request, project, queue)))


@never_cache
@require_GET
def summary(request: HttpRequest, project: str, queue: UUID) -> HttpResponse:
    """This session: how many, how fast, agreement so far, and every decision in it."""
    found = queue_of(request, project, queue)
    context = _standing(request, found) | {"decisions": sitting_items(found, person(request))}
    return render(request, "review/summary.html", context)


def _standing(request: HttpRequest, queue: Queue) -> dict[str, Any]:
    return {
        "queue": queue,
        "state": queue_states([queue])[queue.pk],
        "sitting": sitting_summary(queue, person(request)),
    }


# -- Leases --------------------------------------------------------------------------------------------------------


@never_cache
@require_POST
def beat(request: HttpRequest, project: str, queue: UUID) -> JsonResponse:
    """The open page is still there: prolong its leases. One that has ended is claimed anew if it is still free.

    Answers {lease: the lease that now holds, or null when somebody else has the item}.
    """
    found = queue_of(request, project, queue)
    return JsonResponse({"leases": {lease: _prolonged(request, found, lease) for lease in _leases(request)}})


def _prolonged(request: HttpRequest, queue: Queue, lease: str) -> str | None:
    try:
        actions.renew(person(request), UUID(lease))
        return lease
    except actions.LeaseGone:
        item = Item.objects.filter(queue=queue, leases__uuid=lease, leases__user=person(request)).first()
        claim = actions.claim_item(person(request), item) if item else None
        return str(claim.lease) if claim else None


@never_cache
@require_POST
def release(request: HttpRequest, project: str, queue: UUID) -> HttpResponse:
    """Give items back: those the page names as it is left, or all when somebody pauses."""
    found = queue_of(request, project, queue)
    leases = _leases(request)
    for lease in leases:
        actions.release(person(request), UUID(lease))
    if leases:
        return HttpResponse(status=204)
    actions.release_all(person(request), found)
    return redirect("review:summary", project=project, queue=found.uuid)


def _leases(request: HttpRequest) -> list[str]:
    """The leases that the page named. Raises Http404 for what is no lease."""
    leases = request.POST.getlist("lease")[: actions.MOST_HELD]
    try:
        return [str(UUID(lease)) for lease in leases]
    except ValueError:
        raise Http404("No such lease.") from None


# -- Deciding ------------------------------------------------------------------------------------------------------


@never_cache
@require_POST
def decide(request: HttpRequest, project: str, item: UUID) -> HttpResponse:
    """Accept, reject, rate, skip, flag or send back; `action` names which, `reject:wrong` with its reason."""
    found = item_of(request, project, item)
    try:
        lease = UUID(request.POST.get("lease", ""))
    except ValueError:
        return refused(actions.LeaseUnknown("The form names no lease. Open the item again."))
    action = request.POST.get("action", "")
    try:
        if action in WITHOUT_VERDICT:
            note = str(answering.typed_in(request.POST).get("note", "")).strip()
            decision = WITHOUT_VERDICT[action](
                person(request), found, lease, note, answering.seconds_in(request.POST)
            )
        else:
            shown = cards.show(found, person(request))
            decision = actions.decide(person(request), found, lease, answering.answer_of(shown, request.POST))
    except actions.ReviewError as refusal:
        return _not_decided(request, found, lease, refusal)
    return _decided(request, found, decision)


def _decided(request: HttpRequest, item: Item, decision: Decision) -> HttpResponse:
    said = SAID[decision.verdict or decision.event]
    if decision.surplus:
        said += ", but after others had decided or the text was revised: it is kept and does not count"
    if by_script(request):
        return JsonResponse({"decision": str(decision.uuid), "said": said, "surplus": decision.surplus})
    messages.success(request, f"{said}.")
    return HttpResponseRedirect(f"{_address(item.queue)}?done={decision.uuid}")


def _not_decided(request: HttpRequest, item: Item, lease: UUID, refusal: actions.ReviewError) -> HttpResponse:
    """Say why, with everything that was entered still there."""
    if by_script(request):
        return refused(refusal)
    messages.error(request, str(refusal))
    if isinstance(refusal, actions.AlreadyDecided):
        return redirect(_address(item.queue))
    claim = actions.Claim(item.pk, lease, item.created_at)
    shown = cards.show_claim(claim, item.queue, person(request), answering.typed_in(request.POST))
    return _page(request, item.queue, shown, status=422)


@never_cache
@require_POST
def undo(request: HttpRequest, project: str, queue: UUID) -> HttpResponse:
    """Undo the decision that is named, or this person's last one here; the item is theirs again, as entered."""
    found = queue_of(request, project, queue)
    decision = _to_undo(request, found)
    try:
        if decision is None:
            raise actions.NothingToUndo("There is nothing to undo in this queue.")
        claim = actions.undo(person(request), decision)
        _keep_as_entered(request, decision)
    except actions.ReviewError as refusal:
        if by_script(request):
            return refused(refusal)
        messages.error(request, str(refusal))
        return redirect(_address(found))
    if not by_script(request):
        messages.success(request, "Undone." if claim else "Undone. Somebody else has the item by now.")
        return HttpResponseRedirect(
            f"{_address(found)}?item={decision.item.uuid}" if claim else _address(found)
        )
    if claim is None:
        return JsonResponse(
            {"undone": str(decision.uuid), "said": "Undone. Somebody else has the item by now."}
        )
    return _item_part(request, found, cards.show_claim(claim, found, person(request)))


def _keep_as_entered(request: HttpRequest, decision: Decision) -> None:
    """What the undone decision said becomes the draft again, unless a newer one is there."""
    typed = {name: value for name, value in answering.typed_of(decision).items() if value}
    if typed:
        with suppress(actions.DraftConflict):
            actions.save_draft(person(request), decision.item, typed, 0)


def _to_undo(request: HttpRequest, queue: Queue) -> Decision | None:
    named = request.POST.get("decision")
    if not named:
        return actions.last_undoable(person(request), queue)
    mine = Decision.objects.filter(item__queue=queue, user=person(request)).select_related(
        "item", "text_version"
    )
    try:
        return mine.filter(uuid=UUID(named)).first()
    except ValueError:
        return None


@never_cache
@require_GET
def past(request: HttpRequest, project: str, queue: UUID, decision: UUID | None = None) -> HttpResponse:
    """An item of this session with what this person concluded; the latest when none is named."""
    found = queue_of(request, project, queue)
    walk = sitting_items(found, person(request))
    at = next((n for n, one in enumerate(walk) if decision in (None, one.uuid)), None)
    if at is None:
        if by_script(request):
            return refused(actions.NothingToUndo("Nothing has been decided in this session yet."))
        raise Http404("Not in this session.")
    mine = walk[at]
    context = {
        "queue": found,
        "shown": cards.show_decided(mine, found, person(request)),
        "newer": walk[at - 1] if at else None,
        "older": walk[at + 1] if at + 1 < len(walk) else None,
        "place": len(walk) - at,
        "of": len(walk),
    }
    if by_script(request):
        return _part(request, "review/_past.html", context)
    return render(request, "review/past.html", context | {"quiet_frame": True})


# -- Pieces ----------------------------------------------------------------------------------------------------------


def _wanted(request: HttpRequest, queue: Queue) -> actions.Claim | None:
    """The item that the address asks for: a reloaded page goes on with the one it showed."""
    try:
        item = Item.objects.filter(queue=queue, uuid=UUID(request.GET.get("item", ""))).first()
    except ValueError:
        return None
    return actions.claim_item(person(request), item) if item and was_given(request, item) else None


def _address(queue: Queue) -> str:
    project: Project = queue.project
    return reverse("review:queue", kwargs={"project": project.slug, "queue": queue.uuid})


def _part(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return render(request, template, context)


def _item_part(request: HttpRequest, queue: Queue, shown: cards.Shown) -> HttpResponse:
    return _part(request, "review/_item.html", {"queue": queue, "shown": shown})


app_name = "review"
urlpatterns = [
    path("", queues, name="queues"),
    path("queues/<uuid:queue>", queue, name="queue"),
    path("queues/<uuid:queue>/next", next_item, name="next_item"),
    path("queues/<uuid:queue>/progress", progress, name="progress"),
    path("queues/<uuid:queue>/summary", summary, name="summary"),
    path("queues/<uuid:queue>/beat", beat, name="beat"),
    path("queues/<uuid:queue>/release", release, name="release"),
    path("queues/<uuid:queue>/undo", undo, name="undo"),
    path("queues/<uuid:queue>/past", past, name="latest"),
    path("queues/<uuid:queue>/past/<uuid:decision>", past, name="past"),
    path("items/<uuid:item>/decide", decide, name="decide"),
    path("items/<uuid:item>/draft", looks.draft, name="draft"),
    path("items/<uuid:item>/preview", looks.preview, name="preview"),
    path("items/<uuid:item>/context", looks.context, name="context"),
    path("items/<uuid:item>/steps/<int:ordinal>", looks.step, name="step"),
    path("items/<uuid:item>/texts/<slug:key>", looks.text, name="text"),
    path("items/<uuid:item>/near", looks.near, name="near"),
]
