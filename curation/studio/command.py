"""What `manage.py` does around a command: hold the database for it, and print a refusal as one plain line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from curation.studio.refusal import Refusal

# These start before a database, or never ask for one.
WITHOUT_DATABASE = {"studio", "help", "version", "check", "collectstatic", "diffsettings", "findstatic"}


@contextmanager
def refusal_printed() -> Iterator[None]:
    """Turn a refusal, or a malformed variable, into a line on stderr and exit status 2."""
    from curation.env import Malformed

    try:
        yield
    except (Refusal, Malformed) as error:
        print(error, file=sys.stderr)
        sys.exit(2)


@contextmanager
def with_database(arguments: list[str]) -> Iterator[None]:
    """Hold the embedded PostgreSQL while the command runs, unless it needs none or DATABASE_URL names another."""
    name = arguments[1] if len(arguments) > 1 else "help"
    if name.startswith("-") or name in WITHOUT_DATABASE or {"--help", "-h", "--version"} & set(arguments):
        yield
        return
    from django.conf import settings

    if not settings.EMBEDDED_POSTGRES:
        yield
        return
    from curation.studio.database import held
    from curation.studio.home import Home

    with held(Home(settings.STUDIO_HOME)):
        yield
