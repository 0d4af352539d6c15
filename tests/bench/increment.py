"""Benchmark `increment`: seconds until 1,000 new vectors are compared with a million known ones."""

from __future__ import annotations

import time
from typing import Any

from tests.bench.vectors import COUNT, memory, planted

NEW = 1_000
COSINE = 0.92


def increment() -> dict[str, Any]:
    from curation.recipe.dedup import closeness

    made = planted(fresh=NEW)
    started = time.perf_counter()
    found = list(closeness.neighbours(made.vectors, COUNT, COSINE))
    seconds = time.perf_counter() - started
    pairs = {(left, COUNT + at) for at, (lefts, _) in enumerate(found) for left in lefts.tolist()}
    recall = sum((left, right) in pairs for left, right in made.pairs.tolist()) / len(made.pairs)

    started = time.perf_counter()
    list(closeness.neighbours(made.vectors[: NEW + 4 * NEW], 4 * NEW, COSINE))
    with_few = time.perf_counter() - started
    return {
        "name": "increment",
        "ours": round(seconds, 2),
        "unit": "seconds",
        "peer": round(seconds * COUNT / NEW / 2, 1),
        "peer_name": "comparing all again by the same products (computed from ours)",
        "n": NEW,
        "details": {
            "known": COUNT,
            "planted_recall": round(recall, 4),
            "against_4_000": round(with_few, 3),
            "memory_gb": round(memory(), 2),
        },
    }
