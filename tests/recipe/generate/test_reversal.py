"""Instruction reversal: an instruction that gets the code back, by outcomes or by trees; the rest lost by name."""

from __future__ import annotations

import pytest

from curation.recipe.generate import reversal
from curation.recipe.generate.records import Seed
from curation.recipe.generate.reversal import Reverse, code_in
from curation.recipe.generate.similarity import parsed, tree_similarity
from curation.recipe.verify.outcomes import expressions, same_outcomes
from tests.llm_server import Reply
from tests.recipe.generate.scripted import check_lineage, check_resumed, material, run, script
from tests.recipe.verify.refusal import refusal

NEEDS_SANDBOX = pytest.mark.skipif(bool(refusal()), reason=refusal())
DESCRIBE = ("analysis", "trial", "instruction", "usable")
BODIES = [
    "total = 0\n    for value in values:\n        total += value {op} {n}\n    return total",
    "if not values:\n        return {n}\n    return max(values) {op} {n}",
    "kept = [value for value in values if value {op} {n} > 1]\n    return sorted(kept, reverse=True)",
    "seen = set()\n    for value in values:\n        if value in seen:\n            return value {op} {n}\n        seen.add(value)\n    return None",
    "counts = {{}}\n    for value in values:\n        counts[value {op} {n}] = counts.get(value {op} {n}, 0) + 1\n    return counts",
]
FUNCTIONS = [
    f'def measure_{at}(values):\n    """Number {at} of the functions."""\n    {body.format(op=op, n=at + 2)}\n'
    for at, (body, op) in enumerate((body, op) for body in BODIES for op in "+-*%")
]
MEDIAN = """def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
"""
RENAMED = '''def median(numbers: list) -> float:
    """Sort, then take the middle."""
    in_order = sorted(numbers)  # a copy
    half = len(in_order) // 2
    if len(in_order) % 2:
        return in_order[half]
    return (in_order[half - 1] + in_order[half]) / 2
'''
OTHER = "def median(values):\n    import statistics\n    return statistics.median(values)\n"


CALLS = ["median([3, 1, 2])", "median([4, 1])", "median([7])", "median([])"]


def described(seen, nth):
    name = material(seen.text, "CODE").split("(")[0].removeprefix("def ")
    return {
        "analysis": "It measures.",
        "trial": "Two inputs.",
        "instruction": f"Write {name}, please.",
        "usable": True,
    }


def again(code):
    return f"Empty input is easily missed.\n\n```python\n{code}```\nThat is all."


def rewritten(seen, nth):
    """What a model would write: the same function with other names."""
    number = int(material(seen.text, "INSTRUCTION").split("measure_")[1].split(",")[0])
    return again(
        FUNCTIONS[number].replace("values", "items").replace("value", "item").replace("total", "result")
    )


def scripted(write, **other):
    return script(
        (DESCRIBE, lambda seen, nth: described(seen, nth) | other),
        ("Do what this instruction asks for", write),
        (("consideration", "calls"), {"consideration": "Edges.", "calls": CALLS}),
    )


def alike(one, other, calls):
    return None


def near(one, other):
    return 0.9


def test_twenty_functions_get_instructions_that_bring_them_back():
    seeds = [Seed(code, "code") for code in FUNCTIONS]
    outcomes, book, _ = run(Reverse(runs_alike=alike, cosine=near), seeds, scripted(rewritten))
    assert len(outcomes) == 20
    for seed, outcome in zip(seeds, outcomes, strict=True):
        (made,) = outcome.made
        check_lineage(outcome, seed, book, reversal.PROMPTS)
        assert made.sample.messages[1].content == f"```python\n{seed.text.strip()}\n```"
        assert made.sample.verdicts[0].scores == {"trees": 1.0, "cosine": 0.9}
    assert len({made.sample.meta["drawn"]["manner"] for one in outcomes for made in one.made}) > 2


def test_the_writer_sees_the_instruction_and_never_the_code():
    _, _, server = run(Reverse(), [Seed(MEDIAN, "code")], scripted(again(RENAMED)))
    assert "ordered" in server.asked[0].text and "ordered" not in server.asked[1].text


@pytest.mark.parametrize(
    ("code", "runs", "reason"),
    [
        (RENAMED, None, None),
        (RENAMED, False, None),  # trees are enough
        (OTHER, True, None),  # outcomes are enough
        (OTHER, False, "low_fidelity"),
        (OTHER, None, "low_fidelity"),
    ],
)
def test_a_pair_is_kept_by_outcomes_or_by_trees(code, runs, reason):
    step = Reverse(runs_alike=lambda one, other, calls: runs)
    (outcome,), _, _ = run(step, [Seed(MEDIAN, "code")], scripted(again(code)))
    assert [one.reason for one in outcome.lost] == ([reason] if reason else [])
    assert bool(outcome.made) is (reason is None)


@pytest.mark.parametrize(
    ("seed", "write", "other", "reason"),
    [
        ("def broken(:\n" * 10, again(MEDIAN), {}, "broken_code"),
        (MEDIAN, "I would sort the values and take the middle one.", {}, "broken_code"),
        (MEDIAN, again("def median(:\n"), {}, "broken_code"),
        (MEDIAN, again(MEDIAN), {"usable": False}, "nothing_to_teach"),
        (MEDIAN, again(MEDIAN), {"instruction": " "}, "too_little_written"),
        (MEDIAN, again(MEDIAN), {"instruction": "Do this: " + MEDIAN}, "copied"),
        (MEDIAN, Reply(None, extra={"refusal": "No."}), {}, "refused"),
    ],
)
def test_what_misbehaves_is_lost_by_name(seed, write, other, reason):
    (outcome,), _, _ = run(Reverse(), [Seed(seed, "code")], scripted(write, **other))
    assert [one.reason for one in outcome.lost] == [reason] and not outcome.made


def test_fidelity_of_a_language_without_a_parser_needs_somebody_to_run_it():
    code = Seed("function median(v) { const s = [...v].sort(); return s[Math.floor(s.length / 2)]; }", "code")
    write = "```javascript\nfunction median(a) { return a; }\n```"
    (outcome,), _, _ = run(Reverse(language="JavaScript", cosine=near), [code], scripted(write))
    assert [one.reason for one in outcome.lost] == ["fidelity_unknown"]
    (outcome,), _, _ = run(
        Reverse(language="JavaScript", runs_alike=lambda one, other, calls: True), [code], scripted(write)
    )
    assert outcome.made[0].sample.messages[1].content.startswith("```javascript\nfunction")


@NEEDS_SANDBOX
def test_both_pieces_are_called_the_same_way_in_the_sandbox():
    for code, kept in (
        (
            OTHER.replace("import statistics", "import statistics as s").replace(
                "statistics.median", "s.median"
            ),
            False,
        ),
        (RENAMED, True),
    ):
        seen = []
        step = Reverse(
            least_trees=1.1, runs_alike=lambda *asked, seen=seen: seen.append(asked) or same_outcomes(*asked)
        )
        (outcome,), _, _ = run(step, [Seed(MEDIAN, "code")], scripted(again(code)))
        assert seen[0][2] == CALLS and bool(outcome.made) is kept
        if kept:
            assert outcome.made[0].sample.verdicts[0].scores["runs_alike"] == 1.0


def test_resuming_from_the_ledger_asks_nothing_twice():
    check_resumed(Reverse(), [Seed(MEDIAN, "code")], scripted(again(RENAMED)))


def test_trees_see_neither_names_nor_comments_nor_layout_but_what_is_done():
    assert tree_similarity(MEDIAN, RENAMED) == 1
    assert tree_similarity(MEDIAN, MEDIAN.replace("// 2", "// 3")) < 1
    assert tree_similarity(MEDIAN, OTHER) < 0.5
    assert tree_similarity("a = sorted(b)", "a = list(b)") < 1
    assert tree_similarity(MEDIAN, OTHER) == tree_similarity(OTHER, MEDIAN)


@pytest.mark.parametrize("code", ["", "# only this", "def (", "x = '\0'", "(" * 5000, "-" * 200_000 + "1"])
def test_what_is_no_code_has_no_tree(code):
    assert parsed(code) is None or tree_similarity(code, MEDIAN) is None


def test_the_longest_fenced_block_is_the_code():
    assert code_in("a\n```\nx\n```\nb\n```python\nlonger = 1\n```") == "longer = 1"
    assert code_in("x = 1") == "x = 1"


DOUBLE = "def double(x):\n    return 2 * x\n"


@pytest.mark.parametrize(
    ("other", "calls", "same"),
    [
        ("def double(y):\n    return y + y\n", ["double(1)", "double('a')", "double(None)"], True),
        ("def double(y):\n    return y << 1\n", ["double(1)", "double('a')", "double(2)"], False),
        ("def double(y):\n    while True: pass\n", ["double(1)", "double(2)", "double(3)"], None),
        ("def double(y):\n    return y + y\n", ["double(1)", "double("], None),
        ("def double(y):\n    return y + y\n", ["double(*1)", "double(x)", "double(None)"], None),
        ("import os\ndef double(y):\n    os._exit(0)\n", ["double(1)", "double(2)", "double(3)"], None),
    ],
)
@NEEDS_SANDBOX
def test_outcomes_are_the_same_when_every_call_comes_to_the_same(other, calls, same):
    assert same_outcomes(DOUBLE, other, calls) is same


def test_only_expressions_that_call_something_are_tried():
    assert expressions(["f(1)", "f(1)", "import os", "1 + 1", "f(", " g(f(2)) "]) == ["f(1)", "g(f(2))"]
