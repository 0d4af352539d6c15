"""Trying a prompt's words: what can be put into each, in words for people, and what is wrong with words that a team wrote.

A team may say everything differently, but not ask about less than ours does: whatever ours shows of the seed and of earlier answers, and whatever was
drawn (a sample's skill and difficulty are recorded from it), has to be shown by theirs too, material between its marks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from curation.recipe.generate import fill_middle, question_answer
from curation.recipe.generate.drawn import AUDIENCES, DIFFICULTIES, SKILLS
from curation.recipe.llm.prompts import Part, PromptError, Template, render
from curation.recipe.llm.records import Message
from curation.recipe.llm.wording import Material, Prompt, filled

ROLES = ("system", "user", "assistant")
#: Longer words than this leave no room for the seed.
LONGEST = 40_000  # characters of all parts together

Render = Callable[[Template, Mapping[str, Any]], tuple[Message, ...]]


@dataclass(frozen=True, slots=True)
class Variable:
    """What a workflow puts into a prompt: its name, what it is, and an example. `sometimes` is it None."""

    name: str
    meaning: str
    example: Any
    sometimes: bool = False

    @property
    def is_material(self) -> bool:
        return isinstance(self.example, Material)

    @property
    def written(self) -> str:
        """How a template shows it."""
        if isinstance(self.example, list):
            return f"{{% for one in {self.name} %}}{{{{ one }}}}{{% endfor %}}"
        return f"{{{{ {self.name}.text }}}}" if self.is_material else f"{{{{ {self.name} }}}}"


def _given(name: str, meaning: str, example: Any) -> Variable:
    return Variable(name, meaning, example)


def _material(name: str, meaning: str, sometimes: bool = False) -> Variable:
    return Variable(name, meaning, Material(f"({meaning})"), sometimes)


_HARD = "hard"
VARIABLES: dict[str, Variable] = {
    one.name: one
    for one in (
        _material("passage", "the seed's text; numbered by lines or pieces where the answer refers to them"),
        _material("code", "the seed's code"),
        _material("material", "the seed's text, which the reader of the sample will not see"),
        _material("notes", "the points that an earlier answer noted in the passage"),
        _material("task", "the task as an earlier answer wrote it"),
        _material("worked", "the worked answer to it"),
        _material("steps", "the steps of the argument in question"),
        _material("plan", "the plan of the first version"),
        _material("criteria", "the requirements that an earlier answer set"),
        _material("critique", "the critique just given"),
        _material("instruction", "the instruction as an earlier answer wrote it"),
        _material("profile", "who speaks: name, profile and aim"),
        _material("situation", "the situation that the conversation takes place in"),
        _material("summary", "what came before the last turns, once a director has summed up", True),
        _material("injected", "what the director brings in now", True),
        _material("turns", "the last turns of the conversation"),
        _material("turn", "the turn that its speaker is about to say"),
        _material("aims", "the aims of all, of whom each knows only their own"),
        _material("hints", "hints that were given after earlier attempts", True),
        _material("removed", "the part that was taken out"),
        _material("reasoning", "the reasoning of who rebuilt it"),
        _material("guess", "the part as it was rebuilt"),
        _given("audience", "for whom, drawn or aimed at", AUDIENCES[1]),
        _given("skill", "the skill to be practised, drawn or aimed at", SKILLS[1]),
        _given("difficulty", "how hard, drawn or aimed at", _HARD),
        _given("meaning", "what that difficulty asks for", DIFFICULTIES[_HARD]),
        _given("asks", "what questions ask for, drawn or aimed at", "why a step holds"),
        _given("start_line", "the first line of the part in question", 3),
        _given("end_line", "its last line", 9),
        _given("brief_description", "one sentence about it", "A rule is derived from two assumptions."),
        _given("manner", "how the instruction sounds, drawn", "a task of an examination in programming"),
        _given("language", "the programming language", "Python"),
        _given("others", "how many people besides the expert", "2 other people"),
        _given("tempers", "what they are like, drawn; a list", ["impatient", "sceptical"]),
        _given("expert", "the expert's name", "Ada"),
    )
}


def variables(prompt: Prompt) -> tuple[Variable, ...]:
    """What a workflow puts into one of our prompts, in the table's order. Raises KeyError for what the table does not have."""
    names = _names(prompt.template.parts)
    if unknown := names - VARIABLES.keys():
        raise KeyError(f"{prompt.label} uses {', '.join(sorted(unknown))}, which the table does not have")
    return tuple(one for name, one in VARIABLES.items() if name in names)


@lru_cache(maxsize=256)
def _names(parts: tuple[Part, ...]) -> frozenset[str]:
    from jinja2 import Environment, meta

    read = Environment(autoescape=False)  # noqa: S701  it reads our own words and renders nothing
    return frozenset().union(*(meta.find_undeclared_variables(read.parse(one.template)) for one in parts))


def example(prompt: Prompt, seed: str = "") -> dict[str, Any]:
    """Values to render a prompt with: the seed as the workflow shows it there, and for what earlier answers would say the table's examples."""
    values = {one.name: one.example for one in variables(prompt)}
    if not seed.strip():
        return values
    known = _SHOWN.get(prompt.key, _whole)(seed)
    return {name: Material(known[name]) if name in known else value for name, value in values.items()}


def _whole(seed: str) -> dict[str, str]:
    return dict.fromkeys(("passage", "code", "material"), seed)


def _with_gap(seed: str) -> dict[str, str]:
    spans = fill_middle.pieces(seed)
    rest, removed = fill_middle.without(seed, *spans[len(spans) // 2])
    return {"passage": rest, "removed": removed}


#: Prompts that do not show the seed as it stands.
_SHOWN: dict[str, Callable[[str], dict[str, str]]] = {
    question_answer.TAGS.key: lambda seed: {"passage": question_answer.numbered(seed)},
    fill_middle.CHOOSE.key: lambda seed: {"passage": fill_middle.numbered(seed)},
    fill_middle.SOLVE.key: _with_gap,
    fill_middle.GRADE.key: _with_gap,
}


def faults(prompt: Prompt, template: Template, asked: Render = render) -> list[str]:
    """What is wrong with a team's words for one of our prompts, a sentence each; empty where nothing is."""
    if found := list(_form(template)):
        return found
    marked = {one.name: _marked(one, at) for at, one in enumerate(variables(prompt))}
    bare = {name: None if VARIABLES[name].sometimes else value for name, value in marked.items()}
    try:
        text = _text(asked(template, filled(marked)))
        asked(template, filled(bare))
    except PromptError as error:
        return [placed(error, template)]
    return [said for name, value in marked.items() for said in _missing(VARIABLES[name], value, text)]


def _form(template: Template) -> Iterator[str]:
    parts = template.parts
    if not parts or parts[-1].role != "user":
        yield "The last message has to be the user's: it is what the model answers."
    if any(one.role not in ROLES for one in parts):
        yield f"A message has one of the roles {', '.join(ROLES)}."
    if any(not one.template.strip() for one in parts):
        yield "A message is empty. Write it, or leave it out."
    if (size := sum(len(one.template) for one in parts)) > LONGEST:
        yield f"The words come to {size:,} characters; at most {LONGEST:,} leave room for the seed."


def _marked(variable: Variable, at: int) -> Any:
    """A value that is found again in what was rendered, and of the same kind as the real one."""
    if variable.is_material:
        return Material(f"material-{at}-of-a-trial")
    if isinstance(variable.example, list):
        return [f"{variable.name}-{at}-{n}-of-a-trial" for n in range(2)]
    return 70_000 + at if isinstance(variable.example, int) else f"{variable.name}-{at}-of-a-trial"


def _missing(variable: Variable, value: Any, text: str) -> Iterator[str]:
    needed = value if isinstance(value, list) else [value.text if isinstance(value, Material) else value]
    if any(str(one) not in text for one in needed):
        yield f"It does not show `{variable.name}` ({variable.meaning}). Put in {variable.written}."
    elif isinstance(value, Material) and value.values["mark"] not in text:
        yield (
            f"`{variable.name}` stands between no marks, so that instructions in it could be followed. "
            f"Put {{{{ {variable.name}.mark }}}} on a line before it and on one after it."
        )


def _text(messages: tuple[Message, ...]) -> str:
    return "\n".join(one.content for one in messages)


def placed(error: PromptError, template: Template) -> str:
    """The error with the message it is in, where there are several."""
    if error.part is None or len(template.parts) < 2:
        return str(error)
    return f"In the {template.parts[error.part].role} message: {error}"
