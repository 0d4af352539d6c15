from hypothesis import given
from hypothesis import strategies as st

from curation.recipe.text.normalise import normal_form, normal_hash, safe_text


def test_nul_is_removed_and_noted():
    made = safe_text("a\x00b\x00")
    assert (made.text, made.notes) == ("ab", {"nul_removed": 2})


def test_surrogates_that_form_a_pair_are_joined_and_lone_ones_replaced():
    made = safe_text("\ud83d\ude00 and \ud800")
    assert made.text == "😀 and \ufffd"
    assert made.notes == {"surrogates_replaced": 1}


def test_a_sound_text_is_left_as_it_is():
    made = safe_text("Ünïcödé\r\n\u200b😀")
    assert made.text == "Ünïcödé\r\n\u200b😀"
    assert made.notes == {}


@given(st.text(alphabet=st.characters(codec=None, categories=None, exclude_categories=())))
def test_whatever_comes_in_can_be_stored(text):
    made = safe_text(text).text
    assert "\x00" not in made
    made.encode("utf-8")


def test_width_case_quotes_dashes_and_space_do_not_make_a_difference():
    assert normal_hash("Ｈｅｌｌｏ\u00a0 “World” — it’s") == normal_hash('hello "world" - it\'s\n')


def test_figures_signs_and_formulas_do_make_a_difference():
    texts = ["x = -1", "x = 1", "1.5", "15", "2²", "22", "H₂O", "H2O", "a+b", "a-b"]
    assert len({normal_hash(text) for text in texts}) == len(texts)


@given(st.text())
def test_the_normal_form_of_a_normal_form_is_itself(text):
    assert normal_form(normal_form(text)) == normal_form(text)
