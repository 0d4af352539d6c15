"""Fill in the middle as an exercise. Phi-4 report, appendix D.2: a middle that reasoning can rebuild is removed; the model solves it under the heads
Background, Reasoning, Final guess, and then compares, grades (1 to 5) and writes a hint; samples are rejected against what was removed.

The solver never sees the middle, and the grader never lends it more than a hint: a hint that says what was removed is not passed on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

from curation.recipe.chain import ChainVerdict
from curation.recipe.generate.drawn import drawer
from curation.recipe.generate.grounding import copied
from curation.recipe.generate.records import Outcome
from curation.recipe.generate.thread import Thread
from curation.recipe.generate.writer import Writer
from curation.recipe.llm.shape import fields, line, number, several, text
from curation.recipe.llm.wording import JSON, Material, Prompt, shown, template
from curation.recipe.text.normalise import normal_form

KEY = "fill-in-the-middle"
GAP = "[the missing part]"
LEAST_PIECES = 4
#: A middle of more than this share of the text leaves too little to rebuild it from; ours.
MOST_SHARE = 0.4
#: Rebuildable by reasoning, as the chooser sees it, 1 to 5; and the least grade of a guess that is kept. Ours.
LEAST_REBUILDABLE = 4
LEAST_GRADE = 4
ATTEMPTS = 3
#: A run of so many characters of the removed part in a hint gives it away.
LEAK = 24
_ENDS = re.compile(r"(?<=[.!?])[\"”')]*\s+(?=[\"“'(A-Z0-9])|\n+")

_CHOOSE = f"""\
Choose parts of a text that could be taken out as an exercise: somebody who sees the rest should be able to rebuild them by reasoning, not by knowing or guessing them.

{shown("TEXT", "passage")}

Its pieces are numbered. A good part is a conclusion that the rest forces, the step between two stated results, a cause that the effects reveal, a line of code that all others need. A bad one is a name, \
a date, a figure that stands nowhere else, an ornament, or a part whose content is repeated in the rest. Give up to four, each as its first and last piece, neither the very first piece nor the \
very last; for each say first what in the rest leads to it and whether something else would fit as well, then from 1 (cannot be rebuilt) to 5 (follows with certainty) how far reasoning rebuilds it. \
An empty list is right for a text without any.

{JSON}
{{"consideration": "…", "parts": [{{"reasons": "…", "first": 2, "last": 3, "rebuildable": 4}}]}}"""

CHOOSE = Prompt(
    "middle-choose",
    1,
    "Parts that reasoning can rebuild",
    "prompt",
    template(
        "You set exercises in careful reading.",
        _CHOOSE,
        fields(
            consideration=text(),
            parts=several(fields(reasons=text(), first=line(), last=line(), rebuildable=number(1, 5))),
        ),
    ),
)

_SOLVE = f"""\
A part of this text is missing; its place is marked with {GAP}. Work out what it says.

{shown("TEXT", "passage")}
{{% if hints %}}

Hints that were given after earlier attempts:
{shown("HINTS", "hints")}
{{% endif %}}

Background: what kind of text it is, and the facts and rules that bear on the gap.
Reasoning: one step at a time, from what stands before and after the gap to what must stand in it. Say what each step rests on, consider at least one other possibility, and say why it does not fit.
Final guess: the missing part itself, written so that it could stand in the text, nothing around it.

{JSON}
{{"background": "…", "reasoning": "…", "guess": "…"}}"""

SOLVE = Prompt(
    "middle-solve",
    1,
    "Rebuild the missing part",
    "draft",
    template(
        "You solve exercises by careful reading.",
        _SOLVE,
        fields(background=text(), reasoning=text(), guess=text()),
    ),
    3072,
)

_GRADE = f"""\
A part was taken out of a text, and somebody rebuilt it from the rest. Compare.

{shown("TEXT", "passage")}

{shown("REMOVED", "removed")}

{shown("REASONING", "reasoning")}

{shown("GUESS", "guess")}

Comparison: what the removed part says, statement by statement, and for each whether the guess says it too, leaves it out or says otherwise; what the guess adds. Other words for the same are no difference; \
another number, cause or condition is. Then whether the reasoning leads to the guess, or only happens to arrive there.
Grade: 5 the same in substance, by sound reasoning; 4 the same but for a detail that nothing hangs on; 3 the main thing is there, something that matters is not; 2 related; 1 wrong.
Hint: one sentence that would set somebody right without telling what was removed: where to look, what to ask. Use none of its words that the rest does not have.

{JSON}
{{"comparison": "…", "grade": 3, "hint": "…"}}"""

GRADE = Prompt(
    "middle-grade",
    1,
    "Compare, grade, hint",
    "critique",
    template(
        "You grade by what was meant and by how it was reached.",
        _GRADE,
        fields(comparison=text(), grade=number(1, 5), hint=text()),
    ),
)

PROMPTS = (CHOOSE, SOLVE, GRADE)


@dataclass(frozen=True, slots=True)
class FillMiddle(Writer):
    """Passage or code → an exercise: rebuild the missing part by reasoning. `attempts` at it, each with the hints of those before."""

    attempts: int = ATTEMPTS
    least_grade: int = LEAST_GRADE
    name: ClassVar[str] = KEY

    async def write(self, thread: Thread) -> Outcome:
        rest, removed = without(thread.seed.text, *await _middle(self, thread))
        hints: list[str] = []
        best = 0
        for attempt in range(self.attempts):
            said = await thread.ask(
                SOLVE, attempt, passage=Material(rest), hints=Material("\n".join(hints)) if hints else None
            )
            graded = await _graded(thread, rest, removed, said.values)
            best = max(best, graded["grade"])
            if graded["grade"] >= self.least_grade:
                return _made(thread, rest, removed, said.values, graded, attempt, hints)
            if graded["hint"].strip() and not leaks(graded["hint"], removed, rest):
                hints.append(graded["hint"].strip())
        raise thread.loss("not_rebuilt", detail=f"the best of {self.attempts} attempts was graded {best}")


async def _middle(step: FillMiddle, thread: Thread) -> tuple[int, int]:
    """Where the part begins and ends that is taken out, drawn from those that can be rebuilt. Raises Loss."""
    spans = pieces(thread.seed.text)
    if len(spans) < LEAST_PIECES:
        thread.lose("too_short", detail=f"{len(spans)} pieces; at least {LEAST_PIECES}")
    said = await thread.ask(CHOOSE, passage=Material(numbered(thread.seed.text)))
    parts = said.values["parts"]
    fitting = [part for part in parts if fits(part, spans, len(thread.seed.text))]
    thread.score({"parts": len(parts), "fitting": len(fitting)})
    if not fitting:
        thread.lose("no_middle", detail=said.values["consideration"][:300])
    part = drawer(step.seed, thread.seed, KEY).choice(fitting)
    return spans[part["first"] - 1][0], spans[part["last"] - 1][1]


def pieces(text: str) -> list[tuple[int, int]]:
    """Sentences and lines: (start, end) of each, without the white space between."""
    joints = [(0, 0), *(found.span() for found in _ENDS.finditer(text)), (len(text), len(text))]
    spans = [(before[1], after[0]) for before, after in pairwise(joints)]
    return [(a, b) for a, b in spans if text[a:b].strip()]


def numbered(text: str) -> str:
    """Its pieces, numbered from 1."""
    return "\n".join(f"{at}: {text[a:b]}" for at, (a, b) in enumerate(pieces(text), 1))


def without(text: str, start: int, end: int) -> tuple[str, str]:
    """The text with the gap, and what was removed."""
    return f"{text[:start]}{GAP}{text[end:]}", text[start:end]


def fits(part: Mapping[str, int], spans: list[tuple[int, int]], size: int) -> bool:
    """Whether a part lies inside the text, is not too much of it, and can be rebuilt."""
    first, last = part["first"], part["last"]
    if part["rebuildable"] < LEAST_REBUILDABLE or not 1 < first <= last < len(spans):
        return False
    return spans[last - 1][1] - spans[first - 1][0] <= size * MOST_SHARE


async def _graded(thread: Thread, rest: str, removed: str, said: Mapping[str, Any]) -> dict[str, Any]:
    if not said["guess"].strip() or not said["reasoning"].strip():
        thread.lose("too_little_written", detail="the guess or the reasoning is empty")
    graded = await thread.ask(
        GRADE,
        passage=Material(rest),
        removed=Material(removed),
        reasoning=Material(said["reasoning"]),
        guess=Material(said["guess"]),
    )
    thread.score({"grade": graded.values["grade"]})
    return graded.values


def leaks(hint: str, removed: str, rest: str) -> bool:
    """Whether a hint gives away a stretch of what was removed that the rest does not have."""
    said, gone, there = normal_form(hint), normal_form(removed), normal_form(rest)
    if len(gone) <= LEAK:
        return gone in said
    windows = (gone[at : at + LEAK] for at in range(len(gone) - LEAK + 1))
    return any(window in said and window not in there for window in windows)


def _made(
    thread: Thread,
    rest: str,
    removed: str,
    said: Mapping[str, str],
    graded: Mapping[str, Any],
    attempt: int,
    hints: list[str],
) -> Outcome:
    task = f"A part of this text is missing; its place is marked with {GAP}. Work out what it says.\n\n{rest}"
    heads = {"Background": said["background"], "Reasoning": said["reasoning"], "Final guess": said["guess"]}
    answer = "\n\n".join(f"{head}: {body.strip()}" for head, body in heads.items())
    scores = {"grade": float(graded["grade"]), "copied": round(copied(said["guess"], removed), 3)}
    verdict = ChainVerdict(
        "judge", "passed", thread.said[-1].step.prompt_version, scores, graded["comparison"]
    )
    made = thread.made(
        messages=(("user", task), ("assistant", answer)),
        drawn={"removed": removed},
        verdicts=(verdict,),
        attempt=attempt + 1,
        hints=list(hints),
    )
    return Outcome((made,))
