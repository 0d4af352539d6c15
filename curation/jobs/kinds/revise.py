"""Kind `revise`: a language model makes the revision that somebody sent a sample back for, within a small budget.

One piece, one revision. However it ends, the item is with people again: with the new text, or as it was with a named reason. Whatever fails here
is said on the revision; the job itself is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from curation.actions.review import revisions
from curation.actions.review.texts import own_contents
from curation.jobs.clerk import Budget, Clerk
from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.models import Chunk, Endpoint, Job, PromptVersion, Revision, SampleStep, Spending
from curation.recipe.generate.again import AGAIN, ReviseAgain, Revised, SentBack
from curation.recipe.generate.reading import read
from curation.recipe.generate.thread import Loss
from curation.recipe.llm.asking import BudgetSpent, EndpointDown
from curation.recipe.llm.errors import CallFailed


@dataclass(frozen=True, slots=True)
class Came:
    """What came of asking: a revision with its call, or why there is none."""

    revised: Revised | None = None
    call: int | None = None
    reason: str = ""
    detail: str = ""


def plan(job: Job) -> Iterator[ChunkPlan]:
    yield ChunkPlan({"revision": Revision.objects.get(job=job).pk}, 1)


def process(job: Job, chunk: Chunk, pulse: Pulse) -> Came:
    revision = _revision(chunk)
    if revision.state != Revision.State.ASKED:
        return Came()
    endpoint = Endpoint.objects.get(pk=job.options["endpoint"])
    if endpoint.archived_at is not None:
        return Came(reason="not_offered", detail=f"{endpoint} is not offered any more.")
    version = PromptVersion.objects.select_related("prompt").get(pk=job.options["version"])
    wording = replace(AGAIN, version=version.number, template=version.template)
    step = ReviseAgain(endpoint.sampling(), (wording,))
    record = _sent_back(revision)
    clerk = Clerk(job, chunk, endpoint, version, budget=Budget(job.options["budget_tokens"]))
    try:
        revised, answer = clerk.run(lambda client: step.run(record, client, clerk), pulse, lambda: 0)
    except Loss as loss:
        return Came(reason=loss.lost.reason, detail=loss.lost.detail)
    except CallFailed as failed:
        return Came(reason=failed.name, detail=str(failed))
    except BudgetSpent:
        most = f"{job.options['budget_tokens']:,}"
        return Came(reason="budget", detail=f"{most} tokens, what a revision may take here, do not cover it.")
    except EndpointDown as down:
        return Came(reason="endpoint_down", detail=str(down))
    return Came(revised, answer.call)


def _revision(chunk: Chunk) -> Revision:
    return Revision.objects.select_related("item__queue", "item__sample", "before", "decision").get(
        pk=chunk.inputs["revision"]
    )


def _sent_back(revision: Revision) -> SentBack:
    """The sample as it stood when it was sent back."""
    sample = revision.item.sample
    assert sample is not None
    contents = own_contents(revision.before or sample)
    roles = [one["role"] for one in sample.messages] if sample.messages else [""]
    reference = sample.seed_reference or {}
    seed = sample.passage.text if sample.passage else sample.seed.original_text if sample.seed else ""
    return SentBack(
        turns=tuple(zip(roles, contents, strict=True)),
        note=revision.decision.note,
        seed=seed or str(reference.get("quote") or reference.get("text") or ""),
        critique=_critique(sample.pk),
    )


def _critique(sample: int) -> str:
    """The last critique of the chain, as one reads it."""
    rows = SampleStep.objects.filter(sample=sample, kind="critique").order_by("-ordinal")
    last = rows.values("name", "output", "scores").first()
    if last is None:
        return ""
    reading = read(last)
    said = [
        f"{one.name}{'' if one.score is None else f' ({one.score:g})'}: {one.discussion} {one.suggestion}".strip()
        for one in reading.criteria
    ]
    return "\n".join([*(one.text for one in reading.parts), *said])


def save(job: Job, chunk: Chunk, result: Came) -> Tally:
    revision = _revision(chunk)
    if result.revised is not None and result.call is not None:
        kept = revisions.made(revision, result.revised.contents, result.revised.step, result.call)
        return Tally(done=int(kept), dropped=int(not kept))
    if not result.reason:
        return Tally(dropped=1)
    revisions.failed(revision, result.reason, result.detail)
    assert revision.item.sample is not None
    # Everybody may look at jobs: the detail, which may repeat the note, stays with the revision.
    return Tally(failed=1, mishaps=[(f"sample {revision.item.sample.uuid}", result.reason, "")])


def finish(job: Job) -> dict[str, Any]:
    """What it took. Never what was said: people are still asked."""
    revision = Revision.objects.get(job=job)
    spent = Spending.objects.of(job)
    said: dict[str, Any] = {"revision": revision.get_state_display().lower()}
    said |= {"calls": spent.calls, "tokens": spent.tokens}
    if spent.money:
        said["cost"] = f"{spent.money:,.4f}"
    return said


KIND = Kind(
    name="revise",
    title="Revise a sample that was sent back",
    unit="revisions",
    plan=plan,
    process=process,
    save=save,
    finish=finish,
)
