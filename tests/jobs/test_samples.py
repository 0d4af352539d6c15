"""Samples as jobs: read with their chain, refused by row, tied to their passages, undone; run twice, the same rows."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from typing import Any

import pytest
from django.utils import timezone

from curation.actions import imports
from curation.actions.samples import unlinked
from curation.actions.snapshots import create_snapshot, folder_of
from curation.jobs import run
from curation.jobs.kinds import samples as kind
from curation.models import (
    Chunk,
    Import,
    Item,
    Job,
    Occurrence,
    Project,
    RejectedRow,
    Sample,
    SampleStep,
    Seed,
    Slot,
    Verdict,
)
from curation.recipe import chain
from tests import factories as make

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """What a kill looks like from inside: nothing catches it."""


@pytest.fixture
def project() -> Project:
    return make.a_project("levers")


def a_row(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"lever-{number}",
        "messages": [
            {"role": "user", "content": f"How long is lever {number}?"},
            {"role": "assistant", "content": f"{number} metres."},
        ],
        "model": "phi-4",
        "language": "en",
        "steps": [
            {"kind": "draft", "output": "short", "temperature": 0.7},
            {"kind": "critique", "output": "too short", "scores": {"clarity": 2}},
        ],
        "verdicts": [{"kind": "judge", "judge": "j/1", "outcome": "passed", "scores": {"all": 4}}],
        **fields,
    }


def lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def drafted(project: Project, *files: tuple[str, bytes], source: str = "Runs") -> Import:
    found = imports.find_or_create_source(project, source, None, kind="synthetic", licence="MIT")
    stored = [(name, imports.keep_file(io.BytesIO(content))) for name, content in files]
    return imports.draft_import(found, stored, None, what=Import.What.SAMPLES)


def bring(project: Project, *files: tuple[str, bytes], source: str = "Runs") -> Import:
    batch = drafted(project, *files, source=source)
    job = run.drain(imports.start_import(batch, None))
    assert (job.state, job.reason) == ("done", "")
    batch.refresh_from_db()
    return batch


def everything() -> dict[str, Any]:
    """All that an import leaves, by natural keys."""
    return {
        "samples": list(Sample.objects.order_by("external_id").values_list("external_id", "text", "state")),
        "steps": list(
            SampleStep.objects.order_by("sample__external_id", "ordinal").values_list("kind", "output")
        ),
        "verdicts": list(Verdict.objects.values_list("judge", "outcome")),
        "refused": list(RejectedRow.objects.order_by("file", "row").values_list("file", "row", "reason")),
    }


def test_a_sample_comes_in_with_its_whole_chain(project: Project) -> None:
    batch = bring(
        project, ("runs.jsonl", lines(a_row(1, topics=["levers"], extra={"a": 1}, seed={"text": "q"})))
    )
    sample = Sample.objects.get()
    assert (sample.external_id, sample.model, sample.topics) == ("lever-1", "phi-4", ["levers"])
    assert sample.text == "How long is lever 1?\n\n1 metres."
    assert sample.title == "How long is lever 1?"
    assert sample.text_sha256 == make.sha256(sample.text)
    assert sample.meta == {"extra": {"a": 1}}
    assert sample.seed_reference == {"text": "q"}
    assert [(step.kind, step.meta) for step in sample.steps.all()] == [
        ("draft", {"temperature": 0.7}),
        ("critique", {}),
    ]
    assert sample.verdicts.get().scores == {"all": 4}
    assert batch.counts == {"documents": 1, "duplicates": 0, "rejected": 0, "rows": 1}


def test_bad_rows_are_listed_by_name_and_good_ones_stay(project: Project) -> None:
    bad = a_row(2, messages=[{"role": "bot", "content": "hi"}])
    content = lines(a_row(1), bad) + b"{broken\n\n" + lines(a_row(3), ["a list"])
    batch = bring(project, ("runs.jsonl", content))
    assert batch.counts == {"documents": 2, "duplicates": 0, "rejected": 3, "rows": 5}
    reasons = list(batch.rejected_rows.order_by("row").values_list("row", "reason"))
    assert reasons[0] == (
        2,
        'Row 2 of runs.jsonl: `messages[0].role` is "bot"; use system, user, assistant or tool.',
    )
    assert [row for row, _ in reasons] == [2, 3, 6]


def test_files_may_be_packed(project: Project) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("a/one.jsonl", lines(a_row(1)))
        packed.writestr("a/notes.txt", "not samples")
        packed.writestr("two.jsonl.gz", gzip.compress(lines(a_row(2), {"text": ""})))
    batch = bring(project, ("all.zip", archive.getvalue()), ("three.json", json.dumps([a_row(3)]).encode()))
    assert batch.counts["documents"] == 3
    reasons = dict(batch.rejected_rows.values_list("member", "reason"))
    assert "not JSON Lines" in reasons["a/notes.txt"]
    assert reasons["two.jsonl.gz"].startswith("Row 2 of all.zip › two.jsonl.gz: It has neither")


def test_importing_twice_changes_nothing(project: Project) -> None:
    content = lines(a_row(1), a_row(2), {"text": "No id."}, {"text": "No id."})
    first = bring(project, ("runs.jsonl", content))
    before = everything()
    second = bring(project, ("again.jsonl", content))
    assert first.counts == {"documents": 3, "duplicates": 1, "rejected": 0, "rows": 4}
    assert second.counts == {"documents": 0, "duplicates": 4, "rejected": 0, "rows": 4}
    assert everything() == before


def test_a_name_that_is_taken_by_other_content_is_refused(project: Project) -> None:
    bring(project, ("runs.jsonl", lines(a_row(1))))
    changed = a_row(1, messages=[{"role": "assistant", "content": "Two metres."}])
    batch = bring(project, ("new.jsonl", lines(changed, a_row(2), a_row(2, text="x", messages=None))))
    assert Sample.objects.get(external_id="lever-1").text.endswith("1 metres.")
    reasons = [row.reason for row in batch.rejected_rows.order_by("row")]
    assert reasons[0].startswith("Row 1 of new.jsonl: a sample named `lever-1` is in this source already")
    assert reasons[1].startswith("Row 3 of new.jsonl")
    assert bring(project, ("new.jsonl", lines(changed)), source="Other runs").counts["documents"] == 1


def test_killed_in_the_middle_it_ends_with_the_same_rows(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kind, "BATCH", 2)
    content = lines(a_row(1), a_row(2), {"text": 5}, a_row(3), a_row(1), a_row(4))
    other = make.a_project("undisturbed")
    bring(other, ("runs.jsonl", content))
    expected = everything()
    Sample.objects.all().delete()
    RejectedRow.objects.all().delete()

    job = imports.start_import(drafted(project, ("runs.jsonl", content)), None)
    run.plan(job.pk)
    chunk = run.claim(job.pk)
    assert chunk is not None

    class DyingPulse:
        def beat(self, done: int = 0) -> None:
            if Sample.objects.count() >= 2:
                raise Killed

    with pytest.raises(Killed):
        kind.process(job, chunk, DyingPulse())
    Chunk.objects.filter(pk=chunk.pk).update(state=Chunk.State.WAITING)
    assert run.drain(job).state == "done"
    assert everything() == expected
    assert Import.objects.get(job=job).counts == {"documents": 4, "duplicates": 1, "rejected": 1, "rows": 6}


def test_what_an_export_wrote_comes_back_equal(project: Project) -> None:
    seed = {"address": "https://example.org/a", "quote": "arms", "page": 3}
    rows = [a_row(1, seed=seed, difficulty=3, topics=["a", "b"]), {"text": "Alone.", "license": "CC0-1.0"}]
    bring(project, ("runs.jsonl", lines(*rows)))
    first = _exported(project)
    other = make.a_project("second")
    bring(other, ("back.jsonl", lines(*first)))
    second = _exported(other)
    assert [row | {"lineage": None} for row in second] == [row | {"lineage": None} for row in first]
    assert [row["lineage"]["before"] for row in second] == [row["lineage"] for row in first]
    assert [row["lineage"]["sha256"] for row in second] == [row["lineage"]["sha256"] for row in first]


def _exported(project: Project) -> list[dict[str, Any]]:
    for sample in project.samples.order_by("pk"):
        make.decided(sample, "accept")
    snapshot = create_snapshot(project, "samples", "jsonl", {}, None)
    assert snapshot.job is not None
    run.drain(snapshot.job)
    content = (folder_of(snapshot) / "samples-00000-of-00001.jsonl").read_bytes()
    return sorted((json.loads(line) for line in content.splitlines()), key=lambda row: str(row["id"]))


def test_the_limits_of_the_schema_are_those_of_the_columns() -> None:
    columns = {"id": "external_id", "topics": None, "license": "licence", "address": None}
    for name, limit in chain.LIMITS.items():
        field = columns.get(name, name)
        for model in (Sample, SampleStep, Verdict):
            if field and field in {column.name for column in model._meta.get_fields()}:
                assert model._meta.get_field(field).max_length >= limit  # type: ignore[union-attr]


# Ties


def test_a_seed_is_found_at_its_address_by_its_quote(project: Project) -> None:
    text = "Levers turn a small force\ninto a “large” one."
    document = make.a_kept_document(project, text)
    Occurrence.objects.filter(document=document).update(address="https://example.org/levers")
    make.a_passage(project, "Something else.", document=document)
    passage = make.a_passage(project, text, document=document)
    seed = make.a_seed(project, passage=passage)
    quote = 'a small force into a "large" one'
    rows = [
        a_row(1, seed={"address": "https://example.org/levers", "quote": quote}),
        a_row(2, seed={"quote": text}),
        a_row(3, seed={"address": "https://elsewhere.org/", "quote": "a quote of nothing here at all"}),
        a_row(4, seed={"address": "https://example.org/levers"}),
        a_row(5),
    ]
    bring(project, ("runs.jsonl", lines(*rows)))
    ties = dict(Sample.objects.values_list("external_id", "passage"))
    assert ties == {
        "lever-1": passage.pk,
        "lever-2": passage.pk,
        "lever-3": None,
        "lever-4": None,
        "lever-5": None,
    }
    assert Sample.objects.get(external_id="lever-1").seed == seed
    assert set(unlinked(project).values_list("external_id", flat=True)) == {"lever-3", "lever-4"}


def test_a_question_is_found_by_its_words(project: Project) -> None:
    question = Seed.objects.create(project=project, text="Why?", text_sha256=make.sha256("Why?"))
    bring(project, ("runs.jsonl", lines(a_row(1, seed={"text": "Why?"}))))
    sample = Sample.objects.get()
    assert (sample.seed, sample.passage) == (question, None)


def test_samples_that_came_before_their_documents_are_tied_later(project: Project) -> None:
    bring(project, ("runs.jsonl", lines(a_row(1, seed={"quote": "Ice floats."}), a_row(2))))
    passage = make.a_kept_passage(project, "Ice floats.")
    job = Job.objects.create(project=project, kind="link")
    assert run.drain(job).result == {"not_found": 0}
    sample = Sample.objects.get(external_id="lever-1")
    assert (sample.passage, sample.seed) == (passage, None)
    seed = make.a_seed(project, passage=passage)
    run.drain(Job.objects.create(project=project, kind="link"))
    sample.refresh_from_db()
    assert sample.seed == seed


def test_no_tie_leads_into_another_project(project: Project) -> None:
    make.a_kept_passage(make.a_project("other"), "Ice floats.")
    bring(project, ("runs.jsonl", lines(a_row(1, seed={"quote": "Ice floats."}))))
    assert Sample.objects.get().passage is None


# Undoing


def test_undoing_deletes_what_nobody_touched_and_withdraws_the_rest(project: Project) -> None:
    batch = bring(project, ("runs.jsonl", lines(a_row(1), a_row(2), a_row(3))))
    decided, half = Sample.objects.order_by("external_id")[:2]
    make.decided(decided, "accept")
    make.decided(half, "accept", wanted=2)
    make.an_item(make.a_queue(project, "samples"), Sample.objects.get(external_id="lever-3"))
    would = imports.what_undoing_does(batch)
    assert (would.deleted, would.withdrawn, would.kept) == (1, 2, 0)
    job = run.drain(imports.undo_import(batch, None))
    assert job.result == {"occurrences": 3, "deleted": 1, "withdrawn": 2, "snapshots": []}
    assert dict(Sample.objects.values_list("external_id", "state")) == {
        "lever-1": "withdrawn",
        "lever-2": "withdrawn",
    }
    assert not Slot.objects.filter(state="open").exists()
    assert set(Item.objects.values_list("state", flat=True)) == {"accepted", "closed"}
    batch.refresh_from_db()
    assert batch.undone_at is not None


def test_what_was_undone_comes_back_as_it_stood(project: Project) -> None:
    content = lines(a_row(1), a_row(2))
    batch = bring(project, ("runs.jsonl", content))
    make.decided(Sample.objects.get(external_id="lever-1"), "accept")
    make.decided(Sample.objects.get(external_id="lever-2"), "accept", wanted=2)
    run.drain(imports.undo_import(batch, None))
    again = bring(project, ("runs.jsonl", content))
    assert dict(Sample.objects.values_list("external_id", "state")) == {
        "lever-1": "approved",
        "lever-2": "candidate",
    }
    assert again.counts == {"documents": 2, "duplicates": 0, "rejected": 0, "rows": 2}
    assert Slot.objects.filter(state="open").count() == 1


def test_a_snapshot_keeps_its_samples(project: Project) -> None:
    batch = bring(project, ("runs.jsonl", lines(a_row(1))))
    make.decided(Sample.objects.get(), "accept")
    snapshot = create_snapshot(project, "samples", "jsonl", {}, None)
    assert imports.what_undoing_does(batch).snapshots == (str(snapshot),)
    job = run.drain(imports.undo_import(batch, None))
    assert job.result["snapshots"] == [str(snapshot.uuid)]
    assert snapshot.job is not None
    assert run.drain(snapshot.job).state == "done"


def test_an_import_that_was_undone_cannot_be_resumed_into_life(project: Project) -> None:
    batch = bring(project, ("runs.jsonl", lines(a_row(1))))
    run.drain(imports.undo_import(batch, None))
    chunk = batch.job.chunks.get()  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="has been undone"):
        kind.process(batch.job, chunk, None)  # type: ignore[arg-type]
    assert timezone.now() >= Import.objects.get(pk=batch.pk).undone_at  # type: ignore[operator]
