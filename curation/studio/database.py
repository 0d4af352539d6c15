"""Using the embedded PostgreSQL: whoever holds it can count on its running, and starts its keeper if none does.

with held(Home(path)):
    …  # connect to `place(home).sockets`
"""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from curation.studio.home import Home
from curation.studio.keeper import HOLDERS_LOCK, KEEPER_LOCK, LOG, NOTE
from curation.studio.processes import process
from curation.studio.refusal import Refusal

CHECKOUT = Path(__file__).resolve().parents[2]
BIGGEST_LOG = 1_000_000


class Hold:
    """A process's hold on the embedded PostgreSQL. It ends with the process, even when that is killed."""

    def __init__(self, home: Home, options: dict[str, str] | None = None) -> None:
        self.home = home
        self.options = options or {}
        self._lock: IO[str] | None = None
        self._keeper: subprocess.Popen[bytes] | None = None

    def take(self) -> None:
        """Hold the database and wait until it can be used.

        Raises:
            Refusal: it cannot be started; the message says why.
        """
        self.home.make_postgres()
        self._lock = self.home.open_lock(self.home.postgres / HOLDERS_LOCK)
        # Blocks while a keeper is ending PostgreSQL because the last holder had gone.
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        while not self.ready():
            self.ensure_keeper()
            time.sleep(0.05)

    def ready(self) -> bool:
        """Whether a living keeper says that the database can be used."""
        note = self._note()
        return (
            note.get("state") == "ready" and keeper_runs(self.home) and process(int(note["pid"])) is not None
        )

    def ensure_keeper(self) -> None:
        """Start a keeper when none runs, as when it was killed.

        Raises:
            Refusal: the keeper that we started gave up.
        """
        if self._keeper is not None:
            code = self._keeper.poll()
            if code is None:
                return
            started, self._keeper = self._keeper.pid, None
            note = self._note()
            if code > 0 and note.get("pid") == started and note.get("state") == "failed":
                raise Refusal(note["reason"])
            if code > 0:
                raise Refusal(
                    f"The embedded PostgreSQL's keeper failed; {self.home.postgres / LOG} says why."
                )
        if not keeper_runs(self.home):
            self._keeper = self._start_keeper()

    def release(self) -> None:
        """Let go; the keeper ends PostgreSQL within about a second if nobody else holds it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def wait_until_stopped(self, patience: float = 150.0) -> bool:
        """After `release`: wait until PostgreSQL has ended; False when somebody else still uses it."""
        asked = time.monotonic()
        while keeper_runs(self.home):
            waited = time.monotonic() - asked
            # The keeper looks once a second: when it has not begun to stop by then, another process holds it.
            if waited > patience or (waited > 4 and self._note().get("state") == "ready"):
                return False
            if self._keeper is not None:
                self._keeper.poll()
            time.sleep(0.05)
        if self._keeper is not None:
            self._keeper.wait()
            self._keeper = None
        return True

    def _note(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self.home.postgres / NOTE).read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}

    def _start_keeper(self) -> subprocess.Popen[bytes]:
        path = self.home.postgres / LOG
        mode = "ab" if path.exists() and path.stat().st_size < BIGGEST_LOG else "wb"
        with open(path, mode) as log:
            # In a session of its own: it outlives us when others hold the database, and Ctrl-C is not meant for it.
            return subprocess.Popen(
                [sys.executable, "-m", "curation.studio.keeper", str(self.home.root)]
                + [f"{name}={value}" for name, value in self.options.items()],
                cwd=CHECKOUT,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def keeper_runs(home: Home) -> bool:
    """Whether a keeper holds this home's keeper lock."""
    if not os.path.exists(home.postgres / KEEPER_LOCK):
        return False
    with home.open_lock(home.postgres / KEEPER_LOCK) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def held(home: Home, options: dict[str, str] | None = None) -> Iterator[Hold]:
    """Hold the embedded PostgreSQL for as long as the block runs."""
    hold = Hold(home, options)
    hold.take()
    try:
        yield hold
    finally:
        hold.release()
