"""How good a scorer is on texts it has not learnt from, with 95% intervals, and honestly where they are few.

AUC: the chance that a text at or above the threshold has the higher score (Mann & Whitney 1947), interval by Newcombe
2006 (Statistics in Medicine 25:559, method 5), which holds for small samples and for an AUC of 1. Spearman's rank correlation:
Fisher's z with the variance of Bonett & Wright 2000 (Psychometrika 65:23). F1: of the texts that either side calls good, those
that both do, a binomial share (Wilson 1927) turned into F1. Mean absolute error: its standard error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import atanh, sqrt, tanh
from typing import TYPE_CHECKING, Any

from curation.recipe.scoring.intervals import Z, wilson

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

#: Below these a figure is shown with a warning.
FEW_TEXTS = 100
FEW_OF_A_KIND = 10
#: Groups of the calibration curve.
GROUPS = 10


@dataclass(frozen=True, slots=True)
class Figures:
    """None: it cannot be said (one kind of text only, all scores equal, no texts). `intervals` are of 95%."""

    n: int
    good: int  # texts that are rated at or above the threshold
    threshold: float
    auc: float | None
    spearman: float | None
    f1: float | None
    precision: float | None
    recall: float | None
    mae: float | None
    intervals: dict[str, tuple[float, float]]
    #: (mean score, mean rating, texts) of groups of equal size, by score.
    calibration: list[tuple[float, float, int]]
    #: Why the figures should be taken lightly; "" when they need not.
    caution: str
    by_language: dict[str, Figures] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON; intervals as [low, high]."""
        return {
            "n": self.n,
            "good": self.good,
            "threshold": self.threshold,
            "auc": self.auc,
            "spearman": self.spearman,
            "f1": self.f1,
            "precision": self.precision,
            "recall": self.recall,
            "mae": self.mae,
            "intervals": {key: list(interval) for key, interval in self.intervals.items()},
            "calibration": [list(group) for group in self.calibration],
            "caution": self.caution,
            "by_language": {key: figures.as_dict() for key, figures in self.by_language.items()},
        }


def figures(
    predicted: ArrayLike, actual: ArrayLike, threshold: float, languages: Sequence[str] | None = None
) -> Figures:
    """Scores (n,) against ratings (n,) of the same texts; with their languages also for each of these."""
    import numpy as np

    scores, ratings = np.asarray(predicted, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    if scores.shape != ratings.shape or scores.ndim != 1:
        raise ValueError(f"scores of shape {scores.shape} against ratings of shape {ratings.shape}")
    by_language = {}
    if languages is not None:
        spoken = np.asarray(languages, dtype=object)
        by_language = {
            language: figures(scores[spoken == language], ratings[spoken == language], threshold)
            for language in sorted(set(languages))
        }
    good, chosen = ratings >= threshold, scores >= threshold
    both = int((good & chosen).sum())
    either = int((good | chosen).sum())
    values: dict[str, tuple[float, tuple[float, float] | None] | None] = {
        "auc": auc(scores, good),
        "spearman": spearman(scores, ratings),
        "f1": _f1(both, either),
        "precision": _share(both, int(chosen.sum())),
        "recall": _share(both, int(good.sum())),
        "mae": _mean(np.abs(scores - ratings)),
    }
    return Figures(
        n=len(scores),
        good=int(good.sum()),
        threshold=threshold,
        **{key: value[0] if value else None for key, value in values.items()},
        intervals={key: value[1] for key, value in values.items() if value and value[1]},
        calibration=_calibration(scores, ratings),
        caution=_caution(len(scores), int(good.sum())),
        by_language=by_language,
    )


def auc(scores: NDArray[np.float64], good: NDArray[np.bool_]) -> tuple[float, tuple[float, float]] | None:
    """AUC with its interval; None where all texts are of one kind. Ties count half."""
    many, few = int(good.sum()), int((~good).sum())
    if not many or not few:
        return None
    value = (ranks(scores)[good].sum() - many * (many + 1) / 2) / (many * few)
    return float(value), _auc_interval(float(value), many, few)


def spearman(
    left: NDArray[np.float64], right: NDArray[np.float64]
) -> tuple[float, tuple[float, float] | None] | None:
    """Rank correlation, ties by mean ranks, with its interval from 4 texts on; None where either side is constant."""
    import numpy as np

    first, second = ranks(left), ranks(right)
    if len(left) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    value = float(np.clip(np.corrcoef(first, second)[0, 1], -1.0, 1.0))
    if len(left) < 4:
        return value, None
    if abs(value) == 1.0:
        return value, (value, value)
    half = Z * sqrt((1 + value**2 / 2) / (len(left) - 3))
    return value, (tanh(atanh(value) - half), tanh(atanh(value) + half))


def ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1, equal values with the mean of theirs."""
    import numpy as np

    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    after = np.cumsum(counts)
    return ((after - counts + 1 + after) / 2)[inverse]


def _auc_interval(value: float, many: int, few: int) -> tuple[float, float]:
    """The values θ for which the observed one is within 1.96 standard errors of θ."""
    half = (many + few) / 2 - 1

    def beyond(theta: float) -> bool:
        pull = 1 + half * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return (value - theta) ** 2 > Z * Z * theta * (1 - theta) * pull / (many * few)

    return _edge(value, 0.0, beyond), _edge(value, 1.0, beyond)


def _edge(inside: float, outside: float, beyond: Callable[[float], bool]) -> float:
    """Where, between a value inside an interval and one outside, it ends."""
    for _ in range(50):
        middle = (inside + outside) / 2
        if beyond(middle):
            outside = middle
        else:
            inside = middle
    return inside


def _f1(both: int, either: int) -> tuple[float, tuple[float, float]] | None:
    if not either:
        return None
    low, high = (2 * share / (1 + share) for share in wilson(both, either))
    return 2 * both / (both + either), (low, high)


def _share(part: int, whole: int) -> tuple[float, tuple[float, float]] | None:
    return (part / whole, wilson(part, whole)) if whole else None


def _mean(values: NDArray[np.float64]) -> tuple[float, tuple[float, float] | None] | None:
    if not len(values):
        return None
    value = float(values.mean())
    if len(values) < 2:
        return value, None
    half = Z * float(values.std(ddof=1)) / sqrt(len(values))
    return value, (max(0.0, value - half), value + half)


def _calibration(scores: NDArray[np.float64], ratings: NDArray[np.float64]) -> list[tuple[float, float, int]]:
    import numpy as np

    groups = min(GROUPS, max(1, len(scores) // FEW_OF_A_KIND))
    order = np.argsort(scores, kind="stable")
    return [
        (float(scores[rows].mean()), float(ratings[rows].mean()), len(rows))
        for rows in np.array_split(order, groups)
        if len(rows)
    ]


def _caution(n: int, good: int) -> str:
    if n < FEW_TEXTS:
        return f"Only {n} texts."
    if min(good, n - good) < FEW_OF_A_KIND:
        return f"Only {min(good, n - good)} of {n} texts are {'at or above' if good < n - good else 'below'} the threshold."
    return ""
