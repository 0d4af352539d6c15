"""The licences of a project's documents: under which names they were found, in which sources, and how many wait for a manager."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from curation.models.project import Project

#: The licence of one place: its own, else what the page said of itself, else its source's. Used by the judging too.
STATED = "coalesce(nullif(o.licence, ''), nullif(e.notes -> 'licence' ->> 'name', ''), s.licence)"
_FOUND = f"""
    SELECT {STATED} AS name, s.uuid, s.name, count(DISTINCT d.id),
           count(DISTINCT d.id) FILTER (WHERE d.left_out = 'licence_not_accepted'),
           (array_agg(coalesce(nullif(o.meta ->> 'licence_evidence', ''), e.notes -> 'licence' ->> 'evidence')
                      ORDER BY o.id) FILTER (WHERE coalesce(nullif(o.meta ->> 'licence_evidence', ''),
                                                            e.notes -> 'licence' ->> 'evidence') IS NOT NULL))[1]
      FROM curation_document d JOIN curation_occurrence o ON o.document_id = d.id
      JOIN curation_source s ON s.id = o.source_id AND s.withdrawn_at IS NULL
      LEFT JOIN curation_extraction e ON e.id = d.extraction_id
     WHERE d.project_id = %s AND d.withdrawn_at IS NULL
     GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 3
"""


@dataclass(frozen=True, slots=True)
class Stated:
    """Documents of one source under one licence. `name` is "" where nobody stated one; `evidence` is of the first."""

    name: str
    source: str
    source_name: str
    documents: int
    waiting: int
    evidence: str


def stated(project: Project) -> list[Stated]:
    """Licences by source, the most frequent first."""
    with connection.cursor() as cursor:
        cursor.execute(_FOUND, [project.pk])
        rows = cursor.fetchall()
    return [
        Stated(name, str(uuid), source, total, waiting, evidence or "")
        for name, uuid, source, total, waiting, evidence in rows
    ]
