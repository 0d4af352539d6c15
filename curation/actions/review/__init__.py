"""Everything that changes an item, its slots and its decisions.

A person claims a slot, holds it by a short lease that the open page renews, and fills it with a decision.
Decisions are events; the states of slots, items and subjects are projections of them.
"""

from curation.actions.review.answers import LONGEST_NOTE, Answer, subject_of
from curation.actions.review.claims import (
    LEASE,
    MOST_HELD,
    Claim,
    claim,
    claim_item,
    expire_leases,
    free,
    held,
    release,
    release_all,
    renew,
)
from curation.actions.review.decisions import decide, flag, last_undoable, resolve, send_back, skip, undo
from curation.actions.review.drafts import LONGEST_DRAFT, save_draft
from curation.actions.review.errors import (
    AlreadyDecided,
    DraftConflict,
    LeaseGone,
    LeaseUnknown,
    NotAsked,
    NothingToUndo,
    ReviewError,
    TooManyHeld,
)
from curation.actions.review.texts import Text, own_contents, text_named, texts_of

__all__ = [
    "LEASE",
    "LONGEST_DRAFT",
    "LONGEST_NOTE",
    "MOST_HELD",
    "AlreadyDecided",
    "Answer",
    "Claim",
    "DraftConflict",
    "LeaseGone",
    "LeaseUnknown",
    "NotAsked",
    "NothingToUndo",
    "ReviewError",
    "Text",
    "TooManyHeld",
    "claim",
    "claim_item",
    "decide",
    "expire_leases",
    "flag",
    "free",
    "held",
    "last_undoable",
    "own_contents",
    "release",
    "release_all",
    "renew",
    "resolve",
    "save_draft",
    "send_back",
    "skip",
    "subject_of",
    "text_named",
    "texts_of",
    "undo",
]
