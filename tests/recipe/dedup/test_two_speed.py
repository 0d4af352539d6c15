"""Two speeds: the good model is asked about texts that may have a partner, and it decides."""

from __future__ import annotations

import numpy as np
import pytest

from curation.recipe.dedup import two_speed

TEXTS, WIDTH = 2_000, 32


class Models:
    """Good vectors with planted partners, and rough ones that are a noisy, turned view of them."""

    def __init__(self, texts=TEXTS, partners=100, seed=1):
        rng = np.random.default_rng(seed)
        good = rng.normal(size=(texts, WIDTH))
        for at in range(partners):
            good[texts - 1 - at] = good[at] + 0.2 * rng.normal(size=WIDTH)
        self.good = unit(good)
        turned = self.good @ rng.normal(size=(WIDTH, WIDTH))
        self.rough = unit(turned + 0.2 * rng.normal(size=turned.shape))
        self.asked = []

    def encode(self, positions):
        self.asked += positions.tolist()
        return self.good[positions]


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def as_set(found):
    return set(zip(found.left.tolist(), found.right.tolist(), strict=True))


def test_nearly_all_pairs_are_found_though_few_texts_are_encoded():
    models = Models()
    truth = two_speed.close_pairs(models.good, 0.9)
    wanted = set(zip(truth[0].tolist(), truth[1].tolist(), strict=True))
    found = two_speed.pairs([models.rough], models.encode, 0.9)
    assert as_set(found) <= wanted
    assert len(as_set(found)) >= 0.98 * len(wanted) > 60
    assert found.encoded < 0.5 * TEXTS


def test_no_text_is_encoded_twice():
    models = Models()
    found = two_speed.pairs([models.rough], models.encode, 0.9)
    assert len(models.asked) == len(set(models.asked)) == found.encoded


def test_texts_that_are_certain_to_matter_are_encoded_first_and_once():
    models = Models()
    positions, vectors = two_speed.likely([models.rough], models.encode, 0.9, certain=[500, 3, 3])
    assert models.asked[:2] == [3, 500]
    assert len(models.asked) == len(set(models.asked)) == len(positions)
    assert {3, 500} < set(positions.tolist())
    assert np.array_equal(vectors, models.good[positions])


def test_a_small_collection_is_encoded_whole():
    models = Models(texts=120, partners=10)
    found = two_speed.pairs([models.rough], models.encode, 0.9)
    assert found.encoded == 120
    left, right, _ = two_speed.close_pairs(models.good, 0.9)
    assert as_set(found) == set(zip(left.tolist(), right.tolist(), strict=True))


def test_pairs_at_the_edge_are_decided_by_the_best_vectors():
    models = Models(texts=150, partners=60)
    off = unit(models.good + 0.001 * np.random.default_rng(2).normal(size=models.good.shape))
    exact = two_speed.pairs([models.rough], models.encode, 0.98)
    found = two_speed.pairs([models.rough], lambda positions: off[positions], 0.98, best=models.encode)
    assert as_set(found) == as_set(exact)
    assert 0 < found.refined < 60


def test_all_products_are_made_block_by_block(monkeypatch):
    monkeypatch.setattr(two_speed, "BLOCK", 7)
    rows = Models(texts=60, partners=20).good
    left, right, cosine = two_speed.close_pairs(rows, 0.8)
    cosines = rows @ rows.T
    assert len(left) == (np.triu(cosines, 1) >= 0.8).sum() > 10
    np.testing.assert_allclose(cosine, cosines[left, right], atol=1e-6)


@pytest.mark.parametrize("texts", [0, 1])
def test_nothing_to_compare_is_no_accident(texts):
    models = Models(texts=texts, partners=0)
    assert as_set(two_speed.pairs([models.rough], models.encode, 0.9)) == set()
