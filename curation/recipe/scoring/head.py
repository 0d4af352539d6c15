"""A trained head: what labels teach about a frozen embedding and the usual signals of a text.

One linear function (ridge regression; Hoerl & Kennard 1970) of the vector and of the signals, each signal
standardised and cut at three deviations. Rare ratings weigh more, so that a head for what one text in fifty has learns from that one.
Two strengths are chosen by cross-validation inside training: of the ridge, and of the signals beside the vector. The predictions that cross-validation made of texts it had not seen then
calibrate the head: a monotone curve maps its raw output to the scale, so that texts scored 3 are rated 3 on average.

What is stored is plain arrays as JSON. Scoring is one matrix product. All of it is deterministic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from curation.recipe.scoring import holdout
from curation.recipe.scoring.calibration import Calibration
from curation.recipe.scoring.signals import SIGNALS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Signals = Sequence[Mapping[str, float]] | NDArray[np.floating[Any]]

#: Fewest labels that a head is trained on.
LEAST_LABELS = 10
#: A standardised signal is cut here, so that no outlier decides.
MOST_DEVIATIONS = 3.0
#: A rating that fewer than this share of labels has gains no more weight by being rarer.
RARE = 0.02
#: Rows that are worked on at a time: bounds the memory, changes no value.
BLOCK = 65_536
#: Directions of the training texts that are stored to tell what is unlike them.
DIRECTIONS = 64
#: Signals that count something grow without bound: their logarithm is read.
COUNTS = frozenset(
    signal.key for signal in SIGNALS if signal.unit in ("characters", "words", "lines", "sentences")
)


@dataclass(frozen=True, slots=True)
class Settings:
    """How a head is trained. Kept with it."""

    signals: tuple[str, ...] = tuple(signal.key for signal in SIGNALS)
    #: Strengths of the ridge and weights of the signals that cross-validation chooses from.
    ridges: tuple[float, ...] = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
    signal_weights: tuple[float, ...] = (0.05, 0.1, 0.2, 0.4)
    folds: int = 5

    def as_dict(self) -> dict[str, Any]:
        return {
            "signals": list(self.signals),
            "ridges": list(self.ridges),
            "signal_weights": list(self.signal_weights),
            "folds": self.folds,
        }


class TooFewLabels(ValueError):
    """There is nothing to learn from yet; the message says what is missing."""


@dataclass(frozen=True, eq=False)
class Head:
    """A trained head. `score` and `uncertainty` take vectors (n, dimensions) and for each a mapping of
    signals, or an array whose columns are `signals` in their order."""

    highest: int
    signals: tuple[str, ...]
    centre: NDArray[np.float64]  # of every input: dimensions of the vector, then signals
    scale: NDArray[np.float64]  # of every signal: one over its deviation
    signal_weight: float
    weights: NDArray[np.float64]
    intercept: float
    calibration: Calibration
    residual: float  # standard deviation of a rating around the score, in points of the scale
    ridge: float
    directions: NDArray[np.float64]  # (k, inputs), orthonormal
    spread: NDArray[np.float64]  # (k,) sums of squares of the training texts along them
    fit: Mapping[str, Any]

    def score(self, vectors: NDArray[np.floating[Any]], signals: Signals) -> NDArray[np.float64]:
        """Values from 0 to `highest`, shape (n,), rounded to 6 digits: the same for a text whatever is scored with
        it, and for a fresh vector as for one stored in half precision."""
        import numpy as np

        values = np.empty(len(vectors))
        for rows in _blocks(len(vectors)):
            raw = self._inputs(vectors[rows], signals[rows]) @ self.weights + self.intercept
            values[rows] = self.calibration(raw)
        return np.round(values, 6)

    def uncertainty(
        self, vectors: NDArray[np.floating[Any]], signals: Signals, threshold: float | None = None
    ) -> NDArray[np.float64]:
        """The chance, from 0 to 0.5, that a rating would fall on the other side of the threshold (default: the middle
        of the scale) than the score does. It is high near the threshold, and for texts unlike those learnt from."""
        import numpy as np

        limit = self.highest / 2 if threshold is None else threshold
        values = np.empty(len(vectors))
        for rows in _blocks(len(vectors)):
            inputs = self._inputs(vectors[rows], signals[rows])
            distance = np.abs(self.calibration(inputs @ self.weights + self.intercept) - limit)
            values[rows] = _tail(distance / (self.residual * np.sqrt(1.0 + self._leverage(inputs))))
        return np.round(values, 6)

    def kinship(self, vectors: NDArray[np.floating[Any]], signals: Signals) -> NDArray[np.float64]:
        """What labels of these texts would say about each other, (n, inputs): the product of two rows is how far, in
        this head's eyes, the scores of both vary together, in units of the variance of a rating."""
        import numpy as np

        inputs = self._inputs(vectors, signals)
        known = 1.0 - np.sqrt(self.ridge / (self.spread + self.ridge))
        return (inputs - (inputs @ self.directions.T * known) @ self.directions) / np.sqrt(self.ridge)

    def _inputs(self, vectors: NDArray[np.floating[Any]], signals: Signals) -> NDArray[np.float64]:
        import numpy as np

        half = np.asarray(vectors).astype(np.float16).astype(np.float64)
        return _join(half, _table(signals, self.signals), self.centre, self.scale, self.signal_weight)

    def _leverage(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """x (X'X + ridge)⁻¹ x, with X'X known along its main directions and taken as nothing across them."""
        import numpy as np

        along = (inputs @ self.directions.T) ** 2
        saved = along @ (self.spread / (self.spread + self.ridge))
        return np.maximum(0.0, (np.einsum("ij,ij->i", inputs, inputs) - saved) / self.ridge)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON, as it is stored with a scorer."""
        return {
            "kind": "head/1",
            "highest": self.highest,
            "signals": list(self.signals),
            "centre": self.centre.tolist(),
            "scale": self.scale.tolist(),
            "signal_weight": self.signal_weight,
            "weights": self.weights.tolist(),
            "intercept": self.intercept,
            "calibration": self.calibration.as_list(),
            "residual": self.residual,
            "ridge": self.ridge,
            "directions": self.directions.tolist(),
            "spread": self.spread.tolist(),
            "fit": dict(self.fit),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Head:
        """Raises ValueError when what is stored is no head of this kind."""
        import numpy as np

        if stored.get("kind") != "head/1":
            raise ValueError(f"These parameters are no trained head: kind {stored.get('kind')!r}.")
        return cls(
            highest=stored["highest"],
            signals=tuple(stored["signals"]),
            centre=np.array(stored["centre"]),
            scale=np.array(stored["scale"]),
            signal_weight=stored["signal_weight"],
            weights=np.array(stored["weights"]),
            intercept=stored["intercept"],
            calibration=Calibration.from_list(stored["calibration"]),
            residual=stored["residual"],
            ridge=stored["ridge"],
            directions=np.array(stored["directions"]).reshape(-1, len(stored["weights"])),
            spread=np.array(stored["spread"]),
            fit=stored["fit"],
        )


def train(
    vectors: NDArray[np.floating[Any]],
    signals: Signals,
    values: Sequence[float] | NDArray[np.floating[Any]],
    highest: int,
    settings: Settings = Settings(),
    keys: Sequence[str] | None = None,
) -> Head:
    """Train a head on labels from 0 to `highest` (means of several ratings are welcome).

    `keys` say which texts belong together (passages of a page, duplicates): cross-validation keeps them on one side.
    Raises TooFewLabels below `LEAST_LABELS`, with fewer than two keys, or when all labels are the same.
    """
    import numpy as np

    target = np.asarray(values, dtype=np.float64)
    names = list(keys) if keys is not None else [str(at) for at in range(len(target))]
    _check(target, names, highest)
    half = np.asarray(vectors).astype(np.float16).astype(np.float64)
    table = _table(signals, settings.signals)
    deviation = table.std(axis=0)
    centre = _rounded(np.concatenate([half.mean(axis=0), table.mean(axis=0)]))
    scale = _rounded(np.where(deviation > 1e-9, 1.0 / np.maximum(deviation, 1e-9), 0.0))
    inputs = _join(half, table, centre, scale, 1.0)
    fold = holdout.folds(names, min(settings.folds, len(set(names))))
    counted = _balanced(target)
    ridge, weight, held_out = _choose(inputs, target, counted, fold, half.shape[1], settings)

    inputs[:, half.shape[1] :] *= weight
    gram, products, mean, average = _moments(*_sums(inputs, target, counted))
    weights = np.linalg.solve(gram + ridge * np.eye(len(gram)), products)
    calibration = Calibration.fitted(held_out, target, highest)
    spread, directions = np.linalg.eigh(gram)
    calibrated = calibration(held_out)
    return Head(
        highest=highest,
        signals=settings.signals,
        centre=centre,
        scale=scale,
        signal_weight=weight,
        weights=_rounded(weights),
        intercept=float(_rounded(average - mean @ weights)),
        calibration=calibration,
        residual=float(_rounded(max(1e-3 * highest, np.sqrt(np.mean((target - calibrated) ** 2))))),
        ridge=ridge,
        directions=_rounded(directions[:, ::-1][:, :DIRECTIONS].T, 4),
        spread=_rounded(np.maximum(0.0, spread[::-1][:DIRECTIONS])),
        fit={
            "labels": len(target),
            "keys": len(set(names)),
            "ridge": ridge,
            "signal_weight": weight,
            "settings": settings.as_dict(),
        },
    )


def _check(target: NDArray[np.float64], names: Sequence[str], highest: int) -> None:
    import numpy as np

    if len(target) < LEAST_LABELS:
        raise TooFewLabels(f"{len(target)} labels; a scorer is trained on {LEAST_LABELS} and more.")
    if len(names) != len(target):
        raise ValueError(f"{len(names)} keys for {len(target)} labels")
    if not np.isfinite(target).all() or target.min() < 0 or target.max() > highest:
        raise ValueError(f"labels must lie between 0 and {highest}")
    if np.ptp(target) == 0:
        raise TooFewLabels(f"All {len(target)} labels are {target[0]:g}: there is nothing to tell apart.")
    if len(set(names)) < 2:
        raise TooFewLabels("All labels are of one document: there is nothing to compare it with.")


def _choose(
    inputs: NDArray[np.float64],
    target: NDArray[np.float64],
    counted: NDArray[np.float64],
    fold: NDArray[np.intp],
    dimensions: int,
    settings: Settings,
) -> tuple[float, float, NDArray[np.float64]]:
    """The ridge and the weight of signals with the least squared error on folds left out, and the predictions
    that were made of those. Sums over a fold are taken from the sums over all, so each fit is one small system."""
    import numpy as np

    tried = [(ridge, weight) for weight in settings.signal_weights for ridge in settings.ridges]
    predicted = np.empty((len(target), len(tried)))
    whole = _sums(inputs, target, counted)
    for at in range(fold.max() + 1):
        rows = fold == at
        part = _sums(inputs[rows], target[rows], counted[rows])
        gram, products, mean, average = _moments(*(all_ - left_out for all_, left_out in zip(whole, part, strict=True)))  # fmt: skip
        weights = np.array([_solved(gram, products, dimensions, *strengths) for strengths in tried]).T
        predicted[rows] = average + inputs[rows] @ weights - mean @ weights
    best = int((counted @ (predicted - target[:, None]) ** 2).argmin())
    return *tried[best], predicted[:, best]


def _solved(
    gram: NDArray[np.float64],
    products: NDArray[np.float64],
    dimensions: int,
    ridge: float,
    weight: float,
) -> NDArray[np.float64]:
    """The weights of a ridge regression, for inputs whose signals do not yet have their weight."""
    import numpy as np

    factor = np.ones(len(gram))
    factor[dimensions:] = weight
    penalised = gram * np.outer(factor, factor)
    penalised.flat[:: len(gram) + 1] += ridge
    return factor * np.linalg.solve(penalised, factor * products)


def _balanced(target: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much each label counts, 1 on average: the less the commoner its rating is, down to ratings of `RARE` of all."""
    import numpy as np

    _, rating, labels = np.unique(np.round(target), return_inverse=True, return_counts=True)
    counted = 1.0 / (labels[rating] + RARE * len(target))
    return counted * len(target) / counted.sum()


def _sums(
    inputs: NDArray[np.float64], target: NDArray[np.float64], counted: NDArray[np.float64]
) -> tuple[Any, ...]:
    weighted = inputs * counted[:, None]
    return counted.sum(), inputs.T @ weighted, target @ weighted, weighted.sum(axis=0), counted @ target


def _moments(
    count: float,
    squares: NDArray[np.float64],
    products: NDArray[np.float64],
    inputs: NDArray[np.float64],
    target: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """Sums about the means: of squares, of products with the target; and the means themselves."""
    import numpy as np

    mean = inputs / count
    return squares - np.outer(mean, inputs), products - mean * target, mean, target / count


def _table(signals: Signals, names: Sequence[str]) -> NDArray[np.float64]:
    """Signals as an array (n, signals), counts as their logarithms."""
    import numpy as np

    if isinstance(signals, np.ndarray):
        table = signals.astype(np.float64)
    else:
        table = np.array([[row[name] for name in names] for row in signals], dtype=np.float64)
    table = table.reshape(len(signals), len(names))
    for at, name in enumerate(names):
        if name in COUNTS:
            table[:, at] = np.log1p(np.maximum(table[:, at], 0.0))
    return table


def _join(
    half: NDArray[np.float64],
    table: NDArray[np.float64],
    centre: NDArray[np.float64],
    scale: NDArray[np.float64],
    weight: float,
) -> NDArray[np.float64]:
    """What a head reads: the vector about its mean, and beside it the weighted deviations of the signals."""
    import numpy as np

    dimensions = half.shape[1]
    if dimensions + table.shape[1] != len(centre):
        raise ValueError(
            f"This head reads vectors of {len(centre) - table.shape[1]} dimensions, not {dimensions}."
        )
    deviations = (table - centre[dimensions:]) * scale
    return np.hstack(
        [half - centre[:dimensions], weight * np.clip(deviations, -MOST_DEVIATIONS, MOST_DEVIATIONS)]
    )


def _tail(deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    """The chance that a normal deviate lies beyond so many deviations (Abramowitz & Stegun 1964, 26.2.17;
    error below 1e-7)."""
    import numpy as np

    t = 1.0 / (1.0 + 0.2316419 * deviations)
    series = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    return np.clip(np.exp(-(deviations**2) / 2) / np.sqrt(2 * np.pi) * series, 0.0, 0.5)


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, count, BLOCK))


def _rounded(values: Any, digits: int = 7) -> Any:
    """To so many significant digits: what is stored is what is used."""
    import numpy as np

    values = np.asarray(values, dtype=np.float64)
    with np.errstate(divide="ignore"):
        magnitude = np.where(values == 0, 0, np.floor(np.log10(np.abs(values))))
    power = 10.0 ** (digits - 1 - magnitude)
    return np.round(values * power) / power
