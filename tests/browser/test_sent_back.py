"""A sample's card by keys alone: its chain opened step by step, an earlier text looked at, sent back with a note, and its revision accepted.

PICTURES=folder keeps pictures of it, wide and narrow, light and dark.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from curation.jobs import run
from curation.models import Decision, Item, Job, Queue, SampleStep, Verdict
from tests import factories as make
from tests.browser.accessibility import problems
from tests.jobs.test_annotate import an_endpoint
from tests.llm_server import Reply, Server, serving

pytestmark = pytest.mark.django_db(transaction=True)
PageOf = Callable[..., Page]

TASK = "A lever has arms $a = 2.5$ m and $b = 0.5$ m. What force lifts $m = 60$ kg?\n\n```python\ndef force(m): ...\n```"
ANSWERS = [
    "Balance needs $F a = m b$, so $F = 12$ N.",
    "Balance needs $$F a = m g b,$$ so $F = 60 \\cdot 9.81 \\cdot 0.5 / 2.5 = 118$ N. This is the result.",
]
REVISED = (
    "A mass weighs $m g$. Balance needs $$F a = m g b,$$ so $F = 60 \\cdot 9.81 \\cdot 0.5 / 2.5 = 118$ N."
)


@pytest.fixture
def server() -> Iterator[Server]:
    said = json.dumps({"changes": "Mass first.", "turns": [{"number": 2, "text": REVISED}]})
    with serving(lambda seen, nth: Reply(said)) as running:
        yield running


@pytest.fixture
def queue(transactional_db: None, server: Server) -> Queue:
    """One sample with two versions, a critique of each, and two verdicts."""
    project = make.a_project("levers", guidelines="Take what **explains**.")
    an_endpoint(server)
    passage = make.a_passage(project, "The product of force and arm is the same on both sides. " * 4)
    sample = make.a_sample(project, TASK, ANSWERS[1], passage=passage, workflow="self-revision", model="tiny")
    for at, answer in enumerate(ANSWERS):
        said = {"plan": "Ask for $g$.", "task": TASK, "answer": answer}
        name = "revision-revise" if at else "revision-draft"
        _step(sample, 2 * at, "revision" if at else "draft", name, said)
        found = [
            (
                "Accuracy",
                "Mass is no force: $g$ is missing.",
                2 + 3 * at,
                "Multiply by $g$." if not at else "",
            ),
            ("Each step follows", "Plain and in order.", 4, "Say first what a mass weighs."),
        ]
        criteria = [
            dict(zip(("name", "discussion", "score", "suggestion"), one, strict=True)) for one in found
        ]
        scores = {str(one["name"]).lower(): one["score"] for one in criteria}
        said = {"own_work": "I find $118$ N.", "criteria": criteria}
        _step(sample, 2 * at + 1, "critique", "revision-critique", said, scores)
    for kind, judge, outcome in (
        ("maths", "math-verify/0.9", "passed"),
        ("judge", "tiny judge/1", "uncertain"),
    ):
        Verdict.objects.create(
            sample=sample, ordinal=ord(kind[0]), kind=kind, judge=judge, outcome=outcome, evidence="60*9.81*0.5/2.5 = 117.7"
        )  # fmt: skip
    queue = make.a_queue(project, "samples", name="Samples")
    make.an_item(queue, sample)
    return queue


def _step(sample, ordinal, kind, name, said, scores=None):
    SampleStep.objects.create(
        sample=sample,
        ordinal=ordinal,
        kind=kind,
        name=name,
        prompt=f"{name}: do it.",
        prompt_version=f"{name}/1",
        model="tiny",
        output=json.dumps(said),
        scores=scores or {},
    )


def test_a_sample_is_sent_back_revised_and_accepted_by_keys_alone(page_of: PageOf, queue: Queue) -> None:
    ada = make.a_member(queue.project)
    page = page_of(ada, bypass_csp=True, color_scheme="light", reduced_motion="reduce")
    page.goto(f"/projects/levers/review/queues/{queue.uuid}")
    text = page.locator("[data-text]")
    expect(text).to_contain_text("This is the result.")
    page.keyboard.press("h")  # the seed
    page.keyboard.press("h")  # the draft
    with page.expect_response("**/steps/1"):
        page.keyboard.press("h")
    expect(page.locator(".criteria").first).to_contain_text("Mass is no force")
    with page.expect_response("**/steps/2"):
        page.keyboard.press("h")
    expect(page.locator(".beside del").first).to_be_visible()
    _look(page, "chain")

    with page.expect_response("**/texts/step-0"):
        page.keyboard.press("v")
    expect(text).to_contain_text("Version 1 of 2")
    page.keyboard.press("v")
    expect(text).to_contain_text("This is the result.")

    page.keyboard.press("b")
    expect(page.locator("#note")).to_be_focused()
    page.keyboard.type("Say first what a mass weighs, b or not b.")
    _look(page, "note")
    with page.expect_response("**/decide"):
        page.keyboard.press("Control+Enter")
    expect(page.locator("#toast")).to_contain_text("Sent back")
    expect(page.locator(".nothing")).to_contain_text("being revised")

    run.drain(Job.objects.get(kind="revise"))
    page.goto(f"/projects/levers/review/queues/{queue.uuid}")
    expect(text.locator("ins").first).to_contain_text("A mass weighs")
    expect(page.locator(".item-main")).to_contain_text("b or not b")
    _look(page, "revised")
    page.keyboard.press("d")
    expect(text.locator("[data-look=clean] math").first).to_be_visible()
    with page.expect_response("**/decide"):
        page.keyboard.press("a")
    item = Item.objects.get()
    assert (item.state, item.round) == ("accepted", 1)
    assert Decision.objects.filter(event="decide").get().text_version == item.text_version
    assert item.text_version is not None and item.text_version.author is None


def _look(page: Page, name: str) -> None:
    """axe and the width, light on a wide screen and dark on a narrow one; with a picture of each where they are wanted."""
    folder = os.environ.get("PICTURES")
    for scheme, width in (("light", 1280), ("dark", 390)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 860})
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=f"{folder}/sent-back-{name}-{scheme}-{width}.png", full_page=True)
        assert problems(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1280, "height": 860})
