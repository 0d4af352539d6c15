"""Kind `demonstration`: the end of the first curation of the demonstration project, for a newcomer's first minutes.

Puts a fixed random draw of passages into its queue of scores. Run twice, it adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from curation.actions import queues
from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.models import Chunk, Job, Queue

PASSAGES = 20


def plan(job: Job) -> Iterator[ChunkPlan]:
    yield ChunkPlan({}, PASSAGES)


def process(job: Job, chunk: Chunk, pulse: Pulse) -> None:
    """Everything is a few statements in the chunk's closing transaction."""


def save(job: Job, chunk: Chunk, result: None) -> Tally:
    draw = queues.Filling(take=PASSAGES, sample_seed=1)
    open_queues = Queue.objects.filter(project=job.project, kind=Queue.Kind.SCORES, archived_at=None)
    for queue in open_queues:
        queues.fill(queue, draw, job.created_by)
    return Tally(done=chunk.size)


KIND = Kind(
    name="demonstration",
    title="Fill the demonstration's queues",
    unit="passages",
    plan=plan,
    process=process,
    save=save,
)
