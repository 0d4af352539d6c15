"""How fast one endpoint is asked: additive increase, multiplicative decrease of what is in flight (AIMD: Chiu and Jain 1989),
and limits by the minute as two leaky buckets. Lives in one event loop."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

MINUTE = 60.0


class Pace:
    """`ceiling` requests in flight at most. Each 429 halves what is allowed (once for all that were in flight when it came);
    each answer adds a share, so that a round of answers adds one. A server's Retry-After stops everybody until it is over.
    """

    def __init__(
        self,
        ceiling: int,
        per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = (max(1, ceiling), per_minute, tokens_per_minute)
        self.ceiling = self.limits[0]
        self.allowed = float(self.ceiling)
        self.in_flight = 0
        self._clock = clock
        self._requests = Bucket(per_minute, clock)
        self._tokens = Bucket(tokens_per_minute, clock)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed_until = 0.0
        self._slowed_at = -1.0

    def share(self, parts: int) -> None:
        """Take one of so many parts of what the endpoint allows: other pieces of work ask it too."""
        whole, per_minute, tokens_per_minute = self.limits
        self._requests.per_minute = per_minute and per_minute / parts
        self._tokens.per_minute = tokens_per_minute and tokens_per_minute / parts
        ceiling = max(1, whole // parts)
        if self.allowed >= self.ceiling:
            self.allowed = float(ceiling)
        self.ceiling, self.allowed = ceiling, min(self.allowed, float(ceiling))
        self._wake()

    @asynccontextmanager
    async def turn(self, tokens: int) -> AsyncIterator[float]:
        """Wait for one's turn, and hold it for one request of about so many tokens. Yields when it began."""
        await self._enter(tokens)
        try:
            yield self._clock()
        finally:
            self.in_flight -= 1
            self._wake()

    def answered(self) -> None:
        self.allowed = min(float(self.ceiling), self.allowed + 1.0 / max(1.0, self.allowed))
        self._wake()

    def slow_down(self, began: float, wait: float | None) -> None:
        """A request that began then was told to slow down, and to wait if the server said how long."""
        if began > self._slowed_at:
            self.allowed = max(1.0, self.allowed / 2)
            self._slowed_at = self._clock()
        if wait:
            self._closed_until = max(self._closed_until, self._clock() + wait)

    async def _enter(self, tokens: int) -> None:
        while self.in_flight >= int(self.allowed):
            place = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():
                    self._wake()  # the turn that was given to us goes to the next
                raise
        self.in_flight += 1
        try:
            while (closed := self._closed_until - self._clock()) > 0:
                await asyncio.sleep(closed)
            if wait := max(self._requests.take(1), self._tokens.take(tokens)):
                await asyncio.sleep(wait)
        except BaseException:
            self.in_flight -= 1
            self._wake()
            raise

    def _wake(self) -> None:
        free = int(self.allowed) - self.in_flight
        while free > 0 and self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                free -= 1


class Bucket:
    """So much a minute, evenly: `take` says how many seconds to wait before it is there. None is no limit."""

    def __init__(self, per_minute: float | None, clock: Callable[[], float]) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._free_at = float("-inf")

    def take(self, amount: float) -> float:
        if not self.per_minute:
            return 0.0
        now = self._clock()
        # A sixth of a minute's worth may come at once.
        start = max(self._free_at, now - MINUTE / 6)
        self._free_at = start + amount * MINUTE / self.per_minute
        return max(0.0, start - now)
