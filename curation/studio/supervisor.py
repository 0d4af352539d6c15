"""`./manage.py studio`: everything the studio needs on one machine, from one command until Ctrl-C.

Starts the embedded PostgreSQL (through its keeper), prepares the database, runs the web server, the workers and beat as
children, starts again what dies, and stops all of it in order. Killed, it leaves nothing running: the kernel ends the
children, and the keeper ends PostgreSQL when it sees that nobody holds it any more.
"""

import fcntl
import http.client
import json
import os
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType
from typing import IO, NoReturn

import psutil
from django.conf import settings
from django.db import connections

from curation import env
from curation.studio import checks, preparation
from curation.studio.children import Child, bounded_log
from curation.studio.database import CHECKOUT, Hold
from curation.studio.disk import disk
from curation.studio.home import Home
from curation.studio.refusal import Refusal

TICK = 0.5
DISK_PERIOD = 300.0
LONGEST_START = 180.0
DEATHS_AT_START = 3


@dataclass(frozen=True)
class Address:
    """Where the web server listens."""

    host: str
    port: int

    @property
    def bind(self) -> str:
        """As gunicorn takes it."""
        return f"{_bracketed(self.host)}:{self.port}"

    @property
    def local_host(self) -> str:
        """A host by which this machine reaches it."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104

    @property
    def url(self) -> str:
        """The address to open in a browser on this machine."""
        return f"http://{_bracketed(self.local_host)}:{self.port}"

    def hosts(self) -> list[str]:
        """The hosts that requests may name: the one given or, where that is "any", all of this machine's own."""
        if self.host == self.local_host:
            return [_bracketed(self.host)]
        own = {socket.gethostname(), socket.getfqdn()}
        for addresses in psutil.net_if_addrs().values():
            families = (socket.AF_INET, socket.AF_INET6)
            own |= {_bracketed(a.address.partition("%")[0]) for a in addresses if a.family in families}
        return sorted(own)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class _StopAsked(BaseException):
    """Raised by the signal handler while the studio starts, to leave whatever is going on."""


class Supervisor:
    """One running studio."""

    def __init__(self, home: Home, address: Address, *, demo: bool) -> None:
        self.home = home
        self.address = address
        self.demo = demo
        self.hold = Hold(home) if settings.EMBEDDED_POSTGRES else None
        self.children: list[Child] = []
        self.stopping = False
        self._starting = True
        self._new_password: str | None = None
        self._next_disk_check = 0.0
        self._trouble = ""

    def run(self) -> None:
        """Run until a signal asks to stop.

        Raises:
            Refusal: the studio cannot start; nothing is left running.
        """
        with self._only_one():
            self.log = bounded_log(self.home.logs / "studio.log")
            for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(how, self._stop)
            try:
                self._prepare()
                self._start_children()
                self._wait_until_healthy()
                self._starting = False
                self._greet()
                while not self.stopping:
                    self._tick(TICK)
            except _StopAsked:
                pass
            finally:
                self._end()

    def say(self, line: str) -> None:
        """Tell the person at the terminal, and the log."""
        print(line, flush=True)
        self.log.info("%s %s", datetime.now(UTC).isoformat(timespec="seconds"), line)

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        self.stopping = True
        if self._starting:
            self._starting = False
            raise _StopAsked

    # ── starting ──

    def _only_one(self) -> IO[str]:
        """The lock that this home's supervisor holds."""
        self.home.make_private(self.home.logs)
        lock = self.home.open_lock(self.home.lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note = self.home.note()
            where = f" at {note['address']} (process {note['pid']})" if note else ", or is just starting"
            raise Refusal(
                f"The studio of {self.home.root} already runs{where}. Stop it with Ctrl-C in its terminal or "
                "`kill PROCESS`, or choose another STUDIO_HOME and --port for a second one."
            ) from None
        return lock

    def _prepare(self) -> None:
        """Everything that must be so before the first child starts."""
        checks.check_space(self.home.root)
        checks.check_port(self.address.host, self.address.port)
        checks.check_storage()
        admin = preparation.wanted_admin()
        checks.check_model(settings.EMBEDDING_MODEL)
        if self.hold is not None:
            self.say("Starting PostgreSQL …")
            self.hold.take()
        checks.check_database()
        self._new_password = preparation.prepare(admin, self.say)
        if self.demo:
            preparation.ensure_demo()
        connections.close_all()
        self._note()

    def _note(self) -> None:
        """Leave the address in the home: for a second start, and for links that commands print."""
        note = {
            "address": env.text("STUDIO_URL") or self.address.url,
            "pid": os.getpid(),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        draft = self.home.running.with_suffix(".new")
        draft.write_text(json.dumps(note), encoding="utf-8")
        draft.replace(self.home.running)

    def _start_children(self) -> None:
        environment = {
            # numpy's products: workers share the cores already, and threads that wait for a core by spinning are many times slower
            # than none. PyTorch's are set where texts are encoded.
            "OPENBLAS_NUM_THREADS": "1",
            **os.environ,
            "STUDIO_HOME": str(self.home.root),
            "STUDIO_URL": env.text("STUDIO_URL") or self.address.url,
            "STUDIO_HOSTS": ",".join([*env.words("STUDIO_HOSTS"), *self.address.hosts()]),
            "PORT": str(self.address.port),
            "DJANGO_SETTINGS_MODULE": "curation.settings",
            "PYTHONUNBUFFERED": "1",
        }
        # These are for this process alone.
        environment.pop("STUDIO_ADMIN_PASSWORD", None)

        def child(name: str, *arguments: str, dying: signal.Signals, patience: float) -> Child:
            log = bounded_log(self.home.logs / f"{name}.log")
            return Child(name, [sys.executable, "-m", *arguments], environment, log, dying, patience)

        self.children = [
            child(
                "web",
                *("gunicorn", "--config", "python:curation.studio.web_server"),
                *("--chdir", str(CHECKOUT), "--bind", self.address.bind),
                # Quick shutdown: answers under way are of no use without a database.
                dying=signal.SIGQUIT,
                patience=12.0,
            ),
            child(
                "worker",
                *("celery", "-A", "curation.celery", "worker", "--pool", "prefork", "--loglevel", "INFO"),
                *("--hostname", "studio@%h", "--without-gossip", "--without-mingle", "--without-heartbeat"),
                # Its own ways to stop wait for a broker that is gone with us. What was under way is done again, as the
                # jobs' rows say; its pool's processes go with it (curation/celery.py).
                dying=signal.SIGKILL,
                patience=15.0,
            ),
            child(
                "beat",
                *("celery", "-A", "curation.celery", "beat", "--loglevel", "WARNING", "--pidfile="),
                dying=signal.SIGTERM,
                patience=5.0,
            ),
        ]
        self.say("Starting the web server, the workers and beat …")
        for one in self.children:
            one.start()

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + LONGEST_START
        while time.monotonic() < deadline:
            self._tick(0.1)
            for one in self.children:
                if one.failures >= DEATHS_AT_START:
                    self._give_up(one)
            if self._healthy():
                return
        self.say(f"Not everything answers yet; see {self._health()} and {self.home.logs}.")

    def _give_up(self, child: Child) -> NoReturn:
        path = self.home.logs / f"{child.name}.log"
        last = "\n".join(path.read_text(encoding="utf-8").splitlines()[-15:])
        raise Refusal(f"The {child.name} does not start. {path} ends with:\n{last}")

    def _healthy(self) -> bool:
        return self._health()[0] == 200

    def _health(self) -> tuple[int, str]:
        """Status and body of /healthz; 0 when nobody answers."""
        connection = http.client.HTTPConnection(self.address.local_host, self.address.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, "no answer"
        finally:
            connection.close()

    def _greet(self) -> None:
        self.say(f"The studio runs at {env.text('STUDIO_URL') or self.address.url}")
        # Not through `say`: a password does not belong in a log.
        print(f"\n  {self._sign_in()}\n  Home: {self.home.root}\n  Ctrl-C stops it.\n", flush=True)
        self._new_password = None

    def _sign_in(self) -> str:
        address = preparation.admin_address()
        connections.close_all()
        if self._new_password is None:
            return f"Sign in as {address}. Forgotten the password? ./manage.py changepassword {address}"
        return f"Sign in as {address} with the password {self._new_password}\n  (shown this once; change it after signing in)"

    # ── running ──

    def _tick(self, seconds: float) -> None:
        """Wait a moment for output, and see that everything is alive."""
        pipes = [one.output for one in self.children if one.output is not None]
        select.select(pipes, [], [], seconds)
        for one in self.children:
            one.drain()
            one.restart_if_dead(self.say)
        if self.hold is not None:
            self._look_after_keeper(self.hold)
        self._look_at_disk()

    def _look_after_keeper(self, hold: Hold) -> None:
        try:
            hold.ensure_keeper()
            self._trouble = ""
        except Refusal as refusal:
            if str(refusal) != self._trouble:
                self._trouble = str(refusal)
                self.say(self._trouble)

    def _look_at_disk(self) -> None:
        if time.monotonic() >= self._next_disk_check:
            self._next_disk_check = time.monotonic() + DISK_PERIOD
            found = disk()
            if found.level != "ok":
                self.say(str(found))

    # ── stopping ──

    def _end(self) -> None:
        """Stop everything in order: no new requests, no new work, then the work under way, then the database."""
        self._starting = False
        if self.children:
            self.say("Stopping …")
        # Web first, then beat, then the worker that both give work to; each stops on its own meanwhile.
        for one in sorted(self.children, key=lambda child: ("web", "beat", "worker").index(child.name)):
            one.ask_to_stop()
        for one in self.children:
            one.wait_until_stopped()
        if self._new_password is not None:
            print(f"\n  An account was made. {self._sign_in()}\n", flush=True)
        connections.close_all()
        self.home.running.unlink(missing_ok=True)
        if self.hold is not None:
            self.hold.release()
            if not self.hold.wait_until_stopped():
                self.say("PostgreSQL goes on: another command still uses it, and it ends with that.")
        if self.children:
            self.say("Stopped.")
