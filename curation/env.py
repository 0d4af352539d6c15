"""Typed readers of environment variables that fail loudly, naming the variable and showing a good value.

An empty variable counts as not set: `docker compose` passes unset variables on as empty strings.
"""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from curation.recipe.llm.keys import Key, origin_of


class Malformed(Exception):
    """An environment variable has a value that the studio cannot use."""

    def __init__(self, name: str, wanted: str, example: str) -> None:
        super().__init__(f"{name} must be {wanted}, for example {name}={example}")


def read_file(path: Path) -> None:
    """Take variables from a `.env` file (`NAME=value` lines); what the environment already has wins."""
    if not path.is_file():
        return
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        line = raw.strip().removeprefix("export ").strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip().isidentifier():
            raise Malformed(f"{path.name} line {number}", "NAME=value or a # comment", "8000")
        os.environ.setdefault(name.strip(), _unquoted(value.strip()))


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value.partition(" #")[0].rstrip()


def text(name: str, default: str = "") -> str:
    """The variable as it is, without surrounding white space."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool = False) -> bool:
    """A yes or no: 1, true, yes, on or 0, false, no, off."""
    value = text(name).lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise Malformed(name, "yes or no", "yes")


def number(name: str, default: int, *, least: int, most: int) -> int:
    """A whole number between `least` and `most`, both included."""
    value = text(name)
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
        raise Malformed(name, f"a whole number from {least:,} to {most:,}", str(default))
    return int(value)


def words(name: str, default: list[str] | None = None) -> list[str]:
    """A list separated by commas."""
    return [word.strip() for word in text(name).split(",") if word.strip()] or list(default or [])


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """One of a few words."""
    value = text(name, default)
    if value not in allowed:
        raise Malformed(name, "one of " + ", ".join(allowed), default)
    return value


def folder(name: str, default: Path) -> Path:
    """A folder as an absolute path; it need not exist yet."""
    value = text(name)
    return Path(os.path.abspath(os.path.expanduser(value))) if value else default


def origin(name: str, default: str) -> str:
    """An address of a site: scheme, host and maybe a port, with nothing after it."""
    value = text(name, default).rstrip("/")
    parts = urlsplit(value)
    try:
        good = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or True)
    except ValueError:
        good = False
    if not good or parts.path or parts.query or parts.fragment or parts.username:
        raise Malformed(name, "an http or https address without a path", "https://studio.example.org")
    return value


def postgres(name: str) -> dict[str, object] | None:
    """A PostgreSQL address as a Django database: `postgresql://user:password@host:5432/name?sslmode=require`.

    The query's pairs are passed on to libpq. None when the variable is not set.
    """
    value = text(name)
    if not value:
        return None
    example = "postgresql://seedbed:password@localhost:5432/seedbed"
    parts = urlsplit(value)
    try:
        port = parts.port
    except ValueError:
        raise Malformed(name, "a PostgreSQL address whose port is a number", example) from None
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise Malformed(name, "a PostgreSQL address with a database name", example)
    options: dict[str, str] = {}
    for pair in filter(None, parts.query.split("&")):
        key, equals, setting = pair.partition("=")
        if not equals:
            raise Malformed(
                name, "a PostgreSQL address whose options are name=value", example + "?sslmode=require"
            )
        options[unquote(key)] = unquote(setting)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        # libpq takes a socket folder as `?host=/run/postgresql`; Django wants it in HOST.
        "HOST": options.pop("host", unquote(parts.hostname or "")),
        "PORT": str(port or ""),
        "OPTIONS": options,
    }


def address(name: str, default: str, schemes: tuple[str, ...], example: str) -> str:
    """An address with one of the given schemes, such as a broker's or a store's."""
    value = text(name, default)
    if value and (urlsplit(value).scheme not in schemes or "://" not in value):
        raise Malformed(
            name, "an address that starts with " + " or ".join(f"{s}://" for s in schemes), example
        )
    return value


def keys(prefix: str) -> dict[str, Key]:
    """Keys of language models by name: each variable `<prefix>NAME` holds the one address it may be sent to, and the key.

    Messages never repeat a value.
    """
    found: dict[str, Key] = {}
    for variable in sorted(os.environ):
        name, value = variable.removeprefix(prefix), text(variable)
        if not variable.startswith(prefix) or not name or not value:
            continue
        origin, _, secret = value.partition(" ")
        found[name] = _key(variable, origin, secret.strip())
    return found


def key(name: str, address: str) -> Key | None:
    """A key that goes to one address alone; None when the variable is not set."""
    secret = text(name)
    if not secret:
        return None
    if not address:
        raise Malformed(name, "set together with the address it belongs to, LLM_BASE_URL", "sk-...")
    return _key(name, address, secret)


def _key(variable: str, address: str, secret: str) -> Key:
    example = "https://api.example.org sk-..."
    try:
        origin = origin_of(address)
    except ValueError:
        raise Malformed(variable, "the address it may be sent to, a space, and the key", example) from None
    if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise Malformed(variable, "the address it may be sent to, a space, and the key", example)
    return Key(origin, secret)
