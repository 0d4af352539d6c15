"""Self-revision. Phi-4 report, section 2.2: "responses are critiqued and improved by the model itself, guided by rubrics that focus on reasoning
and factual accuracy"; its appendix D.1.2 shows one: from an excerpt a plan and an artefact, requirements on it, a critique, a revision, and again.

The report gives no stop rule. Ours: when every criterion has full marks, when none got better, or after three revisions. Every revision and every
critique is a step of the chain; the sample is the best-scored revision, the earlier one where two are equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any, ClassVar

from curation.recipe.chain import ChainVerdict
from curation.recipe.generate.drawn import DIFFICULTIES, setting
from curation.recipe.generate.grounding import points_elsewhere
from curation.recipe.generate.records import Outcome
from curation.recipe.generate.thread import Thread
from curation.recipe.generate.writer import Writer
from curation.recipe.llm.shape import fields, number, several, text
from curation.recipe.llm.wording import JSON, Material, Prompt, shown, template

KEY = "self-revision"
FULL = 5
MOST_REVISIONS = 3
#: A mean below it is not good enough to be shown to a person; ours.
LEAST_MEAN = 3.5
#: Criteria of which a critique has to score this many at least.
LEAST_CRITERIA = 3

_DRAFT = f"""\
From an excerpt, plan and write one task with its worked answer.

{shown("EXCERPT", "passage")}

It is for {{{{ audience }}}}. Its difficulty is {{{{ difficulty }}}}: {{{{ meaning }}}}. The skill to be practised is {{{{ skill }}}}; if the excerpt does not lend itself to it, \
take the nearest that it does.

The plan says: what in the excerpt is worth a task; what one has to understand to solve it; which wrong turn it invites; why this task and not the obvious one. The task \
stands alone: it brings along everything it needs and never mentions an excerpt or a text. The answer reasons one step at a time and ends with its result.

{JSON}
{{"plan": "…", "task": "…", "answer": "…"}}"""

DRAFT = Prompt(
    "revision-draft",
    1,
    "A plan and a first version",
    "draft",
    template(
        "You write tasks that make people think, and the answers that show how.",
        _DRAFT,
        fields(plan=text(), task=text(), answer=text()),
    ),
    4096,
)

_REQUIREMENTS = f"""\
Before a task and its answer are judged, it has to be said by what. Write the requirements on it.

The excerpt it was written from:
{shown("EXCERPT", "passage")}

Its plan:
{shown("PLAN", "plan")}

Write four to six criteria, each with a short name (a word or two, in lower case), and what full marks and low marks look like for exactly this task: concrete enough that two \
readers would agree. Correctness of the answer, soundness of each step, and whether the task can be solved without the excerpt are always among them. Put in one that is about \
what would make this task better than an ordinary one. Do not write a criterion that every text fulfils.

{JSON}
{{"consideration": "…", "criteria": [{{"name": "…", "full_marks": "…", "low_marks": "…"}}]}}"""

REQUIREMENTS = Prompt(
    "revision-requirements",
    1,
    "Requirements on it",
    "prompt",
    template(
        "You set the standards by which training material is judged.",
        _REQUIREMENTS,
        fields(
            consideration=text(), criteria=several(fields(name=text(), full_marks=text(), low_marks=text()))
        ),
    ),
)

_CRITIQUE = f"""\
Judge a task and its answer by criteria that were set before.

The excerpt it was written from, which its reader will not see:
{shown("EXCERPT", "passage")}

{shown("CRITERIA", "criteria")}

{shown("TASK", "task")}

{shown("ANSWER", "worked")}

First work through the answer on your own: redo every calculation, look for the case in which a step fails. Then take the criteria one by one: discuss with the words in question \
what is good and what is not, give a score from 1 (fails) to {FULL} (nothing left to improve), and one suggestion that says what to write instead, not only what is wrong. A 5 needs no suggestion: \
leave it empty. Most first versions deserve a 2, 3 or 4 somewhere; do not look for praise to give.

{JSON}
{{"own_work": "…", "criteria": [{{"name": "…", "discussion": "…", "score": 3, "suggestion": "…"}}]}}"""

CRITIQUE = Prompt(
    "revision-critique",
    1,
    "A critique by each criterion",
    "critique",
    template(
        "You are a demanding, fair critic. What you let pass is what others will learn.",
        _CRITIQUE,
        fields(
            own_work=text(),
            criteria=several(
                fields(name=text(), discussion=text(), score=number(1, FULL), suggestion=text())
            ),
        ),
    ),
    4096,
)

_REVISE = f"""\
Revise a task and its answer after a critique.

The excerpt it was written from, which its reader will not see:
{shown("EXCERPT", "passage")}

{shown("TASK", "task")}

{shown("ANSWER", "worked")}

{shown("CRITIQUE", "critique")}

First say, suggestion by suggestion, what you will change, and which you will not follow and why: a critic can be wrong. Then write task and answer anew, whole. Keep what was good. Do not \
make it longer where it can be made clearer. The task stands alone; the answer reasons one step at a time and ends with its result.

{JSON}
{{"changes": "…", "task": "…", "answer": "…"}}"""

REVISE = Prompt(
    "revision-revise",
    1,
    "A revision",
    "revision",
    template(
        "You revise your own writing without vanity.",
        _REVISE,
        fields(changes=text(), task=text(), answer=text()),
    ),
    4096,
)

PROMPTS = (DRAFT, REQUIREMENTS, CRITIQUE, REVISE)


@dataclass(frozen=True, slots=True)
class Version:
    """One revision with what the critique gave it."""

    number: int
    task: str
    answer: str
    scores: Mapping[str, int]

    @property
    def mean(self) -> float:
        return fmean(self.scores.values())


@dataclass(frozen=True, slots=True)
class SelfRevision(Writer):
    """Passage or question → a task with its answer, revised after its own critiques until the stop rule."""

    most_revisions: int = MOST_REVISIONS
    least_mean: float = LEAST_MEAN
    name: ClassVar[str] = KEY

    async def write(self, thread: Thread) -> Outcome:
        drawn = setting(self.seed, thread.seed, KEY, self.aim)
        said = await thread.ask(
            DRAFT,
            passage=Material(thread.seed.text),
            meaning=DIFFICULTIES[drawn["difficulty"]],
            audience=drawn["audience"],
            skill=drawn["skill"],
            difficulty=drawn["difficulty"],
        )
        criteria = await _criteria(thread, said.values["plan"])
        versions, stopped = await _versions(thread, said.values, criteria, self.most_revisions)
        best = max(versions, key=lambda one: (one.mean, -one.number))
        if best.mean < self.least_mean:
            thread.lose("not_good_enough", detail=f"revision {best.number}: mean {best.mean:.2f} of {FULL}")
        if words := points_elsewhere(best.task):
            thread.lose("not_standalone", detail=f"the task says “{words}”")
        made = thread.made(
            messages=(("user", best.task.strip()), ("assistant", best.answer.strip())),
            drawn=drawn,
            verdicts=(_verdict(best, thread),),
            revision=best.number,
            stopped=stopped,
            means=[round(one.mean, 3) for one in versions],
        )
        return Outcome((made,))


async def _criteria(thread: Thread, plan: str) -> Material:
    said = await thread.ask(REQUIREMENTS, passage=Material(thread.seed.text), plan=Material(plan))
    found = said.values["criteria"]
    if len(found) < LEAST_CRITERIA:
        thread.lose("unusable_answer", detail=f"{len(found)} criteria; at least {LEAST_CRITERIA}")
    return Material(
        "\n".join(f"{one['name']}. {FULL}: {one['full_marks']} 1: {one['low_marks']}" for one in found)
    )


async def _versions(
    thread: Thread, written: Mapping[str, Any], criteria: Material, most: int
) -> tuple[list[Version], str]:
    """Every version with its scores, and why it ended there."""
    versions = [await _judged(thread, 0, written, criteria)]
    while not (stopped := why_stop(versions, most)):
        last = versions[-1]
        said = await thread.ask(
            REVISE,
            passage=Material(thread.seed.text),
            task=Material(last.task),
            worked=Material(last.answer),
            critique=Material(_told(thread)),
        )
        versions.append(await _judged(thread, last.number + 1, said.values, criteria))
    return versions, stopped


async def _judged(thread: Thread, number: int, written: Mapping[str, Any], criteria: Material) -> Version:
    """A version with the critique's scores, which stand at the critique's step too."""
    task, answer = written["task"], written["answer"]
    if not task.strip() or not answer.strip():
        thread.lose("too_little_written", detail=f"revision {number} has no task or no answer")
    said = await thread.ask(
        CRITIQUE,
        passage=Material(thread.seed.text),
        criteria=criteria,
        task=Material(task),
        worked=Material(answer),
    )
    scores = {one["name"].strip().lower(): one["score"] for one in said.values["criteria"]}
    if len(scores) < LEAST_CRITERIA:
        thread.lose(
            "unusable_answer", detail=f"{len(scores)} criteria were scored; at least {LEAST_CRITERIA}"
        )
    thread.score(scores)
    return Version(number, task, answer, scores)


def why_stop(versions: list[Version], most: int) -> str:
    """Why no further revision is asked for; "" when one is."""
    last = versions[-1]
    if all(score >= FULL for score in last.scores.values()):
        return "full marks"
    if len(versions) > 1 and not _improved(versions[-2], last):
        return "no criterion improved"
    return "most revisions" if last.number >= most else ""


def _improved(before: Version, after: Version) -> bool:
    """Whether some criterion got better; a critique that names others is compared by its mean."""
    both = before.scores.keys() & after.scores.keys()
    if not both:
        return after.mean > before.mean
    return any(after.scores[name] > before.scores[name] for name in both)


def _told(thread: Thread) -> str:
    """The critique just given, as the reviser reads it."""
    found = thread.said[-1].values["criteria"]
    return "\n".join(
        f"{one['name']} ({one['score']} of {FULL}): {one['discussion']} Suggestion: {one['suggestion'] or 'none'}"
        for one in found
    )


def _verdict(best: Version, thread: Thread) -> ChainVerdict:
    judge = next(one.step.prompt_version for one in reversed(thread.said) if one.step.kind == "critique")
    scores = {name: float(score) for name, score in best.scores.items()}
    return ChainVerdict("judge", "passed", judge, scores)
