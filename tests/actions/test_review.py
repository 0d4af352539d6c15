"""Claims, decisions, undo: what must hold however many people and tabs race for an item."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.utils import DatabaseError
from django.utils import timezone

from curation.actions import review
from curation.actions.review import Answer
from curation.actions.review.claims import lock_item
from curation.models import Decision, Draft, Item, Lease, Slot
from tests import factories as make

pytestmark = pytest.mark.django_db

ACCEPT = Answer("accept")
REJECT = Answer("reject", reason="shallow")


def decide(user: Any, item: Item, answer: Answer = ACCEPT) -> Decision:
    claimed = review.claim(item.queue, user)
    assert claimed is not None and claimed.item_id == item.pk
    return review.decide(user, item, claimed.lease, answer)


def test_a_claim_takes_the_lowest_position_first() -> None:
    queue = make.a_queue(make.a_project())
    later, sooner = make.an_item(queue, position=9), make.an_item(queue, position=3)
    ann, ben = make.a_user(), make.a_user()
    assert [review.claim(queue, user).item_id for user in (ann, ben)] == [sooner.pk, later.pk]  # type: ignore[union-attr]


def test_one_person_never_gets_a_second_slot_of_an_item() -> None:
    queue = make.a_queue(make.a_project(), wanted=2)
    item = make.an_item(queue)
    ann, ben = make.a_user(), make.a_user()
    decide(ann, item)
    assert review.claim(queue, ann) is None
    assert review.claim(queue, ben) is not None


def test_accepting_a_seed_approves_it_and_undo_takes_that_back() -> None:
    queue = make.a_queue(make.a_project())
    item = make.an_item(queue)
    ann = make.a_user()
    decision = decide(ann, item)
    item.refresh_from_db()
    assert item.state == "accepted" and item.seed.state == "approved"
    again = review.undo(ann, decision)
    item.refresh_from_db()
    item.seed.refresh_from_db()
    assert item.state == "open" and item.seed.state == "candidate"
    assert again is not None and again.item_id == item.pk
    with pytest.raises(review.NothingToUndo):
        review.undo(ann, decision)


def test_two_people_who_differ_make_a_dispute_that_a_reviewer_ends() -> None:
    queue = make.a_queue(make.a_project(), wanted=2)
    item = make.an_item(queue)
    ann, ben, rita = make.a_user(), make.a_user(), make.a_user()
    decide(ann, item)
    mine = decide(ben, item, REJECT)
    item.refresh_from_db()
    assert item.state == "disputed" and item.seed.state == "candidate"
    review.resolve(rita, item, ACCEPT)
    item.refresh_from_db()
    item.seed.refresh_from_db()
    assert item.state == "accepted" and item.seed.state == "approved"
    with pytest.raises(review.NothingToUndo):
        review.undo(ben, mine)


def test_accepting_different_texts_is_a_dispute() -> None:
    queue = make.a_queue(make.a_project(), wanted=2)
    item = make.an_item(queue)
    decide(make.a_user(), item)
    decide(make.a_user(), item, Answer("accept", text="Better text."))
    item.refresh_from_db()
    assert item.state == "disputed"


def test_an_edit_is_kept_as_a_version_and_the_passage_stays() -> None:
    queue = make.a_queue(make.a_project())
    item = make.an_item(queue)
    original = item.seed.passage.text
    decision = decide(make.a_user(), item, Answer("accept", text="Ice floats: it is less dense."))
    seed = Item.objects.get(pk=item.pk).seed
    assert decision.text_version is not None and seed.text_version == decision.text_version
    assert seed.current_text == "Ice floats: it is less dense." and seed.passage.text == original


def test_editing_the_last_message_of_a_sample_keeps_the_others() -> None:
    queue = make.a_queue(make.a_project(), "samples")
    item = make.an_item(queue)
    decide(make.a_user(), item, Answer("accept", text="forty-two"))
    version = Item.objects.get(pk=item.pk).sample.text_version
    assert version is not None and version.messages is not None
    assert [message["role"] for message in version.messages] == ["user", "assistant"]
    assert version.messages[1]["content"] == "forty-two"


def test_the_same_lease_twice_is_one_decision() -> None:
    queue = make.a_queue(make.a_project())
    item = make.an_item(queue)
    ann = make.a_user()
    claimed = review.claim(queue, ann)
    assert claimed is not None
    first = review.decide(ann, item, claimed.lease, ACCEPT)
    assert review.decide(ann, item, claimed.lease, ACCEPT) == first
    with pytest.raises(review.AlreadyDecided):
        review.skip(ann, item, claimed.lease)
    assert Decision.objects.count() == 1


def test_a_lease_of_somebody_else_decides_nothing() -> None:
    queue = make.a_queue(make.a_project())
    item = make.an_item(queue)
    ann, eve = make.a_user(), make.a_user()
    claimed = review.claim(queue, ann)
    assert claimed is not None
    for lease in (claimed.lease, uuid.uuid4()):
        with pytest.raises(review.LeaseUnknown):
            review.decide(eve, item, lease, ACCEPT)


def test_a_late_decision_counts_while_a_slot_is_open_and_is_surplus_when_none_is() -> None:
    queue = make.a_queue(make.a_project())
    ann, ben = make.a_user(), make.a_user()
    for taken in (False, True):
        item = make.an_item(queue)
        claimed = review.claim(queue, ann)
        assert claimed is not None and claimed.item_id == item.pk
        Slot.objects.filter(lease=claimed.lease).update(expires_at=timezone.now() - timedelta(hours=1))
        assert review.expire_leases() == 1
        assert Lease.objects.get(pk=claimed.lease).ended_how == "expired"
        if taken:
            decide(ben, item, REJECT)
        late = review.decide(ann, item, claimed.lease, ACCEPT)
        item.refresh_from_db()
        assert late.surplus is taken
        assert item.state == ("rejected" if taken else "accepted")


def test_skipping_gives_the_item_to_others_and_not_back_to_me() -> None:
    queue = make.a_queue(make.a_project())
    item = make.an_item(queue)
    ann, ben = make.a_user(), make.a_user()
    claimed = review.claim(queue, ann)
    assert claimed is not None
    skipped = review.skip(ann, item, claimed.lease)
    assert review.claim(queue, ann) is None
    theirs = review.claim(queue, ben)
    assert theirs is not None
    review.release(ben, theirs.lease)
    assert review.undo(ann, skipped) is not None


def test_skipping_twice_under_a_lease_that_ran_out_is_one_event() -> None:
    queue = make.a_queue(make.a_project())
    item = make.an_item(queue)
    ann = make.a_user()
    claimed = review.claim(queue, ann)
    assert claimed is not None
    Slot.objects.update(expires_at=timezone.now() - timedelta(hours=1))
    review.expire_leases()
    first = review.skip(ann, item, claimed.lease)
    assert review.skip(ann, item, claimed.lease) == first


def test_a_text_accepted_after_an_item_was_put_back_is_the_one_that_stands() -> None:
    queue = make.a_queue(make.a_project())
    item = make.an_item(queue)
    ann, ben = make.a_user(), make.a_user()
    claimed = review.claim(queue, ann)
    assert claimed is not None
    review.flag(ann, item, claimed.lease)
    review.resolve(make.a_user(), item, Answer("reopen"))
    decide(ben, item, Answer("accept", text="Mended."))
    assert Item.objects.get(pk=item.pk).seed.current_text == "Mended."


def test_a_flag_takes_the_item_out_until_a_reviewer_puts_it_back() -> None:
    queue = make.a_queue(make.a_project(), wanted=2)
    item = make.an_item(queue)
    ann, ben = make.a_user(), make.a_user()
    claimed = review.claim(queue, ann)
    assert claimed is not None
    review.flag(ann, item, claimed.lease, note="Whose text is this?")
    item.refresh_from_db()
    assert item.state == "flagged" and review.claim(queue, ben) is None
    review.resolve(make.a_user(), item, Answer("reopen"))
    item.refresh_from_db()
    assert item.state == "open" and review.claim(queue, ben) is not None


def test_ratings_far_apart_are_disputed_and_near_ones_averaged() -> None:
    queue = make.a_queue(make.a_project(), "scores", wanted=2, dispute_gap=2)
    near, far = make.an_item(queue), make.an_item(queue)
    ann, ben = make.a_user(), make.a_user()
    for item, other in ((near, 4), (far, 5)):
        decide(ann, item, Answer("rate", ratings={"factual": 3, "reasoning": 3}))
        decide(ben, item, Answer("rate", ratings={"factual": other, "reasoning": 3}))
    near.refresh_from_db()
    far.refresh_from_db()
    assert near.state == "rated" and near.result == {"factual": 3.5, "reasoning": 3.0}
    assert far.state == "disputed"


@pytest.mark.parametrize(
    ("kind", "answer", "complaint"),
    [
        ("seeds", Answer("rate"), "asks for accept or reject"),
        ("seeds", Answer("reject"), "Give a reason"),
        ("seeds", Answer("reject", reason="other"), "Say in the note"),
        ("seeds", Answer("accept", text="  "), "cannot be empty"),
        ("scores", Answer("rate", ratings={"factual": 6, "reasoning": 1}), "from 0 to 5"),
        ("scores", Answer("rate", ratings={"factual": True, "reasoning": 1}), "from 0 to 5"),
        ("scores", Answer("rate", ratings={"factual": 1, "reasoning": 1, "beauty": 1}), "beauty"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_and_the_item_stays_mine(
    kind: str, answer: Answer, complaint: str
) -> None:
    queue = make.a_queue(make.a_project(), kind)
    item = make.an_item(queue)
    ann = make.a_user()
    claimed = review.claim(queue, ann)
    assert claimed is not None
    with pytest.raises(review.NotAsked, match=complaint):
        review.decide(ann, item, claimed.lease, answer)
    assert review.held(queue, ann) == [claimed]


def test_nobody_holds_a_whole_queue() -> None:
    queue = make.a_queue(make.a_project())
    for _ in range(review.MOST_HELD + 1):
        make.an_item(queue)
    ann = make.a_user()
    for _ in range(review.MOST_HELD):
        assert review.claim(queue, ann)
    with pytest.raises(review.TooManyHeld):
        review.claim(queue, ann)


def test_a_paused_queue_hands_out_nothing() -> None:
    queue = make.a_queue(make.a_project(), paused_at=timezone.now())
    make.an_item(queue)
    assert review.claim(queue, make.a_user()) is None


def test_a_draft_is_versioned_and_never_outranks_a_decision() -> None:
    queue = make.a_queue(make.a_project())
    item = make.an_item(queue)
    ann = make.a_user()
    claimed = review.claim(queue, ann)
    assert claimed is not None
    first = review.save_draft(ann, item, {"note": "hm"}, base=0)
    assert first is not None
    second = review.save_draft(ann, item, {"note": "hmm"}, base=first.version)
    assert second is not None and second.version == 2
    with pytest.raises(review.DraftConflict) as conflict:
        review.save_draft(ann, item, {"note": "from the other tab"}, base=first.version)
    assert conflict.value.draft.payload == {"note": "hmm"}
    review.decide(ann, item, claimed.lease, ACCEPT)
    assert not Draft.objects.exists()
    assert review.save_draft(ann, item, {"note": "too late"}, base=2) is None


def test_decisions_cannot_be_changed_or_deleted_even_by_sql() -> None:
    queue = make.a_queue(make.a_project())
    decision = decide(make.a_user(), make.an_item(queue))
    for change in (
        lambda: Decision.objects.filter(pk=decision.pk).update(verdict="reject"),
        lambda: Decision.objects.filter(pk=decision.pk)._raw_delete("default"),  # type: ignore[attr-defined]
    ):
        with pytest.raises(DatabaseError, match="events"), transaction.atomic():
            change()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wanted", [1, 2])
def test_eight_people_racing_decide_every_item_exactly_as_often_as_wanted(wanted: int) -> None:
    queue = make.a_queue(make.a_project(), wanted=wanted)
    items = [make.an_item(queue) for _ in range(40)]
    people = [make.a_user() for _ in range(8)]
    errors: list[BaseException] = []

    def sit(person: Any) -> None:
        try:
            while claimed := review.claim(queue, person):
                review.decide(person, Item(pk=claimed.item_id), claimed.lease, ACCEPT)
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=sit, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT item_id, count(*), count(DISTINCT user_id) FROM curation_decision"
            " WHERE NOT surplus GROUP BY item_id"
        )
        counts = {item: (decisions, deciders) for item, decisions, deciders in cursor.fetchall()}
    assert counts == {item.pk: (wanted, wanted) for item in items}


@pytest.mark.django_db(transaction=True)
def test_one_person_in_two_tabs_never_holds_two_slots_of_one_item() -> None:
    queue = make.a_queue(make.a_project(), wanted=3)
    for _ in range(4):
        make.an_item(queue)
    ann = make.a_user()
    got: list[Any] = []

    def tab() -> None:
        claims = [review.claim(queue, ann) for _ in range(2)]
        got.extend(claimed.item_id for claimed in claims if claimed)
        connections.close_all()

    tabs = [threading.Thread(target=tab) for _ in range(4)]
    for one in tabs:
        one.start()
    for one in tabs:
        one.join()
    assert len(got) == len(set(got))


@pytest.mark.django_db(transaction=True)
def test_a_claim_commits_while_a_decision_on_the_same_item_is_being_made() -> None:
    queue = make.a_queue(make.a_project(), wanted=2)
    item = make.an_item(queue)
    ben = make.a_user()
    claimed: list[Any] = []

    def claim() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '3s'")
        try:
            claimed.append(review.claim(queue, ben))
        finally:
            connections.close_all()

    other = threading.Thread(target=claim)
    with transaction.atomic():
        lock_item(item)
        other.start()
        other.join()
    assert claimed and claimed[0].item_id == item.pk
