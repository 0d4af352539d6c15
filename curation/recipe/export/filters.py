"""What an export can be narrowed by. The same words in the browser, on the command line and in the manifest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

SOURCE_KINDS = ("web", "code", "academic", "book", "questions", "synthetic")
#: Stands for rows of which nobody said a licence.
NO_LICENCE = "none"

SCORE = re.compile(r"(min|max)_([a-z][a-z0-9_-]*)")


class FilterError(ValueError):
    """A filter that the studio does not have, or a value that it cannot read; says the way out."""


@dataclass(frozen=True, slots=True)
class Filter:
    key: str
    title: str
    help: str
    read: Callable[[str, Any], Any]
    kinds: tuple[str, ...] = ("documents", "passages", "seeds", "samples")


def _words(key: str, value: Any) -> list[str]:
    """Words separated by commas, or a list of them; each once, sorted."""
    given: Iterable[Any] = value.split(",") if isinstance(value, str) else value
    if not isinstance(given, Sequence) or not all(isinstance(word, str) for word in given):
        raise FilterError(f"`{key}` takes words separated by commas, not {value!r}.")
    return sorted({word.strip() for word in given} - {""})


def _kinds(key: str, value: Any) -> list[str]:
    words = _words(key, value)
    if unknown := sorted(set(words) - set(SOURCE_KINDS)):
        raise FilterError(f"`{key}` is {', '.join(unknown)}; use {', '.join(SOURCE_KINDS)}.")
    return words


def _day(key: str, value: Any) -> str:
    try:
        return date.fromisoformat(str(value).strip()).isoformat()
    except ValueError as error:
        raise FilterError(f"`{key}` is {value!r}; write a date like 2025-03-01.") from error


def _score(key: str, value: Any) -> float:
    try:
        score = float(value)
    except (TypeError, ValueError) as error:
        raise FilterError(f"`{key}` is {value!r}; write a number from 0 to 5.") from error
    if not 0 <= score <= 5:
        raise FilterError(f"`{key}` is {score:g}; scores go from 0 to 5.")
    return score


FILTERS: dict[str, Filter] = {
    entry.key: entry
    for entry in (
        Filter("language", "Languages", "Codes such as en, de, zh.", _words),
        Filter("licence", "Licences", "SPDX identifiers; none for rows of which nobody said.", _words),
        Filter("source", "Sources", "Names or UUIDs.", _words),
        Filter("kind", "Kinds of source", ", ".join(SOURCE_KINDS) + ".", _kinds),
        Filter("since", "Added since", "On that day or later, UTC.", _day),
        Filter("workflow", "Workflows", "Names.", _words, ("samples",)),
        Filter("model", "Models", "Names.", _words, ("samples",)),
    )
}


def parse(what: str, given: Mapping[str, Any], rubrics: Sequence[str]) -> dict[str, Any]:
    """Read filters as people write them into the form that a snapshot keeps, empty ones left out.

    `rubrics` are the keys that `min_…` and `max_…` may name. Raises FilterError on the first that cannot be read.
    """
    read = {key: _one(what, key, value, rubrics) for key, value in sorted(given.items())}
    kept = {key: value for key, value in read.items() if value not in (None, "", [])}
    for rubric in rubrics:
        least, most = kept.get(f"min_{rubric}", 0.0), kept.get(f"max_{rubric}", 5.0)
        if least > most:
            raise FilterError(
                f"`min_{rubric}` ({least:g}) is above `max_{rubric}` ({most:g}); nothing could pass."
            )
    return kept


def _one(what: str, key: str, value: Any, rubrics: Sequence[str]) -> Any:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if key in FILTERS and what in FILTERS[key].kinds:
        return FILTERS[key].read(key, value)
    bound = SCORE.fullmatch(key)
    if bound and bound.group(2) in rubrics:
        return _score(key, value)
    raise FilterError(
        f"{what.capitalize()} have no filter `{key}`; they have {', '.join(names(what, rubrics))}."
    )


def names(what: str, rubrics: Sequence[str]) -> list[str]:
    """Every filter that a kind of export has."""
    scores = [f"{bound}_{rubric}" for rubric in rubrics for bound in ("min", "max")]
    return [key for key, entry in FILTERS.items() if what in entry.kinds] + scores
