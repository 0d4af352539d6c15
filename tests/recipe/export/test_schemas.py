"""The documentation of the exports says what the schemas say."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation.recipe.chain import Chain, as_row
from curation.recipe.export.schemas import SCHEMAS

DOCS = (Path(__file__).parents[3] / "docs" / "export-schemas.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("what", SCHEMAS)
def test_every_field_is_documented_with_its_type(what: str) -> None:
    schema = SCHEMAS[what]
    section = DOCS.split(f"## {schema.title}\n")[1].split("\n## ")[0]
    expected = [
        f"| `{name}` | {field.type_name} | {'yes' if field.always else 'no'} | {field.meaning} |"
        for name, field in schema.described()
    ]
    assert [line for line in section.splitlines() if line.startswith("| `")] == expected


def test_an_exported_sample_has_the_fields_of_the_sample_schema() -> None:
    assert tuple(as_row(Chain(text="a"))) == SCHEMAS["samples"].names
