"""How scorers fare over time: what a scorer says of each import and week, how far it agrees with random controls, what more labels brought.

Only random controls tell without bias whether a scorer drifts: items drawn as such in a queue that learns, and those of queues in
random order that were not filled by a score.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from curation.models.project import Project
from curation.models.score import Rubric, Scorer
from curation.recipe.scoring.figures import figures

#: By what material is told apart: (what is said of it, what it is grouped by).
_BY = {
    "import": ("min(b.created_at)::date, b.id::text, max(s.name)", "b.id"),
    "week": ("date_trunc('week', min(b.created_at))::date, '', ''", "date_trunc('week', b.created_at)"),
}
#: How one gets from what is scored to its document.
_DOCUMENT = {Rubric.Level.DOCUMENT: "d.id = t.id", Rubric.Level.PASSAGE: "d.id = t.document_id"}
_SAID = """
    SELECT {what}, count(*), avg(m.value), avg((m.value >= %(threshold)s)::int)::float8
      FROM curation_score m JOIN curation_{level} t ON t.id = m.{level}_id AND t.project_id = %(project)s
      JOIN curation_document d ON {document} JOIN curation_import b ON b.id = d.first_import_id JOIN curation_source s ON s.id = b.source_id
     WHERE m.scorer_id = %(scorer)s GROUP BY {group} ORDER BY 1, 2
"""
_CONTROLS = """
    SELECT date_trunc('week', i.settled_at)::date, m.value, (i.result ->> %(key)s)::float8
      FROM curation_queue q JOIN curation_item i ON i.queue_id = q.id AND i.state = 'rated' AND i.result ? %(key)s
      JOIN curation_score m ON m.{level}_id = i.{level}_id AND m.scorer_id = %(scorer)s
     WHERE q.project_id = %(project)s
       AND (i.drawn = 'control' OR (i.drawn = '' AND q.order = 'random' AND NOT q.filter ?| ARRAY['least_score', 'most_score']))
     ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Said:
    """What a scorer said of the rows of one import, or of a week's: how many, their mean, the share at the threshold and above."""

    since: date
    key: str  # the import's id; "" for a week
    name: str  # the source's name
    rows: int
    mean: float
    share: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a scorer compares with what people said of random controls in one week."""

    since: date
    n: int
    mae: float | None
    mae_interval: tuple[float, float] | None
    bias: float  # mean score less mean rating
    spearman: float | None


@dataclass(frozen=True, slots=True)
class Gain:
    """The figure on held-out texts after so many labels, and how much a hundred more had brought since the point before."""

    labels: int
    value: float
    per_hundred: float | None


def said(project: Project, scorer: Scorer, threshold: float, by: str = "week") -> list[Said]:
    """What a scorer says over time, oldest first. `by`: "week" (in which material came) or "import"."""
    what, group = _BY[by]
    document = _DOCUMENT[Rubric.Level(scorer.rubric.level)]
    rows = _rows(
        _SAID.format(what=what, level=scorer.rubric.level, document=document, group=group),
        {"project": project.pk, "scorer": scorer.pk, "threshold": threshold},
    )
    return [Said(*row) for row in rows]


def agreement(project: Project, scorer: Scorer, threshold: float) -> list[Agreement]:
    """How far a scorer agrees with random controls, week by week of their settling."""
    rows = _rows(
        _CONTROLS.format(level=scorer.rubric.level),
        {"project": project.pk, "scorer": scorer.pk, "key": scorer.rubric.key},
    )
    weeks: dict[date, list[tuple[float, float]]] = {}
    for since, value, rating in rows:
        weeks.setdefault(since, []).append((value, rating))
    return [_compared(since, pairs, threshold) for since, pairs in weeks.items()]


def _compared(since: date, pairs: list[tuple[float, float]], threshold: float) -> Agreement:
    import numpy as np

    scores, ratings = np.array(pairs).T
    found = figures(scores, ratings, threshold)
    return Agreement(
        since,
        found.n,
        found.mae,
        found.intervals.get("mae"),
        float(scores.mean() - ratings.mean()),
        found.spearman,
    )


def gain(scorer: Scorer, figure: str = "spearman") -> list[Gain]:
    """The learning curve of a version: a figure (spearman, auc) on held-out texts by the number of labels learnt from."""
    points: list[Gain] = []
    for point in scorer.figures.get("learning_curve", []):
        value = point.get(figure)
        if value is None:
            continue
        before = points[-1] if points else None
        per_hundred = (
            (value - before.value) * 100 / (point["labels"] - before.labels)
            if before and point["labels"] > before.labels
            else None
        )
        points.append(Gain(point["labels"], value, per_hundred))
    return points


def _rows(sql: str, parameters: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()
