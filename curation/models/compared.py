"""Two versions of a scorer side by side: on the same labels, which neither has learnt from, and where they differ most.

Nothing stored is needed: both are applied to the vectors and signals at hand, so a version that was never activated can be
compared too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection

from curation.models import features, labelled
from curation.models.embedding import EmbeddingModel
from curation.models.project import Project
from curation.models.score import Rubric, Scorer
from curation.recipe.scoring import holdout, stored
from curation.recipe.scoring.figures import Figures, figures

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Rows that are looked through for differences, and those shown.
LOOKED_AT, SHOWN = 2_000, 8

_SAMPLE = """
    SELECT r.id FROM curation_{level} r WHERE r.project_id = %(project)s AND r.left_out IN ('', 'low_educational', 'low_scores')
       AND abs(hashint8(r.id)::bigint) %% greatest(1, (
           SELECT count(*) FROM curation_{level} a WHERE a.project_id = %(project)s
              AND a.left_out IN ('', 'low_educational', 'low_scores')) / %(most)s) = 0
     ORDER BY r.id
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """One row with what either version says of it."""

    subject: int
    left: float
    right: float

    @property
    def apart(self) -> float:
        return self.right - self.left


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left` and `right` are figures on the same held-out labels. `looked_at` rows were searched for `differences`."""

    left: Figures
    right: Figures
    differences: Sequence[Difference]
    looked_at: int
    mean_apart: float


def compare(
    project: Project, left: Scorer, right: Scorer, threshold: float, hidden: Iterable[int]
) -> Comparison:
    """Compare two scorers of one rubric in a project. `hidden` are subjects that must not be shown.

    Raises ValueError where a version cannot read the vectors that are there.
    """
    import numpy as np

    rubric = right.rubric
    targets = [one for one in labelled.targets(project, rubric) if holdout.held_out(one.page_sha256)]
    sample = _sample(project, rubric.level)
    ids = sorted({*sample, *(one.subject for one in targets)})
    said = [values_of(project, scorer, ids) for scorer in (left, right)]
    both = [one for one in targets if one.subject in said[0] and one.subject in said[1]]
    told = [
        figures(
            [values[one.subject] for one in both],
            [one.value for one in both],
            threshold,
            [one.language for one in both],
        )
        for values in said
    ]
    seen = [pk for pk in sample if pk in said[0] and pk in said[1]]
    apart = [Difference(pk, said[0][pk], said[1][pk]) for pk in seen]
    away = set(hidden)
    largest = sorted(
        (one for one in apart if one.subject not in away), key=lambda one: (-abs(one.apart), one.subject)
    )
    return Comparison(
        left=told[0],
        right=told[1],
        differences=largest[:SHOWN],
        looked_at=len(seen),
        mean_apart=float(np.mean([abs(one.apart) for one in apart])) if apart else 0.0,
    )


def values_of(project: Project, scorer: Scorer, ids: Sequence[int]) -> dict[int, float]:
    """What a scorer says of these documents or passages, as far as they have vectors and signals."""
    model = scorer.model or EmbeddingModel.objects.of_project(project)
    if model is None or not ids:
        return {}
    answering = stored.read(scorer.parameters, scorer.rubric.key)
    if scorer.rubric.level == Rubric.Level.PASSAGE:
        found = features.of_passages(model, passages=ids)
        return _paired(found.ids, answering.score(found.vectors, found.columns(answering.keys)))
    if not answering.by_passages:
        found = features.of_pages(model, ids)
        return _paired(found.ids, answering.score(found.vectors, found.columns(answering.keys)))
    found = features.of_passages(model, documents=ids)
    return _means(found, answering.score(found.vectors, found.columns(answering.keys)))


def _paired(ids: NDArray[np.int64], values: NDArray[np.float64]) -> dict[int, float]:
    return dict(zip(ids.tolist(), values.tolist(), strict=True))


def _means(passages: features.Features, values: NDArray[np.float64]) -> dict[int, float]:
    """A page's value: the mean of its passages', weighted by their tokens."""
    import numpy as np

    if not len(values):
        return {}
    pages, starts = np.unique(passages.documents, return_index=True)
    weights = np.maximum(passages.tokens, 1).astype(np.float64)
    return _paired(pages, np.add.reduceat(values * weights, starts) / np.add.reduceat(weights, starts))


def _sample(project: Project, level: str) -> list[int]:
    asked: dict[str, Any] = {"project": project.pk, "most": LOOKED_AT}
    with connection.cursor() as cursor:
        cursor.execute(_SAMPLE.format(level=Rubric.Level(level).value), asked)
        return [key for (key,) in cursor.fetchall()]
