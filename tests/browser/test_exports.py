"""Exporting in a real browser: with script and without, what is shown is what is fetched; every page passes axe."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from curation.actions.snapshots import create_snapshot
from curation.jobs import run
from curation.models import Project, Score, Snapshot, User
from tests import factories as make
from tests.browser.accessibility import problems_on_screens
from tests.web.browsing import HOSTILE

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PageOf = Callable[..., Page]


@pytest.fixture
def project() -> Project:
    project = make.a_project("physics", name="Physics")
    educational = make.an_active_scorer(project)
    for licence in ("CC-BY-4.0", "MIT"):
        source = make.a_source(project, f"Pages under {licence}", licence=licence)
        for number in range(3):
            document = make.a_kept_document(project, f"{licence} lever {number}. {HOSTILE}", source=source)
            Score.objects.create(scorer=educational, document=document, value=number + 1)
    make.a_kept_document(project, "Short.", left_out="too_short")
    return project


@pytest.fixture
def mia(project: Project) -> User:
    return make.a_member(project, "manager", "mia@example.org")


def written(snapshot: Snapshot) -> Snapshot:
    assert snapshot.job is not None
    run.drain(snapshot.job)
    snapshot.refresh_from_db()
    return snapshot


def test_a_manager_narrows_makes_follows_and_fetches_an_export(
    page_of: PageOf, project: Project, mia: User, tmp_path: Path
) -> None:
    page = page_of(mia)
    page.goto("/projects/physics/exports/")
    page.get_by_role("link", name="New export").first.click()
    expect(page.get_by_role("button", name="Export 6 rows")).to_be_visible()
    page.get_by_label("MIT", exact=True).check()
    page.get_by_label("educational, at least").fill("2")
    page.get_by_label("educational, at most").press("Tab")
    expect(page.get_by_role("button", name="Export 2 rows")).to_be_visible()
    expect(page.locator("#preview")).to_contain_text("Filtered")
    page.get_by_role("button", name="Export 2 rows").click()
    expect(page.get_by_role("heading", name="Being written")).to_be_visible()
    snapshot = written(Snapshot.objects.get())
    expect(page.get_by_role("heading", name="Files")).to_be_visible()
    with page.expect_download() as fetched:
        page.get_by_role("link", name="Download all").click()
    archive = zipfile.ZipFile(fetched.value.path())
    shard = next(name for name in archive.namelist() if name.endswith(".jsonl"))
    rows = [json.loads(line) for line in archive.read(shard).splitlines()]
    assert [row["licence"] for row in rows] == ["MIT", "MIT"]
    assert hashlib.sha256(archive.read(shard)).hexdigest() == snapshot.files.get(ordinal=0).sha256


def test_without_script_it_works_the_same(page_of: PageOf, project: Project, mia: User) -> None:
    page = page_of(mia, java_script_enabled=False)
    page.goto("/projects/physics/exports/new")
    page.get_by_label("CC-BY-4.0", exact=True).check()
    page.get_by_label("Parquet").check()
    page.get_by_role("button", name="Count").click()
    page.get_by_role("button", name="Export 3 rows").click()
    snapshot = written(Snapshot.objects.get())
    assert (snapshot.format, snapshot.filters) == ("parquet", {"licence": ["CC-BY-4.0"]})
    page.reload()
    with page.expect_download() as fetched:
        page.get_by_role("link", name="manifest.json").click()
    assert json.loads(Path(fetched.value.path()).read_text())["rows"] == 3


def test_the_pages_pass_axe_and_fit_the_screen(page_of: PageOf, project: Project, mia: User) -> None:
    done = written(create_snapshot(project, "documents", "jsonl", {}, mia))
    waiting = create_snapshot(project, "documents", "parquet", {"licence": "MIT"}, mia)
    page = page_of(mia, bypass_csp=True)
    wrong = []
    for rest in ("", "new", "new?what=seeds", "new?what=samples", f"{done.uuid}/", f"{waiting.uuid}/"):
        page.goto(f"/projects/physics/exports/{rest}")
        wrong += [f"{rest}: {problem}" for problem in problems_on_screens(page)]
    assert wrong == []
