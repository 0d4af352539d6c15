"""What each point of a map is, by one way of colouring it: its source, topic, language, state, or score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

from curation.models.project_map import ProjectMap

#: Way of colouring → the column, and what has to be joined for it. Scores are `of_scores`.
COLUMNS: dict[str, tuple[str, str]] = {
    "topic": ("nullif(d.topic, '')", ""),
    "source": ("place.source_id", "LEFT JOIN place ON place.document_id = p.document_id"),
    "state": (
        "CASE WHEN p.left_out <> '' THEN p.left_out ELSE coalesce('seed_' || s.state, 'kept') END",
        "LEFT JOIN curation_seed s ON s.passage_id = p.id AND s.project_id = p.project_id",
    ),
    "language": ("nullif(p.language, '')", ""),
}
#: Of a page that was found in several sources the first place counts.
_POINTS = """
    WITH place AS (
        SELECT DISTINCT ON (o.document_id) o.document_id, o.source_id FROM curation_occurrence o
          JOIN curation_source s ON s.id = o.source_id WHERE s.project_id = %(project)s
         ORDER BY o.document_id, o.id
    )
    SELECT p.id, p.document_id, {column} FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS shown (id, place)
      LEFT JOIN curation_passage p ON p.id = shown.id AND p.project_id = %(project)s
      LEFT JOIN curation_document d ON d.id = p.document_id {joined}
     ORDER BY shown.place
"""


@dataclass(frozen=True, slots=True)
class Value:
    """One point, in the order of the map. `passage` is None when it is gone since; `value` is None where nothing is known."""

    passage: int | None
    document: int | None
    value: Any


def of_column(drawn: ProjectMap, by: str) -> list[Value]:
    """What each point has in one of `COLUMNS`. One query."""
    column, joined = COLUMNS[by]
    return _read(drawn, column, joined)


def of_scores(drawn: ProjectMap, level: str, scorer: int) -> list[Value]:
    """What a scorer says of each point's passage, or of its page, by `level`. One query."""
    joined = f"LEFT JOIN curation_score s ON s.{level}_id = {'d' if level == 'document' else 'p'}.id AND s.scorer_id = %(scorer)s"
    return _read(drawn, "s.value", joined, scorer=scorer)


def _read(drawn: ProjectMap, column: str, joined: str, **parameters: Any) -> list[Value]:
    ids = drawn.array["passage"].tolist()
    with connection.cursor() as cursor:
        cursor.execute(
            _POINTS.format(column=column, joined=joined),
            {"project": drawn.project_id, "ids": ids, **parameters},
        )
        return [Value(*row) for row in cursor.fetchall()]
