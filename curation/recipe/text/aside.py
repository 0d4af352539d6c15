"""Encode a text beside this process: a small child that loads the model, answers, and goes when it is idle.

A web process must not load torch: the import holds Python's lock for seconds, and the model would stay in every web
process. The child is started by the first question, keeps the model for `IDLE` seconds after the last one, and ends at
once when its parent does, however that happens: it reads its questions from a pipe whose other end only the parent has.
Questions of one process wait for each other; its other threads are not held up, they only wait on a pipe.

One question is a line of JSON, `{"text", "options"}`; one answer too, `{"vector", "key"}` or `{"error"}`.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from curation.recipe.text.encode import ModelUnavailable, Options

IDLE = 300.0  # seconds
#: Seconds until an answer is given up; the first one includes loading the model.
PATIENCE = 60.0
LONGEST = 20_000  # characters


class TooSlow(RuntimeError):
    """No answer in time; the child has been ended, and the next question starts another."""


class Aside:
    """One child, made when it is first needed. Safe to share between threads."""

    def __init__(self, command: Sequence[str] = (), patience: float = PATIENCE) -> None:
        self.command = list(command) or [sys.executable, "-m", __name__]
        self.patience = patience
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def encode(self, text: str, options: Options) -> tuple[str, list[float]]:
        """The key of the model and the text's vector. Raises TooSlow, or ModelUnavailable with the reason."""
        asked = json.dumps({"text": text[:LONGEST], "options": asdict(options)}).encode() + b"\n"
        if not self._lock.acquire(timeout=self.patience):
            raise TooSlow("Others are asking too; try again in a moment.")
        try:
            answer = self._answer(asked)
        finally:
            self._lock.release()
        if "error" in answer:
            raise ModelUnavailable(str(answer["error"]))
        return str(answer["key"]), list(answer["vector"])

    def close(self) -> None:
        """End the child, if there is one."""
        with self._lock:
            self._end()

    def _answer(self, asked: bytes) -> dict[str, Any]:
        """Ask; once more when the child had gone because it was idle, or was killed."""
        for last in (False, True):
            child = self._running()
            assert child.stdin and child.stdout
            try:
                child.stdin.write(asked)
                child.stdin.flush()
            except BrokenPipeError:
                self._end()
                continue
            if not select.select([child.stdout], [], [], self.patience)[0]:
                self._end()
                raise TooSlow(f"The embedding model did not answer within {self.patience:.0f} seconds.")
            if line := child.stdout.readline():
                return dict(json.loads(line))
            self._end()
            if last:
                break
        raise ModelUnavailable("The process that encodes texts ended without an answer.")

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._end()
            self._child = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=Path(__file__).resolve().parents[3],
                close_fds=True,
            )
        return self._child

    def _end(self) -> None:
        if self._child is None:
            return
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe:
                try:
                    pipe.close()
                except BrokenPipeError:
                    pass
        self._child.kill()
        self._child.wait()
        self._child = None


def answer(line: bytes) -> bytes:
    """One question answered; never raises for what a model may do."""
    from curation.recipe.text.encode import load

    asked = json.loads(line)
    try:
        encoder = load(Options(**asked["options"]))
        vector = encoder.encode([asked["text"]])[0]
    except Exception as error:
        return json.dumps({"error": f"{type(error).__name__}: {error}"}).encode() + b"\n"
    said = {"key": str(encoder.key), "vector": [float(value) for value in vector]}
    return json.dumps(said).encode() + b"\n"


def main(idle: float = IDLE) -> None:
    """Answer questions from standard input until it closes or nobody has asked for a while."""
    while select.select([sys.stdin.buffer], [], [], idle)[0]:
        line = sys.stdin.buffer.readline()
        if not line:
            return
        sys.stdout.buffer.write(answer(line))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
