"""A home of their own for tests that start PostgreSQL or a whole studio, and commands run as a person runs them."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from curation.studio.cluster import SYSTEM_FOLDER, place
from curation.studio.database import keeper_runs
from curation.studio.home import Home

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0


def wait_for(what: str, true: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait until something is so; the test fails with its name when it never is."""
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, f"waited {patience:.0f} s in vain: {what}"
        time.sleep(0.05)


def servers(home: Home) -> list[psutil.Process]:
    """The postmasters that work in this home's data folder."""
    data = str(place(home).data)
    return [
        one
        for one in psutil.process_iter(["cmdline", "status"])
        if data in (one.info["cmdline"] or []) and one.info["status"] != psutil.STATUS_ZOMBIE
    ]


def of_home(home: Home) -> list[psutil.Process]:
    """Every process that names this home in its command or works for it."""
    found = []
    for one in psutil.process_iter():
        try:
            if one.pid == os.getpid() or one.status() == psutil.STATUS_ZOMBIE:
                continue
            named = str(home.root) in " ".join(one.cmdline())
            if (
                named
                or one.environ().get("STUDIO_HOME") == str(home.root)
                or one.cwd() == str(place(home).data)
            ):
                found.append(one)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def home() -> Iterator[Home]:
    """An empty home; whatever still runs in it after the test is a failure, and is ended."""
    folder = Path(tempfile.mkdtemp(prefix="seedbed-home-"))
    # As root, PostgreSQL runs as another user, who has to get in.
    folder.chmod(0o711)
    home = Home(folder)
    try:
        yield home
        wait_for("nothing runs in the home any more", lambda: not of_home(home), 30)
    finally:
        for left in of_home(home):
            left.kill()
        elsewhere = place(home).data.parent
        shutil.rmtree(folder, ignore_errors=True)
        if elsewhere.is_relative_to(SYSTEM_FOLDER):
            shutil.rmtree(elsewhere, ignore_errors=True)


HOLDER = """
import sys
from pathlib import Path
from curation.studio.database import held
from curation.studio.home import Home
from curation.studio.refusal import Refusal
try:
    with held(Home(Path(sys.argv[1])), {"fsync": "off", "shared_buffers": "32MB"}):
        print("held", flush=True)
        sys.stdin.readline()
except Refusal as refusal:
    print("refused:", refusal, flush=True)
"""


class Holder:
    """Another process that holds a home's database until it is told to let go, or killed."""

    def __init__(self, home: Home) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(home.root)],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def said(self) -> str:
        """Its next line."""
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def let_go(self) -> None:
        """Have it end as a command ends."""
        self.process.communicate("\n", timeout=PATIENCE)

    def kill(self) -> None:
        """End it without a word."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=PATIENCE)


@pytest.fixture
def hold(home: Home) -> Iterator[Callable[[], Holder]]:
    """Start a process that holds the database of the test's home."""
    started: list[Holder] = []

    def start() -> Holder:
        started.append(Holder(home))
        return started[-1]

    yield start
    for holder in started:
        if holder.process.poll() is None:
            holder.kill()
    wait_for("the keeper ends", lambda: not keeper_runs(home))


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Studio:
    """`./manage.py studio` as a process of its own, as a person starts it."""

    def __init__(self, home: Home, *arguments: str, **environment: str) -> None:
        self.home = home
        self.port = free_port()
        self.output = ""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("STUDIO_", "CELERY_", "DATABASE_", "SEEDBED_", "DJANGO_"))
        }
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "studio", "--port", str(self.port), "--no-demo", *arguments],
            cwd=CHECKOUT,
            env={
                **inherited,
                "STUDIO_HOME": str(home.root),
                "STUDIO_ENV_FILE": os.devnull,
                "STUDIO_WORKERS": "1",
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_until_up(self) -> None:
        """Read what it prints until it says that it can be stopped."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.output += line
            if "Ctrl-C stops it" in line:
                return
        raise AssertionError(f"the studio did not start:\n{self.output}")

    def health(self) -> tuple[int, dict[str, str]]:
        """Status and body of /healthz; 0 when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            return 0, {}
        finally:
            connection.close()

    def children(self, program: str) -> list[psutil.Process]:
        """The supervisor's living children that run this program."""
        found = []
        for one in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):
                if program in one.cmdline():
                    found.append(one)
        return found

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Signal it and wait; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.finish()

    def finish(self) -> int:
        """Wait until it has ended by itself; the exit status."""
        if not self.process.stdout or not self.process.stdout.closed:
            said, _ = self.process.communicate(timeout=PATIENCE)
            self.output += said
        return self.process.returncode


@pytest.fixture
def start(home: Home) -> Iterator[Callable[..., Studio]]:
    """Start a studio in the test's home."""
    started: list[Studio] = []

    def begin(*arguments: str, **environment: str) -> Studio:
        started.append(Studio(home, *arguments, **environment))
        return started[-1]

    yield begin
    for studio in started:
        studio.end()
