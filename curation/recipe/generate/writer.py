"""What the workflows share: a step whose record is a seed, with the seed of chance, how tokens are drawn, and whose words ask."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from curation.recipe.generate.drawn import check_aim
from curation.recipe.generate.records import Made, Outcome, Seed
from curation.recipe.generate.thread import Desk, Loss, Thread
from curation.recipe.llm.records import Answer, Sampling
from curation.recipe.llm.wording import Prompt

if TYPE_CHECKING:
    from curation.recipe.llm.asking import Ledger, Trust
    from curation.recipe.llm.client import Client

#: Shorter seeds hold too little to write from.
LEAST_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Writer:
    """`wording`: prompts that stand in for ours of the same key, such as a team's own versions. `aim`: what is fixed of what would be
    drawn (keys of `drawn.AIMS`), for the workflows that draw it. Raises AimError for one that cannot be kept."""

    seed: int = 0
    sampling: Sampling = field(default_factory=Sampling)
    wording: tuple[Prompt, ...] = ()
    aim: Mapping[str, str] = field(default_factory=dict)
    name: ClassVar[str] = ""

    def __post_init__(self) -> None:
        check_aim(self.aim)

    async def run(
        self, record: Seed, /, client: Client, ledger: Ledger, trust: Trust | None = None
    ) -> tuple[Outcome, Answer | None]:
        """(samples and losses, the last answer). Raises CallFailed for what is the endpoint's fault, BudgetSpent, EndpointDown."""
        desk = Desk(client, ledger, trust, self.sampling, {one.key: one for one in self.wording})
        thread = Thread(desk, record, self.name)
        try:
            if len(record.text.strip()) < LEAST_CHARACTERS:
                thread.lose("too_short", detail=f"{len(record.text.strip())} characters")
            outcome = await self.write(thread)
        except Loss as loss:
            outcome = Outcome(lost=(loss.lost,))
        return outcome, outcome.answer

    async def write(self, thread: Thread) -> Outcome:
        """What the workflow makes of the thread's seed. May raise Loss."""
        raise NotImplementedError


async def together(branches: Iterable[Coroutine[None, None, Made | Outcome]]) -> Outcome:
    """Candidates of one seed at the same time; each is made or lost on its own. What is the endpoint's fault is raised once all have ended."""
    ended = [_outcome(one) for one in await asyncio.gather(*branches, return_exceptions=True)]
    return Outcome(
        tuple(made for one in ended for made in one.made), tuple(lost for one in ended for lost in one.lost)
    )


def _outcome(ended: Made | Outcome | BaseException) -> Outcome:
    if isinstance(ended, Loss):
        return Outcome(lost=(ended.lost,))
    if isinstance(ended, BaseException):
        raise ended
    return ended if isinstance(ended, Outcome) else Outcome((ended,))
