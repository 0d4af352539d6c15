"""Kind `thresholds`: moves thresholds as one event (`actions.thresholds`), or takes such an event back.

Pages that would pass under the new ones and whose passages were never scored are scored first, in chunks, by the `score` kind's own
code; scores that turn out not to be needed do no harm. Everything that can be seen happens in the transaction that ends the job.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from curation.actions import thresholds
from curation.jobs.kind import ChunkPlan, Kind
from curation.jobs.kinds import score
from curation.models import EmbeddingModel, Job, KnobChange


def plan(job: Job) -> Iterator[ChunkPlan]:
    assert job.project is not None
    change = KnobChange.objects.get(pk=job.options["change"])
    model = EmbeddingModel.objects.of_project(job.project)
    if model is None:
        job.then = []  # nothing was embedded, so nothing is compared
    else:
        job.options = {**job.options, "model": model.pk}
    job.save(update_fields=["options", "then"])
    if model is None or thresholds.OF_PASSAGES.issuperset(change.after):
        return
    knobs, floors = thresholds.proposed(job.project, change.after)
    yield from score.plan_missing(job, job.project, score.Bar(knobs.min_educational, floors))


def finish(job: Job) -> dict[str, Any]:
    change = KnobChange.objects.select_for_update(of=("self",)).get(pk=job.options["change"])
    if change.applied_at is None:
        thresholds.carry_out(change, job)
    return change.counts


KIND = Kind(
    name="thresholds",
    title="Apply thresholds",
    unit="documents",
    plan=plan,
    process=score.process,
    save=score.save,
    finish=finish,
    lane="curate",
)
