"""Where a request may go, and what a key is sent to. Over real HTTP wherever something is sent."""

from __future__ import annotations

import asyncio
import logging
import socket
import traceback

import pytest

from curation.recipe.llm import connect
from curation.recipe.llm.asking import ask
from curation.recipe.llm.client import Remote
from curation.recipe.llm.connect import http_client, resolved
from curation.recipe.llm.errors import CallFailed
from curation.recipe.llm.keys import Key, key_for, origin_of
from curation.recipe.llm.records import Endpoint, Limits, Message, Request
from curation.recipe.llm.retry import Retrying
from curation.recipe.reach import is_public
from tests.llm_server import Reply, serving

SECRET = "sk-not-to-be-seen-0123456789"
HELLO = Request(messages=(Message("user", "hello"),))


class Rows:
    """A ledger in memory."""

    def __init__(self):
        self.entries = []

    async def recall(self, key, request):
        return None

    async def hold(self, most):
        return None

    async def commit(self, entry):
        self.entries.append(entry)
        return len(self.entries)


def asked(address, secret="", request=HELLO, rows=None, private_allowed=True, attempts=1, **limits):
    """Ask once, in a loop and a client of its own."""

    async def go():
        endpoint = Endpoint(
            address, "tiny", private_allowed=private_allowed, limits=Limits(**{"seconds": 3, **limits})
        )
        client = Remote(endpoint, secret)
        try:
            retrying = Retrying(attempts=attempts, first=0.01, most=0.02)
            return await ask(request, client, rows or Rows(), lambda answer: answer.text, retrying=retrying)
        finally:
            await client.close()

    return asyncio.run(go())


PRIVATE = [
    *(
        "127.0.0.1",
        "127.8.9.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
    ),
    *(
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "240.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
    ),
    *("ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1"),
    *("2002:7f00:1::", "2002:c0a8:101::", "fe80::1%eth0", "2001:db8::1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_on_the_open_internet_is_told_apart(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101"])
def test_an_address_of_the_open_internet_is_told_apart_too(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "017700000001", "0", "[::1]"]
)
def test_a_private_address_is_refused_however_it_is_written(host):
    with serving() as server:
        with pytest.raises(CallFailed) as refused:
            asked(f"http://{host}:{server.port}/v1", private_allowed=False)
        assert refused.value.name in ("address_refused", "name_not_resolved")
        assert server.seen == []


def test_a_name_is_judged_by_what_it_resolves_to_when_connecting(monkeypatch):
    """The first look finds a public address, the next one loopback: what is connected to is what was judged."""
    with serving() as server:
        answers = iter(["93.184.216.34", "127.0.0.1"])
        seen = []

        async def rebinding(self, host, port, **kwargs):
            seen.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

        monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", rebinding)
        with pytest.raises(CallFailed) as refused:
            asked(f"http://rebind.example:{server.port}/v1", private_allowed=False, seconds=1)
        assert refused.value.name in ("timeout", "connection_refused", "connection_cut")
        with pytest.raises(CallFailed, match="not on the open internet"):
            asked(f"http://rebind.example:{server.port}/v1", private_allowed=False)
        assert server.seen == []


def test_a_name_with_one_private_address_among_public_ones_is_refused(monkeypatch):
    async def both(self, host, port, **kwargs):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("1.1.1.1", "10.0.0.1")]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", both)
    with pytest.raises(CallFailed, match=r"10\.0\.0\.1"):
        asyncio.run(resolved("both.example", 443, False))


def test_a_redirect_is_not_followed_and_carries_no_key():
    with serving() as other:

        def elsewhere(seen, nth):
            return Reply(status=307, body=b"{}", headers={"Location": other.address + "/chat/completions"})

        with serving(elsewhere) as server, pytest.raises(CallFailed) as failed:
            asked(server.address, SECRET)
        assert failed.value.name == "redirected" and other.seen == []


def test_a_proxy_of_the_environment_is_not_used(monkeypatch):
    with serving() as server, serving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("OPENAI_ORG_ID", "org-of-somebody")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody")
        asked(server.address)
        assert proxy.seen == [] and len(server.seen) == 1
        headers = server.seen[0].headers
        assert "org-of-somebody" not in str(headers) and "sk-of-somebody" not in str(headers)


def test_a_key_goes_in_its_header_and_nowhere_else(caplog):
    caplog.set_level(logging.DEBUG)
    key = Key(origin_of("http://127.0.0.1"), SECRET)
    rows = Rows()
    with serving(lambda seen, nth: Reply(status=500, body=b"{}") if nth == 1 else Reply()) as server:
        asked(server.address, SECRET, rows=rows, attempts=2)
        assert {one.headers["authorization"] for one in server.seen} == {f"Bearer {SECRET}"}
        assert SECRET not in str([one.body for one in server.seen])
    client = Remote(Endpoint("http://127.0.0.1:9/v1", "tiny"), SECRET)
    for said in (
        repr(key),
        str(key),
        f"{key!r}",
        repr(rows.entries),
        repr(client),
        str(client.endpoint),
        caplog.text,
    ):
        assert SECRET not in said


def test_no_key_stands_in_an_error_or_its_traceback():
    refusal = Reply(status=401, body=b'{"error": {"message": "bad key"}}')
    with serving(lambda seen, nth: refusal) as server, pytest.raises(CallFailed) as failed:
        asked(server.address, SECRET)
    whole = "".join(traceback.TracebackException.from_exception(failed.value).format())
    assert SECRET not in whole + repr(failed.value) + str(vars(failed.value))
    assert failed.value.__cause__ is None


@pytest.mark.parametrize(
    "address",
    [
        "https://api.example.net/v1",
        "http://api.example.org/v1",
        "https://api.example.org:8443/v1",
        "https://api.example.org.evil.net/v1",
        "https://evil.net/api.example.org/v1",
        "https://API.example.org@evil.net/v1",
    ],
)
def test_a_key_is_for_one_scheme_host_and_port(address):
    keys = {"HOSTED": Key("https://api.example.org:443", SECRET)}
    assert key_for(keys, "HOSTED", "https://API.example.org/v1") == SECRET
    with pytest.raises((CallFailed, ValueError)) as refused:
        key_for(keys, "HOSTED", address)
    assert SECRET not in str(refused.value)


def test_an_unknown_key_is_named_with_the_variable_that_would_set_it():
    with pytest.raises(CallFailed, match="set LLM_KEY_OTHER"):
        key_for({}, "OTHER", "https://api.example.org/v1")
    assert key_for({}, "", "https://api.example.org/v1") == ""


def test_an_answer_without_end_is_cut_off(monkeypatch):
    monkeypatch.setattr(connect, "MOST_BYTES", 10_000)
    with (
        serving(lambda seen, nth: Reply(content="x" * 50_000)) as server,
        pytest.raises(CallFailed) as failed,
    ):
        asked(server.address)
    assert failed.value.name == "too_large"


def test_a_host_that_is_not_known_and_a_port_that_nobody_serves_are_told_apart():
    with pytest.raises(CallFailed) as unknown:
        asked("http://no-such-host.invalid/v1")
    assert unknown.value.name == "name_not_resolved"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(CallFailed) as closed:
        asked(f"http://127.0.0.1:{port}/v1")
    assert closed.value.name == "connection_refused"


def test_places_of_the_pools_are_free_again_after_answers_and_after_cut_connections():
    def script(asked, times):
        return Reply(cut=True) if "cut" in asked.text else Reply("Yes.")

    async def go(address):
        async with http_client(private_allowed=True, connections=9, seconds=10) as client:

            async def one(at):
                word = "cut" if at % 3 == 0 else "fine"
                body = {"model": "tiny", "messages": [{"role": "user", "content": word}]}
                response = await client.post(f"{address}/chat/completions", json=body)
                return response.status_code

            # More at once than there are connections: those that come later wait for a place.
            said = await asyncio.gather(*(one(at) for at in range(30)), return_exceptions=True)
            return said, client._transport.busy

    with serving(script) as server:
        said, busy = asyncio.run(go(server.address))
    assert said.count(200) == 20 and sum(isinstance(one, Exception) for one in said) == 10
    assert busy == [0, 0, 0]
