"""The suite's PostgreSQL and settings.

Database tests run on a real PostgreSQL: an embedded one in a temporary folder, started by the first test that needs
it and shared by all of xdist's workers, each with a database of its own; or the server that DATABASE_URL names. It ends
with the last process that holds it, however that ends.
"""

import fcntl
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from pytest_django import DjangoDbBlocker

# Made by the first process; xdist's workers inherit it.
HOME_VARIABLE = "SEEDBED_TEST_HOME"
#: The database that xdist's workers copy.
MIGRATED = "seedbed_migrated"


def _prepare_environment() -> Path:
    """Settings for tests, in force before Django reads them; nothing of the developer's own studio is used."""
    if HOME_VARIABLE not in os.environ:
        folder = Path(tempfile.mkdtemp(prefix="seedbed-tests-"))
        # As root, PostgreSQL runs as another user, who has to get in.
        folder.chmod(0o711)
        os.environ[HOME_VARIABLE] = str(folder)
        os.environ["SEEDBED_TEST_OWNER"] = str(os.getpid())
        keep = {"DATABASE_URL"}
        for name in list(os.environ):
            if name.startswith(("STUDIO_", "CELERY_", "EMBEDDING_", "STORAGE_", "LLM_")) and name not in keep:
                del os.environ[name]
    home = Path(os.environ[HOME_VARIABLE])
    os.environ["STUDIO_HOME"] = str(home)
    os.environ["STUDIO_ENV_FILE"] = os.devnull
    # No test talks to a broker by accident.
    os.environ["CELERY_BROKER_URL"] = "memory://"
    os.environ["STUDIO_LOG_LEVEL"] = "WARNING"
    os.environ["DJANGO_SETTINGS_MODULE"] = "curation.settings"
    # Two cores and several processes: more threads only get in each other's way.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # Every process the tests start would compile the code anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    return home


TEST_HOME = _prepare_environment()

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def pytest_configure(config: pytest.Config) -> None:
    """Settings that only tests have: quick password hashes and plain static files."""
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.WHITENOISE_AUTOREFRESH = True
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]
    # A busy machine is no failure.
    hypothesis.settings.register_profile(
        "ours", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("ours")


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is loaded stays: the collector need not walk through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take the temporary home away with the process that made it."""
    if os.environ.get("SEEDBED_TEST_OWNER") != str(os.getpid()):
        return
    from curation.studio.database import Hold
    from curation.studio.home import Home

    Hold(Home(TEST_HOME)).wait_until_stopped(patience=30)
    shutil.rmtree(TEST_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[None]:
    """A running PostgreSQL that the settings point at."""
    from django.conf import settings

    if not settings.EMBEDDED_POSTGRES:
        yield
        return
    from curation.studio.database import held
    from curation.studio.home import Home

    # A crash of the machine may lose the tests' data; nothing else changes.
    quick = {
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "shared_buffers": "256MB",
    }
    with held(Home(TEST_HOME), quick):
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, postgresql: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """pytest-django asks for this before it creates the test database: PostgreSQL is there by then.

    Our own is migrated once, by the first of xdist's workers; each takes a copy.
    """
    from django.conf import settings
    from django.db import connection

    if not settings.EMBEDDED_POSTGRES or "PYTEST_XDIST_WORKER" not in os.environ:
        return
    made = TEST_HOME / "migrated"
    with (TEST_HOME / "migrated.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            with django_db_blocker.unblock():
                _migrate_into(MIGRATED)
            made.touch()
    connection.settings_dict["TEST"]["TEMPLATE"] = MIGRATED


def _migrate_into(name: str) -> None:
    """Create a database with every table; nobody stays connected to it, so that it can be copied."""
    from django.conf import settings
    from django.db import connection

    test, own = connection.settings_dict["TEST"], connection.settings_dict["NAME"]
    its_name, test["NAME"] = test["NAME"], name
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    connection.close()
    test["NAME"] = its_name
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = own


#: Made with the database and the same for every test.
KEPT_TABLES = {"django_content_type", "auth_permission"}


@pytest.fixture(scope="session", autouse=True)
def only_what_a_test_wrote_is_deleted() -> Iterator[None]:
    """After a test that commits, the tables with rows are emptied.

    Django truncates every table with all its indexes, which costs more than most tests do; that stays the way on a
    server whose role may not pass over foreign keys and the triggers of what is only ever appended.
    """
    from django.db import connection, transaction
    from django.test import TransactionTestCase

    truncate_all = TransactionTestCase._fixture_teardown

    def empty(case: TransactionTestCase) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')")
            allowed = cursor.fetchone()[0]
        if not allowed:
            truncate_all(case)
            return
        tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
        has_rows = [
            f"SELECT '{one}' WHERE EXISTS (SELECT FROM {one})" for one in tables if one not in KEPT_TABLES
        ]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(has_rows))
            written = [name for (name,) in cursor.fetchall()]
            cursor.execute("SET LOCAL session_replication_role = replica")
            for name in written:
                cursor.execute(f"DELETE FROM {name}")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(TransactionTestCase, "_fixture_teardown", empty)
        yield


@pytest.fixture(autouse=True)
def files_in_a_folder_of_the_test(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Stored files of one test are not seen by the next."""
    from django.conf import settings
    from django.core.files.storage import storages
    from django.test import override_settings

    if not _asks_for_the_database(request):
        yield
        return
    folder = tmp_path_factory.mktemp("files")
    default = settings.STORAGES["default"]
    changed = {
        **settings.STORAGES,
        "default": {**default, "OPTIONS": {**default["OPTIONS"], "location": folder}},
    }
    with override_settings(STORAGES=changed):
        yield
    storages._storages.clear()


@pytest.fixture(autouse=True)
def a_pulse_that_does_not_look(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk's pulse has a connection of its own, which cannot see the rows of a test's open transaction: on a slow
    machine it would take the chunk for lost."""
    if _asks_for_the_database(request):
        monkeypatch.setattr("curation.jobs.run.BEAT_SECONDS", 3600.0)


def _asks_for_the_database(request: pytest.FixtureRequest) -> bool:
    """By a fixture, or by a mark, which leaves no trace among the fixtures' names."""
    marked = request.node.get_closest_marker("django_db") is not None
    return marked or bool({"db", "transactional_db", "live_server"} & set(request.fixturenames))
