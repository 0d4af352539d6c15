"""`export`: 100,000 approved documents of 1 KB, from the button to the last byte on the disk.

ours = rows per second of a JSON Lines export: freezing the rows, writing the shards with checksums, the list of rows and
the manifest. The peer writes the same fields with a plain Django query and `json.dumps`: nothing frozen, no reasons left
out, no checksums, no restart. Both in this process, on the embedded PostgreSQL.
"""

from __future__ import annotations

import gc
import json
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import psutil

from tests.bench.database import a_database

ROWS = 100_000

FILL = """
WITH numbers AS (
    SELECT n, repeat(md5(n::text) || ' word ', 26) || n AS text FROM generate_series(1, %(rows)s) AS n
), hashed AS (
    SELECT n, text, encode(sha256(convert_to(text, 'UTF8')), 'hex') AS sha256 FROM numbers
), documents AS (
    INSERT INTO curation_document (project_id, sha256, title, address, media_type, size, stored_file_id, row,
                                   first_import_id, language, characters, assessed_at)
    SELECT %(project)s, sha256, 'Page ' || n, 'https://example.org/' || n, 'text/plain', length(text), %(file)s, n,
           %(batch)s, 'en', length(text), now()
      FROM hashed RETURNING id, sha256, row
), occurrences AS (
    INSERT INTO curation_occurrence (document_id, source_id, batch_id, stored_file_id, row, address)
    SELECT id, %(source)s, %(batch)s, %(file)s, row, 'https://example.org/' || row FROM documents
), scores AS (
    INSERT INTO curation_score (scorer_id, document_id, value) SELECT %(scorer)s, id, row %% 50 / 10.0 FROM documents
)
INSERT INTO curation_extraction (document_id, extractor, text, text_sha256, normal_sha256, title, language,
                                 language_scores, characters, notes, created_at)
SELECT documents.id, 'text/1', text, hashed.sha256, hashed.sha256, 'Page ' || n, 'en', '[]', length(text), '{}', now()
  FROM documents JOIN hashed USING (sha256)
"""
POINT = """
UPDATE curation_document d SET extraction_id = e.id FROM curation_extraction e
 WHERE e.document_id = d.id AND d.project_id = %(project)s
"""


def export() -> dict[str, Any]:
    with a_database():
        project = _filled()
        jsonl = _measured(lambda: _ours(project, "jsonl"))
        parquet = _measured(lambda: _ours(project, "parquet"))
        peer = _measured(lambda: _peers(project))
    return {
        "name": "export",
        "ours": jsonl["rows_per_second"],
        "unit": "rows/s, JSON Lines",
        "peer": peer["rows_per_second"],
        "peer_name": "values_list().iterator() and json.dumps of the same fields, nothing frozen",
        "n": ROWS,
        "details": {"jsonl": jsonl, "parquet": parquet, "peer": peer},
    }


def _filled() -> Any:
    from django.db import connection

    from tests import factories as make

    project = make.a_project("bench")
    source = make.a_source(project, "Web", licence="CC-BY-4.0")
    first = make.a_document(project, source=source)  # not assessed, so it is left out
    with connection.cursor() as cursor:
        keys = {
            "rows": ROWS,
            "project": project.pk,
            "source": source.pk,
            "batch": first.first_import_id,
            "file": first.stored_file_id,
            "scorer": make.an_active_scorer(project).pk,
        }
        cursor.execute(FILL, keys)
        cursor.execute(POINT, keys)
        cursor.execute("VACUUM ANALYZE")
    return project


class Memory:
    """The most memory this process had while the block ran, sampled every 20 ms, above what it had before."""

    def __enter__(self) -> Memory:
        self.process, self.ended = psutil.Process(), threading.Event()
        gc.collect()
        self.before = self.most = self.process.memory_info().rss
        self.thread = threading.Thread(target=self._sample, daemon=True)
        self.thread.start()
        return self

    def _sample(self) -> None:
        while not self.ended.wait(0.02):
            self.most = max(self.most, self.process.memory_info().rss)

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()

    @property
    def growth_mb(self) -> float:
        return round((self.most - self.before) / 1e6, 1)


def _measured(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    with Memory() as memory:
        start = time.perf_counter()
        found = work()
        seconds = time.perf_counter() - start
    return {
        "rows_per_second": round(ROWS / seconds),
        "seconds": round(seconds, 2),
        "memory_growth_mb": memory.growth_mb,
        **found,
    }


def _ours(project: Any, form: str) -> dict[str, Any]:
    from curation.actions.snapshots import create_snapshot, folder_of
    from curation.jobs.run import drain

    start = time.perf_counter()
    snapshot = create_snapshot(project, "documents", form, {}, None)
    frozen = time.perf_counter() - start
    job = drain(snapshot.job)
    assert job.state == "done", job.reason
    assert snapshot.rows == ROWS
    size = sum(path.stat().st_size for path in folder_of(snapshot).iterdir())
    return {"freezing_s": round(frozen, 2), "files": job.result["files"], "mb": round(size / 1e6)}


def _peers(project: Any) -> dict[str, Any]:
    """The same fields in the same order by a plain query: the first source, its licence, the score."""
    from django.conf import settings
    from django.db.models import OuterRef, Subquery

    from curation.models import Document, Occurrence, Score

    place = Occurrence.objects.filter(document=OuterRef("pk")).order_by("id")
    of_place = ["source__uuid", "source__name", "source__kind", "source__licence", "address"]
    score = Score.objects.filter(document=OuterRef("pk"))
    documents = (
        Document.objects.filter(project=project, left_out="", assessed_at__isnull=False)
        .annotate(**{f"place_{name}": Subquery(place.values(name)[:1]) for name in of_place})
        .annotate(score=Subquery(score.values("value")[:1]))
        .order_by("sha256")
    )
    names = [
        *("uuid", "sha256", "title", "language", "characters", "address", "media_type"),
        *("extraction__text", "extraction__text_sha256", "extraction__extractor", "score"),
        *(f"place_{name}" for name in of_place),
    ]
    path = settings.HOME.root / "peer.jsonl"
    with open(path, "w", encoding="utf-8") as stream:
        for values in documents.values_list(*names).iterator(chunk_size=2_000):
            stream.write(json.dumps(dict(zip(names, values, strict=True)), default=str) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    return {"mb": round(path.stat().st_size / 1e6)}
