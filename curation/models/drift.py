"""Drift: how far people's ratings lie from what a scorer says, week by week, on texts that it has not learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt
from typing import Any

from django.db import connection

from curation.models.project import Project
from curation.models.queue import Item
from curation.models.score import Rubric, Scorer

#: Weeks that are told, the latest; and of a normal deviate, 95% lie within so many deviations.
WEEKS, Z = 26, 1.96

#: Items that were drawn to learn from are no fair sample: where there are random controls, only these are asked.
_WEEKS = """
    WITH rated AS (
        SELECT date_trunc('week', i.settled_at)::date AS week, i.drawn, (i.result ->> %(key)s)::float8 - s.value AS apart
          FROM curation_queue q
          JOIN curation_item i ON i.queue_id = q.id AND i.{level}_id IS NOT NULL AND i.state = 'rated' AND i.result ? %(key)s
          JOIN curation_score s ON s.scorer_id = %(scorer)s AND s.{level}_id = i.{level}_id
         WHERE q.project_id = %(project)s AND i.settled_at IS NOT NULL AND i.{level}_id <> ALL(%(learnt)s::bigint[])
    ), controls AS (SELECT count(*) > 0 AS there FROM rated WHERE drawn = %(control)s)
    SELECT week, count(*), avg(apart), coalesce(stddev_samp(apart), 0), controls.there
      FROM rated, controls WHERE rated.drawn = %(control)s OR NOT controls.there
     GROUP BY week, controls.there ORDER BY week DESC LIMIT %(weeks)s
"""


@dataclass(frozen=True, slots=True)
class Week:
    """`mean` rating less score of `n` items that were settled in the week from `start`; the interval is of 95%."""

    start: date
    n: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Drift:
    """`controls`: only random controls are counted; otherwise whatever people rated."""

    weeks: Sequence[Week]
    controls: bool


def drift(project: Project, scorer: Scorer) -> Drift:
    """Week by week, the oldest first. One query; empty before anything was rated."""
    told = scorer.training
    learnt = {*told.get("subjects", [])} - {*told.get("held_out", [])}
    asked: dict[str, Any] = {
        "project": project.pk,
        "scorer": scorer.pk,
        "key": scorer.rubric.key,
        "learnt": list(learnt),
        "control": Item.Drawn.CONTROL.value,
        "weeks": WEEKS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_WEEKS.format(level=Rubric.Level(scorer.rubric.level).value), asked)
        rows = cursor.fetchall()
    weeks = [Week(week, n, mean, *_interval(mean, spread, n)) for week, n, mean, spread, _ in reversed(rows)]
    return Drift(weeks, bool(rows and rows[0][4]))


def _interval(mean: float, spread: float, n: int) -> tuple[float, float]:
    half = Z * spread / sqrt(n)
    return mean - half, mean + half
