import lzma
from collections import Counter
from pathlib import Path

import orjson
import pytest

from curation.recipe.text.language import UNDETERMINED, identify, known_to_second

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


def test_languages_that_the_first_detector_was_never_taught_are_told():
    texts = {
        "mi": "He nui ngā tāngata i tae atu ki te hui i tērā wiki, ā, i kōrero rātou mō te whenua.",
        "zu": "Abantu abaningi bahlala emadolobheni ngoba bafuna umsebenzi nezindlu ezingcono.",
        "so": "Dadka badankood waxay ku nool yihiin magaalooyinka sababtoo ah waxay rabaan shaqo.",
        "yo": "Ọ̀pọ̀lọpọ̀ ènìyàn ni ó ń gbé ní ìlú ńlá nítorí pé wọ́n ń wá iṣẹ́.",
    }
    assert [one.code for one in identify(list(texts.values()))] == list(texts)


def test_a_language_that_only_the_first_detector_knows_keeps_its_label():
    texts = {
        "gl": "A maioría das persoas viven nas cidades porque buscan traballo e mellores vivendas.",
        "lb": "Déi meescht Leit wunnen an de Stied, well si eng Aarbecht an eng besser Wunneng sichen.",
        "br": "An darn vrasañ eus an dud a vev er c'hêrioù peogwir emaint o klask labour.",
        "gd": "Tha a' mhòr-chuid de dhaoine a' fuireach anns na bailtean oir tha iad a' lorg obair.",
        "ky": "Адамдардын көбү шаарларда жашайт, анткени алар жумуш жана жакшы турак жай издешет.",
        "km": "មនុស្សភាគច្រើនរស់នៅក្នុងទីក្រុង ព្រោះពួកគេស្វែងរកការងារធ្វើ។",
    }
    assert not set(texts) & known_to_second()
    assert [one.code for one in identify(list(texts.values()))] == list(texts)


@pytest.mark.parametrize("text", ["Bon dia", "hotel taxi bar", "Total: ok"])
def test_a_short_text_is_uncertain_and_its_guesses_are_kept(text):
    found = identify([text])[0]
    assert (found.code, found.uncertain) == (UNDETERMINED, "short")


def test_a_short_text_that_leaves_no_doubt_is_answered():
    assert [one.code for one in identify(["Ο ποταμός", "Υπάρχει νερό", "강물이 불어난다"])] == [
        "el",
        "el",
        "ko",
    ]


def test_a_text_in_two_languages_is_called_mixed_with_what_its_parts_are_in():
    german = (
        "Der Fluss steigt im Frühling, weil der Schnee in den Bergen schmilzt und das Wasser ins Tal läuft. "
    )
    french = "La rivière monte au printemps parce que la neige des montagnes fond et que l'eau descend vers la vallée. "
    (found,) = identify([german * 2 + french * 2])
    assert (found.code, found.uncertain) == (UNDETERMINED, "mixed")
    assert dict(found.parts).keys() == {"de", "fr"} and len(found.scores) == 3
    # A quotation does not make a text mixed.
    (mostly,) = identify([german * 9 + french])
    assert (mostly.code, mostly.uncertain) == ("de", "")


def test_names_that_belong_to_no_language_are_close_and_not_guessed():
    found = identify(["Lorem Hassan Müller Petrova Tanaka"])[0]
    assert (found.code, found.uncertain, len(found.scores)) == (UNDETERMINED, "close", 3)


@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/langid/lingua is not here")
def test_sentences_of_75_languages_are_told():
    with lzma.open(DATA / "sentences_75x1000.jsonl.xz") as lines:
        rows = [orjson.loads(line) for line in lines][1::50]
    right, whole = Counter(), Counter()
    for said, row in zip(identify([row["text"] for row in rows]), rows, strict=True):
        whole[row["lang"]] += 1
        right[row["lang"]] += said.code == {"nb": "no"}.get(row["lang"], row["lang"])
    assert len(whole) == 75
    assert (
        sum(right[lang] / whole[lang] for lang in whole) / 75 > 0.92
    )  # on so small a sample; the bench says .94
