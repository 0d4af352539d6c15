"""Imports and extraction as jobs: run twice, killed in the middle, undone, imported again: the same rows, the same counts."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from curation.actions import imports
from curation.actions.imports import ImportRefused, report, undo_import, what_undoing_does
from curation.jobs import run
from curation.jobs.kind import Lost
from curation.jobs.kinds import extract, ingest
from curation.models import (
    Activity,
    Chunk,
    Decision,
    Document,
    Extraction,
    Import,
    Job,
    Occurrence,
    Project,
    RejectedRow,
    Snapshot,
    SnapshotRow,
    Source,
    StoredFile,
)
from curation.recipe.ingest.pool import Pool
from curation.recipe.ingest.walk import Watch
from tests import factories as make

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """What a kill looks like from inside: nothing catches it."""


@pytest.fixture
def project() -> Project:
    return make.a_project("water")


def bring(
    project: Project, *files: tuple[str, bytes], source: str = "Pages", mapping: Any = (), finish: bool = True
) -> Import:
    """Import files of these names and contents."""
    found = imports.find_or_create_source(project, source, None, licence="MIT")
    stored = [(name, imports.keep_file(io.BytesIO(content))) for name, content in files]
    batch = imports.draft_import(found, stored, None, mapping)
    job = imports.start_import(batch, None)
    if finish:
        run.drain(job)
    batch.refresh_from_db()
    return batch


def lines(*rows: Any) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def texts(count: int) -> bytes:
    return lines(
        *[{"text": f"Text number {number}.", "url": f"https://x.org/{number}"} for number in range(count)]
    )


def the_rows(project: Project) -> list[tuple[Any, ...]]:
    """Everything an import makes, by natural keys."""
    documents = project.documents.order_by("sha256").values_list(
        "sha256", "title", "address", "size", "stored_file__sha256", "member", "row", "offset", "length"
    )
    places = Occurrence.objects.filter(source__project=project).order_by("stored_file", "member", "row")
    rejected = RejectedRow.objects.filter(batch__project=project).order_by("file", "member", "row")
    return [
        *documents,
        *places.values_list(
            "document__sha256", "source__name", "stored_file__sha256", "member", "row", "licence"
        ),
        *rejected.values_list("file", "member", "row", "reason"),
    ]


# Importing


def test_rows_become_documents_and_occurrences_and_bad_rows_are_kept_with_their_place(
    project: Project,
) -> None:
    rows = [
        {"text": "a", "title": "A", "license": "CC0-1.0", "n": 1},
        {"title": "B"},
        {"text": "a"},
        {"text": "c"},
    ]
    batch = bring(project, ("pages.jsonl", lines(*rows)))
    assert batch.counts == {"documents": 2, "duplicates": 1, "rejected": 1, "rows": 4}
    first = project.documents.get(title="A")
    assert (first.row, first.offset, first.media_type, first.size) == (1, 0, "text/plain", 1)
    places = list(Occurrence.objects.order_by("row").values_list("row", "document", "licence", "meta"))
    assert [place[0] for place in places] == [1, 3, 4] and places[0][1] == places[1][1] == first.pk
    assert places[0][2:] == ("CC0-1.0", {"n": 1})
    rejected = batch.rejected_rows.get()
    assert (rejected.file, rejected.row) == ("pages.jsonl", 2)
    assert rejected.reason == "Row 2 of pages.jsonl has no `text`. Map another field, or leave it out."


def test_importing_the_same_thing_twice_changes_nothing(project: Project) -> None:
    content = texts(30) + b"broken\n"
    bring(project, ("a.jsonl", content))
    before = [row for row in the_rows(project) if len(row) != 4]
    again = bring(project, ("renamed.jsonl", content))
    assert again.counts == {"documents": 0, "duplicates": 30, "rejected": 1, "rows": 31}
    assert [row for row in the_rows(project) if len(row) != 4] == before
    assert StoredFile.objects.count() == 1


def test_how_far_a_file_was_read_is_asked_only_in_the_thread_that_reads_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    # From any other thread the file may just have been closed, and the whole chunk failed with it.
    asked = set()

    def position(watch: Watch) -> int:
        asked.add(threading.current_thread().name)
        return 0

    monkeypatch.setattr(Watch, "position", property(position))
    assert bring(project, ("a.jsonl", texts(3))).counts["documents"] == 3
    assert asked == {"read-ahead"}


def test_the_same_text_in_another_source_is_one_document_found_twice(project: Project) -> None:
    bring(project, ("a.jsonl", texts(3)))
    batch = bring(project, ("b.jsonl", texts(4)), source="Mirror")
    assert batch.counts == {"documents": 1, "duplicates": 3, "rejected": 0, "rows": 4}
    assert batch.occurrences.count() == 4 and project.documents.count() == 4


def test_two_projects_do_not_see_each_other(project: Project) -> None:
    bring(project, ("a.jsonl", texts(3)))
    other = make.a_project("fire")
    assert bring(other, ("a.jsonl", texts(3))).counts["documents"] == 3


def test_two_files_of_one_name_and_the_same_bytes_are_both_accounted_for(project: Project) -> None:
    batch = bring(project, ("a.txt", b"one"), ("a.txt", b"two"), ("b.txt", b"one"))
    assert batch.counts == {"documents": 2, "duplicates": 1, "rejected": 0, "rows": 3}
    assert list(batch.files.order_by("pk").values_list("name", flat=True)) == ["a.txt", "2/a.txt", "b.txt"]


def test_the_mapping_each_table_was_read_with_is_kept(project: Project) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("a.csv", "body,headline\nx,X\n")
        packed.writestr("b.jsonl", '{"content": "y"}\n')
    batch = bring(project, ("t.zip", archive.getvalue()))
    assert batch.files.get().mappings == {
        "a.csv": {"text": "body", "title": "headline"},
        "b.jsonl": {"text": "content"},
    }


def killed_after(monkeypatch: pytest.MonkeyPatch, commits: int) -> None:
    """The next import dies between two batches, after this many were committed."""
    real, done = ingest._commit, 0

    def commit(*args: Any) -> None:
        nonlocal done
        if done == commits:
            raise Killed
        done += 1
        real(*args)

    monkeypatch.setattr(ingest, "_commit", commit)


def run_until_killed(job: Job) -> Chunk:
    run.plan(job.pk)
    chunk = run.claim(job.pk)
    assert chunk is not None
    with pytest.raises(Killed):
        run.run_chunk(chunk)
    return chunk


@pytest.mark.parametrize("commits", [0, 1, 3])
def test_an_import_that_is_killed_and_run_again_gives_the_same_rows_and_counts(
    project: Project, monkeypatch: pytest.MonkeyPatch, commits: int
) -> None:
    monkeypatch.setattr(ingest, "BATCH", 7)
    content = texts(25) + b"{broken\n" + texts(30)
    undisturbed = make.a_project("undisturbed")
    expected = bring(undisturbed, ("a.jsonl", content))
    batch = bring(project, ("a.jsonl", content), finish=False)
    assert batch.job is not None
    with monkeypatch.context() as patched:
        killed_after(patched, commits)
        chunk = run_until_killed(batch.job)
    Chunk.objects.filter(pk=chunk.pk).update(state="waiting")
    run.drain(batch.job)
    batch.refresh_from_db()
    assert batch.counts == expected.counts == {"documents": 30, "duplicates": 25, "rejected": 1, "rows": 56}
    assert the_rows(project) == the_rows(undisturbed)


def test_an_import_killed_between_its_last_batch_and_save_counts_the_same(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = bring(project, ("a.jsonl", texts(9)), finish=False)
    assert batch.job is not None
    with monkeypatch.context() as patched:
        patched.setattr(run, "_save", lambda *args: (_ for _ in ()).throw(Killed()))
        chunk = run_until_killed(batch.job)
    assert project.documents.count() == 9
    Chunk.objects.filter(pk=chunk.pk).update(state="waiting")
    run.drain(batch.job)
    batch.refresh_from_db()
    assert batch.counts == {"documents": 9, "duplicates": 0, "rejected": 0, "rows": 9}


def test_a_worker_that_lost_its_chunk_commits_no_further_batch(project: Project) -> None:
    batch = bring(project, ("a.jsonl", texts(9)), finish=False)
    assert batch.job is not None
    run.plan(batch.job.pk)
    chunk = run.claim(batch.job.pk)
    assert chunk is not None
    Chunk.objects.filter(pk=chunk.pk).update(attempt=chunk.attempt + 1)
    with pytest.raises(Lost):
        ingest.process(batch.job, chunk, _Quiet())
    assert not Document.objects.exists()


class _Quiet:
    def beat(self, done: int = 0) -> None:
        pass


def test_an_import_that_was_undone_is_not_taken_up_again(project: Project) -> None:
    batch = bring(project, ("a.jsonl", texts(2)), finish=False)
    assert batch.job is not None
    run.plan(batch.job.pk)
    chunk = run.claim(batch.job.pk)
    assert chunk is not None
    Import.objects.update(undo_job=Job.objects.create(project=project, kind="undo_import", state="done"))
    with pytest.raises(ValueError, match="has been undone"):
        ingest.process(batch.job, chunk, _Quiet())


# Undoing


def test_undoing_takes_away_what_came_and_importing_again_brings_it_back(project: Project) -> None:
    batch = bring(project, ("a.jsonl", texts(12)))
    before = the_rows(project)
    job = run.drain(undo_import(batch, None))
    assert job.result == {"occurrences": 12, "deleted": 12, "withdrawn": 0, "snapshots": []}
    assert not Document.objects.exists() and not Occurrence.objects.exists()
    batch.refresh_from_db()
    assert batch.undone_at is not None and report(batch)["documents"] == 12
    again = bring(project, ("a.jsonl", texts(12)))
    assert again.counts["documents"] == 12 and the_rows(project) == before
    assert list(project.activity.order_by("pk").values_list("verb", flat=True)) == [
        *("added source", "imported", "undid an import", "imported")
    ]


def test_a_document_found_elsewhere_stays_and_points_there(project: Project) -> None:
    batch = bring(project, ("a.jsonl", lines({"text": "same"}, {"text": "other"})))
    kept = bring(project, ("b.csv", b"text\nfirst\nsame\n"), source="Mirror")
    assert what_undoing_does(batch).kept == 1 and what_undoing_does(batch).deleted == 1
    run.drain(undo_import(batch, None))
    document = project.documents.get(sha256=make.sha256("same"))
    assert (document.first_import, document.row, document.offset) == (kept, 3, None)
    run.drain(Job.objects.create(project=project, kind="extract"))
    document.refresh_from_db()
    assert document.extraction is not None and document.extraction.text == "same"


def a_decision_on(document: Document) -> None:
    passage = make.a_passage(document.project, document=document, text="Text")
    seed = make.a_seed(document.project, passage=passage)
    item = make.an_item(make.a_queue(document.project), seed)
    Decision.objects.create(
        item=item, user=make.a_user(), event="decide", verdict="accept", seen_sha256=passage.text_sha256
    )


def a_snapshot_of(document: Document) -> None:
    snapshot = Snapshot.objects.create(project=document.project, what="documents", format="jsonl")
    SnapshotRow.objects.create(
        snapshot=snapshot,
        ordinal=0,
        subject_id=document.pk,
        subject_uuid=document.uuid,
        content_sha256=document.sha256,
    )


def extracted(project: Project) -> None:
    assert run.drain(Job.objects.create(project=project, kind="extract")).state == "done"


@pytest.mark.parametrize("stand", [a_decision_on, a_snapshot_of])
def test_documents_that_work_stands_on_are_withdrawn_and_come_back_with_a_new_import(
    project: Project, stand: Callable[[Document], None]
) -> None:
    batch = bring(project, ("a.jsonl", texts(3)))
    extracted(project)
    document = project.documents.get(row=2)
    stand(document)
    would = what_undoing_does(batch)
    assert (would.deleted, would.withdrawn) == (2, 1)
    assert bool(would.snapshots) == (stand is a_snapshot_of)
    job = run.drain(undo_import(batch, None))
    assert (job.result["deleted"], job.result["withdrawn"]) == (2, 1)
    assert bool(job.result["snapshots"]) == (stand is a_snapshot_of)
    document.refresh_from_db()
    assert document.left_out == "withdrawn" and document.withdrawn_at is not None
    bring(project, ("a.jsonl", texts(3)))
    document.refresh_from_db()
    assert (document.left_out, document.withdrawn_at) == ("", None) and project.documents.count() == 3


def test_a_seed_that_nobody_has_judged_falls_with_its_document(project: Project) -> None:
    batch = bring(project, ("a.jsonl", texts(2)))
    extracted(project)
    document = project.documents.get(row=1)
    passage = make.a_passage(project, document=document, text="Text")
    make.an_item(make.a_queue(project), make.a_seed(project, passage=passage))
    run.drain(undo_import(batch, None))
    assert not project.documents.exists() and not project.seeds.exists()


def test_undoing_is_refused_while_the_import_runs_and_after_it_was_done(project: Project) -> None:
    batch = bring(project, ("a.jsonl", texts(2)), finish=False)
    with pytest.raises(ImportRefused, match="still runs"):
        undo_import(batch, None)
    assert batch.job is not None
    run.drain(batch.job)
    run.drain(undo_import(batch, None))
    with pytest.raises(ImportRefused, match="undone already"):
        undo_import(batch, None)


# Extraction


def test_every_document_gets_a_text_or_a_reason(project: Project) -> None:
    page = b"<html><head><title>Water</title></head><body><p>" + b"Water boils. " * 30 + b"</p></body></html>"
    bring(
        project,
        ("page.html", page),
        ("notes.md", b"# Notes\n\nSome words."),
        ("plain.txt", b"Plain words."),
        ("blank.html", b"<html><body><script>x</script></body></html>"),
        ("a.jsonl.gz", gzip.compress(texts(3))),
    )
    job = run.drain(Job.objects.create(project=project, kind="extract"))
    assert job.result == {"extracted": 6, "left_out": 1, "failed": 0}
    told = dict(project.documents.exclude(extraction=None).values_list("title", "extraction__extractor"))
    assert (
        told["Notes"] == "markdown/1" and told["plain.txt"] == "text/1" and told["Water"].startswith("html/2")
    )
    assert project.documents.get(left_out="empty").extraction is None
    one = project.documents.get(row=2)
    assert one.extraction is not None and one.extraction.text == "Text number 1." and one.characters == 14


def test_extracting_again_changes_nothing(project: Project) -> None:
    bring(project, ("a.jsonl", texts(4)))
    extracted(project)
    before = list(Extraction.objects.order_by("pk").values_list("pk", "text_sha256"))
    extracted(project)
    assert list(Extraction.objects.order_by("pk").values_list("pk", "text_sha256")) == before


def test_a_chunk_killed_in_the_middle_goes_on_with_the_rest(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "COMMITTED", 3)
    bring(project, ("a.jsonl", texts(10)))
    job = Job.objects.create(project=project, kind="extract")
    real, done = extract._commit, 0

    def commit(*args: Any) -> None:
        nonlocal done
        done += 1
        if done == 3:
            raise Killed
        real(*args)

    with monkeypatch.context() as patched:
        patched.setattr(extract, "_commit", commit)
        chunk = run_until_killed(job)
    assert Extraction.objects.count() == 6
    first = set(Extraction.objects.values_list("pk", flat=True))
    Chunk.objects.filter(pk=chunk.pk).update(state="waiting")
    run.drain(job)
    assert Extraction.objects.count() == 10 and first <= set(Extraction.objects.values_list("pk", flat=True))


def test_a_document_that_breaks_the_extractor_is_a_named_failure_and_the_others_go_on(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "hostile.py"
    script.write_text(
        "import os, sys\n"
        "from curation.recipe.ingest import child, extract\n"
        "def act(content, address):\n"
        "    if b'number 1.' in content: os._exit(3)\n"
        "    return {'text': content.decode()}\n"
        "extract.EXTRACTORS['text/plain'] = extract.Extractor('text', '1', act)\n"
        "child.main(int(sys.argv[1]), int(sys.argv[2]))\n"
    )
    bring(project, ("a.jsonl", texts(3)))
    with Pool(1, command=[str(script)]) as pool:
        monkeypatch.setattr(extract, "pool", lambda: pool)
        job = run.drain(Job.objects.create(project=project, kind="extract"))
    assert job.state == "done" and job.result == {"extracted": 2, "left_out": 0, "failed": 1}
    assert project.documents.get(row=2).left_out == "extraction_failed"
    mishap = job.mishaps.get()
    assert mishap.reason == "extraction_failed" and "status 3" in mishap.detail


def test_bytes_that_changed_or_went_are_named_and_nothing_is_made_of_them(project: Project) -> None:
    bring(project, ("a.jsonl", texts(2)), ("b.txt", b"whole"))
    path = Path(default_storage.path(StoredFile.objects.get(size=5).path))
    path.unlink()
    table = Path(default_storage.path(StoredFile.objects.exclude(size=5).get().path))
    table.chmod(0o600)
    table.write_bytes(table.read_bytes().replace(b"number 0", b"NUMBER 0"))
    job = run.drain(Job.objects.create(project=project, kind="extract"))
    assert job.result == {"extracted": 1, "left_out": 0, "failed": 2}
    details = set(job.mishaps.values_list("detail", flat=True))
    assert details == {
        "The stored file no longer holds this row.",
        "The stored file does not hold what was imported.",
    }


def test_a_title_and_address_from_the_table_outrank_the_page_s_own(project: Project) -> None:
    html = "<html><head><title>Own</title></head><body><p>" + "Words and words. " * 30 + "</p></body></html>"
    bring(project, ("a.jsonl", lines({"html": html, "title": "Given", "url": "https://given.org"})))
    extracted(project)
    document = project.documents.get()
    assert (document.title, document.address) == ("Given", "https://given.org")
    assert document.extraction is not None and document.extraction.title == "Own"


def test_large_files_are_cut_into_chunks_of_neighbours(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "DOCUMENTS", 4)
    bring(project, ("a.jsonl", texts(10)))
    job = Job.objects.create(project=project, kind="extract")
    pieces = [plan.inputs["documents"] for plan in extract.plan(job)]
    assert [len(piece) for piece in pieces] == [4, 4, 2]
    assert [key for piece in pieces for key in piece] == list(
        project.documents.order_by("row").values_list("pk", flat=True)
    )


# The command


def load(*args: str, **options: Any) -> dict[str, Any]:
    out = io.StringIO()
    call_command("load", *args, stdout=out, stderr=io.StringIO(), **options)
    return dict(json.loads(out.getvalue()))


def test_load_walks_folders_in_order_and_accounts_for_every_row(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.jsonl").write_bytes(texts(3) + b"oops\n")
    (tmp_path / "sub" / "a.txt").write_text("A text.")
    (tmp_path / "z.bin").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "link").symlink_to(tmp_path / "sub")
    found = load(
        "new-pages", str(tmp_path), "--create", "--kind", "book", "--licence", "CC0-1.0", "--source", "Shelf"
    )
    assert (found["documents"], found["duplicates"], found["rejected"], found["rows"]) == (4, 0, 3, 7)
    assert {(row["file"].rpartition("/")[2], row["row"]) for row in found["rejected_reasons"]} == {
        *(("b.jsonl", 4), ("z.bin", 0), ("link", 0))
    }
    source = Source.objects.get()
    assert (source.name, source.kind, source.licence) == ("Shelf", "book", "CC0-1.0")
    assert list(Import.objects.get().files.order_by("pk").values_list("name", flat=True)) == [
        *("b.jsonl", "z.bin", "sub/a.txt")
    ]
    again = load("new-pages", str(tmp_path), "--source", "Shelf")
    assert (again["documents"], again["duplicates"], again["rows"]) == (0, 4, 7)


def test_load_takes_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,other\nwrong,right\n")
    load("p", str(path), "--create", "--map", "text=other")
    assert Document.objects.get().sha256 == make.sha256("right")


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (b"", ["--create"], "all 1 rows were rejected"),
        (b"words", [], "There is no project"),
        (b"words", ["--create", "--map", "colour=x"], "not a field"),
    ],
)
def test_load_is_loud_when_nothing_comes_of_it(
    tmp_path: Path, content: bytes, options: list[str], words: str
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=words):
        load("nowhere", str(path), *options)


def test_load_says_so_when_there_is_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"nothing\.txt cannot be read: no such file"):
        load("p", str(tmp_path / "nothing.txt"), "--create")


def test_load_of_an_archive_with_hostile_members_keeps_the_good_ones(tmp_path: Path) -> None:
    path = tmp_path / "t.tar"
    with tarfile.open(path, "w") as archive:
        for name, content in (("good.txt", b"good"), ("../bad.txt", b"bad")):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    found = load("p", str(path), "--create")
    assert (found["documents"], found["rejected"]) == (1, 1)
    assert "climbs out of the archive" in found["rejected_reasons"][0]["reason"]


def test_what_was_imported_is_in_the_log(project: Project) -> None:
    bring(project, ("a.txt", b"words"))
    assert Activity.objects.get(verb="imported").details["files"] == ["a.txt"]


def test_small_files_share_a_chunk_and_large_ones_do_not(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "FILES_BYTES", 5_000)
    files = [(f"{number}.txt", f"Text number {number}.".encode()) for number in range(4)]
    batch = bring(project, *files, ("large.txt", b"word " * 2_000), ("last.txt", b"The last one."))
    assert batch.job is not None
    assert [len(chunk.inputs["files"]) for chunk in batch.job.chunks.all()] == [4, 1, 1]
    assert batch.counts == {"documents": 6, "duplicates": 0, "rejected": 0, "rows": 6}
