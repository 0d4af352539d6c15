"""The whole way of generated samples: a prompt in the project's own words, a pilot, its estimate, the run watched, paused and resumed, its samples
reviewed, and an export that leads back to the source."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from curation.jobs import run as jobs
from curation.jobs import steering
from curation.models import Item, Job, Run, Sample, Snapshot
from tests import factories as make
from tests.browser.accessibility import problems_on_screens
from tests.generating import NOTES, a_project_with_seeds, an_endpoint, notes, sensible
from tests.llm_server import serving

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PageOf = Callable[..., Page]
HERE = "/projects/physics"


def looked_at(page: Page, name: str) -> None:
    """Hold a page against every rule on both screens; with PICTURES=folder keep what it looks like."""

    def keep(screen: str) -> None:
        if folder := os.environ.get("PICTURES"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=f"{folder}/{name}-{screen}.png", full_page=True)

    assert problems_on_screens(page, look=keep) == []
    page.set_viewport_size({"width": 1280, "height": 860})
    page.emulate_media(color_scheme="light")


def test_seeds_become_reviewed_samples_and_an_export_with_their_lineage(page_of: PageOf) -> None:
    project = a_project_with_seeds(8, "physics")
    mia = make.a_member(project, "manager", "mia@example.org")
    page = page_of(mia, bypass_csp=True)
    unusable = {"consideration": "An advertisement.", "points": [], "misconceptions": [], "usable": False}

    first = []

    def some_unusable(seen, nth):
        """The first passage that is asked about has nothing to teach."""
        first.append(seen.text)
        return unusable if seen.text == first[0] else notes(seen, nth)

    with serving(sensible((NOTES, some_unusable))) as server:
        an_endpoint(server, name="Tiny on this machine", price_in="1.5", price_out="6")

        page.goto(f"{HERE}/prompts/rewrite-notes/edit")
        words = page.locator("textarea").first
        words.fill(words.input_value() + "\n\nYou never note what only concerns the page itself.")
        page.get_by_role("button", name="Save as a new version").click()
        expect(page.get_by_text("rewrite-notes/own-1").first).to_be_visible()

        page.goto(f"{HERE}/runs/")
        page.get_by_role("link", name="New run").first.click()
        page.get_by_label("Name").fill("Levers and kettles")
        for form in ("Exercises with solutions", "A discussion", "The passage written anew"):
            page.get_by_label(form).uncheck()
        expect(page.locator("#seed-count")).to_contain_text("8 seeds")
        page.get_by_label("Samples to accept").fill("4")
        page.get_by_label("Too similar from").fill("")
        looked_at(page, "1-new-run")
        page.get_by_role("button", name="Try the first seeds").click()
        expect(page.get_by_role("heading", name="Pilot running")).to_be_visible()
        jobs.drain(Job.objects.get(kind="generate"))
        expect(page.get_by_role("heading", name="What the whole would come to")).to_be_visible()
        looked_at(page, "2-pilot")
        page.get_by_label("Candidates at most").fill("20")
        page.get_by_role("button", name="Start the run").click()
        expect(page.get_by_role("heading", name="Running")).to_be_visible()
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_role("heading", name="Paused")).to_be_visible()
        looked_at(page, "3-paused")
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_role("heading", name="Running")).to_be_visible()
        jobs.drain(Job.objects.get(kind="generate"))
        expect(page.get_by_role("heading", name="With reviewers")).to_be_visible()
        looked_at(page, "4-with-reviewers")
    run = Run.objects.get()
    assert Item.objects.filter(queue=run.queue).count() == 4

    page.get_by_role("link", name="example").first.click()
    page.locator("details summary").first.click()
    expect(page.locator(".call").first).to_be_visible()
    looked_at(page, "5-lost")

    page.goto(f"{HERE}/runs/{run.uuid}/")
    page.get_by_role("link", name="Review what it made").click()
    for decided in range(1, 5):
        expect(page.locator("#item-title")).to_be_visible()
        page.keyboard.press("a")
        _until(page, decided)
    steering.make_up_for_rejected()
    page.goto(f"{HERE}/runs/{run.uuid}/")
    expect(page.get_by_role("heading", name="Target reached")).to_be_visible()
    looked_at(page, "6-target")

    page.goto(f"{HERE}/exports/new?what=samples")
    page.get_by_role("button", name="Export 4 rows").click()
    expect(page.get_by_role("heading", name="Being written")).to_be_visible()
    jobs.drain(Snapshot.objects.get().job)
    expect(page.get_by_role("heading", name="Files")).to_be_visible()
    with page.expect_download() as fetched:
        page.get_by_role("link", name="Download all").click()
    archive = zipfile.ZipFile(fetched.value.path())
    shard = next(name for name in archive.namelist() if name.endswith(".jsonl") and "rows" not in name)
    rows = [json.loads(line) for line in archive.read(shard).splitlines()]
    assert len(rows) == 4
    for row in rows:
        assert row["lineage"]["run"] == str(run.uuid) and row["lineage"]["accepted_by"] == "people"
        assert row["steps"][0]["prompt_version"] == "rewrite-notes/own-1" and row["licence"] == "CC-BY-4.0"
        passage = project.passages.get(uuid=row["lineage"]["passage"])
        assert row["seed"]["quote"] == passage.text


def _until(page: Page, approved: int) -> None:
    """The decision is kept while the next item is shown."""
    for _ in range(240):
        if Sample.objects.filter(state="approved").count() >= approved:
            return
        page.wait_for_timeout(250)
    raise AssertionError(f"{approved} decisions were not kept within a minute")
