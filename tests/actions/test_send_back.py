"""Sending a sample back for another revision: what waits, what counts, what comes back."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from curation.actions import review
from curation.actions.review import revisions
from curation.actions.review.texts import texts_of
from curation.models import (
    Decision,
    Draft,
    Endpoint,
    Item,
    Job,
    Lease,
    Queue,
    Revision,
    Sample,
    SampleStep,
    User,
)
from curation.models.reviewing import queue_states, why_nothing
from curation.recipe.chain import ChainStep
from tests import factories as make
from tests.world import a_call

pytestmark = pytest.mark.django_db

STEP = ChainStep(
    "revision", "revise-again", "Revise. <<<NOTE>>>", "revise-again/1", "tiny", '{"changes": "x"}'
)


@pytest.fixture
def queue() -> Queue:
    return make.a_queue(make.a_project("stars"), "samples", wanted=2)


@pytest.fixture
def endpoint(queue: Queue) -> Endpoint:
    return Endpoint.objects.create(name="Tiny", address="http://127.0.0.1:9/v1", model="tiny")


@pytest.fixture
def item(queue: Queue) -> Item:
    return make.an_item(queue, make.a_sample(queue.project, "What is 2 + 2?", "It is 5.", model="tiny"))


@pytest.fixture
def ada(queue: Queue) -> User:
    return make.a_member(queue.project)


@pytest.fixture
def ben(queue: Queue) -> User:
    return make.a_member(queue.project)


def claimed(queue: Queue, user: User) -> uuid.UUID:
    claim = review.claim(queue, user)
    assert claim
    return claim.lease


def sent_back(item: Item, user: User, note: str = "It is 4.") -> Revision:
    review.send_back(user, item, claimed(item.queue, user), note)
    return Revision.objects.get(item=item, state="asked")


def made(revision: Revision, *contents: str) -> bool:
    call = a_call(revision.item.queue.project, revision.job) if revision.state == "asked" else None
    return revisions.made(revision, contents or ("What is 2 + 2?", "It is 4."), STEP, call.pk if call else 0)


def test_a_sent_back_item_is_handed_to_nobody_until_its_revision_is_there(
    queue: Queue, endpoint: Endpoint, item: Item, ada: User, ben: User
) -> None:
    revision = sent_back(item, ada)
    item.refresh_from_db()
    assert item.state == "revising" and queue_states([queue])[queue.pk].revising == 1
    assert review.claim(queue, ben) is None and why_nothing(queue, ben) == "revising"
    job = Job.objects.get(kind="revise")
    assert (job.options["endpoint"], job.created_by, revision.job) == (endpoint.pk, None, job)
    assert "It is 4." not in str(job.options)
    assert made(revision)
    item.refresh_from_db()
    assert (item.state, item.round) == ("open", 1)
    for user in (ada, ben):
        assert review.claim(queue, user)


def test_a_revision_is_a_text_by_the_model_and_a_step_of_the_chain(
    endpoint: Endpoint, item: Item, ada: User
) -> None:
    revision = sent_back(item, ada)
    assert made(revision)
    revision.refresh_from_db()
    version = revision.text_version
    assert version and version.author is None and version.call is not None
    assert [one["content"] for one in version.messages] == ["What is 2 + 2?", "It is 4."]
    step = SampleStep.objects.get(sample=item.sample)
    assert (step.kind, step.prompt_version, revision.step) == ("revision", "revise-again/1", step)
    assert [one.contents[-1] for one in texts_of(Item.objects.get(pk=item.pk))] == ["It is 5.", "It is 4."]


def test_a_revision_asks_everybody_anew_and_what_they_had_decided_counts_no_more(
    queue: Queue, endpoint: Endpoint, item: Item, ada: User, ben: User
) -> None:
    first = review.decide(ben, item, claimed(queue, ben), review.Answer("reject", reason="wrong"))
    revision = sent_back(item, ada)
    assert made(revision)
    review.decide(ada, item, claimed(queue, ada), review.Answer("accept"))
    review.decide(ben, item, claimed(queue, ben), review.Answer("accept"))
    item.refresh_from_db()
    sample = Sample.objects.get(pk=item.sample_id)
    revision.refresh_from_db()
    assert (item.state, sample.state, sample.text_version) == ("accepted", "approved", revision.text_version)
    with pytest.raises(review.NothingToUndo, match="revised since"):
        review.undo(ben, first)


def test_while_a_revision_is_made_nobody_sees_what_others_decided(
    queue: Queue, endpoint: Endpoint, item: Item, ada: User, ben: User
) -> None:
    from curation import access
    from curation.models import Role

    review.decide(ben, item, claimed(queue, ben), review.Answer("accept"))
    revision = sent_back(item, ada)
    item.refresh_from_db()
    assert not access.may_see_decisions(ada, Role.REVIEWER, item)
    assert access.may_see_decisions(ben, Role.REVIEWER, item)
    made(revision)
    item.refresh_from_db()
    assert not access.may_see_decisions(ben, Role.REVIEWER, item)


def test_a_decision_on_the_text_before_is_kept_and_does_not_count(
    queue: Queue, endpoint: Endpoint, item: Item, ada: User, ben: User
) -> None:
    before = claimed(queue, ben)
    made(sent_back(item, ada))
    assert Lease.objects.get(uuid=before).ended_how == "revised"
    late = review.decide(ben, item, before, review.Answer("accept"))
    assert late.surplus and late.round == 0
    again = review.claim(queue, ben)
    assert again and review.decide(ben, item, again.lease, review.Answer("accept")).surplus is False


def test_a_draft_on_the_text_before_stays_beside_the_new_one(
    queue: Queue, endpoint: Endpoint, item: Item, ada: User, ben: User
) -> None:
    review.save_draft(ben, item, {"message-1": "It is 4, I say."}, 0)
    made(sent_back(item, ada))
    item.refresh_from_db()
    review.save_draft(ben, item, {"note": "new"}, 0)
    assert list(Draft.objects.filter(user=ben).order_by("round").values_list("round", flat=True)) == [0, 1]


def test_a_revision_that_fails_gives_the_item_back_as_it_was(
    queue: Queue, endpoint: Endpoint, item: Item, ada: User, ben: User
) -> None:
    review.decide(ben, item, claimed(queue, ben), review.Answer("accept"))
    revision = sent_back(item, ada)
    assert revisions.failed(revision, "timeout", "No whole answer within the time limit.")
    item.refresh_from_db()
    assert (item.state, item.round) == ("open", 0)
    assert not made(Revision.objects.get(pk=revision.pk)) and not revisions.failed(revision, "timeout", "")
    review.decide(ada, item, claimed(queue, ada), review.Answer("accept"))
    item.refresh_from_db()
    assert item.state == "accepted"


def test_whoever_sent_it_back_can_undo_that_while_it_is_being_made(
    queue: Queue, endpoint: Endpoint, item: Item, ada: User
) -> None:
    revision = sent_back(item, ada)
    assert review.last_undoable(ada, queue) == revision.decision
    assert review.undo(ada, revision.decision)
    item.refresh_from_db()
    revision.refresh_from_db()
    assert (item.state, revision.state) == ("open", "taken_back")
    assert not made(revision)


def test_a_manager_takes_it_back_and_what_no_job_works_on_comes_back_by_itself(
    queue: Queue, endpoint: Endpoint, item: Item, ada: User, ben: User
) -> None:
    manager = make.a_member(queue.project, "manager")
    assert revisions.take_back(sent_back(item, ada), manager)
    assert not revisions.take_back(Revision.objects.get(), manager)
    second = sent_back(item, ben)
    Job.objects.filter(pk=second.job_id).update(state="cancelled", reason="Cancelled by a person.")
    assert revisions.give_back_abandoned() == 1
    second.refresh_from_db()
    item.refresh_from_db()
    assert (second.state, second.reason, item.state) == ("failed", "job_ended", "open")
    assert revisions.give_back_abandoned() == 0


def test_a_flag_outlives_a_revision(
    queue: Queue, endpoint: Endpoint, item: Item, ada: User, ben: User
) -> None:
    held = claimed(queue, ben)
    revision = sent_back(item, ada)
    review.flag(ben, item, held)
    item.refresh_from_db()
    assert item.state == "flagged" and made(revision)
    item.refresh_from_db()
    assert (item.state, item.round) == ("flagged", 1) and review.claim(queue, ada) is None


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("no note", "what the revision should change"),
        ("no model", "No language model"),
        ("a seed", "Only samples"),
    ],
)
def test_what_cannot_be_sent_back_says_why(queue: Queue, item: Item, ada: User, what: str, why: str) -> None:
    if what != "no model":
        Endpoint.objects.create(name="Tiny", address="http://127.0.0.1:9/v1", model="tiny")
    if what == "a seed":
        queue = make.a_queue(queue.project, "seeds")
        item = make.an_item(queue)
    lease = claimed(queue, ada)
    with pytest.raises(review.NotAsked, match=why):
        review.send_back(ada, item, lease, "" if what == "no note" else "Mend it.")
    assert not Decision.objects.exists() and not Job.objects.filter(kind="revise").exists()


def test_the_endpoint_of_the_sample_s_own_model_revises_it(queue: Queue, item: Item) -> None:
    Endpoint.objects.create(name="Other", address="http://127.0.0.1:9/v1", model="other")
    own = Endpoint.objects.create(name="Tiny", address="http://127.0.0.1:9/v1", model="tiny")
    Endpoint.objects.create(
        name="Elsewhere", address="http://127.0.0.1:9/v1", model="tiny", project=make.a_project("moons")
    )
    assert item.sample and revisions.reviser(item.sample) == own
    item.sample.model = "gone"
    found: Any = revisions.reviser(item.sample)
    assert found.name == "Other"


def test_an_earlier_revision_is_accepted_as_a_text_that_the_decision_names(
    queue: Queue, item: Item, ada: User, ben: User
) -> None:
    for at, (kind, text) in enumerate(
        [("draft", "It is 4."), ("critique", "Fine."), ("revision", "It is 5.")]
    ):
        SampleStep.objects.create(
            sample=item.sample, ordinal=at, kind=kind, output=text, scores={"style": at}
        )
    found = texts_of(item)
    assert [(one.key, one.now, dict(one.scores)) for one in found] == [
        ("step-0", False, {"style": 1}),
        ("step-2", True, {"style": 2}),
    ]
    for user in (ada, ben):
        decision = review.decide(user, item, claimed(queue, user), review.Answer("accept", revision="step-0"))
        assert decision.text_version
        assert [one["content"] for one in decision.text_version.messages] == ["What is 2 + 2?", "It is 4."]
    item.refresh_from_db()
    assert item.state == "accepted"
    other = make.an_item(queue)
    lease = claimed(queue, ada)
    with pytest.raises(review.NotAsked, match="no such revision"):
        review.decide(ada, other, lease, review.Answer("accept", revision="step-9"))
