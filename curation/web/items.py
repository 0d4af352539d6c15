"""The queue or item that an address of the review pages names, and how their script is answered."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse

from curation import access
from curation.actions import review as actions
from curation.models import Item, Queue
from curation.web.sign_in import person


def queue_of(request: HttpRequest, project: str, uuid: UUID) -> Queue:
    opened = access.open(request, project, "decide")
    try:
        found = Queue.objects.get(project=opened, uuid=uuid)
    except Queue.DoesNotExist:
        raise Http404("No such queue.") from None
    found.project = opened
    return found


def item_of(request: HttpRequest, project: str, uuid: UUID) -> Item:
    """An item that this person has or had: others' items are not looked at one by one."""
    opened = access.open(request, project, "decide")
    try:
        found = Item.objects.select_related("queue").get(queue__project=opened, uuid=uuid)
    except Item.DoesNotExist:
        raise Http404("No such item.") from None
    found.queue.project = opened
    if not access.may(request, "see_decisions") and not was_given(request, found):
        raise PermissionDenied("The queue has not given you this item.")
    return found


def was_given(request: HttpRequest, item: Item) -> bool:
    return item.leases.filter(user=person(request)).exists()


def by_script(request: HttpRequest) -> bool:
    return request.headers.get("X-Requested-With") == "review"


def refused(refusal: actions.ReviewError) -> JsonResponse:
    status = 422 if isinstance(refusal, actions.NotAsked) else 409
    return JsonResponse({"code": refusal.code, "message": str(refusal)}, status=status)
