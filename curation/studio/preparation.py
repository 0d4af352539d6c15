"""Making the database and the files ready for the studio: the same at the first start and at every other.

Each step finds out whether there is anything to do. They run under a lock in the database, so that two machines on one
database do not prepare it at once.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from curation import env
from curation.studio import migrations
from curation.studio.refusal import Refusal

DEFAULT_ADMIN = "admin@localhost"
_LOCK = 0x5EEDBED


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other studio prepares this database, and keep others waiting."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def prepare(admin: tuple[str, str], say: Callable[[str], None]) -> str | None:
    """All of it but the demonstration; the first admin's password when one was made (see `wanted_admin`)."""
    with alone():
        migrate()
        install_queue()
        made = first_admin(*admin)
    if static_changed():
        say("Collecting static files …")
        collect_static()
    return made


def migrate() -> None:
    """Bring the database's tables up to date. Raises Refusal for one that stopped between migrations that are one now."""
    applied = [name for app, name in MigrationRecorder(connection).applied_migrations() if app == "curation"]
    migrations.refuse_halfway(applied, "The database")
    call_command("migrate", interactive=False, verbosity=0)


def migrate_if_behind() -> None:
    """What a command does first, so that it works before the studio has ever been started."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        with alone():
            migrate()
            install_queue()


def install_queue() -> bool:
    """Install pgmq's SQL when it is the broker and its schema is not there; True when it was installed now."""
    if not settings.QUEUE_IN_DATABASE:
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('pgmq.meta') IS NOT NULL")
        if cursor.fetchone()[0]:
            return False
    from pgmq.install import install_pgmq_from_sql

    install_pgmq_from_sql(dsn=settings.CELERY_BROKER_TRANSPORT_OPTIONS["conn_string"])
    return True


def static_changed() -> bool:
    """Whether a static file has changed since they were collected; never in debugging, which serves the originals."""
    stamp = _static_stamp()
    return not settings.DEBUG and not (
        stamp.is_file() and stamp.read_text(encoding="ascii") == _static_mark()
    )


def collect_static() -> None:
    """Collect, hash and compress the static files."""
    stamp = _static_stamp()
    stamp.unlink(missing_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(_static_mark(), encoding="ascii")


def _static_stamp() -> Path:
    return Path(settings.STATIC_ROOT) / ".collected"


def _static_mark() -> str:
    """A digest of names, sizes and times of all static files: reading them all would take seconds."""
    from django.contrib.staticfiles.finders import get_finders

    digest = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            found = Path(storage.path(name)).stat()  # type: ignore[attr-defined]
            digest.update(f"{name}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def wanted_admin() -> tuple[str, str]:
    """The first site admin's address and password by the environment; an empty password means: make one.

    Raises:
        Refusal: an address that is none, or a password that is too easy.
    """
    from django.contrib.auth.password_validation import validate_password
    from django.core.validators import validate_email

    from curation.models import User

    email = env.text("STUDIO_ADMIN_EMAIL", DEFAULT_ADMIN).lower()
    try:
        validate_email(email)
    except ValidationError:
        raise Refusal(
            f"STUDIO_ADMIN_EMAIL={email} is not an e-mail address, as ada@example.org is."
        ) from None
    password = env.text("STUDIO_ADMIN_PASSWORD")
    if password:
        try:
            validate_password(password, User(email=email))
        except ValidationError as error:
            raise Refusal("STUDIO_ADMIN_PASSWORD is refused. " + " ".join(error.messages)) from None
    return email, password


def first_admin(email: str, password: str) -> str | None:
    """Create the first site admin unless there is one; the password when it was made here, else None.

    An account that exists keeps its password: the environment says how a studio begins, not what people changed since.
    """
    from curation.models import User

    if User.objects.filter(is_superuser=True, is_active=True).exists():
        return None
    made = "" if password else "-".join(secrets.token_hex(3) for _ in range(4))
    found = User.objects.filter(email=email).first()
    if found:
        found.is_superuser = found.is_active = True
        found.set_password(password or made)
        found.save()
    else:
        User.objects.create_superuser(email, password or made)
    return made or None


def ensure_demo() -> None:
    """Create the demonstration project unless it is there, or was archived by somebody who does not want it."""
    from curation.demo.load import ensure_demo as load

    load()


def admin_address() -> str | None:
    """A site admin to sign in as, for the line at the end of the start."""
    from curation.models import User

    found = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    return found.email if found else None
