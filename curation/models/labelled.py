"""What people and annotators answered to a rubric: the rows that agreement is measured on and scorers are trained from.

People's answers are their standing decisions that count, one for each subject and person (the latest, where somebody rated
the same subject in two queues). What a scorer learns is the *settled* value of a subject: the mean that its item came to, or what
a reviewer said in a dispute. Answers of annotators (`Label`) are never mixed in here; who wants both asks for both.
Nothing of a withdrawn document is returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from curation.models.project import Project
from curation.models.score import Rubric


@dataclass(frozen=True, slots=True)
class Answer:
    """One value by one rater. `rater` is a user's id, or an annotator's name; `id` of the decision or the label."""

    subject: int  # document or passage, as the rubric's level says
    rater: int | str
    value: float
    id: int
    at: datetime
    language: str
    text_sha256: str
    page_sha256: str  # of the document, whose passages belong together


@dataclass(frozen=True, slots=True)
class Target:
    """What a scorer should say of a subject, with the decisions that say so."""

    subject: int
    value: float
    decisions: tuple[int, ...]
    language: str
    text_sha256: str
    page_sha256: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How far the rating of a rubric is: subjects that are settled; rated, but waiting for another person; disputed."""

    settled: int
    waiting: int
    disputed: int


#: Where the facts of a subject stand, by level.
_FACTS = {
    Rubric.Level.PASSAGE: (
        "curation_passage t JOIN curation_document d ON d.id = t.document_id",
        "t.language, t.text_sha256, d.sha256",
    ),
    Rubric.Level.DOCUMENT: (
        "curation_document t JOIN curation_document d ON d.id = t.id"
        " LEFT JOIN curation_extraction e ON e.id = t.extraction_id",
        "t.language, coalesce(e.text_sha256, t.sha256), t.sha256",
    ),
}

_PEOPLE = """
    SELECT DISTINCT ON (i.{level}_id, said.user_id)
           i.{level}_id, said.user_id, (said.ratings ->> %(key)s)::float8, said.id, said.created_at, {facts}
      FROM curation_queue q
      JOIN curation_item i ON i.queue_id = q.id AND i.{level}_id IS NOT NULL
      JOIN curation_slot s ON s.item_id = i.id AND s.state = 'decided'
      JOIN curation_decision said ON said.id = s.decision_id AND said.ratings ? %(key)s
      JOIN ({tables}) ON t.id = i.{level}_id AND d.withdrawn_at IS NULL
     WHERE q.project_id = %(project)s
     ORDER BY i.{level}_id, said.user_id, said.id DESC
"""
_ANNOTATORS = """
    SELECT l.{level}_id, l.annotator, l.value, l.id, l.created_at, {facts}
      FROM curation_label l JOIN ({tables}) ON t.id = l.{level}_id AND d.withdrawn_at IS NULL
     WHERE l.project_id = %(project)s AND l.rubric_id = %(rubric)s
     ORDER BY l.{level}_id, l.annotator, l.id
"""
#: The decisions of a settled item are those in its slots and, where a reviewer had to end a dispute, theirs.
_TARGETS = """
    SELECT i.{level}_id, avg((i.result ->> %(key)s)::float8), array_agg(DISTINCT said.id), {facts}
      FROM curation_queue q
      JOIN curation_item i ON i.queue_id = q.id AND i.{level}_id IS NOT NULL AND i.state = 'rated' AND i.result ? %(key)s
      JOIN curation_decision said ON said.item_id = i.id AND said.ratings ? %(key)s
           AND NOT EXISTS (SELECT FROM curation_decision undo WHERE undo.undoes_id = said.id)
           AND (said.event = 'resolve' OR EXISTS (SELECT FROM curation_slot s WHERE s.decision_id = said.id))
      JOIN ({tables}) ON t.id = i.{level}_id AND d.withdrawn_at IS NULL
     WHERE q.project_id = %(project)s
     GROUP BY i.{level}_id, {facts}
     ORDER BY max(said.id), i.{level}_id
"""
_TALLY = """
    SELECT count(DISTINCT i.{level}_id) FILTER (WHERE i.state = 'rated' AND i.result ? %(key)s),
           count(DISTINCT i.{level}_id) FILTER (WHERE i.state = 'open' AND rated.it),
           count(DISTINCT i.{level}_id) FILTER (WHERE i.state = 'disputed' AND rated.it)
      FROM curation_queue q
      JOIN curation_item i ON i.queue_id = q.id AND i.{level}_id IS NOT NULL
      CROSS JOIN LATERAL (
           SELECT i.state IN ('open', 'disputed') AND EXISTS (
                  SELECT FROM curation_slot s JOIN curation_decision said ON said.id = s.decision_id
                   WHERE s.item_id = i.id AND said.ratings ? %(key)s) AS it) AS rated
     WHERE q.project_id = %(project)s
"""


def rubrics(project: Project) -> QuerySet[Rubric]:
    """The rubrics of a project: ours and its own, those put away left out."""
    return Rubric.objects.filter(Q(project=None) | Q(project=project), archived_at=None).order_by("id")


def people(project: Project, rubric: Rubric) -> list[Answer]:
    """Every standing decision that counts, one row for each subject and person, by subject."""
    return [Answer(*row) for row in _rows(_PEOPLE, project, rubric)]


def annotators(project: Project, rubric: Rubric, names: Sequence[str] = ()) -> list[Answer]:
    """Every label of annotators, or of those named, by subject."""
    found = [Answer(*row) for row in _rows(_ANNOTATORS, project, rubric)]
    return [one for one in found if not names or one.rater in names]


def targets(project: Project, rubric: Rubric) -> list[Target]:
    """The settled value of every subject that people agreed on, in the order in which they did."""
    return [
        Target(subject, value, tuple(sorted(decisions)), language, text, page)
        for subject, value, decisions, language, text, page in _rows(_TARGETS, project, rubric)
    ]


def tally(project: Project, rubric: Rubric) -> Tally:
    """How many subjects are settled, wait for another rating, or are disputed."""
    ((settled, waiting, disputed),) = _rows(_TALLY, project, rubric)
    return Tally(settled, waiting, disputed)


def _rows(sql: str, project: Project, rubric: Rubric) -> list[Any]:
    tables, facts = _FACTS[Rubric.Level(rubric.level)]
    parameters: dict[str, Any] = {"project": project.pk, "rubric": rubric.pk, "key": rubric.key}
    with connection.cursor() as cursor:
        cursor.execute(sql.format(level=rubric.level, tables=tables, facts=facts), parameters)
        return cursor.fetchall()
