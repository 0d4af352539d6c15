"""Benchmark `map`: seconds to lay a project's map out. Ours = seconds for 50,000 vectors; the peer lays a part out."""

from __future__ import annotations

import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.bench.vectors import planted

#: A smaller trial: BENCH_POINTS=5000.
POINTS = int(os.environ.get("BENCH_POINTS", "50000"))
#: Scikit-learn's t-SNE takes minutes for more.
OF_PEER = 5_000
MEASURED = 2_000
NEAR = 15


def project_map() -> dict[str, Any]:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    from curation.recipe.atlas import layout

    vectors = planted(POINTS).vectors
    part = vectors[:OF_PEER].astype(np.float32)
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        ours, positions, held = fresh.submit(_laid_out, vectors).result()
    ours_of_part, of_part = _timed(lambda: layout.lay_out(part))
    theirs, of_peer = _timed(lambda: TSNE(2, init="pca", random_state=1, n_jobs=1).fit_transform(part))
    again, renewed = _timed(lambda: layout.lay_out(vectors, earlier=_with_new(positions)))
    return {
        "name": "map",
        "ours": round(ours, 1),
        "unit": "s",
        "peer": round(theirs, 1),
        "peer_name": f"scikit-learn's TSNE on {len(part):,} of them",
        "n": len(vectors),
        "details": {
            "ours_on_the_peer's_part": round(ours_of_part, 1),
            "redrawn_with_a_tenth_new": round(again, 1),
            "moved_when_redrawn": _moved(positions, renewed),
            "memory_gb": round(held, 2),
            "neighbours_kept": _kept(vectors, positions),
            "neighbours_kept_by_pca": _kept(vectors, PCA(2, random_state=1).fit_transform(vectors)),
            "trustworthiness_of_part": _trust(part, of_part),
            "trustworthiness_of_peer": _trust(part, of_peer),
            "trustworthiness_of_pca": _trust(part, PCA(2, random_state=1).fit_transform(part)),
        },
    }


def _laid_out(vectors: NDArray[Any]) -> tuple[float, NDArray[np.float64], float]:
    """In a process of its own, whose memory nothing else has used (`ru_maxrss` would remember its parent's): seconds, positions, GB."""
    from curation.recipe.atlas import layout

    seconds, positions = _timed(lambda: layout.lay_out(vectors))
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return seconds, positions, int(status["VmHWM"].split()[0]) / 1e6


def _timed(make: Any) -> tuple[float, NDArray[np.float64]]:
    started = time.perf_counter()
    made = make()
    return time.perf_counter() - started, made


def _with_new(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """An earlier picture on which every tenth text was missing."""
    earlier = positions.copy()
    earlier[::10] = np.nan
    return earlier


def _moved(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """The median way of a known text, as a share of the picture's spread."""
    known = np.arange(len(before)) % 10 != 0
    way = np.linalg.norm(before[known] - after[known], axis=1)
    return round(float(np.median(way) / before.std()), 3)


def _kept(vectors: NDArray[Any], positions: NDArray[Any]) -> float:
    """The share of the nearest texts that are among the nearest in the picture, of some."""
    drawn = np.random.default_rng(1).permutation(len(vectors))[:MEASURED]
    rows = vectors.astype(np.float32)
    shares = []
    for at in drawn.tolist():
        true = np.argpartition(-(rows @ rows[at]), NEAR + 1)[: NEAR + 1]
        shown = np.argpartition(((positions - positions[at]) ** 2).sum(axis=1), NEAR + 1)[: NEAR + 1]
        shares.append((len(set(true.tolist()) & set(shown.tolist())) - 1) / NEAR)
    return round(float(np.mean(shares)), 3)


def _trust(vectors: NDArray[Any], positions: NDArray[Any]) -> float:
    from sklearn.manifold import trustworthiness

    return round(float(trustworthiness(vectors, positions, n_neighbors=NEAR, metric="cosine")), 3)
