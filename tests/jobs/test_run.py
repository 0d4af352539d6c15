"""The job runner: whatever is killed, lost or repeated, every record is done exactly once."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.contrib.sessions.models import Session
from django.db import connections
from django.utils import timezone

from curation.jobs import control, kinds, run
from curation.jobs.kind import ChunkPlan, Kind, Lost, Pulse, Tally
from curation.jobs.messages import send
from curation.jobs.sweep import sweep, tidy
from curation.models import Activity, Chunk, Job, Project
from tests import factories as make

pytestmark = pytest.mark.django_db


class Broken(Exception):
    pass


class Busy(Exception):
    pass


class Writer:
    """A kind that writes one activity row per number; `trouble` is called before each chunk is processed."""

    def __init__(self) -> None:
        self.trouble: Any = lambda chunk: None
        self.kind = Kind(
            name="write",
            title="Write numbers",
            unit="numbers",
            plan=self.plan,
            process=self.process,
            save=self.save,
            finish=lambda job: {"rows": Activity.objects.filter(verb="wrote").count()},
            transient=(Busy,),
        )

    def plan(self, job: Job) -> Iterator[ChunkPlan]:
        for start in range(0, job.options.get("count", 6), 2):
            yield ChunkPlan({"numbers": [start, start + 1]}, 2)

    def process(self, job: Job, chunk: Chunk, pulse: Pulse) -> list[int]:
        self.trouble(chunk)
        pulse.beat(1)
        return [int(number) for number in chunk.inputs["numbers"]]

    def save(self, job: Job, chunk: Chunk, result: list[int]) -> Tally:
        for number in result:
            Activity.objects.create(project=job.project, verb="wrote", subject=str(number))
        return Tally(done=len(result), failed=1, mishaps=[("row 1", "odd", "it was odd")])


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Writer:
    writer = Writer()
    monkeypatch.setitem(kinds.KINDS, "write", writer.kind)
    return writer


@pytest.fixture
def project() -> Project:
    return make.a_project()


def written() -> list[str]:
    return sorted(Activity.objects.filter(verb="wrote").values_list("subject", flat=True))


def test_a_job_runs_to_its_end_and_counts_what_it_did(writer: Writer, project: Project) -> None:
    job = run.drain(Job.objects.create(project=project, kind="write"))
    assert job.state == "done" and job.result == {"rows": 6}
    assert written() == ["0", "1", "2", "3", "4", "5"]
    progress = job.progress()
    assert (progress.total, progress.done, progress.failed, progress.chunks_done) == (6, 6, 3, 3)
    assert job.mishaps.count() == 3


def test_a_job_without_chunks_ends_at_once_and_the_next_kind_follows(
    writer: Writer, project: Project
) -> None:
    job = Job.objects.create(project=project, kind="write", options={"count": 0}, then=["write"], lane="one")
    last = run.drain(job)
    assert last.follows == job and last.state == "done" and last.lane == "one"


@pytest.mark.parametrize("error", [OSError("refused"), psycopg.errors.InvalidSchemaName("no pgmq\nLINE 1")])
def test_a_broker_that_is_down_is_logged_in_a_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def down(*args: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr("curation.celery.app.send_task", down)
    send("plan", 7)
    (record,) = caplog.records
    assert (
        "plan" in record.getMessage() and "sweep" in record.getMessage() and "\n" not in record.getMessage()
    )


def test_an_unknown_kind_fails_by_name(project: Project) -> None:
    job = run.drain(Job.objects.create(project=project, kind="tarot"))
    assert job.state == "failed" and "'tarot'" in job.reason


def test_planning_twice_makes_the_chunks_once(writer: Writer, project: Project) -> None:
    job = Job.objects.create(project=project, kind="write")
    run.plan(job.pk)
    run.plan(job.pk)
    assert job.chunks.count() == 3


def test_a_worker_that_lost_its_chunk_saves_nothing(writer: Writer, project: Project) -> None:
    job = Job.objects.create(project=project, kind="write", options={"count": 2})
    run.plan(job.pk)
    slow = run.claim(job.pk)
    assert slow is not None
    Chunk.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert sweep()["chunks_expired"] == 1
    quick = run.claim(job.pk)
    assert quick is not None and quick.attempt == 2
    run.run_chunk(slow)
    assert written() == []
    run.run_chunk(quick)
    assert written() == ["0", "1"]
    run.run_chunk(quick)
    assert written() == ["0", "1"]


def test_a_chunk_of_a_process_that_is_gone_is_free_at_the_next_sweep(
    writer: Writer, project: Project
) -> None:
    job = Job.objects.create(project=project, kind="write", options={"count": 2})
    run.plan(job.pk)
    assert run.claim(job.pk)
    assert sweep()["chunks_expired"] == 0
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    Chunk.objects.update(worker=f"{socket.gethostname()}:{gone.pid}")
    assert sweep()["chunks_expired"] == 1


def test_a_chunk_that_kills_its_workers_fails_with_their_number(writer: Writer, project: Project) -> None:
    job = Job.objects.create(project=project, kind="write", options={"count": 2})
    run.plan(job.pk)
    for _ in range(run.MAX_TRIES):
        assert run.claim(job.pk)
        Chunk.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        sweep()
    job = run.drain(job)
    assert job.state == "failed" and f"lost {run.MAX_TRIES} times" in job.reason


def test_a_transient_error_is_tried_again_and_another_error_is_not(writer: Writer, project: Project) -> None:
    def trouble(chunk: Chunk) -> None:
        if chunk.tries == 1:
            raise Busy("come back later")

    writer.trouble = trouble
    job = Job.objects.create(project=project, kind="write", options={"count": 2})
    run.plan(job.pk)
    run.work(job.pk)
    chunk = job.chunks.get()
    assert chunk.state == "waiting" and chunk.retry_at and "come back later" in chunk.error
    Chunk.objects.update(retry_at=None)
    assert run.drain(job).state == "done"

    def broken(chunk: Chunk) -> None:
        raise Broken("no such thing")

    writer.trouble = broken
    failed = run.drain(Job.objects.create(project=project, kind="write", options={"count": 2}))
    assert failed.state == "failed" and "no such thing" in failed.reason


def test_cancelling_keeps_what_was_done_and_resuming_does_the_rest_once(
    writer: Writer, project: Project
) -> None:
    job = Job.objects.create(project=project, kind="write", then=["write"], options={"count": 6})
    run.plan(job.pk)
    run.work(job.pk)
    control.cancel(job)
    assert run.claim(job.pk) is None and written() == ["0", "1"]
    with pytest.raises(control.NotNow):
        control.cancel(job)
    control.resume(job)
    run.drain(job)
    job.refresh_from_db()
    assert job.state == "done" and job.followed_by.count() == 1


def test_a_chunk_in_work_when_its_job_is_cancelled_saves_nothing(writer: Writer, project: Project) -> None:
    job = Job.objects.create(project=project, kind="write", options={"count": 2})
    run.plan(job.pk)
    writer.trouble = lambda chunk: control.cancel(job)
    chunk = run.claim(job.pk)
    assert chunk is not None
    run.run_chunk(chunk)
    chunk.refresh_from_db()
    assert chunk.state == "cancelled" and written() == []


def test_a_failed_job_resumes_where_it_broke(writer: Writer, project: Project) -> None:
    def trouble(chunk: Chunk) -> None:
        if chunk.ordinal == 1:
            raise Broken("once")

    writer.trouble = trouble
    job = run.drain(Job.objects.create(project=project, kind="write"))
    assert job.state == "failed" and written() == ["0", "1", "4", "5"]
    writer.trouble = lambda chunk: None
    control.resume(job)
    assert run.drain(job).state == "done" and written() == ["0", "1", "2", "3", "4", "5"]


def test_only_one_job_of_a_lane_is_active_in_a_project(writer: Writer, project: Project) -> None:
    first = Job.objects.create(project=project, kind="write", lane="curate")
    run.plan(first.pk)
    control.cancel(first)
    Job.objects.create(project=project, kind="write", lane="curate")
    with pytest.raises(control.NotNow, match="Another job"):
        control.resume(first)


def test_a_pulse_says_when_the_chunk_is_no_longer_ours(writer: Writer, project: Project) -> None:
    job = Job.objects.create(project=project, kind="write", options={"count": 2})
    run.plan(job.pk)
    chunk = run.claim(job.pk)
    assert chunk is not None
    pulse = run._Pulse(chunk)
    pulse._renew()
    pulse.beat(1)
    Chunk.objects.filter(pk=chunk.pk).update(attempt=7)
    pulse._renew()
    with pytest.raises(Lost):
        pulse.beat(1)


@pytest.mark.django_db(transaction=True)
def test_four_workers_do_every_record_once(writer: Writer) -> None:
    job = Job.objects.create(project=make.a_project(), kind="write", options={"count": 40})
    run.plan(job.pk)

    def worker() -> None:
        while run.work(job.pk):
            pass
        connections.close_all()

    workers = [threading.Thread(target=worker) for _ in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    job.refresh_from_db()
    assert job.state == "done" and len(written()) == 40 == len(set(written()))


def test_tidying_forgets_sessions_that_have_run_out_and_no_others() -> None:
    for key, left in (("gone", -1), ("here", 1)):
        Session.objects.create(
            session_key=key, session_data="", expire_date=timezone.now() + timedelta(hours=left)
        )
    assert tidy() == 1
    assert [one.session_key for one in Session.objects.all()] == ["here"]
