from curation.recipe.text.search import INDEXED_CHARS, index, question, unspaced_terms


def test_a_language_that_postgresql_stems_gets_its_configuration():
    assert [index("x", code)[0] for code in ("en", "de", "ja", "und", "")] == [
        "english",
        "german",
        "simple",
        "simple",
        "simple",
    ]


def test_unspaced_scripts_are_indexed_as_pairs_whose_last_character_stands_alone():
    assert index("東京都に行く", "ja")[1].split() == ["東京", "京都", "都に", "に行", "行く", "く"]
    assert index("go to 東京 now", "en")[1].split() == ["go", "to", "東京", "京", "now"]


def test_a_question_makes_phrases_of_unspaced_runs_and_prefixes_of_single_characters():
    first, *_ = question("東京都 tower 水", ["ja"])
    assert first.words == '"東京 京都" tower'
    assert first.prefixes == ("水:*",)


def test_quotes_stay_balanced_around_unspaced_runs():
    assert question('"tower of 東京都"', [])[0].words.count('"') == 2


def test_a_question_is_asked_once_per_configuration():
    assert [one.configuration for one in question("ice", ["en", "de", "en", "zh"])] == [
        "english",
        "german",
        "simple",
    ]


def test_nothing_to_look_for_is_no_question():
    assert question("  \x00 ", ["en"]) == []


def test_a_huge_text_is_indexed_up_to_a_limit():
    assert len(index("word " * INDEXED_CHARS, "en")[1]) <= INDEXED_CHARS


def test_full_width_forms_meet_half_width_ones():
    assert index("ＡＢＣ", "en")[1].strip() == "ABC"
    assert unspaced_terms("ｱｲｽ") == ["アイス"]
