"""The clerk: keeps the calls of one piece of work, and its budget, while the questions are asked in the process's event loop.

Questions run in the loop's thread; this thread, which has the database, takes what they hand in, many at a time, writes it in one
transaction, and tells them once that is committed. So every answer is a row before anything is made of it, and a call costs a
share of a transaction.
"""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import F

from curation.jobs.kind import Cancelled, Lost, Pulse
from curation.models import Call, Chunk, Endpoint, Job, PromptVersion, Spending
from curation.recipe.llm import cost
from curation.recipe.llm.asking import BudgetSpent, Entry
from curation.recipe.llm.client import Client, read
from curation.recipe.llm.errors import CallFailed
from curation.recipe.llm.keys import key_for
from curation.recipe.llm.loop import background
from curation.recipe.llm.records import Answer, Request, Usage

T = TypeVar("T")
#: How long the clerk waits for something to do before it looks whether the job was cancelled.
PATIENCE = 0.5
#: How often it looks which share of the endpoint is this piece's, and whether others' holds are still alive.
SHARE_SECONDS = 1.0
MOST_AT_ONCE = 256
#: How long answers are waited for that were asked for before the work was to stop: they are paid for.
GRACE = 60.0


@dataclass(slots=True)
class _Wish:
    """Something a question wants of the clerk, and where it waits for it."""

    what: str  # recall, hold or commit
    value: Any
    reply: asyncio.Future[Any]


@dataclass(slots=True)
class Budget:
    """At most so many tokens and so much money, for a whole job; None is no limit."""

    tokens: int | None = None
    money: Decimal | None = None

    @property
    def limited(self) -> bool:
        return self.tokens is not None or self.money is not None


@dataclass(slots=True)
class Clerk:
    """The ledger of one piece of a job. Made in the thread that has the database; asked from the loop."""

    job: Job
    chunk: Chunk
    endpoint: Endpoint
    version: PromptVersion | None = None
    versions: Mapping[str, int] = field(default_factory=dict)  # by their labels, where several prompts ask
    budget: Budget = field(default_factory=Budget)
    _wishes: queue.SimpleQueue[_Wish | None] = field(default_factory=queue.SimpleQueue)
    _waiting: list[_Wish] = field(default_factory=list)  # for what others hold of the budget
    _looked_at: float = -1e9
    _stopping: bool = False

    # In the loop: the ledger's contract

    async def recall(self, key: str, request: Request) -> Answer | None:
        if self._stopping:
            raise BudgetSpent("Nothing new is asked: the work is to stop.")
        found: Answer | None = await self._wish("recall", (key, request))
        return found

    async def hold(self, most: Usage) -> None:
        if self._stopping:
            raise BudgetSpent("Nothing new is asked: the work is to stop.")
        if self.budget.limited:
            await self._wish("hold", most)

    async def commit(self, entry: Entry) -> int:
        call: int = await self._wish("commit", entry)
        return call

    async def _wish(self, what: str, value: Any) -> Any:
        reply = asyncio.get_running_loop().create_future()
        self._wishes.put(_Wish(what, value, reply))
        return await reply

    # In the thread with the database

    def run(
        self, work: Callable[[Client], Coroutine[Any, Any, T]], pulse: Pulse, done: Callable[[], int]
    ) -> T:
        """Run work that asks, and serve it until it is done. `done` says how many records are through, for the pulse.

        Raises what the work raises; Cancelled and Lost when the pulse says so, after the questions were stopped.
        """
        record = self.endpoint.record
        secret = key_for(settings.LLM_KEYS, record.key_name, record.address)
        self._begin()
        loop = background()
        client = loop.submit(loop.client(record, secret)).result()
        future = loop.submit(work(client))
        future.add_done_callback(lambda _: self._wishes.put(None))
        try:
            while not future.done():
                pulse.beat(done())
                self._share(client)
                self._serve(self._gathered())
        except Cancelled:
            self._wind_down(future)
            raise
        except Lost:
            future.cancel()
            self._serve(self._gathered())  # what was answered already is kept
            raise
        except BaseException:
            future.cancel()
            raise
        return future.result()

    def _wind_down(self, future: Future[Any]) -> None:
        """Ask nothing new, and keep the answers that are under way: whoever stops work has paid for them."""
        self._stopping = True
        self._deny(self._waiting)
        self._waiting = []
        until = time.monotonic() + GRACE
        while not future.done() and time.monotonic() < until:
            wishes = self._gathered()
            self._deny([one for one in wishes if one.what == "hold"])
            self._serve([one for one in wishes if one.what != "hold"])
        future.cancel()
        self._serve(self._gathered())

    def _deny(self, wishes: Sequence[_Wish]) -> None:
        stopping = BudgetSpent("Nothing new is asked: the work is to stop.")
        if wishes:
            background().loop.call_soon_threadsafe(_answer, [(wish, stopping) for wish in wishes])

    def _gathered(self) -> list[_Wish]:
        """What there is to do; waits a moment for the first of it."""
        found: list[_Wish] = []
        try:
            wish = self._wishes.get(timeout=PATIENCE if not self._waiting else 0.05)
            while len(found) < MOST_AT_ONCE:
                if wish is not None:
                    found.append(wish)
                wish = self._wishes.get_nowait()
        except queue.Empty:
            pass
        return found

    def _serve(self, wishes: Sequence[_Wish]) -> None:
        replies: list[tuple[_Wish, Any]] = []
        if recalls := [one for one in wishes if one.what == "recall"]:
            replies += self._recalled(recalls)
        commits = [one for one in wishes if one.what == "commit"]
        holds = self._waiting + [one for one in wishes if one.what == "hold"]
        self._waiting = []
        if commits or holds:
            with transaction.atomic():
                replies += self._committed(commits)
                replies += self._held(holds)
        if replies:
            background().loop.call_soon_threadsafe(_answer, replies)

    # Earlier answers

    def _recalled(self, wishes: Sequence[_Wish]) -> list[tuple[_Wish, Any]]:
        """Good answers of this project to the same questions, each noted as used again. Two statements."""
        keys = [one.value[0] for one in wishes]
        rows = Call.objects.filter(project=self.job.project, key__in=keys, error="", hit_of=None)
        found = {
            row.key: row
            for row in rows.order_by("-id").only("key", "answer", "tokens_in", "tokens_out", "counted")
        }
        replies: list[tuple[_Wish, Any]] = []
        hits: list[Call] = []
        for wish in wishes:
            key, request = wish.value
            row = found.get(key)
            answer = _again(row, request) if row is not None else None
            if row is not None and answer is not None:
                hits.append(self._row(key, request, hit_of=row))
            replies.append((wish, answer))
        Call.objects.bulk_create(hits)
        return replies

    # Calls

    def _committed(self, wishes: Sequence[_Wish]) -> list[tuple[_Wish, Any]]:
        if not wishes:
            return []
        entries: list[Entry] = [one.value for one in wishes]
        rows = Call.objects.bulk_create([self._call(one) for one in entries])
        self._spend(
            calls=len(rows),
            tokens=sum(row.tokens_in + row.tokens_out for row in rows),
            money=sum((row.cost or Decimal(0) for row in rows), Decimal(0)),
            held=[one.held for one in entries] if self.budget.limited else [],
        )
        return [(wish, row.pk) for wish, row in zip(wishes, rows, strict=True)]

    def _call(self, entry: Entry) -> Call:
        answer = entry.answer
        # A request that never got an answer is not known to have cost anything.
        usage = answer.usage if answer else Usage(0, 0, counted=False)
        money = cost.money(self.endpoint.price, usage)
        return self._row(
            entry.key,
            entry.request,
            request=_request(entry.request),
            answer=answer.raw if answer else None,
            error=entry.error,
            detail=entry.detail,
            attempt=entry.attempt,
            rung=entry.rung,
            notes=list(entry.notes),
            tokens_in=usage.into,
            tokens_out=usage.out,
            counted=usage.counted,
            cost=None if money is None else Decimal(f"{money:.9f}"),
            seconds=round(entry.seconds, 4),
        )

    def _row(self, key: str, asked: Request, **fields: Any) -> Call:
        own = self.version.pk if self.version else None
        return Call(
            project_id=self.job.project_id,
            endpoint=self.endpoint,
            model=self.endpoint.model,
            prompt_version_id=self.versions.get(asked.label, own),
            job=self.job,
            chunk=self.chunk.ordinal,
            key=key,
            **fields,
        )

    # The budget

    def _begin(self) -> None:
        """This attempt's row of spending. What an attempt before it held when it was killed is counted as spent."""
        with transaction.atomic():
            row, created = Spending.objects.select_for_update().get_or_create(
                chunk=self.chunk, defaults={"job": self.job, "attempt": self.chunk.attempt}
            )
            if not created and row.attempt != self.chunk.attempt:
                row.attempt = self.chunk.attempt
                row.lost_tokens += row.held_tokens
                row.lost_money += row.held_money
                row.held_tokens, row.held_money = 0, Decimal(0)
                row.save()

    def _spend(self, calls: int, tokens: int, money: Decimal, held: Sequence[Usage]) -> None:
        Spending.objects.filter(chunk=self.chunk, attempt=self.chunk.attempt).update(
            calls=F("calls") + calls,
            tokens=F("tokens") + tokens,
            money=F("money") + money,
            held_tokens=F("held_tokens") - sum(one.total for one in held),
            held_money=F("held_money") - sum((self._money(one) for one in held), Decimal(0)),
        )

    def _held(self, wishes: Sequence[_Wish]) -> list[tuple[_Wish, Any]]:
        """Set aside what each wants, as far as the budget goes; those beyond it wait while anything in flight may leave enough."""
        if not wishes:
            return []
        Job.objects.select_for_update(no_key=True).filter(pk=self.job.pk).values_list("pk").first()
        tokens, money, others = self._left()
        replies: list[tuple[_Wish, Any]] = []
        taken_tokens, taken_money = 0, Decimal(0)
        for wish in wishes:
            wanted, price = wish.value.total, self._money(wish.value)
            if wanted <= tokens - taken_tokens and price <= money - taken_money:
                taken_tokens, taken_money = taken_tokens + wanted, taken_money + price
                replies.append((wish, None))
            else:
                self._waiting.append(wish)
        if taken_tokens:
            Spending.objects.filter(chunk=self.chunk, attempt=self.chunk.attempt).update(
                held_tokens=F("held_tokens") + taken_tokens, held_money=F("held_money") + taken_money
            )
        elif self._waiting and not others:
            replies += [(wish, BudgetSpent("The budget is spent.")) for wish in self._waiting]
            self._waiting = []
        return replies

    def _left(self) -> tuple[float, Decimal, bool]:
        """(tokens, money) that nobody has spent or holds, and whether anything is in flight that may leave some of it."""
        rows = Spending.objects.filter(job=self.job).select_related("chunk")
        tokens = float("inf") if self.budget.tokens is None else float(self.budget.tokens)
        money = Decimal("Infinity") if self.budget.money is None else self.budget.money
        others = False
        for row in rows:
            tokens -= row.tokens + row.held_tokens + row.lost_tokens
            money -= row.money + row.held_money + row.lost_money
            others |= (
                row.held_tokens > 0
                and row.chunk.state == Chunk.State.RUNNING
                and row.attempt == row.chunk.attempt
            )
        return tokens, money, others

    def _money(self, usage: Usage) -> Decimal:
        return Decimal(f"{cost.money(self.endpoint.price, usage) or 0:.9f}")

    # Sharing the endpoint

    def _share(self, client: Client) -> None:
        """What an endpoint allows at once is for all pieces that ask it, in whatever process: each takes its part."""
        now = time.monotonic()
        if now - self._looked_at < SHARE_SECONDS:
            return
        self._looked_at = now
        running = Chunk.objects.filter(
            state=Chunk.State.RUNNING, job__options__endpoint=self.endpoint.pk, job__state=Job.State.RUNNING
        ).count()
        background().loop.call_soon_threadsafe(client.pace.share, max(1, running))


def _answer(replies: Sequence[tuple[_Wish, Any]]) -> None:
    for wish, value in replies:
        if wish.reply.done():
            continue
        if isinstance(value, BaseException):
            wish.reply.set_exception(value)
        else:
            wish.reply.set_result(value)


def _again(row: Call, request: Request) -> Answer | None:
    """A kept answer as it came. None where the words cannot be read any more, which then is asked again."""
    try:
        answer = read(row.answer or {}, request, 0.0)
    except CallFailed:
        return None
    usage = Usage(row.tokens_in, row.tokens_out, row.counted)
    return Answer(answer.choices, usage, raw=row.answer, cached=True, call=row.pk)


def _request(request: Request) -> dict[str, Any]:
    """What was asked, as it is kept: all that the model read, and how tokens were drawn."""
    said: dict[str, Any] = {
        "sampling": _given(request.sampling),
        "sample": request.sample,
        "again": request.again,
    }
    if request.messages:
        said["messages"] = [{"role": one.role, "content": one.content} for one in request.messages]
    if request.prompt:
        said["prompt"] = request.prompt
    if request.prompt_ids:
        said["prompt_ids"] = list(request.prompt_ids)
    if request.schema is not None:
        said["schema"] = request.schema
    return said


def _given(sampling: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(sampling).items() if value not in (None, ())}
