"""New texts against known ones: exact, and by the graph beyond what can be multiplied out."""

from __future__ import annotations

import numpy as np
import pytest

from curation.recipe.dedup import closeness


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


def test_the_graph_finds_nearly_all_and_invents_nothing():
    known, floor = 300, 0.9
    vectors = some_vectors(1_000, width=8)
    exact = pairs(closeness.neighbours(vectors, known, floor), known)
    found = {
        (min(pair), max(pair))
        for pair in pairs(closeness.neighbours(vectors, known, floor, exact_pairs=0), known)
    }
    assert found <= exact
    assert len(found) >= 0.95 * len(exact) > 20


def test_how_far_it_is_is_told_on_the_way():
    told = []
    list(closeness.neighbours(some_vectors(50), 20, 0.9, told.append))
    assert told == [30]
    assert list(closeness.neighbours(some_vectors(5), 5, 0.9)) == []
