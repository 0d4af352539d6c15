"""The table of every step: record-wise stages as objects, the same in a worker, a test and a batch lane.

The plain functions come first and have their own tests; a step is a few lines around them that hold its options.
Extraction runs in killable children (`ingest.pool`), and clustering needs a whole set (`dedup.near`): neither is a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from curation.recipe.generate.again import ReviseAgain
from curation.recipe.generate.workflows import WORKFLOWS
from curation.recipe.scoring import signals
from curation.recipe.scoring.annotator import Rate
from curation.recipe.step import AskingStep, Step
from curation.recipe.text import encode, language
from curation.recipe.text.language import Language
from curation.recipe.text.split import Span, split
from curation.recipe.verify.judge import Compare, Judge

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class IdentifyLanguage:
    """Texts → their languages."""

    name: ClassVar[str] = "language"

    def setup(self) -> None:
        language.identify(["The detector is loaded by its first text."])

    def process_batch(self, texts: Sequence[str]) -> list[Language]:
        return language.identify(texts)


@dataclass(frozen=True, slots=True)
class MeasureSignals:
    """Texts → {signal: value}, by the version of the table that defines them."""

    name: ClassVar[str] = "signals"
    version: ClassVar[str] = signals.VERSION

    def setup(self) -> None:
        signals.measure("The tables are loaded by the first text.")

    def process_batch(self, texts: Sequence[str]) -> list[dict[str, float]]:
        return [signals.measure(text) for text in texts]


@dataclass(frozen=True, slots=True)
class SplitIntoPassages:
    """Texts → the spans of their passages."""

    name: ClassVar[str] = "split"

    def setup(self) -> None:
        split("The tokenizer is loaded by the first text.")

    def process_batch(self, texts: Sequence[str]) -> list[list[Span]]:
        return [split(text) for text in texts]


@dataclass(frozen=True, slots=True)
class Embed:
    """Texts → L2-normalised vectors, float32, of shape (dimensions,) each."""

    name: ClassVar[str] = "embed"
    options: encode.Options = field(default_factory=encode.Options)

    def setup(self) -> None:
        encode.load(self.options)

    def process_batch(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        return list(encode.load(self.options).encode(texts))


STEPS: dict[str, type[Step]] = {
    step.name: step for step in (IdentifyLanguage, MeasureSignals, SplitIntoPassages, Embed)
}
#: Those that ask language models.
ASKING: dict[str, type[AskingStep]] = {
    Rate.name: Rate,
    Judge.name: Judge,
    Compare.name: Compare,
    ReviseAgain.name: ReviseAgain,
    **{workflow.key: workflow.step for workflow in WORKFLOWS.values()},
}
