"""The way of one question: what the ledger knows already, else attempts until one is good, each in the ledger before it is used.

    answer = await ask(request, client, ledger, read)

`read` makes what is wanted of an answer (its `notes`, if it has any, are kept with the call), or raises CallFailed; an answer it cannot use is asked for anew a few times, as another
sample. Nothing comes back as None: it is what `read` made, or CallFailed, or BudgetSpent.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from curation.recipe.llm import cost
from curation.recipe.llm.client import Client
from curation.recipe.llm.errors import CallFailed
from curation.recipe.llm.key import key_of
from curation.recipe.llm.records import Answer, Endpoint, Request, Usage
from curation.recipe.llm.retry import Retrying
from curation.recipe.llm.structured import spelled_out

T = TypeVar("T")
NOTHING = Usage(0, 0)
#: How often an answer that could not be used is asked for anew.
AGAIN = 2


class BudgetSpent(Exception):
    """What is left of the budget does not cover the next request."""


class EndpointDown(Exception):
    """So many requests in a row failed for the endpoint's own reasons that asking more is of no use."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One attempt as the ledger keeps it. `error` is a name of `errors`, "" for an answer that may be used again."""

    key: str
    request: Request
    attempt: int
    rung: str
    seconds: float
    answer: Answer | None = None
    error: str = ""
    detail: str = ""
    held: Usage = NOTHING
    notes: tuple[str, ...] = ()  # what it took to read the answer


class Ledger(Protocol):
    """Where calls are kept. Every method returns once its rows are committed."""

    async def recall(self, key: str, request: Request) -> Answer | None:
        """An earlier good answer under this key, noted as used again; None without one."""

    async def hold(self, most: Usage) -> None:
        """Set aside what a request can come to at most; waits while others in flight may leave enough. Raises BudgetSpent."""

    async def commit(self, entry: Entry) -> int:
        """Keep an attempt and free what was held for it. Returns the call's id."""


class Abilities:
    """What an endpoint can do, learnt once in a process: from which rung on it takes requests for fields."""

    def __init__(self, rungs: tuple[str, ...]) -> None:
        self.rungs = rungs
        self.at = 0
        self.known = len(rungs) == 1
        self.learning = asyncio.Lock()

    @property
    def rung(self) -> str:
        return self.rungs[self.at]


class Trust:
    """Counts questions that failed for the endpoint's own reasons, in a row: after `most`, work on it stops and says why."""

    def __init__(self, most: int = 12) -> None:
        self.most = most
        self.failures = 0

    def answered(self) -> None:
        self.failures = 0

    def failed(self, failed: CallFailed) -> None:
        if failed.error.whose != "endpoint":
            self.failures = 0
            return
        self.failures += 1
        if self.failures >= self.most:
            raise EndpointDown(f"{self.failures} questions in a row failed, the last with: {failed}")


_abilities: weakref.WeakKeyDictionary[Client, Abilities] = weakref.WeakKeyDictionary()


def abilities_of(client: Client) -> Abilities:
    return _abilities.setdefault(client, Abilities(client.rungs))


async def ask(
    request: Request,
    client: Client,
    ledger: Ledger,
    read: Callable[[Answer], T],
    *,
    retrying: Retrying = Retrying(),  # noqa: B008  frozen
    trust: Trust | None = None,
) -> tuple[T, Answer]:
    """(what `read` makes of it, the answer). Raises CallFailed with the last reason, BudgetSpent or EndpointDown."""
    trust = trust or Trust()
    for again in range(AGAIN + 1):
        asked = replace(request, again=again)
        try:
            return await _known(asked, client, ledger, read) or await _asked(
                asked, client, ledger, read, retrying, trust
            )
        except CallFailed as failed:
            if failed.error.whose != "answer" or again == AGAIN:
                raise
            if failed.name == "truncated":
                request = _longer(request, client.endpoint)
    raise AssertionError("the last time round returns or raises")


def _longer(request: Request, endpoint: Endpoint) -> Request:
    """The request with room for twice as long an answer, as far as the model's context goes."""
    room = (endpoint.limits.context or 2**31) - cost.estimated(request).into
    wanted = max(request.sampling.most_tokens, min(request.sampling.most_tokens * 2, room))
    return replace(request, sampling=replace(request.sampling, most_tokens=wanted))


async def _known(
    request: Request, client: Client, ledger: Ledger, read: Callable[[Answer], T]
) -> tuple[T, Answer] | None:
    found = await ledger.recall(key_of(client.endpoint, request), request)
    return (read(found), found) if found is not None else None


async def _asked(
    request: Request,
    client: Client,
    ledger: Ledger,
    read: Callable[[Answer], T],
    retrying: Retrying,
    trust: Trust,
) -> tuple[T, Answer]:
    """Attempts until one is good or none is to be made any more."""
    abilities = abilities_of(client)
    attempt = 0
    while True:
        attempt += 1
        try:
            if request.schema is None or abilities.known:
                made = await _attempt(request, client, ledger, read, attempt, abilities.rung)
            else:
                made = await _learn(request, client, ledger, read, attempt, abilities)
        except CallFailed as failed:
            wait = retrying.wait(attempt, failed.wait) if failed.error.transient else None
            if wait is None:
                trust.failed(failed)
                raise
            await asyncio.sleep(wait)
        else:
            trust.answered()
            return made


async def _learn(
    request: Request,
    client: Client,
    ledger: Ledger,
    read: Callable[[Answer], T],
    attempt: int,
    abilities: Abilities,
) -> tuple[T, Answer]:
    """The first request for fields goes alone, down the rungs until the server takes one; the others wait for what it learns."""
    async with abilities.learning:
        while not abilities.known:
            try:
                made = await _attempt(request, client, ledger, read, attempt, abilities.rung)
            except CallFailed as failed:
                if failed.error.whose == "answer":
                    abilities.known = True
                elif failed.name == "bad_request" and abilities.at + 1 < len(abilities.rungs):
                    abilities.at += 1
                    continue
                elif failed.name == "bad_request":
                    abilities.at = 0  # no rung was to blame
                raise
            abilities.known = True
            return made
    return await _attempt(request, client, ledger, read, attempt, abilities.rung)


async def _attempt(
    request: Request, client: Client, ledger: Ledger, read: Callable[[Answer], T], attempt: int, rung: str
) -> tuple[T, Answer]:
    """One request, in the ledger before anybody sees what came of it."""
    sent = request if rung == "json_schema" else spelled_out(request)
    most = cost.most(sent)
    began = time.monotonic()
    answer: Answer | None = None
    failure: CallFailed | None = None
    made: Any = None
    async with client.pace.turn(most.into) as turn:
        await ledger.hold(most)
        began = time.monotonic()
        try:
            answer = await client.send(sent, rung)
            client.pace.answered()
            made = read(answer)
        except CallFailed as failed:
            failure = failed
            if failed.name in ("rate_limited", "overloaded") or failed.wait:
                client.pace.slow_down(turn, failed.wait)
        # Still in one's turn: what was not committed when the process dies is never more than what may be in flight.
        entry = Entry(
            key=key_of(client.endpoint, request),
            request=sent,
            attempt=attempt,
            rung=rung,
            seconds=time.monotonic() - began,
            answer=answer,
            error=failure.name if failure else "",
            detail=failure.detail if failure else "",
            held=most,
            notes=tuple(getattr(made, "notes", ())),
        )
        call = await ledger.commit(entry)
    if failure is not None:
        raise failure
    assert answer is not None
    return made, replace(answer, call=call)
