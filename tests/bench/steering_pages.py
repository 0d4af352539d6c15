"""Benchmark `steering_pages`: the pages a manager steers by, in a project of 100,000 passages on 10,000 pages that were scored and
compared. Ours = the slowest page in milliseconds (median of its asks); details name each with its queries.

No peer: no other tool has such pages.
"""

from __future__ import annotations

import os
import time
from statistics import median
from typing import Any

from tests.bench.database import a_database

PASSAGES = int(os.environ.get("BENCH_PASSAGES", "100000"))
ASKS = 5
PAGES = (
    "",
    "thresholds/",
    "thresholds/min_educational/?value=3",
    "thresholds/min_factual/?value=3",
    "thresholds/near_duplicate_cosine/?value=0.9",
    "thresholds/near_duplicate_cosine/?value=0.95",
    "thresholds/topics",
    "scorers/",
    "scorers/factual/",
    "rubrics/factual/",
    "signals/",
    "duplicates/",
)


def steering_pages() -> dict[str, Any]:
    with a_database():
        from django.test import Client

        client, slug = _prepared(Client(HTTP_HOST="127.0.0.1"))
        asked = {page: _asked(client, f"/projects/{slug}/{page}") for page in PAGES}
    slowest = max(asked, key=lambda page: asked[page]["ms"])
    return {
        "name": "steering_pages",
        "ours": asked[slowest]["ms"],
        "unit": "ms, median of the slowest page",
        "peer": None,
        "peer_name": "",
        "n": PASSAGES,
        "details": {"slowest": slowest, "pages": asked},
    }


def _prepared(client: Any) -> tuple[Any, str]:
    import numpy as np
    from django.db import connection

    from curation.models import Job, Passage
    from tests import factories as make
    from tests import labelling
    from tests.bench.million import a_project_of, vectors_of
    from tests.bench.rescore_1m import speaking
    from tests.bench.vectors import planted

    project, model = a_project_of(PASSAGES, labelling.ORDINARY, planted(PASSAGES).vectors)
    project.knobs = {"min_educational": 0.0, "min_factual": 2.5, "min_reasoning": 5.0}
    project.save()
    speaking(project, model)
    labels = list(Passage.objects.filter(project=project).order_by("pk")[:500])
    ratings = np.asarray(labelling.teacher(vectors_of(len(labels))))
    labelling.rated(make.a_queue(project, "scores", name="Rated"), labels, {"factual": ratings})
    with connection.cursor() as cursor:
        _compare(cursor, project.pk, model.pk)
        cursor.execute("VACUUM ANALYZE")
    from curation.jobs import run

    job = Job.objects.create(project=project, kind="near_duplicates", lane="curate", then=["select"])
    run.drain(job)
    client.force_login(make.an_admin())
    return client, project.slug


#: Every hundredth passage is close to the one before it: what comparing leaves behind, without the comparing.
_COMPARED = """
    INSERT INTO curation_comparison (project_id, passage_id, model_id, version, floor, others, cosines, jaccards)
    SELECT %(project)s, id, %(model)s, %(version)s, %(floor)s,
           CASE WHEN nth %% 100 = 0 THEN ARRAY[before] ELSE ARRAY[]::bigint[] END,
           CASE WHEN nth %% 100 = 0 THEN ARRAY[0.86 + (nth / 100 %% 14) / 100.0]::float8[] ELSE ARRAY[]::float8[] END,
           CASE WHEN nth %% 100 = 0 THEN ARRAY[0.1]::float8[] ELSE ARRAY[]::float8[] END
      FROM (SELECT id, row_number() OVER w AS nth, lag(id) OVER w AS before FROM curation_passage
             WHERE project_id = %(project)s WINDOW w AS (ORDER BY id)) AS listed
"""


def _compare(cursor: Any, project: int, model: int) -> None:
    from curation.actions import clustering

    asked = {"version": clustering.VERSION, "floor": clustering.FLOOR, "project": project, "model": model}
    cursor.execute(_COMPARED, asked)


def _asked(client: Any, address: str) -> dict[str, float]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    times = []
    for _ in range(ASKS):
        start = time.perf_counter()
        response = client.get(address)
        times.append((time.perf_counter() - start) * 1000)
        assert response.status_code == 200, (address, response.status_code)
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    return {"ms": round(median(times), 1), "queries": len(queries)}
