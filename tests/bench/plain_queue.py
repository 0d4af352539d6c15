"""The peer of the `queue` benchmark: a queue as review tools commonly write it, over the same rows and server.

The next item is a random one that I have not decided, read whole by the ORM, with the counts for a progress bar
(Label Studio's and doccano's way: see the complaints about locks and speed in their trackers). No lease.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from curation.models import ApiToken, Item
from curation.models.user import digest_of


def claim(request: HttpRequest, queue: str) -> HttpResponse:
    secret = request.headers.get("authorization", "").removeprefix("Bearer ")
    user = ApiToken.objects.select_related("user").get(digest=digest_of(secret)).user
    left = Item.objects.filter(queue__uuid=queue, state="open").exclude(decisions__user=user)
    item = left.order_by("?").select_related("seed__passage__document", "queue").first()
    if item is None or item.seed is None or item.seed.passage is None:
        return HttpResponse(status=204)
    return JsonResponse(
        {
            "item": str(item.uuid),
            "text": item.seed.passage.text,
            "left": left.count(),
            "all": item.queue.items.count(),
        }
    )


urlpatterns = [path("plain/<uuid:queue>/claim", claim)]
