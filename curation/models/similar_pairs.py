"""Pairs of passages by their similarity: how many there are, those on either side of a threshold, and what people said of them.

Pairs are drawn for people in strata; each stands for `weight` pairs like it, so a picture of all pairs sums the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Left

from curation.models.duplicate import DuplicatePair
from curation.models.project import Project
from curation.models.queue import Item

EXCERPT = 240


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


def spread(project: Project, low: float, high: float, bins: int) -> list[int]:
    """Pairs by cosine, in `bins` equal steps from `low` to `high`: each drawn pair counts for those it stands for."""
    sums = [0.0] * bins
    rows = DuplicatePair.objects.filter(project=project, cosine__gte=low).values_list("cosine", "weight")
    for cosine, weight in rows:
        sums[min(bins - 1, int((cosine - low) / (high - low) * bins + 1e-9))] += weight
    return [round(one) for one in sums]


def judged(project: Project, hidden: QuerySet[Item]) -> list[tuple[float, bool]]:
    """(cosine, do people say they are the same) of every settled pair that does not still ask the reader."""
    states = (Item.State.ACCEPTED, Item.State.REJECTED)
    rows = Item.objects.filter(queue__project=project, pair__isnull=False, state__in=states)
    kept = rows.exclude(Exists(hidden.filter(pair=OuterRef("pair"))))
    latest = {
        pair: (cosine, state)
        for pair, cosine, state in kept.order_by("settled_at", "id").values_list(
            "pair", "pair__cosine", "state"
        )
    }
    return [(cosine, state == Item.State.ACCEPTED) for cosine, state in latest.values()]


def around(
    project: Project, value: float, most: int, hidden: QuerySet[Item]
) -> tuple[list[Pair], list[Pair]]:
    """The pairs just above and just below a similarity, the nearest first. Two queries."""
    rows = DuplicatePair.objects.filter(project=project).exclude(Exists(hidden.filter(pair=OuterRef("pk"))))
    return (
        _pairs(rows.filter(cosine__gte=value).order_by("cosine", "id")[:most]),
        _pairs(rows.filter(cosine__lt=value).order_by("-cosine", "-id")[:most]),
    )


def _pairs(rows: Any) -> list[Pair]:
    told: Sequence[Any] = rows.annotate(
        left_text=Left("left__text", EXCERPT),
        right_text=Left("right__text", EXCERPT),
        left_title=F("left__document__title"),
        right_title=F("right__document__title"),
    ).values_list(
        *("cosine", "left_text", "right_text", "left_title", "right_title", "left__uuid", "right__uuid")
    )
    return [Pair(*row) for row in told]
