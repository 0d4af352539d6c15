"""Formats are read back with the tools that people read them with, and the same rows give the same bytes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from curation.recipe import chain
from curation.recipe.export import parquet
from curation.recipe.export.formats import FORMATS
from curation.recipe.export.schemas import SCHEMAS, Kind
from curation.recipe.export.sink import Sink

PASSAGE: dict[str, Any] = {
    "uuid": "5a3e",
    "text": 'Zeile "eins"\nZeile zwei\u2028 – 力学 \U0001f331',
    "text_sha256": "ab",
    "language": "de",
    "tokens": 12,
    "edited": False,
    "original_sha256": "ab",
    "start": 0,
    "end": 31,
    "source": "77",
    "source_name": "=cmd|' /C calc'!A0",
    "source_kind": "web",
    "scores": [{"rubric": "factual", "scorer": "starter-1", "value": 3.25}],
    "decisions": 1,
}

SAMPLE: dict[str, Any] = chain.as_row(
    chain.parse(
        {
            "id": "s-1",
            "messages": [{"role": "user", "content": "?", "turn": 1}, {"role": "assistant", "content": "!"}],
            "seed": {"quote": "q"},
            "steps": [{"kind": "critique", "output": "o", "scores": {"clarity": 4, "accuracy": 1.5}}],
            "verdicts": [{"kind": "code", "outcome": "passed"}],
            "meta": {"nested": {"list": [1, None, "x"]}},
        }
    )
) | {
    "lineage": {
        "sample": "9",
        "sha256": "c",
        "edited": False,
        "original_sha256": "c",
        "source": "77",
        "source_name": "n",
        "decisions": 2,
        "before": {"sample": "8"},
    }
}


def written(key: str, what: str, rows: list[dict[str, Any]]) -> bytes:
    stream = io.BytesIO()
    assert FORMATS[key].write(rows, SCHEMAS[what], Sink(stream)) == len(rows)
    return stream.getvalue()


@pytest.mark.parametrize("key", FORMATS)
def test_the_same_rows_are_the_same_bytes(key: str) -> None:
    rows = [PASSAGE | {"ordinal": n} for n in range(500)]
    assert written(key, "passages", rows) == written(key, "passages", rows)


def test_json_lines_hold_every_field_in_the_order_of_the_schema() -> None:
    lines = written("jsonl", "passages", [PASSAGE, PASSAGE]).decode().split("\n")
    assert len(lines) == 3
    assert lines[2] == ""
    row = json.loads(lines[0])
    assert tuple(row) == SCHEMAS["passages"].names
    assert row["heading"] is None
    assert {name: row[name] for name in PASSAGE} == PASSAGE


def test_parquet_is_read_back_by_pyarrow(tmp_path: Path) -> None:
    path = tmp_path / "passages.parquet"
    path.write_bytes(written("parquet", "passages", [PASSAGE]))
    table = pyarrow.parquet.read_table(path)
    row = table.to_pylist()[0]
    assert {name: row[name] for name in PASSAGE} == PASSAGE
    assert table.schema.names == list(SCHEMAS["passages"].names)


def test_a_sample_comes_back_from_parquet_with_its_chain(tmp_path: Path) -> None:
    path = tmp_path / "samples.parquet"
    path.write_bytes(written("parquet", "samples", [SAMPLE]))
    row = pyarrow.parquet.read_table(path).to_pylist()[0]
    assert json.loads(row["messages"][0]["meta"]) == {"turn": 1}
    assert row["steps"][0]["scores"] == [("clarity", 4.0), ("accuracy", 1.5)]
    assert json.loads(row["meta"]) == SAMPLE["meta"]
    assert json.loads(row["lineage"]["before"]) == {"sample": "8"}


def test_an_exported_sample_is_imported_as_the_same_chain() -> None:
    row = json.loads(written("jsonl", "samples", [SAMPLE]))
    read = chain.parse(row)
    again = json.loads(written("jsonl", "samples", [chain.as_row(read)]))
    assert again == row
    assert chain.parse(again) == read


def test_row_groups_are_closed_by_rows_and_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "GROUP_ROWS", 4)
    monkeypatch.setattr(parquet, "GROUP_CHARACTERS", 100)
    short, long = {"text": "a"}, {"messages": [{"content": "b" * 100}]}
    assert [len(group) for group in parquet.groups([short] * 6)] == [4, 2]
    assert [len(group) for group in parquet.groups([short, long, short])] == [2, 1]


@pytest.mark.parametrize("what", SCHEMAS)
def test_columns_that_are_never_null_are_declared_so(what: str) -> None:
    schema = SCHEMAS[what]
    arrow = parquet.arrow_schema(schema)
    assert [field.nullable for field in arrow] == [not field.always for field in schema.fields]


def test_every_kind_of_type_has_a_column_type() -> None:
    assert all(parquet.arrow_type(kind) for kind in Kind)
