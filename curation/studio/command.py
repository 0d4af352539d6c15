"""What `manage.py` does around a command: hold the database for it, and print a refusal as one plain line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from curation.studio.refusal import Refusal

COMMANDS = Path(__file__).resolve().parents[1] / "management" / "commands"

# These start before a database, or never ask for one.
WITHOUT_DATABASE = {
    "studio",
    "extract",
    "help",
    "version",
    "check",
    "collectstatic",
    "diffsettings",
    "findstatic",
}

# Of our own commands, those that take the database as it is.
AS_IT_IS = {"backup", "restore"}


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
        if _is_our_own(name):
            _check()
        yield
        return
    from curation.studio.database import held
    from curation.studio.home import Home

    with held(Home(settings.STUDIO_HOME)):
        if name not in AS_IT_IS and _is_our_own(name):
            _prepare()
        yield


def _is_our_own(name: str) -> bool:
    return (COMMANDS / f"{name}.py").is_file()


def _check() -> None:
    """See that the database of DATABASE_URL can be used; it is migrated when its studio is started."""
    import django

    django.setup()
    from curation.studio.checks import check_database

    check_database()


def _prepare() -> None:
    """Bring the embedded database up to date, so that commands work before the studio was ever started."""
    import django

    django.setup()
    from curation.studio.preparation import migrate_if_behind

    migrate_if_behind()
