"""Disputes and flags: what a reviewer sees, and how they end."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from curation.actions import review
from curation.actions.review import Answer
from curation.models import Item, Queue, Seed, User
from tests import factories as make

pytestmark = pytest.mark.django_db

LIST = "/projects/reading/disputes/"


@pytest.fixture
def queue() -> Queue:
    return make.a_queue(make.a_project("reading"), "seeds", name="Seeds", wanted=2)


@pytest.fixture
def people(queue: Queue) -> tuple[User, User]:
    return make.a_member(queue.project, email="ada@example.org"), make.a_member(
        queue.project, email="bob@example.org"
    )


@pytest.fixture
def disputed(queue: Queue, people: tuple[User, User]) -> Item:
    item = make.an_item(queue, make.a_seed(queue.project, "A passage with a wrong remark."))
    said(queue, people[0], Answer("accept", text="A passage.", note="fine without it"))
    said(queue, people[1], Answer("reject", reason="wrong", note="no"))
    item.refresh_from_db()
    assert item.state == "disputed"
    return item


def said(queue: Queue, user: User, answer: Answer) -> None:
    claim = review.claim(queue, user)
    assert claim is not None
    review.decide(user, Item.objects.get(pk=claim.item_id), claim.lease, answer)


@pytest.fixture
def client(queue: Queue) -> Client:
    client = Client()
    client.force_login(make.a_member(queue.project, "reviewer"))
    return client


def page_of(item: Item, action: str = "") -> str:
    return f"{LIST}{item.uuid}{action}"


def html_of(response: Any) -> str:
    return response.content.decode()


def test_annotators_may_not_and_outsiders_learn_nothing(disputed: Item, people: tuple[User, User]) -> None:
    annotator, outsider = Client(), Client()
    annotator.force_login(people[0])
    outsider.force_login(make.a_member(make.a_project(), "manager"))
    for path in (LIST, page_of(disputed)):
        assert annotator.get(path).status_code == 403
        assert outsider.get(path).status_code == 404
    assert annotator.post(page_of(disputed, "/resolve")).status_code == 403
    assert outsider.post(page_of(disputed, "/resolve")).status_code == 404


def test_the_list_names_what_waits(client: Client, disputed: Item, queue: Queue) -> None:
    html = html_of(client.get(LIST))
    assert page_of(disputed) in html and "Disputed" in html
    assert page_of(disputed) not in html_of(client.get(LIST + "?state=flagged"))
    assert "Nothing waits" in html_of(client.get(LIST + "?state=flagged"))


def test_both_decisions_stand_side_by_side_with_their_difference(client: Client, disputed: Item) -> None:
    html = html_of(client.get(page_of(disputed)))
    for shown in ("ada@example.org", "bob@example.org", "fine without it", "Wrong or misleading", "<del>"):
        assert shown in html, shown


def test_accepting_takes_the_text_of_the_decision_that_was_chosen(client: Client, disputed: Item) -> None:
    chosen = disputed.decisions.get(verdict="accept")
    form = {"action": "accept", "chosen": str(chosen.uuid), "seen": "disputed", "note": "agreed"}
    assert client.post(page_of(disputed, "/resolve"), form).status_code == 302
    disputed.refresh_from_db()
    assert disputed.state == "accepted"
    assert Seed.objects.get(items=disputed).current_text == "A passage."


def test_accepting_as_it_stood_makes_no_new_text(client: Client, disputed: Item) -> None:
    client.post(page_of(disputed, "/resolve"), {"action": "accept", "chosen": "", "seen": "disputed"})
    seed = Seed.objects.get(items=disputed)
    assert (seed.state, seed.text_version) == ("approved", None)


def test_rejecting_needs_its_reason(client: Client, disputed: Item) -> None:
    refused = client.post(
        page_of(disputed, "/resolve"), {"action": "reject", "reason": "", "note": "kept words"}
    )
    assert (
        refused.status_code == 422
        and "Give a reason" in html_of(refused)
        and "kept words" in html_of(refused)
    )
    client.post(page_of(disputed, "/resolve"), {"action": "reject", "reason": "wrong"})
    disputed.refresh_from_db()
    assert disputed.state == "rejected"


def test_two_reviewers_do_not_resolve_one_dispute(client: Client, disputed: Item, queue: Queue) -> None:
    other = Client()
    other.force_login(make.a_member(queue.project, "reviewer"))
    form = {"action": "accept", "seen": "disputed"}
    assert client.post(page_of(disputed, "/resolve"), form).status_code == 302
    late = other.post(
        page_of(disputed, "/resolve"), {"action": "reject", "reason": "wrong", "seen": "disputed"}
    )
    assert late.status_code == 422 and "no longer waits" in html_of(late)
    disputed.refresh_from_db()
    assert disputed.state == "accepted"


def test_a_flag_is_put_back_into_the_queue(client: Client, queue: Queue, people: tuple[User, User]) -> None:
    item = make.an_item(queue)
    claim = review.claim(queue, people[0])
    assert claim is not None
    review.flag(people[0], item, claim.lease, "is this ours to use?")
    html = html_of(client.get(page_of(item)))
    assert "is this ours to use?" in html and "Put back into the queue" in html
    client.post(page_of(item, "/resolve"), {"action": "reopen", "seen": "flagged"})
    item.refresh_from_db()
    assert item.state == "open"


def test_ratings_that_differ_are_set_by_the_reviewer(
    client: Client, queue: Queue, people: tuple[User, User]
) -> None:
    scores = make.a_queue(queue.project, "scores", wanted=2)
    item = make.an_item(scores)
    for user, rating in zip(people, (0, 5), strict=True):
        said(scores, user, Answer("rate", ratings={"factual": rating, "reasoning": rating}))
    assert page_of(item) in html_of(client.get(LIST))
    form = {"action": "rate", "rating-factual": "3", "rating-reasoning": "4", "seen": "disputed"}
    assert client.post(page_of(item, "/resolve"), form).status_code == 302
    item.refresh_from_db()
    assert (item.state, item.result) == ("rated", {"factual": 3.0, "reasoning": 4.0})


def test_the_next_dispute_follows(
    client: Client, disputed: Item, queue: Queue, people: tuple[User, User]
) -> None:
    second = make.an_item(queue)
    said(queue, people[0], Answer("accept"))
    said(queue, people[1], Answer("reject", reason="wrong"))
    response = client.post(page_of(disputed, "/resolve"), {"action": "accept", "seen": "disputed"})
    assert response["Location"] == page_of(second)


def test_the_list_costs_at_most_twelve_queries(
    client: Client, queue: Queue, people: tuple[User, User], django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        make.an_item(queue)
        said(queue, people[0], Answer("accept"))
        said(queue, people[1], Answer("reject", reason="wrong"))
    with django_assert_max_num_queries(12):
        client.get(LIST)
