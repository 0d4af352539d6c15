"""`./manage.py restore FILE`: put a backup in the place of this studio."""

import fcntl
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from curation.studio.backup import restore
from curation.studio.preparation import install_queue
from curation.studio.refusal import Refusal


class Command(BaseCommand):
    """Refuses while the studio runs, and to replace what is there unless told to."""

    help = "Put the backup in FILE in the place of this studio, which must not be running."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Where from, and whether it may replace something."""
        parser.add_argument("file", type=Path, metavar="FILE", help="an archive made by `backup`")
        parser.add_argument(
            "--replace", action="store_true", help="put it in the place of a studio that is not empty"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Restore under the lock of a running studio, so that none starts meanwhile."""
        settings.HOME.make()
        with settings.HOME.open_lock(settings.HOME.lock) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Refusal("The studio runs. Stop it first.") from None
            restore(options["file"].absolute(), replace=options["replace"], say=self.stdout.write)
            install_queue()
        self.stdout.write("Restored. Everybody signs in again where the STUDIO_HOME is a new one.")
