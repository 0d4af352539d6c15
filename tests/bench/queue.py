"""`queue`: eight people on one queue of 100,000 items, over HTTP against a whole running studio.

ours = p95 of a claim in ms, from request to response at the client, each person thinking for a second.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from statistics import quantiles
from typing import Any

from tests.running import CHECKOUT, Studio, a_studio, free_port

ITEMS = 100_000
PEOPLE = 8
THINKING = 1.0
SECONDS = 40.0
FLAT_OUT_SECONDS = 15.0

FILL = """
WITH extraction AS (SELECT e.id, e.document_id FROM curation_extraction e ORDER BY id DESC LIMIT 1),
passages AS (
    INSERT INTO curation_passage (project_id, document_id, extraction_id, ordinal, start, "end", heading, text,
                                  text_sha256, tokens, language)
    SELECT %(project)s, extraction.document_id, extraction.id, n, 0, 1000, '',
           repeat(md5(n::text) || ' ', 30) || n, encode(sha256(n::text::bytea), 'hex'), 200, 'en'
      FROM extraction, generate_series(1, %(items)s) AS n
    RETURNING id, text_sha256, ordinal
), seeds AS (
    INSERT INTO curation_seed (project_id, passage_id, text_sha256)
    SELECT %(project)s, id, text_sha256 FROM passages RETURNING id
), items AS (
    INSERT INTO curation_item (queue_id, seed_id, position, wanted)
    SELECT %(queue)s, id, row_number() OVER (ORDER BY id), 1 FROM seeds RETURNING id, position
)
INSERT INTO curation_slot (item_id, queue_id, number, position)
SELECT id, %(queue)s, 1, position FROM items
"""


def queue() -> dict[str, Any]:
    with a_studio("--no-demo") as studio:
        os.environ.update(studio.environment)
        import django

        django.setup()
        queue_uuid, slug, tokens = _prepare()
        base = "/api/v1"
        thinking = _sit(studio.port, base, queue_uuid, tokens, THINKING, SECONDS)
        flat_out = _sit(studio.port, base, queue_uuid, tokens, 0.0, FLAT_OUT_SECONDS)
        lists = _lists(studio, slug)
        peer = _peer(studio, queue_uuid, tokens)
    return {
        "name": "queue",
        "ours": thinking["claim"]["p95"],
        "unit": "ms, p95 of claim",
        "peer": peer["p95"],
        "peer_name": "the ORM's random next item without a lease, same rows and server",
        "n": ITEMS,
        "details": {
            "people": PEOPLE,
            "thinking_s": THINKING,
            **thinking,
            "flat_out": {
                **flat_out,
                "decisions_per_second": round(flat_out["decided"] / FLAT_OUT_SECONDS, 1),
            },
            "lists": lists,
            "peer": peer,
        },
    }


def _prepare() -> tuple[str, str, list[str]]:
    from django.db import connection

    from curation.models import ApiToken
    from tests import factories as make

    project = make.a_project("bench")
    make.a_document(project, "A document of many passages. " * 40)
    queue = make.a_queue(project, "seeds")
    people = [make.a_member(project, "manager") for _ in range(PEOPLE)]
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"project": project.pk, "queue": queue.pk, "items": ITEMS})
        cursor.execute("ANALYZE")
    return str(queue.uuid), project.slug, [ApiToken.issue(person, "bench")[1] for person in people]


def _spread(times: list[float]) -> dict[str, float]:
    cuts = quantiles(times, n=100)
    return {"p50": round(cuts[49], 1), "p95": round(cuts[94], 1), "p99": round(cuts[98], 1), "n": len(times)}


def _sit(
    port: int, base: str, queue_uuid: str, tokens: list[str], thinking: float, seconds: float
) -> dict[str, Any]:
    """Everybody claims and decides until the time is over; latencies in ms at the client."""
    claims: list[float] = []
    decides: list[float] = []
    handed: list[str] = []
    errors: list[str] = []
    end = time.monotonic() + seconds

    def person(token: str, number: int) -> None:
        chance = random.Random(number)
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

        def post(path: str, body: dict[str, Any]) -> tuple[int, Any, float]:
            start = time.perf_counter()
            client.request("POST", path, json.dumps(body), headers)
            answer = client.getresponse()
            content = answer.read()
            took = (time.perf_counter() - start) * 1000
            return answer.status, json.loads(content) if content else None, took

        time.sleep(thinking * chance.random())
        while time.monotonic() < end:
            status, item, took = post(f"{base}/queues/{queue_uuid}/claim", {})
            if status != 200:
                errors.append(f"claim {status} {item}")
                break
            claims.append(took)
            handed.append(item["item"])
            time.sleep(thinking * (0.5 + chance.random()))
            body = {"lease": item["lease"], "verdict": "accept", "seconds": 1}
            status, answer, took = post(f"{base}/items/{item['item']}/decide", body)
            if status != 200:
                errors.append(f"decide {status} {answer}")
                break
            decides.append(took)

    _together([lambda token=token, n=n: person(token, n) for n, token in enumerate(tokens)])  # type: ignore[misc]
    if errors:
        raise RuntimeError(errors[:3])
    return {
        "claim": _spread(claims),
        "decide": _spread(decides),
        "decided": len(decides),
        "handed_twice": len(handed) - len(set(handed)),
    }


def _lists(studio: Studio, slug: str) -> dict[str, Any]:
    """First and deep page of the passages list, signed in, in ms at the client; with its number of queries."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse

    from curation.models import User

    admin = User.objects.get(email=studio.environment["STUDIO_ADMIN_EMAIL"])
    client = Client(HTTP_HOST=f"127.0.0.1:{studio.port}")
    client.force_login(admin)
    cookie = f"seedbed_session={client.cookies['seedbed_session'].value}"
    first = reverse("passages:list", args=[slug])
    with CaptureQueriesContext(
        connection,
    ) as queries:
        page = client.get(first)
    deep = first
    for _ in range(40):
        older = page.context["page"].older if page.context and "page" in page.context else None
        if not older:
            break
        deep = f"{first}?{older}" if not str(older).startswith("?") else f"{first}{older}"
        page = client.get(deep)

    def timed(path: str) -> dict[str, float]:
        connection_ = http.client.HTTPConnection("127.0.0.1", studio.port, timeout=30)
        times = []
        for _ in range(60):
            start = time.perf_counter()
            connection_.request("GET", path, headers={"Cookie": cookie})
            answer = connection_.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{path}: {answer.status}")
            times.append((time.perf_counter() - start) * 1000)
        return _spread(times)

    return {"first": timed(first), "deep": timed(deep), "queries": len(queries)}


def _peer(studio: Studio, queue_uuid: str, tokens: list[str]) -> dict[str, Any]:
    """The same eight people at the plain queue, behind the same server with the same settings."""
    port = free_port()
    command = "gunicorn curation.wsgi --no-control-socket --worker-class gthread --workers 2 --threads 8"
    server = subprocess.Popen(
        [sys.executable, "-m", *command.split(), "--bind", f"127.0.0.1:{port}", "--log-level", "error"],
        cwd=CHECKOUT,
        env={**studio.environment, "DJANGO_SETTINGS_MODULE": "tests.bench.plain_settings"},
    )
    times: list[float] = []
    try:
        time.sleep(4)
        end = time.monotonic() + SECONDS / 2

        def person(token: str) -> None:
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            while time.monotonic() < end:
                start = time.perf_counter()
                client.request(
                    "POST", f"/plain/{queue_uuid}/claim", headers={"Authorization": f"Bearer {token}"}
                )
                client.getresponse().read()
                times.append((time.perf_counter() - start) * 1000)
                time.sleep(THINKING)

        _together([lambda token=token: person(token) for token in tokens])  # type: ignore[misc]
    finally:
        server.terminate()
        server.wait(20)
    return _spread(times)


def _together(calls: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
