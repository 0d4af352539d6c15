"""Stale: decisions about a text that a better extraction has replaced. They stay what they are, and somebody may look again."""

from __future__ import annotations

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from curation.models.decision import Decision
from curation.models.project import Project
from curation.models.queue import Item


def stale_items(project: Project) -> QuerySet[Item]:
    """Items that people decided on, whose passage no longer stands in its document's text, or whose page has another text now."""
    decided = Decision.objects.standing().filter(item=OuterRef("pk"), event=Decision.Event.DECIDE)
    on_the_old = decided.filter(created_at__lt=OuterRef("document__extraction__created_at"))
    gone = ~Q(passage__extraction=F("passage__document__extraction")) & Q(passage__isnull=False)
    gone_seed = ~Q(seed__passage__extraction=F("seed__passage__document__extraction")) & Q(
        seed__passage__isnull=False
    )
    return (
        Item.objects.filter(queue__project=project)
        .filter(Exists(decided))
        .filter((Q(document__isnull=False) & Exists(on_the_old)) | gone | gone_seed)
        .order_by("-pk")
    )
