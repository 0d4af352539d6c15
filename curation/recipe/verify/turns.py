"""What of a sample is checked: the task, the answer to it, and the fenced blocks in either."""

from __future__ import annotations

import re
from dataclasses import dataclass

from curation.recipe.chain import Chain

#: A fence as Markdown has them: three or more of a sign, closed by at least as many of the same; what is not closed goes to the end.
_FENCE = re.compile(
    r"^[ \t]{0,3}(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^\n`]*)\n(?P<inside>.*?)(?:^[ \t]{0,3}(?P=fence)[`~]*[ \t]*$|\Z)",
    re.S | re.M,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the language that its fence names, in small letters ("" for none), and what stands in it."""

    language: str
    text: str


def answer(chain: Chain) -> str:
    """What is learnt from: the last turn of the assistant, or the text."""
    said = [one.content for one in chain.messages if one.role == "assistant"]
    return said[-1] if said else chain.text


def task(chain: Chain) -> str:
    """What the answer answers: the last turn of the user before it; "" for a text."""
    turns = list(chain.messages)
    while turns and turns[-1].role != "assistant":
        turns.pop()
    asked = [one.content for one in turns if one.role == "user"]
    return asked[-1] if asked else ""


def blocks(text: str) -> list[Block]:
    """The fenced blocks, in their order."""
    return [
        Block(match["info"].split()[0].strip("{}.").lower() if match["info"].strip() else "", match["inside"])
        for match in _FENCE.finditer(text)
    ]


def without_blocks(text: str) -> str:
    """The prose alone: no fenced blocks, and nothing that is quoted with ">"."""
    prose = _FENCE.sub("\n", text)
    return "\n".join(line for line in prose.splitlines() if not line.lstrip().startswith(">"))
