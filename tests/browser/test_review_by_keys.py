"""Reviewing with the keyboard alone, key by key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from curation.models import Decision, Draft, Item, Queue, Slot, TextVersion, User
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
PageOf = Callable[..., Page]


@pytest.fixture
def queue(transactional_db: None) -> Queue:
    """Four seeds that say which they are."""
    project = factories.a_project("reading", guidelines="Take what **explains**.")
    queue = factories.a_queue(project, "seeds", name="Seeds")
    for number in range(1, 5):
        factories.an_item(
            queue, factories.a_seed(project, f"Passage number {number} explains a thing in steps.")
        )
    return queue


@pytest.fixture
def ada(queue: Queue) -> User:
    return factories.a_member(queue.project, "annotator", "ada@example.org")


@pytest.fixture
def page(page_of: PageOf, queue: Queue, ada: User) -> Page:
    return opened(page_of(ada), queue)


def opened(page: Page, queue: Queue) -> Page:
    """The review page, once its next item is there too."""
    with page.expect_response("**/next"):
        page.goto(f"/projects/{queue.project.slug}/review/queues/{queue.uuid}")
    return page


def text_of(page: Page) -> Any:
    return page.locator("[data-text]")


def toast(page: Page) -> Any:
    return page.locator("#toast")


def decided(page: Page, key: str) -> None:
    """Press a key that decides, and wait until the decision is saved."""
    with page.expect_response("**/decide"):
        page.keyboard.press(key)


def last_of(user: User) -> Decision:
    return Decision.objects.filter(user=user).latest("id")


def test_a_session_is_done_with_keys_alone(page: Page, queue: Queue, ada: User) -> None:
    decided(page, "a")
    expect(text_of(page)).to_contain_text("number 2")
    page.keyboard.press("r")
    decided(page, "2")
    expect(text_of(page)).to_contain_text("number 3")
    decided(page, "s")
    expect(text_of(page)).to_contain_text("number 4")
    decided(page, "f")
    expect(page.locator(".nothing")).to_be_visible()
    events = Decision.objects.filter(user=ada).order_by("id").values_list("event", "verdict", "reason")
    assert [tuple(event) for event in events] == [
        ("decide", "accept", ""),
        ("decide", "reject", "shallow"),
        ("skip", "", ""),
        ("flag", "", ""),
    ]


def test_the_next_item_is_on_screen_before_the_decision_is_saved(page: Page, queue: Queue) -> None:
    page.route("**/decide", lambda route: (page.wait_for_timeout(400), route.continue_()))
    page.keyboard.press("a")
    assert "number 2" in text_of(page).inner_text()
    expect(toast(page)).to_contain_text("Accepted · u to undo")


def test_u_undoes_the_last_decision_and_brings_the_item_back_as_entered(
    page: Page, queue: Queue, ada: User
) -> None:
    page.keyboard.press("c")
    page.keyboard.type("Not sure")
    page.keyboard.press("Escape")
    decided(page, "a")
    with page.expect_response("**/undo"):
        page.keyboard.press("u")
    expect(text_of(page)).to_contain_text("number 1")
    expect(page.locator("#note")).to_have_value("Not sure")
    assert last_of(ada).event == "undo"
    page.keyboard.press("r")
    decided(page, "1")
    expect(text_of(page)).to_contain_text("number 2")
    assert Item.objects.order_by("position").first().state == "rejected"  # type: ignore[union-attr]


def test_u_after_a_reload_undoes_the_last_decision_of_the_session(page: Page, queue: Queue) -> None:
    decided(page, "a")
    page.reload()
    expect(text_of(page)).to_contain_text("number 2")
    with page.expect_response("**/undo"):
        page.keyboard.press("u")
    expect(text_of(page)).to_contain_text("number 1")


def test_e_edits_the_text_and_d_shows_and_hides_the_difference(page: Page, ada: User) -> None:
    page.keyboard.press("e")
    expect(page.locator("#edit-text")).to_be_focused()
    page.keyboard.press("Control+End")
    page.keyboard.type(" And one more.")
    with page.expect_response("**/preview"):
        page.keyboard.press("Control+Enter")
    expect(page.locator("[data-look=diff] ins")).to_contain_text("one more")
    page.keyboard.press("d")
    expect(page.locator("[data-look=diff]")).to_be_hidden()
    expect(page.locator("[data-look=clean]")).to_contain_text("in steps. And one more.")
    page.keyboard.press("d")
    expect(page.locator("[data-look=diff]")).to_be_visible()
    decided(page, "a")
    assert TextVersion.objects.get().text == "Passage number 1 explains a thing in steps. And one more."
    assert last_of(ada).text_version is not None


def test_an_edit_that_is_taken_back_is_no_edit(page: Page, ada: User) -> None:
    page.keyboard.press("e")
    page.keyboard.press("Control+End")
    page.keyboard.type("x")
    page.keyboard.press("Backspace")
    page.keyboard.press("Escape")
    decided(page, "a")
    assert last_of(ada).text_version is None


def test_c_opens_the_note_and_ctrl_enter_saves_it(page: Page, ada: User) -> None:
    page.keyboard.press("c")
    page.keyboard.type("Check the second step")
    with page.expect_response("**/draft"):
        page.keyboard.press("Control+Enter")
    expect(page.locator("#note")).not_to_be_focused()
    assert Draft.objects.get().payload["note"] == "Check the second step"
    decided(page, "a")
    assert last_of(ada).note == "Check the second step"


def test_no_key_fires_while_somebody_types(page: Page) -> None:
    page.keyboard.press("c")
    for key in [*"arsfecujkdl?/i1gR", "Enter", "Backspace"]:
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.id") == "note", key
        assert page.locator("dialog[open]").count() == 0, key
    page.wait_for_timeout(300)
    expect(text_of(page)).to_contain_text("number 1")
    expect(page.locator("#note")).to_have_value("arsfecujkdl?/i1gR")
    assert Decision.objects.count() == 0


def test_keys_with_a_modifier_are_left_to_the_browser(page: Page) -> None:
    page.keyboard.press("Control+a")
    page.keyboard.press("Alt+s")
    page.wait_for_timeout(150)
    assert Decision.objects.count() == 0


def test_r_waits_for_its_digit_and_escape_takes_it_back(page: Page) -> None:
    page.keyboard.press("r")
    expect(page.locator("#reasons")).to_be_visible()
    page.keyboard.press("a")
    page.keyboard.press("Escape")
    expect(page.locator("#reasons")).to_be_hidden()
    page.keyboard.press("1")
    page.wait_for_timeout(150)
    assert Decision.objects.count() == 0


def test_another_reason_asks_for_its_note_first(page: Page, ada: User) -> None:
    page.keyboard.press("r")
    page.keyboard.press("7")
    expect(page.locator("#note")).to_be_focused()
    page.keyboard.type("It is a press release")
    with page.expect_response("**/decide"):
        page.keyboard.press("Control+Enter")
    assert (last_of(ada).reason, last_of(ada).note) == ("other", "It is a press release")


def test_k_and_j_walk_through_the_session(page: Page) -> None:
    decided(page, "a")
    page.keyboard.press("r")
    decided(page, "3")
    expect(text_of(page)).to_contain_text("number 3")
    page.keyboard.press("k")
    expect(page.locator(".past-line")).to_contain_text("Wrong or misleading")
    expect(text_of(page)).to_contain_text("number 2")
    page.keyboard.press("k")
    expect(page.locator(".past-line")).to_contain_text("Accepted")
    page.keyboard.press("j")
    expect(text_of(page)).to_contain_text("number 2")
    page.keyboard.press("j")
    expect(page.locator(".past-line")).to_have_count(0)
    expect(text_of(page)).to_contain_text("number 3")


def test_what_the_walk_back_finds_can_be_undone_and_decided_again(page: Page, queue: Queue) -> None:
    decided(page, "a")
    decided(page, "a")
    page.keyboard.press("k")
    page.keyboard.press("k")
    expect(text_of(page)).to_contain_text("number 1")
    expect(page.locator(".past-line")).to_contain_text("1 of 2")
    with page.expect_response("**/undo"):
        page.keyboard.press("u")
    expect(page.locator(".past-line")).to_have_count(0)
    page.keyboard.press("r")
    decided(page, "1")
    expect(text_of(page)).to_contain_text("number 3")
    states = queue.items.order_by("position").values_list("state", flat=True)
    assert list(states) == ["rejected", "accepted", "open", "open"]


def test_question_mark_shows_every_key(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("Reject, then a digit")
    page.keyboard.press("a")
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert Decision.objects.count() == 0


def test_g_and_a_letter_goes_there(page: Page) -> None:
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Review", exact=True)).to_be_visible()
    assert Decision.objects.count() == 0


def test_l_goes_to_the_lineage_and_i_opens_the_document(page: Page) -> None:
    page.keyboard.press("l")
    assert page.evaluate("document.querySelector('[data-lineage]').contains(document.activeElement)")
    page.keyboard.press("i")
    expect(page.locator(".context-text mark")).to_contain_text("Passage number 1")


def test_ratings_are_digits_factual_first_and_enter_saves(page_of: PageOf, queue: Queue, ada: User) -> None:
    scores = factories.a_queue(queue.project, "scores", name="Scores")
    for number in range(2):
        factories.an_item(scores, factories.a_passage(queue.project, f"Rated passage {number} stands here."))
    page = opened(page_of(ada), scores)
    page.keyboard.press("4")
    page.keyboard.press("Enter")
    expect(toast(page)).to_contain_text("Rate everything")
    page.keyboard.press("2")
    page.keyboard.press("Backspace")
    page.keyboard.press("3")
    decided(page, "Enter")
    expect(page.locator(".item-main")).to_contain_text("Rated passage 1")
    assert last_of(ada).ratings == {"factual": 4, "reasoning": 3}


def test_a_digit_means_nothing_where_nothing_is_rated(page: Page) -> None:
    page.keyboard.press("3")
    page.wait_for_timeout(100)
    assert Decision.objects.count() == 0


def test_a_sample_is_edited_message_by_message(page_of: PageOf, queue: Queue, ada: User) -> None:
    samples = factories.a_queue(queue.project, "samples", name="Samples")
    factories.an_item(samples, factories.a_sample(queue.project, "What is 2 + 2?", "It is 5."))
    page = opened(page_of(ada), samples)
    page.keyboard.press("e")
    expect(page.locator("#edit-message-1")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("It is 4.")
    page.keyboard.press("Escape")
    expect(page.locator("[data-look=diff] ins")).to_contain_text("4")
    decided(page, "a")
    assert [said["content"] for said in TextVersion.objects.get().messages] == ["What is 2 + 2?", "It is 4."]


def test_seconds_of_attention_are_measured(page: Page, ada: User) -> None:
    page.wait_for_timeout(1_200)
    decided(page, "a")
    assert 1.0 <= (last_of(ada).seconds or 0) < 60


def test_leaving_gives_the_items_back(page: Page, queue: Queue) -> None:
    held = Slot.objects.filter(queue=queue, state=Slot.State.HELD)
    assert held.count() == 2
    page.goto(f"/projects/{queue.project.slug}/review/")
    expect(page.get_by_role("heading", name="Review", exact=True)).to_be_visible()
    for _ in range(50):
        if not held.exists():
            return
        page.wait_for_timeout(100)
    pytest.fail("The items are still held.")
