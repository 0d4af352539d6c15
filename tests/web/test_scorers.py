"""Scorers: what speaks and where it came from, how far the next training is, figures, comparing, activating, rolling back."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from curation.actions import scorers
from curation.jobs import run
from curation.models import Activation, ActiveScorer, Item, Job, Label, Score, Scorer
from curation.models.drift import drift
from tests import factories as make
from tests.labelling import embedded, our_rubric, pages, rated, teacher, vectors
from tests.web.browsing import HOSTILE, LIST_QUERIES, queries, seen_by, text_of

pytestmark = pytest.mark.django_db

LIST = "/projects/stars/scorers/"
FACTUAL = LIST + "factual/"


@pytest.fixture
def project():
    our_rubric("factual")
    return make.a_project("stars")


def a_version(project, number=1, **fields):
    figures = {
        "n": 120,
        "good": 50,
        "threshold": 2.9,
        "auc": 0.91,
        "spearman": 0.78,
        "f1": 0.8,
        "mae": 0.52,
        "intervals": {"auc": [0.86, 0.95], "spearman": [0.7, 0.84]},
        "calibration": [[1.0, 1.2, 40], [3.0, 2.9, 60], [4.0, 4.4, 20]],
        "caution": "",
        "by_language": {
            "de": {"n": 20, "auc": 0.8, "intervals": {}, "caution": "Only 20 texts."},
            "en": {"n": 100, "auc": 0.93, "intervals": {}},
        },
        "learning_curve": [
            {"labels": 50, "auc": 0.8, "spearman": 0.6, "mae": 0.7},
            {"labels": 400, "auc": 0.91, "spearman": 0.78, "mae": 0.52},
        ],
    }
    training = {
        "labels": 500,
        "learnt": 400,
        "held_out": [1],
        "annotators": [],
        "activation": {"by_itself": True, "why": "Not worse."},
    }
    return Scorer.objects.create(
        **{
            "project": project,
            "rubric": our_rubric("factual"),
            "name": "head",
            "version": str(number),
            "figures": figures,
            "training": training,
            **fields,
        }
    )


def labelled_project(project, count=120, rubric="factual"):
    """Passages with vectors that people rated by one direction of them: something can be learnt."""
    points = vectors(count, seed=5)
    passages = pages(project, points)
    queue = make.a_queue(project, "scores", wanted=1)
    rated(queue, passages, {rubric: teacher(points)})
    return passages


def test_the_list_says_what_speaks_and_that_the_starter_is_a_cold_start(project):
    make.an_active_scorer(project, "factual", "passage")
    client = seen_by(project)
    page = text_of(client, LIST)
    assert "starter-1" in page and "Cold start" in page and "from nothing of yours" in page
    assert "50 more until the first training" in page
    assert seen_by(project, "annotator").get(LIST).status_code == 403
    assert seen_by(project, "outsider").get(LIST).status_code == 404


def test_the_list_counts_labels_and_what_is_missing_until_the_next_training(project):
    rubric = our_rubric("factual")
    passages = [make.a_passage(project) for _ in range(60)]
    rated(make.a_queue(project, "scores", wanted=1), passages, {"factual": [3] * 60})
    training = next(one for one in seen_by(project).get(LIST).context["trainings"] if one.rubric == rubric)
    assert (training.settled, training.missing, training.can_train, training.trained_on) == (
        60,
        0,
        True,
        None,
    )
    Job.objects.create(
        project=project, kind="train", state="done", options={"rubric": rubric.pk, "settled": 40}
    )
    training = next(one for one in seen_by(project).get(LIST).context["trainings"] if one.rubric == rubric)
    assert (training.trained_on, training.new, training.goal, training.missing) == (40, 20, 90, 30)


def test_before_the_first_curation_there_is_nothing_and_it_says_so():
    project = make.a_project("stars")
    page = text_of(seen_by(project), LIST)
    assert "No scorers yet" in page


def test_a_version_s_page_has_its_figures_with_intervals_calibration_and_languages(project):
    a_version(project)
    page = text_of(seen_by(project), FACTUAL + "versions/head-1/")
    for said in ("0.91", "0.86 to 0.95", "120 held out", "Calibration", "400 labels", "Only 20 texts."):
        assert said in page, said
    assert page.count("<circle") == 3
    assert page.index('scope="row">en') < page.index('scope="row">de')


def test_a_starter_s_page_claims_nothing_about_this_project(project):
    make.an_active_scorer(project, "factual", "passage")
    page = text_of(seen_by(project), FACTUAL + "versions/starter-1/")
    assert "A cold start" in page and "Calibration" not in page


def test_another_project_s_version_is_not_here(project):
    a_version(make.a_project("moons"))
    client = seen_by(project, "manager")
    assert client.get(FACTUAL + "versions/head-1/").status_code == 404
    assert client.post(FACTUAL + "versions/head-1/activate").status_code == 404
    assert client.get(FACTUAL + "compare?right=head-1").status_code == 404


def test_the_page_of_a_rubric_has_its_versions_history_and_what_labels_have_brought(project):
    starter = make.an_active_scorer(project, "factual", "passage")
    head = a_version(project)
    scorers.speak(project, head, None, "Not worse: better in all.")
    page = text_of(seen_by(project), FACTUAL)
    assert "head-1" in page and "by itself: Not worse: better in all." in page
    assert "What labels have brought" in page and 'aria-label="What labels have brought' in page
    assert scorers.previous(project, our_rubric("factual")) == starter
    assert "Roll back" not in page
    assert "Roll back to starter-1" in text_of(seen_by(project, "manager"), FACTUAL)


def test_training_is_refused_in_words_while_labels_are_missing(project):
    embedded(project)
    manager = seen_by(project, "manager")
    answer = manager.post(FACTUAL + "train", follow=True).content.decode()
    assert "50 more settled labels" in answer and not Job.objects.filter(kind="train").exists()
    assert seen_by(project, "reviewer").post(FACTUAL + "train").status_code == 403


def test_a_manager_trains_compares_activates_and_rolls_back(project):
    labelled_project(project)
    starter = make.an_active_scorer(project, "factual", "passage")
    from curation.recipe.scoring.starter import shipped

    starter.parameters = shipped().as_dict()
    starter.save()
    client = seen_by(project, "manager")
    answer = client.post(FACTUAL + "train")
    job = Job.objects.get(kind="train")
    assert str(job.uuid) in answer["Location"]
    run.drain(job)
    head = Scorer.objects.get(project=project)
    page = text_of(client, FACTUAL + "versions/head-1/")
    assert "held out" in page and "Calibration" in page and f"{head.training['learnt']} labels" in page
    compared = client.get(FACTUAL + "compare?left=starter-1&right=head-1")
    told = compared.context["told"]
    assert told.left.n == told.right.n > 0 and told.right.spearman > told.left.spearman
    differences = compared.context["differences"]
    apart = [abs(row["difference"].apart) for row in differences]
    assert apart == sorted(apart, reverse=True) and len(apart) == 8 and told.looked_at == 120
    for waiting in Job.objects.active().order_by("pk"):
        run.drain(waiting)
    if not ActiveScorer.objects.filter(project=project, scorer=head).exists():
        client.post(FACTUAL + "versions/head-1/activate", {"why": "Better"})
        run.drain(Job.objects.active().get(kind="score"))
    assert ActiveScorer.objects.get(project=project, rubric=head.rubric).scorer == head
    assert "Speaks" in text_of(client, FACTUAL + "versions/head-1/")
    client.post(FACTUAL + "roll-back")
    run.drain(Job.objects.active().get(kind="score"))
    assert ActiveScorer.objects.get(project=project, rubric=head.rubric).scorer == starter
    assert "Rolled back from head-1." in text_of(client, FACTUAL)


def test_what_waits_for_one_s_own_rating_is_in_no_difference(project):
    passages = labelled_project(project, 60)
    embedded(project)
    from curation.recipe.scoring.starter import shipped

    starter = make.an_active_scorer(project, "factual", "passage")
    starter.parameters = shipped().as_dict()
    starter.save()
    other = Scorer.objects.create(
        project=project,
        rubric=our_rubric("factual"),
        name="head",
        version="1",
        parameters=_opposite(shipped()),
    )
    address = f"{FACTUAL}compare?left=starter-1&right={other}"
    client = seen_by(project)
    first = client.get(address).context["differences"][0]["difference"].subject
    waiting = next(one for one in passages if one.pk == first)
    make.an_item(make.a_queue(project, "scores", wanted=2), waiting)
    answer = client.get(address)
    assert first not in [row["difference"].subject for row in answer.context["differences"]]
    assert "waits for your own rating is left out" in answer.content.decode()


def _opposite(heads):
    stored = heads.as_dict()
    stored["weights"] = {key: [-value for value in values] for key, values in stored["weights"].items()}
    return stored


def test_one_version_alone_has_nothing_to_compare_with(project):
    make.an_active_scorer(project, "factual", "passage")
    assert "Nothing to compare yet" in text_of(seen_by(project), FACTUAL + "compare")


def test_a_version_that_reads_other_vectors_says_so_instead_of_failing(project):
    labelled_project(project, 60)
    make.an_active_scorer(project, "factual", "passage")
    a_version(project, parameters={"kind": "head/9"})
    page = text_of(seen_by(project), FACTUAL + "compare?left=starter-1&right=head-1")
    assert "parameters are" in page or "vectors" in page


def test_names_of_rubrics_and_reasons_are_harmless(project):
    head = a_version(project)
    user = make.a_member(project, "manager")
    ActiveScorer.objects.create(project=project, rubric=head.rubric, scorer=head)
    Activation.objects.create(project=project, rubric=head.rubric, scorer=head, by=user, why=HOSTILE)
    Label.objects.create(
        project=project, rubric=head.rubric, passage=make.a_passage(project), annotator=HOSTILE, value=2
    )
    for address in (FACTUAL, FACTUAL + "versions/head-1/"):
        assert "<script>alert" not in text_of(seen_by(project), address)


def test_pages_ask_seldom_however_much_there_is(project):
    client = seen_by(project)
    a_version(project)
    few = [queries(client, address) for address in (LIST, FACTUAL, FACTUAL + "versions/head-1/")]
    for number in range(2, 8):
        a_version(project, number)
    rated(
        make.a_queue(project, "scores", wanted=1),
        [make.a_passage(project) for _ in range(5)],
        {"factual": [1] * 5},
    )
    many = [queries(client, address) for address in (LIST, FACTUAL, FACTUAL + "versions/head-1/")]
    assert many == few and few[0] <= LIST_QUERIES


def weekly(project, drawn, *offsets):
    """Rated passages, one a week, each that far above its score of 2; the latest now."""
    scorer = make.an_active_scorer(project, "factual", "passage")
    passages = [make.a_passage(project) for _ in offsets]
    items = rated(
        make.a_queue(project, "scores", wanted=1), passages, {"factual": [2 + one for one in offsets]}
    )
    for back, (item, passage) in enumerate(zip(reversed(items), reversed(passages), strict=True)):
        Score.objects.create(scorer=scorer, passage=passage, value=2)
        when = timezone.now() - timedelta(weeks=back)
        Item.objects.filter(pk=item.pk).update(settled_at=when, drawn=drawn)
    return scorer, passages


def test_drift_is_what_people_rate_above_the_score_week_by_week(project):
    scorer, _ = weekly(project, "", 0, 1, 2)
    found = drift(project, scorer)
    assert [week.mean for week in found.weeks] == [0, 1, 2] and not found.controls
    page = text_of(seen_by(project), FACTUAL)
    assert "Drift of starter-1" in page and "people rated +2.00 from what starter-1 says" in page


def test_drift_asks_random_controls_where_there_are_any_and_nothing_it_learnt_from(project):
    weekly(project, "uncertain", 3)
    scorer, passages = weekly(project, "control", 1, 0)
    assert [week.mean for week in drift(project, scorer).weeks] == [1, 0]
    assert drift(project, scorer).controls
    scorer.training = {"subjects": [one.pk for one in passages], "held_out": [passages[1].pk]}
    assert [week.mean for week in drift(project, scorer).weeks] == [0]
    assert drift(make.a_project(), scorer).weeks == []


def test_the_figures_say_which_side_is_better():
    from curation.web.scorers import shown_figures

    told = {
        one.name: one
        for one in shown_figures({"auc": 0.9, "mae": 0.6, "f1": 0.505}, {"auc": 0.8, "mae": 0.5, "f1": 0.5})
    }
    assert told["AUC"].better is True and told["Mean error"].better is False
    assert told["F1 at the threshold"].better is None and told["Spearman"].change is None
    assert np.isclose(told["AUC"].change, 0.1)
