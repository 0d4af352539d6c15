"""`./manage.py prepare`: what `studio` does before it starts its servers, for places where others start them."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from curation.studio import checks, preparation


class Command(BaseCommand):
    """Run it once before the web server, the workers and beat of a release start, as docker/compose.yml does."""

    help = "Migrate the database, install the queue, collect static files, make the first admin and the demonstration."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Whether to bring the demonstration project."""
        parser.add_argument("--no-demo", action="store_true", help="do not create the demonstration project")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, prepare, and show a new password once."""
        checks.check_storage()
        checks.check_model(settings.EMBEDDING_MODEL)
        admin = preparation.wanted_admin()
        checks.check_database()
        password = preparation.prepare(admin, self.stdout.write)
        if not options["no_demo"]:
            preparation.ensure_demo()
        if password:
            self.stdout.write(f"Sign in as {admin[0]} with the password {password} (shown this once).")
