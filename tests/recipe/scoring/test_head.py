import json

import numpy as np
import pytest

from curation.recipe.scoring import figures, head
from curation.recipe.scoring.signals import KEYS


def a_world(n=600, dimensions=24, highest=5, seed=7, noise=0.4):
    """Unit vectors, signals and ratings that hang on both, on a scale from 0 to `highest`."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(n, dimensions))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    signals = [dict.fromkeys(KEYS, 0.0) | {"digits": float(value)} for value in random.random(n) * 0.2]
    truth = 2.5 * vectors[:, 0] * np.sqrt(dimensions) + 10 * (
        np.array([row["digits"] for row in signals]) - 0.1
    )
    values = np.clip(np.round(highest / 2 + truth * highest / 10 + random.normal(size=n) * noise), 0, highest)
    return vectors, signals, values


def test_a_head_finds_what_labels_hang_on():
    vectors, signals, values = a_world()
    trained = head.train(vectors[:400], signals[:400], values[:400], 5)
    predicted = trained.score(vectors[400:], signals[400:])
    assert figures.spearman(predicted, values[400:])[0] > 0.9


def test_scores_are_what_such_texts_are_rated_on_average():
    vectors, signals, values = a_world(n=3000, noise=1.0)
    trained = head.train(vectors[:2000], signals[:2000], values[:2000], 5)
    found = figures.figures(trained.score(vectors[2000:], signals[2000:]), values[2000:], 2.5)
    assert all(abs(score - rating) < 0.3 for score, rating, _ in found.calibration)


def test_a_head_goes_through_json_unchanged():
    vectors, signals, values = a_world()
    trained = head.train(vectors, signals, values, 5)
    again = head.Head.from_dict(json.loads(json.dumps(trained.as_dict())))
    assert again.as_dict() == trained.as_dict()
    assert np.array_equal(again.score(vectors, signals), trained.score(vectors, signals))
    assert np.array_equal(again.uncertainty(vectors, signals), trained.uncertainty(vectors, signals))


def test_training_twice_gives_the_same_head():
    vectors, signals, values = a_world()
    assert (
        head.train(vectors, signals, values, 5).as_dict() == head.train(vectors, signals, values, 5).as_dict()
    )


def test_a_text_has_the_same_score_whatever_is_scored_with_it():
    vectors, signals, values = a_world()
    trained = head.train(vectors, signals, values, 5)
    alone = trained.score(vectors[17:18], signals[17:18])
    assert trained.score(vectors, signals)[17] == alone[0]
    assert trained.score(vectors.astype(np.float16), signals)[17] == alone[0]


def test_signals_may_come_as_an_array_in_the_order_of_the_head():
    vectors, signals, values = a_world()
    trained = head.train(vectors, signals, values, 5)
    table = np.array([[row[key] for key in trained.signals] for row in signals])
    assert np.array_equal(trained.score(vectors, table), trained.score(vectors, signals))


@pytest.mark.parametrize("highest", [1, 2, 5])
def test_scores_stay_on_the_scale_even_for_texts_unlike_all_others(highest):
    vectors, signals, values = a_world(highest=highest)
    trained = head.train(vectors, signals, values, highest)
    strange = [dict.fromkeys(KEYS, 1e9)] * 2
    scores = trained.score(np.vstack([vectors[:1] * 1000, -vectors[:1] * 1000]), strange)
    assert ((scores >= 0) & (scores <= highest)).all()


def test_uncertainty_is_highest_at_the_threshold():
    vectors, signals, values = a_world()
    trained = head.train(vectors, signals, values, 5)
    scores, doubt = trained.score(vectors, signals), trained.uncertainty(vectors, signals, threshold=3.0)
    assert ((doubt >= 0) & (doubt <= 0.5)).all()
    assert abs(scores[doubt.argmax()] - 3.0) < 0.1
    assert figures.spearman(doubt, -np.abs(scores - 3.0))[0] > 0.95


def test_a_text_unlike_those_learnt_from_is_more_uncertain_than_a_like_one_of_the_same_score():
    random = np.random.default_rng(1)
    vectors = np.hstack([random.normal(size=(300, 4)), np.zeros((300, 4))])
    values = np.clip(np.round(2.5 + vectors[:, 0]), 0, 5)
    signals = [dict.fromkeys(KEYS, 0.0)] * 300
    trained = head.train(vectors, signals, values, 5)
    like = np.array([[2.0, 0, 0, 0, 0, 0, 0, 0]])
    unlike = np.array([[2.0, 0, 0, 0, 0, 6.0, 0, 0]])
    assert trained.score(like, signals[:1])[0] == pytest.approx(
        trained.score(unlike, signals[:1])[0], abs=0.05
    )
    assert trained.uncertainty(unlike, signals[:1])[0] > trained.uncertainty(like, signals[:1])[0]


@pytest.mark.parametrize(
    ("values", "keys", "why"),
    [
        ([1, 2, 3], None, "3 labels"),
        ([2] * 20, None, "All 20 labels are 2"),
        ([0, 5] * 10, ["same"] * 20, "of one document"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_with_the_reason(values, keys, why):
    signals = [dict.fromkeys(KEYS, 0.0)] * len(values)
    with pytest.raises(head.TooFewLabels, match=why):
        head.train(np.eye(len(values)), signals, values, 5, keys=keys)


def test_labels_off_the_scale_are_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        head.train(np.eye(20), [dict.fromkeys(KEYS, 0.0)] * 20, [0, 2] * 10, 1)


def test_vectors_of_another_model_are_refused():
    vectors, signals, values = a_world()
    trained = head.train(vectors, signals, values, 5)
    with pytest.raises(ValueError, match="24 dimensions, not 23"):
        trained.score(vectors[:, 1:], signals)


def test_parameters_of_another_kind_are_refused():
    with pytest.raises(ValueError, match="no trained head"):
        head.Head.from_dict({"model": "starter"})


def test_no_texts_have_no_scores():
    vectors, signals, values = a_world()
    trained = head.train(vectors, signals, values, 5)
    assert trained.score(vectors[:0], []).shape == trained.uncertainty(vectors[:0], []).shape == (0,)
