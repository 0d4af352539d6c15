"""Our rubrics, the first scorer for each, and which version speaks in a project."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from curation.models import ActiveScorer, EmbeddingModel, Project, Rubric, Scorer
from curation.recipe.scoring import starter
from curation.recipe.text import encode


@dataclass(frozen=True, slots=True)
class OurRubric:
    key: str
    name: str
    level: str
    question: str
    anchors: tuple[str, ...]


OURS = (
    OurRubric(
        "educational",
        "Educational value",
        Rubric.Level.DOCUMENT,
        "Would a student learn something lasting from this page?",
        (
            "Menu, notice, advertisement or spam",
            "Of passing interest: chatter, listing, announcement",
            "Some information, but nothing is explained",
            "Informative, though uneven or in passing",
            "Explains its subject well",
            "Could stand in a textbook as it is",
        ),
    ),
    OurRubric(
        "factual",
        "Factual value",
        Rubric.Level.PASSAGE,
        "How dense is this passage in specific facts that can be checked?",
        (
            "No facts",
            "Vague or trivial statements",
            "A few ordinary facts",
            "Several specific facts",
            "Mostly specific facts: names, numbers, dates, relations",
            "Packed with facts that few people know",
        ),
    ),
    OurRubric(
        "reasoning",
        "Reasoning value",
        Rubric.Level.PASSAGE,
        "Does this passage argue, derive or explain in steps that can be followed?",
        (
            "Nothing follows from anything",
            "A bare assertion or a hint of a reason",
            "One reason, not worked out",
            "A cause and its effect, explained",
            "Several steps that build on each other",
            "A full chain: assumptions, steps, conclusion",
        ),
    ),
)


def ensure_rubrics() -> dict[str, Rubric]:
    """Our three rubrics by key, made if they are missing."""
    return {
        ours.key: Rubric.objects.get_or_create(
            project=None,
            key=ours.key,
            defaults={
                "name": ours.name,
                "level": ours.level,
                "question": ours.question,
                "anchors": list(ours.anchors),
            },
        )[0]
        for ours in OURS
    }


@transaction.atomic
def ensure_scorers(
    project: Project, model: EmbeddingModel, heads: Callable[[], starter.Heads]
) -> dict[str, int]:
    """The id of the project's active scorer for each of our rubrics.

    Where none is active, or the active one is a starter for another embedding model, the starter for `model` is made (once, from
    `heads()`) and activated. A scorer that somebody activated stays. Raises ValueError when it cannot read this model's vectors.
    """
    chosen: dict[str, int] = {}
    for key, rubric in ensure_rubrics().items():
        active = ActiveScorer.objects.select_related("scorer").filter(project=project, rubric=rubric).first()
        scorer = active.scorer if active else None
        if scorer is None or (scorer.name == starter.NAME and not _reads(scorer, model)):
            scorer = _starter(rubric, model, heads)
            ActiveScorer.objects.update_or_create(project=project, rubric=rubric, defaults={"scorer": scorer})
        if not _reads(scorer, model):
            raise ValueError(
                f"The active scorer {scorer} of {rubric.name.lower()} was made for another embedding model. "
                "Activate one that was trained on vectors of the present model."
            )
        chosen[key] = scorer.pk
    return chosen


def _names(model: EmbeddingModel) -> set[str]:
    return {model.name, model.key} if model.name == encode.BUNDLED else {model.key}


def _reads(scorer: Scorer, model: EmbeddingModel) -> bool:
    return scorer.parameters.get("model") in _names(model)


def _starter(rubric: Rubric, model: EmbeddingModel, heads: Callable[[], starter.Heads]) -> Scorer:
    version = starter.VERSION if model.name == encode.BUNDLED else f"{starter.VERSION}-{model.pk}"
    found = Scorer.objects.filter(rubric=rubric, name=starter.NAME, version=version).first()
    if found is not None and found.parameters:
        return found
    scorer, _ = Scorer.objects.update_or_create(
        rubric=rubric, name=starter.NAME, version=version, defaults={"parameters": heads().as_dict()}
    )
    return scorer
