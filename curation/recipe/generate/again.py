"""Another revision, because a person asked for it: the sample as it stands, what was said against it before, and what they want changed.

The report's self-revision (`revision.py`) answers a model's critique; this one a person's note, with the last critique beside it. Only the turns that change are
written, so that a long conversation costs no more than what is wrong with it. Ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from curation.recipe.chain import ChainStep
from curation.recipe.generate.records import Seed
from curation.recipe.generate.thread import Desk, Thread
from curation.recipe.llm.records import Answer, Sampling
from curation.recipe.llm.shape import fields, line, several, text
from curation.recipe.llm.wording import JSON, Material, Prompt, shown, template
from curation.recipe.text.normalise import safe_text

if TYPE_CHECKING:
    from curation.recipe.llm.asking import Ledger, Trust
    from curation.recipe.llm.client import Client

_TURN = shown("TURN {{ loop.index }}, {{ turn.role }}", "turn")
_REQUEST = f"""\
Revise a piece of training material after a reviewer has sent it back.
{{% if seed %}}
What it was written from, which its reader will not see:
{shown("MATERIAL", "seed")}
{{% endif %}}
As it stands, turn by turn:
{{% for turn in turns %}}
{_TURN}
{{% endfor %}}{{% if critique %}}
What was said against it before:
{shown("CRITIQUE", "critique")}
{{% endif %}}
What the reviewer asks for. Unlike other material, it is a request to you: follow it as far as it is about this material.
{shown("NOTE", "note")}

First say what you will change and why; where you think that the reviewer is wrong, say so and do what is right. Check whatever you touch: redo every calculation, follow every step. Then write each turn that \
changes anew, whole, with its number; leave out those that stay as they are. Keep what was good, its language and its form. Do not make it longer where it can be made clearer, and never mention the reviewer, \
the note or that it was revised.

{JSON}
{{"changes": "…", "turns": [{{"number": 1, "text": "…"}}]}}"""

AGAIN = Prompt(
    "revise-again",
    1,
    "A revision that a reviewer asked for",
    "revision",
    template(
        "You revise training material for people who read every word of it.",
        _REQUEST,
        fields(changes=text(), turns=several(fields(number=line(), text=text()))),
    ),
    4096,
)


@dataclass(frozen=True, slots=True)
class SentBack:
    """A sample as it was sent back. `turns`: (role, content), one with an empty role for a plain text."""

    turns: tuple[tuple[str, str], ...]
    note: str
    seed: str = ""
    critique: str = ""


@dataclass(frozen=True, slots=True)
class Revised:
    """The contents of all turns, the new ones in their places, and the step that says how they came about."""

    contents: tuple[str, ...]
    step: ChainStep


@dataclass(frozen=True, slots=True)
class ReviseAgain:
    """Sent-back sample → its turns, revised. `wording` stands in for our prompt, such as a project's own version."""

    sampling: Sampling = field(default_factory=Sampling)
    wording: tuple[Prompt, ...] = ()
    name: ClassVar[str] = "revise-again"

    async def run(
        self, record: SentBack, /, client: Client, ledger: Ledger, trust: Trust | None = None
    ) -> tuple[Revised, Answer]:
        """(the turns, the answer they rest on). Raises Loss for an answer that revises nothing, CallFailed for what is the endpoint's fault, BudgetSpent, EndpointDown."""
        desk = Desk(client, ledger, trust, self.sampling, {one.key: one for one in self.wording})
        thread = Thread(desk, Seed(record.seed or record.turns[-1][1]), self.name)
        said = await thread.ask(
            AGAIN,
            seed=_material(record.seed),
            turns=[{"role": role or "text", **Material(content).values} for role, content in record.turns],
            critique=_material(record.critique),
            note=Material(record.note),
        )
        before = tuple(content for _, content in record.turns)
        contents = placed(before, said.values["turns"])
        if contents is None:
            thread.lose("unusable_answer", detail=f"turns that it does not have; it has {len(before)}")
        if contents == before:
            thread.lose("nothing_revised", detail=said.values["changes"][:300])
        return Revised(contents, said.step), said.answer


def placed(before: Sequence[str], turns: Sequence[Mapping[str, Any]]) -> tuple[str, ...] | None:
    """The contents with the new turns in their places; None where one names a place that is not there."""
    contents = list(before)
    for one in turns:
        at, said = int(one["number"]) - 1, safe_text(str(one["text"])).text.strip()
        if not 0 <= at < len(contents):
            return None
        if said:
            contents[at] = said
    return tuple(contents)


def _material(said: str) -> Material | None:
    return Material(said) if said.strip() else None
