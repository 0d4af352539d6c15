"""The contract of a step: a pure stage of the recipe, the same object in a worker, a test and a batch lane.

A step is a dataclass whose fields are its options. `setup()` runs once per worker (it loads a model).
`process_batch(records)` returns one entry per record, in order: a result, `Dropped` or `Failed`.

Steps that ask language models have an asynchronous `run` for one record instead: every answer is committed to the ledger before it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from curation.recipe.llm.asking import Ledger, Trust
    from curation.recipe.llm.client import Client
    from curation.recipe.llm.records import Answer


class Step(Protocol):
    name: ClassVar[str]

    def setup(self) -> None: ...

    def process_batch(self, records: Sequence[Any], /) -> list[Any]: ...


class AskingStep(Protocol):
    name: ClassVar[str]

    async def run(
        self, record: Any, /, client: Client, ledger: Ledger, trust: Trust | None = None
    ) -> tuple[Any, Answer | None]:
        """(the result, the last answer it rests on; None where nothing was asked). Raises CallFailed, BudgetSpent or EndpointDown of `recipe.llm`."""
