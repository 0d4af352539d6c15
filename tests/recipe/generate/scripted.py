"""A server that gives sensible scripted answers to every prompt of the workflows, a ledger in memory, and material of the tests' own."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from curation.recipe.chain import as_row, parse
from curation.recipe.generate.records import Outcome, Seed
from curation.recipe.llm.client import Remote
from curation.recipe.llm.records import Endpoint, Limits
from tests.llm_server import Reply, Seen, serving

LEVERS = """A lever turns a small force over a long way into a large force over a short one.
The product of force and arm is the same on both sides when it is at rest, because otherwise it would turn.
Hence halving the short arm doubles the load that the same hand can lift.
But the hand then travels twice as far for each centimetre that the load rises, so no work is saved.
Real levers bend and rub, and therefore the hand always does a little more work than the load receives."""
ICE = """Water is densest at four degrees, and ice is lighter than the water it forms from.
Therefore a lake freezes from its surface, since the coldest water no longer sinks below four degrees.
The ice then keeps the cold air from the water beneath it, so deep lakes seldom freeze to the ground.
Salt lowers both the freezing point and the temperature of greatest density.
In sea water of ordinary salinity the second lies below the first, which is why the sea must cool through before it freezes."""
SUBJECTS = (
    ("a spring", "stretch", "force"),
    ("a pendulum", "length", "period"),
    ("a wire", "cross-section", "resistance"),
    ("a sail", "area", "thrust"),
    ("a lens", "curvature", "power"),
    ("a kettle", "filling", "heating time"),
    ("a river", "slope", "speed"),
    ("a market stall", "price", "demand"),
    ("a choir", "size", "loudness"),
)
PASSAGES = [LEVERS, ICE] + [
    f"""The {effect} of {thing} depends on its {cause}, which is easily measured.
When the {cause} of {thing} grows, the {effect} changes too, because one is brought about by the other.
Hence somebody who knows the {cause} in case {number} can say what the {effect} will be before trying.
Beyond a certain {cause} this no longer holds, therefore every such rule has to name its limits."""
    for number in (1, 2)
    for thing, cause, effect in SUBJECTS
]


class Book:
    """A ledger in memory: the test's double of the contract that the studio keeps in rows."""

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self.recalled = 0

    async def recall(self, key: str, request: Any) -> Any:
        for call, entry in enumerate(self.entries, 1):
            if entry.key == key and entry.answer is not None and not entry.error:
                self.recalled += 1
                return replace(entry.answer, cached=True, call=call)
        return None

    async def hold(self, most: Any) -> None:
        return None

    async def commit(self, entry: Any) -> int:
        self.entries.append(entry)
        return len(self.entries)


Answers = Mapping[str, Any]


def material(text: str, title: str) -> str:
    """What stands between the marks of this title in a prompt."""
    found = re.search(rf"<<<{title} (\w+)>>>\n(.*?)\n<<<END \1>>>", text, re.S)
    assert found, f"no {title} in the prompt"
    return found.group(2)


def fields_asked(seen: Seen) -> tuple[str, ...]:
    form = seen.body.get("response_format", {}).get("json_schema", {})
    return tuple(form.get("schema", {}).get("properties", ()))


def script(*answers: tuple[tuple[str, ...] | str, Any]) -> Callable[[Seen, int], Reply]:
    """Answers by the fields that are asked for, or by words of the prompt where prose is. An answer is data, text, a Reply, or a
    function of what was seen; `nth` counts requests with the same text."""

    def reply(seen: Seen, nth: int) -> Reply:
        asked = fields_asked(seen)
        for which, answer in answers:
            if (which == asked) if isinstance(which, tuple) else (not asked and which in seen.text):
                made = answer(seen, nth) if callable(answer) else answer
                return (
                    made
                    if isinstance(made, Reply)
                    else Reply(made if isinstance(made, str) else json.dumps(made))
                )
        raise AssertionError(f"nothing is scripted for {asked or seen.text[:300]}")

    return reply


def run_on(address: str, step: Any, seeds: list[Seed], book: Book) -> list[Outcome]:
    """What the step makes of the seeds, one after the other."""

    async def go() -> list[Outcome]:
        client = Remote(Endpoint(address, "tiny", private_allowed=True, limits=Limits(seconds=5)))
        try:
            return [(await step.run(seed, client, book))[0] for seed in seeds]
        finally:
            await client.close()

    return asyncio.run(go())


def run(step: Any, seeds: list[Seed], script: Any) -> tuple[list[Outcome], Book, Any]:
    """(outcomes, the ledger, the server as it was left)."""
    book = Book()
    with serving(script) as server:
        return run_on(server.address, step, seeds, book), book, server


def check_resumed(step: Any, seeds: list[Seed], script: Any) -> None:
    """Run again on its ledger, a step comes to the same and asks nothing; interrupted half way, it asks only for the rest."""
    with serving(script) as server:
        book = Book()
        first = run_on(server.address, step, seeds, book)
        calls = len(server.asked)
        assert run_on(server.address, step, seeds, book) == first and len(server.asked) == calls
        half = Book()
        half.entries = [entry for entry in book.entries if not entry.error][: len(book.entries) // 2]
        known = len(half.entries)
        resumed = run_on(server.address, step, seeds, half)
        assert [one.made for one in resumed] and len(server.asked) == 2 * calls - known
        assert [[made.sample for made in one.made] for one in resumed] == [
            [made.sample for made in one.made] for one in first
        ]


def check_lineage(outcome: Outcome, seed: Seed, book: Book, prompts: Any) -> None:
    """Every sample is in the one form, and every step of its chain leads to the call that said it and the prompt that asked."""
    labels = {one.label for one in prompts}
    for made in outcome.made:
        assert parse(as_row(made.sample)) == made.sample
        assert made.sample.seed == seed.reference and made.sample.workflow and made.sample.steps
        for step, call in zip(made.sample.steps, made.calls, strict=True):
            entry = book.entries[call - 1]
            asked = "\n\n".join(one.content for one in entry.request.messages)
            assert entry.answer.text == step.output and asked.startswith(step.prompt)
            assert step.prompt_version in labels and step.model == "tiny"
            assert "<<<" in step.prompt


GOOD = {
    "own_solution": "I find the same.",
    "comparison": "Every step follows.",
    "stands_alone": True,
    "grounded": True,
    "correct": True,
}
CHECKED = (tuple(GOOD), GOOD)
