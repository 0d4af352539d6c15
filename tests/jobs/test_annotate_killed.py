"""The annotator's worker is killed (kill -9) at random moments: it goes on, the labels are those of an undisturbed run, and by the
server's own log each kill repeated at most what was in flight."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection

from curation.actions import annotating
from curation.models import Call, Endpoint, Job, Label, Spending
from tests import factories as make
from tests.labelling import our_rubric
from tests.llm_server import Reply, serving

CHECKOUT = Path(__file__).resolve().parents[2]
IN_FLIGHT = 6


def step(text):
    return int(re.search(r"Passage number (\d+)", text).group(1)) % 6


def answer(seen, nth):
    return Reply(f'{{"reasons": "so", "score": {step(seen.text)}}}', delay=0.02, tokens_out=20)


def a_worker(job):
    environment = {**os.environ, "SEEDBED_TEST_DATABASE": str(connection.settings_dict["NAME"])}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.jobs.one_worker", str(job.pk)], cwd=CHECKOUT, env=environment
    )


def killed_and_gone_on(texts, kills):
    """Runs a job of so many texts through so many kills, and holds it against the server's own log."""
    project, rubric = make.a_project("stars"), our_rubric("factual")
    for at in range(texts):
        make.a_kept_passage(project, f"Passage number {at}: ice floats.")
    draw = random.Random(4)
    with serving(answer) as server:
        endpoint = Endpoint.objects.create(
            name="Tiny",
            address=server.address,
            model="tiny",
            private_allowed=True,
            concurrency=IN_FLIGHT,
            most_tokens=30,
        )
        job = annotating.start(
            project, rubric, endpoint, None, which="random", take=texts, budget_tokens=10_000_000
        )
        for kill in range(1, kills + 1):
            worker = a_worker(job)
            # Somewhere in this worker's part of the texts.
            wanted = len(server.asked) + draw.randint(1, max(1, texts // (kills + 1)))
            while len(server.asked) < wanted and worker.poll() is None:
                time.sleep(0.002)
            assert worker.poll() is None, f"the worker ended by itself before kill {kill}"
            worker.kill()
            worker.wait()
        last = a_worker(job)
        assert last.wait(300) == 0
        asked = [step(one.text) for one in server.asked]
        repeated = len(asked) - len({one.text for one in server.asked})
        tokens = server.tokens
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.reason
    labels = Label.objects.filter(rubric=rubric).select_related("passage")
    assert len(labels) == texts
    assert all(one.value == step(one.passage.text) for one in labels)
    assert repeated <= kills * IN_FLIGHT
    # What was lost by kills is counted as spent: the account is never below the server's own.
    spent = Spending.objects.of(job)
    assert spent.tokens <= tokens <= spent.tokens + spent.lost
    assert spent.held == 0
    assert Call.objects.filter(job=job, error="", hit_of=None).count() == texts


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_ten_kills_of_three_hundred_texts_repeat_at_most_what_was_in_flight():
    killed_and_gone_on(texts=300, kills=10)
