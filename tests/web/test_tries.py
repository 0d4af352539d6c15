"""Trying an extraction, and the sides of a document: raw, extracted and cut, every foreign text escaped, nothing stored."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from curation.actions import imports
from curation.jobs.run import drain
from curation.models import Document, Extraction, Job, Project, StoredFile
from tests import factories as make
from tests.recipe.ingest.test_fetch import serving

pytestmark = pytest.mark.django_db

WIKI = (
    "<mediawiki><page><title>Water</title><ns>0</ns><revision><text>Water boils.&lt;ref&gt;A book on heat&lt;/ref&gt; "
    "&lt;script&gt;alert(1)&lt;/script&gt;</text></revision></page><page><title>W</title><redirect title='Water'/>"
    "<revision><text>#REDIRECT</text></revision></page></mediawiki>"
)


@pytest.fixture
def project() -> Project:
    return make.a_project("stars")


@pytest.fixture
def manager(project: Project, client: Client) -> Client:
    client.force_login(make.a_member(project, "manager"))
    return client


def tried(client: Client, **fields: Any) -> tuple[int, str]:
    response = client.post("/projects/stars/extractions/", fields)
    return response.status_code, response.content.decode()


def test_a_file_is_tried_and_shows_what_came_what_was_made_of_it_and_what_was_cut(manager: Client) -> None:
    status, page = tried(manager, file=SimpleUploadedFile("dump.xml", WIKI.encode()))
    assert status == 200
    assert "A book on heat" in page and "reference" in page and "is a redirect to Water" in page
    assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page
    assert not StoredFile.objects.exists() and not Document.objects.exists()


def test_an_address_is_tried_and_a_private_one_is_refused(manager: Client, settings: Any) -> None:
    html = (
        b"<!doctype html><html><body><article><p>"
        + b"Water boils at a hundred degrees. " * 8
        + b"</p></article></body></html>"
    )
    with serving({"/a": (200, {"Content-Type": "text/html"}, html)}) as (base, seen):
        status, page = tried(manager, address=f"{base}/a")
        assert status == 422 and "not on the open internet" in page and not seen
        settings.IMPORT_PRIVATE_HOSTS = ["127.0.0.1"]
        status, page = tried(manager, address=f"{base}/a")
    assert status == 200 and "Water boils at a hundred degrees." in page


def test_neither_or_both_is_asked_again(manager: Client) -> None:
    status, page = tried(manager)
    assert status == 422 and "Name an address, or choose a file." in page


def test_a_document_shows_its_sides_from_the_stored_file(
    project: Project, manager: Client, tmp_path: Any
) -> None:
    (tmp_path / "dump.xml").write_text(WIKI)
    source = imports.find_or_create_source(project, "Wiki", None)
    stored = imports.keep_path(tmp_path / "dump.xml")
    batch = imports.draft_import(source, [("dump.xml", stored)], None)
    drain(imports.start_import(batch, None))
    document = Document.objects.get()
    assert document.media_type == "text/x-wiki" and batch.rejected_rows.count() == 1
    drain(Job.objects.create(project=project, kind="extract"))
    assert Extraction.objects.get().notes["cut"][0]["reason"] == "reference"
    page = manager.get(f"/projects/stars/documents/{document.uuid}/sides").content.decode()
    assert "&lt;ref&gt;A book on heat" in page and "Water boils." in page and "<script>alert" not in page
    part = manager.get(
        f"/projects/stars/documents/{document.uuid}/sides", headers={"HX-Request": "true"}
    ).content.decode()
    assert "<html" not in part and "A book on heat" in part
    assert "wikitext" in manager.get(f"/projects/stars/sources/{source.uuid}/").content.decode().lower()
