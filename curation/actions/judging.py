"""What goes no further, and why: documents and passages are judged here, from what was measured of them.

Measuring (language, signals, scores, clusters) is done once by jobs; judging is a query over the results and can be repeated whenever a
threshold moved or material came. Both functions are idempotent and write only rows whose verdict changed. What extraction, undoing or people
decided is never touched: only reasons of these two lists are given and taken back.

The queries that come to a verdict are apart from the statements that write it, so that what a threshold would do is asked of the same
query (`actions.thresholds`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction

from curation.actions import licences
from curation.models import Project
from curation.models.licensing import STATED
from curation.recipe.knobs import Knobs
from curation.recipe.reasons import check_reason

OF_DOCUMENTS = tuple(
    map(
        check_reason,
        ("too_short", "corrupted", "licence_not_accepted", "language", "exact_duplicate", "low_educational"),
    )
)
OF_PASSAGES = tuple(
    map(
        check_reason,
        ("superseded", "document_left_out", "exact_duplicate", "near_duplicate", "low_scores"),
    )
)

#: Ends in `judged_documents (id, verdict, …)`. Of documents with the same normal form the one is kept that came first: by import, and
#: within one by content hash, so that it does not matter in which order workers stored its rows. One whose sources are all put away comes
#: last. A topic may have a floor of its own. A licence is accepted by name; of alternatives one is enough, of licences that hold
#: together (`… AND …`) all are needed. Code is in no language of people.
DOCUMENTS = f"""
    documents AS (
        SELECT d.id, d.left_out, d.left_out_detail, d.title, d.first_import_id, d.sha256, d.language, d.topic,
               e.characters, e.normal_sha256, e.notes ->> 'corrupted' AS corrupted,
               e.language_scores -> 0 ->> 1 AS probability, e.notes -> 'language' ->> 'uncertain' AS doubt,
               e.notes ? 'programming_language' AS is_code,
               (%(floors)s::jsonb ->> d.topic)::float8 AS own_floor,
               (SELECT string_agg(DISTINCT coalesce(nullif({STATED}, ''), 'no licence stated'), ', ')
                  FROM curation_occurrence o JOIN curation_source s ON s.id = o.source_id
                 WHERE %(heed_licences)s AND o.document_id = d.id AND s.withdrawn_at IS NULL) AS stated,
               NOT %(heed_licences)s OR EXISTS (
                SELECT FROM curation_occurrence o JOIN curation_source s ON s.id = o.source_id,
                       regexp_split_to_table({STATED}, ' OR ') AS one
                 WHERE o.document_id = d.id AND s.withdrawn_at IS NULL
                   AND (s.id = ANY(%(licensed_sources)s::bigint[]) OR lower(one) = ANY(%(licences)s::text[])
                        OR one <> '' AND string_to_array(replace(replace(lower(one), ' and ', '&'), ' ', '-'), '&')
                                         <@ %(licences)s::text[])) AS licensed,
               EXISTS (SELECT FROM curation_occurrence o JOIN curation_source s ON s.id = o.source_id
                        WHERE o.document_id = d.id AND s.archived_at IS NULL AND s.withdrawn_at IS NULL) AS at_hand
          FROM curation_document d JOIN curation_extraction e ON e.id = d.extraction_id
         WHERE d.project_id = %(project)s AND d.withdrawn_at IS NULL AND d.left_out = ANY(%(of_documents)s)
           AND EXISTS (SELECT FROM curation_signals g WHERE g.extraction_id = e.id)
    ), filtered_documents AS (
        SELECT documents.*, CASE
                 WHEN characters < %(characters)s THEN 'too_short'
                 WHEN coalesce(corrupted, '') <> '' THEN 'corrupted'
                 WHEN NOT licensed THEN 'licence_not_accepted'
                 WHEN cardinality(%(languages)s::text[]) > 0 AND language <> ALL(%(languages)s) AND NOT is_code THEN 'language'
                 ELSE '' END AS filter
          FROM documents
    ), ranked_documents AS (
        SELECT filtered_documents.*, first_value(id) OVER same AS kept, first_value(title) OVER same AS kept_title
          FROM filtered_documents
        WINDOW same AS (PARTITION BY normal_sha256, filter = ''
                        ORDER BY at_hand DESC, first_import_id, sha256 COLLATE "C")
    ), judged_documents AS (
        SELECT ranked_documents.*, value, coalesce(own_floor, %(educational)s) AS floor,
               CASE WHEN filter <> '' THEN filter WHEN kept <> id THEN 'exact_duplicate'
                    WHEN value < coalesce(own_floor, %(educational)s) THEN 'low_educational' ELSE '' END AS verdict
          FROM ranked_documents LEFT JOIN LATERAL (
               SELECT m.value FROM curation_score m
                WHERE m.document_id = ranked_documents.id AND m.scorer_id = (
                      SELECT a.scorer_id FROM curation_activescorer a JOIN curation_rubric r ON r.id = a.rubric_id
                       WHERE a.project_id = %(project)s AND r.key = 'educational' AND r.level = 'document' LIMIT 1)
                LIMIT 1) scored ON true
    )"""

_WRITE_DOCUMENTS = f"""
    WITH {DOCUMENTS}, said AS (
        SELECT judged_documents.*, left(CASE verdict
                 WHEN 'too_short' THEN characters || ' characters, at least ' || %(characters)s
                 WHEN 'corrupted' THEN corrupted
                 WHEN 'licence_not_accepted' THEN stated
                 WHEN 'language' THEN CASE language WHEN 'und' THEN 'undetermined' || coalesce(' (' || doubt || ')', '') ELSE language || coalesce(' (' || probability || ')', '') END
                                      || '; the project keeps ' || array_to_string(%(languages)s::text[], ', ')
                 WHEN 'exact_duplicate' THEN 'the same text as ' || coalesce(nullif(kept_title, ''), 'an earlier document')
                 WHEN 'low_educational' THEN to_char(value, 'FM0.00') || ', at least ' || to_char(floor, 'FM0.00')
                                             || CASE WHEN own_floor IS NOT NULL THEN ' for the topic ' || topic ELSE '' END
                 ELSE '' END, 400) AS detail
          FROM judged_documents
    )
    UPDATE curation_document d
       SET left_out = said.verdict, left_out_detail = said.detail, assessed_at = coalesce(d.assessed_at, now())
      FROM said
     WHERE d.id = said.id
       AND (d.left_out <> said.verdict OR d.left_out_detail <> said.detail OR d.assessed_at IS NULL)
"""

#: The state of documents that passages are judged by, as it is stored.
STORED_PAGES = """
    pages AS (SELECT id, extraction_id, title, first_import_id, sha256, left_out, left_out AS before, withdrawn_at, language, topic
                FROM curation_document WHERE project_id = %(project)s)"""

#: Passages that repeat another, by the clusters as they were drawn last.
STORED_NEAR = """
    near AS (
        SELECT m.passage_id, m.similarity, c.representative_id AS representative FROM curation_clustermember m
          JOIN curation_cluster c ON c.id = m.cluster_id AND c.project_id = %(project)s AND c.representative_id <> m.passage_id
         WHERE %(heed_near)s)"""

#: Wants `pages` and `near`; ends in `judged_passages (id, verdict, …)`. A passage has one reason, the first that holds. Exact duplicates are looked for
#: among passages of kept documents only, so that a copy in a bad page never stands in the way of the same passage in a good one.
PASSAGES = """
    passages AS (
        SELECT p.id, p.normal_sha256, p.ordinal, p.left_out, p.document_id, d.title, d.first_import_id, d.sha256,
               CASE WHEN p.extraction_id IS DISTINCT FROM d.extraction_id THEN 'superseded'
                    WHEN d.left_out <> '' OR d.withdrawn_at IS NOT NULL THEN 'document_left_out' ELSE '' END AS filter,
               EXISTS (SELECT FROM curation_occurrence o JOIN curation_source s ON s.id = o.source_id
                        WHERE o.document_id = d.id AND s.archived_at IS NULL AND s.withdrawn_at IS NULL) AS at_hand
          FROM curation_passage p JOIN pages d ON d.id = p.document_id
         WHERE p.project_id = %(project)s AND p.left_out = ANY(%(of_passages)s)
    ), ranked_passages AS (
        SELECT passages.*, first_value(id) OVER same AS kept, first_value(title) OVER same AS kept_title,
               first_value(ordinal) OVER same AS kept_ordinal
          FROM passages
        WINDOW same AS (PARTITION BY nullif(normal_sha256, ''), CASE WHEN normal_sha256 = '' THEN id END, filter = ''
                        ORDER BY at_hand DESC, first_import_id, sha256 COLLATE "C", ordinal, id)
    ), active AS (
        SELECT a.scorer_id, r.key FROM curation_activescorer a JOIN curation_rubric r ON r.id = a.rubric_id
         WHERE a.project_id = %(project)s AND r.level = 'passage' AND r.key IN ('factual', 'reasoning')
    ), scored AS (
        SELECT m.passage_id, max(m.value) FILTER (WHERE active.key = 'factual') AS factual,
               max(m.value) FILTER (WHERE active.key = 'reasoning') AS reasoning
          FROM curation_score m JOIN active ON active.scorer_id = m.scorer_id
          JOIN curation_passage p ON p.id = m.passage_id AND p.project_id = %(project)s
         GROUP BY m.passage_id
    ), judged_passages AS (
        SELECT ranked_passages.id, ranked_passages.left_out, ranked_passages.document_id, kept_title, kept_ordinal, factual, reasoning,
               near.similarity, near.representative,
               CASE WHEN filter <> '' THEN filter WHEN kept <> ranked_passages.id THEN 'exact_duplicate'
                    WHEN near.passage_id IS NOT NULL THEN 'near_duplicate'
                    WHEN factual < %(factual)s AND reasoning < %(reasoning)s THEN 'low_scores' ELSE '' END AS verdict
          FROM ranked_passages LEFT JOIN near ON near.passage_id = ranked_passages.id
          LEFT JOIN scored ON scored.passage_id = ranked_passages.id
    )"""

_WRITE_PASSAGES = f"""
    WITH {STORED_PAGES}, {STORED_NEAR}, {PASSAGES}, said AS (
        SELECT judged_passages.*, left(CASE verdict
                 WHEN 'exact_duplicate' THEN 'the same text as passage ' || (kept_ordinal + 1) || ' of ' || coalesce(nullif(kept_title, ''), 'an earlier document')
                 WHEN 'near_duplicate' THEN to_char(similarity, 'FM0.000') || ' close to passage ' || (rp.ordinal + 1) || ' of ' || coalesce(nullif(rd.title, ''), 'an earlier document')
                 WHEN 'low_scores' THEN 'factual ' || to_char(factual, 'FM0.00') || ', at least ' || to_char(%(factual)s::float8, 'FM0.00')
                                        || '; reasoning ' || to_char(reasoning, 'FM0.00') || ', at least ' || to_char(%(reasoning)s::float8, 'FM0.00')
                 ELSE '' END, 400) AS detail
          FROM judged_passages LEFT JOIN curation_passage rp ON rp.id = representative LEFT JOIN curation_document rd ON rd.id = rp.document_id
    )
    UPDATE curation_passage p SET left_out = said.verdict, left_out_detail = said.detail
      FROM said
     WHERE p.id = said.id AND (p.left_out <> said.verdict OR p.left_out_detail <> said.detail)
"""


def judge_documents(project: Project) -> int:
    """Give every assessed document its reason, or none. Returns how many verdicts changed."""
    return _write(_WRITE_DOCUMENTS, project)


def judge_passages(project: Project) -> int:
    """Give every passage its reason, or none. Returns how many verdicts changed."""
    return _write(_WRITE_PASSAGES, project)


def parameters(
    project: Project,
    knobs: Knobs | None = None,
    floors: dict[str, float] | None = None,
    changes: Mapping[str, float | None] | None = None,
) -> dict[str, Any]:
    """What the queries above ask for: the project's thresholds, or those proposed instead. `changes` of licences are proposed."""
    knobs = knobs or project.settings
    return {
        "project": project.pk,
        "of_documents": ["", *OF_DOCUMENTS],
        "of_passages": ["", *OF_PASSAGES],
        "characters": knobs.min_document_characters,
        "languages": list(project.languages),
        "educational": knobs.min_educational,
        "floors": json.dumps(project.topic_floors if floors is None else floors),
        "factual": knobs.min_factual,
        "reasoning": knobs.min_reasoning,
        "heed_near": bool(knobs.leave_out_near_duplicates),
        "heed_licences": bool(knobs.heed_licences),
        **licences.proposed(project, changes or {}),
    }


def _write(sql: str, project: Project) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters(project))
        return cursor.rowcount
