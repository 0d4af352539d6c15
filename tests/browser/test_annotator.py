"""A manager asks a language model: connects one in the panel, tries it, estimates, starts it under a budget, and sees how far it agrees."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from curation.jobs import run
from curation.models import Endpoint, Job, Label, Project
from tests import factories as make
from tests.browser.accessibility import problems
from tests.labelling import our_rubric, rated
from tests.llm_server import Reply, error, serving

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PageOf = Callable[..., Page]
ASK = "/projects/physics/rubrics/factual/ask"


@pytest.fixture
def project() -> Project:
    """Twelve passages that two people rated, alike."""
    our_rubric("factual")
    project = make.a_project("physics", name="Physics")
    passages = [make.a_kept_passage(project, f"Passage {at}: ice floats on water.") for at in range(12)]
    people = [make.a_member(project, email=f"{name}@example.org") for name in ("ann", "ben")]
    rated(
        make.a_queue(project, "scores", wanted=2), passages, {"factual": [at % 6 for at in range(12)]}, people
    )
    return project


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("PICTURES"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def script(seen, nth):
    if "Passage 7:" in seen.text:
        return error(400, "blocked", "content_filter")
    step = int(seen.text.partition("Passage ")[2].partition(":")[0] or 0) % 6
    return Reply(f'{{"reasons": "It names facts.", "score": {min(5, step + (step == 2))}}}')


def test_a_model_is_connected_tried_asked_and_compared(page_of: PageOf, project: Project) -> None:
    mia = make.an_admin("mia@example.org")
    page = page_of(mia, bypass_csp=True)
    with serving(script, models=("tiny", "larger")) as server:
        page.goto(ASK)
        expect(page.get_by_text("No language model is connected")).to_be_visible()
        assert problems(page) == []
        picture(page, "1-nothing-connected")
        page.get_by_role("link", name="Set up an endpoint").click()
        page.get_by_label("Name", exact=False).first.fill("Tiny on this machine")
        page.locator("#id_address").fill(server.address)
        page.locator("#id_model").fill("tinny")
        page.locator("#id_price_in").fill("1.5")
        page.locator("#id_price_out").fill("6")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Choose “Try it”")).to_be_visible()
        _try_it(page)
        expect(page.get_by_text("not on the open internet")).to_be_visible()
        picture(page, "2-private")
        Endpoint.objects.update(private_allowed=True)
        server.script = lambda seen, nth: error(404, "no such model", "model_not_found")
        _try_it(page)
        expect(page.get_by_text("Did you mean tiny?")).to_be_visible()
        Endpoint.objects.update(model="tiny")
        server.script = script
        _try_it(page)
        expect(page.get_by_text("tiny answered")).to_be_visible()
        picture(page, "3-works")

        page.goto("/projects/physics/rubrics/factual/")
        page.get_by_role("link", name="Ask a language model").click()
        page.get_by_role("button", name="Estimate").click()
        expect(page.get_by_role("heading", name="What it would come to")).to_be_visible()
        expect(page.locator("#estimate")).to_contain_text("there are no more texts")
        expect(page.locator("#estimate")).to_contain_text("is an assumption")
        assert problems(page) == []
        picture(page, "4-estimate")
        page.get_by_label("Tokens at most").fill("200000")
        page.get_by_role("button", name="Ask about 12 texts").click()
        expect(page.get_by_role("heading", name="Ask a language model")).to_be_visible()
        run.drain(Job.objects.get(kind="annotate"))
    page.reload()
    expect(page.locator("#progress")).to_contain_text("tiny · annotate/1")
    expect(page.get_by_text("The server's content filter held it back").first).to_be_visible()
    assert problems(page) == []
    picture(page, "5-job")
    assert Label.objects.count() == 11
    page.goto("/projects/physics/rubrics/factual/")
    expect(page.get_by_role("heading", name="tiny · annotate/1")).to_be_visible()
    picture(page, "6-agreement")
    page.goto("/projects/physics/scorers/factual/")
    expect(page.get_by_role("button", name="Train with these too")).to_be_visible()
    assert problems(page) == []
    picture(page, "7-scorer")


def _try_it(page: Page) -> None:
    page.goto("/admin/curation/endpoint/")
    page.locator("input.action-select, input[name=_selected_action]").first.check()
    page.locator("select[name=action]").select_option("try_it")
    page.locator("button[name=index], button[type=submit]:has-text('Run')").first.click()


def test_it_works_narrow_dark_and_without_script(page_of: PageOf, project: Project) -> None:
    mia = make.a_member(project, "manager", "mia@example.org")
    with serving(script) as server:
        Endpoint.objects.create(name="Tiny", address=server.address, model="tiny", private_allowed=True)
        page = page_of(
            mia, color_scheme="dark", viewport={"width": 390, "height": 860}, java_script_enabled=False
        )
        page.goto(ASK)
        page.get_by_label("How many").fill("5")
        page.get_by_role("button", name="Estimate").click()
        expect(page.get_by_role("heading", name="What it would come to")).to_be_visible()
        picture(page, "8-narrow")
        page.get_by_label("Tokens at most").fill("")
        page.get_by_role("button", name="Ask about 5 texts").click()
        expect(page.get_by_text("Say how many tokens")).to_be_visible()
        picture(page, "9-refused")
        page.get_by_label("Tokens at most").fill("50000")
        page.get_by_role("button", name="Ask").click()
        job = run.drain(Job.objects.get(kind="annotate"))
    assert job.state == Job.State.DONE
    assert (
        Label.objects.count()
        + job.result.get("failed", {}).get("The server's content filter held it back", 0)
        == 5
    )
