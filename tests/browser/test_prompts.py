"""A manager writes a prompt's own words: tries them on one seed and the next, corrects what is refused, saves, and sees what changed.

PICTURES=folder keeps a picture of each step.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests import factories as make
from tests.browser.accessibility import RULES, problems

pytestmark = pytest.mark.django_db(transaction=True)


def look(page: Page, name: str) -> None:
    width = page.viewport_size["width"]
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/prompts-{name}-{width}.png", full_page=True)
    assert problems(page, RULES) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_own_words_are_tried_corrected_saved_and_compared(
    page_of: Callable[..., Page], scheme: str, width: int
) -> None:
    project = make.a_project("stars")
    for text in ("A lever turns a small force into a large one.", "Ice is lighter than water."):
        make.a_seed(project, text)
    manager = make.a_member(project, "manager")
    page = page_of(manager, color_scheme=scheme, viewport={"width": width, "height": 860}, bypass_csp=True)
    page.goto("/projects/stars/prompts/")
    look(page, "list")
    page.get_by_role("link", name="Note what a passage teaches").click()
    page.get_by_role("link", name="Write your own").click()
    words = page.get_by_label("The user's message")
    ours = words.input_value()

    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview")).to_contain_text("A lever turns a small force")
    look(page, "preview")
    page.get_by_role("button", name="Next seed").click()
    expect(page.locator("#preview pre").last).to_contain_text("Ice is lighter than water.")
    expect(page.get_by_label("Try it on")).to_contain_text("Ice is lighter")

    words.fill(ours.replace("{{ passage.text }}", "{{ pasage.text }}"))
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview")).to_contain_text("'pasage' is undefined")
    look(page, "error")
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_role("alert")).to_contain_text("'pasage' is undefined")

    words.fill(ours.replace("Read the passage", "Read the passage twice"))
    page.get_by_label("What you changed, and why").fill("Twice is better.")
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_text("rewrite-notes/own-1 is in force: runs")).to_be_visible()
    look(page, "saved")
    page.get_by_label("What changed from").select_option("rewrite-notes/1")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("ins")).to_have_text("twice ")
    look(page, "compared")
    page.get_by_role("button", name="Use ours again").click()
    expect(page.get_by_text("Ours, rewrite-notes/1, is in force.")).to_be_visible()


def test_without_javascript_a_preview_keeps_the_words_and_shows_the_next_seed(
    page_of: Callable[..., Page],
) -> None:
    project = make.a_project("stars")
    for text in ("A lever turns a small force into a large one.", "Ice is lighter than water."):
        make.a_seed(project, text)
    page = page_of(make.a_member(project, "manager"), java_script_enabled=False)
    page.goto("/projects/stars/prompts/rewrite-notes/edit")
    words = page.get_by_label("The user's message")
    words.fill(f"Slowly. {words.input_value()}")
    page.get_by_role("button", name="Next seed").click()
    expect(page.locator("#preview pre").last).to_contain_text("Ice is lighter than water.")
    expect(page.get_by_label("The user's message")).to_have_value(words.input_value())
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_text("rewrite-notes/own-1 is in force: runs")).to_be_visible()
