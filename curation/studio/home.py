"""The studio's home folder: where everything lies that the studio keeps outside the database.

`STUDIO_HOME` holds the secret key, uploaded files, snapshots, logs, beat's schedule and, unless `DATABASE_URL` is
set, the embedded PostgreSQL. The settings import this module, so it imports little.
"""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from curation.studio.refusal import Refusal


@dataclass(frozen=True)
class Home:
    """Paths inside one home folder."""

    root: Path

    @property
    def files(self) -> Path:
        """Stored files, snapshots and other material, unless `STORAGE_URL` is set."""
        return self.root / "files"

    @property
    def static(self) -> Path:
        """Collected static files, served by whitenoise."""
        return self.root / "static"

    @property
    def logs(self) -> Path:
        """Logs of the supervisor and its children."""
        return self.root / "logs"

    @property
    def postgres(self) -> Path:
        """The keeper's locks and notes, and the cluster itself unless root had to put it elsewhere."""
        return self.root / "postgres"

    @property
    def running(self) -> Path:
        """A note of the running studio: address, pid, start."""
        return self.root / "studio.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor for as long as it runs."""
        return self.root / "studio.lock"

    @property
    def schedule(self) -> Path:
        """Beat's schedule."""
        return self.root / "beat-schedule"

    def make(self) -> None:
        """Create the home folder. Root leaves it traversable: the embedded PostgreSQL runs as another user."""
        self._make(self.root)

    def make_postgres(self) -> None:
        """Create the folder of the embedded PostgreSQL, traversable for the same reason."""
        self.make()
        self._make(self.postgres)

    def _make(self, folder: Path) -> None:
        if not folder.is_dir():
            with self._told_plainly():
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(0o711 if os.geteuid() == 0 else 0o700)

    def make_private(self, folder: Path) -> Path:
        """Create a folder in the home that only its owner may enter."""
        self.make()
        with self._told_plainly():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def open_lock(self, path: Path) -> IO[str]:
        """Open a lock file of this home, made on the first call; programs that we start do not inherit it."""
        with self._told_plainly():
            return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+")

    @contextmanager
    def _told_plainly(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Refusal(
                f"{error.filename} cannot be used: {error.strerror}. Run the command as the user who made "
                f"{self.root}, or set STUDIO_HOME to a folder of your own."
            ) from None

    def secret_key(self) -> str:
        """The secret key of this home, made on the first call with mode 0600 and never changed."""
        path = self.root / "secret-key"
        with self._told_plainly():
            if os.path.lexists(path):
                return path.read_text(encoding="ascii").strip()
            self.make()
            self._make_secret_key(path)
            return path.read_text(encoding="ascii").strip()

    def _make_secret_key(self, path: Path) -> None:
        draft = self.root / f".secret-key.{os.getpid()}.{secrets.token_hex(4)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(64) + "\n")
        try:
            # Linking fails when another process was first, so all of them read the same key.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()

    def note(self) -> dict[str, Any]:
        """What the running studio noted of itself, or nothing. A killed studio may leave an old note behind."""
        try:
            noted = json.loads(self.running.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return noted if isinstance(noted, dict) else {}
