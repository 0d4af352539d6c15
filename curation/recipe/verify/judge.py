"""A language model as a judge of samples. Phi-4 report, appendix A.2: the judge names faults by their kind, discusses, and gives accuracy, style and detail from 1 to 5.

    verdict, answer = await Judge(sampling=…).run(chain, client, ledger, trust)

What is worked out and noted comes before what is concluded, because models write in this order. A sample passes when no fault of comprehension, logic or
fact was found and accuracy is 4 or more; where the faults and the number speak against each other it is uncertain. The report gives no prompt and no
rule; these are ours. `Compare` asks about two answers in both orders, and what depends on the order is uncertain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from curation.recipe.chain import LIMITS, Chain, ChainVerdict
from curation.recipe.llm.asking import ask
from curation.recipe.llm.records import Answer, Sampling
from curation.recipe.llm.shape import fields, number, one_of, several, text
from curation.recipe.llm.structured import Fields
from curation.recipe.llm.wording import JSON, Material, Prompt, reader, requested, shown, template
from curation.recipe.text.normalise import safe_text
from curation.recipe.verify import turns

if TYPE_CHECKING:
    from curation.recipe.llm.asking import Ledger, Trust
    from curation.recipe.llm.client import Client

KEY, COMPARE_KEY = "judge", "judge-compare"
#: Kinds of faults and what they are; only the last can be forgiven.
FAULTS: dict[str, str] = {
    "comprehension": "the task was misunderstood, or part of what it asks is missing",
    "logical": "a step does not follow, contradicts another, or was worked out wrongly",
    "factual": "a statement is false, made up, or contradicts the material",
    "stylistic": "it is unclear, long-winded, out of order, or in another form than was asked for",
}
GRAVE = ("comprehension", "logical", "factual")
SCORES = ("accuracy", "style", "detail")
LEAST_ACCURACY = 4
#: Of a longer text that the sample was written from, the beginning is shown, and that is said.
MOST_MATERIAL = 16_000
_LONGEST = 4_000  # characters of evidence
_LONGEST_FAULT = 600

_ROLE = """\
You are an examiner of training material. Whatever is wrong in it will be learnt by those who study it, and you are the last who can prevent that. You are not \
impressed by length, confidence or friendliness, you do not know who wrote it, and you do not look for faults where there are none: a different way to a right \
result is no fault."""

_KINDS = "\n".join(f"   - {name}: {said}." for name, said in FAULTS.items())
_SCALES = """\
   - accuracy: 1 wrong in what matters; 2 serious errors; 3 right in the main, with an error that a learner would take over; 4 right, with slips that mislead nobody; 5 right in everything, and you have checked it.
   - style: 1 cannot be followed; 3 can be followed with effort; 5 clear, in order, no word too many, in the form that was asked for.
   - detail: 1 most of what is needed is missing; 3 enough to follow, not enough to check; 5 every step and condition that a learner needs, and no more."""

_SHOWN = f"""\
{{% if material %}}
What it was written from{{{{ cut }}}}; its reader does not have it:
{shown("MATERIAL", "material")}

{{% endif %}}
{{% if task %}}
{shown("TASK", "task")}

{{% endif %}}
"""

_JUDGE = f"""\
Judge {{{{ what }}}}.

{_SHOWN}
{shown("ANSWER", "answer")}

1. Work out for yourself what a right answer has to contain, as if you had not seen this one. Check every number, every step, every line of code that you can.
2. Go through it from its beginning and note every fault: the words that it concerns, copied exactly (or, where something is missing, the words after which it is missing); what is wrong with them; and of which kind it is:
{_KINDS}
   A fault that you cannot show is none. Without faults the list is empty.
3. Discuss in a few sentences what speaks for it and against it.
4. Give three whole numbers from 1 to 5:
{_SCALES}

{JSON}
{{"own_solution": "…", "faults": [{{"words": "…", "wrong": "…", "kind": "factual"}}], "discussion": "…", "accuracy": 1, "style": 1, "detail": 1}}"""

_FAULTS = several(fields(words=text(), wrong=text(), kind=one_of(*FAULTS)))
_NUMBERS = {name: number(1, 5) for name in SCORES}

JUDGE = Prompt(
    KEY,
    1,
    "Judge a sample",
    "critique",
    template(_ROLE, _JUDGE, fields(own_solution=text(), faults=_FAULTS, discussion=text(), **_NUMBERS)),
    3072,
)

_COMPARE = f"""\
Two answers were given to the same task. Judge each of them by itself, by the same measure.

{_SHOWN}
{shown("FIRST ANSWER", "first")}

{shown("SECOND ANSWER", "second")}

1. Work out for yourself what a right answer has to contain, as if you had seen neither. Check every number, every step, every line of code that you can.
2. For each, note every fault: the words that it concerns, copied exactly; what is wrong with them; and of which kind it is:
{_KINDS}
   A fault that you cannot show is none. Without faults the list is empty.
3. Discuss in a few sentences where they differ in what matters. Which of them stands first says nothing.
4. Give each three whole numbers from 1 to 5, the same ones where they are equally good:
{_SCALES}

{JSON}
{{"own_solution": "…", "faults_first": [{{"words": "…", "wrong": "…", "kind": "factual"}}], "faults_second": [], "discussion": "…", "first": {{"accuracy": 1, "style": 1, "detail": 1}}, "second": {{"accuracy": 1, "style": 1, "detail": 1}}}}"""

COMPARE = Prompt(
    COMPARE_KEY,
    1,
    "Compare two answers",
    "critique",
    template(
        _ROLE,
        _COMPARE,
        fields(
            own_solution=text(),
            faults_first=_FAULTS,
            faults_second=_FAULTS,
            discussion=text(),
            first=fields(**_NUMBERS),
            second=fields(**_NUMBERS),
        ),
    ),
    4096,
)
PROMPTS = (JUDGE, COMPARE)

#: By how much one of two answers has to be better, by accuracy or by the mean of the three. The report says "higher"; the margins are ours.
GAPS = {"accuracy": 1.0, "mean": 0.67}


@dataclass(frozen=True, slots=True)
class Asker:
    """`wording`: prompts that stand in for ours of the same key, such as a team's own versions."""

    sampling: Sampling = field(default_factory=Sampling)
    wording: tuple[Prompt, ...] = ()

    def _prompt(self, prompt: Prompt) -> Prompt:
        return next((one for one in self.wording if one.key == prompt.key), prompt)

    async def _ask(
        self, prompt: Prompt, values: dict[str, Any], client: Client, ledger: Ledger, trust: Trust | None
    ) -> tuple[Fields, Answer]:
        request = await asyncio.to_thread(requested, prompt, values, self.sampling, client.endpoint)
        return await ask(request, client, ledger, reader(prompt), trust=trust)


# One sample


@dataclass(frozen=True, slots=True)
class Judge(Asker):
    """A sample → a verdict of kind `judge`, with its faults in `meta.faults`."""

    name: ClassVar[str] = KEY

    async def run(
        self, record: Chain, /, client: Client, ledger: Ledger, trust: Trust | None = None
    ) -> tuple[ChainVerdict, Answer]:
        """(the verdict, the answer it was read from). Raises CallFailed, BudgetSpent, EndpointDown."""
        prompt = self._prompt(JUDGE)
        found, answer = await self._ask(prompt, values_of(record), client, ledger, trust)
        return verdict_of(found.values, _answered(record), judge_name(client.endpoint.model, prompt)), answer


def judge_name(model: str, prompt: Prompt = JUDGE) -> str:
    """What verdicts call the judge: the model (of a long path the end) and the version of the prompt."""
    return f"{model[-(LIMITS['judge'] - len(prompt.label) - 1) :]} {prompt.label}"


def values_of(chain: Chain) -> dict[str, Any]:
    """What the prompt is filled with for one sample."""
    return _context(chain) | {"what": _what(chain), "answer": Material(_answered(chain))}


def _context(chain: Chain) -> dict[str, Any]:
    """The material that it was written from, and its task; None where there is none."""
    material = (chain.seed.quote or chain.seed.text) if chain.seed else ""
    task = "" if _is_conversation(chain) else _asked(chain)
    return {
        "material": Material(material[:MOST_MATERIAL]) if material.strip() else None,
        "cut": " (the beginning of it)" if len(material) > MOST_MATERIAL else "",
        "task": Material(task) if task.strip() else None,
    }


def _what(chain: Chain) -> str:
    if _is_conversation(chain):
        return "a conversation: what its assistant says in it, turn by turn, is what is learnt"
    return "an answer to a task" if chain.messages else "a text that is to be learnt from"


def _is_conversation(chain: Chain) -> bool:
    return sum(one.role == "assistant" for one in chain.messages) > 1


def _asked(chain: Chain) -> str:
    """Everything before the answer."""
    said = [one for one in chain.messages if one.role != "assistant"]
    return said[0].content if len(said) == 1 else "\n\n".join(f"{one.role}: {one.content}" for one in said)


def _answered(chain: Chain) -> str:
    if _is_conversation(chain):
        return "\n\n".join(f"{one.role}: {one.content}" for one in chain.messages)
    return turns.answer(chain)


def verdict_of(said: dict[str, Any], answer: str, judge: str) -> ChainVerdict:
    """The verdict that a judge's fields come to."""
    faults = [_fault(one, answer) for one in said["faults"]]
    scores = {name: float(said[name]) for name in SCORES}
    sound = not any(one["kind"] in GRAVE for one in faults)
    accurate = scores["accuracy"] >= LEAST_ACCURACY
    outcome = "uncertain" if sound != accurate else "passed" if sound else "failed"
    return ChainVerdict(
        KEY, outcome, judge, scores, _evidence(said["discussion"], faults, outcome), {"faults": faults}
    )


def _fault(said: dict[str, Any], answer: str) -> dict[str, Any]:
    """`found`: whether the words stand in the answer; a judge may recall them wrongly, or mean something that is missing."""
    words = str(said["words"]).strip()
    return {
        "kind": said["kind"],
        "words": words[:_LONGEST_FAULT],
        "wrong": str(said["wrong"]).strip()[:_LONGEST_FAULT],
        "found": bool(words) and _plain(words) in _plain(answer),
    }


def _plain(words: str) -> str:
    return " ".join(words.casefold().split())


def _evidence(discussion: str, faults: Sequence[dict[str, Any]], outcome: str) -> str:
    lines = [f"{one['kind']}: “{one['words']}”: {one['wrong']}" for one in faults]
    if outcome == "uncertain":
        lines.append("Its faults and its accuracy speak against each other.")
    return safe_text("\n".join([*lines, discussion.strip()])[:_LONGEST]).text


# Two answers


@dataclass(frozen=True, slots=True)
class Compared:
    """Which of two answers is better, `first`, `second` or `uncertain`: by accuracy, and by the mean of accuracy, style and detail.

    `scores`: (of the first, of the second) in each of the two orders; `discussions` likewise.
    """

    by_accuracy: str
    by_mean: str
    scores: tuple[tuple[dict[str, float], dict[str, float]], ...]
    discussions: tuple[str, ...]
    faults: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])


@dataclass(frozen=True, slots=True)
class Compare(Asker):
    """Two samples with the same task → which answer is better. Two questions, one in each order."""

    name: ClassVar[str] = COMPARE_KEY

    async def run(
        self, record: tuple[Chain, Chain], /, client: Client, ledger: Ledger, trust: Trust | None = None
    ) -> tuple[Compared, Answer]:
        """(the comparison, the later of its two answers). Raises CallFailed, BudgetSpent, EndpointDown."""
        prompt, (one, other) = self._prompt(COMPARE), record
        asked = [
            self._ask(prompt, _pair(*pair), client, ledger, trust) for pair in ((one, other), (other, one))
        ]
        ended = await asyncio.gather(*asked, return_exceptions=True)
        for failed in ended:
            if isinstance(failed, BaseException):
                raise failed
        there, back = (one for one in ended if not isinstance(one, BaseException))
        return compared(there[0].values, back[0].values, (_answered(one), _answered(other))), back[1]


def _pair(first: Chain, second: Chain) -> dict[str, Any]:
    return _context(first) | {"first": Material(_answered(first)), "second": Material(_answered(second))}


def compared(there: dict[str, Any], back: dict[str, Any], answers: tuple[str, str]) -> Compared:
    """What the two orders come to: where they do not prefer the same answer, by enough in both, it is uncertain."""
    orders = (
        (_scores(there["first"]), _scores(there["second"])),
        (_scores(back["second"]), _scores(back["first"])),
    )
    first = [_fault(one, answers[0]) for one in (*there["faults_first"], *back["faults_second"])]
    second = [_fault(one, answers[1]) for one in (*there["faults_second"], *back["faults_first"])]
    return Compared(
        _preferred([(one["accuracy"], other["accuracy"]) for one, other in orders], GAPS["accuracy"]),
        _preferred([(_mean(one), _mean(other)) for one, other in orders], GAPS["mean"]),
        orders,
        (safe_text(there["discussion"]).text, safe_text(back["discussion"]).text),
        (first, second),
    )


def _scores(said: dict[str, Any]) -> dict[str, float]:
    return {name: float(said[name]) for name in SCORES}


def _mean(scores: dict[str, float]) -> float:
    return sum(scores.values()) / len(scores)


def _preferred(pairs: Sequence[tuple[float, float]], gap: float) -> str:
    """`gap` to two decimals: the mean of three whole numbers moves by thirds."""
    if all(round(one - other, 2) >= gap for one, other in pairs):
        return "first"
    return "second" if all(round(other - one, 2) >= gap for one, other in pairs) else "uncertain"
