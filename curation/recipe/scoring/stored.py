"""A scorer as it is stored, whichever kind it is: our starter or a trained head, read and applied alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import erfc, sqrt
from typing import TYPE_CHECKING, Any, Protocol

from curation.recipe.scoring import starter
from curation.recipe.scoring.head import Head

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: How far a rating lies from what the starter says, in points: the starter does not know, this is our guess.
STARTER_RESIDUAL = 1.0


class Answering(Protocol):
    """What every scorer can do. `signals` is an array (n, len(keys)) in the order of `keys`."""

    @property
    def keys(self) -> tuple[str, ...]: ...

    @property
    def by_passages(self) -> bool:
        """Whether a page's value is the mean of its passages', or the page is read as a whole."""

    def score(self, vectors: NDArray[Any], signals: NDArray[Any]) -> NDArray[np.float64]:
        """Values (n,) on the rubric's scale."""

    def uncertainty(
        self, vectors: NDArray[Any], signals: NDArray[Any], threshold: float
    ) -> NDArray[np.float64]:
        """The chance (n,), 0 to 0.5, that a rating falls on the other side of the threshold."""

    def kinship(self, vectors: NDArray[Any], signals: NDArray[Any]) -> NDArray[np.float64]:
        """What labels of these texts say about each other, (n, any): their products are covariances."""


@dataclass(frozen=True, slots=True)
class Starter:
    heads: starter.Heads
    rubric: str
    keys: tuple[str, ...] = tuple(starter.RANGES)
    by_passages: bool = True

    def score(self, vectors: NDArray[Any], signals: NDArray[Any]) -> NDArray[np.float64]:
        import numpy as np

        return np.array(self.heads.score(self.rubric, vectors, signals), dtype=np.float64)

    def uncertainty(
        self, vectors: NDArray[Any], signals: NDArray[Any], threshold: float
    ) -> NDArray[np.float64]:
        import numpy as np

        distance = np.abs(self.score(vectors, signals) - threshold)
        return np.array([erfc(far / STARTER_RESIDUAL / sqrt(2)) / 2 for far in distance])

    def kinship(self, vectors: NDArray[Any], signals: NDArray[Any]) -> NDArray[np.float64]:
        return vectors.astype("f8")


@dataclass(frozen=True, slots=True)
class Trained:
    head: Head
    by_passages: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        return self.head.signals

    def score(self, vectors: NDArray[Any], signals: NDArray[Any]) -> NDArray[np.float64]:
        return self.head.score(vectors, signals)

    def uncertainty(
        self, vectors: NDArray[Any], signals: NDArray[Any], threshold: float
    ) -> NDArray[np.float64]:
        return self.head.uncertainty(vectors, signals, threshold)

    def kinship(self, vectors: NDArray[Any], signals: NDArray[Any]) -> NDArray[np.float64]:
        return self.head.kinship(vectors, signals)


def read(parameters: Mapping[str, Any], rubric: str) -> Answering:
    """The scorer of a rubric from its stored parameters. Raises ValueError when they are of no kind that is known."""
    if "weights" in parameters and isinstance(parameters["weights"], Mapping):
        return Starter(starter.Heads.from_dict(parameters), rubric)
    return Trained(Head.from_dict(parameters))
