"""A run's worker is killed (kill -9) at random moments: it accepts the same rows as an undisturbed run, exactly as many as wanted, and by the
server's own log each kill repeated at most what was in flight; its own count of tokens stays within the budget."""

from __future__ import annotations

import random
import time

import pytest

from curation.jobs import run as jobs
from curation.models import Job, Run, Sample, Spending
from tests.generating import a_project_with_seeds, a_run, an_endpoint, slow
from tests.jobs.test_annotate_killed import a_worker
from tests.llm_server import serving

IN_FLIGHT = 6


def accepted(run):
    found = Sample.objects.filter(candidate__run=run).exclude(rank=None).order_by("rank")
    return list(found.values_list("candidate__ordinal", "branch", "text_sha256"))


def killed_and_gone_on(seeds, target, kills):
    project = a_project_with_seeds(seeds)
    draw = random.Random(11)
    with serving(slow(0.02)) as server:
        endpoint = an_endpoint(server, concurrency=IN_FLIGHT)
        run = a_run(project, endpoint, target=target, most_similar=0.97, budget_tokens=50_000_000)
        share = 3 * target // (kills + 1)
        for kill in range(1, kills + 1):
            worker = a_worker(run.job)
            wanted = len(server.asked) + draw.randint(1, max(1, share))
            while len(server.asked) < wanted and worker.poll() is None:
                time.sleep(0.002)
            assert worker.poll() is None, f"the worker ended by itself before kill {kill}"
            worker.kill()
            worker.wait()
        last = a_worker(run.job)
        assert last.wait(600) == 0
        texts = [one.text for one in server.asked]
        repeated, tokens = len(texts) - len(set(texts)), server.tokens
    run.refresh_from_db()
    assert (run.job.state, run.ended, run.accepted) == (Job.State.DONE, Run.Ended.TARGET, target)
    spent = Spending.objects.of(run.job)
    assert spent.tokens <= tokens <= spent.tokens + spent.lost <= run.budget_tokens
    # A candidate that was made when the target was reached may be asked for again, and is found in the ledger: nothing is repeated for it.
    assert repeated <= kills * IN_FLIGHT
    with serving(slow(0.0)) as server:
        again = an_endpoint(server, concurrency=IN_FLIGHT)
        undisturbed = a_run(project, again, target=target, most_similar=None)
        jobs.drain(undisturbed.job)
    assert accepted(undisturbed) == accepted(run)


@pytest.mark.django_db(transaction=True)
def test_a_kill_changes_nothing_of_what_is_accepted():
    killed_and_gone_on(seeds=14, target=12, kills=1)


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_ten_kills_of_three_hundred_seeds_change_nothing_of_what_is_accepted():
    killed_and_gone_on(seeds=300, target=300, kills=10)
