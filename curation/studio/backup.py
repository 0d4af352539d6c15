"""One archive with everything a studio knows: the database and its stored files.

The archive is a tar: `database.dump` (pg_dump's custom format), `files/…`, and at its end `manifest.json` with the
version that made it and the size and SHA-256 of every entry. The message queue is left out: messages only announce what
the jobs' rows say. So is the secret key: people sign in again after a restore into a new home.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage, default_storage
from django.core.management import call_command
from django.db import connection

from curation.studio import migrations
from curation.studio.cluster import binaries
from curation.studio.refusal import Refusal

FORMAT = 1
DATABASE_ENTRY = "database.dump"
FILES = "files/"
MANIFEST = "manifest.json"
BLOCK = 2**20


@dataclass(frozen=True)
class Entry:
    """One entry of the archive: its path in it, its size in bytes, its SHA-256."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What an archive says of itself."""

    format: int
    version: str
    made: str
    migrations: list[str]
    entries: list[Entry]

    @classmethod
    def read(cls, raw: bytes) -> "Manifest":
        """From the archive's JSON."""
        said: dict[str, Any] = json.loads(raw)
        return cls(**said | {"entries": [Entry(**entry) for entry in said["entries"]]})


# ── making one ──


def backup(target: Path) -> Manifest:
    """Write the archive to `target`, readable by its owner alone.

    The database comes first: files are never changed once stored, so every file that the dump names is still there when
    the files are copied.

    Raises:
        Refusal: the target exists, or a tool is missing or fails.
    """
    if target.exists():
        raise Refusal(f"{target} exists already. Choose another name, or remove it.")
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            manifest = _write(file, target.parent)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return manifest


def _write(file: IO[bytes], folder: Path) -> Manifest:
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".dump-") as dump:
            _run(
                _tool("pg_dump"),
                "--format=custom",
                "--no-owner",
                "--exclude-schema=pgmq",
                f"--file={dump.name}",
            )
            entries = [_add(archive, DATABASE_ENTRY, File(dump), os.path.getsize(dump.name))]
        entries.extend(
            _add(archive, FILES + name, default_storage.open(name), default_storage.size(name))
            for name in _stored(default_storage)
        )
        manifest = Manifest(
            FORMAT,
            settings.VERSION,
            datetime.now(UTC).isoformat(timespec="seconds"),
            _applied_migrations(),
            entries,
        )
        raw = json.dumps(asdict(manifest), indent=1).encode()
        _add(archive, MANIFEST, ContentFile(raw), len(raw))
    return manifest


def _add(archive: tarfile.TarFile, path: str, content: File, size: int) -> Entry:
    """Stream one entry into the archive and take its checksum on the way."""
    with content:
        hashed = _Hashed(content)
        info = tarfile.TarInfo(path)
        info.size, info.mode = size, 0o600
        archive.addfile(info, hashed)  # type: ignore[arg-type]
    return Entry(path, size, hashed.digest.hexdigest())


class _Hashed:
    """A reader that keeps the SHA-256 of what was read through it."""

    def __init__(self, content: File) -> None:
        self.content = content
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data: bytes = self.content.read(size)
        self.digest.update(data)
        return data


def _stored(storage: Storage, folder: str = "") -> Iterator[str]:
    """The names of all stored files, in a fixed order."""
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:
        return
    prefix = f"{folder}/" if folder else ""
    for name in sorted(files):
        yield prefix + name
    for name in sorted(folders):
        yield from _stored(storage, prefix + name)


def _applied_migrations() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM django_migrations WHERE app = 'curation' ORDER BY name")
        return [name for (name,) in cursor.fetchall()]


# ── reading one back ──


def restore(source: Path, *, replace: bool, say: Callable[[str], None]) -> Manifest:
    """Put the archive's database and files in the place of this studio's.

    The whole archive is checked before anything is changed. New files come first, then the database in one transaction,
    then files that nobody names any more go: wherever it is interrupted, the studio is the old one or the new one.

    Raises:
        Refusal: the archive is damaged or too new, the studio is in use, or it is not empty and `replace` is not set.
    """
    manifest = _verified(source)
    _refuse_newer(manifest)
    migrations.refuse_halfway(manifest.migrations, "The backup's database")
    _refuse_in_use()
    if not replace and _has_rows():
        raise Refusal(
            "This studio is not empty. `restore FILE --replace` puts the backup in the place of everything in it; "
            "or restore into a new STUDIO_HOME."
        )
    say(
        f"The backup of {manifest.made} (version {manifest.version}) is whole; stored files: {len(manifest.entries) - 1:,}."
    )
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=source.parent) as folder:
        dump = Path(folder) / DATABASE_ENTRY
        _restore_files(source, dump)
        say("Restoring the database …")
        _restore_database(dump)
    call_command("migrate", interactive=False, verbosity=0)
    kept = {entry.path.removeprefix(FILES) for entry in manifest.entries}
    for name in list(_stored(default_storage)):
        if name not in kept:
            default_storage.delete(name)
    return manifest


def _verified(source: Path) -> Manifest:
    """The manifest, after every entry was found as it says."""
    found: dict[str, tuple[int, str]] = {}
    raw = b""
    try:
        with tarfile.open(source, "r:") as archive:
            for info in archive:
                content = archive.extractfile(info)
                if content is None:
                    raise Refusal(
                        f"{source} holds {info.name}, which is no file. It is not a backup of a studio."
                    )
                if info.name == MANIFEST:
                    raw = content.read()
                else:
                    found[info.name] = (info.size, hashlib.file_digest(content, "sha256").hexdigest())  # type: ignore[arg-type]
        manifest = Manifest.read(raw)
    except (tarfile.TarError, ValueError, KeyError, TypeError, EOFError):
        raise Refusal(
            f"{source} is not a whole backup of a studio: it ends early, or is something else."
        ) from None
    except OSError as error:
        raise Refusal(f"{source} cannot be read: {error.strerror}.") from None
    wanted = {entry.path: (entry.size, entry.sha256) for entry in manifest.entries}
    if found != wanted:
        damaged = sorted({path for path, _ in found.items() ^ wanted.items()})
        raise Refusal(
            f"{source} is damaged: {damaged[0]} is not as its manifest says ({len(damaged):,} such entries)."
        )
    return manifest


def _refuse_newer(manifest: Manifest) -> None:
    if manifest.format > FORMAT or not set(manifest.migrations) <= migrations.known():
        raise Refusal(
            f"The backup was made by a newer studio ({manifest.version}); this is {settings.VERSION}. Update this one first."
        )


def _refuse_in_use() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        (others,) = cursor.fetchone()
    if others:
        raise Refusal(
            f"The database is in use by {others:,} other connection{'s' * (others > 1)}. Stop the studio and other commands first."
        )


def _has_rows() -> bool:
    tables = connection.introspection.table_names()
    with connection.cursor() as cursor:
        for table in ("curation_project", "curation_user"):
            if table in tables:
                cursor.execute(f"SELECT EXISTS (SELECT FROM {connection.ops.quote_name(table)})")
                if cursor.fetchone()[0]:
                    return True
    return False


def _restore_files(source: Path, dump: Path) -> None:
    with tarfile.open(source, "r:") as archive:
        for info in archive:
            content = archive.extractfile(info)
            assert content is not None
            if info.name == DATABASE_ENTRY:
                with dump.open("wb") as file:
                    shutil.copyfileobj(content, file, BLOCK)
            elif info.name.startswith(FILES):
                name = info.name.removeprefix(FILES)
                # A name stands for a content, but an interrupted restore may have left half of it.
                if default_storage.exists(name):
                    default_storage.delete(name)
                default_storage.save(name, File(content, name=name))


def _restore_database(dump: Path) -> None:
    """In one transaction: empty the database, then read the dump into it."""
    script = dump.with_suffix(".sql")
    with script.open("wb") as file:
        # A new database has a "public" schema and the dump says nothing of it; the queue is installed anew.
        file.write(
            b"DROP SCHEMA IF EXISTS pgmq CASCADE;\nDROP SCHEMA public CASCADE;\nCREATE SCHEMA public;\n"
        )
        file.flush()
        _run(
            _tool("pg_restore"),
            "--no-owner",
            "--no-privileges",
            "--file=-",
            str(dump),
            output=file,
            connect=False,
        )
    connection.close()
    _run(
        _tool("psql"),
        *("--single-transaction", "--set=ON_ERROR_STOP=1", "--quiet", "--no-psqlrc", "--output=/dev/null"),
        f"--file={script}",
    )


# ── PostgreSQL's own tools ──


def _tool(name: str) -> str:
    """The full path of a PostgreSQL program that is not older than the server: the wheel's, or one on PATH."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000")
        (server,) = cursor.fetchone()
    bundled = binaries()
    if bundled.major >= server:
        return bundled.path(name)
    found = shutil.which(name)
    if found is None:
        raise Refusal(f"The server is PostgreSQL {server}: {name} of that version is needed on PATH.")
    return found


def _run(program: str, *arguments: str, output: IO[bytes] | None = None, connect: bool = True) -> None:
    """Run one program against the studio's database; the password goes by environment, not by argument."""
    database = settings.DATABASES["default"] | {"NAME": connection.settings_dict["NAME"]}
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "PGHOST": database["HOST"],
        "PGPORT": database["PORT"],
        "PGUSER": database["USER"],
        "PGPASSWORD": database["PASSWORD"],
        "PGDATABASE": database["NAME"],
        **{
            f"PG{name.upper()}": value
            for name, value in database["OPTIONS"].items()
            if isinstance(value, str)
        },
    }
    if not connect:
        environment = {name: value for name, value in environment.items() if not name.startswith("PG")}
    ran = subprocess.run(
        [program, *arguments],
        env={name: value for name, value in environment.items() if value},
        stdin=subprocess.DEVNULL,
        stdout=output or subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    if ran.returncode:
        raise Refusal(f"{Path(program).name} failed: {ran.stderr.decode('utf-8', 'replace').strip()}")
