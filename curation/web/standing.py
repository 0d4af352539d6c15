"""Where a document or a passage stands, as pages say it: a state, and the reason why it goes no further."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from curation.actions.judging import OF_DOCUMENTS, OF_PASSAGES
from curation.models import Document, Passage
from curation.recipe.reasons import REASONS
from curation.web.scores import TELLING

#: Given while a document's text is made.
OF_EXTRACTION = ("empty", "not_text", "too_large", "extraction_failed", "extraction_timeout")


@dataclass(frozen=True, slots=True)
class Standing:
    """`state` is a key of the state badge, `reason` one of recipe.reasons; both details may be empty."""

    state: str
    word: str = ""
    reason: str = ""
    detail: str = ""


def of_document(document: Document, *, sees_scores: bool = True, hidden: bool = False) -> Standing:
    """A detail that holds a score is left away for those whose lists show none. `hidden` when this person has yet to
    rate the page: then nothing tells how it scored."""
    if document.withdrawn_at:
        return Standing("withdrawn", reason="withdrawn")
    if document.left_out:
        telling = document.left_out in TELLING
        if telling and hidden:
            return Standing("left_out")
        detail = document.left_out_detail if sees_scores or not telling else ""
        return Standing("left_out", reason=document.left_out, detail=detail)
    if document.assessed_at is None or document.extraction_id is None:
        return Standing("waiting", "Not curated yet")
    return Standing("kept")


def of_passage(
    passage: Passage, *, sees_scores: bool = True, hidden: bool = False, paired: bool = False
) -> Standing:
    """`hidden` when this person has yet to rate the passage: then nothing tells how it scored; `paired` when they have yet
    to say whether it repeats another: then nothing tells that it does."""
    if not passage.left_out:
        return Standing("kept")
    telling = passage.left_out in TELLING
    if (telling and hidden) or (paired and passage.left_out == "near_duplicate"):
        return Standing("left_out")
    detail = passage.left_out_detail if sees_scores or not telling else ""
    return Standing("left_out", reason=passage.left_out, detail=detail)


#: Reasons that a row of each level can have, for a select, in the order of the table of reasons.
REASONS_OF: dict[str, list[tuple[str, str]]] = {
    "document": [
        (key, REASONS[key].title)
        for key in REASONS
        if key in OF_DOCUMENTS or key in (*OF_EXTRACTION, "withdrawn", "source_archived")
    ],
    "passage": [(key, REASONS[key].title) for key in REASONS if key in OF_PASSAGES],
}


def show(rows: list[Any], standings: Any) -> None:
    """Hang each row's standing on it as `standing`, for templates."""
    for row in rows:
        row.standing = standings(row)
