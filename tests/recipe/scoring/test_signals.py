import random

import pytest

from curation.recipe.scoring import signals

PROSE = (
    "The river rises in spring because the snow in the mountains melts. Farmers along its banks wait for "
    "the flood, which brings the mud that feeds their fields. In dry years it stays away, and then they dig. "
    "The oldest canals were dug by hand some four thousand years ago and are still in use, though nobody "
    "remembers who first had the idea of a gate that opens by itself when the pressure grows too high."
)


def test_every_signal_is_defined_named_and_has_a_unit():
    assert len({signal.key for signal in signals.SIGNALS}) == len(signals.SIGNALS) > 30
    assert all(signal.title and signal.definition.endswith(".") and signal.unit for signal in signals.SIGNALS)


@pytest.mark.parametrize(
    "text", ["", " \n ", "a", "😀" * 30, "\ufffd\x07", "水" * 500, "1 2 3\n" * 50, PROSE]
)
def test_any_text_can_be_measured_and_shares_are_shares(text):
    values = signals.measure(text)
    assert set(values) == set(signals.KEYS)
    for signal in signals.SIGNALS:
        if signal.unit == "share":
            assert 0 <= values[signal.key] <= 1


def test_signals_say_what_their_definition_says():
    values = signals.measure("- One two three.\n- One two three.\nMore # of...\n\nAn end!")
    assert values["lines"] == 4
    assert values["bullet_lines"] == 0.5
    assert values["ellipsis_lines"] == 0.25
    assert values["short_lines"] == 1
    assert values["duplicate_lines"] == round(16 / (16 + 16 + 12 + 7), 6)
    assert values["symbols"] == round(2 / 10, 6)


def test_repetition_is_seen_by_n_grams_and_compression():
    once, often = signals.measure(PROSE[:200]), signals.measure("buy cheap watches online now " * 80)
    assert often["duplicate_10_grams"] > 0.9
    assert often["compression"] < 0.1 < once["compression"]
    assert often["top_2_gram"] > once["top_2_gram"]


def test_sound_prose_is_not_corrupted():
    assert signals.corruption(signals.measure(PROSE)) == ""


def test_noise_mojibake_broken_characters_and_endless_repetition_are_corrupted_and_say_by_how_much():
    chance = random.Random(1)
    noise = " ".join("".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(120))
    cases = {
        noise: "improbable",
        "Das fÃ¼r die StraÃŸe Ã¼bliche MaÃŸ. " * 30: "wrongly decoded",
        "The caf\ufffd and the na\ufffdve r\ufffdsum\ufffd of it all. " * 10: "broken characters",
        "buy cheap watches online now " * 120: "repetitive",
        " ".join(str(chance.random()) for _ in range(40)): "letters",
    }
    for text, said in cases.items():
        assert said in signals.corruption(signals.measure(text)), text[:40]
    assert "at most" in signals.corruption(signals.measure(noise))


@pytest.mark.parametrize(
    "text",
    [
        "Řeka na jaře stoupá, protože v horách taje sníh, a rolníci u jejích břehů čekají na povodeň. " * 5,
        "A folyó tavasszal megárad, mert a hegyekben elolvad a hó, és a gazdák az áradásra várnak. " * 5,
        "Webigu wuxuu kor u kacaa gu'ga sababtoo ah barafka buuraha ayaa dhalaala, beeralayduna way sugaan. "
        * 5,
        "春天河水上涨,因为山上的积雪融化了。农民等待着洪水带来的淤泥。" * 20,
        "def find(items):\n    for item in items:\n        if item > 0:\n            return item\n" * 4,
        "| a | 1 |\n|---|---|\n| b | 2 |\n" * 3,
    ],
)
def test_other_languages_code_and_tables_are_not_taken_for_noise(text):
    varied = text.replace("1", "17")
    assert "improbable" not in signals.corruption(signals.measure(varied))
    assert "letters" not in signals.corruption(signals.measure(varied))
