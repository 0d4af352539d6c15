"""Text is put right where it was decoded wrongly, and left alone where it only looks strange."""

import pytest

from curation.recipe.ingest.cleaning.repair import repair

BROKEN = (
    ("Die GrÃ¶ÃŸe der FlÃ¤che ist schÃ¶n grÃ¼n.", "Die Größe der Fläche ist schön grün."),
    ("It wasnâ€™t there â€” not yet.", "It wasn’t there — not yet."),
    ("Itâ\x80\x99s here", "It’s here"),
    ("25 Â°C and Â© 2020", "25 °C and © 2020"),
    ("ÃƒÂ©tÃƒÂ© two times over", "été two times over"),
    ("РџСЂРёРІРµС‚, РјРёСЂ!", "Привет, мир!"),
    ("e\u0301te\u0301", "été"),
    ("an e\ufb03cient \ufb01lter", "an efficient filter"),
    ("ex\u00adam\u00adple\ufeff and zero\u200bwidth", "example and zerowidth"),
    ("one\u2028two", "one\ntwo"),
)

MEANT = (
    "plain ASCII",
    "Größe, naïve café, São Tomé, Ångström (U+00C5)",
    "x² + y₁ = ½ and ＦＵＬＬ width, ① and ㎏",
    "AHÅ™, the new sofa from IKEA®",
    "P(A∩B) ≤ Σᵢ pᵢ",
    "Привет, мир. Слово «Россия».",
    "मौलिक अधिकार और ज़मीन",
    "می‌خواهم",
    "ภาษา\u200bไทย",
    "👩‍🔬 🏳️‍🌈",
    "```python\nassert fix('schÃ¶n') == 'schön'\nx = 'e\u0301'\n```",
    "`schÃ¶n` is what schön becomes",
    "$\\hat{e}\u0301 = Ã©$",
)


@pytest.mark.parametrize(("broken", "whole"), BROKEN)
def test_what_is_broken_is_mended_and_noted(broken, whole):
    text, done = repair(broken)
    assert text == whole and done


@pytest.mark.parametrize("text", MEANT)
def test_what_is_meant_stays_to_the_letter(text):
    assert repair(text) == (text, {})


def test_the_note_shows_one_line_before_and_after():
    _, done = repair("fine\nIt wasnâ€™t\nnor isnâ€™t\n")
    assert done == {"encoding": 2, "encoding_example": ["It wasnâ€™t", "It wasn’t"]}
