"""What each kind of queue asks: its question, verdicts and rubrics. One entry per kind."""

from __future__ import annotations

from dataclasses import dataclass

from curation.recipe.reasons import REJECT_REASONS, RejectReason


@dataclass(frozen=True, slots=True)
class Card:
    kind: str
    subject: str  # the item's foreign key that holds its subject
    question: str
    verdicts: tuple[str, ...]
    rubrics: tuple[str, ...] = ()  # rated 0-5 with a "rate" verdict
    hides_scores: bool = False  # measures the model: its scores are hidden until one has answered

    @property
    def reject_reasons(self) -> tuple[RejectReason, ...]:
        return REJECT_REASONS[self.kind]


CARDS: dict[str, Card] = {
    "seeds": Card("seeds", "seed", "Is this passage worth generating from?", ("accept", "reject")),
    "scores": Card(
        "scores",
        "passage",
        "How much factual and how much reasoning value has this passage?",
        ("rate",),
        rubrics=("factual", "reasoning"),
        hides_scores=True,
    ),
    "samples": Card("samples", "sample", "Would you train on this sample?", ("accept", "reject")),
}
