from hypothesis import given, settings
from hypothesis import strategies as st

from curation.recipe.text import tokens
from curation.recipe.text.split import LOW, MOST, split

SENTENCE = "Water that freezes takes more room than water that flows. "
FENCE = "```python\n" + "\n".join(f"value_{n} = compute({n})  # step" for n in range(14)) + "\n```"
TABLE = "| town | people |\n|---|---|\n" + "\n".join(f"| Town {n} | {n * 137} |" for n in range(15))
FORMULA = "$$\n" + " \\\\\n".join(f"a_{{{n}}} &= b_{{{n}}} + c" for n in range(10)) + "\n$$"


def passages(text):
    return [text[span.start : span.end] for span in split(text)]


def weigh(text):
    return tokens.count([text])[0]


BLOCKS = st.sampled_from(
    [
        "# A title",
        "## A section with *marks*",
        "### Deeper",
        SENTENCE * 2,
        SENTENCE * 9,
        SENTENCE * 40,
        FENCE,
        TABLE,
        FORMULA,
        "- one\n- two\n- three",
        "水が凍ると体積が増える。" * 30,
        "น้ำแข็งลอยน้ำเพราะเบากว่า" * 20,
        "x" * 3_000,
        "---",
        "```\nunclosed",
        "$$ never closed",
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(BLOCKS, st.text(max_size=80)), max_size=12),
    st.sampled_from(["\n\n", "\n", "  \n \t\n"]),
)
def test_every_visible_character_is_in_exactly_one_passage_and_none_outgrows_the_window(blocks, between):
    text = between.join(blocks)
    at = 0
    for span in split(text):
        assert not text[at : span.start].strip()
        part = text[span.start : span.end]
        assert part == part.strip() != ""
        assert weigh(part) <= tokens.WINDOW - 2
        at = span.end
    assert not text[at:].strip()


def test_nothing_comes_of_nothing():
    assert split("") == split(" \n\t ") == []


def test_prose_falls_into_passages_of_the_wanted_size():
    spans = split("\n\n".join([SENTENCE * 7] * 20))
    assert all(LOW <= span.tokens <= MOST for span in spans)


def test_code_tables_and_formulas_that_fit_are_never_cut():
    text = "\n\n".join([SENTENCE * 6, FENCE, SENTENCE * 6, TABLE, SENTENCE * 6, FORMULA, SENTENCE * 6])
    made = passages(text)
    for block in (FENCE, TABLE, FORMULA):
        assert weigh(block) <= MOST
        assert sum(block in passage for passage in made) == 1


def test_code_that_does_not_fit_is_cut_between_its_lines():
    code = "```\n" + "\n".join(f"line_{n}(first, second, third)" for n in range(120)) + "\n```"
    made = passages(code)
    assert len(made) > 3
    assert "\n".join(made).splitlines() == [line for line in code.splitlines() if line]


def test_a_passage_begins_at_a_heading_and_carries_the_trail():
    text = f"# Ice\n\n{SENTENCE * 11}\n\n## Why it *floats*\n\n{SENTENCE * 11}\n\n# Steam\n\n{SENTENCE * 11}"
    spans = split(text)
    assert [span.heading for span in spans] == ["Ice", "Ice › Why it floats", "Steam"]
    assert all(text[span.start] == "#" for span in spans)


def test_a_short_tail_is_merged():
    made = passages(SENTENCE * 14 + "\n\nThe end.")
    assert made[-1].endswith("The end.")
    assert weigh(made[-1]) >= LOW


def test_an_abbreviation_and_a_formula_do_not_end_a_sentence():
    text = "Dr. Smith showed, e.g. for $a. B$, that it holds. " * 40
    assert all(passage.startswith("Dr. Smith") and passage.endswith("holds.") for passage in passages(text))


def test_a_word_that_the_tokenizer_does_not_know_weighs_by_its_length():
    assert weigh("z" * 1_000) == 250
    assert all(weigh(passage) <= MOST for passage in passages("z" * 9_000))
