"""`scorer_snippets`: snippets of the main text of web pages against snippets of what is around it, in pairs of like length, pages
apart. ours = AUC of a trained head.

Length alone tells these snippets apart with an AUC of .96, so they are learnt from and judged in pairs that differ by 5% or
one character at most: what is left is what they say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.bench import data, scorers

MOST_APART = 0.05


def scorer_snippets() -> dict[str, Any]:
    rated = data.snippets()
    texts = scorers.passages(rated)
    lengths = np.array([len(one.text) for one in rated])
    splits = [
        (paired(train, lengths, texts.values), paired(held_out, lengths, texts.values))
        for train, held_out in scorers.folds(texts)
    ]
    return scorers.benchmark(
        "scorer_snippets", texts, 1, "AUC", splits=splits, most_apart=MOST_APART, snippets=len(rated)
    )


def paired(
    rows: NDArray[np.intp], lengths: NDArray[np.int64], values: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Rows in pairs of both kinds and like length, each row once, shortest first."""
    main, around = (_by_length(rows[values[rows] == kind], lengths) for kind in (1.0, 0.0))
    pairs: list[int] = []
    left = right = 0
    while left < len(main) and right < len(around):
        apart = int(lengths[main[left]] - lengths[around[right]])
        if abs(apart) <= max(1, MOST_APART * max(lengths[main[left]], lengths[around[right]])):
            pairs += [main[left], around[right]]
            left, right = left + 1, right + 1
        elif apart < 0:
            left += 1
        else:
            right += 1
    return np.array(pairs, dtype=np.intp)


def _by_length(rows: NDArray[np.intp], lengths: NDArray[np.int64]) -> Sequence[int]:
    return rows[np.argsort(lengths[rows], kind="stable")].tolist()
