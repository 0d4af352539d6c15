"""`make soak`: kill -9 of workers, web server and PostgreSQL in the middle of curating and reviewing.

After every restart the same rows as of an undisturbed run must stand, compared by natural keys, and no decision
or draft may be lost or doubled. Another corpus than the demonstration's: SOAK_INPUT=path.
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
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import psycopg
import pytest

from curation.studio.cluster import DATABASE, ROLE, place
from curation.studio.home import Home
from tests.running import CHECKOUT, Studio, a_studio

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]

INPUT = Path(os.environ.get("SOAK_INPUT", CHECKOUT / "curation" / "demo" / "material"))
KILLS = int(os.environ.get("SOAK_KILLS", "9"))
VICTIMS = ("celery", "gunicorn", "postgres -D", "celery", "gunicorn")

DOCUMENTS = "SELECT sha256, left_out, language, characters FROM curation_document"
PASSAGES = """
    SELECT d.sha256, p.ordinal, p.start, p."end", p.text_sha256, p.left_out
      FROM curation_passage p JOIN curation_document d ON d.id = p.document_id
"""
SCORES = """
    SELECT r.key, c.name || '-' || c.version, coalesce(d.sha256, pd.sha256), coalesce(p.ordinal, -1), s.value
      FROM curation_score s JOIN curation_scorer c ON c.id = s.scorer_id JOIN curation_rubric r ON r.id = c.rubric_id
      LEFT JOIN curation_document d ON d.id = s.document_id
      LEFT JOIN curation_passage p ON p.id = s.passage_id LEFT JOIN curation_document pd ON pd.id = p.document_id
"""
CLUSTERS = """
    SELECT array_agg(d.sha256 || '#' || p.ordinal ORDER BY d.sha256, p.ordinal), min(rd.sha256 || '#' || r.ordinal)
      FROM curation_cluster c JOIN curation_clustermember m ON m.cluster_id = c.id
      JOIN curation_passage p ON p.id = m.passage_id JOIN curation_document d ON d.id = p.document_id
      JOIN curation_passage r ON r.id = c.representative_id JOIN curation_document rd ON rd.id = r.document_id
     GROUP BY c.id
"""
SEEDS = """
    SELECT d.sha256, p.ordinal, s.state FROM curation_seed s
      JOIN curation_passage p ON p.id = s.passage_id JOIN curation_document d ON d.id = p.document_id
"""
ITEMS = """
    SELECT q.name, d.sha256, p.ordinal, i.wanted FROM curation_item i JOIN curation_queue q ON q.id = i.queue_id
      JOIN curation_seed s ON s.id = i.seed_id
      JOIN curation_passage p ON p.id = s.passage_id JOIN curation_document d ON d.id = p.document_id
"""


def rows(studio: Studio, sql: str) -> list[tuple[Any, ...]]:
    sockets = place(Home(studio.home)).sockets
    with psycopg.connect(host=str(sockets), dbname=DATABASE, user=ROLE) as connection:
        return sorted(connection.execute(sql).fetchall(), key=repr)


def fingerprint(studio: Studio) -> dict[str, list[tuple[Any, ...]]]:
    queries = {
        "documents": DOCUMENTS,
        "passages": PASSAGES,
        "scores": SCORES,
        "clusters": CLUSTERS,
        "seeds": SEEDS,
        "items": ITEMS,
    }
    return {name: rows(studio, sql) for name, sql in queries.items()}


@pytest.fixture(scope="module")
def undisturbed() -> Iterator[dict[str, list[tuple[Any, ...]]]]:
    with a_studio("--no-demo") as studio:
        studio.command("load", "soak", str(INPUT), "--create")
        funnel = studio.command("curate", "soak", timeout=1800)
        assert funnel["documents"] == funnel["kept"] + sum(funnel["left_out"].values())
        yield fingerprint(studio)


def test_curating_through_kills_ends_with_the_rows_of_an_undisturbed_run(
    undisturbed: dict[str, list[tuple[Any, ...]]],
) -> None:
    chance = random.Random(14)
    with a_studio("--no-demo") as studio:
        studio.command("load", "soak", str(INPUT), "--create")
        curate = _curate(studio)
        killed = 0
        while curate.poll() is None or killed < KILLS:
            if killed < KILLS:
                time.sleep(chance.uniform(1.0, 4.0))
                killed += _kill_one(studio, VICTIMS[killed % len(VICTIMS)], chance)
            else:
                time.sleep(0.5)
            if curate.poll() not in (None, 0):
                _wait_healthy(studio)
                curate = _curate(studio)
        _wait_healthy(studio)
        studio.command("curate", "soak", timeout=1800)
        found = fingerprint(studio)
    for name, expected in undisturbed.items():
        if name == "scores":
            assert [row[:-1] for row in found[name]] == [row[:-1] for row in expected]
            pairs = zip(found[name], expected, strict=True)
            assert max((abs(a[-1] - b[-1]) for a, b in pairs), default=0) <= 1e-6
        else:
            assert found[name] == expected, name


def _curate(studio: Studio) -> subprocess.Popen[bytes]:
    with open(studio.home / "curate.log", "ab") as log:
        return subprocess.Popen(
            [sys.executable, "manage.py", "curate", "soak"],
            cwd=CHECKOUT,
            env=studio.environment,
            stdout=log,
            stderr=log,
        )


def _kill_one(studio: Studio, word: str, chance: random.Random) -> int:
    victims = studio.children(word)
    if not victims:
        return 0
    try:
        chance.choice(sorted(victims, key=lambda one: one.pid)).kill()
    except psutil.NoSuchProcess:
        return 0
    return 1


def _wait_healthy(studio: Studio, patience: float = 120) -> None:
    deadline = time.monotonic() + patience
    while not studio.healthy():
        assert time.monotonic() < deadline, (studio.home / "output.log").read_text()[-3000:]
        time.sleep(0.3)


LEFT_AS_DRAFT = 4  # every fourth item is given back with what was typed


class Person(threading.Thread):
    """Claims, types and decides until told to stop; repeats a request until it is answered, as the page does."""

    def __init__(self, port: int, token: str, session: str, queue: str) -> None:
        super().__init__()
        self.port, self.queue = port, queue
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        secret = "s" * 32
        self.page = {
            "Cookie": f"seedbed_session={session}; csrftoken={secret}; seedbed_csrf={secret}",
            "X-CSRFToken": secret,
            "X-Requested-With": "review",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        self.confirmed: list[str] = []
        self.drafts: dict[str, str] = {}  # item → what was typed last and answered with "saved"
        self.stop = threading.Event()

    def ask(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        return self.send(f"/api/v1{path}", json.dumps(body), self.headers)

    def type(self, item: str, note: str, base: int) -> tuple[int, Any]:
        """A draft, as the page saves it."""
        path = f"/projects/soak-review/review/items/{item}/draft"
        return self.send(path, urlencode({"note": note, "base": base}), self.page)

    def send(self, path: str, body: str, headers: dict[str, str]) -> tuple[int, Any]:
        while True:
            try:
                client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                client.request("POST", path, body, headers)
                answer = client.getresponse()
                content = answer.read()
                if answer.status < 500:
                    return answer.status, json.loads(content) if content else None
            except (OSError, http.client.HTTPException):
                pass
            if self.stop.is_set():
                return 0, None
            time.sleep(0.3)

    def run(self) -> None:
        while not self.stop.is_set():
            status, item = self.ask(f"/queues/{self.queue}/claim", {})
            if status != 200:
                time.sleep(0.5)
                continue
            self.type_and_decide(item["item"], item["lease"])
            time.sleep(0.05)

    def type_and_decide(self, item: str, lease: str) -> None:
        note = f"typed {len(self.confirmed)} {len(self.drafts)}"
        status, saved = self.type(item, note, 0)
        assert status in (0, 200, 409), (status, saved)  # 409: it was saved by the try that was not answered
        if status:
            self.drafts[item] = note
        if (len(self.confirmed) + len(self.drafts)) % LEFT_AS_DRAFT == 0:
            self.ask(f"/items/{item}/release", {"lease": lease})
            return
        body = {"lease": lease, "verdict": "accept", "note": "kept", "seconds": 1}
        status, _ = self.ask(f"/items/{item}/decide", body)
        if status == 200:
            self.confirmed.append(item)
            self.drafts.pop(item, None)


def test_reviewing_through_kills_loses_and_doubles_no_decision_and_no_draft() -> None:
    chance = random.Random(4)
    with a_studio("--no-demo") as studio:
        keys, queue = _a_queue_of_items(studio, 3000)
        people = [Person(studio.port, token, session, queue) for token, session in keys]
        for person in people:
            person.start()
        for number in range(KILLS):
            time.sleep(chance.uniform(1.0, 3.0))
            _kill_one(studio, ("gunicorn", "postgres -D")[number % 2], chance)
        _wait_healthy(studio)
        time.sleep(3)
        for person in people:
            person.stop.set()
        for person in people:
            person.join()
        stored = rows(
            studio,
            "SELECT i.uuid::text, count(*), count(DISTINCT d.user_id) FROM curation_decision d"
            " JOIN curation_item i ON i.id = d.item_id WHERE NOT d.surplus GROUP BY 1",
        )
        drafts = rows(
            studio,
            "SELECT i.uuid::text, u.email, f.payload ->> 'note' FROM curation_draft f"
            " JOIN curation_item i ON i.id = f.item_id JOIN curation_user u ON u.id = f.user_id",
        )
    confirmed = [item for person in people for item in person.confirmed]
    left = {(item, note) for person in people for item, note in person.drafts.items()}
    assert len(left) > 5, "hardly anything was left as a draft: the test proves nothing"
    assert left <= {(item, note) for item, _, note in drafts}
    assert len(drafts) == len({(item, email) for item, email, _ in drafts})
    assert len(confirmed) > 20, "hardly anything was decided: the test proves nothing"
    assert len(confirmed) == len(set(confirmed))
    assert {count for _, count, _ in stored} == {1}
    assert set(confirmed) <= {item for item, _, _ in stored}


def _a_queue_of_items(studio: Studio, count: int) -> tuple[list[list[str]], str]:
    """Four people's tokens and browser sessions, and a queue. Rows made in the studio's own database by a child that has its settings."""
    script = f"""
import json, sys
from django.conf import settings
from django.test import Client
from curation.models import ApiToken
from tests import factories as make
project = make.a_project("soak-review")
queue = make.a_queue(project, "seeds")
for _ in range({count}):
    make.an_item(queue)
def session(one):
    client = Client()
    client.force_login(one)
    return client.cookies[settings.SESSION_COOKIE_NAME].value
people = [make.a_member(project) for _ in range(4)]
print(json.dumps([[[ApiToken.issue(one, "soak")[1], session(one)] for one in people], str(queue.uuid)]))
"""
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", script],
        cwd=CHECKOUT,
        env=studio.environment,
        capture_output=True,
        check=True,
        timeout=300,
    )
    keys, queue = json.loads(done.stdout.decode().strip().splitlines()[-1])
    return keys, queue
