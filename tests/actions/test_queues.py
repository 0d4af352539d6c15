from datetime import timedelta

import pytest
from django.utils import timezone

from curation.actions import queues, review
from curation.actions.queues import Filling, QueueError
from curation.models import ActiveScorer, Activity, Item, Rubric, Score, Scorer, Sitting, Slot
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make.a_project()


@pytest.fixture
def manager(project):
    return make.a_member(project, "manager")


def score(project, rubric, passage, value):
    """Say what the project's active scorer gives a passage."""
    rubric, _ = Rubric.objects.get_or_create(
        project=None, key=rubric, defaults={"name": rubric, "level": "passage", "question": "?"}
    )
    scorer, _ = Scorer.objects.get_or_create(rubric=rubric, name="starter", version="1")
    ActiveScorer.objects.get_or_create(project=project, rubric=rubric, defaults={"scorer": scorer})
    Score.objects.create(scorer=scorer, passage=passage, value=value)


def places(queue):
    return list(queue.items.order_by("position", "id").values_list("seed", flat=True))


def test_filling_makes_an_item_with_its_slots_of_every_subject(project, manager):
    for _ in range(3):
        make.a_seed(project)
    queue = queues.create_queue(project, manager, kind="seeds", name="Seeds", wanted=2)
    assert queues.count_new(queue, Filling()) == (3, 3)
    assert queues.fill(queue, Filling(), manager) == 3
    assert Slot.objects.filter(queue=queue).count() == 6
    assert not Slot.objects.exclude(queue=queue, state="open", holder=None).exists()
    assert Item.objects.filter(queue=queue, wanted=2, state="open").count() == 3


def test_filling_twice_adds_nothing(project, manager):
    make.a_seed(project)
    queue = queues.create_queue(project, manager, kind="seeds", name="Seeds")
    queues.fill(queue, Filling(), manager)
    assert queues.fill(queue, Filling(), manager) == 0
    assert queues.count_new(queue, Filling()) == (1, 0)
    assert Slot.objects.filter(queue=queue).count() == 1


def test_filling_takes_nothing_of_another_project(project, manager):
    make.a_seed(make.a_project())
    queue = queues.create_queue(project, manager, kind="seeds", name="Seeds")
    assert queues.fill(queue, Filling(), manager) == 0


def test_what_was_left_out_is_not_rated(project, manager):
    make.a_passage(project, left_out="low_scores")
    kept = make.a_passage(project)
    queue = queues.create_queue(project, manager, kind="scores", name="Scores")
    assert queues.fill(queue, Filling(), manager) == 1
    assert queue.items.get().passage == kept


def test_a_filter_chooses_by_language_source_state_and_score(project, manager):
    german = make.a_seed(project, passage=make.a_passage(project, language="de"))
    other_source = make.a_source(project, "Other")
    document = make.a_document(project, source=other_source)
    elsewhere = make.a_seed(project, passage=make.a_passage(project, document.extraction.text, document))
    rejected = make.a_seed(project, state="rejected")
    score(project, "reasoning", rejected.passage, 4.5)
    score(project, "reasoning", german.passage, 1.0)
    queue = queues.create_queue(project, manager, kind="seeds", name="Seeds")

    def chosen(**filters):
        return set(queues.matching(project, "seeds", Filling(**filters)))

    assert chosen(languages=("de",)) == {german}
    assert chosen(sources=(other_source.pk,)) == {elsewhere}
    assert chosen(state="rejected") == {rejected}
    assert chosen(rubric="reasoning", least_score=2.0) == {rejected}
    assert chosen(rubric="reasoning", most_score=2.0) == {german}
    assert chosen(rubric="reasoning", least_score=0.0, most_score=5.0) == {german, rejected}
    queues.fill(queue, Filling(languages=("de",)), manager)
    queue.refresh_from_db()
    assert queue.filter == {"languages": ["de"]}


def test_a_random_sample_is_the_same_for_the_same_seed(project):
    for _ in range(20):
        make.a_seed(project)
    first = set(queues.matching(project, "seeds", Filling(take=5, sample_seed=7)))
    assert len(first) == 5
    assert set(queues.matching(project, "seeds", Filling(take=5, sample_seed=7))) == first
    assert set(queues.matching(project, "seeds", Filling(take=5, sample_seed=8))) != first


def test_the_highest_score_comes_first_and_a_later_filling_falls_into_place(project, manager):
    low, high = make.a_seed(project), make.a_seed(project)
    score(project, "factual", low.passage, 1.5)
    score(project, "reasoning", high.passage, 4.0)
    queue = queues.create_queue(project, manager, kind="seeds", name="Seeds", order="highest")
    queues.fill(queue, Filling(), manager)
    assert places(queue) == [high.pk, low.pk]
    between = make.a_seed(project)
    score(project, "factual", between.passage, 3.0)
    queues.fill(queue, Filling(), manager)
    assert places(queue) == [high.pk, between.pk, low.pk]


def test_a_new_order_moves_items_and_slots_and_everybody_looks_from_the_start(project, manager):
    for _ in range(8):
        make.a_seed(project)
    queue = queues.create_queue(project, manager, kind="seeds", name="Seeds", order="oldest")
    queues.fill(queue, Filling(), manager)
    before = places(queue)
    review.claim(queue, manager)
    change(queue, manager, order="random", random_seed=3)
    assert places(queue) != before
    assert sorted(places(queue)) == sorted(before)
    assert not Slot.objects.filter(queue=queue).exclude(position=models_position()).exists()
    assert Sitting.objects.get(queue=queue).cursor == -1


def models_position():
    from django.db.models import F

    return F("item__position")


def change(queue, by, **changes):
    values = {
        "name": queue.name,
        "wanted": queue.wanted,
        "order": queue.order,
        "random_seed": queue.random_seed,
        "guidelines": queue.guidelines,
        "dispute_gap": queue.dispute_gap,
    }
    queues.change_queue(queue, by, **{**values, **changes})


def test_a_scores_queue_cannot_be_ordered_by_what_it_measures(project, manager):
    with pytest.raises(QueueError, match="can be ordered by"):
        queues.create_queue(project, manager, kind="scores", name="Scores", order="highest")


def test_more_decisions_are_asked_for_where_nobody_has_begun(project, manager):
    begun, untouched = make.a_seed(project), make.a_seed(project)
    queue = queues.create_queue(project, manager, kind="seeds", name="Seeds", order="oldest")
    queues.fill(queue, Filling(), manager)
    review.claim(queue, manager)
    change(queue, manager, wanted=3)
    assert queue.items.get(seed=begun).slots.count() == 1
    assert queue.items.get(seed=untouched).slots.count() == 3
    assert queue.items.get(seed=untouched).wanted == 3
    change(queue, manager, wanted=2)
    assert queue.items.get(seed=untouched).slots.count() == 2


def test_two_queues_of_a_project_have_two_names(project, manager):
    queues.create_queue(project, manager, kind="seeds", name="Seeds")
    with pytest.raises(QueueError, match="already"):
        queues.create_queue(project, manager, kind="samples", name="Seeds")
    other = queues.create_queue(project, manager, kind="seeds", name="More")
    with pytest.raises(QueueError, match="already"):
        change(other, manager, name="Seeds")


def test_pausing_twice_is_noted_once_and_stops_claims(project, manager):
    make.a_seed(project)
    queue = queues.create_queue(project, manager, kind="seeds", name="Seeds")
    queues.fill(queue, Filling(), manager)
    queues.pause(queue, manager)
    queues.pause(queue, manager)
    assert Activity.objects.filter(project=project, verb="paused a queue").count() == 1
    assert review.claim(queue, manager) is None
    queues.resume(queue, manager)
    assert review.claim(queue, manager)


def test_a_closed_queue_is_not_filled(project, manager):
    queue = queues.create_queue(project, manager, kind="seeds", name="Seeds")
    queues.close(queue, manager)
    queue.refresh_from_db()
    with pytest.raises(QueueError, match="closed"):
        queues.fill(queue, Filling(), manager)
    queues.reopen(queue, manager)
    queue.refresh_from_db()
    assert queue.archived_at is None


def test_a_lease_that_somebody_holds_survives_a_new_number_of_decisions(project, manager):
    make.a_seed(project)
    queue = queues.create_queue(project, manager, kind="seeds", name="Seeds", wanted=2)
    queues.fill(queue, Filling(), manager)
    claim = review.claim(queue, manager)
    change(queue, manager, wanted=1)
    slot = Slot.objects.get(lease=claim.lease)
    assert slot.state == "held"
    assert slot.expires_at > timezone.now() + timedelta(minutes=5)
