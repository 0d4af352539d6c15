"""Fetching from addresses: names and types are honoured, and nothing private is reached, by redirect or by a name that changes."""

from __future__ import annotations

import gzip
import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from curation.recipe.ingest import fetch as fetching
from curation.recipe.ingest.fetch import FetchRefused, Rules, fetch, name_of

ALLOWED = Rules(private_hosts=("127.0.0.1",))


@contextmanager
def serving(answers: dict[str, tuple[int, dict[str, str], bytes]]) -> Iterator[tuple[str, list[str]]]:
    """A server on loopback. Gives its address and the paths that were asked for."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            status, headers, body = answers.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_what_is_fetched_has_the_name_and_encoding_that_the_server_states(tmp_path: Path) -> None:
    page = {"Content-Type": "text/html; charset=windows-1251"}
    named = {"Content-Type": "text/csv", "Content-Disposition": 'attachment; filename="../../rows.csv"'}
    answers = {
        "/page.php?x=1": (200, page, "<p>Вода".encode("cp1251")),
        "/export": (200, named, b"a,b\n"),
    } | {
        "/old": (302, {"Location": "/page.php?x=1"}, b""),
        "/packed.jsonl": (200, {"Content-Encoding": "gzip"}, gzip.compress(b"{}")),
    }
    with serving(answers) as (base, _):
        one = fetch(f"{base}/old", tmp_path, ALLOWED)
        assert (one.name, one.charset, one.address) == ("page.php.html", "cp1251", f"{base}/page.php?x=1")
        assert one.path.read_bytes() == "<p>Вода".encode("cp1251")
        assert fetch(f"{base}/export", tmp_path, ALLOWED).name == "rows.csv"
        packed = fetch(f"{base}/packed.jsonl", tmp_path, ALLOWED)
        assert gzip.decompress(packed.path.read_bytes()) == b"{}"
        with pytest.raises(FetchRefused, match="status 404"):
            fetch(f"{base}/gone", tmp_path, ALLOWED)


def test_a_private_address_is_reached_neither_directly_nor_by_a_redirect(tmp_path: Path) -> None:
    with serving({"/inner": (200, {}, b"secret")}) as (inner, seen):
        port = inner.rpartition(":")[2]
        for address in (
            inner,
            f"http://localhost:{port}/inner",
            f"http://[::ffff:127.0.0.1]:{port}/inner",
            f"http://2130706433:{port}/inner",
        ):
            with pytest.raises(FetchRefused):
                fetch(address, tmp_path, Rules())
        # The one that may be asked sends on to the same machine by a name that may not.
        away = {"/": (302, {"Location": f"http://localhost:{port}/inner"}, b"")}
        with serving(away) as (outer, _), pytest.raises(FetchRefused, match="IMPORT_PRIVATE_HOSTS"):
            fetch(f"{outer}/", tmp_path, ALLOWED)
        assert seen == []


def test_a_name_is_judged_by_what_it_resolves_to_as_it_is_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving({"/": (200, {}, b"secret")}) as (base, seen):
        port = int(base.rpartition(":")[2])
        asked: list[str] = []

        def rebinding(host: str, port: int, **kwargs: object) -> list[object]:
            asked.append(host)
            both = ["93.184.216.34", "127.0.0.1"]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in both]

        monkeypatch.setattr(fetching.socket, "getaddrinfo", rebinding)
        with pytest.raises(
            FetchRefused, match=r"rebind.example is 127.0.0.1, which is not on the open internet"
        ):
            fetch(f"http://rebind.example:{port}/", tmp_path, Rules())
        assert asked == ["rebind.example"] and seen == []


def test_size_time_and_redirects_have_limits(tmp_path: Path) -> None:
    long = {"/long": (200, {}, bytes(50_000)), "/said": (200, {"Content-Length": "50000"}, bytes(50_000))}
    with serving(long | {"/round": (302, {"Location": "/round"}, b"")}) as (base, seen):
        small = Rules(private_hosts=("127.0.0.1",), most_bytes=10_000)
        for path in ("/long", "/said"):
            with pytest.raises(FetchRefused, match="larger than"):
                fetch(base + path, tmp_path, small)
        with pytest.raises(FetchRefused, match="redirects more than"):
            fetch(f"{base}/round", tmp_path, ALLOWED)
        assert seen.count("/round") == fetching.REDIRECTS + 1
        with pytest.raises(FetchRefused, match="took longer"):
            fetch(f"{base}/long", tmp_path, Rules(private_hosts=("127.0.0.1",), seconds=-1.0))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("ftp://x.org/a", "Addresses start with"),
        ("https://ada:secret@x.org/", "name or password"),
        ("file:///etc/passwd", "./manage.py load"),
        ("s3://corpora/a.jsonl", "IMPORT_S3_BUCKETS"),
        ("http:///a", "names no host"),
        ("http://x.org:port/", "no address"),
        ("https://name.invalid/", "cannot be fetched"),
    ],
)
def test_what_may_not_be_fetched_is_refused_in_a_sentence(tmp_path: Path, address: str, said: str) -> None:
    with pytest.raises(FetchRefused, match=said):
        fetch(address, tmp_path, Rules())


@pytest.mark.parametrize(
    ("address", "content_type", "name"),
    [
        ("https://x.org/", "text/html; charset=utf-8", "x.org.html"),
        ("https://x.org/a.html?b=c.pdf", "text/html", "a.html"),
        ("https://x.org/a%2Fb%00.py", "text/plain", "a_b_.py"),
        ("https://x.org/paper", "application/pdf", "paper.pdf"),
        ("https://x.org/dump.warc.gz", "application/warc", "dump.warc.gz"),
        ("https://x.org/rows.jsonl", "application/json", "rows.jsonl"),
    ],
)
def test_a_name_gets_the_ending_that_its_content_type_asks_for(
    address: str, content_type: str, name: str
) -> None:
    assert name_of(address, content_type) == name


def test_a_bucket_that_may_be_read_is_and_what_goes_wrong_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = {("corpora", "a b.jsonl"): b"{}"}
    monkeypatch.setattr(fetching, "_object", lambda bucket, key: io.BytesIO(held[bucket, key]))
    one = fetch("s3://corpora/a%20b.jsonl", tmp_path, Rules(buckets=("corpora",)))
    assert (one.name, one.path.read_bytes()) == ("a b.jsonl", b"{}")
    with pytest.raises(FetchRefused, match="cannot be read"):
        fetch("s3://corpora/none.jsonl", tmp_path, Rules(buckets=("*",)))
