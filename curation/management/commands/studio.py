"""`./manage.py studio`: run the whole studio on this machine."""

from argparse import ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from curation.studio.supervisor import Address, Supervisor


def port_number(value: str) -> int:
    """A port as a command-line argument."""
    if not value.isdigit() or not 1 <= int(value) <= 65_535:
        raise ArgumentTypeError("a port is a number from 1 to 65535")
    return int(value)


class Command(BaseCommand):
    """Starts PostgreSQL, the web server, the workers and beat, and stops them on Ctrl-C."""

    help = "Run the studio: database, web server, workers and beat, until Ctrl-C."
    # Checks and migrations run when the database is there.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen, and whether to bring the demonstration project."""
        parser.add_argument(
            "--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine only)"
        )
        parser.add_argument("--port", type=port_number, default=settings.PORT, help="default: PORT, or 8000")
        parser.add_argument("--no-demo", action="store_true", help="do not create the demonstration project")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until a signal comes."""
        address = Address(options["host"], options["port"])
        Supervisor(settings.HOME, address, demo=not options["no_demo"]).run()
