"""What stands around a threshold: how scores are spread, the rows just above and just below, the topics and their share.

The rows that count are those which this threshold decides about: kept ones, and those left out by it. A row that another
reason keeps out, whatever its score, is no part of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Left

from curation.models.project import Project
from curation.models.queue import Item
from curation.models.score import ActiveScorer, Rubric, Score

#: Characters of a text that an example shows; cut in the database.
EXCERPT = 360
#: The reason that a threshold of a level gives, and so takes back.
REASON = {Rubric.Level.DOCUMENT: "low_educational", Rubric.Level.PASSAGE: "low_scores"}

_SPREAD = """
    SELECT least(floor(s.value * %(bins)s / %(highest)s + 1e-9), %(bins)s - 1)::int, count(*)
      FROM curation_score s JOIN curation_{level} r ON r.id = s.{level}_id AND r.project_id = %(project)s
     WHERE s.scorer_id = %(scorer)s AND r.left_out IN ('', %(reason)s) GROUP BY 1
"""
#: By topic and tenth of a point: kept shares for any floor are sums of it.
_TOPICS = """
    SELECT d.topic, least(floor(s.value * %(bins)s / %(highest)s + 1e-9), %(bins)s - 1)::int, count(*), count(*) FILTER (WHERE d.left_out = '')
      FROM curation_score s JOIN curation_document d ON d.id = s.document_id AND d.project_id = %(project)s
     WHERE s.scorer_id = %(scorer)s AND d.left_out IN ('', %(reason)s) GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Example:
    """One row near a threshold."""

    uuid: UUID
    value: float
    title: str
    excerpt: str
    language: str
    topic: str


def active_scorer(project: Project, key: str) -> Any:
    """The scorer that speaks for a rubric in the project, with its rubric; None before the first curation."""
    found = ActiveScorer.objects.filter(project=project, rubric__key=key).select_related("scorer__rubric")
    row = found.order_by(F("rubric__project").asc(nulls_last=True)).first()
    return row.scorer if row else None


def _asked(project: Project, scorer: Any, bins: int) -> dict[str, Any]:
    level = Rubric.Level(scorer.rubric.level)
    return {
        "project": project.pk,
        "scorer": scorer.pk,
        "bins": bins,
        "highest": float(scorer.rubric.highest),
        "reason": REASON[level],
    }


def spread(project: Project, scorer: Any, bins: int) -> list[int]:
    """How many rows score how much, in `bins` equal steps from 0 to the top of the scale. One query."""
    counts = [0] * bins
    with connection.cursor() as cursor:
        cursor.execute(_SPREAD.format(level=scorer.rubric.level), _asked(project, scorer, bins))
        for at, count in cursor.fetchall():
            counts[at] = count
    return counts


@dataclass(frozen=True, slots=True)
class TopicSpread:
    """Pages of one topic by their score; `kept` are those that go on today."""

    topic: str
    counts: Sequence[int]
    kept: int

    @property
    def total(self) -> int:
        return sum(self.counts)


def topics(project: Project, scorer: Any, bins: int) -> list[TopicSpread]:
    """The project's topics, the most frequent first; "" for pages that have none yet. One query."""
    counts: dict[str, list[int]] = {}
    kept: dict[str, int] = {}
    with connection.cursor() as cursor:
        cursor.execute(_TOPICS, _asked(project, scorer, bins))
        for topic, at, count, stays in cursor.fetchall():
            counts.setdefault(topic, [0] * bins)[at] = count
            kept[topic] = kept.get(topic, 0) + stays
    found = [TopicSpread(topic, row, kept[topic]) for topic, row in counts.items()]
    return sorted(found, key=lambda one: (-one.total, one.topic))


def around(
    project: Project, scorer: Any, value: float, most: int, hidden: QuerySet[Item]
) -> tuple[list[Example], list[Example]]:
    """The rows just above (from `value` up) and just below, the nearest first. Two queries.

    `hidden` are items whose subject's score this person may not see: an example would tell it.
    """
    level = scorer.rubric.level
    rows = (
        Score.objects.filter(scorer=scorer, **{f"{level}__project": project})
        .filter(Q(**{f"{level}__left_out": ""}) | Q(**{f"{level}__left_out": REASON[Rubric.Level(level)]}))
        .exclude(Exists(hidden.filter(**{level: OuterRef(level)})))
    )
    above = rows.filter(value__gte=value).order_by("value", level)[:most]
    below = rows.filter(value__lt=value).order_by("-value", f"-{level}")[:most]
    return _examples(above, level), _examples(below, level)


def _examples(rows: QuerySet[Score], level: str) -> list[Example]:
    if level == Rubric.Level.DOCUMENT:
        told = rows.annotate(
            uuid=F("document__uuid"),
            name=F("document__title"),
            address=F("document__address"),
            heading=F("document__sha256"),
            excerpt=Left("document__extraction__text", EXCERPT),
            language=F("document__language"),
            topic=F("document__topic"),
        )
    else:
        told = rows.annotate(
            uuid=F("passage__uuid"),
            name=F("passage__heading"),
            address=F("passage__document__title"),
            heading=F("passage__document__address"),
            excerpt=Left("passage__text", EXCERPT),
            language=F("passage__language"),
            topic=F("passage__document__topic"),
        )
    names = ("uuid", "value", "name", "address", "heading", "excerpt", "language", "topic")
    return [
        Example(uuid, value, name or address or heading[:12] or "Untitled", excerpt or "", language, topic)
        for uuid, value, name, address, heading, excerpt, language, topic in told.values_list(*names)
    ]
