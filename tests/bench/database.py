"""A database for one benchmark: an embedded PostgreSQL of its own, in a folder that goes with it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def a_database() -> Iterator[Path]:
    """Django set up on an empty, migrated database, with the PostgreSQL settings of a real studio. Yields its home."""
    home = Path(tempfile.mkdtemp(prefix="seedbed-bench-"))
    home.chmod(0o711)  # as root, PostgreSQL runs as another user, who has to get in
    os.environ |= {
        "STUDIO_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "curation.settings",
        "CELERY_BROKER_URL": "memory://",
        "STUDIO_LOG_LEVEL": "ERROR",
    }
    os.environ.pop("DATABASE_URL", None)
    try:
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        from curation.studio.database import Hold
        from curation.studio.home import Home
        from curation.studio.preparation import collect_static

        hold = Hold(Home(home))
        hold.take()
        try:
            call_command("migrate", verbosity=0)
            collect_static()  # pages name their static files by hash
            yield home
        finally:
            connection.close()
            hold.release()
            hold.wait_until_stopped()
    finally:
        shutil.rmtree(home, ignore_errors=True)
