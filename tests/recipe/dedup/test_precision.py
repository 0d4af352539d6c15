"""Drawing pairs by strata, and precision with its interval from people's answers."""

from __future__ import annotations

import numpy as np
import pytest

from curation.recipe.dedup.precision import STRATA, Judged, curve, sample, stratum


def test_every_stratum_gives_as_many_and_its_pairs_stand_for_all_of_it():
    cosines = [0.855] * 500 + [0.925] * 50 + [0.99] * 3
    drawn = sample(cosines, 10, seed=1)
    counts = {
        number: [weight for at, weight in drawn if stratum(cosines[at]) == number] for number in (0, 5, 10)
    }
    assert {number: len(weights) for number, weights in counts.items()} == {0: 10, 5: 10, 10: 3}
    assert counts == {0: [50.0] * 10, 5: [5.0] * 10, 10: [1.0] * 3}


def test_what_was_drawn_before_stays_and_is_filled_up():
    cosines = [0.855] * 100
    first = [at for at, _ in sample(cosines, 5, seed=1)]
    again = sample(cosines, 8, seed=2, taken=first)
    assert set(first) < {at for at, _ in again}
    assert {weight for _, weight in again} == {100 / 8}
    assert {at for at, _ in sample(cosines, 3, seed=2, taken=first)} == set(first)


def test_precision_weighs_an_answer_by_the_pairs_that_it_stands_for():
    judged = [Judged(0.93, 9.0, True), Judged(0.985, 1.0, False)]
    points = {point.threshold: point for point in curve(judged)}
    assert points[0.92].precision == pytest.approx(0.9)
    assert points[0.98].precision == 0.0
    assert points[0.85].pairs == 10.0


def test_the_interval_holds_the_truth_nineteen_times_in_twenty():
    rng = np.random.default_rng(1)
    truth = {0.90: 0.5, 0.92: 0.8, 0.95: 0.95, 0.98: 0.99}
    sizes = {0.90: 400, 0.92: 200, 0.95: 100, 0.98: 50}
    whole = sum(truth[at] * sizes[at] for at in truth) / sum(sizes.values())
    held = 0
    for _ in range(200):
        judged = [
            Judged(at + 0.001, sizes[at] / 12, bool(rng.random() < share))
            for at, share in truth.items()
            for _ in range(12)
        ]
        (point,) = curve(judged, [0.90])
        held += point.low <= whole <= point.high
    assert held >= 180


def test_more_answers_make_a_narrower_interval():
    few, many = ([Judged(0.93, 1.0, True)] * count for count in (5, 100))
    (one,), (other,) = curve(few, [0.92]), curve(many, [0.92])
    assert one.high - one.low > other.high - other.low
    assert one.precision == other.precision == 1.0


def test_unanswered_pairs_widen_what_is_known():
    answered = [Judged(0.93, 1.0, True)] * 30
    (one,) = curve(answered, [0.92])
    (other,) = curve([*answered, *[Judged(0.97, 1.0, None)] * 30], [0.92])
    assert other.low < one.low
    assert (other.judged, other.pairs) == (30, 60.0)


def test_without_answers_nothing_is_claimed():
    (point,) = curve([Judged(0.93, 4.0, None)], [0.92])
    assert (point.precision, point.low, point.high, point.judged) == (None, 0.0, 1.0, 0)
    assert [one.threshold for one in curve([])] == list(STRATA)
