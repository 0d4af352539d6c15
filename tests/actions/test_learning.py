"""Queues that learn: what is drawn, why, and that a new scorer draws anew what nobody has touched."""

from __future__ import annotations

from collections import Counter

import pytest

from curation.actions import queues, review, scorers
from curation.actions.queues import Filling, QueueError
from curation.jobs import run
from curation.models import Document, Item, Job, Passage, Project, Queue, Score, Slot
from tests import factories as make
from tests import labelling

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    made = make.a_project("levers", knobs={"min_educational": 0.0, "min_factual": 5.0, "min_reasoning": 5.0})
    labelling.embedded(made)
    labelling.pages(made, labelling.vectors(100), model=labelling.bundled())
    labelling.scored(made)
    return made


def a_learning_queue(project: Project, kind: str = "scores", **how: object) -> Queue:
    return queues.create_queue(project, None, kind=kind, name=f"Learn {kind}", order="learning", **how)  # type: ignore[arg-type]


def test_the_shares_are_kept_and_every_item_says_why(project: Project) -> None:
    queue = a_learning_queue(project, share_random=0.3, share_top=0.2)
    assert queues.fill(queue, Filling(take=40), None) == 40
    items = list(queue.items.order_by("position"))
    assert Counter(item.drawn for item in items) == {"control": 12, "top": 8, "uncertain": 20}
    assert all(item.drawn_detail for item in items)
    assert [item.position for item in items] == list(range(40))
    assert Slot.objects.filter(queue=queue).count() == 40 * queue.wanted
    half = Counter(item.drawn for item in items[:20])
    assert half["uncertain"] == 10


def test_what_a_threshold_of_scores_leaves_out_is_asked_too(project: Project) -> None:
    assert not Passage.objects.filter(left_out="").exists()
    queue = a_learning_queue(project)
    assert queues.fill(queue, Filling(take=30), None) == 30
    Passage.objects.update(left_out="exact_duplicate")
    assert queues.fill(queue, Filling(take=30), None) == 0


def test_likely_top_items_are_the_highest(project: Project) -> None:
    queue = a_learning_queue(project, share_random=0.0, share_top=1.0)
    queues.fill(queue, Filling(take=5), None)
    best: dict[int, float] = {}
    for passage, value in Score.objects.filter(passage__isnull=False).values_list("passage", "value"):
        best[passage] = max(best.get(passage, 0.0), value)
    drawn = set(queue.items.values_list("passage", flat=True))
    assert drawn == set(sorted(best, key=lambda key: -best[key])[:5])


def test_filling_again_draws_the_next_ones_and_never_what_is_settled(project: Project) -> None:
    queue = a_learning_queue(project)
    other = make.a_queue(project, "scores")
    settled = list(Passage.objects.order_by("pk")[:30])
    labelling.rated(other, settled, {"factual": [3] * 30, "reasoning": [3] * 30})
    assert queues.fill(queue, Filling(take=40), None) == 40
    assert queues.fill(queue, Filling(take=40), None) == 30
    assert queues.fill(queue, Filling(take=40), None) == 0
    drawn = set(queue.items.values_list("passage", flat=True))
    assert len(drawn) == 70
    assert not drawn & {one.pk for one in settled}
    assert sorted(queue.items.values_list("position", flat=True)) == list(range(70))


def test_the_same_project_draws_the_same(project: Project) -> None:
    first = a_learning_queue(project)
    queues.fill(first, Filling(take=20), None)
    drawn = list(first.items.order_by("position").values_list("passage", "drawn"))
    Slot.objects.filter(queue=first).delete()
    Item.objects.filter(queue=first).delete()
    queues.fill(first, Filling(take=20), None)
    assert list(first.items.order_by("position").values_list("passage", "drawn")) == drawn


def test_pages_are_drawn_by_their_own_value(project: Project) -> None:
    queue = a_learning_queue(project, "pages")
    assert queues.fill(queue, Filling(take=10), None) == 10
    assert queue.items.exclude(document=None).count() == 10


def test_without_a_scorer_it_says_what_to_do() -> None:
    project = make.a_project("cold")
    make.a_kept_passage(project)
    with pytest.raises(QueueError, match="Curate the project"):
        queues.fill(a_learning_queue(project), Filling(), None)


def test_shares_beyond_one_are_refused(project: Project) -> None:
    with pytest.raises(QueueError, match="together too"):
        a_learning_queue(project, share_random=0.7, share_top=0.6)


def test_a_new_version_draws_anew_what_nobody_has_touched(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scorers, "AFTER_SCORING", ("select",))
    queue = a_learning_queue(project, wanted=1, share_random=0.0, share_top=1.0)
    queues.fill(queue, Filling(take=10), None)
    user = make.a_member(project)
    claim = review.claim(queue, user)
    assert claim is not None
    answer = review.Answer("rate", ratings={"factual": 2, "reasoning": 2})
    review.decide(user, Item.objects.get(pk=claim.item_id), claim.lease, answer)
    before = set(queue.items.values_list("passage", flat=True))
    passages = list(Passage.objects.order_by("pk"))
    other = make.a_queue(project, "scores")
    labelling.rated(other, passages[:60], {"factual": labelling.teacher(labelling.vectors(100))[:60]})
    rubric = labelling.our_rubric("factual")
    job = run.drain(scorers.train(project, rubric, None))
    assert job.state == Job.State.DONE, job.reason
    if not scorers.pending(project, rubric):
        scorers.activate(project, project.scorers.get(), None)
    assert run.drain(Job.objects.active().get(kind="score")).state == Job.State.DONE
    after = set(queue.items.values_list("passage", flat=True))
    assert queue.items.count() == 10
    assert Item.objects.get(pk=claim.item_id).state == "rated"
    assert after != before
    assert Document.objects.filter(project=project).exists()
