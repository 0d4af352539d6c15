"""Examining a sample: each check comes to one verdict, doubt is its own outcome, and no weaker thing is called a pass."""

from __future__ import annotations

import json
from typing import Any

import pytest

from curation.recipe.chain import (
    OUTCOMES,
    VERDICT_KINDS,
    Chain,
    ChainVerdict,
    Message,
    SeedReference,
    as_row,
    parse,
)
from curation.recipe.verify.examine import CHECKS, UnknownCheck, examine, standing, wanting
from curation.recipe.verify.instructions import read
from tests.bench import data
from tests.recipe.verify.ifeval import IFEVAL
from tests.recipe.verify.refusal import refusal

sandboxed = pytest.mark.skipif(bool(refusal()), reason=refusal())

DOUBLE = "```python\ndef double(x):\n    return 2 * x\n```"
WRONG = "```python\ndef double(x):\n    return 3 * x\n```"


def sample(task: str, answer: str, /, **meta: Any) -> Chain:
    return Chain(messages=(Message("user", task), Message("assistant", answer)), meta=meta)


def look(check: str, task: str, answer: str, /, **meta: Any) -> ChainVerdict:
    (verdict,) = examine(sample(task, answer, **meta), [check])
    assert verdict.kind == check and verdict.outcome in OUTCOMES and verdict.judge and verdict.evidence
    assert len(verdict.evidence) < 4_000
    row = as_row(Chain(text="x", verdicts=(verdict,)))
    assert parse(json.loads(json.dumps(row))).verdicts == (verdict,)
    return verdict


#: task, answer, meta, outcome, whose tests they were.
CODE = {
    "carried tests hold": ("Double.", DOUBLE, {"tests": "assert double(2) == 4"}, "passed", "carried"),
    "a list of tests, one broken": ("Double.", WRONG, {"tests": ["assert double(0) == 0", "assert double(2) == 4"]}, "failed", "carried"),
    "a block of the task asserts": ("Double. It must pass\n```python\nassert double(2) == 4\n```", WRONG, {}, "failed", "task"),
    "lines of the task assert": ("Double. Tests:\nassert double(2) == 4", "So:\n```\ndef double(x):\n    return 2 * x\n```", {}, "passed", "task"),
    "its own assertions hold": ("Double.", DOUBLE[:-3] + "\nassert double(2) == 4\n```", {}, "passed", "own"),
    "its own test fails": ("Double.", WRONG[:-3] + "\ndef test_two():\n    assert double(2) == 4\n```", {}, "failed", "own"),
    "asserting nothing of its own is no test": ("Double.", DOUBLE[:-3] + "\nassert True\n```", {}, "uncertain", "none"),
    "an assertion within what it offers is no test": ("Double.", "```python\ndef double(x):\n    assert x\n    return 2 * x\n```", {}, "uncertain", "none"),
    "runs, with no tests": ("Greet.", "```python\nprint('hello')\n```", {}, "uncertain", "none"),
    "breaks, with no tests": ("Divide.", "```python\n1 / 0\n```", {}, "failed", "none"),
    "a package that is not here": ("Sum.", "```python\nimport no_such_package\n```", {}, "uncertain", "none"),
    "code without a fence": ("Double.", "def double(x):\n    return 2 * x", {"tests": "assert double(2) == 4"}, "passed", "carried"),
    "the network": ("Fetch.", "```python\nimport socket\nsocket.socket()\n```", {}, "uncertain", "none"),
}  # fmt: skip


@sandboxed
@pytest.mark.parametrize("case", CODE)
def test_code_is_run_with_the_tests_that_there_are(case: str) -> None:
    task, answer, meta, outcome, whose = CODE[case]
    verdict = look("code", task, answer, **meta)
    assert (verdict.outcome, verdict.meta["tests"]) == (outcome, whose), verdict


@sandboxed
def test_evidence_says_what_ended_the_run_and_what_was_printed_within_bounds() -> None:
    verdict = look(
        "code", "Double.", f"{WRONG[:-3]}print('é' * 5000)\n```", tests="assert double(2) == 4, 'two'"
    )
    assert "AssertionError: two" in verdict.evidence and "assert double(2) == 4" in verdict.evidence
    assert "stdout:\néé" in verdict.evidence and "[…]" in verdict.evidence


@sandboxed
def test_the_same_sample_has_the_same_verdicts() -> None:
    chain = sample("Double in at most 9 words.", DOUBLE, tests="assert double(2) == 4", answer="4")
    assert examine(chain, list(CHECKS)) == examine(chain, list(CHECKS))


@pytest.mark.parametrize(
    ("answer", "outcome", "says"),
    [
        ("```rust\nfn f() {}\n```", "uncertain", "rust"),
        ("Nothing but prose.", "uncertain", "no fenced Python"),
        ("```\n3\n```", "uncertain", "no fenced Python"),
        ("```python\ndef f(:\n```", "failed", "line 1"),
    ],
)
def test_what_cannot_be_run_says_why(answer: str, outcome: str, says: str) -> None:
    verdict = look("code", "Do it.", answer)
    assert verdict.outcome == outcome and says in verdict.evidence


@pytest.mark.parametrize(
    ("answer", "gold", "outcome"),
    [
        (r"Hence \boxed{\frac{1}{2}}.", "0.5", "passed"),
        ("They add to 12.\n\n**Answer:** 12", 12, "passed"),
        ("The answer is 13.", "So 6 + 6.\n#### 12", "failed"),
        ("1/3", "0.333333", "failed"),
        ("Answer: 50%", "50", "uncertain"),
        ("It grows.\nAnd so it is.", "12", "uncertain"),
        ("42", None, "uncertain"),
        ("42", True, "uncertain"),
    ],
)
def test_the_final_answer_is_compared_with_the_one_that_the_sample_carries(
    answer: str, gold: Any, outcome: str
) -> None:
    verdict = look("maths", "How much?", answer, **({} if gold is None else {"answer": gold}))
    assert verdict.outcome == outcome and verdict.judge.startswith("math-verify-")


def test_a_seed_may_carry_the_right_answer() -> None:
    chain = Chain(text="#### 12", seed=SeedReference(text="How many?", meta={"answer": 12}))
    assert examine(chain, ["maths"])[0].outcome == "passed"


@pytest.mark.parametrize(
    ("task", "answer", "meta", "outcome"),
    [
        ("Explain it in at most 4 words.", "Heat makes it rise.", {}, "passed"),
        ("Explain it in at most 4 words.", "Heat makes the air rise.", {}, "failed"),
        ("Answer in JSON.", '{"a": 1}', {}, "passed"),
        ("Explain it.", "Heat.", {"constraints": [{"key": "words", "parameters": {"least": 2}}]}, "failed"),
        ("Explain it.", "Hot air rises.", {"constraints": {"words": {"most": 3}, "no_commas": {}}}, "passed"),
        ("Explain it.", "Heat.", {}, "uncertain"),
        ("Explain it.", "Heat.", {"constraints": {"colours": {}}}, "uncertain"),
        ("Explain it.", "Heat.", {"constraints": ["words"]}, "uncertain"),
        ("Explain it.", "Heat.", {"constraints": "at most 3 words"}, "uncertain"),
        ("Write a function that returns at most 3 words of a text, as JSON.", "def f(): ...", {}, "uncertain"),
        ("> Answer in JSON.\n\n```\nAnswer in JSON.\n```\nWhat does this ask?", "JSON.", {}, "uncertain"),
    ],
)  # fmt: skip
def test_instructions_of_form_are_checked_where_there_are_any(
    task: str, answer: str, meta: dict[str, Any], outcome: str
) -> None:
    assert look("format", task, answer, **meta).outcome == outcome


def test_what_is_read_off_a_task_is_what_the_task_asks() -> None:
    """IFEval says which instructions each of its prompts gives; what a prompt asks beside those, it does not say."""
    path = data.ROOT / "benchmarks" / "ifeval" / "input_data.jsonl"
    if not path.exists():
        pytest.skip("the prompts of IFEval are not here")
    found, right, asked = 0, 0, 0
    for line in path.read_text().splitlines():
        row = json.loads(line)
        keys = [{name: value for name, value in one.items() if value is not None} for one in row["kwargs"]]
        gold = [IFEVAL[name](said) for name, said in zip(row["instruction_id_list"], keys, strict=True)]
        said = read(row["prompt"])
        found, right, asked = found + len(said), right + sum(one in gold for one in said), asked + len(gold)
    assert right / found > 0.96 and right / asked > 0.2


def test_a_check_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(UnknownCheck, match="colour"):
        examine(sample("a", "b"), ["format", "colour"])
    assert set(CHECKS) < set(VERDICT_KINDS)


def test_one_failure_outweighs_a_pass_and_a_pass_outweighs_doubt() -> None:
    said = [
        ChainVerdict("format", "uncertain", "constraints/1"),
        ChainVerdict("format", "passed", "copied/1"),
    ]
    assert standing(said, "format") == "passed" and standing(said, "code") == "missing"
    assert wanting(said, ["format", "code"]) == {"code": "missing"}
    assert standing([*said, ChainVerdict("format", "failed", "grounded/1")], "format") == "failed"
