"""Question-answer extraction: chains found by tags, questions on their steps, answers that stand in the passage."""

from __future__ import annotations

import pytest

from curation.recipe.generate import question_answer
from curation.recipe.generate.grounding import copied, points_elsewhere, quoted
from curation.recipe.generate.question_answer import QuestionAnswer
from curation.recipe.generate.records import Seed
from tests.llm_server import Reply
from tests.recipe.generate.scripted import (
    CHECKED,
    ICE,
    LEVERS,
    PASSAGES,
    check_lineage,
    check_resumed,
    material,
    run,
    script,
)

TAGS = ("consideration", "excerpts")
QUESTIONS = ("consideration", "questions")


def excerpt(**other):
    step = {
        "assumption": "It is at rest.",
        "conclusion": "The products are equal.",
        "description": "Otherwise it would turn.",
        "dependencies": [{"start_line": 1, "end_line": 2}],
    }
    return {
        "start_line": 1,
        "end_line": 3,
        "information_type": "derivation",
        "brief_description": "A rule is derived.",
        "complexity_level": "C",
        "factual_obscurity": "B",
        "chain_of_reasoning": True,
        "reasoning_steps": [step, step],
    } | other


def tags(*excerpts):
    return {"consideration": "It argues.", "excerpts": list(excerpts)}


def questions(seen, nth, **other):
    lines = material(seen.text, "PASSAGE").splitlines()
    pair = {
        "key_step": "The rule follows.",
        "question": "Two things depend on each other by one cause. What follows when the cause grows?",
        "reasoning": "1. One is brought about by the other. 2. So both change.",
        "answer": "Both change.",
        "evidence": lines[1],
    }
    return {
        "consideration": "Two steps matter.",
        "questions": [pair | other, pair | {"evidence": lines[2], "answer": "Both."} | other],
    }


SENSIBLE = ((TAGS, tags(excerpt(), excerpt(chain_of_reasoning=False))), (QUESTIONS, questions), CHECKED)


def test_twenty_passages_become_questions_whose_answers_stand_in_them():
    seeds = [Seed(text) for text in PASSAGES]
    outcomes, book, _ = run(QuestionAnswer(), seeds, script(*SENSIBLE))
    for seed, outcome in zip(seeds, outcomes, strict=True):
        assert len(outcome.made) == 2 and not outcome.lost
        check_lineage(outcome, seed, book, question_answer.PROMPTS)
        for made in outcome.made:
            assert [one.kind for one in made.sample.verdicts] == ["format", "judge"]
            assert made.sample.verdicts[0].evidence in seed.text
            assert made.sample.meta["excerpt"]["reasoning_steps"][0]["dependencies"] == [
                {"start_line": 1, "end_line": 2}
            ]
    assert len({made.sample.meta["drawn"]["asks"] for one in outcomes for made in one.made}) > 2


def test_the_tags_are_asked_for_by_the_names_of_the_report_over_numbered_lines():
    _, _, server = run(QuestionAnswer(), [Seed(LEVERS)], script(*SENSIBLE))
    first = server.asked[0]
    assert material(first.text, "PASSAGE").startswith("1: A lever") and "\n5: Real levers" in first.text
    schema = first.body["response_format"]["json_schema"]["schema"]
    assert set(schema["properties"]["excerpts"]["items"]["properties"]) == {
        "start_line", "end_line", "information_type", "brief_description", "complexity_level",
        "factual_obscurity", "chain_of_reasoning", "reasoning_steps",
    }  # fmt: skip


def test_resuming_from_the_ledger_asks_nothing_twice():
    check_resumed(QuestionAnswer(), [Seed(LEVERS), Seed(ICE)], script(*SENSIBLE))


@pytest.mark.parametrize(
    ("answers", "reasons"),
    [
        ([(TAGS, tags())], ["no_deduction"]),
        ([(TAGS, tags(excerpt(chain_of_reasoning=False)))], ["no_deduction"]),
        ([(TAGS, tags(excerpt(complexity_level="A")))], ["no_deduction"]),
        ([(TAGS, tags(excerpt(reasoning_steps=[])))], ["no_deduction"]),
        ([(TAGS, tags(excerpt(end_line=6)))], ["not_grounded"]),
        ([(TAGS, tags(excerpt(start_line=3, end_line=2)))], ["not_grounded"]),
        ([(TAGS, tags(excerpt(complexity_level="middling")))], ["unusable_answer"]),
        ([(TAGS, Reply('{"consideration": "It arg', finish="length"))], ["unusable_answer"]),
        ([(QUESTIONS, {"consideration": "None.", "questions": []})], ["too_little_written"]),
        ([(QUESTIONS, lambda seen, nth: questions(seen, nth, evidence="Archimedes lifted the Earth."))], ["not_grounded"] * 2),
        ([(QUESTIONS, lambda seen, nth: questions(seen, nth, question="What does the author conclude in this passage?"))], ["not_standalone"] * 2),
        ([(QUESTIONS, lambda seen, nth: questions(seen, nth, reasoning=" "))], ["too_little_written"] * 2),
    ],
)  # fmt: skip
def test_what_misbehaves_is_lost_by_name(answers, reasons):
    (outcome,), _, _ = run(QuestionAnswer(), [Seed(LEVERS)], script(*answers, *SENSIBLE))
    assert [one.reason for one in outcome.lost] == reasons and not outcome.made


@pytest.mark.parametrize(
    ("quote", "stands"),
    [
        ("The product of force and arm is the same", True),
        ("  “the product of force   and ARM is the same”", True),
        ("The product of force … because otherwise it would turn.", True),
        ("because otherwise it would turn … the product of force", False),
        ("The product of force and leg is the same", False),
        ("turn", False),
        ("", False),
        ("...", False),
    ],
)
def test_a_quote_is_looked_up_in_the_words_of_the_text(quote, stands):
    assert quoted(quote, LEVERS) is stands


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("According to the passage, why?", "the passage"),
        ("What does this excerpt say?", "this excerpt"),
        ("As described in the book, what happens?", "As described in the book"),
        ("How does the passage of time change a wall?", ""),
        ("Explain how the text editor saves a file.", ""),
    ],
)
def test_a_task_that_points_at_a_text_is_told_by_its_words(task, words):
    assert points_elsewhere(task) == words


def test_copying_is_a_share_of_runs_of_words():
    assert copied(LEVERS, LEVERS) == 1 and copied("Quite other words altogether. " * 4, LEVERS) == 0
    assert (
        0.2
        < copied(
            LEVERS.splitlines()[0] + " But then quite other words follow it for a long while yet.", LEVERS
        )
        < 0.8
    )
    assert copied("short", LEVERS) == 0
