"""A real studio as a child process: what soak tests kill and benchmarks measure."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

CHECKOUT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Studio:
    """`./manage.py studio` in a home of its own. Processes are found below the supervisor, never by name alone."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("STUDIO_", "CELERY_", "DATABASE_"))},
            "STUDIO_HOME": str(home),
            "PORT": str(self.port),
            "STUDIO_ADMIN_EMAIL": "admin@example.org",
            "STUDIO_ADMIN_PASSWORD": "a long enough password",
            "DJANGO_SETTINGS_MODULE": "curation.settings",
        }

    def start(self, *arguments: str, patience: float = 180) -> None:
        with open(self.home / "output.log", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "studio", *arguments],
                cwd=CHECKOUT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError((self.home / "output.log").read_text()[-3000:])
            if self.healthy():
                return
            time.sleep(0.2)
        raise TimeoutError(
            f"no healthy studio after {patience} s: {(self.home / 'output.log').read_text()[-3000:]}"
        )

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/healthz", timeout=3) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self, patience: float = 60) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(patience)

    def command(self, *arguments: str, timeout: float = 600) -> Any:
        """Run a management command in this home and read the JSON it prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=CHECKOUT,
            env=self.environment,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(
                f"{arguments}: {done.returncode}\n{done.stdout.decode()}\n{done.stderr.decode()[-3000:]}"
            )
        return json.loads(done.stdout)

    def children(self, word: str) -> list[psutil.Process]:
        """Living processes of this studio whose command line has `word`; PostgreSQL is found by its home."""
        found = []
        below = psutil.Process(self.process.pid).children(recursive=True) if self.process else []
        for one in {*below, *self._of_this_home()}:
            try:
                if word in " ".join(one.cmdline()) and one.status() != psutil.STATUS_ZOMBIE:
                    found.append(one)
            except psutil.Error:
                continue
        return found

    def _of_this_home(self) -> list[psutil.Process]:
        ours = []
        for one in psutil.process_iter():
            try:
                if str(self.home) in " ".join(one.cmdline()):
                    ours += [one, *one.children(recursive=True)]
            except psutil.Error:
                continue
        return ours


@contextmanager
def a_studio(*arguments: str) -> Iterator[Studio]:
    """A running studio in a temporary home, stopped and removed at the end."""
    with tempfile.TemporaryDirectory(prefix="seedbed-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o711)  # as root, PostgreSQL runs as another user, who has to get in
        studio = Studio(Path(folder))
        try:
            studio.start(*arguments)
            yield studio
        finally:
            studio.stop()
