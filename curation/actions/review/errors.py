"""Why something in a queue cannot be done; each message says what to do instead."""

from __future__ import annotations

from curation.models import Decision, Draft


class ReviewError(Exception):
    """What was asked cannot be done; the message says why and what to do. `code` names it for the API."""

    code = "refused"


class NotAsked(ReviewError):
    """The answer does not fit the question."""

    code = "invalid"


class LeaseUnknown(ReviewError):
    code = "lease_unknown"


class LeaseGone(ReviewError):
    code = "lease_gone"


class AlreadyDecided(ReviewError):
    code = "already_decided"

    def __init__(self, decision: Decision) -> None:
        super().__init__("You have decided on this item already. Undo that decision to change it.")
        self.decision = decision


class TooManyHeld(ReviewError):
    code = "too_many_held"


class NothingToUndo(ReviewError):
    code = "nothing_to_undo"


class DraftConflict(ReviewError):
    """Another tab saved a newer draft: `draft` is that one; keep both and let the person choose."""

    code = "draft_conflict"

    def __init__(self, draft: Draft) -> None:
        super().__init__("This item has a newer draft from another tab.")
        self.draft = draft
