"""The nouns that steps pass between each other: what happened to one record."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dropped:
    """A judgement: the record goes no further. `reason` is a key of `recipe.reasons.REASONS`."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """An accident: the record could not be judged. Retried only when it is not `permanent`."""

    error: str
    permanent: bool = True
