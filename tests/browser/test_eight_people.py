"""Eight people on one queue: four real browsers and four scripts on the API, all at once."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from playwright.sync_api import Page

from curation.models import ApiToken, Decision, Item, Queue, User
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
PageOf = Callable[..., Page]

LONGEST = 240.0  # seconds until the test gives up


class Script(threading.Thread):
    """A person's script: claims and decides until the queue has nothing more for it."""

    def __init__(self, studio: str, token: str, queue: Queue) -> None:
        super().__init__(daemon=True)
        self.client = http.client.HTTPConnection(urlsplit(studio).netloc, timeout=30)
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.queue = queue
        self.errors: list[str] = []
        self.done = threading.Event()

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        self.client.request("POST", f"/api/v1{path}", json.dumps(body), self.headers)
        answer = self.client.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if content else None

    def run(self) -> None:
        try:
            self.sit()
        except Exception as error:
            self.errors.append(repr(error))

    def sit(self) -> None:
        while not self.done.is_set():
            status, item = self.post(f"/queues/{self.queue.uuid}/claim", {})
            if status == 204:  # others may hold the rest, and give it back
                time.sleep(0.2)
                continue
            if status == 200:
                body = {"lease": item["lease"], "verdict": "accept", "seconds": 0.5}
                status, item = self.post(f"/items/{item['item']}/decide", body)
            if status != 200:
                self.errors.append(f"{status}: {item}")
                return
            time.sleep(0.05)


def press_on(page: Page) -> None:
    """Accept what is on screen; where nothing is, look again as a person would."""
    if page.locator("[data-text]").count():
        page.keyboard.press("a")
    else:
        page.reload()


@pytest.mark.parametrize(
    ("wanted", "items"),
    [(1, 40), (2, 40), *(pytest.param(wanted, 300, marks=pytest.mark.soak) for wanted in (1, 2))],
)
def test_every_item_gets_exactly_the_decisions_it_wants(
    page_of: PageOf, studio: str, wanted: int, items: int
) -> None:
    project = factories.a_project("crowd")
    queue = factories.a_queue(project, "seeds", wanted=wanted)
    for number in range(items):
        factories.an_item(queue, factories.a_seed(project, f"Passage {number} of the crowd's queue."))
    people: list[User] = [factories.a_member(project) for _ in range(8)]
    scripts = [Script(studio, ApiToken.issue(person, "script")[1], queue) for person in people[:4]]
    pages = [page_of(person) for person in people[4:]]
    for page in pages:
        page.goto(f"/projects/{project.slug}/review/queues/{queue.uuid}")
    for script in scripts:
        script.start()
    end = time.monotonic() + LONGEST
    while Item.objects.filter(queue=queue, state="open").exists():
        assert time.monotonic() < end, Counter(Item.objects.values_list("state", flat=True))
        for page in pages:
            press_on(page)
            page.wait_for_timeout(15)
    for script in scripts:
        script.done.set()
        script.join()
    assert [error for script in scripts for error in script.errors] == []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT item_id, count(*), count(DISTINCT user_id) FROM curation_decision"
            " WHERE event = 'decide' AND NOT surplus GROUP BY item_id"
        )
        counting = {item: (decisions, deciders) for item, decisions, deciders in cursor.fetchall()}
    assert counting == dict.fromkeys(Item.objects.values_list("pk", flat=True), (wanted, wanted))
    by_browser = Decision.objects.filter(user__in=people[4:], event="decide")
    assert by_browser.values("user").distinct().count() == 4, "a browser decided nothing"
    pairs = list(Decision.objects.filter(event="decide").values_list("item", "user"))
    assert len(pairs) == len(set(pairs)), "somebody decided an item twice"
