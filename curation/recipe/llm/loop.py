"""One event loop for each process, in a thread of its own: clients live in it and keep their connections from one piece of
work to the next. Made on first use, after any fork."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from curation.recipe.llm.client import Client, Remote
from curation.recipe.llm.records import Endpoint

T = TypeVar("T")
MOST_CLIENTS = 32


class Background:
    """The loop and the clients that live in it."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.loop = asyncio.new_event_loop()
        self.clients: dict[tuple[Endpoint, str], Client] = {}
        self.thread = threading.Thread(target=self.loop.run_forever, name="language-models", daemon=True)
        self.thread.start()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    async def client(self, endpoint: Endpoint, secret: str) -> Client:
        """The client of an endpoint as it is set now; the same as long as nothing of it changes."""
        found = self.clients.get((endpoint, secret))
        if found is None:
            while len(self.clients) >= MOST_CLIENTS:
                await self.clients.pop(next(iter(self.clients))).close()
            found = self.clients[endpoint, secret] = connected(endpoint, secret)
        return found


def connected(endpoint: Endpoint, secret: str) -> Client:
    """A new client for an endpoint, by its kind."""
    if endpoint.kind == "local":
        from curation.recipe.llm.inprocess import Local

        return Local(endpoint)
    return Remote(endpoint, secret)


_lock = threading.Lock()
_here: Background | None = None


def background() -> Background:
    """This process's loop."""
    global _here
    with _lock:
        if _here is None or _here.owner != os.getpid():
            _here = Background()
        return _here
