"""Reading ahead: what is read from files is made ready in a thread while the database stores what came before."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

DEPTH = 2


class ReadAhead(Generic[T]):
    """Runs an iterable in a thread of its own, up to two items ahead. The iterable must not use the database.

    What it raises is raised to whoever iterates, in its place. Leaving the block ends the thread after its current item.
    """

    def __init__(self, items: Iterable[T]) -> None:
        self.items = items
        self.ready: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(DEPTH)
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, name="read-ahead", daemon=True)

    def __enter__(self) -> ReadAhead[T]:
        self.thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stopped.set()
        while self.thread.is_alive():
            try:
                self.ready.get(timeout=0.05)  # let go of a thread that waits to hand something over
            except queue.Empty:
                pass

    def __iter__(self) -> Iterator[T]:
        while True:
            item, error = self.ready.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item

    def _run(self) -> None:
        try:
            for item in self.items:
                self.ready.put((item, None))
                if self.stopped.is_set():
                    return
            self.ready.put((None, None))
        except BaseException as error:
            self.ready.put((None, error))
