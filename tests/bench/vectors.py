"""A million half-precision vectors made of real embeddings, with near copies planted among them."""

from __future__ import annotations

import gzip
import json
import os
import resource
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.bench.passages import DATA

#: A smaller trial: BENCH_VECTORS=50000.
COUNT = int(os.environ.get("BENCH_VECTORS", "1000000"))
REAL = 6_000
#: Of a hundred vectors so many are near copies of others, at these cosines.
COPIES = 0.02
LEAST, MOST = 0.93, 0.99
BLOCK = 50_000


@dataclass(frozen=True)
class Planted:
    """(n, 384) vectors, and (copies, 2) positions of the originals and their copies."""

    vectors: NDArray[np.float16]
    pairs: NDArray[np.int64]


def planted(count: int = COUNT, fresh: int = 0) -> Planted:
    """So many vectors, `fresh` more of which half are copies. Real ones are embeddings of sentences; the
    rest lie between two of them each, which keeps their directions and how they are spread. The same at every call."""
    drawn = np.random.default_rng(1)
    real = _real(min(REAL, max(200, count // 10)))
    vectors = np.empty((count + fresh, real.shape[1]), dtype=np.float16)
    for start in range(0, len(vectors), BLOCK):
        stop = min(start + BLOCK, len(vectors))
        one, other = drawn.integers(0, len(real), (2, stop - start))
        share = drawn.uniform(0.5, 0.62, (stop - start, 1)).astype(np.float32)
        vectors[start:stop] = _unit(share * real[one] + (1 - share) * real[other])
    vectors[: min(count, len(real))] = real[:count]
    first = [(count, count + fresh // 2)] if fresh else [(count - round(COPIES * count), count)]
    pairs = np.concatenate([np.column_stack(_copies(vectors, begin, end, drawn)) for begin, end in first])
    return Planted(vectors, pairs)


def memory() -> float:
    """The most that this process has held so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _copies(
    vectors: NDArray[np.float16], begin: int, end: int, drawn: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Make these rows copies of earlier ones, turned away by the angle whose cosine was drawn."""
    originals = drawn.choice(begin, end - begin, replace=False)
    near = vectors[originals].astype(np.float32)
    noise = drawn.normal(size=near.shape).astype(np.float32)
    away = _unit(noise - (noise * near).sum(axis=1, keepdims=True) * near)
    cosine = drawn.uniform(LEAST, MOST, (len(near), 1)).astype(np.float32)
    vectors[begin:end] = _unit(cosine * near + np.sqrt(1 - cosine**2) * away)
    return originals, np.arange(begin, end)


def _real(count: int) -> NDArray[np.float32]:
    from curation.recipe.text import encode

    with gzip.open(DATA / "dedup" / "pan_paraphrase" / "pan_train.jsonl.gz", "rt", encoding="utf-8") as file:
        lines = [json.loads(line)["s1"] for line in file]
    chosen = np.random.default_rng(2).permutation(len(lines))[:count]
    return encode.load(encode.Options(hurried=True)).encode([lines[at] for at in chosen])


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
