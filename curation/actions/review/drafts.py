"""Drafts: what a person has typed and not yet decided, kept on the server."""

from __future__ import annotations

import json
from typing import Any

from django.db import transaction

from curation.actions.review.errors import DraftConflict, NotAsked
from curation.models import Decision, Draft, Item, User

LONGEST_DRAFT = 1_000_000


def save_draft(
    user: User, item: Item, payload: dict[str, Any], base: int, of_round: int | None = None
) -> Draft | None:
    """Keep what is being typed. `base` is the version it was typed on (0 for none), `of_round` the item's round then (None: as it is).

    None when this person has decided meanwhile: a draft never outranks a decision. Raises DraftConflict when
    another tab saved since, NotAsked when it is too large.
    """
    if len(json.dumps(payload)) > LONGEST_DRAFT:
        raise NotAsked("This draft is too long to keep.")
    with transaction.atomic():
        read = item.round if of_round is None else min(of_round, item.round)
        mine = Decision.objects.standing().filter(
            item=item, user=user, event=Decision.Event.DECIDE, round=read
        )
        if mine.exists():
            return None
        draft, created = Draft.objects.select_for_update().get_or_create(
            item=item, user=user, round=read, defaults={"payload": payload}
        )
        if created or draft.payload == payload:
            return draft
        if draft.version != base:
            raise DraftConflict(draft)
        draft.payload, draft.version = payload, draft.version + 1
        draft.save(update_fields=["payload", "version", "updated_at"])
        return draft
