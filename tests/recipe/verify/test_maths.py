"""Final answers: never a false "equal", and what cannot be told is said to be so."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from curation.recipe.verify.answers import final, number, tidy
from curation.recipe.verify.equality import compare
from curation.recipe.verify.maths import Maths
from tests.bench import data
from tests.recipe.verify.pairs import DIFFERENT, EQUAL, LATER_EQUAL, LATER_NOT_EQUAL, UNCERTAIN

DATA = data.ROOT / "benchmarks"


@pytest.fixture(scope="module")
def maths() -> Iterator[Maths]:
    with Maths(seconds=3.0) as one:
        yield one


@pytest.mark.parametrize(("gold", "answer"), [*EQUAL, *LATER_EQUAL])
def test_equal_answers_are_found_equal_either_way_round(maths: Maths, gold: str, answer: str) -> None:
    assert maths.compare(gold, answer).verdict == "equal"
    assert maths.compare(answer, gold).verdict == "equal"


@pytest.mark.parametrize(("gold", "answer"), DIFFERENT)
def test_different_answers_are_found_different_either_way_round(maths: Maths, gold: str, answer: str) -> None:
    assert maths.compare(gold, answer).verdict == "different"
    assert maths.compare(answer, gold).verdict == "different"


@pytest.mark.parametrize(("gold", "answer"), [*DIFFERENT, *UNCERTAIN, *LATER_NOT_EQUAL])
def test_no_two_answers_that_differ_are_called_equal(maths: Maths, gold: str, answer: str) -> None:
    assert maths.compare(gold, answer).verdict != "equal"
    assert maths.compare(answer, gold).verdict != "equal"


@pytest.mark.parametrize(("gold", "answer"), UNCERTAIN)
def test_what_cannot_be_told_is_uncertain_with_the_reason(maths: Maths, gold: str, answer: str) -> None:
    found = maths.compare(gold, answer)
    assert found.verdict == "uncertain"
    assert found.detail


@pytest.mark.parametrize("text", ["", "{", "}", "\\", "$", "\\boxed{", "\x00", "\ud800", "(" * 3000, "9" * 20_000, "^" * 50, "\\frac{}{}", "x" * 100_000, "\\sqrt[" * 500, "__import__('os')"])  # fmt: skip
def test_no_text_breaks_it(maths: Maths, text: str) -> None:
    for gold, answer in ((text, "1"), ("1", text), (text, text + "1")):
        assert maths.compare(gold, answer).verdict != "equal"
    assert maths.compare("1", "1.0").verdict == "equal"


def test_a_pair_that_takes_too_long_costs_only_itself() -> None:
    with Maths(seconds=1.0) as maths:
        assert maths.compare("10^{10^{10}}", "10^{10^{10}}+1").verdict == "uncertain"
        assert maths.compare("2/4", "0.5").verdict == "equal"


def test_a_child_that_was_killed_is_replaced() -> None:
    with Maths() as maths:
        assert maths.compare("x+1", "1+x").verdict == "equal"
        assert maths._child is not None
        os.kill(maths._child.pid, 9)
        assert maths.compare("x+1", "1+x").verdict == "uncertain"
        assert maths.compare("x+1", "1+x").verdict == "equal"


def test_nothing_of_an_answer_is_evaluated_as_python(tmp_path) -> None:
    made = tmp_path / "made"
    compare(f"open('{made}','w')", f"\\boxed{{open('{made}','w')+0}}")
    assert not made.exists()


def test_the_last_boxed_answer_counts_with_its_nested_braces() -> None:
    assert final(r"First \boxed{1}, then \boxed{\frac{1}{\sqrt{2}}} at last.") == r"\frac{1}{\sqrt{2}}"
    assert final("Some steps.\n#### 1,200") == "1,200"
    assert final(r"never closed \boxed{3") == r"never closed \boxed{3"


def test_plain_numbers_are_read_exactly_and_others_not_at_all() -> None:
    assert [str(number(tidy(text))) for text in ("0.1", "1e3", "1,000", r"2\frac12", "3/6", r"0.\overline{9}")] == ["1/10", "1000", "1000", "5/2", "1/2", "1"]  # fmt: skip
    assert [number(text) for text in ("", ".", "1,00", "1/0", "x", "1 2", "--1", "1.2.3")] == [None] * 8


@pytest.mark.skipif(not (DATA / "math").is_dir(), reason="../shared/data/benchmarks is not here")
def test_gold_answers_of_gsm8k_and_math_equal_themselves(maths: Maths) -> None:
    for gold in [*data.gsm8k(), *data.math()][::10]:
        assert maths.compare(gold, gold).verdict == "equal"
        assert maths.compare(gold, gold, by_spelling=False).verdict != "different"
