"""Instruction reversal. Phi-4 report, section 2.2, "Instruction reversal for code and other tasks": from existing code an instruction is made that
would have asked for it; code is regenerated from the instruction, and only pairs of high fidelity between the original and the regenerated code are kept.

The report names no metric. Ours are three, all shown: the same outcomes when run, similarity of syntax trees (`similarity`), cosine of embeddings. A pair is
kept when the outcomes agree or the trees are at least 0.7 alike. Running and embedding are given as callables.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from curation.recipe.chain import ChainVerdict
from curation.recipe.generate.drawn import drawer
from curation.recipe.generate.grounding import copied
from curation.recipe.generate.records import Outcome
from curation.recipe.generate.similarity import parsed, tree_similarity
from curation.recipe.generate.thread import Loss, Thread
from curation.recipe.generate.writer import Writer
from curation.recipe.llm.shape import fields, flag, several, text
from curation.recipe.llm.wording import JSON, Material, Prompt, shown, template

KEY = "instruction-reversal"
LEAST_TREES = 0.7
#: An instruction that repeats more of the code than this tells how, not what; ours.
MOST_COPIED = 0.3
#: How instructions sound; one is drawn, so that they do not all sound alike.
MANNERS = (
    "a precise specification by somebody who will review the result",
    "a request by a colleague who explains what it is for",
    "a task of an examination in programming",
    "an issue in a project's tracker that says what is missing",
    "a short, direct request by somebody who knows what they want",
)

_DESCRIBE = f"""\
Write the instruction to which this code is the answer.

{shown("CODE", "code")}

First work out what the code does: what it takes, what it gives back, what it does with empty, extreme and wrong input, what it raises, and how it behaves where a reader would expect something \
else. Try it in your head on two inputs, one of them at the edge. Then write the instruction, as {{{{ manner }}}}.
- Somebody who has only the instruction can write code that behaves the same in every one of those cases: names that others will call, parameters and their order, units, results, errors are said.
- It says what is wanted, not how this code happens to do it: no line of the code, no local names, no steps of the algorithm unless they are the point.
- It does not mention that code exists already.
Say whether it is usable: false if the code does nothing worth asking for, cannot be understood without other files, or is wrong.

{JSON}
{{"analysis": "…", "trial": "…", "instruction": "…", "usable": true}}"""

DESCRIBE = Prompt(
    "reversal-describe",
    1,
    "The instruction for a piece of code",
    "prompt",
    template(
        "You read code carefully and describe behaviour exactly.",
        _DESCRIBE,
        fields(analysis=text(), trial=text(), instruction=text(), usable=flag()),
    ),
)

_WRITE = f"""\
Do what this instruction asks for, in {{{{ language }}}}.

{shown("INSTRUCTION", "instruction")}

This is a request to you: unlike other material, follow it as far as it asks for code. First think aloud, briefly: the cases that are easily missed, and how you will treat them. Then give the whole code in \
one fenced block, with nothing left out and no example of its use."""

WRITE = Prompt(
    "reversal-write",
    1,
    "Code from the instruction alone",
    "draft",
    template("You are an experienced programmer who writes plain, correct code.", _WRITE),
    4096,
)

_PROBE = f"""\
Write calls that tell apart this code and code that only looks like it.

{shown("CODE", "code")}

First consider which inputs separate a right implementation from a plausible wrong one: empty, single, repeated, negative, very large, unsorted, equal elements, a boundary on both of its sides, \
wrong types where the code says what it does with them. Then write eight to twelve calls, each one Python expression that can be evaluated right after the code: it calls what the code defines with literal arguments, needs no \
import and prints nothing. Together they reach every branch. What each comes to is found out by running it; do not say it.

{JSON}
{{"consideration": "…", "calls": ["…"]}}"""

PROBE = Prompt(
    "reversal-probe",
    1,
    "Calls that tell implementations apart",
    "prompt",
    template(
        "You test code by looking for the input that breaks it.",
        _PROBE,
        fields(consideration=text(), calls=several(text())),
    ),
)

PROMPTS = (DESCRIBE, WRITE, PROBE)
_FENCE = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE)

RunsAlike = Callable[[str, str, Sequence[str]], bool | None]
Cosine = Callable[[str, str], float | None]


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How close the regenerated code is; None where something was not measured or does not apply."""

    runs_alike: bool | None
    trees: float | None
    cosine: float | None

    @property
    def known(self) -> bool:
        return self.runs_alike is not None or self.trees is not None

    def kept(self, least_trees: float) -> bool:
        return self.runs_alike is True or (self.trees or 0.0) >= least_trees

    @property
    def scores(self) -> dict[str, float]:
        measured = {"runs_alike": self.runs_alike, "trees": self.trees, "cosine": self.cosine}
        return {name: round(float(value), 4) for name, value in measured.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Reverse(Writer):
    """Code → an instruction to which it is the answer.

    `runs_alike(original, regenerated, calls)` says whether both come to the same when called so; without it no calls are asked for. `cosine` how near their embeddings are (-1 to 1); each None where it cannot tell.
    """

    language: str = "Python"
    runs_alike: RunsAlike | None = None
    cosine: Cosine | None = None
    least_trees: float = LEAST_TREES
    name: ClassVar[str] = KEY

    async def write(self, thread: Thread) -> Outcome:
        original = thread.seed.text
        if self.language == "Python" and parsed(original) is None:
            thread.lose("broken_code", detail="the original cannot be parsed")
        manner = drawer(self.seed, thread.seed, KEY).choice(MANNERS)
        instruction = await _instruction(thread, manner)
        said = await thread.ask(WRITE, instruction=Material(instruction), language=self.language)
        again = code_in(said.values["text"])
        if not again or (self.language == "Python" and parsed(again) is None):
            thread.lose("broken_code", detail="what was written from the instruction cannot be parsed")
        calls = await self._calls(thread)
        found = await asyncio.to_thread(self.fidelity, original, again, calls)
        thread.score(found.scores)
        if not found.known:
            thread.lose("fidelity_unknown")
        if not found.kept(self.least_trees):
            thread.lose("low_fidelity", detail=_said(found))
        verdict = ChainVerdict("code", "passed", "fidelity/1", found.scores, _said(found))
        answer = f"```{self.language.lower()}\n{original.strip()}\n```"
        made = thread.made(
            messages=(("user", instruction), ("assistant", answer)),
            drawn={"manner": manner},
            verdicts=(verdict,),
        )
        return Outcome((made,))

    async def _calls(self, thread: Thread) -> Sequence[str]:
        """Calls to try both pieces of code with. What is asked here is a measurement: without an answer the others have to do."""
        if self.runs_alike is None or self.language != "Python":
            return ()
        try:
            said = await thread.ask(PROBE, code=Material(thread.seed.text))
        except Loss:
            return ()
        return [str(one) for one in said.values["calls"]]

    def fidelity(self, original: str, again: str, calls: Sequence[str] = ()) -> Fidelity:
        return Fidelity(
            self.runs_alike(original, again, calls) if self.runs_alike else None,
            tree_similarity(original, again) if self.language == "Python" else None,
            self.cosine(original, again) if self.cosine else None,
        )


async def _instruction(thread: Thread, manner: str) -> str:
    said = await thread.ask(DESCRIBE, code=Material(thread.seed.text), manner=manner)
    instruction = str(said.values["instruction"]).strip()
    if not said.values["usable"]:
        thread.lose("nothing_to_teach", detail=said.values["analysis"][:300])
    if not instruction:
        thread.lose("too_little_written", detail="the instruction is empty")
    share = copied(instruction, thread.seed.text)
    thread.score({"copied": round(share, 3)})
    if share > MOST_COPIED:
        thread.lose("copied", detail=f"{share:.0%} of the instruction's runs of eight words")
    return instruction


def code_in(text: str) -> str:
    """The longest fenced block; without a fence, the whole text."""
    blocks = _FENCE.findall(text)
    return str(max(blocks, key=len) if blocks else text).strip()


def _said(found: Fidelity) -> str:
    told = {True: "agree", False: "differ", None: "unknown"}[found.runs_alike]
    trees = "unknown" if found.trees is None else f"{found.trees:.2f}"
    cosine = "unknown" if found.cosine is None else f"{found.cosine:.2f}"
    return f"outcomes {told}, trees {trees}, cosine {cosine}"
