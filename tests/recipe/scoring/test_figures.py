import json

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from curation.recipe.scoring.figures import figures


@pytest.fixture
def some():
    random = np.random.default_rng(3)
    ratings = random.integers(0, 6, 400).astype(float)
    scores = np.round(np.clip(ratings + random.normal(size=400) * 1.5, 0, 5), 1)  # with ties
    return scores, ratings


def test_figures_are_those_of_the_usual_libraries(some):
    scores, ratings = some
    found = figures(scores, ratings, 3)
    assert found.auc == pytest.approx(metrics.roc_auc_score(ratings >= 3, scores), abs=1e-12)
    assert found.spearman == pytest.approx(stats.spearmanr(scores, ratings).statistic, abs=1e-12)
    assert found.f1 == pytest.approx(metrics.f1_score(ratings >= 3, scores >= 3), abs=1e-12)
    assert found.precision == pytest.approx(metrics.precision_score(ratings >= 3, scores >= 3), abs=1e-12)
    assert found.recall == pytest.approx(metrics.recall_score(ratings >= 3, scores >= 3), abs=1e-12)
    assert found.mae == pytest.approx(metrics.mean_absolute_error(ratings, scores), abs=1e-12)


@pytest.mark.parametrize("key", ["auc", "spearman", "f1", "mae"])
def test_intervals_hold_the_figure_of_all_texts_nineteen_times_in_twenty(key):
    random = np.random.default_rng(11)
    ratings = random.integers(0, 6, 40_000).astype(float)
    scores = np.clip(ratings + random.normal(size=40_000) * 2, 0, 5)
    truth = getattr(figures(scores, ratings, 3), key)
    held = 0
    for rows in np.split(random.permutation(40_000)[:39_900], 399):
        low, high = figures(scores[rows], ratings[rows], 3).intervals[key]
        held += low <= truth <= high
    assert 0.90 < held / 399 <= 0.99


def test_an_order_without_a_fault_on_few_texts_is_no_certainty():
    found = figures([1, 2, 3, 4, 5, 6], [0, 0, 0, 5, 5, 5], 3)
    low, high = found.intervals["auc"]
    assert found.auc == high == 1
    assert low < 0.75
    assert found.caution == "Only 6 texts."


def test_what_cannot_be_said_is_none():
    one_kind = figures([1.0, 2.0, 3.0], [5, 5, 5], 3)
    assert one_kind.auc is None and one_kind.spearman is None
    assert figures([], [], 3).as_dict()["mae"] is None
    assert figures([2.0, 2.0], [1, 5], 3).spearman is None
    assert figures([0.0, 1.0], [1, 2], 3).f1 is None


def test_a_rare_kind_is_named():
    ratings = [5.0] * 4 + [0.0] * 196
    assert figures(ratings, ratings, 3).caution == "Only 4 of 200 texts are at or above the threshold."
    turned = [5.0 - rating for rating in ratings]
    assert figures(turned, turned, 3).caution == "Only 4 of 200 texts are below the threshold."


def test_every_language_has_figures_of_its_own(some):
    scores, ratings = some
    languages = ["en"] * 300 + ["de"] * 100
    found = figures(scores, ratings, 3, languages)
    assert list(found.by_language) == ["de", "en"]
    assert found.by_language["de"] == figures(scores[300:], ratings[300:], 3)


def test_the_calibration_curve_has_groups_of_one_size_in_the_order_of_scores(some):
    scores, ratings = some
    curve = figures(scores, ratings, 3).calibration
    assert [count for *_, count in curve] == [40] * 10
    assert [score for score, *_ in curve] == sorted(score for score, *_ in curve)
    assert sum(rating * count for _, rating, count in curve) == pytest.approx(ratings.sum())


def test_figures_are_plain_json(some):
    found = figures(*some, 3, ["en"] * 400).as_dict()
    assert json.loads(json.dumps(found)) == found


def test_scores_and_ratings_of_different_number_are_refused():
    with pytest.raises(ValueError, match="against ratings"):
        figures([1.0], [1.0, 2.0], 3)
