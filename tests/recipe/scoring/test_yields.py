import json

import numpy as np
import pytest

from curation.recipe.scoring.intervals import wilson
from curation.recipe.scoring.yields import expected

EDGES = np.linspace(0, 5, 51)


def a_pile(n=40_000, seed=1):
    """Scores, and which texts are good: the more the higher the score."""
    random = np.random.default_rng(seed)
    scores = random.beta(2, 3, n) * 5
    return scores, random.random(n) < scores / 5, random


def test_labels_drawn_at_the_threshold_and_at_the_top_still_tell_what_is_in_the_pile():
    """Half the labels near 2.5, some at the top, some at random; a plain share of the labels would be wrong."""
    scores, good, random = a_pile()
    near = random.choice(np.flatnonzero(np.abs(scores - 2.5) < 0.4), 400, replace=False)
    rows = np.concatenate([near, np.argsort(-scores)[:200], random.choice(len(scores), 200, replace=False)])
    counts = np.histogram(scores, EDGES)[0]
    (found,) = expected([(scores[at], good[at]) for at in rows], EDGES, counts, [2.5])
    truth = good[scores >= 2.5].mean()
    plain = good[rows[scores[rows] >= 2.5]].mean()
    assert found.kept.share == pytest.approx(truth, abs=0.06)
    assert abs(found.kept.share - truth) < abs(plain - truth)
    assert found.kept.texts == pytest.approx((scores >= 2.5).sum(), abs=1)
    assert found.kept.good == pytest.approx(found.kept.share * (scores >= 2.5).sum(), rel=1e-3)


@pytest.mark.parametrize("labels", [40, 200])
def test_intervals_hold_the_truth_nineteen_times_in_twenty(labels):
    scores, good, random = a_pile()
    counts = np.histogram(scores, EDGES)[0]
    truth = good[scores >= 2].mean()
    held = 0
    for _ in range(300):
        rows = random.choice(len(scores), labels, replace=False)
        (found,) = expected(list(zip(scores[rows], good[rows], strict=True)), EDGES, counts, [2.0])
        low, high = found.kept.share_interval
        held += low <= truth <= high
    assert held / 300 > 0.91


def test_of_one_stratum_the_interval_is_wilson_s():
    labels = [(3.0 + at / 100, at % 3 > 0) for at in range(18)]
    (found,) = expected(labels, EDGES, [100] * 50, [2.5])
    good = sum(is_good for _, is_good in labels)
    assert found.kept.share == good / 18
    assert found.kept.share_interval == pytest.approx(wilson(good, 18), abs=0.03)


def test_agreement_of_few_labels_is_no_certainty():
    (found,) = expected([(3.0, True)] * 5, EDGES, [100] * 50, [2.5])
    assert found.kept.share == 1
    assert found.kept.share_interval[0] < 0.7
    assert found.kept.caution == "Only 5 labels on this side."


def test_a_side_without_labels_says_so():
    (found,) = expected([(3.0, True)] * 40, EDGES, [100] * 50, [2.5])
    assert found.left_out.texts == 2500
    assert found.left_out.share is found.left_out.good is found.left_out.share_interval is None
    assert found.left_out.caution == "No labels on this side."


def test_both_sides_together_hold_all_texts_wherever_the_threshold_is():
    scores, good, _ = a_pile(500)
    counts = np.histogram(scores, EDGES)[0]
    for one in expected(list(zip(scores, good, strict=True)), EDGES, counts, [0, 0.05, 2.5, 3.33, 5]):
        assert one.kept.texts + one.left_out.texts == pytest.approx(500, abs=1)
        assert one.kept.labelled + one.left_out.labelled == 500


def test_what_is_expected_is_plain_json():
    scores, good, _ = a_pile(500)
    (found,) = expected(
        list(zip(scores, good, strict=True)), EDGES, np.histogram(scores, EDGES)[0], np.array([2.5])
    )
    assert json.loads(json.dumps(found.as_dict()))["kept"]["labelled"] == found.kept.labelled


def test_a_histogram_that_is_none_is_refused():
    with pytest.raises(ValueError, match="rising edges"):
        expected([], [0, 1, 1], [1, 1], [0.5])
