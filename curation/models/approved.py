"""What is approved: the one definition, per kind, that preview, snapshot and overview share.

Every row of a kind in a project gets one reason, or none when it is approved: so approved + left out is always
everything. The definition is SQL, because counting it, showing its first rows and freezing it must be the same query.

- documents: extracted, assessed, scored, left out by no filter, found in a source that is neither archived nor withdrawn;
- passages: the same, of such a document and its current extraction, and rejected by nobody (a knob of the project);
- seeds and samples: accepted by people, of a source that is neither archived nor withdrawn; or by a run that takes verdicts for it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from curation.models.project import Project
from curation.models.score import ActiveScorer, Rubric
from curation.models.snapshot import Snapshot
from curation.recipe.export.filters import NO_LICENCE, SCORE, FilterError

#: Scorers that speak for the project, by level.
_ACTIVE = """
    active AS (
        SELECT a.scorer_id, r.key AS rubric, r.level, sc.name || '-' || sc.version AS scorer
          FROM curation_activescorer a JOIN curation_rubric r ON r.id = a.rubric_id
          JOIN curation_scorer sc ON sc.id = a.scorer_id WHERE a.project_id = %(project)s
    )"""

#: Of each document the first place it was found in that still counts, one that the filters allow before any other.
_PLACE = """
    place AS (
        SELECT DISTINCT ON (o.document_id) o.document_id, o.address, s.uuid, s.name, s.kind,
               nullif(coalesce(nullif(o.licence, ''), s.licence), '') AS licence, {allowed} AS allowed,
               count(*) OVER (PARTITION BY o.document_id) AS places
          FROM curation_occurrence o JOIN curation_source s ON s.id = o.source_id
         WHERE s.project_id = %(project)s AND s.archived_at IS NULL AND s.withdrawn_at IS NULL
         ORDER BY o.document_id, allowed DESC, o.id
    ), put_away AS (
        SELECT DISTINCT o.document_id FROM curation_occurrence o JOIN curation_source s ON s.id = o.source_id
         WHERE s.project_id = %(project)s AND s.archived_at IS NOT NULL AND s.withdrawn_at IS NULL
    )"""

#: What the active scorers said of each document or passage.
_MARKS = """
    {level}_marks AS (
        SELECT m.{level}_id, count(*) AS marked,
               json_agg(json_build_object('rubric', a.rubric, 'scorer', a.scorer, 'value', m.value)
                        ORDER BY a.rubric) AS marks
          FROM curation_score m JOIN active a ON a.scorer_id = m.scorer_id AND a.level = '{level}'
          JOIN curation_{level} t ON t.id = m.{level}_id AND t.project_id = %(project)s
         GROUP BY m.{level}_id
    )"""

#: Documents with the reason why each goes no further ('' for none). Filters come later: what they ask differs by kind.
_PAGE = """
    page AS (
        SELECT d.id, d.uuid, d.sha256, d.title, d.language, d.characters, d.media_type, d.extraction_id,
               d.created_at, d.withdrawn_at,
               coalesce(nullif(place.address, ''), nullif(d.address, '')) AS address,
               place.uuid AS source, place.name AS source_name, place.kind AS source_kind, place.licence,
               coalesce(place.allowed, false) AS allowed,
               marks.marks, coalesce(place.places, 0) AS places,
               CASE WHEN d.withdrawn_at IS NOT NULL THEN 'withdrawn'
                    WHEN d.left_out <> '' THEN d.left_out
                    WHEN place.document_id IS NULL AND put_away.document_id IS NOT NULL THEN 'source_archived'
                    WHEN place.document_id IS NULL THEN 'withdrawn'
                    WHEN d.extraction_id IS NULL OR d.assessed_at IS NULL THEN 'not_processed'
                    WHEN coalesce(marks.marked, 0) < (SELECT count(*) FROM active WHERE level = 'document')
                    THEN 'not_processed'
                    ELSE '' END AS reason
          FROM curation_document d
          LEFT JOIN place ON place.document_id = d.id
          LEFT JOIN put_away ON put_away.document_id = d.id
          LEFT JOIN document_marks marks ON marks.document_id = d.id
         WHERE d.project_id = %(project)s
    )"""

#: What people said of passages: as a passage (scores) or as a seed. `turned` is a reject that nobody has overruled.
_SAID = """
    said AS (
        SELECT coalesce(i.passage_id, seed.passage_id) AS passage_id,
               bool_or(i.state = 'rejected') AS rejected, bool_or(i.state = 'disputed' AND i.seed_id IS NOT NULL) AS disputed,
               bool_or(i.state = 'flagged') AS flagged,
               bool_or(i.state = 'open' AND slot.turned) AS turned, sum(slot.decided) AS decided
          FROM curation_item i JOIN curation_queue q ON q.id = i.queue_id
          LEFT JOIN curation_seed seed ON seed.id = i.seed_id
          JOIN LATERAL (SELECT count(*) AS decided, bool_or(d.verdict = 'reject') AS turned
                          FROM curation_slot sl JOIN curation_decision d ON d.id = sl.decision_id
                         WHERE sl.item_id = i.id AND sl.state = 'decided') slot ON true
         WHERE q.project_id = %(project)s AND i.sample_id IS NULL AND coalesce(i.passage_id, seed.passage_id) IS NOT NULL
         GROUP BY 1
    )"""

#: How many counting decisions a seed or sample has, and where its items stand.
_HEARD = """
    heard AS (
        SELECT i.{subject}_id, bool_or(i.state = 'disputed') AS disputed, bool_or(i.state = 'flagged') AS flagged,
               bool_or(i.state = 'revising') AS revising,
               sum((SELECT count(*) FROM curation_slot sl WHERE sl.item_id = i.id AND sl.state = 'decided')) AS decided
          FROM curation_item i JOIN curation_queue q ON q.id = i.queue_id
         WHERE q.project_id = %(project)s AND i.{subject}_id IS NOT NULL GROUP BY i.{subject}_id
    )"""

_DOCUMENT_FACTS = """
    'document', page.uuid, 'document_sha256', page.sha256, 'extractor', e.extractor,
    'title', nullif(page.title, ''), 'address', page.address"""
_SPAN_FACTS = """
    'ordinal', p.ordinal, 'start', p.start, 'end', p."end", 'heading', nullif(p.heading, '')"""
_SOURCE_FACTS = """
    'source', page.source, 'source_name', page.source_name, 'source_kind', page.source_kind, 'licence', page.licence"""


@dataclass(frozen=True, slots=True)
class Definition:
    """How one kind is selected. Every field is SQL over the same FROM.

    `reason` is '' for an approved row; `allowed` says whether its source, kind and licence are asked for.
    """

    tables: tuple[str, ...]  # the common table expressions it needs, in order
    rows: str  # FROM … WHERE …
    id: str
    uuid: str
    reason: str
    keys: tuple[str, ...]  # its natural key: two studios with the same material export in the same order
    sha256: str
    facts: str
    allowed: str  # may name {asks_place} and {own_place}: SQL that `Approved` fills in
    language: str
    created_at: str
    text: str  # for the first rows on screen
    document: str  # id of the document whose scores count for it
    passage: str  # likewise of the passage, NULL for documents
    tallies: dict[str, str]  # what the manifest counts the approved rows by
    extraction: str = "NULL::bigint"
    version: str = "NULL::bigint"


_OF_DOCUMENTS = Definition(
    tables=(_ACTIVE, _PLACE, _MARKS.format(level="document"), _PAGE),
    rows="page LEFT JOIN curation_extraction e ON e.id = page.extraction_id",
    id="page.id",
    uuid="page.uuid",
    reason="page.reason",
    keys=('page.sha256 COLLATE "C"',),
    sha256="e.text_sha256",
    facts=f"""json_build_object(
        'title', nullif(page.title, ''), 'language', nullif(page.language, ''), 'characters', e.characters,
        'sha256', page.sha256, 'media_type', page.media_type, 'extractor', e.extractor, 'address', page.address,
        {_SOURCE_FACTS}, 'page_scores', page.marks,
        'occurrences', CASE WHEN page.places > 1
            THEN (SELECT json_agg(json_build_object(
                      'source', s.uuid, 'address', nullif(o.address, ''),
                      'licence', nullif(coalesce(nullif(o.licence, ''), s.licence), '')) ORDER BY o.id)
                    FROM curation_occurrence o JOIN curation_source s ON s.id = o.source_id
                   WHERE o.document_id = page.id AND s.archived_at IS NULL AND s.withdrawn_at IS NULL) END)""",
    allowed="page.allowed",
    language="page.language",
    created_at="page.created_at",
    text="e.text",
    document="page.id",
    passage="NULL",
    tallies={"licences": "page.licence", "extractors": "e.extractor"},
    extraction="page.extraction_id",
)

_OF_PASSAGES = Definition(
    tables=(
        _ACTIVE,
        _PLACE,
        _MARKS.format(level="document"),
        _MARKS.format(level="passage"),
        _PAGE,
        _SAID,
    ),
    rows="""page JOIN curation_passage p ON p.document_id = page.id
        JOIN curation_extraction e ON e.id = p.extraction_id
        LEFT JOIN passage_marks ON passage_marks.passage_id = p.id
        LEFT JOIN said ON said.passage_id = p.id
        LEFT JOIN curation_seed seed ON seed.passage_id = p.id AND seed.project_id = %(project)s
                                    AND seed.state = 'approved'
        LEFT JOIN curation_textversion v ON v.id = seed.text_version_id""",
    id="p.id",
    uuid="p.uuid",
    reason="""CASE WHEN p.extraction_id <> page.extraction_id THEN 'superseded'
        WHEN page.reason IN ('withdrawn', 'source_archived', 'not_processed') THEN page.reason
        WHEN page.reason <> '' THEN 'document_left_out'
        WHEN p.left_out <> '' THEN p.left_out
        WHEN coalesce(passage_marks.marked, 0) < (SELECT count(*) FROM active WHERE level = 'passage')
        THEN 'not_processed'
        WHEN NOT %(heed_people)s THEN ''
        WHEN said.rejected THEN 'rejected'
        WHEN said.disputed THEN 'disputed'
        WHEN said.flagged THEN 'flagged'
        WHEN said.turned THEN 'not_reviewed'
        ELSE '' END""",
    keys=('page.sha256 COLLATE "C"', "p.ordinal"),
    sha256="coalesce(v.sha256, p.text_sha256)",
    facts=f"""json_build_object(
        'language', nullif(p.language, ''), 'tokens', p.tokens, 'edited', v.id IS NOT NULL,
        'original_sha256', p.text_sha256, {_DOCUMENT_FACTS}, {_SPAN_FACTS}, {_SOURCE_FACTS},
        'page_scores', page.marks, 'scores', passage_marks.marks,
        'decisions', coalesce(said.decided, 0))""",
    allowed="page.allowed",
    language="p.language",
    created_at="page.created_at",
    text="coalesce(v.text, p.text)",
    document="p.document_id",
    passage="p.id",
    tallies={"licences": "page.licence", "extractors": "e.extractor"},
    version="v.id",
)

_OF_SEEDS = Definition(
    tables=(
        _ACTIVE,
        _PLACE,
        _MARKS.format(level="document"),
        _MARKS.format(level="passage"),
        _PAGE,
        _HEARD.format(subject="seed"),
    ),
    rows="""curation_seed seed
        LEFT JOIN curation_passage p ON p.id = seed.passage_id
        LEFT JOIN page ON page.id = p.document_id
        LEFT JOIN curation_extraction e ON e.id = p.extraction_id
        LEFT JOIN passage_marks ON passage_marks.passage_id = p.id
        LEFT JOIN heard ON heard.seed_id = seed.id
        LEFT JOIN curation_textversion v ON v.id = seed.text_version_id
        WHERE seed.project_id = %(project)s""",
    id="seed.id",
    uuid="seed.uuid",
    reason="""CASE WHEN seed.state = 'withdrawn' THEN 'withdrawn'
        WHEN page.reason IN ('withdrawn', 'source_archived') THEN page.reason
        WHEN seed.state = 'rejected' THEN 'rejected'
        WHEN seed.state = 'approved' THEN ''
        WHEN heard.disputed THEN 'disputed'
        WHEN heard.flagged THEN 'flagged'
        ELSE 'not_reviewed' END""",
    keys=('page.sha256 COLLATE "C"', "p.ordinal", 'e.extractor COLLATE "C"', 'seed.text_sha256 COLLATE "C"'),
    sha256="coalesce(v.sha256, seed.text_sha256)",
    facts=f"""json_build_object(
        'kind', CASE WHEN p.id IS NULL THEN 'question' ELSE 'passage' END, 'tags', seed.tags,
        'language', nullif(p.language, ''), 'edited', v.id IS NOT NULL, 'original_sha256', seed.text_sha256,
        'passage', p.uuid, {_DOCUMENT_FACTS}, {_SPAN_FACTS}, {_SOURCE_FACTS},
        'page_scores', page.marks, 'scores', passage_marks.marks,
        'decisions', coalesce(heard.decided, 0))""",
    allowed="coalesce(page.allowed, NOT {asks_place})",
    language="p.language",
    created_at="seed.created_at",
    text="coalesce(v.text, p.text, seed.text)",
    document="p.document_id",
    passage="p.id",
    tallies={"licences": "page.licence", "extractors": "e.extractor"},
    version="v.id",
)

_OF_SAMPLES = Definition(
    tables=(
        _ACTIVE,
        _PLACE,
        _MARKS.format(level="document"),
        _PAGE,
        _HEARD.format(subject="sample"),
    ),
    rows="""curation_sample sample
        JOIN curation_source s ON s.id = sample.source_id
        LEFT JOIN curation_seed seed ON seed.id = sample.seed_id
        LEFT JOIN curation_passage p ON p.id = coalesce(sample.passage_id, seed.passage_id)
        LEFT JOIN page ON page.id = p.document_id
        LEFT JOIN curation_extraction e ON e.id = p.extraction_id
        LEFT JOIN heard ON heard.sample_id = sample.id
        LEFT JOIN curation_textversion v ON v.id = sample.text_version_id
        LEFT JOIN curation_candidate candidate ON candidate.id = sample.candidate_id
        LEFT JOIN curation_run run ON run.id = candidate.run_id
        WHERE sample.project_id = %(project)s""",
    id="sample.id",
    uuid="sample.uuid",
    reason="""CASE WHEN sample.state = 'withdrawn' OR s.withdrawn_at IS NOT NULL THEN 'withdrawn'
        WHEN s.archived_at IS NOT NULL THEN 'source_archived'
        WHEN page.reason = 'withdrawn' THEN 'withdrawn'
        WHEN sample.state = 'rejected' THEN 'rejected'
        WHEN sample.left_out <> '' THEN sample.left_out
        WHEN sample.state = 'approved' THEN ''
        WHEN heard.disputed THEN 'disputed'
        WHEN heard.flagged THEN 'flagged'
        WHEN heard.revising THEN 'revising'
        ELSE 'not_reviewed' END""",
    keys=('s.name COLLATE "C"', 'sample.external_id COLLATE "C"'),
    sha256="coalesce(encode(sha256(convert_to(v.text, 'UTF8')), 'hex'), sample.text_sha256)",
    facts=f"""json_build_object(
        'id', CASE WHEN sample.external_id LIKE 'sha256:%%' THEN sample.uuid::text ELSE sample.external_id END,
        'seed', nullif(sample.seed_reference, '{{}}'::jsonb),
        'workflow', nullif(sample.workflow, ''), 'model', nullif(sample.model, ''),
        'language', nullif(sample.language, ''), 'licence', nullif(coalesce(nullif(sample.licence, ''), s.licence), ''),
        'topics', to_json(sample.topics), 'skill', nullif(sample.skill, ''), 'difficulty', nullif(sample.difficulty, ''),
        'meta', sample.meta - 'lineage',
        'verdicts_until', (SELECT max(ordinal) FROM curation_verdict WHERE sample_id = sample.id),
        'lineage', json_build_object(
            'sample', sample.uuid, 'edited', v.id IS NOT NULL, 'original_sha256', sample.text_sha256,
            'source', s.uuid, 'source_name', s.name, 'seed', seed.uuid, 'passage', p.uuid,
            {_DOCUMENT_FACTS}, {_SPAN_FACTS}, 'document_licence', page.licence,
            'run', run.uuid, 'candidate', candidate.ordinal + 1, 'rank', sample.rank,
            'accepted_by', CASE WHEN sample.rank IS NULL THEN NULL ELSE run.accepting END,
            'decisions', coalesce(heard.decided, 0), 'before', sample.meta -> 'lineage'))""",
    allowed="{own_place}",
    language="sample.language",
    created_at="sample.created_at",
    text="coalesce(v.text, sample.text)",
    document="p.document_id",
    passage="p.id",
    tallies={
        "licences": "nullif(coalesce(nullif(sample.licence, ''), s.licence), '')",
        "extractors": "e.extractor",
        "models": "nullif(sample.model, '')",
        "workflows": "nullif(sample.workflow, '')",
    },
    version="v.id",
)

DEFINITIONS: dict[str, Definition] = {
    "documents": _OF_DOCUMENTS,
    "passages": _OF_PASSAGES,
    "seeds": _OF_SEEDS,
    "samples": _OF_SAMPLES,
}


@dataclass(slots=True)
class Counts:
    """How many rows are approved, and what became of all others.

    `left_out` by reason; `tallies` of the approved by what the kind's definition names: {"licences": {"MIT": 7}}. What
    has no value counts under "".
    """

    rows: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    tallies: dict[str, Counter[str]] = field(default_factory=lambda: {"licences": Counter()})

    @property
    def licences(self) -> Counter[str]:
        return self.tallies["licences"]

    def add(self, reason: str, values: dict[str, str | None], count: int) -> None:
        if reason:
            self.left_out[reason] += count
            return
        self.rows += count
        for name, value in values.items():
            self.tallies.setdefault(name, Counter())[value or ""] += count


class Approved:
    """The approved rows of one kind in a project, narrowed by `filters` (as `recipe.export.filters.parse` made them)."""

    def __init__(self, project: Project, what: str, filters: dict[str, Any] | None = None) -> None:
        self.project, self.what, self.filters = project, what, filters or {}
        self.definition = DEFINITIONS[what]
        self.parameters: dict[str, Any] = {
            "project": project.pk,
            "heed_people": bool(project.settings.leave_out_rejected),
        }
        self.selection = self._selection()

    # What can be asked of it

    def counts(self) -> Counts:
        """Count without freezing: what a person sees before an export."""
        return self._counted(self.selection)

    def first(self, most: int = 10) -> list[dict[str, Any]]:
        """The rows that would come first, each with `uuid`, `text` (its first 600 characters) and its facts."""
        sql = f"""{self.selection} SELECT uuid, left(text, 600), facts::text FROM selection
            WHERE reason = '' ORDER BY {self._order} LIMIT %(most)s"""
        with _hashing() as cursor:
            cursor.execute(sql, self.parameters | {"most": most})
            return [
                {"uuid": uuid, "text": text, **json.loads(facts)} for uuid, text, facts in cursor.fetchall()
            ]

    def freeze(self, snapshot: Snapshot) -> Counts:
        """Write down exactly these rows as the snapshot's, in order, and count all others: one statement, one truth."""
        frozen = f"""{self.selection}, frozen AS (
            INSERT INTO curation_snapshotrow (snapshot_id, ordinal, subject_id, subject_uuid, text_version_id,
                                              extraction_id, content_sha256, facts)
            SELECT %(snapshot)s, row_number() OVER (ORDER BY {self._order}) - 1, id, uuid, version_id,
                   extraction_id, sha256, facts
              FROM selection WHERE reason = '')"""
        return self._counted(frozen, snapshot=snapshot.pk)

    def _counted(self, tables: str, **parameters: Any) -> Counts:
        """`tables` is a WITH that has `selection`."""
        names = list(self.definition.tallies)
        columns = ", ".join(["reason", *names])
        counts = Counts()
        with _hashing() as cursor:
            cursor.execute(
                f"{tables} SELECT {columns}, count(*) FROM selection GROUP BY {columns}",
                self.parameters | parameters,
            )
            for reason, *values, count in cursor.fetchall():
                counts.add(reason, dict(zip(names, values, strict=True)), count)
        return counts

    # The query

    @property
    def _order(self) -> str:
        return ", ".join(f"key{n}" for n in range(len(self.definition.keys)))

    def _selection(self) -> str:
        """WITH …, ending in a table `selection`; uses go on with `SELECT … FROM selection`."""
        chosen = self.definition
        own_place = self._place_conditions("sample.licence" if self.what == "samples" else "o.licence")
        # A sample's source and licence are its own: where its document was found does not matter for them.
        place_of_document = own_place if own_place and self.what != "samples" else "true"
        tables = ",".join(table.replace("{allowed}", place_of_document) for table in chosen.tables)
        allowed = chosen.allowed.format(asks_place=bool(own_place), own_place=own_place or "true")
        asked = " AND ".join([f"({allowed})", *self._conditions()])
        keys = ", ".join(f"{key} AS key{n}" for n, key in enumerate(chosen.keys))
        tallies = ", ".join(f"{value} AS {name}" for name, value in chosen.tallies.items())
        return f"""WITH {tables}, selection AS NOT MATERIALIZED (
            SELECT *, CASE WHEN held_back <> '' THEN held_back WHEN asked THEN '' ELSE 'filtered' END AS reason
              FROM (SELECT {chosen.id} AS id, {chosen.uuid} AS uuid, {chosen.reason} AS held_back,
                           coalesce({asked}, false) AS asked, {chosen.sha256} AS sha256,
                           {chosen.extraction} AS extraction_id, {chosen.version} AS version_id,
                           {tallies}, {chosen.text} AS text, {chosen.facts} AS facts, {keys}
                      FROM {chosen.rows}) found
        )"""

    def _place_conditions(self, licence: str) -> str:
        """What `source`, `kind` and `licence` ask of a place: SQL over source `s` and the row's own licence."""
        conditions = []
        if sources := self.filters.get("source"):
            self.parameters["sources"] = sources
            conditions.append("(s.name = ANY(%(sources)s) OR s.uuid::text = ANY(%(sources)s))")
        if kinds := self.filters.get("kind"):
            self.parameters["kinds"] = kinds
            conditions.append("s.kind = ANY(%(kinds)s)")
        if licences := self.filters.get("licence"):
            self.parameters["licences"] = ["" if name == NO_LICENCE else name for name in licences]
            conditions.append(f"coalesce(nullif({licence}, ''), s.licence) = ANY(%(licences)s)")
        return " AND ".join(conditions)

    def _conditions(self) -> list[str]:
        chosen, conditions = self.definition, []
        for key, value in self.filters.items():
            if key == "language":
                conditions.append(f"{chosen.language} = ANY(%(languages)s)")
                self.parameters["languages"] = value
            elif key == "since":
                conditions.append(f"{chosen.created_at} >= (%(since)s || ' 00:00Z')::timestamptz")
                self.parameters["since"] = value
            elif key in ("workflow", "model"):
                conditions.append(f"sample.{key} = ANY(%({key}s)s)")
                self.parameters[f"{key}s"] = value
            elif bound := SCORE.fullmatch(key):
                conditions.append(self._score_condition(key, bound.group(1), bound.group(2), value))
        return conditions

    def _score_condition(self, key: str, bound: str, rubric: str, value: float) -> str:
        levels = rubric_levels(self.project, self.what)
        if rubric not in levels:
            raise FilterError(
                f"{self.what.capitalize()} have no score `{rubric}`; they have {', '.join(levels)}."
            )
        level, name = levels[rubric], f"p_{key}".replace("-", "_")
        subject = self.definition.document if level == Rubric.Level.DOCUMENT else self.definition.passage
        self.parameters |= {name: value, f"{name}_rubric": rubric}
        compare = ">=" if bound == "min" else "<="
        return f"""EXISTS (SELECT 1 FROM curation_score m JOIN active a ON a.scorer_id = m.scorer_id
            WHERE m.{level}_id = {subject} AND a.rubric = %({name}_rubric)s AND m.value {compare} %({name})s)"""


@contextmanager
def _hashing() -> Iterator[CursorWrapper]:
    """A cursor whose joins are hashed. The planner cannot know how many rows these tables of ours have, guesses one,
    and walks the second table once per row of the first: hours at 100,000 rows, where a hash takes a second."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        yield cursor
        cursor.execute("SET LOCAL enable_nestloop = on")


def rubric_levels(project: Project, what: str) -> dict[str, str]:
    """The rubrics whose scores can narrow this kind: {key: level}. A document has no score of its passages."""
    active = ActiveScorer.objects.filter(project=project).order_by("rubric__key")
    if what == Snapshot.What.DOCUMENTS:
        active = active.filter(rubric__level=Rubric.Level.DOCUMENT)
    return dict(active.values_list("rubric__key", "rubric__level"))
