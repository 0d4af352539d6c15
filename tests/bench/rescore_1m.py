"""`rescore_1m`: a new head over 1,000,000 passages of 100,000 pages, until it speaks: planning, reading vectors and signals, scoring,
writing, and judging everything anew.

ours = seconds until the last score is written (aim 60), by two worker processes as a studio on two cores has; details say how long
planning, and the transaction that activates it and judges a million passages, take. Meanwhile a reviewer claims items: the latency of a claim
before and during it. The peer writes the same scores with Django's bulk_create, on a fiftieth, scaled up.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from statistics import quantiles
from typing import Any

from tests.bench.database import a_database
from tests.running import CHECKOUT

PASSAGES = int(os.environ.get("BENCH_PASSAGES", "1000000"))
WORKERS = 2
LABELS = 2_000
PEER_SHARE = 50

#: What a worker process does, until nothing waits.
WORKER = """
import sys, django; django.setup()
from curation.jobs import run
while (chunk := run.claim(int(sys.argv[1]))): run.run_chunk(chunk)
"""


def rescore_1m() -> dict[str, Any]:
    with a_database():
        from curation.actions import scorers
        from curation.jobs import run
        from curation.models import Chunk, Job, Passage, Score, Scorer
        from tests import factories as make
        from tests import labelling
        from tests.bench.million import a_project_of, vectors_of

        project, model = a_project_of(PASSAGES, labelling.ORDINARY)
        project.knobs = {"min_educational": 0.0, "min_factual": 2.5, "min_reasoning": 5.0}
        project.save()
        speaking(project, model)
        rubric = labelling.our_rubric("factual")
        passages = list(Passage.objects.filter(project=project).order_by("pk")[:LABELS])
        ratings = labelling.teacher(vectors_of(LABELS))
        labelling.rated(make.a_queue(project, "scores", name="Rated"), passages, {"factual": ratings})
        training = scorers.train(project, rubric, None)
        run.plan(training.pk)
        chunk = run.claim(training.pk)
        assert chunk is not None
        run.run_chunk(chunk)
        scorer = Scorer.objects.get(job=training)
        reviewer = _Reviewer(project)
        quiet = reviewer.during(lambda: time.sleep(8))
        job = scorers.activate(project, scorer, None)
        job.then = []
        job.save(update_fields=["then"])
        phases: dict[str, float] = {}

        def rescore() -> None:
            start = time.perf_counter()
            run.plan(job.pk)
            phases["planning_s"] = time.perf_counter() - start
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            _work(job.pk)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            phases["processor_of_workers_s"] = (
                after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
            )
            phases["until_written_s"] = time.perf_counter() - start
            run.finish_if_done(job.pk)
            phases["until_it_speaks_s"] = time.perf_counter() - start

        busy = reviewer.during(rescore)
        job.refresh_from_db()
        assert job.state == Job.State.DONE, job.reason
        written = Score.objects.filter(scorer=scorer).count()
        assert written == PASSAGES, written
        chunks = Chunk.objects.filter(job=job).count()
        peer = _peer(project, rubric)
    return {
        "name": "rescore_1m",
        "ours": round(phases["until_written_s"], 1),
        "unit": "s",
        "peer": round(peer, 1),
        "peer_name": f"bulk_create of the same scores alone, without reading or scoring (measured on 1/{PEER_SHARE}, scaled)",
        "n": PASSAGES,
        "details": {
            **{name: round(value, 1) for name, value in phases.items()},
            "workers": WORKERS,
            "chunks": chunks,
            "claim_ms_before": quiet,
            "claim_ms_meanwhile": busy,
        },
    }


def speaking(project: Any, model: Any) -> None:
    """The starters speak, and have given every page its value, as in a project that was curated."""
    from django.db import connection

    from curation.actions import scorers
    from curation.recipe.scoring import starter

    speaking = scorers.ensure_scorers(project, model, starter.shipped)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO curation_score (scorer_id, document_id, value)"
            " SELECT %s, id, 1 + (id %% 400) / 100.0 FROM curation_document",
            [speaking["educational"].pk],
        )
        for key in ("factual", "reasoning"):
            cursor.execute(
                "INSERT INTO curation_score (scorer_id, passage_id, value)"
                " SELECT %s, id, (id %% 500) / 100.0 FROM curation_passage",
                [speaking[key].pk],
            )
        cursor.execute("VACUUM ANALYZE curation_score")


def _work(job: int) -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "curation.settings", "OPENBLAS_NUM_THREADS": "1"}
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, str(job)], cwd=CHECKOUT, env=environment)
        for _ in range(WORKERS)
    ]
    for worker in workers:
        worker.wait()


class _Reviewer:
    """Somebody who claims an item, gives it back, and claims the next, ten times a second."""

    def __init__(self, project: Any) -> None:
        from tests import factories as make

        self.queue = make.a_queue(project, "scores", name="Meanwhile")
        self.user = make.a_member(project, "manager")
        from curation.models import Passage

        for passage in Passage.objects.filter(project=project).order_by("-pk")[:200]:
            make.an_item(self.queue, passage)

    def during(self, work: Any) -> dict[str, float]:
        from django.db import connection

        times: list[float] = []
        ended = threading.Event()

        def sit() -> None:
            from curation.actions import review

            while not ended.wait(0.1):
                start = time.perf_counter()
                claim = review.claim(self.queue, self.user)
                times.append((time.perf_counter() - start) * 1000)
                if claim is not None:
                    review.release(self.user, claim.lease)
            connection.close()

        person = threading.Thread(target=sit)
        person.start()
        try:
            work()
        finally:
            ended.set()
            person.join()
        cuts = quantiles(times, n=100)
        return {
            "p50": round(cuts[49], 1),
            "p95": round(cuts[94], 1),
            "worst": round(max(times), 1),
            "n": len(times),
        }


def _peer(project: Any, rubric: Any) -> float:
    from curation.models import Passage, Score, Scorer

    scorer = Scorer.objects.create(project=project, rubric=rubric, name="peer", version="1")
    keys = list(Passage.objects.order_by("pk").values_list("pk", flat=True)[: PASSAGES // PEER_SHARE])
    start = time.perf_counter()
    Score.objects.bulk_create(
        (Score(scorer=scorer, passage_id=key, value=2.5) for key in keys), batch_size=5_000
    )
    return (time.perf_counter() - start) * PEER_SHARE
