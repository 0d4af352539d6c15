"""The static model: distilled offline, kept as plain arrays, the same for the same model."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from curation.recipe.text import encode, static

ICE = "Ice floats because water expands when it freezes, so that lakes do not freeze from the bottom up."
AGAIN = "Because water expands as it freezes, ice floats, and lakes do not freeze up from their bottom."
PLAGUE = "The Black Death reached Sicily on Genoese ships and killed perhaps a third of Europe's people."
WAGES = "With so few labourers left, wages rose and the lords of the manor competed for tenants."


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Distilled from the bundled model: the tokens of the texts here and every twelfth of the others, which have the mean of all.

    The whole vocabulary takes half a minute, and longer on a busy machine; `bench semantic_duplicates` distils that.
    """
    alone = static._alone

    def some(model, tokenizer, tokens):
        read = {one for text in (ICE, AGAIN, PLAGUE, WAGES) for one in tokenizer.encode(text).ids}
        chosen = sorted(read | set(tokens[::12]))
        made = alone(model, tokenizer, chosen)
        rows = np.tile(made.mean(axis=0), (len(tokens), 1))
        rows[chosen] = made
        return rows

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(static, "_alone", some)
        return static.load(encode.Options(), tmp_path_factory.mktemp("static"))


def test_texts_that_say_the_same_are_closer_than_others(model):
    rows = model.encode([ICE, AGAIN, PLAGUE, WAGES])
    cosines = rows @ rows.T
    assert cosines[0, 1] > 0.7
    assert cosines[0, 1] > 2 * max(cosines[0, 2], cosines[0, 3])


def test_vectors_are_normalised_and_an_empty_text_has_none(model):
    rows = model.encode([ICE, "", PLAGUE])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), [1, 0, 1], atol=1e-5)
    assert model.encode([]).shape == (0, model.vectors.shape[1])


def test_a_long_text_is_read_to_its_end(model):
    long = " ".join([ICE] * 40)
    (alone,), (other,) = model.encode([long])[:1], model.encode([f"{long} {PLAGUE * 40}"])[:1]
    assert alone @ other < 0.99


def test_a_word_that_every_text_has_says_nothing(model):
    ids = [np.array([1, 2]), np.array([1, 3]), np.array([1])]
    rare = static.rarity(ids, 5)
    assert rare[1] == 0 < rare[2] == rare[3] < rare[4]


def test_what_was_distilled_is_kept_and_not_distilled_again(model, tmp_path, monkeypatch):
    static._keep(model, tmp_path / kept_name())
    monkeypatch.setattr(static, "distil", None)
    static.load.cache_clear()
    again = static.load(encode.Options(), tmp_path)
    assert again.key == model.key == f"static/{static.VERSION}:{encode.model_key()}"
    assert np.array_equal(again.encode([ICE, PLAGUE]), model.encode([ICE, PLAGUE]))


def test_what_is_kept_holds_no_code(model, tmp_path):
    path = tmp_path / "static.npz"
    static._keep(model, path)
    with np.load(path, allow_pickle=False) as kept:
        assert sorted(kept) == ["tokenizer", "vectors"]
    assert list(tmp_path.iterdir()) == [path]


def kept_name():
    key = f"static/{static.VERSION}:{encode.model_key(encode.Options())}"
    return Path(f"static-{sha256(key.encode()).hexdigest()[:16]}.npz")
