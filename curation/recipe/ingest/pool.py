"""Extraction in children that can be killed: with limits on memory, processor time and wall time per document.

Parsers hang and crash on hostile pages, and a time limit inside the process does not help against C code. A child
that breaks costs its one document; another is started and the rest goes on. Plain `subprocess`, so that it works in
Celery's prefork children, which may have no children of multiprocessing.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import orjson

from curation.recipe.ingest.child import LENGTHS
from curation.recipe.ingest.extract import Extracted
from curation.recipe.ingest.limits import MIB
from curation.recipe.records import Dropped

ROOT = Path(__file__).resolve().parents[3]
TRIES = 2
CHILD = ("-m", "curation.recipe.ingest.child")


class Request(NamedTuple):
    content: bytes
    media_type: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one document may cost. `seconds` is wall time, which a busy machine stretches; `cpu_seconds` is not."""

    memory: int = 2048 * MIB
    cpu_seconds: int = 30
    seconds: float = 90.0
    start_seconds: float = 120.0
    documents: int = 1_000  # per child, so that what leaks in a library stays small
    reply: int = 256 * MIB


@dataclass(slots=True)
class _Child:
    """One child process and the document it works on."""

    process: subprocess.Popen[bytes]
    deadline: float
    number: int | None = None  # of the request, None while it starts or waits
    outgoing: memoryview = field(default_factory=lambda: memoryview(b""))
    incoming: bytearray = field(default_factory=bytearray)
    ready: bool = False
    served: int = 0

    @property
    def stdin(self) -> IO[bytes]:
        return cast(IO[bytes], self.process.stdin)

    @property
    def stdout(self) -> IO[bytes]:
        return cast(IO[bytes], self.process.stdout)


@dataclass(slots=True)
class _Batch:
    """The requests of one `run` that are not answered yet, by number, and the answers whose turn has not come."""

    waiting: deque[tuple[int, Request, int]] = field(default_factory=deque)  # with the tries so far
    working: dict[int, tuple[Request, int]] = field(default_factory=dict)
    results: dict[int, Extracted | Dropped] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.waiting) + len(self.working) + len(self.results)


class Pool:
    """Runs `extract` on documents in up to `size` children. Not for use by several threads at once.

    `command` starts the child; tests give one that misbehaves.
    """

    def __init__(self, size: int = 1, bounds: Bounds | None = None, command: Sequence[str] = CHILD) -> None:
        self.size = max(1, size)
        self.bounds = bounds or Bounds()
        self.command = command
        self.children: list[_Child] = []
        self.owner = os.getpid()
        self.batch = _Batch()

    def run(self, requests: Iterable[Request | Dropped]) -> Iterator[Extracted | Dropped]:
        """One result per request, in their order; what was dropped before comes back in its turn.

        Holds at most a few requests and results at a time.
        """
        self._forget_after_fork()
        batch = self.batch = _Batch()
        numbered = enumerate(requests)
        given = 0
        exhausted = False
        try:
            while True:
                while not exhausted and batch.size < self.size * 3:
                    if (following := next(numbered, None)) is None:
                        exhausted = True
                    elif isinstance(following[1], Dropped):
                        batch.results[following[0]] = following[1]
                    else:
                        batch.waiting.append((following[0], following[1], 0))
                while given in batch.results:
                    yield batch.results.pop(given)
                    given += 1
                if batch.waiting or batch.working:
                    self._hand_out()
                    self._wait()
                elif exhausted:
                    return
        except BaseException:
            self.close()  # children that hold half a document are of no more use
            raise

    def close(self) -> None:
        """End every child at once."""
        for child in self.children:
            if self.owner == os.getpid():
                _end(child)
        self.children = []

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _forget_after_fork(self) -> None:
        """Children of the process that we were forked from are not ours to talk to."""
        if self.owner != os.getpid():
            self.children, self.owner = [], os.getpid()

    def _hand_out(self) -> None:
        waiting = self.batch.waiting
        for child in [child for child in self.children if child.number is None and child.ready]:
            if not waiting:
                return
            if child.served >= self.bounds.documents:
                self._discard(child)
                continue
            number, request, tries = waiting.popleft()
            self.batch.working[number] = (request, tries + 1)
            self._give(child, number, request)
        starting = sum(not child.ready for child in self.children)
        for _ in range(min(len(waiting) - starting, self.size - len(self.children))):
            self._start()

    def _give(self, child: _Child, number: int, request: Request) -> None:
        header = orjson.dumps({"media_type": request.media_type, "address": request.address})
        lengths = LENGTHS.pack(len(header), len(request.content))
        child.outgoing = memoryview(lengths + header + request.content)
        child.number = number
        child.served += 1
        child.deadline = time.monotonic() + self.bounds.seconds

    def _start(self) -> None:
        # Nothing of the studio's environment: no address of a database, no key.
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
        arguments = [str(self.bounds.memory), str(self.bounds.cpu_seconds)]
        process = subprocess.Popen(
            [sys.executable, *self.command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd="/",
            bufsize=0,
            start_new_session=True,
        )
        child = _Child(process, time.monotonic() + self.bounds.start_seconds)
        os.set_blocking(child.stdin.fileno(), False)
        os.set_blocking(child.stdout.fileno(), False)
        self.children.append(child)

    def _wait(self) -> None:
        """Move bytes until a child has answered, broken or run out of time."""
        busy = [child for child in self.children if child.number is not None or not child.ready]
        with selectors.DefaultSelector() as selector:
            for child in busy:
                selector.register(child.stdout, selectors.EVENT_READ, child)
                if child.outgoing:
                    selector.register(child.stdin, selectors.EVENT_WRITE, child)
            patience = max(0.0, min(child.deadline for child in busy) - time.monotonic()) if busy else 0.0
            for key, _ in selector.select(patience):
                child = cast(_Child, key.data)
                if child not in self.children:
                    continue
                alive = _write(child) if key.fileobj is child.stdin else self._read(child)
                if not alive:
                    self._broken(child)
        for child in busy:
            late = child.deadline <= time.monotonic()
            if late and child in self.children and (child.number is not None or not child.ready):
                self._late(child)

    def _read(self, child: _Child) -> bool:
        """Take in what the child wrote, and its answer once that is whole. False when it has ended."""
        try:
            data = os.read(child.stdout.fileno(), MIB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        child.incoming += data
        while True:
            try:
                message = _message(child.incoming, self.bounds.reply)
            except ValueError:
                return False
            if message is None:
                return True
            header, body = message
            if not child.ready:
                child.ready = True
            elif child.number is not None:
                self.batch.results[child.number] = _result(header, body)
                del self.batch.working[child.number]
                child.number = None

    def _broken(self, child: _Child) -> None:
        """A child that ended by itself. Its document is tried once more, in another child."""
        status = self._discard(child)
        if child.number is None:
            if not child.ready:
                raise RuntimeError(f"The extraction child does not start: it {_ending(status)}.")
            return
        batch = self.batch
        request, tries = batch.working.pop(child.number)
        if status == -signal.SIGXCPU:
            detail = f"It took more than {self.bounds.cpu_seconds:,} seconds of processor time."
            batch.results[child.number] = Dropped("extraction_timeout", detail)
        elif tries >= TRIES:
            batch.results[child.number] = Dropped("extraction_failed", f"The extractor {_ending(status)}.")
        else:
            batch.waiting.appendleft((child.number, request, tries))

    def _late(self, child: _Child) -> None:
        self._discard(child)
        if child.number is None:
            raise RuntimeError(
                f"The extraction child did not start within {self.bounds.start_seconds:g} seconds."
            )
        del self.batch.working[child.number]
        detail = f"It took more than {self.bounds.seconds:g} seconds."
        self.batch.results[child.number] = Dropped("extraction_timeout", detail)

    def _discard(self, child: _Child) -> int:
        self.children.remove(child)
        return _end(child)


def _write(child: _Child) -> bool:
    try:
        child.outgoing = child.outgoing[os.write(child.stdin.fileno(), child.outgoing[:MIB]) :]
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True


def _message(incoming: bytearray, largest: int) -> tuple[dict[str, Any], bytes] | None:
    """Take one whole message off the front, or None. Raises ValueError for one of absurd size."""
    if len(incoming) < LENGTHS.size:
        return None
    header, body = LENGTHS.unpack_from(incoming)
    if header + body > largest:
        raise ValueError("The extraction child answers with more than it may.")
    end = LENGTHS.size + header + body
    if len(incoming) < end:
        return None
    words = bytes(incoming[LENGTHS.size : LENGTHS.size + header])
    content = bytes(incoming[LENGTHS.size + header : end])
    del incoming[:end]
    return orjson.loads(words), content


def _result(header: dict[str, Any], body: bytes) -> Extracted | Dropped:
    if "failed" in header:
        return Dropped("extraction_failed", str(header["failed"]))
    if "dropped" in header:
        return Dropped(str(header["dropped"]), str(header["detail"]))
    return Extracted(text=body.decode("utf-8", "replace"), **header["extracted"])


def _end(child: _Child) -> int:
    """Kill the child with whatever it started, and reap it. Returns its exit status."""
    status = child.process.poll()
    if status is None:
        try:
            # Closed output is often seen before the end of the process: give it the moment to tell why.
            status = (
                child.process.wait(timeout=0.2) if child.number is not None and not child.outgoing else None
            )
        except subprocess.TimeoutExpired:
            status = None
    if status is None:
        try:
            os.killpg(child.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        status = child.process.wait()
    child.stdin.close()
    child.stdout.close()
    return status


def _ending(status: int) -> str:
    if status == 86:
        return "needed more memory than it may have"
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"
