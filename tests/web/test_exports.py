"""The export pages: what is shown is what is written, managers alone, hostile text harmless, files fetched whole."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from curation.actions.snapshots import create_snapshot, folder_of
from curation.jobs import run
from curation.models import Document, Project, Sample, Score, Snapshot
from tests import factories as make
from tests.web.browsing import HOSTILE, LIST_QUERIES, queries, seen_by, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    project = make.a_project("levers")
    source = make.a_source(project, "Web", licence="CC-BY-4.0")
    educational = make.an_active_scorer(project)
    for number in range(4):
        document = make.a_kept_document(project, f"Lever {number} is long.", source=source)
        Score.objects.create(scorer=educational, document=document, value=number + 1)
    make.a_kept_document(project, "short", left_out="too_short")
    return project


@pytest.fixture
def manager(project: Project) -> Client:
    return seen_by(project, "manager")


def address(project: Project, rest: str = "") -> str:
    return f"/projects/{project.slug}/exports/{rest}"


def written(project: Project, what: str = "documents", form: str = "jsonl") -> Snapshot:
    snapshot = create_snapshot(project, what, form, {}, None)
    assert snapshot.job is not None
    run.drain(snapshot.job)
    snapshot.refresh_from_db()
    return snapshot


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def test_the_page_shows_the_count_the_first_rows_the_reasons_and_the_licences(
    project: Project, manager: Client
) -> None:
    page = text_of(manager, address(project, "new?what=documents"))
    assert "Export 4 rows" in page
    assert "Lever" in page
    assert "Too short" in page
    assert "reason=too_short" in page
    assert "CC-BY-4.0" in page


def test_without_script_an_export_is_made_followed_and_fetched(project: Project, manager: Client) -> None:
    asked = {"what": "documents", "format": "jsonl", "min_educational": "2"}
    shown = manager.get(address(project, "new"), asked)
    assert shown.context["counts"].rows == 3
    assert "Filtered" in shown.content.decode()
    made = manager.post(address(project, "create"), asked | {"expected": "3"})
    snapshot = Snapshot.objects.get()
    assert made["Location"] == address(project, f"{snapshot.uuid}/")
    assert "Waiting for a worker" in text_of(manager, made["Location"])
    assert snapshot.job is not None
    run.drain(snapshot.job)
    page = text_of(manager, made["Location"])
    assert "Educational, at least: 2" in page
    file = snapshot.files.get(ordinal=0)
    response = manager.get(address(project, f"{snapshot.uuid}/files/{file.name}"))
    content = body(response)
    assert len(content.splitlines()) == shown.context["counts"].rows
    assert hashlib.sha256(content).hexdigest() == file.sha256
    assert response["Content-Disposition"] == f'attachment; filename="levers-{file.name}"'
    assert response["X-Content-Type-Options"] == "nosniff"
    manifest = json.loads(body(manager.get(address(project, f"{snapshot.uuid}/files/manifest.json"))))
    assert manifest["rows"] == 3


def test_everything_can_be_fetched_as_one_zip(project: Project, manager: Client) -> None:
    snapshot = written(project, form="parquet")
    response = manager.get(address(project, f"{snapshot.uuid}/all.zip"))
    archive = zipfile.ZipFile(io.BytesIO(body(response)))
    assert archive.testzip() is None
    names = [name.split("/")[1] for name in archive.namelist()]
    assert names == ["documents-00000-of-00001.parquet", "rows.tsv", "manifest.json"]
    assert response["Content-Disposition"].startswith('attachment; filename="levers-documents-')


def test_when_the_rows_have_changed_since_they_were_shown_it_says_so_and_makes_nothing(
    project: Project, manager: Client
) -> None:
    Document.objects.filter(left_out="").first().delete()  # type: ignore[union-attr]
    response = manager.post(
        address(project, "create"), {"what": "documents", "format": "jsonl", "expected": "4"}
    )
    assert response.status_code == 422
    assert "4 rows were shown, and 3 are approved now" in response.content.decode()
    assert "Export 3 rows" in response.content.decode()
    assert not Snapshot.objects.exists()


def test_nothing_to_export_is_said_with_the_way_out(project: Project, manager: Client) -> None:
    page = text_of(manager, address(project, "new?what=seeds"))
    assert "The project has no seeds yet" in page
    assert "exports/create" not in page
    response = manager.post(address(project, "create"), {"what": "seeds"})
    assert response.status_code == 422


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("min_educational=9", "scores go from 0 to 5"),
        ("since=yesterday", "write a date like"),
        ("kind=blog", "use web"),
    ],
)
def test_a_filter_that_cannot_be_read_is_refused_in_place(
    project: Project, manager: Client, asked: str, said: str
) -> None:
    response = manager.get(address(project, f"new?what=documents&{asked}"))
    assert response.status_code == 422
    assert said in response.content.decode()


def test_the_part_for_htmx_is_the_preview_alone(project: Project, manager: Client) -> None:
    part = text_of(manager, address(project, "new?what=documents"), **{"HX-Request": "true"})
    assert "<html" not in part
    assert 'id="preview"' in part


def test_progress_is_a_part_while_it_is_written_and_then_the_page(project: Project, manager: Client) -> None:
    snapshot = create_snapshot(project, "documents", "jsonl", {}, None)
    place = address(project, f"{snapshot.uuid}/progress")
    assert 'hx-trigger="every 2s"' in text_of(manager, place, **{"HX-Request": "true"})
    assert manager.get(place).status_code == 302
    assert snapshot.job is not None
    run.drain(snapshot.job)
    assert manager.get(place, headers={"HX-Request": "true"})["HX-Refresh"] == "true"


def test_files_are_there_once_all_are_written_and_not_before(project: Project, manager: Client) -> None:
    snapshot = create_snapshot(project, "documents", "jsonl", {}, None)
    assert manager.get(address(project, f"{snapshot.uuid}/files/manifest.json")).status_code == 404
    assert manager.get(address(project, f"{snapshot.uuid}/all.zip")).status_code == 302
    assert snapshot.job is not None
    run.drain(snapshot.job)
    for name in ("nothing.jsonl", "..%2f..%2fsecret-key", "%2e%2e"):
        assert manager.get(address(project, f"{snapshot.uuid}/files/{name}")).status_code == 404
    (folder_of(snapshot) / "rows.tsv").unlink()
    response = manager.get(address(project, f"{snapshot.uuid}/all.zip"), follow=True)
    assert "no longer on the disk" in response.content.decode()


@pytest.mark.parametrize(("role", "status"), [("annotator", 403), ("reviewer", 403), ("outsider", 404)])
def test_only_managers_export(project: Project, role: str, status: int) -> None:
    snapshot = written(project)
    client = seen_by(project, role)
    for rest in (
        "",
        "new",
        f"{snapshot.uuid}/",
        f"{snapshot.uuid}/all.zip",
        f"{snapshot.uuid}/files/manifest.json",
    ):
        assert client.get(address(project, rest)).status_code == status
    assert client.post(address(project, "create"), {"what": "documents"}).status_code == status


def test_an_export_is_not_found_under_another_project(project: Project) -> None:
    snapshot = written(project)
    other = make.a_project("other")
    manager = seen_by(other, "manager")
    for rest in (f"{snapshot.uuid}/", f"{snapshot.uuid}/all.zip", f"{snapshot.uuid}/files/manifest.json"):
        assert manager.get(address(other, rest)).status_code == 404


def test_hostile_text_is_text_on_every_page(project: Project, manager: Client) -> None:
    source = make.a_source(project, f"S{HOSTILE}", licence=HOSTILE[:80])
    sample = make.a_sample(
        project, HOSTILE, HOSTILE, source=source, workflow=HOSTILE[:60], model=HOSTILE[:120]
    )
    make.decided(sample, "accept")
    passage = make.a_kept_passage(
        project, HOSTILE, document=make.a_kept_document(project, HOSTILE, source=source)
    )
    scorer = make.an_active_scorer(project)
    Score.objects.create(scorer=scorer, document=passage.document, value=1)
    for what in ("documents", "passages", "samples"):
        assert "<script>alert" not in text_of(manager, address(project, f"new?what={what}"))
        snapshot = written(project, what)
        assert "<script>alert" not in text_of(manager, address(project, f"{snapshot.uuid}/"))
    assert "<script>alert" not in text_of(manager, address(project))


def test_what_was_withdrawn_since_is_said(project: Project, manager: Client) -> None:
    make.decided(make.a_sample(project), "accept")
    documents, samples = written(project), written(project, "samples")
    assert (documents.withdrawn_since(), samples.withdrawn_since()) == (0, 0)
    Document.objects.filter(pk=Document.objects.filter(left_out="").values("pk")[:1]).update(
        withdrawn_at=timezone.now()
    )
    Sample.objects.update(state="withdrawn")
    assert (documents.withdrawn_since(), samples.withdrawn_since()) == (1, 1)
    assert "1 of its rows was withdrawn since" in text_of(manager, address(project, f"{documents.uuid}/"))


def test_a_failed_export_says_why_and_can_be_resumed(project: Project, manager: Client) -> None:
    snapshot = create_snapshot(project, "documents", "jsonl", {}, None)
    snapshot.frozen_rows.filter(ordinal=0).update(extraction_id=0)
    assert snapshot.job is not None
    run.drain(snapshot.job)
    page = text_of(manager, address(project, f"{snapshot.uuid}/"))
    assert "no longer in the project" in page
    assert "Resume" in page
    assert "Failed" in text_of(manager, address(project))


def test_pages_ask_the_database_a_fixed_number_of_times(project: Project, manager: Client) -> None:
    first = written(project)
    once = queries(manager, address(project))
    for _ in range(3):
        written(project)
    assert queries(manager, address(project)) == once <= LIST_QUERIES
    assert queries(manager, address(project, f"{first.uuid}/")) <= LIST_QUERIES
