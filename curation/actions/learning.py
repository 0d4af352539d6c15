"""What a queue that learns asks next: drawn by what the scorers that speak now are unsure of, with random controls and likely top items.

The draw itself is `recipe.scoring.draw`; here is what it draws from. Of a rating queue's subjects those come into question that nobody has
settled yet, also those that a threshold of scores leaves out: half of what is uncertain lies there. Where a queue asks for several rubrics, a
subject is as uncertain as the one of them that is most so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from curation.models import ActiveScorer, EmbeddingModel, Item, Queue, Rubric, features
from curation.models.features import Features
from curation.recipe.scoring import draw, stored

#: How many are drawn when the filling does not say.
TAKE = 200
#: A draw looks at so many candidates at most, chosen at random: more would hardly change it.
MOST_CANDIDATES = 50_000
BLOCK = 10_000
#: The reason by which a score alone leaves something out, by what the queue is about.
LEFT_OUT_BY_SCORE = {"passage": "low_scores", "document": "low_educational"}


class NothingToLearnFrom(Exception):
    """No scorer can tell yet what is uncertain; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A subject, with why it was drawn. `detail` does not tell its score."""

    subject: int
    why: str
    detail: str


def candidates(queue: Queue, subjects: QuerySet[Any]) -> QuerySet[Any]:
    """Those that are not in the queue yet and that nobody has settled elsewhere."""
    field = queue.card.subject
    settled = Item.objects.filter(
        queue__project=queue.project, state=Item.State.RATED, **{field: OuterRef("pk")}
    ).filter(result__has_keys=list(queue.card.rubrics))
    there = Item.objects.filter(queue=queue, **{field: OuterRef("pk")})
    return subjects.exclude(Exists(settled)).exclude(Exists(there))


def choose(queue: Queue, subjects: QuerySet[Any], take: int, seed: int) -> list[Chosen]:
    """So many of the subjects, in the order in which to ask. Raises NothingToLearnFrom."""
    import numpy as np

    model, asking = _asking(queue)
    keys = list(subjects.order_by("uuid").values_list("pk", flat=True)[:MOST_CANDIDATES])
    read = features.of_pages if queue.card.subject == Rubric.Level.DOCUMENT else _passages
    parts = [read(model, keys[at : at + BLOCK]) for at in range(0, len(keys), BLOCK)]
    if not parts:
        return []
    rows = features.joined(parts)
    scores, uncertainty = np.zeros(len(rows.ids)), np.zeros(len(rows.ids))
    for one, threshold, highest in asking:
        columns = rows.columns(one.keys)
        scores = np.maximum(scores, one.score(rows.vectors, columns) / highest)
        uncertainty = np.maximum(uncertainty, one.uncertainty(rows.vectors, columns, threshold))
    drawn = draw.draw(
        scores,
        uncertainty,
        take,
        share_random=queue.share_random,
        share_top=queue.share_top,
        seed=seed,
        kinship=lambda at: np.hstack(
            [one.kinship(rows.vectors[at], rows.columns(one.keys)[at]) for one, _, _ in asking]
        ),
    )
    return [Chosen(int(rows.ids[one.at]), one.why, one.detail) for one in drawn]


def _asking(queue: Queue) -> tuple[EmbeddingModel, list[tuple[stored.Answering, float, int]]]:
    """The model, and for each rubric that the queue asks for its scorer, its threshold and the top of its scale."""
    model = EmbeddingModel.objects.of_project(queue.project)
    pointers = ActiveScorer.objects.select_related("scorer", "rubric").filter(
        project=queue.project, rubric__key__in=queue.card.rubrics, rubric__archived_at=None
    )
    knobs = queue.project.settings
    found = [
        (
            stored.read(pointer.scorer.parameters, pointer.rubric.key),
            float(getattr(knobs, f"min_{pointer.rubric.key}", pointer.rubric.highest / 2)),
            pointer.rubric.highest,
        )
        for pointer in pointers
        if pointer.scorer.parameters
    ]
    if model is None or not found:
        raise NothingToLearnFrom(
            "No scorer speaks for what this queue asks, so nothing is known to be uncertain. Curate the project, or "
            "fill the queue in random order first."
        )
    return model, found


def _passages(model: EmbeddingModel, keys: Sequence[int]) -> Features:
    return features.of_passages(model, passages=keys)
