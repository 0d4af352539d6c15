"""Benchmark `vectors_1m`: near duplicates among a million vectors. Ours = the share found of the planted pairs."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from tests.bench.vectors import COUNT, memory, planted

COSINE = 0.92
#: The peer is asked about so many vectors, and its seconds are scaled up: all with all would take it most of an hour.
ASKED = 2_000


def vectors_1m() -> dict[str, Any]:
    from curation.recipe.dedup import closeness, near

    made = planted()
    before = memory()
    started = time.perf_counter()
    pairs: dict[tuple[int, int], float] = {}
    for right, (lefts, cosines) in enumerate(closeness.neighbours(made.vectors, 0, COSINE)):
        for left, cosine in zip(lefts.tolist(), cosines.tolist(), strict=True):
            pairs[min(left, right), max(left, right)] = cosine
    compared = time.perf_counter() - started
    candidates = [near.Candidate(f"{at:07d}", 0.0, 1_000) for at in range(len(made.vectors))]
    clusters = near.stars(candidates, ((left, right, close) for (left, right), close in pairs.items()))
    seconds = time.perf_counter() - started
    found = [(left, right) in pairs for left, right in made.pairs.tolist()]

    chosen = np.random.default_rng(3).permutation(len(made.pairs))[:ASKED]
    started = time.perf_counter()
    exact = _exact(made.vectors, made.pairs[chosen, 1])
    theirs = time.perf_counter() - started
    return {
        "name": "vectors_1m",
        "ours": round(sum(found) / len(found), 4),
        "unit": "recall of planted pairs",
        "peer": round(exact, 4),
        "peer_name": f"all products with {len(chosen):,} of the copies (exact)",
        "n": len(made.vectors),
        "details": {
            "seconds": {
                "ours": round(seconds, 1),
                "comparing": round(compared, 1),
                "peer_for_all": round(theirs * len(made.vectors) / len(chosen) / 2, 1),
            },
            "memory_gb": {"most": round(memory(), 2), "before": round(before, 2)},
            "pairs": len(pairs),
            "left_out": sum(own != at for at, (own, _) in enumerate(clusters)),
            "real": "embeddings of sentences of books and the web, and points between two of them",
            "full_size": COUNT == 1_000_000,
        },
    }


def _exact(vectors: Any, copies: Any) -> float:
    """The share of the copies that have a neighbour by all products."""
    rows = vectors[copies].astype(np.float32)
    found = np.zeros(len(rows), dtype=bool)
    for start in range(0, len(vectors), 16_384):
        products = rows @ vectors[start : start + 16_384].astype(np.float32).T
        here = (copies >= start) & (copies < start + 16_384)
        products[np.flatnonzero(here), copies[here] - start] = -1
        found |= (products >= COSINE).any(axis=1)
    return float(found.mean())
