"""Fetching material from an address: http(s), S3 or a file, within limits of size and time. A way in is one line of `WAYS`.

Over HTTP every connection is judged as it is made (`recipe.reach`), also those that redirects and changing names lead to.
Buckets are reached with the studio's own credentials, so only those that a site admin named may be asked for by others.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from curation.recipe.ingest.content_type import CHARSET, known_charset
from curation.recipe.ingest.found import ADDRESS
from curation.recipe.ingest.limits import MIB, readable_bytes
from curation.recipe.reach import NotPublic, judged, names

if TYPE_CHECKING:
    import httpx2

REDIRECTS = 5
ADDRESSED = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class FetchRefused(Exception):
    """An address that is not fetched, said in a sentence for the person who gave it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be fetched. `private_hosts` may be at private addresses (see `reach.names`); `buckets` may be read, `*` all."""

    private_hosts: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    local_files: bool = False
    most_bytes: int = 256 * MIB
    seconds: float = 60.0
    silence: float = 20.0  # seconds without a byte


@dataclass(frozen=True, slots=True)
class Fetched:
    """`name` chooses the reader; `address` is where it came from in the end; `charset` is what HTTP stated of its text."""

    path: Path
    name: str
    address: str
    charset: str = ""


def is_address(text: str) -> bool:
    """Whether somebody means an address rather than a path."""
    return bool(ADDRESSED.match(text))


def fetch(address: str, folder: Path, rules: Rules) -> Fetched:
    """Write what an address holds into a new file in `folder`. Raises FetchRefused."""
    address = address.strip()
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        parts.port  # noqa: B018  raises for what is no port
    except ValueError as error:
        raise FetchRefused(f"{address[:200]!r} is no address: {error}.") from None
    if parts.username or parts.password:
        raise FetchRefused("The address holds a name or password, which would be stored. Leave them out.")
    if len(address) > ADDRESS:
        raise FetchRefused(f"The address is longer than {ADDRESS:,} characters.")
    way = WAYS.get(parts.scheme.lower())
    if way is None:
        raise FetchRefused(
            f"Addresses start with {', '.join(f'{scheme}://' for scheme in WAYS)}; this one with {parts.scheme or 'none'}."
        )
    if not host and parts.scheme != "file":
        raise FetchRefused(f"{address[:200]!r} names no host.")
    path = folder / f"fetched-{len(os.listdir(folder))}"
    with open(path, "xb") as target:
        return way(address, target, path, rules)


# HTTP


def _http(address: str, target: IO[bytes], path: Path, rules: Rules) -> Fetched:
    import httpx2

    ends = time.monotonic() + rules.seconds
    try:
        with _client(rules) as client, client.stream("GET", address) as response:
            if response.status_code != 200:
                raise FetchRefused(f"{response.url} answered with status {response.status_code}.")
            packed = response.headers.get("content-encoding", "identity").strip().lower()
            if packed not in (
                "",
                "identity",
                "gzip",
            ):  # gzip is unpacked when the file is read, within its limits
                raise FetchRefused(f"{response.url} came packed ({packed[:40]}), which was not asked for.")
            stated = response.headers.get("content-length", "")
            if stated.isdigit() and int(stated) > rules.most_bytes:
                raise FetchRefused(_too_large(int(stated), rules))
            _write(response.iter_raw(MIB), target, rules, ends)
            kind = response.headers.get("content-type", "")
            found = CHARSET.search(kind)
            own = _named(response.headers.get("content-disposition", "")) or str(response.url)
            return Fetched(
                path,
                name_of(own, kind),
                str(response.url)[:ADDRESS],
                known_charset(found[1]) if found else "",
            )
    except NotPublic as error:
        raise FetchRefused(f"{error} A site admin can allow its host in IMPORT_PRIVATE_HOSTS.") from None
    except httpx2.TooManyRedirects:
        raise FetchRefused(f"{address} redirects more than {REDIRECTS} times.") from None
    except httpx2.TimeoutException:
        raise FetchRefused(f"{address} said nothing for {rules.silence:g} seconds.") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        words = " ".join(str(error).split())[:200] or type(error).__name__
        raise FetchRefused(f"{address} cannot be fetched: {words}.") from None


def _client(rules: Rules) -> httpx2.Client:
    """Follows a few redirects and connects only to what was judged: no proxies of the environment, no cookies."""
    import httpcore2
    import httpx2

    class Judged(httpcore2.NetworkBackend):
        def __init__(self) -> None:
            self.inner = httpcore2.SyncBackend()

        def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,
            local_address: str | None = None,
            socket_options: Iterable[Any] | None = None,
        ) -> httpcore2.NetworkStream:
            failure: Exception = OSError("it has no address")
            for address in resolved(host, port, rules):
                try:
                    return self.inner.connect_tcp(address, port, timeout, local_address, socket_options)
                except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                    failure = error
            raise failure

        def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore2.NetworkStream:
            raise OSError("a socket in the file system is no address")

        def sleep(self, seconds: float) -> None:
            time.sleep(seconds)

    transport = httpx2.HTTPTransport(trust_env=False)
    transport._pool._network_backend = Judged()
    return httpx2.Client(
        transport=transport,
        trust_env=False,
        follow_redirects=True,
        max_redirects=REDIRECTS,
        timeout=httpx2.Timeout(rules.silence, connect=10.0),
        headers={"Accept-Encoding": "identity", "User-Agent": "Seedbed"},
    )


def resolved(host: str, port: int, rules: Rules) -> list[str]:
    """The addresses of a host that may be connected to. Raises NotPublic, and OSError for a name that nobody knows."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise OSError(f"the name {host} is not known ({error})") from None
    return judged(host, (str(one[4][0]) for one in found), names(host, rules.private_hosts))


# Everything else


def _bucket(address: str, target: IO[bytes], path: Path, rules: Rules) -> Fetched:
    parts = urlsplit(address)
    if "*" not in rules.buckets and parts.netloc not in rules.buckets:
        raise FetchRefused(
            f"The bucket {parts.netloc} may not be read from here. A site admin can allow it in IMPORT_S3_BUCKETS."
        )
    try:
        with _object(parts.netloc, unquote(parts.path.lstrip("/"))) as source:
            _write(iter(lambda: source.read(MIB), b""), target, rules, time.monotonic() + rules.seconds)
    except ImportError:
        raise FetchRefused(
            "Addresses of S3 need more packages: .venv/bin/pip install -r requirements-s3.txt"
        ) from None
    except FetchRefused:
        raise
    except Exception as error:  # botocore makes its exceptions at run time
        words = " ".join(str(error).split())[:200] or type(error).__name__
        raise FetchRefused(f"{address} cannot be read: {words}.") from None
    return Fetched(path, name_of(address, ""), address)


def _object(bucket: str, key: str) -> Any:
    """An object as a stream, with the credentials of AWS's own variables or files; without any, as the public reads it."""
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    session = boto3.Session()
    signing = {} if session.get_credentials() else {"config": Config(signature_version=UNSIGNED)}
    return session.client("s3", **signing).get_object(Bucket=bucket, Key=key)["Body"]


def _local(address: str, target: IO[bytes], path: Path, rules: Rules) -> Fetched:
    if not rules.local_files:
        raise FetchRefused("Files of the studio's machine are imported there, by ./manage.py load.")
    own = Path(unquote(urlsplit(address).path))
    try:
        with open(own, "rb") as source:
            _write(iter(lambda: source.read(MIB), b""), target, rules, time.monotonic() + rules.seconds)
    except OSError as error:
        raise FetchRefused(f"{address} cannot be read: {(error.strerror or str(error)).lower()}.") from None
    return Fetched(path, own.name, address)


WAYS: dict[str, Callable[[str, IO[bytes], Path, Rules], Fetched]] = {
    "https": _http,
    "http": _http,
    "s3": _bucket,
    "file": _local,
}


def _write(pieces: Iterator[bytes], target: IO[bytes], rules: Rules, ends: float) -> None:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > rules.most_bytes:
            raise FetchRefused(_too_large(size, rules))
        if time.monotonic() > ends:
            raise FetchRefused(
                f"It took longer than {rules.seconds:g} seconds; {readable_bytes(size)} had come by then."
            )
        target.write(piece)


def _too_large(size: int, rules: Rules) -> str:
    return f"It is larger than {readable_bytes(rules.most_bytes)}, the limit here. Use ./manage.py load on the studio's machine."


# Names

#: The ending that a content type asks for. A type that is not here leaves the name as it is.
ENDINGS = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/pdf": ".pdf",
    "text/markdown": ".md",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/json": ".json",
    "application/jsonl": ".jsonl",
    "application/x-ndjson": ".jsonl",
    "application/epub+zip": ".epub",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/x-ipynb+json": ".ipynb",
    "application/warc": ".warc",
    "application/vnd.apache.parquet": ".parquet",
}
SAME = {
    ".htm": ".html",
    ".xhtml": ".html",
    ".markdown": ".md",
    ".ndjson": ".jsonl",
    ".jsonl": ".json",
    ".ipynb": ".json",
}
PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip", ".tar", ".tgz")


def name_of(address: str, content_type: str) -> str:
    """The last part of an address or path, with the ending that its content type asks for, where that says more."""
    parts = urlsplit(address)
    name = unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.hostname or "page"
    name = re.sub(r"[\x00-\x1f/\\]", "_", name)[-200:]
    ending = ENDINGS.get(content_type.partition(";")[0].strip().lower(), "")
    own = os.path.splitext(name)[1].lower()
    if not ending or own in (ending, *PACKED) or SAME.get(own) == ending:
        return name
    return name + ending


def _named(disposition: str) -> str:
    """The file name that a server suggests."""
    found = re.search(r"filename\*\s*=\s*(?:utf-8|iso-8859-1)''([^;\s]{1,300})", disposition, re.IGNORECASE)
    if found:
        return unquote(found[1]).rpartition("/")[2]
    found = re.search(r'filename\s*=\s*"?([^";]{1,300})', disposition, re.IGNORECASE)
    return found[1].strip().rpartition("/")[2] if found else ""
