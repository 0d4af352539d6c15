"""Wording: shingles, their Jaccard, and bands that alike texts share."""

from __future__ import annotations

import random
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from curation.recipe.dedup import minhash

FIRST_BAND, LAST_BAND = 7511534940936465175, 6020264023624308959
WORDS = [f"word{number}" for number in range(400)]


def a_text(seed, count=130):
    return " ".join(random.Random(seed).choices(WORDS, k=count))


def edited(text, places):
    own = text.split()
    for at in places:
        own[at] = f"other{at}"
    return " ".join(own)


def share_a_band(left, right):
    return bool(set(minhash.bands(left).tolist()) & set(minhash.bands(right).tolist()))


def test_case_punctuation_and_spacing_are_no_wording():
    left = minhash.shingles("Ice floats; because water expands (when it freezes).")
    assert np.array_equal(left, minhash.shingles("ice FLOATS because\nwater, expands when it freezes"))


def test_jaccard_is_that_of_five_words_in_a_row():
    left = minhash.shingles("a b c d e f g h i j")
    right = minhash.shingles("a b c d e f g h i x")
    assert len(left) == len(right) == 6
    assert minhash.jaccard(left, right) == pytest.approx(5 / 7)
    assert minhash.jaccard(left, left) == 1.0
    assert minhash.jaccard(left, minhash.shingles("k l m n o p")) == 0.0


def test_the_order_of_words_matters():
    assert minhash.jaccard(minhash.shingles("a b c d e"), minhash.shingles("e d c b a")) == 0.0


def test_a_short_text_is_one_shingle_and_an_empty_one_none():
    assert len(minhash.shingles("Read more")) == 1
    assert minhash.jaccard(minhash.shingles("Read more"), minhash.shingles("read more!")) == 1.0
    assert len(minhash.shingles(" — ")) == len(minhash.bands(minhash.shingles(" — "))) == 0
    assert minhash.jaccard(minhash.shingles(""), minhash.shingles("")) == 0.0


def test_scripts_without_spaces_have_shingles_of_characters():
    moon = "月はいつも同じ面を地球に向けている"
    assert len(minhash.shingles(moon)) == len(moon) - 4
    assert minhash.jaccard(minhash.shingles(moon), minhash.shingles(moon + "。")) == 1.0
    assert len(minhash.shingles("ภาษาไทยไม่มีช่องว่าง")) > 5
    assert len(minhash.shingles("전 세계의 모든 사람은 평등하다")) == 1


def test_texts_of_a_few_edits_share_a_band_and_unlike_ones_do_not():
    texts = [a_text(seed) for seed in range(100)]
    shingles = [minhash.shingles(text) for text in texts]
    near = [minhash.shingles(edited(text, [40, 90])) for text in texts]
    assert all(minhash.jaccard(one, other) > 0.8 for one, other in zip(shingles, near, strict=True))
    assert sum(share_a_band(one, other) for one, other in zip(shingles, near, strict=True)) >= 95
    assert not any(share_a_band(one, other) for one, other in pairwise(shingles))


def test_bands_are_found_as_often_as_the_formula_says():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        drawn = rng.integers(0, 2**63, 130).astype(np.uint64)
        left, right = np.unique(drawn[:115]), np.unique(drawn[15:])  # 100 of 130 shared
        hits += share_a_band(left, right)
    expected = 1 - (1 - (100 / 130) ** 8) ** 14
    assert abs(hits / 400 - expected) < 0.08


def test_bands_are_the_same_on_every_machine_and_in_every_process():
    """Kept as rows: whoever changes them has to raise VERSION."""
    text = "Ice floats because water expands when it freezes."
    here = minhash.bands(minhash.shingles(text)).tolist()
    code = f"from curation.recipe.dedup import minhash as m; print(m.bands(m.shingles({text!r})).tolist())"
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == str(here)
    assert (minhash.VERSION, here[0], here[13]) == (1, FIRST_BAND, LAST_BAND)


def test_candidates_are_pairs_that_share_a_band_each_once():
    banded = [np.array(values, dtype=np.int64) for values in ([1, 2], [2, 3], [4], [1, 2], [])]
    assert sorted(minhash.candidates(banded)) == [(0, 1), (0, 3), (1, 3)]
    assert sorted(minhash.candidates(banded, fresh=[1])) == [(0, 1), (1, 3)]


def test_a_band_that_everybody_shares_costs_its_size_and_not_its_square():
    banded = [np.array([7], dtype=np.int64)] * 1_000
    found = list(minhash.candidates(banded, most=4))
    assert len(found) < 4_000
    assert all((at, at + 1) in set(found) for at in range(999))
