"""Kind `annotate`: a language model rates texts by a rubric. Each text ends as a label, a named failure, or not asked for want of budget.

A chunk is a frozen list of subjects. Calls are committed one by one, long before the chunk is saved: a piece that is run again finds
its answers and asks only for what was in flight.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from curation.actions import annotating
from curation.jobs.clerk import Clerk
from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.jobs.many import Asked, ask_all, budget_of
from curation.models import Call, Chunk, Endpoint, Job, Label, PromptVersion, Rubric, Spending
from curation.recipe.llm.errors import ERRORS
from curation.recipe.llm.records import Sampling
from curation.recipe.scoring.annotator import Rate, Rated

#: Texts of a piece: enough to keep every place at the endpoint busy, few enough that labels do not wait long for its end.
LEAST_TEXTS, MOST_TEXTS, ROUNDS = 48, 512, 4


@dataclass(slots=True)
class Rating:
    """What a chunk came to, by subject."""

    asked: Asked[Rated] = field(default_factory=Asked)
    gone: set[int] = field(default_factory=set)
    names: dict[int, str] = field(default_factory=dict)


# Planning


def plan(job: Job) -> Iterator[ChunkPlan]:
    assert job.project is not None
    rubric, endpoint = _rubric(job), _endpoint(job)
    found = annotating.texts(job.project, rubric, endpoint, job.options["which"])
    subjects = list(found.values_list("pk", flat=True)[: job.options["take"]])
    size = min(MOST_TEXTS, max(LEAST_TEXTS, endpoint.record.together * ROUNDS))
    for start in range(0, len(subjects), size):
        part = subjects[start : start + size]
        yield ChunkPlan({"subjects": part}, len(part))


def _rubric(job: Job) -> Rubric:
    return Rubric.objects.get(pk=job.options["rubric"])


def _endpoint(job: Job) -> Endpoint:
    return Endpoint.objects.get(pk=job.options["endpoint"]).must_still_be(job.options["model"])


# Asking


def process(job: Job, chunk: Chunk, pulse: Pulse) -> Rating:
    rubric, endpoint = _rubric(job), _endpoint(job)
    version = PromptVersion.objects.select_related("prompt").get(pk=job.options["version"])
    rating, step = Rating(), _step(job, rubric, version)
    told = annotating.content(rubric, chunk.inputs["subjects"])
    rating.gone = set(chunk.inputs["subjects"]) - told.keys()
    rating.names = {subject: uuid for subject, (uuid, _) in told.items()}
    clerk = Clerk(job, chunk, endpoint, version, budget=budget_of(job.options))
    texts = {subject: text for subject, (_, text) in told.items()}
    ask_all(texts, step, clerk, pulse, rating.asked, before=len(rating.gone))
    return rating


def _step(job: Job, rubric: Rubric, version: PromptVersion) -> Rate:
    anchors = tuple(str(one) for one in rubric.anchors)
    return Rate(
        rubric.question, anchors, rubric.highest, Sampling(**job.options["sampling"]), version.template
    )


# Saving


def save(job: Job, chunk: Chunk, result: Rating) -> Tally:
    rubric, asked = _rubric(job), result.asked
    Label.objects.bulk_create(
        (
            Label(
                project=job.project,
                rubric=rubric,
                annotator=job.options["annotator"],
                value=rated.value,
                reasons=rated.reasons,
                job=job,
                call_id=answer.call if answer else None,
                **{f"{rubric.level}_id": subject},
            )
            for subject, (rated, answer) in sorted(asked.results.items())
        ),
        ignore_conflicts=True,
    )
    return Tally(
        done=len(asked.results),
        dropped=len(asked.not_asked) + len(result.gone),
        failed=len(asked.failed),
        mishaps=[
            (f"{rubric.level} {result.names.get(subject, subject)}", failed.name, str(failed))
            for subject, failed in sorted(asked.failed.items())
        ],
    )


def finish(job: Job) -> dict[str, Any]:
    """What came of it, in numbers. Never what the model said: people may still be asked the same."""
    sums = list(job.chunks.values_list("done", "dropped", "failed"))
    done, dropped, failed = (sum(column) for column in zip(*sums, strict=True)) if sums else (0, 0, 0)
    said: dict[str, Any] = {"annotator": job.options["annotator"], "labels": done}
    if failed:
        reasons = Counter(job.mishaps.values_list("reason", flat=True))
        said["failed"] = {ERRORS[name].title: count for name, count in reasons.most_common()}
    if dropped:
        said["not_asked"] = (
            f"{dropped:,}: the budget did not cover them, or the texts are gone. Ask again to go on."
        )
    if repaired := Call.objects.filter(job=job, error="", hit_of=None).exclude(notes=[]).count():
        said["answers_repaired"] = f"{repaired:,} of {done:,}"
    return said | Spending.objects.of(job).told


KIND = Kind(
    name="annotate",
    title="Ask a language model",
    unit="texts",
    plan=plan,
    process=process,
    save=save,
    finish=finish,
)
