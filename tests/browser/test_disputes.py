"""A reviewer ends a dispute in the browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from curation.actions import review
from curation.actions.review import Answer
from curation.models import Item
from tests import factories
from tests.browser.accessibility import problems

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_dispute_is_read_side_by_side_and_resolved(page_of: Callable[..., Page]) -> None:
    project = factories.a_project("reading")
    queue = factories.a_queue(project, "seeds", wanted=2)
    item = factories.an_item(queue, factories.a_seed(project, "A passage with a wrong remark."))
    for answer in (Answer("accept", text="A passage."), Answer("reject", reason="wrong", note="no")):
        person = factories.a_member(project)
        claim = review.claim(queue, person)
        assert claim is not None
        review.decide(person, item, claim.lease, answer)
    page = page_of(factories.a_member(project, "reviewer"), bypass_csp=True)
    page.goto("/projects/reading/review/")
    page.get_by_role("link", name="Disputes and flags").click()
    assert problems(page) == []
    page.get_by_role("main").get_by_role("link", name="Document").click()
    expect(page.locator(".opinion del")).to_contain_text("with a wrong remark")
    assert problems(page) == []
    page.get_by_label("As edited by").check()
    page.get_by_role("button", name="Accept").click()
    expect(page.locator(".notice-success")).to_contain_text("Resolved")
    assert Item.objects.get().state == "accepted"
