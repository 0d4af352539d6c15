"""Rubrics: a manager writes their own; agreement in words and figures, and never of what still asks the reader."""

from __future__ import annotations

import numpy as np
import pytest

from curation.actions import review, scorers
from curation.actions.rubrics import RubricError, archive_rubric, create_rubric, restore_rubric
from curation.jobs import run
from curation.models import Activation, ActiveScorer, Activity, Decision, Job, Label, Rubric, Score, Scorer
from curation.recipe.scoring.head import train
from curation.web import agreement
from tests import factories as make
from tests import labelling
from tests.labelling import our_rubric, rated
from tests.web.browsing import HOSTILE, LIST_QUERIES, queries, seen_by, text_of

pytestmark = pytest.mark.django_db

LIST = "/projects/stars/rubrics/"
WRITTEN = {
    "name": "Local colour",
    "level": "passage",
    "question": "Could one tell where this was written?",
    "anchors": ["No", "A hint", "At once"],
}


@pytest.fixture
def project():
    return make.a_project("stars")


@pytest.fixture
def manager(project):
    return make.a_member(project, "manager")


def sent(**changes):
    form = {name: WRITTEN[name] for name in ("name", "level", "question")}
    form |= {f"anchor_{at}": anchor for at, anchor in enumerate(WRITTEN["anchors"])}
    return form | changes


def rated_by(project, *answers, rubric="factual", wanted=2):
    """One item, rated by as many people as there are answers."""
    queue = project.queues.filter(kind="scores").first() or make.a_queue(project, "scores", wanted=wanted)
    item = make.an_item(queue, make.a_passage(project))
    for answer in answers:
        user = make.a_user()
        lease = review.claim(queue, user).lease
        ratings = {"factual": 3, "reasoning": 3} | {rubric: answer}
        review.decide(user, item, lease, review.Answer("rate", ratings=ratings))
    return item


def test_ours_are_shown_with_their_anchors_to_every_member(project):
    our_rubric("factual")
    page = text_of(seen_by(project, "annotator"), LIST)
    assert "Factual value" in page and "Packed with facts that few people know" in page
    assert "Write a rubric" not in page
    assert seen_by(project, "outsider").get(LIST).status_code == 404


def test_a_manager_writes_a_rubric_whose_scale_ends_at_the_last_anchor(project, manager):
    client = seen_by(project, "manager")
    assert client.post(LIST + "create", sent()).status_code == 302
    made = Rubric.objects.get(project=project)
    assert (made.key, made.highest, made.anchors) == ("local-colour", 2, WRITTEN["anchors"])
    assert Activity.objects.filter(project=project, verb="wrote a rubric").count() == 1
    assert "Local colour" in text_of(seen_by(project, "annotator"), LIST)
    assert "Local colour" not in text_of(seen_by(make.a_project("moons")), "/projects/moons/rubrics/")


def test_only_managers_write_them(project):
    client = seen_by(project, "reviewer")
    for address in ("create", "factual/edit", "factual/archive", "factual/restore"):
        assert client.post(LIST + address, sent()).status_code == 403


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": " "}, "required"),
        ({"name": "…"}, "letters or digits"),
        ({"question": ""}, "required"),
        ({"anchor_0": ""}, "required"),
        ({"anchor_1": "", "anchor_2": "x"}, "required"),
        ({"anchor_2": "", "anchor_3": "Far on"}, "Say what 2 means, or end the scale before it."),
        ({"level": "galaxy"}, "galaxy"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_written(project, changes, said):
    response = seen_by(project, "manager").post(LIST + "create", sent(**changes))
    assert response.status_code == 422 and said in response.content.decode()
    assert not Rubric.objects.filter(project=project).exists()


def test_a_name_that_ours_or_another_has_is_refused(project, manager):
    our_rubric("factual")
    for name in ("Factual", "Local colour"):
        create_rubric(project, manager, **WRITTEN) if name == "Local colour" else None
        with pytest.raises(RubricError, match="already"):
            create_rubric(project, manager, **{**WRITTEN, "name": name})
    assert create_rubric(make.a_project(), manager, **WRITTEN).key == "local-colour"


def test_words_change_until_somebody_has_answered_and_then_only_the_name(project, manager):
    made = create_rubric(project, manager, **WRITTEN)
    client = seen_by(project, "manager")
    client.post(f"{LIST}local-colour/edit", sent(question="Where?"))
    made.refresh_from_db()
    assert made.question == "Where?"
    Label.objects.create(
        project=project, rubric=made, passage=make.a_passage(project), annotator="model · prompt/1", value=1
    )
    refused = client.post(f"{LIST}local-colour/edit", sent(question="And when?"))
    assert refused.status_code == 422 and "It has been answered" in refused.content.decode()
    client.post(f"{LIST}local-colour/edit", sent(question="Where?", name="Colour"))
    made.refresh_from_db()
    assert (made.name, made.question, made.key) == ("Colour", "Where?", "local-colour")


def test_a_person_s_answer_counts_as_one_too(project, manager):
    made = create_rubric(project, manager, **WRITTEN)
    item = make.an_item(make.a_queue(project, "scores"))
    Decision.objects.create(item=item, user=manager, event="decide", verdict="rate", ratings={made.key: 1})
    assert (
        seen_by(project, "manager").post(f"{LIST}{made.key}/edit", sent(question="Anew?")).status_code == 422
    )


def test_ours_are_neither_changed_nor_archived(project):
    ours = our_rubric("factual")
    client = seen_by(project, "manager")
    assert client.post(f"{LIST}factual/edit", sent()).status_code == 422
    client.post(f"{LIST}factual/archive")
    ours.refresh_from_db()
    assert ours.archived_at is None and ours.name == "Factual value"


def test_one_s_own_is_archived_and_restored(project, manager):
    made = create_rubric(project, manager, **WRITTEN)
    client = seen_by(project, "manager")
    for _ in range(2):
        client.post(f"{LIST}{made.key}/archive")
    made.refresh_from_db()
    assert made.archived_at and "Restore" in text_of(client, f"{LIST}{made.key}/")
    client.post(f"{LIST}{made.key}/restore")
    made.refresh_from_db()
    assert made.archived_at is None
    assert Activity.objects.filter(project=project, verb="archived a rubric").count() == 1


def test_agreement_counts_every_pair_of_answers_and_says_what_the_figures_mean(project):
    for answers in ((5, 5), (0, 0), (3, 3), (4, 3), (1, 1), (5, 4)):
        rated_by(project, *answers)
    reader = make.a_member(project, "reviewer")
    found = agreement.of_rubric(project, our_rubric("factual"), reader)
    assert (found.answers, found.subjects, found.several, found.held_back) == (12, 6, 6, 0)
    assert found.among.n == 6 and found.among.exact == pytest.approx(4 / 6) and found.among.within_one == 1
    counts = {
        (row, at): cell.count
        for row, cells in found.among.confusion.numbered
        for at, cell in enumerate(cells)
    }
    assert counts[5, 4] == counts[4, 5] == 1 and counts[5, 5] == 2
    assert found.among.coefficients[0].value > 0.8 and found.among.coefficients[0].word == "reliable"
    client = seen_by(project)
    page = text_of(client, f"{LIST}factual/")
    assert "People among each other" in page and "reliable" in page and "6 pairs of answers" in page


def test_an_item_that_still_asks_the_reader_is_in_no_figure(project):
    rated_by(project, 5, 5)
    waiting = rated_by(project, 0)
    assert waiting.state == "open"
    reader = make.a_member(project, "reviewer")
    found = agreement.of_rubric(project, our_rubric("factual"), reader)
    assert (found.answers, found.subjects, found.held_back) == (2, 1, 1)
    review.decide(
        reader,
        waiting,
        review.claim(waiting.queue, reader).lease,
        review.Answer("rate", ratings={"factual": 0, "reasoning": 0}),
    )
    found = agreement.of_rubric(project, our_rubric("factual"), reader)
    assert (found.subjects, found.held_back) == (2, 0)


def test_people_are_compared_with_a_language_model_and_with_the_scorer(project):
    scorer = make.an_active_scorer(project, "factual", "passage")
    rubric = our_rubric("factual")
    for value in (0, 2, 4, 5):
        item = rated_by(project, value, value)
        Score.objects.create(scorer=scorer, passage=item.passage, value=min(5, value + 0.4))
        Label.objects.create(
            project=project,
            rubric=rubric,
            passage=item.passage,
            annotator=f"{HOSTILE} · prompt/2",
            value=5 - value,
        )
    found = agreement.of_rubric(project, rubric, make.a_member(project, "reviewer"))
    model, ours = found.against
    assert model.n == ours.n == 4
    assert ours.coefficients[0].value == 1.0 and ours.exact == 1.0
    assert model.coefficients[0].value < 0 and model.coefficients[0].word == "less than chance"
    page = text_of(seen_by(project), f"{LIST}factual/")
    assert "prompt/2" in page and "<script>alert" not in page


def test_two_people_with_enough_in_common_are_set_side_by_side(project):
    people = [make.a_member(project, email=f"{name}@x.example") for name in ("ann", "ben")]
    queue = make.a_queue(project, "scores", wanted=2)
    passages = [make.a_passage(project) for _ in range(agreement.LEAST_COMMON)]
    rated(queue, passages, {"factual": [0, 1, 2, 3, 4]}, people)
    found = agreement.of_rubric(project, our_rubric("factual"), make.a_member(project, "reviewer"))
    assert [(pair.left, pair.right, pair.n, pair.kappa) for pair in found.pairs] == [
        ("ann@x.example", "ben@x.example", 5, 1.0)
    ]


def test_annotators_are_shown_the_scale_and_no_answers(project):
    rated_by(project, 5, 5)
    our_rubric("factual")
    response = seen_by(project, "annotator").get(f"{LIST}factual/")
    assert response.context["agreement"] is None and "not shown to annotators" in response.content.decode()


def test_nothing_answered_yet_is_said(project):
    our_rubric("factual")
    page = text_of(seen_by(project), f"{LIST}factual/")
    assert "Agreement can be said once two people have rated the same item" in page


def test_pages_ask_seldom_however_much_there_is(project):
    our_rubric("factual")
    client = seen_by(project)
    few = queries(client, f"{LIST}factual/")
    for _ in range(4):
        rated_by(project, 3, 4)
    assert queries(client, LIST) <= LIST_QUERIES
    assert queries(client, f"{LIST}factual/") <= few + 1 <= LIST_QUERIES + 2


def test_an_archived_rubric_speaks_no_more_and_speaks_again_when_restored(project, manager):
    made = create_rubric(project, manager, **WRITTEN)
    labelling.pages(project, labelling.vectors(3))
    scorer = Scorer.objects.create(
        project=project,
        rubric=made,
        model=labelling.bundled(),
        name="head",
        version="1",
        parameters=a_head(),
    )
    scorers.speak(project, scorer, manager, "")
    archive_rubric(made, manager)
    assert not ActiveScorer.objects.filter(rubric=made).exists()
    assert Activation.objects.filter(rubric=made).count() == 1
    made.refresh_from_db()
    restore_rubric(made, manager)
    for job in Job.objects.active():
        run.drain(job)
    assert ActiveScorer.objects.get(rubric=made).scorer == scorer
    assert scorer.scores.count() == 3


def a_head():
    points = labelling.vectors(30, seed=3)
    ratings = np.clip(labelling.teacher(points, 2), 0, 2).astype(float)
    return train(points, [labelling.ORDINARY] * 30, ratings, 2).as_dict()
