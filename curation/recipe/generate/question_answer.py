"""Question-answer extraction. Phi-4 report, section 2.2, "Creating question-answer pairs from diverse sources": deduction chains and logical
progressions are found in organic passages, key steps become questions with their answers; the tags of excerpts are its appendix D.1.1.

Tags, then questions on the steps of each excerpt that holds a chain, then each question with its worked answer alone: its evidence must stand
in the passage word for word, and a second look must agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from curation.recipe.chain import ChainVerdict
from curation.recipe.generate.check import CHECK, checked
from curation.recipe.generate.drawn import drawer
from curation.recipe.generate.grounding import quoted
from curation.recipe.generate.records import Made, Outcome
from curation.recipe.generate.thread import Thread
from curation.recipe.generate.writer import Writer, together
from curation.recipe.llm.shape import fields, flag, line, one_of, several, text
from curation.recipe.llm.wording import JSON, Material, Prompt, shown, template

KEY = "question-answer"
LETTERS = ("A", "B", "C", "D", "E")
#: The difficulty of a question on an excerpt of this complexity, by the names that all workflows use; ours.
DIFFICULTY_OF = {"A": "easy", "B": "easy", "C": "medium", "D": "hard", "E": "hard"}
#: A chain has so many steps at least.
LEAST_STEPS = 2
#: Questions of the same kind say little new about one excerpt; each excerpt is given some of these, drawn.
ASKS = (
    "why a step holds",
    "what follows if one assumption is changed",
    "which assumption a step needs that is not said aloud there",
    "the value or the result that a step leads to",
    "which of two conclusions the argument supports",
    "where a plausible shorter argument would go wrong",
)

_TAGS = f"""\
Find the parts of a passage from which one can learn to reason, and describe them.

{shown("PASSAGE", "passage")}

The lines are numbered. First consider what the passage argues, derives or explains, and where it only asserts. Then give its excerpts: stretches of \
lines that hold together, at most five, the richest first. An empty list is right for a passage without any. For each:
- start_line, end_line: its first and its last line.
- information_type: what it is, such as derivation, causal explanation, procedure, comparison, definition, description.
- brief_description: one sentence.
- complexity_level: a letter, A (a child follows it) to E (takes an expert).
- factual_obscurity: a letter, A (everybody knows it) to E (few specialists know it).
- chain_of_reasoning: true only if later statements follow from earlier ones. Facts side by side are no chain, and neither are events one after the other.
- reasoning_steps: for a chain, each of its steps: what is taken as given (assumption), what follows from it (conclusion), how (description), and the ranges of \
lines it rests on (dependencies).

{JSON}
{{"consideration": "…", "excerpts": [{{"start_line": 1, "end_line": 4, "information_type": "…", "brief_description": "…", "complexity_level": "C", \
"factual_obscurity": "B", "chain_of_reasoning": true, "reasoning_steps": [{{"assumption": "…", "conclusion": "…", "description": "…", \
"dependencies": [{{"start_line": 1, "end_line": 2}}]}}]}}]}}"""

_RANGE = fields(start_line=line(), end_line=line())
TAGS = Prompt(
    "excerpt-tags",
    1,
    "Find deduction chains",
    "prompt",
    template(
        "You read closely and tell an argument from an assertion.",
        _TAGS,
        fields(
            consideration=text(),
            excerpts=several(
                fields(
                    start_line=line(),
                    end_line=line(),
                    information_type=text(),
                    brief_description=text(),
                    complexity_level=one_of(*LETTERS),
                    factual_obscurity=one_of(*LETTERS),
                    chain_of_reasoning=flag(),
                    reasoning_steps=several(
                        fields(
                            assumption=text(),
                            conclusion=text(),
                            description=text(),
                            dependencies=several(_RANGE),
                        )
                    ),
                )
            ),
        ),
    ),
    4096,
)

_QUESTIONS = f"""\
Turn the key steps of an argument into questions with worked answers.

The passage:
{shown("PASSAGE", "passage")}

The part in question, lines {{{{ start_line }}}} to {{{{ end_line }}}}: {{{{ brief_description }}}}
Its steps:
{shown("STEPS", "steps")}

Choose the steps on which the conclusion hangs, one to three of them. For each write one question whose answer is that step, and which can only be answered by \
making it. Prefer questions that ask for {{{{ asks }}}}. Then the worked answer.
- The question stands alone: it brings along the situation, the assumptions and the numbers it needs, and never mentions a passage, text, author or excerpt. It \
does not give away its answer.
- The answer reasons one step at a time from what the question gives, names the assumption each step uses, and says where a hasty reader would err. It rests on what \
the passage says, not on what you know better; where the passage is wrong, choose another step.
- The evidence is the words of the passage from which the answer can be checked, copied exactly.

{JSON}
{{"consideration": "…", "questions": [{{"key_step": "…", "question": "…", "reasoning": "…", "answer": "…", "evidence": "…"}}]}}"""

QUESTIONS = Prompt(
    "chain-questions",
    1,
    "Questions on key steps",
    "draft",
    template(
        "You write questions that test whether an argument was understood.",
        _QUESTIONS,
        fields(
            consideration=text(),
            questions=several(
                fields(key_step=text(), question=text(), reasoning=text(), answer=text(), evidence=text())
            ),
        ),
    ),
    4096,
)

PROMPTS = (TAGS, QUESTIONS, CHECK)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A stretch of lines with its tags (D.1.1), lines from 1, both ends included."""

    start_line: int
    end_line: int
    information_type: str
    brief_description: str
    complexity_level: str
    factual_obscurity: str
    chain_of_reasoning: bool
    reasoning_steps: tuple[Mapping[str, Any], ...]

    def holds(self, lines: int) -> bool:
        """Whether it lies in a passage of so many lines, and so do its steps' dependencies."""
        ranges = [
            (one["start_line"], one["end_line"])
            for step in self.reasoning_steps
            for one in step["dependencies"]
        ]
        return all(1 <= first <= last <= lines for first, last in [(self.start_line, self.end_line), *ranges])

    @property
    def is_chain(self) -> bool:
        return self.chain_of_reasoning and len(self.reasoning_steps) >= LEAST_STEPS


@dataclass(frozen=True, slots=True)
class QuestionAnswer(Writer):
    """Passage → questions on the key steps of its arguments, with worked answers.

    `least_complexity`: a letter; excerpts tagged simpler are left. `most_excerpts` of one passage are asked about. An aim at a difficulty leaves
    excerpts of another; one at a skill takes the place of what questions ask for.
    """

    least_complexity: str = "B"
    most_excerpts: int = 3
    name: ClassVar[str] = KEY

    async def write(self, thread: Thread) -> Outcome:
        excerpts = await _excerpts(self, thread)
        return await together(_questions(self, thread.branch(), one) for one in excerpts)


async def _excerpts(step: QuestionAnswer, thread: Thread) -> list[Excerpt]:
    """The excerpts that hold a chain. Raises Loss."""
    lines = thread.seed.text.splitlines()
    said = await thread.ask(TAGS, passage=Material(numbered(thread.seed.text)))
    found = [
        Excerpt(**one | {"reasoning_steps": tuple(one["reasoning_steps"])}) for one in said.values["excerpts"]
    ]
    standing = [one for one in found if one.holds(len(lines))]
    wanted = step.aim.get("difficulty")
    chains = [
        one
        for one in standing
        if one.is_chain
        and one.complexity_level >= step.least_complexity
        and wanted in (None, DIFFICULTY_OF[one.complexity_level])
    ]
    thread.score({"excerpts": len(found), "standing": len(standing), "chains": len(chains)})
    if found and not standing:
        thread.lose("not_grounded", detail=f"lines that the passage does not have; it has {len(lines)}")
    if not chains:
        aimed = f"none that is {wanted}: " if wanted else ""
        thread.lose("no_deduction", detail=(aimed + said.values["consideration"])[:300])
    return chains[: step.most_excerpts]


def numbered(text: str) -> str:
    """Its lines, numbered from 1."""
    return "\n".join(f"{at}: {one}" for at, one in enumerate(text.splitlines(), 1))


async def _questions(step: QuestionAnswer, thread: Thread, excerpt: Excerpt) -> Outcome:
    draw = drawer(step.seed, thread.seed, f"asks {excerpt.start_line}-{excerpt.end_line}")
    asks = step.aim.get("skill") or "; or ".join(draw.sample(ASKS, 2))
    said = await thread.ask(
        QUESTIONS,
        passage=Material(thread.seed.text),
        start_line=excerpt.start_line,
        end_line=excerpt.end_line,
        brief_description=excerpt.brief_description,
        steps=Material(_told(excerpt)),
        asks=asks,
    )
    found = said.values["questions"]
    if not found:
        thread.lose("too_little_written", detail="no question")
    drawn = {"asks": asks, "difficulty": DIFFICULTY_OF[excerpt.complexity_level]}
    if "skill" in step.aim:
        drawn["skill"] = asks
    return await together(_pair(thread.branch(), one, excerpt, drawn) for one in found)


def _told(excerpt: Excerpt) -> str:
    return "\n".join(
        f"{at}. Given: {one['assumption']} Follows: {one['conclusion']} How: {one['description']}"
        for at, one in enumerate(excerpt.reasoning_steps, 1)
    )


async def _pair(thread: Thread, found: Mapping[str, str], excerpt: Excerpt, drawn: dict[str, str]) -> Made:
    if not (found["question"].strip() and found["reasoning"].strip() and found["answer"].strip()):
        thread.lose("too_little_written", detail="question, reasoning or answer is empty")
    if not quoted(found["evidence"], thread.seed.text):
        thread.lose("not_grounded", detail="the evidence does not stand in the passage")
    worked = f"{found['reasoning'].strip()}\n\nAnswer: {found['answer'].strip()}"
    verdict = await checked(thread, found["question"], worked)
    grounded = ChainVerdict("format", "passed", "grounding/1", {}, found["evidence"])
    return thread.made(
        messages=(("user", found["question"].strip()), ("assistant", worked)),
        drawn=drawn,
        verdicts=(grounded, verdict),
        excerpt=_plain(excerpt),
        key_step=found["key_step"],
    )


def _plain(excerpt: Excerpt) -> dict[str, Any]:
    return asdict(excerpt) | {"reasoning_steps": [dict(one) for one in excerpt.reasoning_steps]}
