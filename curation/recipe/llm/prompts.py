"""Prompts: versioned templates (Jinja, sandboxed), rendered in a child process that can be killed.

What a person writes into a template runs there, with limits on time, memory and output, and nothing of the studio's environment. What
is put into it (a passage, a question) is data: it is inserted once and never looked at for template syntax.
"""

from __future__ import annotations

import hashlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import orjson

from curation.recipe.llm.prompt_child import LENGTH, MIB
from curation.recipe.llm.records import Message

ROOT = Path(__file__).resolve().parents[3]
CHILD = ("-m", "curation.recipe.llm.prompt_child")


@dataclass(frozen=True, slots=True)
class Part:
    """One message of a prompt: its role, and its template."""

    role: str
    template: str


@dataclass(frozen=True, slots=True)
class Template:
    """What one version of a prompt says. `schema` is the JSON schema of its answer, None for prose."""

    parts: tuple[Part, ...]
    schema: Mapping[str, Any] | None = None

    @property
    def sha256(self) -> str:
        said = {"parts": [(one.role, one.template) for one in self.parts], "schema": self.schema}
        return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one rendering may cost. `seconds` is wall time, which a busy machine stretches; `cpu_seconds` is not."""

    memory: int = 512 * MIB
    cpu_seconds: int = 2
    seconds: float = 10.0
    start_seconds: float = 60.0
    characters: int = 1_000_000
    renders: int = 10_000  # per child


class PromptError(Exception):
    """The template cannot be rendered with these values; the message says why and where.

    `part` is the index of the message that it is in, `line` the line there, from 1; None where they are not known.
    """

    def __init__(self, said: str, part: int | None = None, line: int | None = None) -> None:
        self.part, self.line = part, line
        super().__init__(said)


def boundary(text: str) -> str:
    """A mark that a text cannot contain: twelve digits of its own hash. The same for the same text, so that answers are found again."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


class Renderer:
    """Renders in one child, kept for many renderings and replaced when it breaks. For one thread at a time; a lock sees to it.

    `command` starts the child; tests give one that misbehaves.
    """

    def __init__(self, bounds: Bounds | None = None, command: Sequence[str] = CHILD) -> None:
        self.bounds = bounds or Bounds()
        self.command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()
        self._served = 0
        self._lock = threading.Lock()

    def render(self, template: Template, values: Mapping[str, Any]) -> tuple[Message, ...]:
        """The messages. Raises PromptError."""
        request = orjson.dumps(
            {
                "templates": [one.template for one in template.parts],
                "values": dict(values),
                "characters": self.bounds.characters,
            }
        )
        with self._lock:
            said = self._ask(request)
        if "failed" in said:
            raise PromptError(str(said["failed"]), said.get("part"), said.get("line"))
        texts = cast(list[str], said["rendered"])
        return tuple(
            Message(part.role, text.strip()) for part, text in zip(template.parts, texts, strict=True)
        )

    def close(self) -> None:
        """End the child."""
        if self._process is not None and self._owner == os.getpid():
            _end(self._process)
        self._process = None

    def _ask(self, request: bytes) -> dict[str, Any]:
        process = self._child()
        self._served += 1
        try:
            _write(process, request, time.monotonic() + self.bounds.seconds)
            said = _read(process, time.monotonic() + self.bounds.seconds, self.bounds.characters * 8)
        except TimeoutError:
            self.close()
            raise PromptError(f"It took more than {self.bounds.seconds:g} seconds.") from None
        except EOFError:
            raise PromptError(self._why(process)) from None
        except ValueError:
            self.close()
            raise PromptError(f"It comes to more than {self.bounds.characters:,} characters.") from None
        return said

    def _child(self) -> subprocess.Popen[bytes]:
        """The child that is there, or a new one: the child of the process that we were forked from is not ours."""
        if self._owner != os.getpid():
            self._process, self._owner = None, os.getpid()
        if self._process is not None:
            # The kernel ends it with the thread that started it, which in a web server comes and goes.
            gone = self._process.poll() is not None
            if gone or self._served >= self.bounds.renders:
                self.close()
        if self._process is None:
            self._process, self._served = self._started(), 0
        return self._process

    def _started(self) -> subprocess.Popen[bytes]:
        # Nothing of the studio's environment: no address of a database, no key.
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
        process = subprocess.Popen(
            [sys.executable, *self.command, str(self.bounds.memory), str(self.bounds.cpu_seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd="/",
            bufsize=0,
            start_new_session=True,
        )
        try:
            _read(process, time.monotonic() + self.bounds.start_seconds, MIB)
        except (TimeoutError, EOFError, ValueError):
            _end(process)
            raise RuntimeError("The child that renders prompts does not start.") from None
        return process

    def _why(self, process: subprocess.Popen[bytes]) -> str:
        """Why the child ended by itself."""
        try:
            status = process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            status = 0
        self.close()
        if status == 86:
            return f"It needs more than {self.bounds.memory // MIB} MB of memory."
        if status == -signal.SIGXCPU:
            return f"It took more than {self.bounds.cpu_seconds} seconds of processor time."
        return "The child that renders prompts broke on it."


def _write(process: subprocess.Popen[bytes], body: bytes, deadline: float) -> None:
    stdin = cast(IO[bytes], process.stdin).fileno()
    os.set_blocking(stdin, False)
    rest = memoryview(LENGTH.pack(len(body)) + body)
    while rest:
        try:
            rest = rest[os.write(stdin, rest[:MIB]) :]
        except BlockingIOError:
            _wait(stdin, select.POLLOUT, deadline)
        except OSError:
            raise EOFError from None


def _read(process: subprocess.Popen[bytes], deadline: float, most: int) -> dict[str, Any]:
    """One message of the child. Raises TimeoutError, EOFError, or ValueError for one of absurd size."""
    stdout = cast(IO[bytes], process.stdout).fileno()
    data = bytearray()
    while True:
        if len(data) >= LENGTH.size:
            (size,) = LENGTH.unpack_from(data)
            if size > most:
                raise ValueError
            if len(data) >= LENGTH.size + size:
                return cast(dict[str, Any], orjson.loads(bytes(data[LENGTH.size : LENGTH.size + size])))
        _wait(stdout, select.POLLIN, deadline)
        piece = os.read(stdout, MIB)
        if not piece:
            raise EOFError
        data += piece


def _wait(descriptor: int, event: int, deadline: float) -> None:
    """Until something can be read or written. Raises TimeoutError. One system call: there is a prompt for every question."""
    poll = select.poll()
    poll.register(descriptor, event)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise TimeoutError


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the child with whatever it started, and reap it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


#: One for the process: children are not worth having twice.
RENDERER = Renderer()


def render(template: Template, values: Mapping[str, Any]) -> tuple[Message, ...]:
    """The messages of a prompt, by this process's child. Raises PromptError."""
    return RENDERER.render(template, values)
