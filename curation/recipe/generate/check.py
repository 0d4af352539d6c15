"""A second look at a task and its answer: solved anew, then judged. Phi-4 report, section 2.2, "Validation": scientific questions are
checked for relevance and groundedness before they are kept.

The model solves the task from the material before it reads the proposed answer's faults into words; its own result comes first, so that
agreeing takes more than nodding.
"""

from __future__ import annotations

from curation.recipe.chain import ChainVerdict
from curation.recipe.generate.grounding import points_elsewhere
from curation.recipe.generate.thread import Thread
from curation.recipe.llm.shape import fields, flag, text
from curation.recipe.llm.wording import JSON, Material, Prompt, shown, template

_ROLE = """\
You are the last reader of training material before it is used. You look for what is wrong, and you are not impressed by confident prose. \
You also know that a different way to a right result is not an error."""

_REQUEST = f"""\
A task and its worked answer were written from a piece of material. The reader will see the task and the answer, never the material.

{shown("MATERIAL", "material")}

{shown("TASK", "task")}

{shown("ANSWER", "worked")}

1. Solve the task yourself, step by step, as if the answer were not there. Say what your result is.
2. Compare: go through the worked answer's steps one by one and name the first that does not follow, if there is one.
3. Decide three things:
   - stands_alone: everything that is needed to understand and solve the task is in it, or is general knowledge; it does not point at a text.
   - grounded: the material supports the answer, or general reasoning does; nothing in it contradicts the material or was made up.
   - correct: the result is right and every step that leads to it follows.
   When you are not sure of one, it is false.

{JSON}
{{"own_solution": "…", "comparison": "…", "stands_alone": true, "grounded": true, "correct": true}}"""

CHECK = Prompt(
    "check",
    1,
    "Look at a task and its answer once more",
    "critique",
    template(
        _ROLE,
        _REQUEST,
        fields(own_solution=text(), comparison=text(), stands_alone=flag(), grounded=flag(), correct=flag()),
    ),
)
#: What is lost when a field is false, the gravest first.
REASONS = {"correct": "wrong_answer", "grounded": "not_grounded", "stands_alone": "not_standalone"}


async def checked(thread: Thread, task: str, worked: str) -> ChainVerdict:
    """The verdict on a task and its worked answer. Raises Loss where the task points at a text, or the second look finds fault."""
    if words := points_elsewhere(task):
        thread.lose("not_standalone", detail=f"the task says “{words}”")
    said = await thread.ask(
        CHECK, material=Material(thread.seed.text), task=Material(task), worked=Material(worked)
    )
    thread.score({name: float(said.values[name]) for name in REASONS})
    for name, reason in REASONS.items():
        if not said.values[name]:
            thread.lose(reason, detail=said.values["comparison"][:300])
    scores = dict.fromkeys(REASONS, 1.0)
    return ChainVerdict("judge", "passed", said.step.prompt_version, scores, said.values["comparison"])
