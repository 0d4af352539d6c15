import math
import warnings
from collections import defaultdict
from pathlib import Path

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score

from curation.recipe.scoring import agreement

DATA = Path(__file__).parents[4] / "shared" / "data" / "agreement" / "get_another_label"
WEIGHTS = [None, "linear", "quadratic"]
LEVELS = ["nominal", "ordinal", "interval"]

RATING = some.one_of(some.none(), some.integers(0, 5))
TWO_RATERS = some.lists(some.tuples(RATING, RATING), max_size=40)
TABLES = arrays(
    float,
    some.tuples(some.integers(1, 25), some.integers(1, 6)),
    elements=some.one_of(some.just(math.nan), some.integers(0, 5).map(float)),
)


def reference_kappa(pairs, weights):
    both = [(left, right) for left, right in pairs if left is not None and right is not None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = cohen_kappa_score(*zip(*both, strict=True), weights=weights) if both else math.nan
    return None if math.isnan(value) else value


def reference_alpha(table, level):
    """None where the reference refuses or divides by zero."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = krippendorff.alpha(reliability_data=table.T, level_of_measurement=level)
        except (ValueError, AssertionError):
            return None
    return value if math.isfinite(value) else None


def agrees(ours, reference):
    return ours == reference if None in (ours, reference) else abs(ours - reference) < 1e-6


@settings(max_examples=300, deadline=None)
@given(TWO_RATERS, some.sampled_from(WEIGHTS))
def test_kappa_is_the_reference_s_whatever_is_missing(pairs, weights):
    left, right = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    assert agrees(agreement.cohen_kappa(left, right, weights), reference_kappa(pairs, weights))


@settings(max_examples=400, deadline=None)
@given(TABLES, some.sampled_from(LEVELS))
def test_alpha_is_the_reference_s_with_missing_ratings_and_items_of_one_rater(table, level):
    assert agrees(agreement.krippendorff_alpha(table, level), reference_alpha(table, level))


@settings(max_examples=100, deadline=None)
@given(TABLES, some.sampled_from(LEVELS))
def test_alpha_of_ratings_by_item_and_rater_is_that_of_the_array(table, level):
    by_item = {
        item: {rater: value for rater, value in enumerate(row) if not math.isnan(value)}
        for item, row in enumerate(table)
    }
    assert agreement.krippendorff_alpha(by_item, level) == agreement.krippendorff_alpha(table, level)


@pytest.mark.parametrize("level", LEVELS)
def test_alpha_of_krippendorff_s_own_example(level):
    """Krippendorff 2011, section C: four observers, twelve units, ratings missing."""
    missing = math.nan
    table = np.array([
        [1, 2, 3, 3, 2, 1, 4, 1, 2, missing, missing, missing],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, missing, 3],
        [missing, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, missing],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, missing],
    ]).T  # fmt: skip
    published = {"nominal": 0.743, "ordinal": 0.815, "interval": 0.849}
    assert agreement.krippendorff_alpha(table, level) == pytest.approx(published[level], abs=5e-4)


@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/agreement is not here")
@pytest.mark.parametrize("name", ["BarzanMozafari", "CopyrightInfringement"])
def test_alpha_and_kappa_of_real_crowds_are_the_references(name):
    by_item = defaultdict(dict)
    for line in (DATA / f"{name}__labels.txt").read_text("utf-8").splitlines():
        rater, item, value = line.split("\t")[:3]
        by_item[item][rater] = value
    values = sorted({value for row in by_item.values() for value in row.values()})
    raters = sorted({rater for row in by_item.values() for rater in row})
    table = np.array(
        [
            [values.index(row[rater]) if rater in row else math.nan for rater in raters]
            for row in by_item.values()
        ],
        dtype=float,
    )
    for level in LEVELS:
        assert agrees(agreement.krippendorff_alpha(table, level), reference_alpha(table, level))
    assert agreement.krippendorff_alpha(by_item) == agreement.krippendorff_alpha(table)
    compared = 0
    for at, left in enumerate(raters):
        for beside in range(at + 1, len(raters)):
            pairs = [
                (int(a), int(b)) for a, b in table[:, [at, beside]] if not (math.isnan(a) or math.isnan(b))
            ]
            ours = {rater: {item: row[rater] for item, row in by_item.items() if rater in row} for rater in (left, raters[beside])}  # fmt: skip
            compared += bool(pairs)
            for weights in WEIGHTS:
                value = agreement.cohen_kappa(ours[left], ours[raters[beside]], weights)
                assert agrees(value, reference_kappa(pairs, weights))
            if compared >= 200:
                return
    assert compared > 50


def test_a_confusion_table_says_who_said_what_of_items_rated_by_both():
    table = agreement.confusion({"a": 0, "b": 2, "c": 1}, {"b": 1, "c": 1, "d": 2}, values=[0, 1, 2])
    assert table.counts == ((0, 0, 0), (0, 1, 0), (0, 1, 0))
    assert table.items == 2
    assert table.same == 0.5


def test_a_value_that_nobody_gave_still_lies_between_the_others_on_a_stated_scale():
    left, right = [0, 5, 5, 0, 3], [0, 5, 3, 3, 3]
    stated = agreement.cohen_kappa(left, right, "quadratic", values=range(6))
    assert stated == pytest.approx(cohen_kappa_score(left, right, weights="quadratic", labels=range(6)))
    assert stated != agreement.cohen_kappa(left, right, "quadratic")


def test_a_rating_off_the_scale_is_refused():
    with pytest.raises(ValueError, match="not on the scale"):
        agreement.confusion([7], [1], values=range(6))


def test_ratings_in_two_forms_are_refused():
    with pytest.raises(TypeError, match="both raters"):
        agreement.cohen_kappa({"a": 1}, [1])


def test_where_nothing_can_be_compared_there_is_no_figure():
    assert agreement.cohen_kappa({"a": 1}, {"b": 1}) is None
    assert agreement.confusion({}, {}).same is None
    assert agreement.krippendorff_alpha({}) is None
    assert agreement.krippendorff_alpha({"a": {"x": 1, "y": 1}, "b": {"x": 1, "y": 1}}) is None
    assert agreement.krippendorff_alpha({"a": {"x": 1}, "b": {"y": 2}}) is None


def test_intervals_hold_the_agreement_of_all_items_and_narrow_with_their_number():
    random = np.random.default_rng(5)
    truth = random.integers(0, 6, 20_000)
    table = np.clip(truth[:, None] + random.integers(-1, 2, (20_000, 3)), 0, 5).astype(float)
    alpha = agreement.krippendorff_alpha(table, "ordinal")
    few = agreement.alpha_interval(table[:40], "ordinal")
    many = agreement.alpha_interval(table[:1000], "ordinal")
    assert few[0] < alpha < few[1] and many[0] < alpha < many[1]
    assert many[1] - many[0] < (few[1] - few[0]) / 3

    whole = agreement.cohen_kappa(table[:, 0], table[:, 1], "quadratic")
    low, high = agreement.kappa_interval(agreement.confusion(table[:300, 0], table[:300, 1]), "quadratic")
    assert low < whole < high < low + 0.15


def test_handfuls_of_items_have_no_interval():
    table = np.array([[0.0, 1.0]] * 9)
    assert agreement.alpha_interval(table) is None
    assert agreement.kappa_interval(agreement.confusion(table[:, 0], table[:, 1])) is None
