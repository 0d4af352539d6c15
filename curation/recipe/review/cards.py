"""What each kind of queue asks: its question, verdicts and rubrics. One entry per kind."""

from __future__ import annotations

from dataclasses import dataclass, replace

from curation.recipe.reasons import REJECT_REASONS, RejectReason


@dataclass(frozen=True, slots=True)
class Card:
    kind: str
    subject: str  # the item's foreign key that holds its subject
    question: str
    verdicts: tuple[str, ...]
    accept: str = "Accept"  # the words on the two buttons
    reject: str = "Reject"
    rubrics: tuple[str, ...] = ()  # rated with a "rate" verdict
    hides_scores: bool = False  # measures the model: what it says is hidden until one has answered

    @property
    def reject_reasons(self) -> tuple[RejectReason, ...]:
        return REJECT_REASONS[self.kind]

    def asking(self, rubrics: tuple[str, ...]) -> Card:
        """The same card for a queue with rubrics of its own; none leaves it as it is."""
        if not rubrics or rubrics == self.rubrics:
            return self
        return replace(self, rubrics=rubrics, question=ASKING_OTHERS[self.subject])


CARDS: dict[str, Card] = {
    "seeds": Card("seeds", "seed", "Is this passage worth generating from?", ("accept", "reject")),
    "pages": Card(
        "pages",
        "document",
        "Would a student learn something lasting from this page?",
        ("rate",),
        rubrics=("educational",),
        hides_scores=True,
    ),
    "scores": Card(
        "scores",
        "passage",
        "How much factual and how much reasoning value has this passage?",
        ("rate",),
        rubrics=("factual", "reasoning"),
        hides_scores=True,
    ),
    "pairs": Card(
        "pairs",
        "pair",
        "Do these two passages say the same?",
        ("accept", "reject"),
        accept="Duplicates",
        reject="Not duplicates",
        hides_scores=True,
    ),
    "samples": Card("samples", "sample", "Would you train on this sample?", ("accept", "reject")),
}
#: The question of a queue that asks for other rubrics than its kind's own; each rubric's question stands beside it.
ASKING_OTHERS = {"passage": "How do you rate this passage?", "document": "How do you rate this page?"}
#: The level of a rubric that each kind of rating queue can ask for.
LEVELS = {"pages": "document", "scores": "passage"}
