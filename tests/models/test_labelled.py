"""What scorers learn from: people's standing decisions, one for each subject and person, and what they settled on."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from curation.actions import review
from curation.actions.review import Answer
from curation.models import Document, Item, Label, Passage, Project, Queue, Rubric, labelled
from tests import factories as make
from tests import labelling

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make.a_project("levers")


@pytest.fixture
def factual() -> Rubric:
    return labelling.our_rubric("factual")


def rate(user: Any, item: Item, factual: int, reasoning: int = 2) -> Any:
    claim = review.claim(item.queue, user)
    assert claim is not None and claim.item_id == item.pk
    return review.decide(
        user, item, claim.lease, Answer("rate", ratings={"factual": factual, "reasoning": reasoning})
    )


def values(answers: list[Any]) -> list[tuple[int, float]]:
    return [(one.subject, one.value) for one in answers]


def test_each_person_s_rating_of_a_passage_is_one_row(project: Project, factual: Rubric) -> None:
    item = make.an_item(make.a_queue(project, "scores", wanted=2))
    ann, ben = make.a_user(), make.a_user()
    rate(ann, item, 4)
    rate(ben, item, 3)
    rows = labelled.people(project, factual)
    assert [(one.rater, one.value) for one in rows] == [(ann.pk, 4.0), (ben.pk, 3.0)]
    assert {one.text_sha256 for one in rows} == {item.passage.text_sha256}
    assert {one.language for one in rows} == {"en"}
    assert values(labelled.targets(project, factual)) == [(item.passage_id, 3.5)]


def test_an_undone_rating_is_gone(project: Project, factual: Rubric) -> None:
    item = make.an_item(make.a_queue(project, "scores"))
    ann = make.a_user()
    decision = rate(ann, item, 5)
    assert values(labelled.targets(project, factual)) == [(item.passage_id, 5.0)]
    review.undo(ann, decision)
    assert labelled.people(project, factual) == []
    assert labelled.targets(project, factual) == []


def test_of_one_person_s_ratings_in_two_queues_the_latest_counts(project: Project, factual: Rubric) -> None:
    passage, ann = make.a_passage(project), make.a_user()
    for value in (1, 4):
        rate(ann, make.an_item(make.a_queue(project, "scores"), passage), value)
    assert [one.value for one in labelled.people(project, factual)] == [4.0]
    assert values(labelled.targets(project, factual)) == [(passage.pk, 2.5)]


def test_a_passage_that_waits_for_a_second_person_teaches_nothing_yet(
    project: Project, factual: Rubric
) -> None:
    item = make.an_item(make.a_queue(project, "scores", wanted=2))
    rate(make.a_user(), item, 4)
    assert labelled.targets(project, factual) == []
    assert labelled.tally(project, factual) == labelled.Tally(settled=0, waiting=1, disputed=0)


def test_a_dispute_teaches_what_the_reviewer_said(project: Project, factual: Rubric) -> None:
    item = make.an_item(make.a_queue(project, "scores", wanted=2))
    rate(make.a_user(), item, 5)
    rate(make.a_user(), item, 0)
    assert labelled.targets(project, factual) == []
    assert labelled.tally(project, factual) == labelled.Tally(settled=0, waiting=0, disputed=1)
    item.refresh_from_db()
    reviewer = make.a_user()
    resolution = review.resolve(reviewer, item, Answer("rate", ratings={"factual": 2, "reasoning": 2}))
    (target,) = labelled.targets(project, factual)
    assert (target.value, resolution.pk in target.decisions) == (2.0, True)
    assert len(labelled.people(project, factual)) == 2


def test_labels_of_annotators_are_kept_apart(project: Project, factual: Rubric) -> None:
    passage = make.a_passage(project)
    for annotator, value in (("m · factual/1", 3.0), ("m · factual/2", 4.0)):
        Label.objects.create(
            project=project, rubric=factual, passage=passage, annotator=annotator, value=value
        )
    assert labelled.people(project, factual) == []
    assert labelled.targets(project, factual) == []
    rows = labelled.annotators(project, factual)
    assert [(one.rater, one.value) for one in rows] == [("m · factual/1", 3.0), ("m · factual/2", 4.0)]
    assert len(labelled.annotators(project, factual, ["m · factual/2"])) == 1


def test_pages_are_rated_as_documents(project: Project) -> None:
    educational = labelling.our_rubric("educational")
    queue = Queue.objects.create(project=project, kind="pages", name="Pages")
    document = make.a_kept_document(project)
    labelling.rated(queue, [document], {"educational": [3]})
    (target,) = labelled.targets(project, educational)
    assert (target.subject, target.value) == (document.pk, 3.0)
    assert target.text_sha256 == document.extraction.text_sha256
    assert target.page_sha256 == document.sha256


def test_other_projects_and_withdrawn_documents_teach_nothing(project: Project, factual: Rubric) -> None:
    other = make.a_project("other")
    for place in (project, other):
        labelling.rated(make.a_queue(place, "scores"), [make.a_passage(place)], {"factual": [3]})
    assert len(labelled.targets(project, factual)) == 1
    Document.objects.filter(project=project).update(withdrawn_at=timezone.now())
    assert labelled.targets(project, factual) == labelled.people(project, factual) == []
    assert Passage.objects.filter(project=project).exists()


def test_targets_come_in_the_order_in_which_people_settled_them(project: Project, factual: Rubric) -> None:
    queue = make.a_queue(project, "scores")
    first, second = make.an_item(queue, position=1), make.an_item(queue, position=0)
    ann = make.a_user()
    rate(ann, second, 1)
    rate(ann, first, 2)
    assert [one.subject for one in labelled.targets(project, factual)] == [
        second.passage_id,
        first.passage_id,
    ]
