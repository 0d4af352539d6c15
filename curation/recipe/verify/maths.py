"""Comparing final answers of mathematics in a child process that is kept for many pairs and killed by one that takes too long.

    with Maths() as maths:
        maths.compare(r"\\\\frac{1}{2}", "0.5").verdict  # "equal"

math-verify's own time limit is a signal, which works on a main thread only and not while C code runs; this one works anywhere.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from curation.recipe.verify.equality import EQUALITIES, Equality

_CHECKOUT = Path(__file__).resolve().parents[3]
_LARGEST_TEXT = 200_000  # characters of a whole solution; the answer stands at its end


class _Silent(Exception):
    """The child said nothing in time, or ended."""


@dataclass
class Maths:
    """Compares answers. Not for use by several threads at once.

    `seconds` is wall time per pair, `memory` address space in bytes; a child that breaks is replaced by another.
    """

    seconds: float = 5.0
    memory: int = 2 << 30
    start_seconds: float = 120.0
    _child: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _owner: int = 0

    def compare(self, gold: str, answer: str, *, by_spelling: bool = True) -> Equality:
        """Never raises for what the texts say."""
        asked = {"gold": gold[-_LARGEST_TEXT:], "answer": answer[-_LARGEST_TEXT:], "by_spelling": by_spelling}
        child = self._ready()
        try:
            assert child.stdin
            child.stdin.write(json.dumps(asked).encode() + b"\n")
            child.stdin.flush()
            said = json.loads(_line(child, self.seconds))
        except (_Silent, OSError):
            self.close()
            return Equality("uncertain", f"It took more than {self.seconds:g} s, or too much memory.")
        return Equality(
            said["verdict"] if said["verdict"] in EQUALITIES else "uncertain", str(said["detail"])
        )

    def close(self) -> None:
        """End the child at once."""
        if self._child is None or self._owner != os.getpid():
            self._child = None
            return
        self._child.kill()
        self._child.wait()
        for stream in (self._child.stdin, self._child.stdout):
            if stream:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass
        self._child = None

    def __enter__(self) -> Maths:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _ready(self) -> subprocess.Popen[bytes]:
        """The child, started if there is none; one of the process that we were forked from is not ours to talk to."""
        if self._child is None or self._owner != os.getpid():
            self._child, self._owner = self._started(), os.getpid()
        return self._child

    def _started(self) -> subprocess.Popen[bytes]:
        # Nothing of the studio's environment: no address of a database, no key.
        child = subprocess.Popen(
            [sys.executable, "-m", "curation.recipe.verify.maths_child", str(self.memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(_CHECKOUT), "LC_ALL": "C.UTF-8"},
            cwd="/",
            start_new_session=True,
        )
        try:
            _line(child, self.start_seconds)
        except _Silent as silent:
            child.kill()
            child.wait()
            raise RuntimeError("The child that compares answers does not start.") from silent
        return child


def _line(child: subprocess.Popen[bytes], seconds: float) -> bytes:
    assert child.stdout
    deadline, held = time.monotonic() + seconds, bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while not held.endswith(b"\n"):
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise _Silent
            read = os.read(child.stdout.fileno(), 65_536)
            if not read:
                raise _Silent
            held += read
    return bytes(held)
