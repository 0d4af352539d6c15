"""The keeper: a small process that owns the embedded PostgreSQL and ends it when nobody uses it any more.

    python -m curation.studio.keeper HOME [name=value …]

Whoever uses the database (the studio, a management command) holds a shared lock on `holders.lock`; the kernel gives it
up with the process, however that ends. Each second the keeper asks for that lock exclusively: when it gets it, nobody is
left, newcomers wait for it, and it stops PostgreSQL and goes. It restarts a PostgreSQL that died. One keeper runs for a
home at a time: it holds `keeper.lock` while it lives. No Django here. Further arguments are PostgreSQL settings.
"""

import fcntl
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import IO

from curation.studio.cluster import Server
from curation.studio.home import Home
from curation.studio.refusal import Refusal

HOLDERS_LOCK = "holders.lock"
KEEPER_LOCK = "keeper.lock"
NOTE = "keeper.json"
LOG = "keeper.log"

PERIOD = 1.0
LONGEST_WAIT = 30.0
STEADY_AFTER = 60.0

# A newcomer's look at the lock can collide with our asking for it.
PATIENCE_FOR_OWN_LOCK = 5.0


class Keeper:
    """One home's keeper, from taking its lock to giving it back."""

    def __init__(self, home: Home, options: dict[str, str]) -> None:
        self.home = home
        self.options = options
        self.ending = False

    def run(self) -> None:
        """Keep PostgreSQL until nobody uses it or we are told to end."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "ending", True))
        self.home.make_postgres()
        with (
            self.home.open_lock(self.home.postgres / KEEPER_LOCK) as own,
            self.home.open_lock(self.home.postgres / HOLDERS_LOCK) as holders,
        ):
            if not _locked(own, patience=PATIENCE_FOR_OWN_LOCK):
                return
            self._note("starting")
            try:
                server = Server(self.home, self.options)
                server.prepare()
                self._keep(server, holders)
            except Refusal as refusal:
                self._note("failed", str(refusal))
                raise

    def _keep(self, server: Server, holders: IO[str]) -> None:
        deaths, born = 0, 0.0
        try:
            while not self.ending and not _locked(holders, patience=0):
                if not server.alive():
                    self._note("starting")
                    # A server that keeps dying is started ever more slowly.
                    deaths = 0 if time.monotonic() - born > STEADY_AFTER else deaths + 1
                    time.sleep(min(max(deaths - 1, 0) ** 2, LONGEST_WAIT))
                    server.start()
                    server.wait_until_ready()
                    born = time.monotonic()
                    self._note("ready")
                time.sleep(PERIOD)
        finally:
            self._note("stopping")
            server.stop()
            self._note("stopped")

    def _note(self, state: str, reason: str = "") -> None:
        """Say how far we are, for those who wait: replaced in one go, so that nobody reads half of it."""
        draft = self.home.postgres / f".{NOTE}.{os.getpid()}"
        draft.write_text(json.dumps({"pid": os.getpid(), "state": state, "reason": reason}), encoding="utf-8")
        draft.replace(self.home.postgres / NOTE)


def _locked(file: IO[str], *, patience: float) -> bool:
    """Whether we got the exclusive lock within `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)


def main(arguments: list[str]) -> int:
    """Run the keeper of the home named first."""
    home = Home(Path(arguments[0]))
    options = dict(pair.split("=", 1) for pair in arguments[1:])
    try:
        Keeper(home, options).run()
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
