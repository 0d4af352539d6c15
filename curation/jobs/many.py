"""Asking about many records at once through one clerk: each ends as a result, a named failure, or not asked for want of budget."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, TypeVar

from curation.jobs.clerk import Budget, Clerk
from curation.jobs.kind import Pulse
from curation.recipe.llm.asking import BudgetSpent, EndpointDown, Trust
from curation.recipe.llm.client import Client
from curation.recipe.llm.errors import CallFailed
from curation.recipe.llm.records import Answer
from curation.recipe.step import AskingStep

T = TypeVar("T")


class EndpointFailed(Exception):
    """The endpoint answers nobody: the piece stops, and can be resumed once it does."""


@dataclass(slots=True)
class Asked(Generic[T]):
    """What became of the records, by their keys."""

    results: dict[int, tuple[T, Answer | None]] = field(default_factory=dict)
    failed: dict[int, CallFailed] = field(default_factory=dict)
    not_asked: set[int] = field(default_factory=set)

    @property
    def done(self) -> int:
        return len(self.results) + len(self.failed) + len(self.not_asked)


def ask_all(
    records: Mapping[int, Any], step: AskingStep, clerk: Clerk, pulse: Pulse, asked: Asked[T], before: int = 0
) -> None:
    """Run an asking step on every record and fill `asked`, which holds what was done also where this raises: EndpointFailed, or
    what the pulse raises. `before`: records of the piece that were through already."""
    try:
        clerk.run(
            lambda client: _all(records, step, client, clerk, asked), pulse, lambda: before + asked.done
        )
    except EndpointDown as error:
        raise EndpointFailed(f"{error} What was answered stays; set the endpoint right and resume.") from None
    except CallFailed as failed:  # before the first request: its key, say
        raise EndpointFailed(f"{failed} Set the endpoint right and resume.") from None


async def _all(
    records: Mapping[int, Any], step: AskingStep, client: Client, clerk: Clerk, asked: Asked[Any]
) -> None:
    """Ask about every record at once; the endpoint's pace and the budget hold them back."""
    trust = Trust()

    async def one(key: int, record: Any) -> None:
        try:
            asked.results[key] = await step.run(record, client, clerk, trust)
        except CallFailed as failed:
            if failed.error.whose == "endpoint" and not failed.error.transient:
                raise EndpointDown(str(failed)) from None  # a wrong key, say: the next record fares no better
            asked.failed[key] = failed
        except BudgetSpent:
            asked.not_asked.add(key)

    try:
        async with asyncio.TaskGroup() as group:
            for key, record in records.items():
                group.create_task(one(key, record))
    except* EndpointDown as down:
        raise down.exceptions[0] from None


def budget_of(options: Mapping[str, Any]) -> Budget:
    """The budget that a job's options, or a run's bounds, name."""
    money = options["budget_money"]
    return Budget(options["budget_tokens"], None if money is None else Decimal(money))
