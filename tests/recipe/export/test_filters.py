"""Filters of an export: read strictly, kept in one form, refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from curation.recipe.export.filters import FILTERS, SOURCE_KINDS, FilterError, names, parse
from curation.recipe.export.schemas import SCHEMAS

RUBRICS = ["educational", "factual"]


def test_filters_are_kept_in_one_form_however_they_are_written() -> None:
    typed = {"language": " en,de,en ", "since": "2025-03-01", "min_factual": "3", "kind": "", "source": []}
    ticked = {"language": ["de", "en"], "since": "2025-03-01", "min_factual": 3.0}
    assert parse("passages", typed, RUBRICS) == parse("passages", ticked, RUBRICS)
    assert parse("passages", typed, RUBRICS) == {
        "language": ["de", "en"],
        "min_factual": 3.0,
        "since": "2025-03-01",
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"colour": "red"}, "Seeds have no filter `colour`; they have language, licence"),
        ({"workflow": "x"}, "Seeds have no filter `workflow`"),
        ({"min_beauty": "3"}, "Seeds have no filter `min_beauty`"),
        ({"min_factual": "high"}, "write a number from 0 to 5"),
        ({"min_factual": "nan"}, "scores go from 0 to 5"),
        ({"min_factual": 4, "max_factual": 2}, "nothing could pass"),
        ({"kind": "blog,web"}, "`kind` is blog; use web, code"),
        ({"since": "last week"}, "write a date like 2025-03-01"),
        ({"language": {"en": 1}}, "takes words separated by commas"),
        ({"language": [1]}, "takes words separated by commas"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_way_out(given: dict[str, Any], said: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse("seeds", given, RUBRICS)
    assert said in str(caught.value)


@pytest.mark.parametrize("what", SCHEMAS)
def test_every_kind_has_the_filters_of_places_and_of_scores(what: str) -> None:
    assert {"language", "licence", "source", "kind", "since", "min_factual"} <= set(names(what, RUBRICS))


def test_samples_alone_are_filtered_by_who_made_them() -> None:
    assert [what for what in SCHEMAS if "model" in names(what, RUBRICS)] == ["samples"]
    assert all(set(entry.kinds) <= set(SCHEMAS) for entry in FILTERS.values())


def test_kinds_of_sources_are_those_of_the_sources() -> None:
    from curation.recipe.export.schemas import PASSAGES

    meaning = next(field.meaning for field in PASSAGES.fields if field.name == "source_kind")
    assert all(f"`{kind}`" in meaning for kind in SOURCE_KINDS)
