"""The supervisor's children: one program each, in a process group of its own, its output in a bounded log."""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

from curation.studio.processes import dying_with_parent

LOG_BYTES = 5 * 2**20
LOG_FILES = 3

SLOWEST_RESTART = 30.0
STEADY_AFTER = 60.0

Say = Callable[[str], None]


def bounded_log(path: Path) -> logging.Logger:
    """A log of plain lines that never takes more than LOG_FILES + 1 files of LOG_BYTES."""
    handler = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(message)s"))
    log = logging.getLogger(f"seedbed.children.{path}")
    log.propagate = False
    log.setLevel(logging.INFO)
    log.handlers = [handler]
    return log


@dataclass
class Child:
    """A program that runs as long as the studio does.

    Attributes:
        failures: how often it has ended by itself, counted anew after a steady minute.
        dying: what the kernel sends it when the supervisor is killed; quick, for the database goes too.
        patience: seconds between asking it to stop and killing it.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    log: logging.Logger
    dying: signal.Signals = signal.SIGTERM
    patience: float = 10.0
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    _started: float = 0.0
    _next_start: float = 0.0
    _rest: bytes = field(default=b"", repr=False)

    @property
    def output(self) -> IO[bytes] | None:
        """The pipe that its output comes from."""
        return self.process.stdout if self.process else None

    def start(self) -> None:
        """Start the program; call it from the main thread, whose end ends the child."""
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Ctrl-C in the terminal is for the supervisor, which stops its children in order.
            start_new_session=True,
            preexec_fn=dying_with_parent(self.dying),
        )
        assert self.process.stdout
        os.set_blocking(self.process.stdout.fileno(), False)

    def drain(self) -> None:
        """Move what it has written to its log."""
        if self.output is None:
            return
        while True:
            try:
                read = os.read(self.output.fileno(), 65_536)
            except BlockingIOError:
                return
            if not read:
                return
            *lines, self._rest = (self._rest + read).split(b"\n")
            for line in lines:
                self.log.info("%s", line.decode("utf-8", "replace"))
            if len(self._rest) > 65_536:
                self.log.info("%s", self._rest.decode("utf-8", "replace"))
                self._rest = b""

    def restart_if_dead(self, say: Say) -> None:
        """Start it again when it has ended, ever more slowly when it keeps ending."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._next_start:
                self.start()
            return
        if self.process.poll() is None:
            return
        self.failures = 0 if now - self._started > STEADY_AFTER else self.failures + 1
        wait = min(2.0 ** max(self.failures - 1, 0) - 1, SLOWEST_RESTART)
        when = f"in {wait:.0f} s" if wait else "now"
        say(f"The {self.name} ended ({ending(self.process.returncode)}); it is started again {when}.")
        self._bury()
        self._next_start = now + wait

    def ask_to_stop(self) -> None:
        """Send the polite signal."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def wait_until_stopped(self) -> None:
        """Wait until it has ended, killing it when its patience is over, and leave none of its own children."""
        if self.process is None:
            return
        deadline = time.monotonic() + self.patience
        while self.process.poll() is None and time.monotonic() < deadline:
            self.drain()
            time.sleep(0.02)
        self._bury()

    def _bury(self) -> None:
        """End what is left of its process group, read its last words and reap it."""
        assert self.process
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.drain()
        assert self.process.stdout
        self.process.stdout.close()
        self.process, self._rest = None, b""


def ending(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"status {code}"
    return f"killed by {signal.Signals(-code).name}"
