"""When to try again, how fast to ask, what a question costs and under which key its answer is found."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from curation.recipe.llm import cost
from curation.recipe.llm.errors import ERRORS, of_status
from curation.recipe.llm.key import key_of
from curation.recipe.llm.pace import Bucket, Pace
from curation.recipe.llm.records import Endpoint, Limits, Message, Price, Request, Sampling, Usage
from curation.recipe.llm.retry import Retrying, retry_after
from curation.recipe.text import tokens

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
ENDPOINT = Endpoint("https://api.example.org/v1", "tiny", key_name="HOSTED")
REQUEST = Request(messages=(Message("user", "hello"),), sampling=Sampling(temperature=0.5))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT"}, 30),
        ({"retry-after": "Sun, 22 Nov 2026 11:00:00 GMT"}, 0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({}, None),
    ],
)
def test_how_long_a_server_asks_to_wait(headers, seconds):
    assert retry_after(headers, NOW) == seconds


def test_waits_grow_are_capped_and_heed_the_server():
    retrying = Retrying(attempts=6, first=1, most=5, patience=60)
    assert all(0 <= retrying.wait(1, None) <= 1 for _ in range(50))
    assert all(0 <= retrying.wait(5, None) <= 5 for _ in range(50))
    assert max(retrying.wait(5, None) for _ in range(200)) > 1
    assert all(20 <= retrying.wait(1, 20) <= 21.25 for _ in range(50))
    assert retrying.wait(6, None) is None
    assert retrying.wait(1, 61) is None


@pytest.mark.parametrize(
    ("status", "body", "name"),
    [
        (429, {"error": {"code": "insufficient_quota", "message": "no credit"}}, "out_of_credit"),
        (429, {"error": {"message": "slow"}}, "rate_limited"),
        (400, {"error": "the request exceeds the maximum context length of 4096"}, "context_too_long"),
        (400, {"object": "error", "message": "maximum model length is 512"}, "context_too_long"),
        (400, "bad", "bad_request"),
        (404, {"detail": "Not Found"}, "not_found"),
        (302, "", "redirected"),
        (599, "", "server_error"),
        (409, None, "refused_status"),
    ],
)
def test_statuses_and_codes_have_names(status, body, name):
    assert of_status(status, body)[0] == name


def test_only_what_is_named_so_is_tried_again():
    transient = {name for name, one in ERRORS.items() if one.transient}
    assert transient == {
        *("rate_limited", "server_error", "bad_gateway", "unavailable", "gateway_timeout", "overloaded"),
        *("timeout", "connection_cut", "connection_refused", "name_not_resolved", "garbled"),
    }


def test_a_429_halves_what_is_in_flight_once_and_answers_bring_it_back():
    now = [100.0]
    pace = Pace(16, clock=lambda: now[0])
    began = now[0]
    now[0] += 1
    for _ in range(10):
        pace.slow_down(began, None)  # all that were in flight when the first was told so
    assert pace.allowed == 8
    pace.slow_down(now[0] + 0.5, None)
    assert pace.allowed == 4
    for _ in range(4):
        pace.answered()
    assert 4.8 < pace.allowed < 5.1
    for _ in range(500):
        pace.answered()
    assert pace.allowed == 16


def test_no_more_than_the_ceiling_are_in_flight_and_nobody_is_forgotten():
    async def go():
        pace, most, here = Pace(3), 0, 0

        async def one(at):
            nonlocal most, here
            async with pace.turn(10):
                here += 1
                most = max(most, here)
                try:
                    await asyncio.sleep(0.001)
                finally:
                    here -= 1

        tasks = [asyncio.create_task(one(at)) for at in range(40)]
        await asyncio.sleep(0.002)
        for task in tasks[5:15]:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert pace.in_flight == 0
        return most, sum(one is None for one in done)

    most, through = asyncio.run(asyncio.wait_for(go(), 10))
    assert most == 3 and through >= 30


def test_a_limit_by_the_minute_is_kept():
    now = [0.0]
    bucket = Bucket(60, lambda: now[0])
    waits = [bucket.take(1) for _ in range(20)]
    assert waits[:10] == [0.0] * 10  # a burst of a sixth of a minute's worth
    assert waits[-1] == pytest.approx(9.0, abs=1.1)
    assert Bucket(None, lambda: 0.0).take(10**9) == 0.0


def test_money_is_by_the_million_tokens_and_unknown_without_a_price():
    assert cost.money(Price(3, 15), Usage(1_000_000, 100_000)) == pytest.approx(4.5)
    assert cost.money(Price(), Usage(10, 10)) is None
    assert cost.money(Price(0.5, None), Usage(2_000_000, 7)) == 1.0


@pytest.mark.parametrize(
    "text", ["word " * 200, "水は摂氏百度で沸騰する。" * 20, "Привет, мир. " * 50, "a1b2!?" * 99]
)
def test_an_estimate_of_tokens_errs_to_the_dear_side(text):
    assert cost.tokens_in(text) >= tokens.count([text])[0] * 0.9


CHANGES = {
    "another model": (replace(ENDPOINT, model="other"), REQUEST),
    "another address": (replace(ENDPOINT, address="https://api.example.net/v1"), REQUEST),
    "another kind": (replace(ENDPOINT, kind="completion"), REQUEST),
    "other words": (ENDPOINT, replace(REQUEST, messages=(Message("user", "hullo"),))),
    "another role": (ENDPOINT, replace(REQUEST, messages=(Message("system", "hello"),))),
    "raw": (ENDPOINT, replace(REQUEST, messages=(), prompt="hello")),
    "tokens": (ENDPOINT, replace(REQUEST, messages=(), prompt_ids=(1, 2))),
    "temperature": (ENDPOINT, replace(REQUEST, sampling=Sampling(temperature=0.6))),
    "length": (ENDPOINT, replace(REQUEST, sampling=Sampling(temperature=0.5, most_tokens=9))),
    "schema": (ENDPOINT, replace(REQUEST, schema={"type": "object"})),
    "sample": (ENDPOINT, replace(REQUEST, sample=1)),
    "again": (ENDPOINT, replace(REQUEST, again=1)),
}


def test_everything_that_affects_an_answer_is_in_its_key_and_nothing_else():
    keys = {name: key_of(*both) for name, both in CHANGES.items()} | {"itself": key_of(ENDPOINT, REQUEST)}
    assert len(set(keys.values())) == len(keys)
    same = replace(
        ENDPOINT,
        key_name="OTHER",
        price=Price(1, 2),
        limits=Limits(3),
        private_allowed=True,
        address=ENDPOINT.address + "/",
    )
    assert key_of(same, REQUEST) == keys["itself"]
