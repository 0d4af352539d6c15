"""`starter-1`: a first opinion on three rubrics, from 0 to 5, until people's labels train something better.

- *educational* (page): would a student learn from it? 0 menus and notices, 2 of passing interest, 4 explains, 5 a lesson.
- *factual* (passage): how dense is it in specific facts that can be checked? 0 none, 3 some, 5 packed.
- *reasoning* (passage): does it argue, derive or explain in steps? 0 not at all, 3 a cause and its effect, 5 a chain.

Each is one linear head on the frozen embedding of a passage and a dozen signals, fitted by ridge regression to short texts
that were written and scored for this project (`starter_exemplars.jsonl`; none of them comes from a data set). The
recipe warns that such classifiers over-index on STEM words; the exemplars therefore hold as much history,
art, cooking, travel and argument as science, each at both ends of the scale.

The weights stand in `starter_1.json` for the bundled embedding model. For another model the same
exemplars are encoded once and the heads are fitted anew (seconds). A page's educational value is the mean of its passages'
values, weighted by their tokens.

What it is not: calibrated. The bundled model reads English best, so values in other languages rest more on the signals.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Signals = Sequence[Mapping[str, float]] | NDArray[np.floating[Any]]

NAME, VERSION = "starter", "1"
LOWEST, HIGHEST = 0.0, 5.0
RUBRICS = ("educational", "factual", "reasoning")

#: Signals that a head sees, each cut to a range so that no outlier decides. Only such as mean the same in
#: a passage and in an exemplar of a few sentences.
RANGES: dict[str, tuple[float, float]] = {
    "stop_words": (0.0, 0.5),
    "boilerplate": (0.0, 0.1),
    "promotion": (0.0, 0.08),
    "personal_words": (0.0, 0.15),
    "reasoning_words": (0.0, 0.08),
    "digits": (0.0, 0.2),
    "formulas": (0.0, 0.1),
    "mean_sentence_length": (3.0, 30.0),
    "upper_case": (0.0, 0.15),
    "distinct_words": (0.3, 1.0),
    "symbols": (0.0, 0.1),
}
#: Weight of a standardised signal beside a unit vector, and strength of the ridge: both the best of a small grid
#: by leave-one-out on the exemplars.
SIGNAL_WEIGHT = 0.1
RIDGE = 4.0


@dataclass(frozen=True, slots=True)
class Exemplar:
    topic: str
    language: str
    text: str
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Heads:
    """Fitted weights: for each rubric an intercept and one weight per dimension and signal."""

    model: str
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    intercepts: Mapping[str, float]
    weights: Mapping[str, tuple[float, ...]]
    fit: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON, as it is stored with a scorer."""
        return {
            "model": self.model,
            "signals": list(RANGES),
            "centre": list(self.centre),
            "scale": list(self.scale),
            "intercepts": dict(self.intercepts),
            "weights": {key: list(values) for key, values in self.weights.items()},
            "fit": dict(self.fit),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Heads:
        if stored["signals"] != list(RANGES):
            raise ValueError("These weights belong to another table of signals: fit them again.")
        return cls(
            stored["model"],
            tuple(stored["centre"]),
            tuple(stored["scale"]),
            stored["intercepts"],
            {key: tuple(values) for key, values in stored["weights"].items()},
            stored["fit"],
        )

    def score(self, rubric: str, vectors: NDArray[np.floating[Any]], signals: Signals) -> list[float]:
        """Values from 0 to 5, rounded to 6 digits. `vectors` (n, dimensions) are rounded to half precision first, as they are
        stored, so that a fresh and a stored vector give the same value. `signals` are mappings, or an array whose columns
        are those of `RANGES`."""
        import numpy as np

        if not len(vectors):
            return []
        inputs = _inputs(vectors, signals, np.array(self.centre), np.array(self.scale))
        raw = inputs @ np.array(self.weights[rubric]) + self.intercepts[rubric]
        return [round(float(value), 6) for value in np.clip(raw, LOWEST, HIGHEST)]


def page_value(values: Sequence[float], tokens: Sequence[int]) -> float:
    """A page's value: the mean of its passages', weighted by tokens. 0 for a page without passages."""
    whole = sum(tokens)
    if not whole:
        return LOWEST
    return round(sum(value * weight for value, weight in zip(values, tokens, strict=True)) / whole, 6)


@lru_cache(maxsize=1)
def shipped() -> Heads:
    """The heads for the bundled embedding model."""
    return Heads.from_dict(json.loads(files(__package__).joinpath("starter_1.json").read_text("utf-8")))


@lru_cache(maxsize=1)
def exemplars() -> tuple[Exemplar, ...]:
    lines = files(__package__).joinpath("starter_exemplars.jsonl").read_text("utf-8").splitlines()
    return tuple(
        Exemplar(row["topic"], row["language"], row["text"], {key: row[key] for key in RUBRICS})
        for row in map(json.loads, lines)
    )


def fit(
    model: str,
    vectors: NDArray[np.floating[Any]],
    signals: Sequence[Mapping[str, float]],
    labels: Sequence[Mapping[str, float]],
) -> Heads:
    """Ridge regression of each rubric on vectors and signals, with the leave-one-out rank correlation as its figure.
    Deterministic; plain numpy."""
    import numpy as np

    raw = _signals(signals)
    centre = raw.mean(axis=0)
    scale = np.where(raw.std(axis=0) > 1e-9, raw.std(axis=0), 1.0)
    inputs = _inputs(vectors, signals, centre, scale)
    mean = inputs.mean(axis=0)
    centred = inputs - mean
    gram = centred @ centred.T
    inverse = np.linalg.inv(gram + RIDGE * np.eye(len(gram)))
    hat = gram @ inverse
    intercepts, weights, figures = {}, {}, {}
    for rubric in RUBRICS:
        target = np.array([label[rubric] for label in labels], dtype=np.float64)
        offset = target - target.mean()
        weight = centred.T @ (inverse @ offset)
        weights[rubric] = tuple(round(float(value), 5) for value in weight)
        intercepts[rubric] = round(float(target.mean() - mean @ weight), 5)
        left_out = (hat @ offset - np.diag(hat) * offset) / (1 - np.diag(hat))
        figures[rubric] = round(_spearman(left_out, offset), 3)
    return Heads(
        model,
        tuple(round(float(value), 6) for value in centre),
        tuple(round(float(value), 6) for value in scale),
        intercepts,
        weights,
        {
            "exemplars": len(labels),
            "ridge": RIDGE,
            "signal_weight": SIGNAL_WEIGHT,
            "leave_one_out_spearman": figures,
        },
    )


def _signals(signals: Signals) -> NDArray[np.float64]:
    import numpy as np

    if isinstance(signals, np.ndarray):
        lowest, highest = np.array(list(RANGES.values())).T
        return np.clip(signals.astype(np.float64), lowest, highest)
    rows = [[min(max(values[key], low), high) for key, (low, high) in RANGES.items()] for values in signals]
    return np.array(rows, dtype=np.float64).reshape(len(signals), len(RANGES))


def _inputs(
    vectors: NDArray[np.floating[Any]],
    signals: Signals,
    centre: NDArray[np.float64],
    scale: NDArray[np.float64],
) -> NDArray[np.float64]:
    import numpy as np

    half = np.asarray(vectors).astype(np.float16).astype(np.float64)
    return np.hstack([half, SIGNAL_WEIGHT * (_signals(signals) - centre) / scale])


def _spearman(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    import numpy as np

    def ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
        _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
        after = np.cumsum(counts)
        return ((after - counts + after - 1) / 2)[inverse]

    return float(np.corrcoef(ranks(left), ranks(right))[0, 1])
