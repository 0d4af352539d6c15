"""The card of a sample: how it was made, step by step; its other texts; sending it back; and a note that only some may see."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client

from curation.actions import review
from curation.actions.review import revisions
from curation.models import Decision, Endpoint, Item, Queue, Revision, SampleStep, User, Verdict
from curation.recipe.chain import ChainStep
from tests import factories as make
from tests.world import a_call

pytestmark = pytest.mark.django_db
BY_SCRIPT = {"X-Requested-With": "review"}
NOTE = "Say zanzibar, not five."
STEP = ChainStep(
    "revision",
    "revise-again",
    f"Revise. {NOTE}",
    "revise-again/1",
    "tiny",
    json.dumps({"changes": NOTE, "turns": []}),
)
WRITTEN = [
    (
        "draft",
        "revision-draft",
        json.dumps({"plan": "Count.", "task": "What is 2 + 2?", "answer": "It is 3."}),
    ),
    (
        "critique",
        "revision-critique",
        json.dumps(
            {
                "own_work": "I count $2+2=4$.",
                "criteria": [
                    {
                        "name": "Accuracy",
                        "discussion": "Off by one.",
                        "score": 1,
                        "suggestion": "Write **4**.",
                    },
                    {"name": "Clarity", "discussion": "Plain.", "score": 5, "suggestion": ""},
                ],
            }
        ),
    ),
    (
        "revision",
        "revision-revise",
        json.dumps({"changes": "One more.", "task": "What is 2 + 2?", "answer": "It is 5."}),
    ),
    ("critique", "revision-critique", "```json\n" + json.dumps({"own_work": "", "criteria": []}) + "\n```"),
]


@pytest.fixture
def queue() -> Queue:
    return make.a_queue(make.a_project("reading"), "samples", name="Samples", wanted=2)


@pytest.fixture
def item(queue: Queue) -> Item:
    """A sample of two versions, each criticised."""
    sample = make.a_sample(
        queue.project, "What is 2 + 2?", "It is 5.", workflow="self-revision", model="tiny"
    )
    scores = [{}, {"accuracy": 1, "clarity": 5}, {}, {"accuracy": 2, "clarity": 5}]
    for at, (kind, name, output) in enumerate(WRITTEN):
        SampleStep.objects.create(
            sample=sample,
            ordinal=at,
            kind=kind,
            name=name,
            output=output,
            prompt=f"Prompt {at}",
            scores=scores[at],
        )
    Verdict.objects.create(
        sample=sample,
        kind="judge",
        judge="the-judge",
        outcome="passed",
        scores={"accuracy": 5},
        evidence="It adds up.",
    )
    return make.an_item(queue, sample)


@pytest.fixture
def ada(queue: Queue) -> User:
    return make.a_member(queue.project, "annotator", "ada@example.org")


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint.objects.create(name="Tiny", address="http://127.0.0.1:9/v1", model="tiny")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page_of(client: Client, queue: Queue) -> str:
    response = client.get(f"/projects/reading/review/queues/{queue.uuid}")
    assert response.status_code == 200
    return response.content.decode()


def of_item(item: Item, rest: str) -> str:
    return f"/projects/reading/review/items/{item.uuid}/{rest}"


def part(client: Client, item: Item, ordinal: int) -> str:
    response = client.get(of_item(item, f"steps/{ordinal}"), headers={"HX-Request": "true"})
    assert response.status_code == 200
    return response.content.decode()


def decided(client: Client, item: Item, **form: Any) -> Any:
    lease = re.search(r'data-lease="([^"]+)"', page_of(client, item.queue))
    assert lease
    return client.post(of_item(item, "decide"), {"lease": lease[1], **form}, headers=BY_SCRIPT)


def revised(item: Item, by: User) -> Revision:
    """Sent back with the note, and revised."""
    claim = review.claim(item.queue, by)
    assert claim
    review.send_back(by, item, claim.lease, NOTE)
    revision = Revision.objects.get(item=item)
    call = a_call(item.queue.project, revision.job)
    assert revisions.made(revision, ["What is 2 + 2?", "It is 4."], STEP, call.pk)
    return revision


def test_a_card_shows_the_steps_of_its_sample_and_none_of_their_long_texts(
    queue: Queue, item: Item, ada: User
) -> None:
    html = page_of(signed_in(ada), queue)
    for said in ("self-revision", "revision-critique", "the-judge", "It adds up.", "1 → 2", "Send back"):
        assert said in html, said
    for kept in ("Prompt 0", "Off by one", "Count."):
        assert kept not in html, kept


def test_a_step_opens_with_its_diff_the_critique_it_answers_its_prompt_and_raw_answer(
    queue: Queue, item: Item, ada: User
) -> None:
    client = signed_in(ada)
    page_of(client, queue)
    revision = part(client, item, 2)
    for said in (
        "<del>3",
        "<ins>5",
        "Off by one.",
        "<strong>4</strong>",
        "One more.",
        "Prompt 2",
        "Raw answer",
    ):
        assert said in revision, said
    critique = part(client, item, 1)
    assert "<math" in critique and "Suggests" in critique and ">1<" in critique
    alone = client.get(of_item(item, "steps/0"))
    assert "<html" in alone.content.decode() and "Count." in alone.content.decode()
    assert client.get(of_item(item, "steps/9")).status_code == 404


def test_an_earlier_text_is_shown_against_the_one_before_and_accepted_as_it_is(
    queue: Queue, item: Item, ada: User
) -> None:
    client = signed_in(ada)
    html = page_of(client, queue)
    assert re.findall(r'name="revision" value="([^"]*)"', html) == ["step-0", ""]
    shown = client.get(of_item(item, "texts/step-0"), headers=BY_SCRIPT).json()
    assert shown["contents"] == ["What is 2 + 2?", "It is 3."] and "It is 3." in shown["html"]
    assert "<del>3" in client.get(of_item(item, "texts/step-2")).content.decode()
    form = {"action": "accept", "revision": "step-0", "message-0": "What is 2 + 2?", "message-1": "My own."}
    assert decided(client, item, **form).json()["said"] == "Accepted"
    version = Decision.objects.get().text_version
    assert version and version.messages[-1]["content"] == "It is 3."


def test_sending_back_takes_its_note_and_says_so_where_no_model_is_there(
    queue: Queue, item: Item, ada: User
) -> None:
    client = signed_in(ada)
    assert "No language model is connected" in page_of(client, queue)
    refused = decided(client, item, action="send_back", note=NOTE)
    assert refused.status_code == 422 and "Endpoints" in refused.json()["message"]
    Endpoint.objects.create(name="Tiny", address="http://127.0.0.1:9/v1", model="tiny")
    assert decided(client, item, action="send_back", note=" ").status_code == 422
    assert decided(client, item, action="send_back", note=NOTE).json()["said"].startswith("Sent back")
    assert 'data-why="revising"' in page_of(client, queue)
    manager = signed_in(make.a_member(queue.project, "manager"))
    queues = f"/projects/reading/queues/{queue.uuid}/"
    assert "Being revised" in manager.get(queues).content.decode()
    manager.post(f"{queues}take-back", {"item": item.uuid})
    assert Item.objects.get(pk=item.pk).state == "open"


def test_a_revision_shows_what_it_changed_and_its_note_only_to_those_who_may_see_it(
    queue: Queue, item: Item, ada: User, endpoint: Endpoint
) -> None:
    revised(item, ada)
    ben, rita = make.a_member(queue.project), make.a_member(queue.project, "reviewer")
    for user, sees in ((ada, True), (ben, False), (rita, False)):
        client = signed_in(user)
        html = page_of(client, queue)
        assert "<del>5" in html and "<ins>4" in html and "asked for" in html
        step = part(client, item, 4)
        whole = client.get(f"/projects/reading/samples/{item.sample.uuid}/").content.decode()
        assert "<ins>4" in step and all(("zanzibar" in one) is sees for one in (html, step, whole))
        review.release_all(user)
    claim = review.claim(queue, rita)
    assert claim
    review.decide(rita, item, claim.lease, review.Answer("accept"))
    step = signed_in(rita).get(f"/projects/reading/samples/{item.sample.uuid}/steps/4").content.decode()
    assert "zanzibar" in step


def test_a_revision_that_failed_says_why_to_whoever_sent_it_back_alone(
    queue: Queue, item: Item, ada: User, endpoint: Endpoint
) -> None:
    claim = review.claim(queue, ada)
    assert claim
    review.send_back(ada, item, claim.lease, NOTE)
    revisions.failed(Revision.objects.get(), "timeout", "No whole answer within the time limit.")
    assert "No whole answer" in page_of(signed_in(ada), queue)
    assert "No whole answer" not in page_of(signed_in(make.a_member(queue.project)), queue)


def test_what_was_typed_on_the_text_before_is_shown_and_fills_nothing_in(
    queue: Queue, item: Item, ada: User, endpoint: Endpoint
) -> None:
    ben = make.a_member(queue.project)
    client = signed_in(ben)
    page_of(client, queue)
    typed = {"message-0": "What is 2 + 2?", "message-1": "It is 4, as I said.", "base": "0", "round": "0"}
    client.post(of_item(item, "draft"), typed)
    revised(item, ada)
    html = page_of(client, queue)
    assert "You had typed this" in html and html.count("It is 4, as I said.") == 1
    client.post(of_item(item, "draft"), {**typed, "base": "1"})  # a page that was open meanwhile
    assert page_of(client, queue).count("It is 4, as I said.") == 1


def test_a_card_with_a_long_chain_stays_light(queue: Queue, item: Item, ada: User) -> None:
    SampleStep.objects.update(prompt="A long prompt. " * 4_000)
    for at in range(4, 24):
        output = json.dumps({"task": "What is 2 + 2?", "answer": f"It is {at}. " * 2_000})
        SampleStep.objects.create(
            sample=item.sample, ordinal=at, kind="revision", name="revision-revise", output=output
        )
    assert len(page_of(signed_in(ada), queue).encode()) < 60_000


def test_hostile_text_of_a_chain_stays_text(queue: Queue, ada: User) -> None:
    bad = "</textarea><script>alert(1)</script>"
    sample = make.a_sample(queue.project, f"Q {bad}", f"A {bad}", model=bad)
    for at, kind in enumerate(("draft", "critique", "revision")):
        SampleStep.objects.create(
            sample=sample,
            ordinal=at,
            kind=kind,
            name=bad,
            prompt=bad,
            output=f"A {bad} {2 - at}",
            scores={bad: at},
        )
    item = make.an_item(queue, sample)
    client = signed_in(ada)
    pages = [page_of(client, queue), *(part(client, item, at) for at in range(3))]
    assert not [one for one in pages if "<script>alert" in one]
