"""The table of workflows: what each takes, its steps and prompts, what it makes. A workflow is one line here, its step one in `recipe.steps`."""

from __future__ import annotations

from dataclasses import dataclass

from curation.recipe.generate import (
    again,
    conversation,
    fill_middle,
    question_answer,
    reversal,
    revision,
    rewrite,
)
from curation.recipe.generate.drawn import AIMS
from curation.recipe.generate.writer import Writer
from curation.recipe.llm.wording import Prompt


@dataclass(frozen=True, slots=True)
class Workflow:
    """`takes`: kinds of seeds (`records.KINDS`). `stages`: what happens, in order, for people. `aims`: what a run can fix (`drawn.AIMS`)."""

    key: str
    title: str
    takes: tuple[str, ...]
    makes: str
    source: str
    stages: tuple[str, ...]
    prompts: tuple[Prompt, ...]
    step: type[Writer]
    aims: tuple[str, ...] = ()


WORKFLOWS: dict[str, Workflow] = {
    one.key: one
    for one in (
        Workflow(
            rewrite.KEY,
            "Rewrite and augment",
            ("passage",),
            "exercises with solutions, a discussion, a structured reasoning task, the passage written anew",
            "Phi-4 report, section 2.2",
            ("notes that stand in the passage", "one draft per form", "a second look at every task"),
            rewrite.PROMPTS,
            rewrite.Rewrite,
            AIMS,
        ),
        Workflow(
            question_answer.KEY,
            "Question-answer extraction",
            ("passage", "code"),
            "questions on the key steps of arguments, with worked answers",
            "Phi-4 report, section 2.2 and appendix D.1.1",
            ("excerpts with tags", "questions on key steps", "evidence looked up", "a second look"),
            question_answer.PROMPTS,
            question_answer.QuestionAnswer,
            ("skill", "difficulty"),
        ),
        Workflow(
            revision.KEY,
            "Self-revision",
            ("passage", "code", "question"),
            "a task with its answer, the best of its revisions",
            "Phi-4 report, section 2.2 and appendix D.1.2",
            ("plan and first version", "requirements", "critique", "revision, until the stop rule"),
            revision.PROMPTS,
            revision.SelfRevision,
            AIMS,
        ),
        Workflow(
            reversal.KEY,
            "Instruction reversal",
            ("code",),
            "an instruction to which the code is the answer",
            "Phi-4 report, section 2.2",
            ("instruction", "code from the instruction alone", "fidelity"),
            reversal.PROMPTS,
            reversal.Reverse,
        ),
        Workflow(
            conversation.KEY,
            "Multi-agent conversation",
            ("passage", "question"),
            "a conversation of two or three roles",
            "Phi-4 report, section 2.2 and appendix D.1.3",
            ("roles and opening", "turns, each revised by its speaker", "a director", "the whole judged"),
            conversation.PROMPTS,
            conversation.Converse,
        ),
        Workflow(
            fill_middle.KEY,
            "Fill in the middle",
            ("passage", "code"),
            "an exercise: rebuild a missing part by reasoning",
            "Phi-4 report, appendix D.2",
            ("parts that reasoning can rebuild", "solving", "comparison, grade and hint, until one is good"),
            fill_middle.PROMPTS,
            fill_middle.FillMiddle,
        ),
    )
}
#: Every prompt of ours by its label: those of the workflows, and the one that a person's note goes into.
PROMPTS: dict[str, Prompt] = {
    prompt.label: prompt
    for prompts in (*(workflow.prompts for workflow in WORKFLOWS.values()), (again.AGAIN,))
    for prompt in prompts
}
