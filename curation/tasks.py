"""Celery's tasks: thin, each one call into `curation.jobs`."""

from curation.celery import app
from curation.jobs import run, sweep


@app.task(name="curation.plan")
def plan(job_id: int) -> None:
    run.plan(job_id)


@app.task(name="curation.work")
def work(job_id: int) -> None:
    run.work(job_id)


@app.task(name="curation.tidy", expires=3600)
def tidy_up() -> None:
    sweep.tidy()


@app.task(name="curation.sweep", expires=60)
def sweep_up() -> None:
    sweep.sweep()
