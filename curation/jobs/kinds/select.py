"""Kind `select`: passages that passed everything become candidates for seeds (`actions.seeds`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from curation.actions.judging import judge_documents, judge_passages
from curation.actions.seeds import select
from curation.actions.thresholds import settle
from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.models import Chunk, Document, Job, KnobChange, Seed


def plan(job: Job) -> Iterator[ChunkPlan]:
    yield ChunkPlan({}, Document.objects.filter(project=job.project, left_out="").count())


def process(job: Job, chunk: Chunk, pulse: Pulse) -> None:
    """Everything is a query in the chunk's closing transaction."""


def save(job: Job, chunk: Chunk, result: None) -> Tally:
    assert job.project is not None
    judge_documents(job.project)
    judge_passages(job.project)
    change = KnobChange.objects.filter(pk=job.options.get("change")).first()
    selected = select(job.project, job, change)
    if change is not None:
        settle(change)
    job.result = {"chosen": selected.chosen, "taken_back": selected.taken_back}
    job.save(update_fields=["result"])
    return Tally(done=chunk.size)


def finish(job: Job) -> dict[str, Any]:
    candidates = Seed.objects.filter(project=job.project, state=Seed.State.CANDIDATE).count()
    return {**job.result, "candidates": candidates}


KIND = Kind(
    name="select",
    title="Choose seeds",
    unit="documents",
    plan=plan,
    process=process,
    save=save,
    finish=finish,
)
