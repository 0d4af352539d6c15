"""Kind `generate`: a run's candidates are made, verified, and settled in seed order.

A chunk is a range of candidates, or texts of the approved set whose vectors are missing. How many chunks there are follows from what
came of the first ones: after each, as many more are planned as the target still seems to need. Calls are committed one by one, long before
a chunk is saved: a piece that is run again finds its answers and asks only for what was in flight.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db.models import F, Sum

from curation.actions import prompts, samples, settling
from curation.jobs.clerk import Clerk
from curation.jobs.generating import novelty, verdicts
from curation.jobs.generating.made import Generated
from curation.jobs.generating.seeds import seeds_of
from curation.jobs.kind import Cancelled, ChunkPlan, Kind, Pulse, Tally
from curation.jobs.kinds.embed import options as embedding_options
from curation.jobs.many import Asked, ask_all, budget_of
from curation.jobs.run import extend
from curation.models import (
    Candidate,
    Chunk,
    Embedding,
    Job,
    Loss,
    Run,
    RunSeed,
    Sample,
    Spending,
)
from curation.recipe.generate.records import Lost, Outcome
from curation.recipe.generate.workflows import WORKFLOWS
from curation.recipe.generate.writer import Writer
from curation.recipe.llm.errors import ERRORS
from curation.recipe.llm.records import Sampling
from curation.recipe.steps import Embed
from curation.recipe.verify.outcomes import same_outcomes

if TYPE_CHECKING:
    pass

#: Candidates of a piece: enough to keep an endpoint's places busy, few enough that acceptance does not wait long for its end.
LEAST, MOST = 4, 64
#: Pieces that are planned ahead of what is known to be needed, at most.
AHEAD = 64
#: How often a piece looks whether the run still wants it.
LOOK_SECONDS = 1.0


class Enough(Cancelled):
    """The run has what it wanted while this piece was at work."""


# Planning


def plan(job: Job) -> Iterator[ChunkPlan]:
    """The approved set's missing vectors first; then the pilot, or as many candidates as the target seems to need."""
    run = _run(job)
    if run.most_similar is not None:
        yield from novelty.missing_vectors(run)
    yield from next_pieces(run, settling.Stock(0, 0, 0))


def next_pieces(run: Run, stock: settling.Stock, closing: Chunk | None = None) -> list[ChunkPlan]:
    """The next pieces, as many as the target seems to need by what came of the settled ones; `closing` is being saved."""
    planned = run.job.chunks.aggregate(n=Sum("size", default=0))["n"]
    if run.phase == Run.Phase.PILOT:
        wanted = min(run.pilot, run.seeds.count()) - planned
    else:
        wanted = _wanted(run, stock, closing)
    wanted = min(wanted, run.most_candidates - planned)
    size = max(LEAST, min(MOST, run.endpoint.record.together))
    plans: list[ChunkPlan] = []
    while wanted > 0 and len(plans) < AHEAD:
        count = min(size, wanted)
        plans.append(ChunkPlan({"first": planned, "last": planned + count}, count))
        planned, wanted = planned + count, wanted - count
    return plans


def _wanted(run: Run, stock: settling.Stock, closing: Chunk | None) -> int:
    """Candidates still to be planned, if the rest yields what the settled ones did."""
    short = stock.short_of(run.target)
    if not short:
        return 0
    settled = run.candidates.filter(settled=True).count()
    good = settling.going_on(run).count()
    each = (good + 1) / (settled + 1)  # the first ones are expected to yield one each
    open_chunks = run.job.chunks.exclude(state=Chunk.State.DONE)
    if closing is not None:
        open_chunks = open_chunks.exclude(pk=closing.pk)
    outstanding = open_chunks.aggregate(n=Sum("size", default=0))["n"]
    unsettled = run.candidates.filter(settled=False).exclude(state=Candidate.State.NOT_ASKED).count()
    return math.ceil(short / each) - outstanding - unsettled


def _run(job: Job) -> Run:
    return Run.objects.select_related("project", "endpoint", "judge", "job", "queue").get(job=job)


# Making


class _Watch:
    """The chunk's pulse, which also looks every second whether the run was stopped, or has what it wants."""

    def __init__(self, pulse: Pulse, run: Run) -> None:
        self.pulse, self.run, self.looked_at = pulse, run, time.monotonic()

    def beat(self, done: int = 0) -> None:
        self.pulse.beat(done)
        if time.monotonic() - self.looked_at < LOOK_SECONDS:
            return
        self.looked_at = time.monotonic()
        state, ended = Run.objects.values_list("job__state", "ended").get(pk=self.run.pk)
        if state != Job.State.RUNNING:
            raise Cancelled
        if ended == Run.Ended.TARGET:
            raise Enough


def process(job: Job, chunk: Chunk, pulse: Pulse) -> Generated:
    run, generated = _run(job), Generated()
    if "approved" in chunk.inputs:
        texts = Sample.objects.filter(pk__in=chunk.inputs["approved"]).order_by("text_sha256")
        generated.vectors = novelty.encoded(dict(texts.values_list("text_sha256", "text")), pulse)
        return generated
    run.endpoint.must_still_be(run.model)
    watch = _Watch(pulse, run)
    seeds = seeds_of(run, chunk.inputs["first"], chunk.inputs["last"])
    before = chunk.size - len(seeds)
    try:
        clerk = Clerk(
            job,
            chunk,
            run.endpoint,
            versions=prompts.by_label(run.versions.select_related("prompt")),
            budget=budget_of(run.bounds),
        )
        ask_all(seeds, _step(run), clerk, watch, generated.asked, before)
        verdicts.verify(run, job, chunk, generated, watch)
    except Enough:
        generated.asked.not_asked.clear()
    if run.most_similar is not None:
        novelty.compare(run, generated, pulse)
    return generated


def _step(run: Run) -> Writer:
    """The run's workflow with all that it was asked for."""
    workflow = WORKFLOWS[run.workflow]
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in run.options.items()}
    step = workflow.step(
        seed=run.draw,
        sampling=Sampling(**run.sampling),
        wording=prompts.wording(run.versions.select_related("prompt")),
        aim=run.aim,
        **options,
    )
    handed_in: dict[str, Any] = {
        "runs_alike": partial(same_outcomes, hidden=verdicts.hidden()),
        "cosine": _cosine,
    }
    return replace(step, **{name: value for name, value in handed_in.items() if hasattr(step, name)})


def _cosine(one: str, other: str) -> float:
    first, second = Embed(embedding_options()).process_batch([one, other])
    return float(first @ second)


# Saving


def save(job: Job, chunk: Chunk, result: Generated) -> Tally:
    run = Run.objects.select_for_update(of=("self",)).select_related("job", "endpoint", "queue").get(job=job)
    if result.vectors:
        Embedding.objects.keep(novelty.model(), result.vectors)
    tally = _store(run, chunk, result)
    # What was held for calls that were cut off is not known to be spent or not: a budget counts it.
    Spending.objects.filter(chunk=chunk).update(
        lost_tokens=F("lost_tokens") + F("held_tokens"),
        lost_money=F("lost_money") + F("held_money"),
        held_tokens=0,
        held_money=0,
    )
    if not run.ended:
        _go_on(run, chunk)
    return tally


def _store(run: Run, chunk: Chunk, result: Generated) -> Tally:
    """The candidates of a piece with their samples and losses."""
    asked = result.asked
    seeds = seeds_of(run, chunk.inputs["first"], chunk.inputs["last"]) if "first" in chunk.inputs else {}
    run.candidates.filter(ordinal__in=list(seeds), state=Candidate.State.NOT_ASKED).delete()
    rows = _candidates(
        run, [at for at in seeds if at in asked.results or at in asked.failed or at in asked.not_asked]
    )
    for ordinal, row in rows.items():
        if failed := asked.failed.get(ordinal):
            row.state, row.error, row.detail = Candidate.State.FAILED, failed.name, str(failed)[:2_000]
        elif ordinal in asked.not_asked:
            row.state = Candidate.State.NOT_ASKED
    Candidate.objects.bulk_create(rows.values())
    _store_samples(run, rows, result)
    _store_losses(rows, asked)
    return Tally(
        done=sum(ordinal in asked.results for ordinal in rows),
        dropped=len(asked.not_asked),
        failed=len(asked.failed),
        mishaps=[
            (f"candidate {ordinal + 1}", failed.name, str(failed))
            for ordinal, failed in sorted(asked.failed.items())
        ],
    )


def _candidates(run: Run, ordinals: list[int]) -> dict[int, Candidate]:
    count = run.seeds.count()
    if not count:
        return {}
    seeds = dict(run.seeds.filter(ordinal__in={at % count for at in ordinals}).values_list("ordinal", "seed"))
    return {
        at: Candidate(
            run=run, ordinal=at, seed_id=seeds[at % count], number=at // count, state=Candidate.State.DONE
        )
        for at in sorted(ordinals)
    }


def _store_samples(run: Run, rows: Mapping[int, Candidate], result: Generated) -> None:
    fresh = []
    passages = dict(
        RunSeed.objects.filter(run=run, seed__in=[row.seed_id for row in rows.values()]).values_list(
            "seed", "seed__passage"
        )
    )
    for key, one in result.made():
        ordinal, branch = key
        if ordinal not in rows:
            continue
        row = rows[ordinal]
        found = result.verdicts.get(key, [])
        made = replace(one.sample, verdicts=(*one.sample.verdicts, *(verdict for verdict, _ in found)))
        sample = samples.row_of(
            made,
            f"{run.uuid.hex[:12]}-{ordinal + 1}-{branch + 1}",
            project_id=run.project_id,
            source_id=run.source_id,
            candidate=row,
            branch=branch,
            seed_id=row.seed_id,
            passage_id=passages[row.seed_id],
        )
        if near := result.repeats.get(key):
            sample.repeats_id, sample.left_out_detail = near[0], f"cosine {near[1]:.3f}"
        calls = (*(None for _ in one.sample.verdicts), *(call for _, call in found))
        fresh.append(samples.Fresh(sample, made, one.calls, calls))
    samples.insert(fresh)


def _store_losses(rows: Mapping[int, Candidate], asked: Asked[Outcome]) -> None:
    found: list[tuple[Loss, Lost]] = []
    for ordinal, row in rows.items():
        if ordinal in asked.results:
            outcome, _ = asked.results[ordinal]
            found += [
                (
                    Loss(candidate=row, ordinal=at, reason=lost.reason, at=lost.at[:80], detail=lost.detail),
                    lost,
                )
                for at, lost in enumerate(outcome.lost)
            ]
    Loss.objects.bulk_create(loss for loss, _ in found)
    links = Loss.calls.through
    links.objects.bulk_create(
        links(loss_id=loss.pk, call_id=call)
        for loss, lost in found
        for call in dict.fromkeys(lost.calls)
        if call is not None
    )


def _go_on(run: Run, chunk: Chunk) -> None:
    """Settle what can be settled, and plan what the target still seems to need."""
    model = novelty.model() if run.most_similar is not None else None
    stock = settling.settle(run, model, _settled_before(run, chunk))
    if run.ended == Run.Ended.TARGET:
        # What was planned beyond it is not needed; pieces that run see it and stop.
        run.job.chunks.filter(state=Chunk.State.WAITING).update(state=Chunk.State.DONE)
    elif not run.candidates.filter(state=Candidate.State.NOT_ASKED).exists():
        extend(run.job, next_pieces(run, stock, chunk))


def _settled_before(run: Run, chunk: Chunk) -> int | None:
    """The first candidate that is not made yet; what comes before it can be settled in order. None: all are made."""
    first = run.job.chunks.exclude(state=Chunk.State.DONE).exclude(pk=chunk.pk).order_by("ordinal").first()
    unasked = run.candidates.filter(state=Candidate.State.NOT_ASKED).order_by("ordinal").first()
    limits = [first.inputs.get("first", 0)] if first else []
    if unasked:
        limits.append(unasked.ordinal)
    return min(limits, default=None)


# Ending


def finish(job: Job) -> dict[str, Any]:
    """The last word on what was made, and why it ended."""
    run = Run.objects.select_for_update(of=("self",)).select_related("job", "endpoint", "queue").get(job=job)
    if not run.ended:
        model = novelty.model() if run.most_similar is not None else None
        stock = settling.settle(run, model, None)
        if not run.ended and run.phase == Run.Phase.FULL:
            run.ended = _why(run, stock)
            run.save(update_fields=["ended"])
    return result_of(run)


def _why(run: Run, stock: settling.Stock) -> str:
    if run.candidates.filter(state=Candidate.State.NOT_ASKED).exists():
        return Run.Ended.BUDGET
    return Run.Ended.CANDIDATES if stock.short_of(run.target) else ""


def result_of(run: Run) -> dict[str, Any]:
    """What came of it, in numbers."""
    said: dict[str, Any] = {"accepted": run.accepted, "candidates": run.candidates.count()}
    if failed := run.candidates.filter(state=Candidate.State.FAILED).values_list("error", flat=True):
        said["failed"] = {ERRORS[name].title: list(failed).count(name) for name in sorted(set(failed))}
    return said | Spending.objects.of(run.job).told


KIND = Kind(
    name="generate",
    title="Generate samples",
    unit="candidates",
    plan=plan,
    process=process,
    save=save,
    finish=finish,
    writes_much=True,
)
