#!/usr/bin/env python3
"""The studio's command line: `./manage.py help` lists the commands, `./manage.py studio` runs the studio."""

import os
import sys

# The checks come before any import that needs Python 3.11 or a package, so that they can say what is missing.
if sys.version_info < (3, 11):  # noqa: UP036  older ones get this far, and no further
    sys.exit(
        f"Seedbed needs Python 3.11 or newer; this is Python {sys.version_info[0]}.{sys.version_info[1]}."
    )


def use_own_environment() -> None:
    """Go on in the checkout's `.venv` when started by a Python that lacks Django, as `./manage.py` often is."""
    from importlib.util import find_spec

    own = os.path.join(os.path.dirname(os.path.abspath(__file__)), ".venv", "bin", "python")
    if find_spec("django") is not None:
        return
    if not os.path.exists(own) or os.path.samefile(os.path.dirname(own), os.path.join(sys.prefix, "bin")):
        sys.exit(
            "Django is not installed. Run `make install` here, or `make studio` to install and start at once."
        )
    os.execv(own, [own, *sys.argv])  # noqa: S606


def main() -> None:
    """Run one management command, with the studio's database held for as long as it takes."""
    use_own_environment()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "curation.settings")

    from curation.studio.command import refusal_printed, with_database

    with refusal_printed(), with_database(sys.argv):
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
