"""What people read of a step: fields as texts, a critique as its criteria, and which steps hold the whole sample."""

from __future__ import annotations

import json

import pytest

from curation.recipe.generate.reading import Criterion, Part, read, versions

PAIR = [{"role": "user", "content": "Q2"}, {"role": "assistant", "content": "A2"}]
CRITIQUE = {
    "own_work": "I find $4$.",
    "criteria": [{"name": "Accuracy", "discussion": "Off.", "score": 2, "suggestion": "Write 4."}],
}


def a_step(output, name="", kind="draft", ordinal=0, scores=None):
    said = output if isinstance(output, str) else json.dumps(output)
    return {"kind": kind, "name": name, "output": said, "ordinal": ordinal, "scores": scores or {}}


def draft(task, answer, ordinal, kind="revision"):
    return a_step({"changes": "…", "task": task, "answer": answer}, "revision-revise", kind, ordinal)


def test_fields_are_texts_with_labels_and_what_is_about_them_is_apart():
    reading = read(draft("Q", "A", 0))
    assert reading.parts == (Part("Changes", "…", True), Part("Task", "Q"), Part("Answer", "A"))
    assert reading.text == "Task\n\nQ\n\nAnswer\n\nA" and reading.about == (Part("Changes", "…", True),)


def test_lists_and_objects_become_markdown():
    steps = [{"given": "a", "follows": "b"}, {"given": "b", "follows": "c"}]
    (part,) = read(a_step({"steps": steps}, "rewrite-reasoning")).parts
    assert part.text.startswith("1. **Given.** a") and "\n2. **Given.** b" in part.text


def test_a_critique_is_a_table_of_its_criteria_with_the_scores_before():
    reading = read(a_step(CRITIQUE, "revision-critique", "critique", scores={"accuracy": 2}), {"accuracy": 1})
    assert reading.criteria == (Criterion("Accuracy", 2, "Off.", "Write 4.", 1),)
    assert reading.parts == (Part("Own work", "I find $4$."),)


def test_a_critique_in_prose_has_the_scores_that_came_with_it():
    reading = read(a_step("Too short.", kind="critique", scores={"style": 3}))
    assert reading.parts == (Part("", "Too short."),) and reading.criteria == (Criterion("style", 3),)


@pytest.mark.parametrize(
    "output",
    [
        "A set is written {1, 2}.",
        'Print it:\n```json\n{"a": 1}\n```',
        "\\frac{1}{2}",
        "",
        "[1, 2]",
        "{",
        "{}",
    ],
)
def test_prose_stays_prose_and_nothing_breaks(output):
    reading = read(a_step(output))
    assert "".join(part.text for part in reading.parts) in (output, "")


@pytest.mark.parametrize("wrapped", ["```json\n%s\n```", "<think>hm</think>%s", "Here it is: %s"])
def test_a_prompt_that_asks_for_fields_is_read_as_such_however_they_came(wrapped):
    output = wrapped % json.dumps(CRITIQUE)
    assert read(a_step(output, "revision-critique", "critique")).criteria[0].name == "Accuracy"


def test_answers_with_task_and_answer_are_versions_of_a_sample_of_both():
    steps = [
        draft("Q0", "A0", 1, "draft"),
        a_step(CRITIQUE, "revision-critique", "critique", 2),
        draft("Q2", "A2", 3),
    ]
    assert [(one.ordinal, one.contents) for one in versions(steps, PAIR, "")] == [
        (1, ("Q0", "A0")),
        (3, ("Q2", "A2")),
    ]
    longer = [{"role": "system", "content": "S"}, *PAIR]
    assert versions(steps, longer, "")[0].contents == ("S", "Q0", "A0")
    assert versions(steps, [*PAIR, *PAIR], "") == []


def test_prose_is_a_version_where_the_last_of_it_is_what_the_sample_ends_with():
    steps = [
        a_step("A0", ordinal=0),
        a_step("Wrong.", kind="critique", ordinal=1),
        a_step("A2", kind="revision", ordinal=2),
    ]
    assert [one.contents for one in versions(steps, PAIR, "")] == [("Q2", "A0"), ("Q2", "A2")]
    assert [one.contents for one in versions(steps, None, "A2")] == [("A0",), ("A2",)]
    assert versions([*steps, a_step("Notes.", ordinal=3)], PAIR, "") == []


def test_parts_of_something_larger_are_no_versions():
    partial = a_step({"task": "Q", "steps": [{"given": "a"}], "answer": "A"}, "rewrite-reasoning")
    turn = a_step({"faults": "", "score": 4, "turn": "Hello."}, "conversation-review", "revision", 1)
    assert versions([partial, turn], PAIR, "") == []
