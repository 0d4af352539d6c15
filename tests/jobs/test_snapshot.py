"""Writing snapshots: the same bytes however often a chunk runs, nothing half-written, nothing missing."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from django.utils import timezone

from curation.actions.snapshots import create_snapshot, folder_of
from curation.jobs import control, run
from curation.jobs.kind import Cancelled
from curation.jobs.kinds import snapshot as kind
from curation.models import (
    Chunk,
    Document,
    Job,
    Passage,
    Project,
    Sample,
    Score,
    Snapshot,
    Source,
)
from curation.recipe import chain
from tests import factories as make

pytestmark = pytest.mark.django_db


class Quiet:
    """A pulse that never stops the work; `after` rows it says that the job was cancelled."""

    def __init__(self, after: int | None = None) -> None:
        self.after = after

    def beat(self, done: int = 0) -> None:
        if self.after is not None and done >= self.after:
            raise Cancelled


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kind, "SHARD_ROWS", dict.fromkeys(kind.SHARD_ROWS, 3))
    monkeypatch.setattr(kind, "BEAT_ROWS", 1)


@pytest.fixture
def project() -> Project:
    """Seven passages that are seeds and have a sample each, all accepted."""
    project = make.a_project("levers")
    source = make.a_source(project, "Web", licence="CC-BY-4.0", address="https://example.org")
    factual = make.an_active_scorer(project, "factual", "passage")
    for number in range(7):
        document = make.a_kept_document(project, f"Lever {number}. Äquivalenz – 力学.", source=source)
        passage = make.a_kept_passage(project, f"Lever {number}.", document=document)
        Score.objects.create(scorer=factual, passage=passage, value=number / 2)
        seed = make.a_seed(project, passage=passage)
        make.decided(seed, "accept")
        sample = make.a_sample(project, seed=seed, passage=passage, source=source, model="phi-4")
        sample.steps.create(ordinal=0, kind="critique", output="ok", scores={"clarity": 4.5}, meta={"t": 1})
        sample.verdicts.create(ordinal=0, kind="judge", judge="j/1", outcome="passed", scores={"all": 3})
        make.decided(sample, "accept")
    return project


def exported(project: Project, what: str, form: str = "jsonl", **filters: Any) -> Snapshot:
    snapshot = create_snapshot(project, what, form, filters, None)
    assert snapshot.job is not None
    job = run.drain(snapshot.job)
    assert (job.state, job.reason) == ("done", "")
    snapshot.refresh_from_db()
    return snapshot


def contents(snapshot: Snapshot) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder_of(snapshot).iterdir())}


def rows_of(snapshot: Snapshot) -> list[dict[str, Any]]:
    files = contents(snapshot)
    lines = b"".join(files[file.name] for file in snapshot.files.all() if file.name != "rows.tsv")
    return [json.loads(line) for line in lines.splitlines()]


@pytest.mark.parametrize("what", kind.SHARD_ROWS)
def test_files_hold_what_was_frozen_and_the_manifest_says_so(project: Project, what: str) -> None:
    snapshot = exported(project, what)
    files = contents(snapshot)
    shards = [f"{what}-0000{number}-of-00003.jsonl" for number in range(3)]
    assert set(files) == {"manifest.json", "rows.tsv", *shards}
    manifest = json.loads(files["manifest.json"])
    assert manifest == snapshot.manifest
    assert manifest["rows"] == snapshot.rows == len(rows_of(snapshot)) == 7
    for entry in [*manifest["files"], manifest["rows_file"]]:
        assert hashlib.sha256(files[entry["name"]]).hexdigest() == entry["sha256"]
        assert len(files[entry["name"]]) == entry["bytes"]
    frozen = snapshot.frozen_rows.order_by("ordinal").values_list("subject_uuid", "content_sha256")
    header, *listed = files["rows.tsv"].decode().splitlines()
    assert header == "uuid\tsha256"
    assert listed == [f"{uuid}\t{sha256}" for uuid, sha256 in frozen]
    assert snapshot.state == Snapshot.State.READY


@pytest.mark.parametrize("what", ["documents", "passages", "seeds"])
def test_a_row_carries_its_text_its_hash_and_its_lineage(project: Project, what: str) -> None:
    source = Source.objects.get()
    rows = rows_of(exported(project, what))
    assert [row["text_sha256"] for row in rows] == [make.sha256(row["text"]) for row in rows]
    row = rows[0]
    assert (row["source"], row["source_name"], row["licence"]) == (str(source.uuid), "Web", "CC-BY-4.0")
    assert row["extractor"] == "text/1"
    if what == "documents":
        return
    passage = Passage.objects.get(uuid=row["uuid" if what == "passages" else "passage"])
    assert row["document_sha256"] == passage.document.sha256
    assert passage.document.extraction is not None
    assert row["text"] == passage.document.extraction.text[row["start"] : row["end"]]
    assert row["scores"] == [
        {"rubric": "factual", "scorer": "starter-1", "value": passage.scores.get().value}
    ]
    assert row["decisions"] == 1


def test_documents_come_in_the_order_of_their_hashes(project: Project) -> None:
    hashes = [row["sha256"] for row in rows_of(exported(project, "documents"))]
    assert hashes == sorted(hashes)


def test_an_exported_sample_is_read_as_the_sample_that_was_stored(project: Project) -> None:
    row = rows_of(exported(project, "samples"))[0]
    sample = Sample.objects.get(uuid=row["lineage"]["sample"])
    read = chain.parse(row)
    assert read.id == sample.external_id
    assert [{"role": said.role, "content": said.content} for said in read.messages] == sample.messages
    assert read.steps[0] == chain.ChainStep("critique", output="ok", scores={"clarity": 4.5}, meta={"t": 1})
    assert read.verdicts[0].scores == {"all": 3}
    assert read.licence == "CC-BY-4.0"
    lineage = row["lineage"]
    assert lineage["sha256"] == make.sha256(chain.rendered(read))
    assert sample.passage is not None
    assert lineage["document"] == str(sample.passage.document.uuid)
    assert lineage["seed"] == str(sample.seed.uuid)  # type: ignore[union-attr]


def test_an_edited_sample_is_written_as_edited(project: Project) -> None:
    sample = make.a_sample(project, source=Source.objects.get(), external_id="edited")
    make.decided(sample, "accept", text="Better.")
    row = next(row for row in rows_of(exported(project, "samples")) if row["id"] == "edited")
    assert row["messages"][-1]["content"] == "Better."
    assert row["lineage"]["edited"] is True
    assert row["lineage"]["original_sha256"] == sample.text_sha256
    assert row["lineage"]["sha256"] == make.sha256(chain.rendered(chain.parse(row)))


def test_parquet_holds_the_same_rows(project: Project) -> None:
    jsonl, parquet = exported(project, "seeds"), exported(project, "seeds", "parquet")
    table = pyarrow.parquet.read_table(
        [folder_of(parquet) / file.name for file in parquet.files.all() if file.name.endswith(".parquet")]
    )
    expected = [row | {"tags": json.dumps(row["tags"])} for row in rows_of(jsonl)]
    assert table.to_pylist() == expected


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_chunk_that_runs_again_writes_the_same_bytes(project: Project, form: str) -> None:
    snapshot = exported(project, "samples", form)
    before = contents(snapshot)
    assert snapshot.job is not None
    for chunk in snapshot.job.chunks.all():
        kind.save(snapshot.job, chunk, kind.process(snapshot.job, chunk, Quiet()))
    kind.finish(snapshot.job)
    assert contents(snapshot) == before
    assert snapshot.files.count() == 4


def test_what_happens_meanwhile_does_not_reach_a_frozen_snapshot(project: Project) -> None:
    untouched, snapshot = (create_snapshot(project, "passages", "jsonl", {}, None) for _ in range(2))
    assert untouched.job is not None
    assert snapshot.job is not None
    run.drain(untouched.job)
    source = Source.objects.get()
    source.name, source.licence, source.archived_at = "Renamed", "GPL-3.0", timezone.now()
    source.save()
    Passage.objects.update(left_out="low_scores")
    Document.objects.update(left_out="too_short", title="Renamed")
    reasoning = make.an_active_scorer(project, "reasoning", "passage")
    Score.objects.bulk_create(
        Score(scorer=reasoning, passage=passage, value=1) for passage in Passage.objects.all()
    )
    run.drain(snapshot.job)
    assert rows_of(snapshot) == rows_of(untouched)


def test_killed_between_shard_and_save_it_finishes_with_the_same_files(project: Project) -> None:
    whole = contents(exported(project, "passages"))
    snapshot = create_snapshot(project, "passages", "jsonl", {}, None)
    assert snapshot.job is not None
    run.plan(snapshot.job.pk)
    killed = run.claim(snapshot.job.pk)
    assert killed is not None
    kind.process(snapshot.job, killed, Quiet())  # …and the worker is gone before it saves
    Chunk.objects.filter(pk=killed.pk).update(expires_at=timezone.now() - timedelta(hours=1))
    assert run.drain(snapshot.job).state == "done"
    after = contents(snapshot)
    assert {name: after[name] for name in after if name != "manifest.json"} == {
        name: whole[name] for name in whole if name != "manifest.json"
    }
    assert snapshot.files.count() == 4


def test_a_cancelled_export_leaves_no_half_file_and_resumes(project: Project) -> None:
    snapshot = create_snapshot(project, "passages", "jsonl", {}, None)
    job = snapshot.job
    assert job is not None
    run.plan(job.pk)
    first = run.claim(job.pk)
    assert first is not None
    run.run_chunk(first)
    second = run.claim(job.pk)
    assert second is not None
    control.cancel(Job.objects.get(pk=job.pk))
    with pytest.raises(Cancelled):
        kind.process(job, second, Quiet(after=2))
    assert sorted(contents(snapshot)) == ["passages-00000-of-00003.jsonl"]
    run._release(second, Chunk.State.CANCELLED)
    control.resume(Job.objects.get(pk=job.pk))
    assert run.drain(job).state == "done"
    snapshot.refresh_from_db()
    assert len(rows_of(snapshot)) == 7


def test_rows_that_are_gone_fail_the_export_by_name(project: Project) -> None:
    snapshot = create_snapshot(project, "samples", "jsonl", {}, None)
    gone = Sample.objects.latest("id")
    gone.items.all()[0].slots.all().delete()
    snapshot.frozen_rows.filter(subject_id=gone.pk).update(subject_id=0)
    assert snapshot.job is not None
    job = run.drain(snapshot.job)
    assert job.state == "failed"
    assert "1 of the rows that were frozen are no longer in the project" in job.reason
    snapshot.refresh_from_db()
    assert snapshot.state == Snapshot.State.FROZEN
    assert not (folder_of(snapshot) / "manifest.json").exists()


def test_the_files_of_an_export_are_written_in_the_home_folder(project: Project) -> None:
    folder = folder_of(exported(project, "documents"))
    assert isinstance(folder, Path)
    assert folder.parent.name == "snapshots"
