"""New texts against known ones: exact, and in cells of the space beyond what can be multiplied out."""

from __future__ import annotations

import numpy as np
import pytest

from curation.recipe.dedup import cells, closeness


def some_vectors(count, width=16, seed=1):
    drawn = np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float16)


def pairs(found, known):
    return {(left, known + at) for at, (lefts, _) in enumerate(found) for left in lefts.tolist()}


def by_hand(vectors, known, floor):
    cosines = vectors.astype(np.float32) @ vectors.astype(np.float32).T
    return {
        (left, right)
        for right in range(known, len(vectors))
        for left in range(right)
        if cosines[left, right] >= floor
    }


@pytest.mark.parametrize("known", [0, 37, 199, 200])
def test_a_new_text_is_compared_with_everything_before_it(known, monkeypatch):
    monkeypatch.setattr(closeness, "BLOCK", 16)
    monkeypatch.setattr(closeness, "STRIP", 7)
    vectors = some_vectors(200)
    assert pairs(closeness.neighbours(vectors, known, 0.5), known) == by_hand(vectors, known, 0.5)


def test_what_comes_in_parts_has_the_pairs_of_the_whole():
    vectors = some_vectors(120)
    whole = pairs(closeness.neighbours(vectors, 0, 0.5), 0)
    parts = set()
    for known, end in ((0, 50), (50, 51), (51, 120)):
        parts |= pairs(closeness.neighbours(vectors[:end], known, 0.5), known)
    assert parts == whole


def test_cosines_are_given_with_the_neighbours():
    vectors = some_vectors(30)
    for at, (lefts, cosines) in enumerate(closeness.neighbours(vectors, 0, 0.3)):
        said = vectors[lefts].astype(np.float32) @ vectors[at].astype(np.float32)
        np.testing.assert_allclose(cosines, said, atol=1e-5)


def test_of_a_crowd_the_closest_are_kept(monkeypatch):
    monkeypatch.setattr(closeness, "MOST", 3)
    monkeypatch.setattr(closeness, "STRIP", 5)
    vectors = some_vectors(40, width=2)
    *_, (lefts, cosines) = closeness.neighbours(vectors, 0, -1.0)
    every = vectors[:39].astype(np.float32) @ vectors[39].astype(np.float32)
    assert len(lefts) == 3
    assert sorted(cosines.tolist()) == sorted(sorted(every.tolist())[-3:])
    assert lefts.tolist() == sorted(lefts.tolist())


@pytest.mark.parametrize("known", [0, 300, 2_990])
def test_what_is_looked_for_in_cells_is_nearly_all_and_nothing_is_invented(known, monkeypatch):
    monkeypatch.setattr(closeness, "PART", 700)
    monkeypatch.setattr(closeness, "BLOCK", 50)
    vectors = some_vectors(3_000, width=24)
    drawn = np.random.default_rng(5)
    copies = vectors[:300] + 0.06 * drawn.normal(size=(300, 24)).astype(np.float16)
    vectors[2_700:] = copies / np.linalg.norm(copies.astype(np.float32), axis=1, keepdims=True)
    exact = list(closeness.neighbours(vectors, known, 0.9))
    found = list(closeness.neighbours(vectors, known, 0.9, exact_pairs=0))
    assert pairs(found, known) <= pairs(exact, known)
    assert len(pairs(found, known)) >= 0.97 * len(pairs(exact, known)) >= 9
    for (lefts, cosines), (every, said) in zip(found, exact, strict=True):
        assert lefts.tolist() == sorted(lefts.tolist())
        where = np.searchsorted(every, lefts)
        np.testing.assert_allclose(cosines, said[where], atol=1e-5)


def test_a_crowd_in_cells_is_cut_to_the_closest(monkeypatch):
    monkeypatch.setattr(closeness, "MOST", 3)
    vectors = some_vectors(400, width=2)
    exact = [lefts.tolist() for lefts, _ in closeness.neighbours(vectors, 100, 0.99)]
    found = [lefts.tolist() for lefts, _ in closeness.neighbours(vectors, 100, 0.99, exact_pairs=0)]
    assert found == exact
    assert max(map(len, found)) == 3


def test_the_same_vectors_fall_into_the_same_cells():
    vectors = some_vectors(2_000, width=12)
    one, other = cells.cells(vectors), cells.cells(vectors)
    assert [part.tolist() for part in one.members] == [part.tolist() for part in other.members]
    assert sorted(np.concatenate(one.members).tolist()) == list(range(2_000))


def test_how_far_it_is_is_told_on_the_way():
    told = []
    list(closeness.neighbours(some_vectors(50), 20, 0.9, told.append))
    assert told == [30]
    assert list(closeness.neighbours(some_vectors(5), 5, 0.9)) == []
