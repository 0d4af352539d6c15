"""`./manage.py backup FILE`: the database and the stored files in one archive."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from curation.studio.backup import backup


class Command(BaseCommand):
    """May run while the studio runs: the database is read as of one moment."""

    help = "Write the database and the stored files to FILE. The studio may go on running."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to."""
        parser.add_argument("file", type=Path, metavar="FILE", help="a tar archive that must not exist yet")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write it and say what is in it."""
        target = options["file"].absolute()
        manifest = backup(target)
        size = target.stat().st_size
        self.stdout.write(
            f"{target}: the database and stored files ({len(manifest.entries) - 1:,}), {size / 1e6:,.1f} MB."
        )
