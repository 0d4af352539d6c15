"""What was measured of a project's documents and passages: a sample of their signals, spread evenly by a hash of their ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from curation.models.project import Project
from curation.models.score import Rubric

#: Rows that a distribution is drawn from. With 2,000 a share is within two percentage points.
SAMPLE = 2_000

_ROWS = {
    Rubric.Level.DOCUMENT: """
        FROM curation_document r JOIN curation_signals g ON g.extraction_id = r.extraction_id AND g.version = %(version)s
       WHERE r.project_id = %(project)s AND r.withdrawn_at IS NULL""",
    Rubric.Level.PASSAGE: """
        FROM curation_passage r JOIN curation_signals g ON g.passage_id = r.id AND g.version = %(version)s
       WHERE r.project_id = %(project)s""",
}
_TITLES = {
    Rubric.Level.DOCUMENT: "SELECT d.id, coalesce(nullif(d.title, ''), nullif(d.address, ''), left(d.sha256, 12))"
    " FROM curation_document d WHERE d.project_id = %s AND d.id = ANY(%s)",
    Rubric.Level.PASSAGE: "SELECT p.id, coalesce(nullif(p.heading, ''), nullif(d.title, ''), nullif(d.address, ''), left(d.sha256, 12))"
    " || ', ' || (p.ordinal + 1) FROM curation_passage p JOIN curation_document d ON d.id = p.document_id"
    " WHERE p.project_id = %s AND p.id = ANY(%s)",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """Signals of one row. `row` is its id, `uuid` its address."""

    row: int
    uuid: UUID
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class Sampled:
    """`rows` are `len(rows)` of the `total` documents or passages of the project; the same ones each time."""

    rows: Sequence[Measured]
    total: int

    @property
    def whole(self) -> bool:
        return len(self.rows) >= self.total


def sampled(project: Project, level: str, version: str, most: int = SAMPLE) -> Sampled:
    """Signals of about `most` rows of a level. Two queries: how many there are, and those whose hash falls to the sample."""
    asked: dict[str, Any] = {"project": project.pk, "version": version}
    where = _ROWS[Rubric.Level(level)]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) {where}", asked)
        total = int(cursor.fetchone()[0])
        asked["each"] = max(1, total // most)
        cursor.execute(
            f"SELECT r.id, r.uuid, g.values {where} AND abs(hashint8(r.id)::bigint) %% %(each)s = 0 ORDER BY r.id",
            asked,
        )
        rows = [Measured(key, uuid, _numbers(values)) for key, uuid, values in cursor.fetchall()]
    return Sampled(rows, total)


def _numbers(values: Any) -> dict[str, float]:
    """Django leaves a JSON column of a plain cursor as text."""
    import orjson

    return orjson.loads(values) if isinstance(values, str | bytes) else values


def titles(project: Project, level: str, rows: Sequence[int]) -> dict[int, str]:
    """What to call these rows. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_TITLES[Rubric.Level(level)], [project.pk, list(rows)])
        return dict(cursor.fetchall())
