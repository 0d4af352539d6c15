"""What a piece of a run came to, before it is saved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from curation.jobs.many import Asked
from curation.recipe import chain
from curation.recipe.generate.records import Made, Outcome

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Key = tuple[int, int]  # of a sample: its candidate's ordinal, and which of its branches


@dataclass(slots=True)
class Generated:
    """What a piece came to, by the candidates' ordinals; verdicts and vectors by sample."""

    asked: Asked[Outcome] = field(default_factory=Asked)
    verdicts: dict[Key, list[tuple[chain.ChainVerdict, int | None]]] = field(default_factory=dict)
    vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    repeats: dict[Key, tuple[int, float]] = field(default_factory=dict)  # approved sample, cosine

    def made(self) -> Iterator[tuple[Key, Made]]:
        for ordinal, (outcome, _) in sorted(self.asked.results.items()):
            for branch, one in enumerate(outcome.made):
                yield (ordinal, branch), one
