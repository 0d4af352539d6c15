"""A project of a million embedded and measured passages, made in a few statements: what benchmarks of scale work on."""

from __future__ import annotations

import io
import json
import struct

import numpy as np
from django.db import connection

from curation.jobs.kinds.embed import options
from curation.models import EmbeddingModel, Job, Project
from curation.recipe.scoring import signals
from curation.recipe.text import encode
from tests import factories as make

PER_PAGE = 10
DIMENSIONS = 384
#: Passages whose vectors are made and copied at a time.
BLOCK = 50_000

_PAGES = """
    WITH stored AS (
        INSERT INTO curation_storedfile (sha256, size, path, created_at) VALUES (repeat('0', 64), 1, 'none', now()) RETURNING id
    ), made AS (
        INSERT INTO curation_document (project_id, sha256, title, media_type, size, stored_file_id, first_import_id, language,
                                       characters, topic, assessed_at)
        SELECT %(project)s, encode(sha256(('page ' || n)::bytea), 'hex'), 'Page ' || n, 'text/plain', 2000, stored.id, %(batch)s,
               (ARRAY['en','de','fr'])[1 + n %% 3], 2000, (ARRAY['science','history','travel','shop'])[1 + n %% 4], now()
          FROM stored, generate_series(1, %(pages)s) AS n
        RETURNING id, sha256, stored_file_id
    ), texts AS (
        INSERT INTO curation_extraction (document_id, extractor, text, text_sha256, normal_sha256, title, language, language_scores,
                                         characters, notes, created_at)
        SELECT id, 'text/1', 'A page.', sha256, sha256, '', 'en', '[]', 2000, '{}', now() FROM made RETURNING id, document_id
    ), found AS (
        INSERT INTO curation_occurrence (document_id, source_id, batch_id, stored_file_id, file, row)
        SELECT id, %(source)s, %(batch)s, stored_file_id, 'pages.jsonl', row_number() OVER (ORDER BY id) FROM made
    ), measured AS (
        INSERT INTO curation_signals (extraction_id, version, values) SELECT id, %(version)s, %(signals)s::jsonb FROM texts
    )
    SELECT count(*) FROM texts
"""
_PASSAGES = """
    WITH made AS (
        INSERT INTO curation_passage (project_id, document_id, extraction_id, ordinal, start, "end", heading, text, text_sha256,
                                      normal_sha256, tokens, language)
        SELECT %(project)s, d.id, d.extraction_id, n, n * 200, n * 200 + 200, '', 'Passage ' || n || ' of page ' || d.id,
               encode(sha256((d.id || ' ' || n)::text::bytea), 'hex'), encode(sha256((d.id || ' ' || n)::text::bytea), 'hex'),
               100 + n, d.language
          FROM curation_document d, generate_series(0, %(per_page)s - 1) AS n WHERE d.project_id = %(project)s
         ORDER BY d.id, n
        RETURNING id
    )
    INSERT INTO curation_signals (passage_id, version, values)
    SELECT id, %(version)s, %(signals)s::jsonb || jsonb_build_object('digits', round((id %% 97) / 970.0, 6), 'stop_words', round((id %% 89) / 178.0, 6))
      FROM made
"""


def a_project_of(
    passages: int, measured: dict[str, float], vectors: np.ndarray | None = None
) -> tuple[Project, EmbeddingModel]:
    """Kept pages with `PER_PAGE` passages each, their signals, and these or random unit vectors in half precision."""
    project = make.a_project("million")
    source = make.a_source(project, "Pages")
    batch = make.an_import(source)
    values = {
        "project": project.pk,
        "source": source.pk,
        "batch": batch.pk,
        "pages": passages // PER_PAGE,
        "per_page": PER_PAGE,
        "version": signals.VERSION,
        "signals": json.dumps(measured),
    }
    with connection.cursor() as cursor:
        cursor.execute(_PAGES, values)
        cursor.execute(
            "UPDATE curation_document d SET extraction_id = e.id FROM curation_extraction e"
            " WHERE e.document_id = d.id AND d.project_id = %s",
            [project.pk],
        )
        cursor.execute("ANALYZE curation_document")
        cursor.execute(_PASSAGES, values)
        model = _model()
        cursor.execute(
            "SELECT text_sha256 FROM curation_passage WHERE project_id = %s ORDER BY id", [project.pk]
        )
        digests = [digest for (digest,) in cursor.fetchall()]
    for start in range(0, len(digests), BLOCK):
        part = digests[start : start + BLOCK]
        rows = _drawn(len(part), start) if vectors is None else vectors[start : start + BLOCK]
        _copy_vectors(model, part, rows)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    Job.objects.create(project=project, kind="embed", state=Job.State.DONE, result={"model": model.pk})
    return project, model


def _model() -> EmbeddingModel:
    """Without an index: what the benchmarks ask of vectors reads them all."""
    key = encode.model_key(options())
    model, _ = EmbeddingModel.objects.get_or_create(
        key=str(key), defaults={"name": key.name, "revision": key.revision, "dimensions": DIMENSIONS}
    )
    return model


def vectors_of(count: int) -> np.ndarray:
    """The vectors of the first passages, at most a block of them."""
    return _drawn(min(count, BLOCK), 0)


def _drawn(count: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_normal((count, DIMENSIONS), dtype=np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def _copy_vectors(model: EmbeddingModel, digests: list[str], vectors: np.ndarray) -> None:
    rows = np.empty(
        len(digests),
        dtype=[
            ("count", ">i2"),
            ("l1", ">i4"),
            ("model", ">i8"),
            ("l2", ">i4"),
            ("digest", "S64"),
            ("l3", ">i4"),
            ("header", ">i2", 2),
            ("vector", ">f2", DIMENSIONS),
        ],
    )
    rows["count"], rows["l1"], rows["model"] = 3, 8, model.pk
    rows["l2"], rows["digest"] = 64, np.array([digest.encode() for digest in digests])
    rows["l3"], rows["header"], rows["vector"] = 4 + 2 * DIMENSIONS, (DIMENSIONS, 0), vectors
    whole = io.BytesIO(
        b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0) + rows.tobytes() + struct.pack(">h", -1)
    )
    connection.ensure_connection()
    with (
        connection.connection.cursor() as cursor,
        cursor.copy(
            "COPY curation_embedding (model_id, text_sha256, vector) FROM STDIN (FORMAT BINARY)"
        ) as copy,
    ):
        while block := whole.read(1 << 20):
            copy.write(block)
