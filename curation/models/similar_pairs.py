"""Pairs of passages by their similarity: how many there are, those on either side of a threshold, and what people said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Left

from curation.models.embedding import EmbeddingModel
from curation.models.passage import Passage
from curation.models.project import Project
from curation.models.queue import Item

EXCERPT = 240
#: Pairs looked at to find so many that may be shown.
LOOKED_AT = 40

_SPREAD = """
    SELECT least(floor((near.cosine - %(low)s) / (%(high)s - %(low)s) * %(bins)s + 1e-9), %(bins)s - 1)::int, count(*)
      FROM curation_comparison c CROSS JOIN LATERAL unnest(c.cosines) AS near (cosine)
     WHERE c.project_id = %(project)s AND c.model_id = %(model)s AND near.cosine >= %(low)s GROUP BY 1
"""
_NEAREST = """
    SELECT least(c.passage_id, near.other), greatest(c.passage_id, near.other), near.cosine
      FROM curation_comparison c CROSS JOIN LATERAL unnest(c.others, c.cosines) AS near (other, cosine)
     WHERE c.project_id = %(project)s AND c.model_id = %(model)s AND near.cosine {side}, 1, 2 LIMIT %(most)s
"""
_SIDES = (">= %(value)s ORDER BY near.cosine", "< %(value)s ORDER BY near.cosine DESC")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts and how close their vectors are."""

    value: float
    left: str
    right: str
    left_title: str
    right_title: str
    left_uuid: UUID
    right_uuid: UUID


@dataclass(frozen=True, slots=True)
class Drawn:
    """A pair that was drawn for people. `same` is None until they have settled on an answer."""

    cosine: float
    weight: float
    same: bool | None


def spread(project: Project, low: float, high: float, bins: int) -> list[int]:
    """Pairs by cosine, in `bins` equal steps from `low` to `high`. Two queries."""
    counts = [0] * bins
    model = EmbeddingModel.objects.of_project(project)
    if model is None:
        return counts
    asked = {"project": project.pk, "model": model.pk, "low": low, "high": high, "bins": bins}
    with connection.cursor() as cursor:
        cursor.execute(_SPREAD, asked)
        for at, count in cursor.fetchall():
            counts[at] = count
    return counts


def drawn(project: Project, hidden: QuerySet[Item]) -> list[Drawn]:
    """The pairs drawn for people with what they said, without those that still ask the reader; each pair once."""
    settled = {Item.State.ACCEPTED: True, Item.State.REJECTED: False}
    asked = set(hidden.exclude(pair=None).values_list("pair", flat=True))
    rows = Item.objects.filter(queue__project=project, pair__isnull=False).order_by("id")
    found = {
        pair: Drawn(cosine, weight, settled.get(Item.State(state)))
        for pair, cosine, weight, state in rows.values_list("pair", "pair__cosine", "pair__weight", "state")
        if pair not in asked
    }
    return list(found.values())


def around(
    project: Project, value: float, most: int, hidden: QuerySet[Item]
) -> tuple[list[Pair], list[Pair]]:
    """The pairs just above and just below a similarity, the nearest first, without those that still ask the reader."""
    model = EmbeddingModel.objects.of_project(project)
    if model is None:
        return [], []
    asked = {"project": project.pk, "model": model.pk, "value": value, "most": LOOKED_AT}
    mine = set(hidden.exclude(pair=None).values_list("pair__left", "pair__right"))
    sides: list[list[tuple[int, int, float]]] = []
    with connection.cursor() as cursor:
        for side in _SIDES:
            cursor.execute(_NEAREST.format(side=side), asked)
            sides.append([row for row in cursor.fetchall() if row[:2] not in mine])
    texts = _texts(project, {key for side in sides for row in side for key in row[:2]})
    above, below = (
        [_pair(row, texts) for row in side if {*row[:2]} <= texts.keys()][:most] for side in sides
    )
    return above, below


def _texts(project: Project, keys: set[int]) -> dict[int, Any]:
    rows = Passage.objects.filter(project=project, pk__in=keys).annotate(start_of_it=Left("text", EXCERPT))
    return {row[0]: row[1:] for row in rows.values_list("pk", "uuid", "document__title", "start_of_it")}


def _pair(row: Sequence[Any], texts: dict[int, Any]) -> Pair:
    left, right = texts[row[0]], texts[row[1]]
    return Pair(row[2], left[2], right[2], left[1], right[1], left[0], right[0])
