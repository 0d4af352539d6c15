"""Pages of sources: importing in the browser from upload to report, undoing, archiving, and who may."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from curation.jobs.run import drain
from curation.models import (
    Document,
    Import,
    Membership,
    Project,
    RejectedRow,
    Sample,
    Source,
    StoredFile,
    User,
)
from curation.web import sources
from tests import factories as make
from tests.recipe.ingest.test_fetch import serving

pytestmark = pytest.mark.django_db

BASE = "/projects/stars/sources/"
ROWS = "".join(
    json.dumps(row) + "\n" for row in [{"body": "Suns burn.", "headline": "Sun"}, {"headline": "Moon"}]
)


@pytest.fixture
def project() -> Project:
    return make.a_project("stars")


@pytest.fixture
def manager(project: Project, client: Client) -> User:
    user = make.a_member(project, "manager")
    client.force_login(user)
    return user


def a_file(name: str = "pages.jsonl", content: str = ROWS) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content.encode())


def upload(client: Client, *files: SimpleUploadedFile, **fields: Any) -> Any:
    return client.post(
        f"{BASE}import",
        {
            "files": list(files),
            "what": "documents",
            "source": "new",
            "name": "Pages",
            "kind": "web",
            "licence": "MIT",
            **fields,
        },
    )


def run(batch: Import) -> None:
    assert batch.job is not None
    drain(batch.job)
    batch.refresh_from_db()


def an_import(client: Client, *files: SimpleUploadedFile) -> Import:
    upload(client, *(files or [a_file()]))
    batch = Import.objects.latest("pk")
    client.post(f"{BASE}imports/{batch.uuid}/start")
    batch.refresh_from_db()
    run(batch)
    return batch


def test_files_are_uploaded_previewed_started_and_reported(client: Client, manager: User) -> None:
    assert client.get(BASE).status_code == 200
    assert b"Up to 4.3 GB at a time" in client.get(f"{BASE}import").content
    response = upload(client, a_file())
    batch = Import.objects.get()
    assert response["Location"] == f"{BASE}imports/{batch.uuid}/preview"
    assert (batch.job, batch.source.licence, Document.objects.count()) == (None, "MIT", 0)

    shown = client.get(response["Location"])
    assert shown.context["shown"].mapping == {"text": "body", "title": "headline"}
    assert "Row 2 of pages.jsonl has no `body`" in shown.content.decode()

    sent = {"column": ["body", "headline"], "role": ["text", "title"]}
    assert (
        client.post(f"{BASE}imports/{batch.uuid}/start", sent)["Location"] == f"{BASE}imports/{batch.uuid}/"
    )
    batch.refresh_from_db()
    assert batch.mapping == {"text": "body", "title": "headline"}
    assert b"Importing" in client.get(f"{BASE}imports/{batch.uuid}/").content
    run(batch)

    page = client.get(f"{BASE}imports/{batch.uuid}/").content.decode()
    assert "Row 2 of pages.jsonl has no `body`. Map another field, or leave it out." in page
    assert batch.counts == {"documents": 1, "duplicates": 0, "rejected": 1, "rows": 2}
    assert client.get(f"{BASE}{batch.source.uuid}/").context["documents"] == 1


def test_the_mapping_chosen_in_the_preview_shows_at_once(client: Client, manager: User) -> None:
    upload(client, a_file())
    batch = Import.objects.get()
    address = f"{BASE}imports/{batch.uuid}/preview?column=body&role=&column=headline&role=text"
    shown = client.get(address, headers={"HX-Request": "true"})
    assert next(template.name for template in shown.templates) == "sources/_preview.html"
    assert [row.text for row in shown.context["shown"].rows] == ["Sun", "Moon"]
    twice = f"{BASE}imports/{batch.uuid}/preview?column=body&role=text&column=headline&role=text"
    refused = client.get(twice)
    assert refused.status_code == 422 and b"Two columns are mapped to text" in refused.content


def test_htmx_is_led_to_the_preview_by_a_header(client: Client, manager: User) -> None:
    response = client.post(
        f"{BASE}import",
        {"files": a_file(), "what": "documents", "source": "new", "name": "A"},
        headers={"HX-Request": "true"},
    )
    assert response["HX-Redirect"].endswith("/preview")


def test_progress_is_a_part_while_it_runs_and_asks_for_the_page_when_it_ends(
    client: Client, manager: User
) -> None:
    upload(client, a_file())
    batch = Import.objects.get()
    client.post(f"{BASE}imports/{batch.uuid}/start")
    address = f"{BASE}imports/{batch.uuid}/progress"
    assert client.get(address).status_code == 302
    moving = client.get(address, headers={"HX-Request": "true"})
    assert b'hx-trigger="every 2s"' in moving.content
    batch.refresh_from_db()
    run(batch)
    assert client.get(address, headers={"HX-Request": "true"})["HX-Refresh"] == "true"


def test_an_upload_that_was_not_started_is_listed_and_can_be_discarded_with_its_file(
    client: Client, manager: User
) -> None:
    upload(client, a_file())
    batch, stored = Import.objects.get(), StoredFile.objects.get()
    assert "Uploaded, not started" in client.get(BASE).content.decode()
    client.post(f"{BASE}imports/{batch.uuid}/discard")
    assert not Import.objects.exists() and not StoredFile.objects.exists()
    assert Source.objects.exists()
    assert stored.path.startswith("stored/")


def test_discarding_keeps_bytes_that_another_import_stands_on(client: Client, manager: User) -> None:
    an_import(client)
    upload(client, a_file(), name="Again")
    waiting = Import.objects.get(job=None)
    client.post(f"{BASE}imports/{waiting.uuid}/discard")
    assert default_storage.exists(StoredFile.objects.get().path)


def test_a_started_import_is_started_once_and_not_discarded(client: Client, manager: User) -> None:
    batch = an_import(client)
    for action in ("start", "discard"):
        client.post(f"{BASE}imports/{batch.uuid}/{action}")
    assert Import.objects.filter(pk=batch.pk).exists() and Project.objects.get().jobs.count() == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": ""}, "name a new one"),
        ({"kind": "gossip"}, "valid choice"),
        ({"files": []}, "at least one file"),
    ],
)
def test_an_upload_that_is_refused_says_why(client: Client, manager: User, fields: Any, words: str) -> None:
    response = upload(client, a_file(), **fields)
    assert response.status_code == 422 and words in response.content.decode()
    assert not Import.objects.exists()


def test_an_upload_beyond_the_limit_is_refused_before_it_is_read(
    client: Client, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "UPLOAD_LIMIT", 100)
    response = upload(client, a_file(content="x" * 1000))
    assert response.status_code == 422 and b"one upload takes 100 bytes" in response.content
    assert not StoredFile.objects.exists()


def test_uploads_are_protected_against_forgery(project: Project) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make.a_member(project, "manager"))
    assert upload(strict, a_file()).status_code == 403
    assert not Import.objects.exists()


def test_an_archived_or_withdrawn_source_takes_no_import(
    client: Client, manager: User, project: Project
) -> None:
    make.a_source(project, "Pages", archived_at="2026-01-01T00:00:00Z")
    response = upload(client, a_file())
    assert response.status_code == 422 and b"is archived. Restore it" in response.content


def test_undoing_says_with_counts_what_would_happen_and_then_does_it(client: Client, manager: User) -> None:
    batch = an_import(client)
    said = client.get(f"{BASE}imports/{batch.uuid}/undo")
    assert (said.context["would"].occurrences, said.context["would"].deleted) == (1, 1)
    client.post(f"{BASE}imports/{batch.uuid}/undo")
    batch.refresh_from_db()
    assert batch.undo_job is not None
    drain(batch.undo_job)
    assert not Document.objects.exists()
    page = client.get(f"{BASE}imports/{batch.uuid}/").content.decode()
    assert "1 documents deleted" in page and "Undo import" not in page
    assert client.get(f"{BASE}imports/{batch.uuid}/undo").status_code == 302


def test_samples_are_previewed_imported_and_taken_back(client: Client, manager: User) -> None:
    good = {
        "id": "a",
        "messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}],
    }
    bad = {"messages": [{"role": "bot", "content": "hi"}]}
    content = "".join(json.dumps(row) + "\n" for row in (good, bad))
    upload(client, a_file("runs.jsonl", content), what="samples", kind="synthetic")
    batch = Import.objects.get()
    preview = client.get(f"{BASE}imports/{batch.uuid}/preview").content.decode()
    assert "Why? Because." in preview
    assert "`messages[0].role` is &quot;bot&quot;; use system, user, assistant or tool." in preview
    client.post(f"{BASE}imports/{batch.uuid}/start")
    batch.refresh_from_db()
    run(batch)
    page = client.get(f"{BASE}imports/{batch.uuid}/").content.decode()
    assert "new sample" in page
    assert "Row 2 of runs.jsonl" in page
    make.decided(Sample.objects.get(), "accept")
    undo = client.get(f"{BASE}imports/{batch.uuid}/undo").content.decode()
    assert "Samples withdrawn" in undo
    client.post(f"{BASE}imports/{batch.uuid}/undo")
    batch.refresh_from_db()
    assert batch.undo_job is not None
    drain(batch.undo_job)
    assert Sample.objects.get().state == "withdrawn"


def test_rejected_rows_are_downloaded_with_harmless_cells(client: Client, manager: User) -> None:
    batch = an_import(client)
    RejectedRow.objects.create(batch=batch, file="=cmd|' /C calc'!A0", row=9, reason="+1", excerpt="@SUM(A1)")
    response = client.get(f"{BASE}imports/{batch.uuid}/rejected.csv")
    rows = list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode())))  # type: ignore[attr-defined]
    assert rows[0] == ["file", "member", "row", "reason", "excerpt"]
    assert rows[-1] == ["'=cmd|' /C calc'!A0", "", "9", "'+1", "'@SUM(A1)"]


def test_rejected_rows_are_paged(client: Client, manager: User) -> None:
    batch = an_import(client, a_file(content='{"text": "a"}\n' + '{"no": 1}\n' * 120))
    first = client.get(f"{BASE}imports/{batch.uuid}/")
    assert len(first.context["rejected"]) == 50
    second = client.get(f"{BASE}imports/{batch.uuid}/?after={first.context['rejected'].older}")
    assert next(row.row for row in second.context["rejected"]) == 52


def test_a_source_is_changed_archived_and_restored(client: Client, manager: User, project: Project) -> None:
    source = make.a_source(project, "Old name")
    make.a_source(project, "Taken")
    address = f"{BASE}{source.uuid}/"
    sent = {"name": "New name", "kind": "book", "licence": "MIT", "address": "https://example.org/books"}
    assert client.post(f"{address}edit", sent).status_code == 302
    assert client.post(f"{address}edit", {**sent, "name": "Taken"}).status_code == 422
    assert client.post(f"{address}edit", {**sent, "address": "javascript:alert(1)"}).status_code == 422
    client.post(f"{address}archive")
    client.post(f"{address}archive")
    source.refresh_from_db()
    assert (source.name, source.kind) == ("New name", "book") and source.archived_at is not None
    assert "New name" in client.get(f"{BASE}?show=archived").content.decode()
    client.post(f"{address}restore")
    source.refresh_from_db()
    assert source.archived_at is None
    verbs = list(project.activity.order_by("pk").values_list("verb", flat=True))
    assert verbs == ["changed source", "archived source", "restored source"]


def test_a_source_shows_its_types_languages_licences_and_reasons(
    client: Client, manager: User, project: Project
) -> None:
    source = make.a_source(project, "Mixed", licence="MIT")
    make.a_document(project, "one", source=source)
    make.a_document(project, "two", source=source, left_out="too_short")
    page = client.get(f"{BASE}{source.uuid}/")
    assert page.context["types"] == [("Text", 2)] and page.context["licences"] == [("MIT", 2)]
    assert page.context["reasons"] == [("too_short", 1)] and "Too short" in page.content.decode()


@pytest.mark.parametrize("address", [BASE, f"{BASE}import"])
def test_pages_ask_few_questions_of_the_database(
    client: Client, manager: User, project: Project, address: str, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        make.a_document(project, f"text {number}", source=make.a_source(project))
    with django_assert_max_num_queries(12):
        assert client.get(address).status_code == 200


def test_the_pages_of_one_source_and_one_import_ask_few_questions(
    client: Client, manager: User, django_assert_max_num_queries: Any
) -> None:
    for _ in range(4):
        batch = an_import(client)
    for address in (f"{BASE}{batch.source.uuid}/", f"{BASE}imports/{batch.uuid}/"):
        with django_assert_max_num_queries(12):
            assert client.get(address).status_code == 200


@pytest.mark.parametrize("role", ["annotator", "reviewer"])
def test_only_managers_import_and_everybody_sees_sources(client: Client, project: Project, role: str) -> None:
    manager = make.a_member(project, "manager")
    client.force_login(manager)
    batch = an_import(client)
    user = make.a_user()
    Membership.objects.create(project=project, user=user, role=role)
    client.force_login(user)
    for seen in ("", f"{batch.source.uuid}/", f"imports/{batch.uuid}/"):
        page = client.get(f"{BASE}{seen}")
        assert (
            page.status_code == 200
            and b"Import files" not in page.content
            and b"Undo import" not in page.content
        )
    for kept in (
        "import",
        f"imports/{batch.uuid}/preview",
        f"imports/{batch.uuid}/undo",
        f"{batch.source.uuid}/edit",
    ):
        assert client.get(f"{BASE}{kept}").status_code == 403
    for kept in (
        "import",
        f"imports/{batch.uuid}/start",
        f"imports/{batch.uuid}/discard",
        f"imports/{batch.uuid}/undo",
    ):
        assert client.post(f"{BASE}{kept}", {"files": a_file()}).status_code == 403
    client.force_login(make.a_user())
    assert client.get(f"{BASE}imports/{batch.uuid}/").status_code == 404


def test_an_import_of_another_project_is_not_found(client: Client, manager: User) -> None:
    elsewhere = make.an_import(make.a_source(make.a_project("other")))
    for action in ("", "preview", "undo", "rejected.csv", "progress"):
        assert client.get(f"{BASE}imports/{elsewhere.uuid}/{action}").status_code == 404
    assert client.get(f"{BASE}{elsewhere.source.uuid}/").status_code == 404


def test_names_from_files_are_escaped(client: Client, manager: User) -> None:
    batch = an_import(
        client, a_file("<script>alert(1)</script>.jsonl", '{"no": "<img src=x onerror=alert(1)>"}\n')
    )
    page = client.get(f"{BASE}imports/{batch.uuid}/").content
    assert b"<script>alert" not in page and b"<img src=x" not in page


# Addresses


def test_an_address_is_fetched_previewed_and_imported_with_where_it_came_from(
    manager: User, project: Project, client: Client, settings: Any
) -> None:
    settings.IMPORT_PRIVATE_HOSTS = ["127.0.0.1"]
    page = "<!doctype html><html><body><p>Вода кипит.</p></body></html>".encode("cp1251")
    with serving({"/water": (200, {"Content-Type": "text/html; charset=windows-1251"}, page)}) as (base, _):
        response = upload(client, addresses=f"{base}/water")
    batch = Import.objects.get()
    assert response["Location"].endswith(f"/imports/{batch.uuid}/preview")
    client.post(f"{BASE}imports/{batch.uuid}/start")
    batch.refresh_from_db()
    run(batch)
    document = Document.objects.get()
    assert (document.address, document.media_type) == (f"{base}/water", "text/html;charset=cp1251")


def test_a_private_address_is_refused_with_what_a_site_admin_can_do(
    manager: User, project: Project, client: Client
) -> None:
    with serving({"/": (200, {}, b"secret")}) as (base, seen):
        response = upload(client, addresses=base)
    assert response.status_code == 422 and not seen and not Import.objects.exists()
    assert "which is not on the open internet" in response.content.decode()
