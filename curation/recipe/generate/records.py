"""The nouns of generation: the seed that goes in, the samples that come out, and what was lost on the way, by name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from curation.recipe.chain import Chain as Sample
from curation.recipe.chain import ChainStep, SeedReference
from curation.recipe.llm.records import Answer
from curation.recipe.reasons import check_reason

#: What a seed is; each workflow says which it takes.
KINDS = ("passage", "code", "question")


@dataclass(frozen=True, slots=True)
class Seed:
    """What is generated from. `candidate` counts attempts at the same seed: each draws and asks anew.

    `address` is the document's, where the text stands in one; `about` goes into the samples' seed as it is (a passage's id, say).
    """

    text: str
    kind: str = "passage"
    key: str = ""  # what draws hang on besides the text
    candidate: int = 0
    address: str = ""
    language: str = ""
    licence: str = ""
    topics: tuple[str, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """The same for the same seed, in every process and on every machine."""
        return self.key or hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def reference(self) -> SeedReference:
        if self.address:
            return SeedReference(address=self.address, quote=self.text, meta=self.about)
        return SeedReference(text=self.text, meta=self.about)


@dataclass(frozen=True, slots=True)
class Said:
    """One step of a chain with the answer it was read from; `values` are its fields, or {"text": …} of prose."""

    step: ChainStep
    values: dict[str, Any]
    answer: Answer = field(compare=False)

    @property
    def call(self) -> int | None:
        """The ledger's row of it."""
        return self.answer.call


@dataclass(frozen=True, slots=True)
class Made:
    """A sample, and the calls that its chain's steps rest on, in the steps' order."""

    sample: Sample
    said: tuple[Said, ...]

    @property
    def calls(self) -> tuple[int | None, ...]:
        return tuple(one.call for one in self.said)


@dataclass(frozen=True, slots=True)
class Lost:
    """A candidate that came to nothing: why (a key of `recipe.reasons.REASONS`), at which step, and what was said until then."""

    reason: str
    at: str
    detail: str = ""
    said: tuple[Said, ...] = ()

    def __post_init__(self) -> None:
        check_reason(self.reason)

    @property
    def calls(self) -> tuple[int | None, ...]:
        return tuple(one.call for one in self.said)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one candidate of a seed came to. Never empty: what made no sample is lost by name."""

    made: tuple[Made, ...] = ()
    lost: tuple[Lost, ...] = ()

    def __post_init__(self) -> None:
        if not self.made and not self.lost:
            raise ValueError("an outcome holds samples or what was lost")

    @property
    def answer(self) -> Answer | None:
        """The last answer it rests on; None where nothing was asked."""
        parts: tuple[Made | Lost, ...] = (*self.made, *self.lost)
        said = [one for part in parts for one in part.said]
        return said[-1].answer if said else None
