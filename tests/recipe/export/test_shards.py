"""Files are whole or not there, and say truly how large they are."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from curation.recipe.export.bundle import zipped
from curation.recipe.export.formats import FORMATS
from curation.recipe.export.manifest import libraries, manifest, named
from curation.recipe.export.schemas import PASSAGES
from curation.recipe.export.shards import Shard, shard_name, sweep_parts, write_shard, write_whole

ROWS = [{"uuid": str(n), "text": "a" * n} for n in range(20)]


def test_a_shard_says_its_rows_bytes_and_hash(tmp_path: Path) -> None:
    shard = write_shard(tmp_path, "p.jsonl", ROWS, PASSAGES, FORMATS["jsonl"])
    content = (tmp_path / "p.jsonl").read_bytes()
    assert shard == Shard("p.jsonl", 20, len(content), hashlib.sha256(content).hexdigest())
    assert [path.name for path in tmp_path.iterdir()] == ["p.jsonl"]


def test_a_shard_that_breaks_leaves_what_was_there(tmp_path: Path) -> None:
    def breaking() -> Iterator[dict[str, Any]]:
        yield ROWS[0]
        raise RuntimeError("cancelled")

    write_shard(tmp_path, "p.jsonl", ROWS, PASSAGES, FORMATS["jsonl"])
    before = (tmp_path / "p.jsonl").read_bytes()
    with pytest.raises(RuntimeError):
        write_shard(tmp_path, "p.jsonl", breaking(), PASSAGES, FORMATS["jsonl"])
    assert [path.name for path in tmp_path.iterdir()] == ["p.jsonl"]
    assert (tmp_path / "p.jsonl").read_bytes() == before


def test_what_killed_writers_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".p.jsonl.x1.part").write_bytes(b"half")
    write_whole(tmp_path / "manifest.json", b"{}")
    assert sweep_parts(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_shards_are_named_so_that_they_sort() -> None:
    assert shard_name("passages", 3, 12, FORMATS["parquet"]) == "passages-00003-of-00012.parquet"


def test_a_zip_is_streamed_and_holds_the_files(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"0123456789abcdef" * 200_000)
    (tmp_path / "small").write_bytes(b"{}")
    files = [("set/large", large), ("set/small", tmp_path / "small")]
    pieces = list(zipped(files))
    assert max(map(len, pieces)) < 2_000_000
    archive = zipfile.ZipFile(io.BytesIO(b"".join(pieces)))
    assert archive.testzip() is None
    assert archive.read("set/large") == large.read_bytes()
    assert archive.namelist() == ["set/large", "set/small"]
    assert b"".join(zipped(files)) == b"".join(pieces)


def manifested(**changes: Any) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "snapshot": {"snapshot": "s", "rows": 20},
        "schema": PASSAGES,
        "form": FORMATS["parquet"],
        "shards": [Shard("a", 12, 1, "x"), Shard("b", 8, 1, "y")],
        "rows_file": Shard("rows.tsv", 20, 1, "z"),
        "left_out": {"too_short": 2, "rejected": 7},
        "licences": {"": 5, "CC-BY-4.0": 15},
        "versions": {"scorers": {}},
    }
    return manifest(**parts | changes)


def test_a_manifest_names_reasons_files_and_libraries() -> None:
    made = manifested()
    assert [(entry["title"], entry["count"]) for entry in made["left_out"]] == [
        ("Rejected", 7),
        ("Too short", 2),
    ]
    assert [entry["name"] for entry in made["files"]] == ["a", "b"]
    assert set(made["libraries"]) == {"pyarrow", "orjson"}
    assert libraries(FORMATS["jsonl"]).keys() == {"orjson"}


def test_a_manifest_whose_files_lack_rows_is_never_written() -> None:
    with pytest.raises(ValueError, match="12 rows"):
        manifested(shards=[Shard("a", 12, 1, "x")])


def test_reasons_of_equal_count_stand_in_a_fixed_order() -> None:
    assert [entry["reason"] for entry in named({"rejected": 1, "corrupted": 1})] == ["corrupted", "rejected"]
