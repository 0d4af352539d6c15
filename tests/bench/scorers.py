"""What the benchmarks of scorers share: texts encoded once, a head trained and measured across folds, and the baseline.

The baseline sees no embedding: length, punctuation and all our signals. It is fitted on the same folds both by a linear model
and by gradient-boosted trees, and the better of the two on the held-out texts is the peer, which favours it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from curation.recipe.scoring import head, holdout, signals
from curation.recipe.scoring.figures import Figures, figures
from curation.recipe.text import encode
from curation.recipe.text.split import split
from tests.bench.data import Rated

FOLDS = 5
PUNCTUATION = ".,;:!?'\"()-–—/&|%$€£#@©«»…*_+"
BASELINE = "length, punctuation and signals alone"


@dataclass(frozen=True)
class Encoded:
    """Texts as a head and as the baseline see them, with their values and keys."""

    vectors: NDArray[np.float16]
    signals: NDArray[np.float64]
    surface: NDArray[np.float64]
    values: NDArray[np.float64]
    keys: list[str]

    def __getitem__(self, rows: NDArray[Any]) -> Encoded:
        return Encoded(
            self.vectors[rows],
            self.signals[rows],
            self.surface[rows],
            self.values[rows],
            [self.keys[at] for at in rows],
        )


def passages(rated: Sequence[Rated]) -> Encoded:
    """Each text encoded as it is."""
    texts = [one.text for one in rated]
    return _encoded(rated, encode.load().encode(texts))


def pages(rated: Sequence[Rated]) -> Encoded:
    """Each text as the studio has a document: the mean of its passages' vectors by tokens, signals of the whole."""
    parts = [(at, span) for at, one in enumerate(rated) for span in split(one.text)]
    vectors = encode.load().encode([rated[at].text[span.start : span.end] for at, span in parts])
    owners = np.array([at for at, _ in parts])
    weights = np.array([span.tokens for _, span in parts], dtype=float)
    whole = [
        encode.weighted_mean(vectors[owners == at], weights[owners == at].tolist())
        for at in range(len(rated))
    ]
    return _encoded(rated, np.array(whole))


def folds(texts: Encoded, count: int = FOLDS) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """(train, held out) for each fold, keys apart."""
    fold = holdout.folds(texts.keys, count)
    return [(np.flatnonzero(fold != at), np.flatnonzero(fold == at)) for at in range(fold.max() + 1)]


def by_head(train: Encoded, held_out: Encoded, highest: int) -> NDArray[np.float64]:
    trained = head.train(train.vectors, train.signals, train.values, highest, keys=train.keys)
    return trained.score(held_out.vectors, held_out.signals)


def by_trees(train: Encoded, held_out: Encoded, highest: int) -> NDArray[np.float64]:
    trees = HistGradientBoostingRegressor(
        max_iter=150, learning_rate=0.05, min_samples_leaf=10, random_state=1
    )
    return trees.fit(train.surface, train.values).predict(held_out.surface)


def by_line(train: Encoded, held_out: Encoded, highest: int) -> NDArray[np.float64]:
    line = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 4, 12)))
    return line.fit(train.surface, train.values).predict(held_out.surface)


def benchmark(
    name: str,
    texts: Encoded,
    highest: int,
    unit: str,
    *,
    splits: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]] | None = None,
    **details: Any,
) -> dict[str, Any]:
    """One line: a head against the baseline on the same splits, by `unit` ("AUC" or "Spearman")."""
    started = time.perf_counter()
    splits = folds(texts) if splits is None else splits
    threshold = highest / 2
    ours = measured(by_head, texts, highest, splits, threshold)
    seconds = time.perf_counter() - started
    peers = {key: measured(way, texts, highest, splits, threshold) for key, way in PEERS.items()}
    key = unit.lower()
    best = max(peers, key=lambda peer: getattr(peers[peer], key) or 0.0)
    return {
        "name": name,
        "ours": round(getattr(ours, key), 4),
        "unit": unit,
        "peer": round(getattr(peers[best], key), 4),
        "peer_name": f"{BASELINE} ({best})",
        "n": ours.n,
        "details": {
            "ours": shown(ours),
            "peers": {peer: shown(found) for peer, found in peers.items()},
            "splits": len(splits),
            "train_and_score_s": round(seconds, 2),
            **details,
        },
    }


PEERS: dict[str, Callable[[Encoded, Encoded, int], NDArray[np.float64]]] = {
    "linear": by_line,
    "boosted trees": by_trees,
}


def measured(
    way: Callable[[Encoded, Encoded, int], NDArray[np.float64]],
    texts: Encoded,
    highest: int,
    splits: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]],
    threshold: float,
) -> Figures:
    """Figures of all held-out texts together."""
    predicted = np.concatenate([way(texts[train], texts[held_out], highest) for train, held_out in splits])
    return figures(predicted, np.concatenate([texts.values[held_out] for _, held_out in splits]), threshold)


def shown(found: Figures) -> dict[str, Any]:
    """Figures as they are printed: rounded, with their intervals."""
    keys = ("auc", "spearman", "f1", "mae")
    return {
        **{key: round(value, 4) for key in keys if (value := getattr(found, key)) is not None},
        "intervals_95": {
            key: [round(end, 4) for end in found.intervals[key]] for key in keys if key in found.intervals
        },
        "calibration": [[round(score, 3), round(rating, 3), n] for score, rating, n in found.calibration],
    }


def _encoded(rated: Sequence[Rated], vectors: NDArray[np.floating[Any]]) -> Encoded:
    measured_signals = [signals.measure(one.text) for one in rated]
    table = np.array([[row[key] for key in signals.KEYS] for row in measured_signals])
    return Encoded(
        vectors.astype(np.float16),
        table,
        np.hstack([table, [_surface(one.text) for one in rated]]),
        np.array([one.value for one in rated]),
        [one.key for one in rated],
    )


def _surface(text: str) -> list[float]:
    """Length and punctuation, beside what the signals have of them."""
    length = max(1, len(text))
    return [
        np.log1p(len(text)),
        np.log1p(len(text.split())),
        *(text.count(sign) / length for sign in PUNCTUATION),
        float(text[:1].isupper()),
        float(text.istitle()),
        float(text.rstrip()[-1:] in tuple(".!?…")),
        sum(map(str.isspace, text)) / length,
    ]
