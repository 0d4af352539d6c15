"""Benchmark `find_similar`: neighbours of a passage among 100,000, as the page asks for them. Ours = p95 in milliseconds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from statistics import quantiles
from typing import Any

from tests.bench.database import a_database

#: A smaller trial: BENCH_PASSAGES=10000.
PASSAGES = int(os.environ.get("BENCH_PASSAGES", "100000"))
QUESTIONS = 200
NEAREST = 10


def find_similar() -> dict[str, Any]:
    with a_database():
        import numpy as np
        from django.db import connection

        from curation.models import Passage, neighbours
        from tests import labelling
        from tests.bench.million import a_project_of
        from tests.bench.vectors import planted

        project, model = a_project_of(PASSAGES, labelling.ORDINARY, planted(PASSAGES).vectors)
        started = time.perf_counter()
        model.make_index()
        indexing = time.perf_counter() - started
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE curation_embedding")
        keys = list(Passage.objects.filter(project=project).order_by("pk").values_list("pk", flat=True))
        asked = [keys[at] for at in np.random.default_rng(1).permutation(len(keys))[:QUESTIONS].tolist()]

        def ask(key: int) -> list[int]:
            passage = Passage.objects.select_related("project").get(pk=key)
            return [one.passage.pk for one in neighbours.nearest_to_passage(passage, NEAREST)]

        for key in asked[:10]:
            ask(key)
        ours, found = _timed(ask, asked)
        neighbours.EXACT_UP_TO = PASSAGES  # every vector is compared
        theirs, truth = _timed(ask, asked[:20])
    shared = [len(set(one) & set(other)) / NEAREST for one, other in zip(found, truth, strict=False)]
    return {
        "name": "find_similar",
        "ours": round(quantiles(ours, n=20)[-1], 1),
        "unit": "ms, p95",
        "peer": round(quantiles(theirs, n=20)[-1], 1),
        "peer_name": "comparing with every passage in SQL",
        "n": PASSAGES,
        "details": {
            "p50": round(quantiles(ours, n=2)[0], 1),
            "slowest": round(max(ours), 1),
            "recall_at_10": round(sum(shared) / len(shared), 3),
            "index_seconds": round(indexing, 1),
        },
    }


def _timed(ask: Callable[[int], list[int]], keys: list[int]) -> tuple[list[float], list[list[int]]]:
    times, found = [], []
    for key in keys:
        started = time.perf_counter()
        found.append(ask(key))
        times.append(1_000 * (time.perf_counter() - started))
    return times, found
