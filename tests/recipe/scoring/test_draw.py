import numpy as np
import pytest

from curation.recipe.scoring import head
from curation.recipe.scoring.draw import CONTROL, LOT, TOP, UNCERTAIN, draw
from curation.recipe.scoring.signals import KEYS


@pytest.fixture
def candidates():
    random = np.random.default_rng(2)
    scores = random.random(2_000) * 5
    return scores, 0.5 * np.exp(-np.abs(scores - 2.5))


def some(candidates, count=100, seed=1, **options):
    return draw(*candidates, count, share_random=0.2, share_top=0.1, seed=seed, **options)


def test_a_draw_has_the_shares_that_were_set_and_says_of_each_item_why(candidates):
    drawn = some(candidates)
    kinds = [one.why for one in drawn]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {UNCERTAIN: 70, CONTROL: 20, TOP: 10}
    assert len({one.at for one in drawn}) == 100
    assert all(one.detail for one in drawn)


def test_whoever_stops_early_has_seen_the_same_shares(candidates):
    first = [one.why for one in some(candidates)[:20]]
    assert first.count(CONTROL) == 4 and first.count(TOP) == 2


def test_uncertain_ones_lie_at_the_threshold_and_top_ones_at_the_top(candidates):
    scores, _ = candidates
    drawn = some(candidates)
    chosen = {kind: [one.at for one in drawn if one.why == kind] for kind in (UNCERTAIN, TOP)}
    assert np.abs(scores[chosen[UNCERTAIN]] - 2.5).max() < 0.2
    assert scores[chosen[TOP]].min() > 4.9


def test_controls_are_drawn_from_all_alike(candidates):
    scores, _ = candidates
    controls = [
        scores[one.at] for seed in range(60) for one in some(candidates, seed=seed) if one.why == CONTROL
    ]
    assert np.mean(controls) == pytest.approx(scores.mean(), abs=0.15)


def test_the_same_seed_draws_the_same_and_another_one_others(candidates):
    assert some(candidates) == some(candidates)
    assert some(candidates) != some(candidates, seed=2)


def test_no_more_are_drawn_than_there_are(candidates):
    few = tuple(part[:7] for part in candidates)
    assert sorted(one.at for one in some(few)) == list(range(7))
    assert some(few, kinship=lambda at: np.eye(7)[at])
    assert some(tuple(part[:0] for part in candidates)) == []


def test_one_of_many_like_texts_is_asked_and_the_next_is_another_kind():
    """Three crowds of like texts, all equally uncertain: the first three questions go one to each."""
    crowd = np.repeat(np.eye(3), [60, 30, 10], axis=0) * 3
    drawn = draw(
        np.zeros(100), np.full(100, 0.5), 3, share_random=0, share_top=0, seed=1, kinship=lambda at: crowd[at]
    )
    assert [int(crowd[one.at].argmax()) for one in drawn] == [0, 1, 2]


def test_large_draws_are_taken_lot_by_lot(candidates):
    scores = np.random.default_rng(1).random(4 * LOT)
    points = np.random.default_rng(2).normal(size=(4 * LOT, 8))
    asked = []

    def kinship(at):
        asked.append(len(at))
        return points[at]

    drawn = draw(scores, scores / 2, 500, share_random=0, share_top=0, seed=1, kinship=kinship)
    assert len({one.at for one in drawn}) == 500
    assert max(asked) == LOT


def test_what_a_head_has_learnt_of_a_text_makes_it_less_worth_asking():
    random = np.random.default_rng(1)
    vectors = np.hstack([random.normal(size=(300, 4)), np.zeros((300, 4))])
    signals = [dict.fromkeys(KEYS, 0.0)] * 300
    trained = head.train(vectors, signals, np.clip(np.round(2.5 + vectors[:, 0]), 0, 5), 5)
    like, unlike = np.array([[1.0, 0, 0, 0, 0, 0, 0, 0]]), np.array([[0, 0, 0, 0, 0, 0, 1.0, 0]])
    own = [float((trained.kinship(one, signals[:1]) ** 2).sum()) for one in (like, unlike)]
    assert own[0] < own[1] / 10


def test_details_do_not_tell_the_score(candidates):
    scores, _ = candidates
    for one in some(candidates):
        assert f"{scores[one.at]:.2f}" not in one.detail


@pytest.mark.parametrize("shares", [(-0.1, 0), (0.6, 0.6)])
def test_shares_that_are_none_are_refused(candidates, shares):
    with pytest.raises(ValueError, match="shares"):
        draw(*candidates, 10, share_random=shares[0], share_top=shares[1], seed=1)
