"""What stands in a step of a chain, for people: an answer with fields as labelled texts, a critique as a table of its criteria, and which steps
hold the whole sample as it was then.

A step keeps the model's own words (`ChainStep.output`): prose, or JSON, perhaps fenced or broken. Nothing here raises; what cannot be read is shown as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curation.recipe.generate.workflows import PROMPTS
from curation.recipe.llm.structured import object_in

#: Prompts of ours that ask for fields, by key: a project's own wording keeps the key and the fields.
_WITH_FIELDS = {one.key for one in PROMPTS.values() if one.template.schema is not None}
#: Fields of a criterion, besides its name.
_JUDGED = ("discussion", "score", "suggestion")
_ABOUT = ("plan", "changes", "consideration", "thought", "faults")
#: Steps whose output may be the sample as it was then.
TEXTS = ("draft", "revision")


@dataclass(frozen=True, slots=True)
class Part:
    """A text of a step, Markdown; `label` is empty for prose. `about`: it says how the rest came about, and is no part of it."""

    label: str
    text: str
    about: bool = False


@dataclass(frozen=True, slots=True)
class Criterion:
    """What a critique says by one criterion. `before`: the score that the critique before it gave, where it named the same."""

    name: str
    score: float | None
    discussion: str = ""
    suggestion: str = ""
    before: float | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A step as people read it. `fields`: the raw output says it in another form, which is worth a look of its own."""

    parts: tuple[Part, ...]
    criteria: tuple[Criterion, ...] = ()
    fields: bool = False

    @property
    def about(self) -> tuple[Part, ...]:
        return tuple(one for one in self.parts if one.about)

    @property
    def text(self) -> str:
        """What the step came to, as one text."""
        told = [one for one in self.parts if not one.about]
        return "\n\n".join(f"{one.label}\n\n{one.text}" if one.label else one.text for one in told)


@dataclass(frozen=True, slots=True)
class Version:
    """The sample as it stood after a step: the contents of its messages in their order, or its one text."""

    ordinal: int
    contents: tuple[str, ...]


def fields(name: str, output: str) -> dict[str, Any] | None:
    """The fields of a step's output; None where it is prose. Prose that quotes JSON stays prose unless fields were asked for."""
    if name not in _WITH_FIELDS and not output.lstrip().startswith(("{", "```json")):
        return None
    return object_in(output)[0]


def read(step: Mapping[str, Any], before: Mapping[str, float] | None = None) -> Reading:
    """A step with `name`, `output` and `scores`. `before`: scores of the critique before it."""
    found = fields(step["name"], step["output"])
    criteria = _criteria(found or {}, step.get("scores") or {}, before or {})
    if found is None:
        return Reading((Part("", step["output"]),) if step["output"].strip() else (), criteria)
    told = found.items() if not criteria else ((n, v) for n, v in found.items() if n != "criteria")
    parts = tuple(
        Part(_label(name), text, name in _ABOUT) for name, value in told if (text := _told(value)).strip()
    )
    return Reading(parts, criteria, fields=True)


def _criteria(
    found: Mapping[str, Any], scores: Mapping[str, float], before: Mapping[str, float]
) -> tuple[Criterion, ...]:
    """By the answer's own fields, else by the scores that stand at the step."""
    said = [one for one in _list(found.get("criteria")) if isinstance(one, Mapping) and one.get("name")]
    if not any(key in one for one in said for key in _JUDGED):
        return tuple(Criterion(name, value, before=before.get(name)) for name, value in scores.items())
    made = []
    for one in said:
        name = str(one["name"]).strip()
        score = scores.get(name.lower(), one.get("score"))
        made.append(
            Criterion(
                name,
                score if isinstance(score, int | float) else None,
                _told(one.get("discussion", "")),
                _told(one.get("suggestion", "")),
                before.get(name.lower()),
            )
        )
    return tuple(made)


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _told(value: Any) -> str:
    """A value of a field as Markdown."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, Mapping):
        return "\n\n".join(f"**{_label(str(name))}.** {_told(one)}" for name, one in value.items())
    if isinstance(value, list):
        items = (_told(one).replace("\n", "\n   ") for one in value)
        return "\n".join(f"{at}. {one}" for at, one in enumerate(items, 1))
    return "" if value is None else str(value)


def versions(
    steps: Sequence[Mapping[str, Any]], messages: Sequence[Mapping[str, Any]] | None, text: str
) -> list[Version]:
    """The steps that hold the whole sample as it was then, in their order.

    An answer with a task and its answer does where the sample is one question and one answer. Prose does where the last of such steps is
    what the sample ends with: then they are earlier wordings of that. Notes, parts and turns of something larger are none.
    """
    asked = [one["content"] for one in messages] if messages else [text]
    found: list[Version] = []
    prose: list[Version] = []
    for step in steps:
        if step["kind"] not in TEXTS or not step["output"].strip():
            continue
        values = fields(step["name"], step["output"])
        if values is None:
            prose.append(Version(step["ordinal"], (*asked[:-1], step["output"].strip())))
        elif pair := _pair(values, messages):
            found.append(Version(step["ordinal"], pair))
    if prose and prose[-1].contents[-1] == asked[-1].strip():
        found += prose
    return sorted(found, key=lambda one: one.ordinal)


def _pair(values: Mapping[str, Any], messages: Sequence[Mapping[str, Any]] | None) -> tuple[str, ...]:
    """Task and answer in the places of the sample's question and answer; () where they do not fit."""
    said = [values.get(name) for name in ("task", "answer")]
    roles = [one["role"] for one in messages or () if one["role"] != "system"]
    whole = not any(isinstance(value, list | dict) for value in values.values())
    if (
        roles != ["user", "assistant"]
        or not whole
        or not all(isinstance(one, str) and one.strip() for one in said)
    ):
        return ()
    kept = tuple(str(one["content"]) for one in messages or () if one["role"] == "system")
    return (*kept, *(str(one).strip() for one in said))
