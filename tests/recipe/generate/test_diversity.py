"""Repeats among generated texts: in order, the nearest named, and the same as looking at one after the other."""

from __future__ import annotations

import numpy as np
import pytest

from curation.recipe.generate import diversity
from curation.recipe.generate.diversity import repeats

NONE = np.zeros((0, 2), np.float32)


def at(*degrees):
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def one_by_one(new, before, threshold):
    """The same by its definition."""
    pool = [(n, row) for n, row in enumerate(before)]
    found = {}
    for n, row in enumerate(new):
        best = max(pool, key=lambda one: (float(row @ one[1]), -one[0]), default=None)
        if best is not None and row @ best[1] >= threshold:
            found[n] = best[0]
        else:
            pool.append((len(before) + n, row))
    return found


def test_the_earlier_one_stays_and_the_later_one_names_it():
    assert repeats(at(0, 90, 1, 91), NONE, 0.99) == {
        2: (0, pytest.approx(0.9998, abs=1e-4)),
        3: (1, pytest.approx(0.9998, abs=1e-4)),
    }


def test_what_was_accepted_before_comes_first_and_indices_go_on_after_it():
    found = repeats(at(1, 45, 46), at(90, 0), 0.99)
    assert {new: other for new, (other, _) in found.items()} == {0: 1, 2: 3}


def test_a_dropped_text_does_not_drop_later_ones():
    # Each is 10 degrees from the one before it; the second is dropped, and so cannot drop the third.
    found = repeats(at(0, 10, 20), NONE, float(np.cos(np.radians(11))))
    assert set(found) == {1}


def test_the_same_text_repeats_itself_even_at_a_cosine_of_one():
    rows = np.random.default_rng(1).normal(size=(40, 384)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert repeats(np.concatenate([rows, rows]), rows[:0], 1.0) == {
        40 + n: (n, pytest.approx(1.0)) for n in range(40)
    }


@pytest.mark.parametrize("rows", [3, 1_000])
def test_blocks_of_any_size_find_what_looking_one_by_one_finds(rows, monkeypatch):
    monkeypatch.setattr(diversity, "NEW_ROWS", rows)
    monkeypatch.setattr(diversity, "OLD_ROWS", max(2, rows - 1))
    made = np.random.default_rng(7).normal(size=(70, 4)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    found = repeats(made[20:], made[:20], 0.9)
    assert {new: other for new, (other, _) in found.items()} == one_by_one(made[20:], made[:20], 0.9)
    assert 5 < len(found) < 45


def test_nothing_new_repeats_nothing():
    assert repeats(NONE, at(0), 0.9) == {} and repeats(at(0), NONE, 0.9) == {}


@pytest.mark.parametrize(
    ("new", "before", "threshold", "said"),
    [
        (at(0) * 2, NONE, 0.9, "row 0 of the new vectors has length 2"),
        (at(0), at(0, 5) * np.array([[1], [np.nan]], np.float32), 0.9, "row 1 of the before vectors"),
        (at(0), np.ones((1, 1), np.float32), 0.9, "2 numbers, those before 1"),
        (at(0)[0], NONE, 0.9, "1 dimensions"),
        (at(0), NONE, 0.0, "threshold is 0"),
    ],
)
def test_vectors_that_cannot_be_compared_are_refused_by_name(new, before, threshold, said):
    with pytest.raises(ValueError, match=said):
        repeats(new, before, threshold)
