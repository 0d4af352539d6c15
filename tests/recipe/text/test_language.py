import lzma
from pathlib import Path

import orjson
import pytest

from curation.recipe.text.language import UNDETERMINED, identify

DATA = Path(__file__).parents[4] / "shared" / "data" / "langid" / "lingua"


def test_languages_are_told_apart_with_their_three_best_guesses():
    texts = [
        "The river rises in spring because the snow in the mountains melts.",
        "Der Fluss steigt im Frühling, weil der Schnee in den Bergen schmilzt.",
        "春天河水上涨,因为山上的积雪融化了。",
        "春になると山の雪が解けるので川の水位が上がります。",
    ]
    found = identify(texts)
    assert [one.code for one in found] == ["en", "de", "zh", "ja"]
    assert all(len(one.scores) == 3 and one.margin > 0 for one in found)


@pytest.mark.parametrize(
    "text", ["", "   \n", "ok", "12345 67890 12.5 %", "https://example.org/a/b", "OK!!! :-)"]
)
def test_what_has_too_few_letters_is_undetermined(text):
    assert identify([text])[0].code == UNDETERMINED


def test_newlines_code_and_addresses_do_not_decide():
    text = "Der Fluss\nsteigt im Frühling,\nweil der Schnee schmilzt.\n\n```python\nfor item in items:\n    print(item)\n```\n"
    assert identify([text + "https://example.org/the/english/address/of/something"])[0].code == "de"


def test_a_long_text_is_judged_by_all_of_it_and_not_by_its_beginning():
    text = "The river rises. " * 12 + "Der Fluss steigt im Frühling, weil der Schnee schmilzt. " * 2_000
    assert identify([text])[0].code == "de"


@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/langid/lingua is not here")
def test_nine_of_ten_sentences_that_are_answered_are_right():
    with lzma.open(DATA / "sentences_75x1000.jsonl.xz") as lines:
        rows = [orjson.loads(line) for line in lines][::25]
    answered = [
        (said.code, row["lang"])
        for said, row in zip(identify([row["text"] for row in rows]), rows, strict=True)
        if said.code != UNDETERMINED
    ]
    right = sum(said == {"nb": "no"}.get(lang, lang) for said, lang in answered)
    assert right / len(answered) > 0.9
    assert len(answered) / len(rows) > 0.75
