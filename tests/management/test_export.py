"""`./manage.py export` and `load --samples`: what they print, what they write, and how loudly they fail."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from django.core.management import CommandError, call_command

from curation.models import Project, Sample, Snapshot
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    project = make.a_project("levers")
    for _ in range(3):
        make.a_kept_passage(project)
    make.a_kept_document(project, left_out="too_short")
    return project


def exported(out: Path, *arguments: str) -> dict[str, Any]:
    said = io.StringIO()
    call_command("export", "levers", *arguments, "--out", str(out), stdout=said, stderr=io.StringIO())
    return dict(json.loads(said.getvalue()))


def test_it_writes_shards_and_a_manifest_and_says_so(project: Project, tmp_path: Path) -> None:
    said = exported(tmp_path / "new" / "out", "--what", "documents", "--format", "jsonl")
    assert said["rows"] == 3
    assert said["left_out"] == {"too_short": 1}
    assert said["snapshot"] == str(Snapshot.objects.get().uuid)
    [shard] = said["files"]
    assert len(Path(shard).read_bytes().splitlines()) == 3
    manifest = json.loads(Path(said["manifest"]).read_text())
    assert manifest["files"][0]["sha256"] == hashlib.sha256(Path(shard).read_bytes()).hexdigest()
    assert sorted(path.name for path in Path(said["manifest"]).parent.iterdir()) == [
        "documents-00000-of-00001.jsonl",
        "manifest.json",
        "rows.tsv",
    ]


def test_parquet_is_a_table(project: Project, tmp_path: Path) -> None:
    said = exported(tmp_path, "--what", "passages", "--format", "parquet")
    assert pyarrow.parquet.read_table(said["files"][0]).num_rows == said["rows"] == 3


def test_filters_narrow_it(project: Project, tmp_path: Path) -> None:
    said = exported(tmp_path, "--what", "documents", "--filter", "kind=web", "language=en")
    assert said["rows"] == 3
    with pytest.raises(CommandError, match="filtered 3"):
        exported(tmp_path / "none", "--what", "documents", "--filter", "language=fi")


def test_zero_rows_is_a_loud_result(project: Project, tmp_path: Path) -> None:
    said = io.StringIO()
    with pytest.raises(CommandError, match="has no seeds yet") as caught:
        call_command("export", "levers", "--what", "seeds", "--out", str(tmp_path), stdout=said)
    assert caught.value.returncode == 3
    assert json.loads(said.getvalue())["rows"] == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--filter", "colour=red"], "have no filter `colour`"),
        (["--filter", "language"], "written NAME=VALUE"),
        (["--filter", "since=yesterday"], "write a date like 2025-03-01"),
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(
    project: Project, tmp_path: Path, arguments: list[str], said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        exported(tmp_path, "--what", "documents", *arguments)


def test_an_unknown_project_is_refused_with_those_there_are(project: Project, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="levers"):
        call_command("export", "nothing", "--what", "documents", "--out", str(tmp_path))


def test_the_same_kind_again_replaces_and_another_kind_stands_beside(
    project: Project, tmp_path: Path
) -> None:
    exported(tmp_path, "--what", "documents")
    (tmp_path / "mine.txt").write_text("stays")
    (tmp_path / "documents-00000-of-00001.jsonl").rename(tmp_path / "documents-00000-of-00009.jsonl")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["files"][0]["name"] = "documents-00000-of-00009.jsonl"
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    exported(tmp_path, "--what", "documents")
    other = exported(tmp_path, "--what", "passages")
    assert Path(other["files"][0]).parent == tmp_path / "passages-jsonl"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "documents-00000-of-00001.jsonl",
        "manifest.json",
        "mine.txt",
        "passages-jsonl",
        "rows.tsv",
    ]


@pytest.mark.parametrize("flags", [["--samples"], ["--kind", "synthetic"]])
def test_generated_samples_are_loaded_with_their_chain(
    project: Project, tmp_path: Path, flags: list[str]
) -> None:
    row = {
        "id": "a",
        "messages": [{"role": "assistant", "content": "4"}],
        "steps": [{"kind": "draft", "output": "4"}],
    }
    path = tmp_path / "runs.jsonl"
    path.write_text(json.dumps(row) + '\n{"messages": []}\n')
    said = io.StringIO()
    call_command("load", "levers", str(path), *flags, stdout=said)
    outcome = json.loads(said.getvalue())
    assert (outcome["samples"], outcome["duplicates"], outcome["rejected"], outcome["rows"]) == (1, 0, 1, 2)
    assert outcome["rejected_reasons"][0]["reason"].startswith("Row 2 of runs.jsonl: It has neither")
    assert Sample.objects.get().steps.count() == 1


def test_synthetic_documents_stay_documents(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "textbook.jsonl"
    path.write_text(json.dumps({"text": "A synthetic chapter on levers.", "title": "Levers"}) + "\n")
    said = io.StringIO()
    call_command("load", "levers", str(path), "--kind", "synthetic", stdout=said)
    assert json.loads(said.getvalue())["documents"] == 1
