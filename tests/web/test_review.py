"""The review pages without a browser: who may, what is said, what never shows, how much it weighs."""

from __future__ import annotations

import re
import uuid
from typing import Any

import brotli
import pytest
from django.test import Client
from django.utils import timezone

from curation.actions import review
from curation.models import (
    ActiveScorer,
    Cluster,
    ClusterMember,
    Decision,
    Draft,
    Embedding,
    EmbeddingModel,
    Item,
    Job,
    Queue,
    Rubric,
    Score,
    Scorer,
    Slot,
    User,
)
from curation.recipe.review.cards import CARDS
from tests import factories as make

pytestmark = pytest.mark.django_db

BY_SCRIPT = {"X-Requested-With": "review"}


@pytest.fixture
def queue() -> Queue:
    queue = make.a_queue(make.a_project("reading"), "seeds", name="Seeds")
    for number in range(1, 4):
        make.an_item(queue, make.a_seed(queue.project, f"Passage number {number} is here."))
    return queue


@pytest.fixture
def ada(queue: Queue) -> User:
    return make.a_member(queue.project, "annotator", "ada@example.org")


@pytest.fixture
def bob(queue: Queue) -> User:
    return make.a_member(queue.project, "annotator", "bob@example.org")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def address(queue: Queue, action: str = "") -> str:
    return f"/projects/{queue.project.slug}/review/queues/{queue.uuid}{action}"


def of_item(item: Item, action: str) -> str:
    return f"/projects/{item.queue.project.slug}/review/items/{item.uuid}/{action}"


def html_of(response: Any) -> str:
    return response.content.decode()


def shown(client: Client, queue: Queue) -> tuple[Item, str]:
    """Open the page: the item on it and its lease."""
    html = html_of(client.get(address(queue)))
    item = re.search(r'data-item="([^"]+)"', html)
    lease = re.search(r'data-lease="([^"]+)"', html)
    assert item and lease, html
    return Item.objects.get(uuid=item[1]), lease[1]


def decided(client: Client, queue: Queue, **form: Any) -> Any:
    item, lease = shown(client, queue)
    return client.post(of_item(item, "decide"), {"lease": lease, **form}, headers=BY_SCRIPT)


# -- Who may


@pytest.mark.parametrize("role", ["annotator", "reviewer", "manager"])
def test_every_member_reviews(queue: Queue, role: str) -> None:
    client = signed_in(make.a_member(queue.project, role))
    assert client.get("/projects/reading/review/").status_code == 200
    assert client.get(address(queue)).status_code == 200


def test_outsiders_learn_nothing(queue: Queue) -> None:
    outsider = signed_in(make.a_member(make.a_project("elsewhere"), "manager"))
    item = queue.items.first()
    assert item is not None
    for path in ("", "/progress", "/summary", "/past"):
        assert outsider.get(address(queue, path)).status_code == 404
    for path in ("/next", "/beat", "/release", "/undo"):
        assert outsider.post(address(queue, path)).status_code == 404
    for path in ("decide", "draft", "preview"):
        assert outsider.post(of_item(item, path)).status_code == 404
    assert outsider.get(of_item(item, "context")).status_code == 404


def test_a_queue_is_not_reached_through_another_project(queue: Queue) -> None:
    other = make.a_project("elsewhere")
    client = signed_in(make.a_member(other, "manager"))
    assert client.get(f"/projects/elsewhere/review/queues/{queue.uuid}").status_code == 404


def test_items_that_the_queue_did_not_give_are_not_looked_at(queue: Queue, ada: User) -> None:
    item = queue.items.last()
    assert item is not None
    client = signed_in(ada)
    assert client.get(of_item(item, "context")).status_code == 403
    assert client.post(of_item(item, "draft"), {"note": "x"}).status_code == 403
    assert (
        client.post(of_item(item, "decide"), {"action": "accept", "lease": uuid.uuid4()}).status_code == 403
    )
    assert not Decision.objects.exists()


def test_an_item_is_not_chosen_by_its_address(queue: Queue, ada: User) -> None:
    last = queue.items.order_by("-position").first()
    assert last is not None
    html = html_of(signed_in(ada).get(address(queue) + f"?item={last.uuid}"))
    assert "Passage number 1 is here." in html


def test_reading_pages_change_nothing(queue: Queue, ada: User) -> None:
    client = signed_in(ada)
    for path in ("/next", "/beat", "/release", "/undo"):
        assert client.get(address(queue, path)).status_code == 405


# -- What is said


def test_each_state_of_a_queue_is_said_differently(queue: Queue, ada: User, bob: User) -> None:
    project = queue.project
    make.a_queue(project, "seeds", name="Empty one")
    paused = make.a_queue(project, "seeds", name="Paused one", paused_at=timezone.now())
    make.an_item(paused)
    with_others = make.a_queue(project, "seeds", name="With others")
    make.an_item(with_others)
    review.claim(with_others, bob)
    answered = make.a_queue(project, "seeds", name="Answered", wanted=2)
    make.an_item(answered)
    done = make.a_queue(project, "seeds", name="Done one")
    make.an_item(done)
    client = signed_in(ada)
    decided(client, done, action="accept")
    decided(client, answered, action="accept")
    html = html_of(client.get("/projects/reading/review/"))
    said = {one: html.split(f"</svg>{one}</h2>")[1].split("</li>")[0] for one in _names(project)}
    assert "Review<span" in said["Seeds"]
    assert "Nothing has been put in yet" in said["Empty one"]
    assert "paused" in said["Paused one"]
    assert "All that is left is being looked at" in said["With others"]
    assert "You have answered all you can" in said["Answered"]
    assert "Every item has its decisions" in said["Done one"]
    for name, sentence in (
        ("Empty one", "This queue is empty"),
        ("Paused one", "This queue is paused"),
        ("With others", "Everything left is with others"),
        ("Answered", "Nothing left for you"),
        ("Done one", "All done"),
    ):
        one = Queue.objects.get(project=project, name=name)
        assert sentence in html_of(client.get(address(one))), name


def _names(project: Any) -> list[str]:
    return list(Queue.objects.filter(project=project).values_list("name", flat=True))


def test_a_project_without_queues_says_how_one_comes_about(ada: User) -> None:
    other = make.a_project("fresh")
    client = signed_in(make.a_member(other, "annotator"))
    assert "No queues yet" in html_of(client.get("/projects/fresh/review/"))


def test_beside_a_seed_stands_where_it_comes_from(queue: Queue, ada: User) -> None:
    project = make.a_project("scored", guidelines="Take what *explains*.")
    source = make.a_source(project, "Physics web", licence="CC-BY-4.0")
    document = make.a_document(
        project, "Some text here.", source, address="https://example.org/a", title="On ice"
    )
    passage = make.a_passage(project, "Some text here.", document)
    _score(passage, "reasoning", 3.8)
    near = make.a_passage(project, "Nearly that text here.")
    cluster = Cluster.objects.create(
        project=project,
        model=EmbeddingModel.objects.create(key="k", name="n", revision="r", dimensions=3),
        threshold=0.92,
        rule="r",
        representative=passage,
        size=2,
    )
    ClusterMember.objects.create(cluster=cluster, passage=passage, similarity=1)
    ClusterMember.objects.create(cluster=cluster, passage=near, similarity=0.947)
    seeds = make.a_queue(project, "seeds")
    make.an_item(seeds, make.a_seed(project, passage=passage))
    html = html_of(signed_in(make.a_member(project)).get(address(seeds)))
    for said in (
        "Physics web",
        "CC-BY-4.0",
        "https://example.org/a",
        "On ice",
        "3.8",
        "4: anchor 4 (starter-1)",
        "0.95",
        "Nearly that text here.",
        "<em>explains</em>",
    ):
        assert said in html, said


def _score(passage: Any, key: str, value: float) -> None:
    rubric, _ = Rubric.objects.get_or_create(
        key=key,
        project=None,
        defaults={"name": key.title(), "level": "passage", "anchors": [f"anchor {n}" for n in range(6)]},
    )
    scorer, _ = Scorer.objects.get_or_create(rubric=rubric, name="starter", version="1")
    ActiveScorer.objects.get_or_create(project=passage.project, rubric=rubric, scorer=scorer)
    Score.objects.create(scorer=scorer, passage=passage, value=value)


def test_hostile_text_stays_text(queue: Queue) -> None:
    project = make.a_project("hostile")
    seeds = make.a_queue(project, "seeds")
    make.an_item(seeds, make.a_seed(project, "</textarea><script>alert(1)</script> in a passage"))
    client = signed_in(make.a_member(project))
    html = html_of(client.get(address(seeds)))
    assert "<script>alert" not in html and "</textarea><script" not in html


# -- Blindness


def test_scores_are_nowhere_in_a_scores_queue_until_one_has_answered(queue: Queue, ada: User) -> None:
    project = queue.project
    scores = make.a_queue(project, "scores", wanted=2)
    for number in range(2):
        passage = make.a_passage(project, f"A measured passage {number}.")
        _score(passage, "reasoning", 3.77)
        _score(passage, "factual", 1.23)
        make.an_item(scores, passage)
    client = signed_in(ada)
    page = html_of(client.get(address(scores)))
    ahead = html_of(client.post(address(scores, "/next"), headers=BY_SCRIPT))
    for html in (page, ahead):
        assert "A measured passage" in html
        assert "3.8" not in html and "3.77" not in html and "1.2" not in html
    response = decided(client, scores, action="rate", **{"rating-factual": 2, "rating-reasoning": 4})
    assert response.status_code == 200
    past = html_of(client.get(address(scores, "/past")))
    assert "3.8" in past and "1.2" in past


def test_a_seeds_queue_does_not_give_away_what_a_scores_queue_will_ask(queue: Queue, ada: User) -> None:
    project = queue.project
    item = queue.items.order_by("position").select_related("seed__passage").first()
    assert item is not None and item.seed is not None
    _score(item.seed.passage, "reasoning", 3.77)
    client = signed_in(ada)
    assert "3.8" in html_of(client.get(address(queue)))
    make.an_item(make.a_queue(project, "scores"), item.seed.passage)
    assert "3.8" not in html_of(client.get(address(queue)))


@pytest.mark.parametrize("role", ["annotator", "reviewer"])
def test_nothing_of_anothers_decision_shows_before_ones_own(queue: Queue, role: str) -> None:
    project = queue.project
    blind = make.a_queue(project, "seeds", wanted=2)
    make.an_item(blind, make.a_seed(project, "A passage for two."))
    other = make.a_member(project, "annotator", "carol@example.org")
    other.name = "Carol Secret"
    other.save()
    decided(signed_in(other), blind, action="accept", note="Carol's note", text="Carol's better text.")
    client = signed_in(make.a_member(project, role))
    html = html_of(client.get(address(blind))) + html_of(client.get(address(blind, "/summary")))
    item = blind.items.get()
    html += html_of(client.get(of_item(item, "context"))) + html_of(client.get("/projects/reading/review/"))
    html += html_of(client.post(of_item(item, "preview"), {"text": "x"}))
    for secret in ("Carol", "better text", "carol@", "Accepted"):
        assert secret not in html, secret


# -- Deciding


def test_a_decision_by_script_answers_with_what_was_done(queue: Queue, ada: User) -> None:
    response = decided(signed_in(ada), queue, action="accept", seconds="12.5", note=" fine ")
    decision = Decision.objects.get()
    assert response.json() == {"decision": str(decision.uuid), "said": "Accepted", "surplus": False}
    assert (decision.verdict, decision.seconds, decision.note) == ("accept", 12.5, "fine")


@pytest.mark.parametrize(
    ("form", "event", "verdict", "reason"),
    [
        ({"action": "reject:shallow"}, "decide", "reject", "shallow"),
        ({"action": "reject", "reason": "garbled"}, "decide", "reject", "garbled"),
        ({"action": "skip"}, "skip", "", ""),
        ({"action": "flag", "note": "unsure"}, "flag", "", ""),
    ],
)
def test_each_action_makes_its_event(
    queue: Queue, ada: User, form: dict[str, str], event: str, verdict: str, reason: str
) -> None:
    assert decided(signed_in(ada), queue, **form).status_code == 200
    decision = Decision.objects.get()
    assert (decision.event, decision.verdict, decision.reason) == (event, verdict, reason)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"action": "reject"}, "Give a reason"),
        ({"action": "reject:nonsense"}, "Give a reason"),
        ({"action": "reject:other"}, "Say in the note"),
        ({"action": "rate"}, "asks for accept or reject"),
        ({"action": ""}, "asks for accept or reject"),
        ({"action": "accept", "text": "  "}, "cannot be empty"),
        ({"action": "accept", "seconds": "soon"}, "not a number"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_with_the_way_out(
    queue: Queue, ada: User, form: dict[str, str], said: str
) -> None:
    response = decided(signed_in(ada), queue, **form)
    assert response.status_code == 422
    assert said in response.json()["message"]
    assert not Decision.objects.exists()


def test_a_refused_form_without_script_comes_back_with_what_was_typed(queue: Queue, ada: User) -> None:
    client = signed_in(ada)
    item, lease = shown(client, queue)
    form = {"lease": lease, "action": "reject:other", "text": "Half an edit", "note": " "}
    response = client.post(of_item(item, "decide"), form)
    assert response.status_code == 422
    assert "Half an edit" in html_of(response) and "Say in the note" in html_of(response)
    assert lease in html_of(response)


def test_an_edit_is_one_only_where_it_changes_the_text(queue: Queue, ada: User) -> None:
    client = signed_in(ada)
    decided(client, queue, action="accept", text="Passage number 1 is here.")
    decided(client, queue, action="accept", text="Passage number 2 is there.")
    first, second = Decision.objects.order_by("id")
    assert first.text_version is None
    assert second.text_version is not None and second.text_version.text == "Passage number 2 is there."


def test_the_walk_back_shows_ones_own_edit_as_a_difference(queue: Queue, ada: User) -> None:
    client = signed_in(ada)
    decided(client, queue, action="accept", text="Passage number 1 is there.")
    html = html_of(client.get(address(queue, "/past")))
    assert "<del>here</del><ins>there</ins>" in html and "Accepted" in html


def test_line_ends_of_a_browser_are_no_edit(ada: User, queue: Queue) -> None:
    project = make.a_project("lines")
    seeds = make.a_queue(project, "seeds")
    make.an_item(seeds, make.a_seed(project, "one\ntwo\r\nthree"))
    client = signed_in(make.a_member(project))
    decided(client, seeds, action="accept", text="one\r\ntwo\r\nthree")
    assert Decision.objects.get().text_version is None


def test_the_messages_of_a_sample_are_edited_in_place(queue: Queue) -> None:
    samples = make.a_queue(queue.project, "samples")
    make.an_item(samples, make.a_sample(queue.project, "What is 2 + 2?", "It is 5."))
    client = signed_in(make.a_member(queue.project))
    form = {"message-0": "What is 2 + 2?", "message-1": "It is 4."}
    assert decided(client, samples, action="accept", **form).status_code == 200
    version = Decision.objects.get().text_version
    assert version is not None and version.messages[1] == {"role": "assistant", "content": "It is 4."}


def test_the_same_form_twice_is_one_decision(queue: Queue, ada: User) -> None:
    client = signed_in(ada)
    item, lease = shown(client, queue)
    answers = [
        client.post(of_item(item, "decide"), {"lease": lease, "action": "accept"}, headers=BY_SCRIPT).json()
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert Decision.objects.count() == 1


def test_a_late_decision_is_kept_and_says_that_it_does_not_count(queue: Queue, ada: User, bob: User) -> None:
    client = signed_in(ada)
    item, lease = shown(client, queue)
    review.release_all(ada)
    claim = review.claim(queue, bob)
    assert claim is not None and claim.item_id == item.pk
    review.decide(bob, item, claim.lease, review.Answer("accept"))
    response = client.post(of_item(item, "decide"), {"lease": lease, "action": "accept"}, headers=BY_SCRIPT)
    assert response.json()["surplus"] is True and "does not count" in response.json()["said"]


def test_a_form_without_its_lease_is_refused(queue: Queue, ada: User) -> None:
    client = signed_in(ada)
    item, _ = shown(client, queue)
    for lease in ("", "nonsense", str(uuid.uuid4())):
        response = client.post(
            of_item(item, "decide"), {"lease": lease, "action": "accept"}, headers=BY_SCRIPT
        )
        assert (response.status_code, response.json()["code"]) == (409, "lease_unknown")


def test_without_script_a_decision_leads_to_the_next_item(queue: Queue, ada: User) -> None:
    client = signed_in(ada)
    item, lease = shown(client, queue)
    response = client.post(of_item(item, "decide"), {"lease": lease, "action": "accept"}, follow=True)
    assert "Accepted." in html_of(response) and "Passage number 2 is here." in html_of(response)


# -- Leases, drafts, undo


def test_the_next_item_is_another_one_and_a_reload_goes_on_with_what_is_held(queue: Queue, ada: User) -> None:
    client = signed_in(ada)
    _, lease = shown(client, queue)
    ahead = html_of(client.post(address(queue, "/next"), {"lease": lease}, headers=BY_SCRIPT))
    assert "Passage number 2 is here." in ahead and "<html" not in ahead
    again = re.search(r'data-lease="([^"]+)"', html_of(client.get(address(queue))))
    assert again is not None and again[1] == lease
    assert Slot.objects.filter(state="held").count() == 2


def test_a_beat_prolongs_takes_again_and_says_what_is_gone(queue: Queue, ada: User, bob: User) -> None:
    client = signed_in(ada)
    item, lease = shown(client, queue)
    assert client.post(address(queue, "/beat"), {"lease": lease}).json() == {"leases": {lease: lease}}
    review.release_all(ada)
    new = client.post(address(queue, "/beat"), {"lease": lease}).json()["leases"][lease]
    assert new not in (None, lease)
    review.release_all(ada)
    review.claim(queue, bob)
    assert client.post(address(queue, "/beat"), {"lease": [new]}).json() == {"leases": {new: None}}
    assert client.post(address(queue, "/beat"), {"lease": "nonsense"}).status_code == 404
    assert item.slots.get().holder == bob


def test_leaving_gives_back_what_the_page_names_and_pausing_gives_back_all(queue: Queue, ada: User) -> None:
    client = signed_in(ada)
    _, lease = shown(client, queue)
    client.post(address(queue, "/next"), {"lease": lease}, headers=BY_SCRIPT)
    assert client.post(address(queue, "/release"), {"lease": lease}).status_code == 204
    assert Slot.objects.filter(state="held").count() == 1
    assert client.post(address(queue, "/release")).status_code == 302
    assert Slot.objects.filter(state="held").count() == 0


def test_one_cannot_give_back_what_another_holds(queue: Queue, ada: User, bob: User) -> None:
    _, lease = shown(signed_in(ada), queue)
    signed_in(bob).post(address(queue, "/release"), {"lease": lease})
    assert Slot.objects.get(state="held").holder == ada


def test_drafts_are_kept_by_version_and_a_conflict_shows_both(queue: Queue, ada: User) -> None:
    client = signed_in(ada)
    item, _ = shown(client, queue)
    save = of_item(item, "draft")
    assert client.post(save, {"note": "first", "base": 0}, headers=BY_SCRIPT).json() == {"version": 1}
    assert client.post(save, {"note": "second", "base": 1}, headers=BY_SCRIPT).json() == {"version": 2}
    conflict = client.post(save, {"note": "from afar", "base": 1}, headers=BY_SCRIPT)
    assert conflict.status_code == 409
    assert conflict.json()["payload"] == {"note": "second"} and conflict.json()["version"] == 2
    assert "<del>second" in conflict.json()["html"] and "<ins>from afar" in conflict.json()["html"]
    html = html_of(client.get(address(queue)))
    assert ">\nsecond</textarea>" in html and "Your draft is back" in html


def test_a_draft_never_outranks_a_decision(queue: Queue, ada: User) -> None:
    client = signed_in(ada)
    item, lease = shown(client, queue)
    client.post(of_item(item, "decide"), {"lease": lease, "action": "accept"}, headers=BY_SCRIPT)
    assert (
        client.post(of_item(item, "draft"), {"note": "late", "base": 0}, headers=BY_SCRIPT).status_code == 204
    )
    assert not Draft.objects.exists()


def test_a_draft_of_one_person_is_not_shown_to_another(queue: Queue, ada: User) -> None:
    blind = make.a_queue(queue.project, "seeds", wanted=2)
    make.an_item(blind, make.a_seed(queue.project, "For two."))
    client = signed_in(ada)
    item, _ = shown(client, blind)
    client.post(of_item(item, "draft"), {"note": "a private thought", "base": 0})
    other = signed_in(make.a_member(queue.project, "reviewer"))
    assert "private thought" not in html_of(other.get(address(blind)))


def test_undo_gives_the_item_back_as_it_was_entered(queue: Queue, ada: User) -> None:
    client = signed_in(ada)
    decided(client, queue, action="accept", note="on second thought", text="Another text.")
    response = client.post(address(queue, "/undo"), headers=BY_SCRIPT)
    assert "on second thought" in html_of(response) and "Another text." in html_of(response)
    nothing = signed_in(make.a_member(queue.project)).post(address(queue, "/undo"), headers=BY_SCRIPT)
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_to_undo")


def test_one_cannot_undo_what_another_decided(queue: Queue, ada: User, bob: User) -> None:
    decided(signed_in(ada), queue, action="accept")
    decision = Decision.objects.get()
    client = signed_in(bob)
    for named in (str(decision.uuid), "nonsense"):
        response = client.post(address(queue, "/undo"), {"decision": named}, headers=BY_SCRIPT)
        assert response.status_code == 409
    assert client.get(address(queue, f"/past/{decision.uuid}")).status_code == 404


def test_the_session_is_summed_up(queue: Queue, ada: User) -> None:
    client = signed_in(ada)
    decided(client, queue, action="accept", seconds=10)
    decided(client, queue, action="reject:wrong", seconds=20)
    html = html_of(client.get(address(queue, "/summary")))
    assert "1 accepted, 1 rejected" in html and "15" in html and "Wrong or misleading" in html
    progress = html_of(client.get(address(queue, "/progress")))
    assert "<strong>2</strong> of 3" in progress and "you 2" in progress


def test_the_passage_is_marked_in_its_document(queue: Queue, ada: User) -> None:
    project = queue.project
    document = make.a_document(project, "Before it. The passage itself. " + "After it. " * 2_000)
    seeds = make.a_queue(project, "seeds")
    make.an_item(
        seeds, make.a_seed(project, passage=make.a_passage(project, "The passage itself.", document))
    )
    client = signed_in(ada)
    item, _ = shown(client, seeds)
    part = html_of(client.get(of_item(item, "context"), headers=BY_SCRIPT))
    assert 'Before it. <mark id="passage">The passage itself.</mark> After it.' in part
    assert "characters after" in part and len(part) < 12_000
    assert "<html" in html_of(client.get(of_item(item, "context")))


def test_the_nearest_passages_come_in_later(queue: Queue, ada: User) -> None:
    project = queue.project
    model = EmbeddingModel.objects.create(key="k", name="n", revision="r", dimensions=3)
    first = queue.items.order_by("position").select_related("seed__passage").first()
    assert first is not None and first.seed is not None and first.seed.passage is not None
    other = make.a_passage(project, "Nearly the same passage.")
    client = signed_in(ada)
    item, _ = shown(client, queue)
    assert client.get(of_item(item, "near")).status_code == 204
    Job.objects.create(project=project, kind="embed", state="done", result={"model": model.pk})
    vectors = {first.seed.passage.text_sha256: [1, 0, 0], other.text_sha256: [0.8, 0.6, 0]}
    for text, vector in vectors.items():
        Embedding.objects.create(model=model, text_sha256=text, vector=vector)
    part = html_of(client.get(of_item(item, "near")))
    assert "0.80" in part and "Nearly the same passage." in part
    Embedding.objects.filter(text_sha256=other.text_sha256).update(vector=[0.3, 0.95, 0])
    part = html_of(client.get(of_item(item, "near")))
    assert "Nothing is closer than 0.5" in part and "Nearly the same passage." not in part


# -- Cost


@pytest.mark.parametrize("kind", list(CARDS))
def test_claiming_and_showing_an_item_takes_at_most_twelve_queries(
    kind: str, django_assert_max_num_queries: Any
) -> None:
    queue = make.a_queue(make.a_project("quick"), kind)
    for _ in range(3):
        make.an_item(queue)
    client = signed_in(make.a_member(queue.project, "annotator"))
    client.get("/projects/quick/review/")
    with django_assert_max_num_queries(12):
        assert client.get(address(queue)).status_code == 200
    with django_assert_max_num_queries(12):
        assert client.post(address(queue, "/next"), headers=BY_SCRIPT).status_code == 200


def test_the_list_of_queues_costs_the_same_however_many_there_are(
    queue: Queue, django_assert_max_num_queries: Any
) -> None:
    for number in range(6):
        make.an_item(make.a_queue(queue.project, "seeds", name=f"More {number}"))
    client = signed_in(make.a_member(queue.project, "manager"))
    with django_assert_max_num_queries(12):
        client.get("/projects/reading/review/")


def test_the_whole_page_weighs_less_than_150_kb_over_the_wire(settings: Any) -> None:
    project = make.a_project("weighed", guidelines="Read closely. " * 100)
    queue = make.a_queue(project, "seeds")
    make.an_item(queue, make.a_seed(project, "A passage with a formula $x^2$ and some words. " * 60))
    html = html_of(signed_in(make.a_member(project, "manager")).get(address(queue)))
    static = settings.CHECKOUT / "static"
    files = {path.partition("#")[0] for path in re.findall(r'(?:src|href)="/static/([^"]+)"', html)}
    weights = {name: len(brotli.compress((static / name).read_bytes(), quality=9)) for name in sorted(files)}
    assert {"css/studio.css", "css/review.css", "js/review.js", "vendor/htmx/htmx.min.js"} <= files
    assert len(html.encode()) + sum(weights.values()) < 150_000, weights


def test_a_page_is_rated_whole_and_its_score_is_hidden_until_then() -> None:
    project = make.a_project("pages")
    queue = make.a_queue(project, "pages")
    page = make.a_kept_document(project, "Tides follow the moon. " * 30)
    scorer = make.an_active_scorer(project)
    Score.objects.create(scorer=scorer, document=page, value=4.4)
    item = make.an_item(queue, page)
    ada = make.a_member(project, "reviewer")
    client = signed_in(ada)
    shown = client.get(address(queue)).content.decode()
    assert "Tides follow the moon." in shown
    assert "stay hidden until you have given yours" in shown
    assert "4.4" not in shown
    lease = item.slots.get().lease
    place = f"/projects/pages/review/items/{item.uuid}/decide"
    refused = client.post(
        place, {"lease": lease, "action": "rate", "rating-educational": 6}, headers=BY_SCRIPT
    )
    assert refused.status_code == 422
    saved = client.post(place, {"lease": lease, "action": "rate", "rating-educational": 2}, headers=BY_SCRIPT)
    assert saved.status_code == 200
    item.refresh_from_db()
    assert (item.state, item.result) == ("rated", {"educational": 2})


def test_a_queue_may_ask_for_the_project_s_own_rubric_on_its_own_scale() -> None:
    project = make.a_project("own")
    Rubric.objects.create(
        project=project,
        key="clarity",
        name="Clarity",
        level="passage",
        question="Is it clear?",
        highest=2,
        anchors=["no", "partly", "yes"],
    )
    queue = make.a_queue(project, "scores", rubrics=["clarity"])
    item = make.an_item(queue)
    client = signed_in(make.a_member(project))
    shown = client.get(address(queue)).content.decode()
    assert "Clarity" in shown and 'name="rating-clarity" value="2"' in shown
    assert 'name="rating-clarity" value="3"' not in shown and "rating-factual" not in shown
    lease = item.slots.get().lease
    place = f"/projects/own/review/items/{item.uuid}/decide"
    for rating, status in ((3, 422), (2, 200)):
        said = {"lease": lease, "action": "rate", "rating-clarity": rating}
        assert client.post(place, said, headers=BY_SCRIPT).status_code == status


def test_a_pair_shows_what_differs_and_never_how_close_the_model_finds_it() -> None:
    project = make.a_project("pairs")
    queue = make.a_queue(project, "pairs")
    pair = make.a_pair(project, "Ice floats on water.", "Ice floats on lakes.", cosine=0.9371)
    item = make.an_item(queue, pair)
    client = signed_in(make.a_member(project))
    shown = client.get(address(queue)).content.decode()
    assert '<del class="only-here">water</del>' in shown and "<ins>lakes</ins>" in shown
    assert "0.93" not in shown and "0.94" not in shown
    place = f"/projects/pairs/review/items/{item.uuid}/decide"
    said = {"lease": item.slots.get().lease, "action": "reject:figures"}
    assert client.post(place, said, headers=BY_SCRIPT).status_code == 200
    item.refresh_from_db()
    assert item.state == "rejected"


@pytest.mark.parametrize(
    "named", [{"quote": "A quote of it."}, {"text": "Its text."}, {"address": "https://x.org"}]
)
def test_a_sample_whose_seed_is_not_here_shows_what_it_names(named: dict[str, str]) -> None:
    queue = make.a_queue(make.a_project("chains"), "samples")
    make.an_item(queue, make.a_sample(queue.project, seed_reference=named))
    shown = signed_in(make.a_member(queue.project)).get(address(queue))
    assert shown.status_code == 200
    assert next(iter(named.values())) in shown.content.decode()
