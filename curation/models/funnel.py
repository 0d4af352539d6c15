"""The funnel of a project: from documents to approved rows, with a count for every reason on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import Count, Q

from curation.models.approved import Approved
from curation.models.cluster import Cluster
from curation.models.document import Document
from curation.models.embedding import EmbeddingModel
from curation.models.passage import Passage
from curation.models.project import Project
from curation.models.seed import Seed


@dataclass(frozen=True, slots=True)
class Funnel:
    """`documents` = `kept` + the sum of `left_out`; `waiting` of the kept ones have not been judged yet.

    `passages` likewise falls into those kept and `passages_left_out`. `embedded` and `scored` count passages that have
    a vector under the project's model, and a factual and a reasoning score by its active scorers.
    """

    documents: int
    kept: int
    waiting: int
    left_out: dict[str, int]
    passages: int
    passages_kept: int
    passages_left_out: dict[str, int]
    embedded: int
    scored: int
    clusters: int
    seeds: int
    approved: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def funnel(project: Project, *, approved: bool = True) -> Funnel:
    """A handful of counts. `approved` adds what exports would take, which is dearer (four queries)."""
    documents = _by_reason(Document.objects.filter(project=project))
    passages = _by_reason(Passage.objects.filter(project=project))
    waiting = Document.objects.filter(project=project, left_out="").filter(
        Q(extraction=None) | Q(assessed_at=None)
    )
    kinds = ("documents", "passages", "seeds", "samples") if approved else ()
    return Funnel(
        documents=sum(documents.values()),
        kept=documents.pop("", 0),
        waiting=waiting.count(),
        left_out=documents,
        passages=sum(passages.values()),
        passages_kept=passages.pop("", 0),
        passages_left_out=passages,
        embedded=_embedded(project),
        scored=_scored(project),
        clusters=Cluster.objects.filter(project=project).count(),
        seeds=Seed.objects.filter(project=project).exclude(state=Seed.State.WITHDRAWN).count(),
        approved={kind: Approved(project, kind).counts().rows for kind in kinds},
    )


def _by_reason(rows: Any) -> dict[str, int]:
    counted = (
        rows.order_by().values_list("left_out").annotate(count=Count("pk")).order_by("-count", "left_out")
    )
    return dict(counted)


def _embedded(project: Project) -> int:
    model = EmbeddingModel.objects.of_project(project)
    if model is None:
        return 0
    return _count(
        "SELECT count(*) FROM curation_passage p JOIN curation_embedding e"
        " ON e.model_id = %s AND e.text_sha256 = p.text_sha256 WHERE p.project_id = %s",
        [model.pk, project.pk],
    )


def _scored(project: Project) -> int:
    return _count(
        """
        SELECT count(*) FROM (
            SELECT s.passage_id FROM curation_score s JOIN curation_passage p ON p.id = s.passage_id
              JOIN curation_activescorer a ON a.scorer_id = s.scorer_id AND a.project_id = p.project_id
              JOIN curation_rubric r ON r.id = a.rubric_id AND r.key IN ('factual', 'reasoning')
             WHERE p.project_id = %s GROUP BY s.passage_id HAVING count(*) >= 2
        ) AS scored
        """,
        [project.pk],
    )


def _count(sql: str, parameters: list[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.fetchone()[0])
