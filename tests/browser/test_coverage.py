"""The coverage table in a browser, wide and narrow: a number leads to its samples, and what is wanted can be said.

PICTURES=folder keeps a picture of each step.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from curation.recipe.generate.drawn import SKILLS
from tests import factories as make
from tests.browser.accessibility import RULES, problems

pytestmark = pytest.mark.django_db(transaction=True)


def look(page: Page, name: str) -> None:
    width = page.viewport_size["width"]
    page.evaluate("scrollTo(0, 0)")  # what the bar at the top covers after a jump is in reach by scrolling
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/coverage-{name}-{width}.png", full_page=True)
    assert problems(page, RULES) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_a_number_leads_to_its_samples_and_the_table_follows_what_is_wanted(
    page_of: Callable[..., Page], scheme: str, width: int
) -> None:
    project = make.a_project("stars")
    for at in range(36):
        make.a_sample(
            project,
            skill=SKILLS[at % 3],
            difficulty=("easy", "medium", "hard")[at % 5 % 3],
            topics=[("science", "history", "Beekeeping")[at % 7 % 3]],
            state="approved",
        )
    manager = make.a_member(project, "manager")
    page = page_of(manager, color_scheme=scheme, viewport={"width": width, "height": 860}, bypass_csp=True)
    page.goto("/projects/stars/coverage/")
    look(page, "table")
    page.get_by_role("link", name="Science", exact=True).click()
    expect(page.get_by_role("heading", name="Skills in science")).to_be_visible()
    look(page, "topic")
    page.get_by_role("link", name="Say what is wanted").click()
    look(page, "wanted")
    page.get_by_label("easy", exact=True).fill("0")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Wanted as a manager said.")).to_be_visible()
    number = page.locator("#topics + .table-wrap a").filter(has_text="samples: History").last
    page.goto(number.get_attribute("href"))
    expect(page.get_by_text("Of one topic")).to_be_visible()
