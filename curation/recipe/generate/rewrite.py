"""Rewrite and augment. Phi-4 report, section 2.2: "Rewrite and Augment: seeds are transformed into synthetic data through multi-step
prompting workflows. This includes rewriting most of the useful content in given passages into exercises, discussions, or structured
reasoning tasks." Web rewrites: its table 5.

Notes first (what the passage holds, each point with the words that say it), then one candidate per form. Points whose words do not stand
in the passage are taken out before anything is written from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from curation.recipe.chain import ChainVerdict
from curation.recipe.generate.check import CHECK, checked
from curation.recipe.generate.drawn import DIFFICULTIES, setting
from curation.recipe.generate.grounding import copied, quoted
from curation.recipe.generate.records import Made, Outcome
from curation.recipe.generate.thread import Thread
from curation.recipe.generate.writer import Writer, together
from curation.recipe.llm.shape import fields, flag, several, text
from curation.recipe.llm.wording import JSON, Material, Prompt, shown, template

KEY = "rewrite"
FORMS = ("exercises", "discussion", "reasoning", "web")
#: Fewer points are too little to write from.
LEAST_POINTS = 2
LEAST_TEXT = 400  # characters
#: Of a rewriting, the largest share of runs of eight words that may stand in the passage too; ours.
MOST_COPIED = 0.35
#: A rewriting shorter than this share of the passage has left most of it out; ours.
LEAST_SHARE = 0.3

_NOTES = f"""\
Read the passage and take the notes from which others will write exercises and explanations, without seeing the passage again.

{shown("PASSAGE", "passage")}

1. Consider what the passage is and what somebody could learn from it: facts that hold beyond it, causes, methods, arguments. Leave out what is only \
about the page itself (its author, its links, what it sells), and what is opinion.
2. Note each useful point in your own words, complete enough to be understood alone, with the words of the passage that say it, copied exactly. \
Cover most of what is useful, the fine print as well as the headline: conditions, exceptions, numbers with their units.
3. Note what a learner would plausibly get wrong about it, and why that is wrong.
4. Decide whether it is usable: false if there is nothing to learn, or if it is too garbled to trust.

{JSON}
{{"consideration": "…", "points": [{{"point": "…", "quote": "…"}}], "misconceptions": ["…"], "usable": true}}"""

NOTES = Prompt(
    "rewrite-notes",
    1,
    "Note what a passage teaches",
    "prompt",
    template(
        "You prepare teaching material from texts of all fields.",
        _NOTES,
        fields(
            consideration=text(),
            points=several(fields(point=text(), quote=text())),
            misconceptions=several(text()),
            usable=flag(),
        ),
    ),
)

_SETTING = """\
It is for {{ audience }}. Its difficulty is {{ difficulty }}: {{ meaning }}. The skill to be practised is {{ skill }}; if the notes do not \
lend themselves to it, take the nearest that they do.

The notes, each a point that holds:
""" + shown("NOTES", "notes")

_EXERCISES = f"""\
Write exercises with worked solutions from notes on a subject.

{_SETTING}

Write two or three exercises that differ from each other in what they ask for, not only in their numbers. Each
- can be understood and solved by somebody who has neither the notes nor their source: put in it whatever is needed, and never mention a passage, a text or notes;
- needs reasoning: looking something up in the exercise itself is no exercise;
- has one answer that can be checked, or says what a good answer must contain.
For each, first think about what makes it hard and which mistake it invites; then the exercise; then the solution one step at a time, with the reason for \
each step and the mistake pointed out where it would happen; last the answer alone, in one line.

{JSON}
{{"exercises": [{{"thought": "…", "exercise": "…", "solution": "…", "answer": "…"}}]}}"""

EXERCISES = Prompt(
    "rewrite-exercises",
    1,
    "Exercises with solutions",
    "draft",
    template(
        "You write exercises that experienced teachers would take over.",
        _EXERCISES,
        fields(exercises=several(fields(thought=text(), exercise=text(), solution=text(), answer=text()))),
    ),
    4096,
)

_DISCUSSION = f"""\
Write a discussion from notes on a subject: two people who take it seriously, one who knows it and one who doubts well.

{_SETTING}

Give both a name and a point of view. The doubter brings up the plausible misconceptions and the cases at the edge; the other answers with reasons, step by \
step, concedes what is right about an objection, and once has to correct themselves. Nobody lectures for more than a paragraph, nobody praises a question, and at the \
end both can say what is settled and what is not. It can be followed by somebody who has never seen the notes and does not mention them. 500 to 900 words. \
Write every turn as a paragraph that begins with the speaker's name and a colon. Write the discussion and nothing else."""

DISCUSSION = Prompt(
    "rewrite-discussion",
    1,
    "A discussion",
    "draft",
    template("You write dialogues from which one learns how to think.", _DISCUSSION),
    4096,
)

_REASONING = f"""\
Write a structured reasoning task from notes on a subject: a problem that is solved by connecting several of the points, none of which is enough alone.

{_SETTING}

First consider which points, put together, lead to something that none of them says. Then write the task: a concrete situation with everything that is needed \
and one question; it never mentions notes or a text. Then the reasoning, as steps: each says what is taken as given (from the task, or general knowledge, or an \
earlier step), what follows, and why. Include the step where a plausible wrong turn is recognised and not taken. Then the answer.

{JSON}
{{"consideration": "…", "task": "…", "steps": [{{"given": "…", "follows": "…", "because": "…"}}], "answer": "…"}}"""

REASONING = Prompt(
    "rewrite-reasoning",
    1,
    "A structured reasoning task",
    "draft",
    template(
        "You write problems that are solved by reasoning, not by recall.",
        _REASONING,
        fields(
            consideration=text(),
            task=text(),
            steps=several(fields(given=text(), follows=text(), because=text())),
            answer=text(),
        ),
    ),
    4096,
)

_WEB = f"""\
Write the passage anew, as a text that teaches what it holds.

{shown("PASSAGE", "passage")}

What was noted in it, point by point:
{shown("NOTES", "notes")}

It is for {{{{ audience }}}}. Keep every fact, number, condition and example that is worth keeping, and leave out what belongs to the page and not to the subject \
(navigation, advertising, greetings, calls to action). Put it in the order in which one understands it; say why where the passage only says that, as far as you are \
sure of it; define a term where it first occurs; take up the likely misunderstanding. Use your own sentences: no sentence of the passage stands in it unchanged, \
except a definition or a quotation where the words matter. Add no fact of which you are not sure. Write in the language of the passage. Write the text and \
nothing else, no remark on what you did."""

WEB = Prompt(
    "rewrite-web",
    1,
    "The passage written anew",
    "revision",
    template("You are an editor who turns uneven web pages into clear prose.", _WEB),
    4096,
)

PROMPTS = (NOTES, EXERCISES, DISCUSSION, REASONING, WEB, CHECK)


@dataclass(frozen=True, slots=True)
class Rewrite(Writer):
    """Passage → exercises with solutions, a discussion, a structured reasoning task, the passage written anew."""

    forms: tuple[str, ...] = FORMS
    name: ClassVar[str] = KEY

    async def write(self, thread: Thread) -> Outcome:
        notes = await _notes(thread)
        return await together(_form(self, thread.branch(), form, notes) for form in self.aimed)

    @property
    def aimed(self) -> tuple[str, ...]:
        """The forms that can keep the aim: a passage written anew practises no skill. All of them where none can."""
        if self.aim.keys() <= {"audience"}:
            return self.forms
        return tuple(form for form in self.forms if form != "web") or self.forms


async def _notes(thread: Thread) -> Material:
    """The points that the passage does hold, with the misconceptions. Raises Loss."""
    said = await thread.ask(NOTES, passage=Material(thread.seed.text))
    points = [one["point"] for one in said.values["points"] if quoted(one["quote"], thread.seed.text)]
    thread.score({"points": len(said.values["points"]), "grounded": len(points)})
    if not said.values["usable"] or not said.values["points"]:
        thread.lose("nothing_to_teach", detail=said.values["consideration"][:300])
    if len(points) < LEAST_POINTS:
        thread.lose(
            "not_grounded", detail=f"{len(points)} of {len(said.values['points'])} points stand in it"
        )
    wrong = [f"Often misunderstood: {one}" for one in said.values["misconceptions"]]
    return Material("\n".join(f"- {one}" for one in (*points, *wrong)))


async def _form(step: Rewrite, thread: Thread, form: str, notes: Material) -> Outcome:
    drawn = setting(step.seed, thread.seed, form, step.aim) | {"form": form}
    return await _FORMS[form](thread, notes, drawn)


def _values(notes: Material, drawn: dict[str, str]) -> dict[str, Any]:
    asked = {name: drawn[name] for name in ("audience", "skill", "difficulty")}
    return {"notes": notes, "meaning": DIFFICULTIES[drawn["difficulty"]], **asked}


async def _exercises(thread: Thread, notes: Material, drawn: dict[str, str]) -> Outcome:
    said = await thread.ask(EXERCISES, **_values(notes, drawn))
    found = said.values["exercises"]
    if not found:
        thread.lose("too_little_written", detail="no exercise")
    return await together(
        _task(thread.branch(), one["exercise"], one["solution"], one["answer"], drawn) for one in found
    )


async def _reasoning(thread: Thread, notes: Material, drawn: dict[str, str]) -> Outcome:
    said = await thread.ask(REASONING, **_values(notes, drawn))
    steps = [
        f"{at}. {one['given']} Hence: {one['follows']} Because: {one['because']}"
        for at, one in enumerate(said.values["steps"], 1)
    ]
    if len(steps) < 2:
        thread.lose("too_little_written", detail=f"{len(steps)} steps of reasoning")
    made = await _task(thread, said.values["task"], "\n".join(steps), said.values["answer"], drawn)
    return Outcome((made,))


async def _task(thread: Thread, task: str, solution: str, answer: str, drawn: dict[str, str]) -> Made:
    """A task with its worked answer that stood a second look. Raises Loss."""
    if not (task.strip() and solution.strip() and answer.strip()):
        thread.lose("too_little_written", detail="task, solution or answer is empty")
    worked = f"{solution.strip()}\n\nAnswer: {answer.strip()}"
    verdict = await checked(thread, task, worked)
    messages = (("user", task.strip()), ("assistant", worked))
    return thread.made(messages=messages, drawn=drawn, verdicts=(verdict,))


async def _discussion(thread: Thread, notes: Material, drawn: dict[str, str]) -> Outcome:
    said = await thread.ask(DISCUSSION, **_values(notes, drawn))
    return Outcome((_text(thread, said.values["text"], LEAST_TEXT, drawn),))


async def _web(thread: Thread, notes: Material, drawn: dict[str, str]) -> Outcome:
    drawn = {name: drawn[name] for name in ("audience", "form")}
    said = await thread.ask(WEB, passage=Material(thread.seed.text), notes=notes, audience=drawn["audience"])
    return Outcome((_text(thread, said.values["text"], int(len(thread.seed.text) * LEAST_SHARE), drawn),))


def _text(thread: Thread, written: str, least: int, drawn: dict[str, str]) -> Made:
    """Prose that is long enough and no copy. Raises Loss."""
    share = copied(written, thread.seed.text)
    thread.score({"copied": round(share, 3)})
    if len(written) < least:
        thread.lose("too_little_written", detail=f"{len(written)} characters; at least {least}")
    if share > MOST_COPIED:
        thread.lose("copied", detail=f"{share:.0%} of its runs of eight words")
    verdict = ChainVerdict("format", "passed", "copied/1", {"copied": round(share, 3)})
    return thread.made(text=written, drawn=drawn, verdicts=(verdict,))


_FORMS = {"exercises": _exercises, "discussion": _discussion, "reasoning": _reasoning, "web": _web}
