"""`./manage.py curate PROJECT`: every background step to its end."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, connection

from curation.actions.curation import DUPLICATES_FIRST, STEPS, NothingToCurate, start_curation, under_way
from curation.jobs.heartbeat import worker_alive
from curation.jobs.run import drain, kind_of
from curation.models import Job, Project
from curation.models.funnel import funnel

CANCELLED = 3
#: Seconds that the database may be away.
PATIENCE = 60


class Command(BaseCommand):
    """Leaves the work to a running studio's workers and watches them; does it itself where there are none, or when
    they stop."""

    help = (
        "Run every background step of PROJECT to its end: text, language and signals, passages, embeddings, scores, near "
        "duplicates, seeds. Progress on standard error, the funnel as JSON on standard output. Running it "
        "again does only what is new, and judges by the present thresholds."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="the project's address, for example web-pages")
        parser.add_argument(
            "--duplicates",
            action="store_true",
            help="only find near duplicates, embedding no more texts than that needs; a later run does the rest",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            known = ", ".join(Project.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"No project has the address {options['project']!r}. There are: {known}.")
        try:
            while joined := under_way(project):
                # It may have been planned before the newest documents came, so another round follows it.
                self._follow(joined)
            self._follow(start_curation(project, None, DUPLICATES_FIRST if options["duplicates"] else STEPS))
        except NothingToCurate as error:
            raise CommandError(str(error)) from None
        found = funnel(project)
        self.stdout.write(json.dumps(found.as_dict(), ensure_ascii=False))
        if not found.documents:
            raise CommandError("There is no document left in the project.")

    def _follow(self, job: Job) -> None:
        last = _patiently(job, Line(), Workers())
        if last.state == Job.State.CANCELLED:
            raise CommandError(
                f"{kind_of(last).title} was cancelled. Run the command again to go on.", returncode=CANCELLED
            )
        if last.state == Job.State.FAILED:
            raise CommandError(f"{kind_of(last).title} failed. {last.reason}")


def _patiently(job: Job, line: Line, workers: Workers) -> Job:
    """Drain through a restart of the database: what was not saved is done again. Gives up when it stays away."""
    lost: float | None = None
    while True:
        try:
            return drain(job, line, workers)
        except (OperationalError, InterfaceError):
            lost = lost or time.monotonic()
            connection.close()
            time.sleep(1)
            if _is_back():
                lost = None
            elif time.monotonic() - lost > PATIENCE:
                raise


def _is_back() -> bool:
    try:
        connection.ensure_connection()
    except (OperationalError, InterfaceError):
        return False
    return True


class Workers:
    """Whether a studio's workers are alive; asked at most every two seconds."""

    def __init__(self) -> None:
        self._asked = float("-inf")
        self._alive = False

    def __call__(self) -> bool:
        if time.monotonic() - self._asked > 2:
            self._alive, self._asked = worker_alive(), time.monotonic()
        return self._alive


class Line:
    """One line per step on standard error: how far, how fast, how long still. Rewritten in place on a terminal,
    repeated every ten seconds elsewhere."""

    def __init__(self) -> None:
        self._shown = time.monotonic()
        self._ended: set[int] = set()

    def __call__(self, job: Job) -> None:
        if job.pk in self._ended:
            return
        ended = not job.is_active
        if not ended and (not sys.stderr.isatty() or time.monotonic() - self._shown < 0.5):
            return
        self._shown = time.monotonic()
        sys.stderr.write(
            ("\r\x1b[2K" if sys.stderr.isatty() else "") + described(job) + ("\n" if ended else "")
        )
        sys.stderr.flush()
        if ended:
            self._ended.add(job.pk)


def described(job: Job) -> str:
    """For example: Embed passages: 1,200 of 3,700 texts, 34/s, 74 s left."""
    kind, progress = kind_of(job), job.progress()
    words = [f"{kind.title}: {progress.done:,} of {progress.total:,} {kind.unit}"]
    if job.started_at and job.finished_at:
        seconds = (job.finished_at - job.started_at).total_seconds()
        words.append(f"{seconds:,.1f} s")
        if progress.total and seconds:
            words.append(f"{progress.total / seconds:,.0f}/s")
    elif progress.rate:
        words.append(f"{progress.rate:,.0f}/s")
        if progress.left is not None:
            words.append(f"{progress.left:,.0f} s left")
    if progress.dropped:
        words.append(f"{progress.dropped:,} left out")
    if progress.failed:
        words.append(f"{progress.failed:,} failed")
    if job.state in (Job.State.FAILED, Job.State.CANCELLED):
        words.append(job.get_state_display().lower())
    return ", ".join(words)
