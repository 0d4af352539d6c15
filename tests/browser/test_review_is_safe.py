"""Nothing that was typed or decided is lost: reloads, failures, two tabs, no script."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from curation.actions import review
from curation.models import Decision, Draft, Item, Queue, User
from tests.browser.accessibility import problems_on_screens
from tests.browser.test_review_by_keys import ada, decided, last_of, opened, page, queue, text_of, toast

__all__ = ["ada", "page", "queue"]

pytestmark = pytest.mark.django_db(transaction=True)
PageOf = Callable[..., Page]


def test_a_draft_survives_a_reload(page: Page) -> None:
    page.keyboard.press("c")
    page.keyboard.type("half a thought")
    with page.expect_response("**/draft"):
        page.keyboard.press("Escape")
    page.keyboard.press("e")
    page.keyboard.press("Control+Home")
    with page.expect_response("**/draft"):
        page.keyboard.type("Well: ")
    page.reload()
    expect(text_of(page)).to_contain_text("Well: Passage number 1")
    expect(page.locator("#note")).to_have_value("half a thought")
    expect(page.locator("[data-look=diff] ins")).to_contain_text("Well:")


def test_what_was_typed_without_a_connection_comes_back(page: Page) -> None:
    page.route("**/draft", lambda route: route.abort())
    page.keyboard.press("c")
    page.keyboard.type("offline thought")
    page.keyboard.press("Escape")
    expect(page.locator("[data-draft-line]")).to_contain_text("kept in this browser")
    page.unroute("**/draft")
    with page.expect_response("**/draft"):
        page.reload()
    expect(page.locator("#note")).to_have_value("offline thought")
    assert Draft.objects.get().payload["note"] == "offline thought"


def test_a_decision_that_fails_brings_the_item_back_as_it_was(page: Page, ada: User) -> None:
    page.keyboard.press("c")
    page.keyboard.type("keep me")
    page.keyboard.press("Escape")
    page.route("**/decide", lambda route: route.abort())
    page.keyboard.press("a")
    expect(toast(page)).to_contain_text("Not saved")
    expect(text_of(page)).to_contain_text("number 1")
    expect(page.locator("#note")).to_have_value("keep me")
    page.unroute("**/decide")
    decided(page, "a")
    expect(text_of(page)).to_contain_text("number 2")
    assert last_of(ada).note == "keep me"


def test_a_failure_never_takes_the_page_from_under_somebody_who_types(page: Page) -> None:
    page.route("**/decide", lambda route: (page.wait_for_timeout(500), route.abort()))
    page.keyboard.press("a")
    expect(text_of(page)).to_contain_text("number 2")  # on a busy machine it may not have been there yet
    page.keyboard.press("c")
    page.keyboard.type("about number two")
    expect(toast(page)).to_contain_text("comes next")
    expect(page.locator("#note")).to_be_focused()
    expect(text_of(page)).to_contain_text("number 2")
    page.unroute("**/decide")
    page.keyboard.press("Escape")
    decided(page, "s")
    expect(text_of(page)).to_contain_text("number 1")


def test_two_tabs_keep_both_drafts_and_show_the_difference(
    context_of: Callable[..., BrowserContext], queue: Queue, ada: User
) -> None:
    context = context_of(ada)
    first = opened(context.new_page(), queue)
    address = first.url
    second = context.new_page()
    second.goto(address)
    for tab, text in ((first, "from the first tab"), (second, "from the second tab")):
        tab.bring_to_front()
        tab.locator(".item-note summary").click()
        tab.locator("#note").fill(text)
        with tab.expect_response("**/draft"):
            tab.locator("#note").blur()
    conflict = second.locator("[data-conflict]")
    expect(conflict).to_contain_text("Another tab")
    expect(conflict.locator("del")).to_contain_text("first")
    expect(conflict.locator("ins")).to_contain_text("second")
    assert Draft.objects.get().payload["note"] == "from the first tab"
    with second.expect_response("**/draft"):
        second.get_by_role("button", name="Keep this tab").click()
    expect(conflict).to_have_count(0)
    assert Draft.objects.get().payload["note"] == "from the second tab"


def test_the_other_tabs_draft_can_be_taken(
    context_of: Callable[..., BrowserContext], queue: Queue, ada: User
) -> None:
    context = context_of(ada)
    tab = opened(context.new_page(), queue)
    item = Item.objects.get(uuid=tab.locator("[data-item]").get_attribute("data-item"))
    review.save_draft(ada, item, {"note": "written elsewhere", "text": "Another text."}, 0)
    tab.keyboard.press("c")
    tab.keyboard.type("mine")
    tab.keyboard.press("Escape")
    tab.get_by_role("button", name="Take the other tab").click()
    expect(tab.locator("#note")).to_have_value("written elsewhere")
    expect(text_of(tab)).to_contain_text("Another")


def test_two_tabs_of_one_person_never_decide_twice(
    context_of: Callable[..., BrowserContext], queue: Queue, ada: User
) -> None:
    context = context_of(ada)
    first = opened(context.new_page(), queue)
    second = context.new_page()
    second.goto(first.url)
    expect(text_of(second)).to_contain_text("number 1")
    decided(first, "a")
    second.bring_to_front()
    decided(second, "s")
    expect(toast(second)).to_contain_text("decided on this item already")
    item = queue.items.order_by("position").first()
    assert item is not None
    assert list(item.decisions.values_list("verdict", flat=True)) == ["accept"]


def test_an_expired_lease_is_taken_again_when_the_page_wakes(page: Page, queue: Queue, ada: User) -> None:
    review.release_all(ada, queue)
    with page.expect_response("**/beat"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    decided(page, "a")
    assert not last_of(ada).surplus


def test_reviewing_works_without_script(page_of: PageOf, queue: Queue, ada: User) -> None:
    page = page_of(ada, java_script_enabled=False)
    page.goto(f"/projects/{queue.project.slug}/review/")
    page.get_by_role("link", name="Review Seeds").click()
    page.locator(".item-edit summary").click()
    page.locator("#edit-text").fill("A better text.")
    page.get_by_role("button", name="Accept").click()
    expect(page.locator(".notice-success")).to_contain_text("Accepted")
    expect(text_of(page)).to_contain_text("number 2")
    page.get_by_role("button", name="Something else").click()
    expect(page.locator(".notice-error")).to_contain_text("Say in the note")
    expect(text_of(page)).to_contain_text("number 2")
    page.locator(".item-note summary").click()
    page.locator("#note").fill("A list of links")
    page.get_by_role("button", name="Something else").click()
    expect(text_of(page)).to_contain_text("number 3")
    page.get_by_role("button", name="Undo").click()
    expect(text_of(page)).to_contain_text("number 2")
    expect(page.locator("#note")).to_have_value("A list of links")
    accepted = Decision.objects.get(verdict="accept")
    assert accepted.text_version is not None and accepted.text_version.text == "A better text."


def test_the_review_pages_pass_axe(page_of: PageOf, queue: Queue, ada: User) -> None:
    page = page_of(ada, bypass_csp=True)
    page.goto(f"/projects/{queue.project.slug}/review/")
    assert problems_on_screens(page) == []
    opened(page, queue)
    assert problems_on_screens(page) == []
    page.keyboard.press("r")
    assert problems_on_screens(page) == []
    page.keyboard.press("1")
    page.keyboard.press("k")
    expect(page.locator(".past-line")).to_be_visible()
    assert problems_on_screens(page) == []
    page.goto(f"/projects/{queue.project.slug}/review/queues/{queue.uuid}/summary")
    assert problems_on_screens(page) == []


def test_nothing_overflows_a_narrow_screen(page_of: PageOf, queue: Queue, ada: User) -> None:
    page = page_of(ada, viewport={"width": 390, "height": 844})
    opened(page, queue)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    bar = page.locator(".action-bar").bounding_box()
    assert bar is not None and bar["y"] + bar["height"] >= 830
