"""Kinds `verify` and `judge`: verdicts on samples that are there, by checks that ask nobody, and by a language model.

They are two, because the first may run code that nobody trusts and needs nothing but the database, and the second needs a network and keys: so the first can
be left to workers that have neither (`runs_code`). A chunk is a frozen list of samples. Each ends with its verdicts, a named failure, or not asked for want of budget.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import Count

from curation.actions import prompts, verifying
from curation.actions.verifying import Chosen, Conclusion, Content
from curation.jobs.clerk import Clerk
from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.jobs.many import Asked, ask_all, budget_of
from curation.models import Chunk, Endpoint, Job, PromptVersion, Spending, Verdict
from curation.recipe.chain import ChainVerdict
from curation.recipe.llm.errors import ERRORS
from curation.recipe.llm.records import Sampling
from curation.recipe.verify.examine import CHECKS, examine
from curation.recipe.verify.judge import Judge

#: Samples of a piece: code may take its whole time limit for each.
MOST_CHECKED, MOST_RUN = 200, 20
#: Enough to keep every place at the endpoint busy.
LEAST_JUDGED, MOST_JUDGED, ROUNDS = 48, 512, 4


def _plan(job: Job, size: int) -> Iterator[ChunkPlan]:
    assert job.project is not None
    chosen = Chosen.of(job.options["chosen"])
    found = verifying.samples(job.project, chosen, job.options["judges"])
    ids = list(found.values_list("pk", flat=True)[: verifying.MOST_SAMPLES])
    for start in range(0, len(ids), size):
        part = ids[start : start + size]
        yield ChunkPlan({"samples": part}, len(part))


def _outcomes(job: Job) -> dict[str, Any]:
    """What the job concluded: {kind: {outcome: count}}. Verdicts are evidence for people on samples, and hidden nowhere."""
    rows = Verdict.objects.filter(job=job).order_by().values_list("kind", "outcome").annotate(n=Count("pk"))
    said: dict[str, Any] = {}
    for kind, outcome, n in rows:
        said.setdefault(kind, {})[outcome] = n
    return {"verdicts": said}


# Checks that ask nobody


def _runs_code(job: Job) -> bool:
    return any(CHECKS[check].runs_code for check in job.options["checks"] if check in CHECKS)


def plan_checks(job: Job) -> Iterator[ChunkPlan]:
    return _plan(job, MOST_RUN if _runs_code(job) else MOST_CHECKED)


@dataclass(slots=True)
class Examined:
    conclusions: list[Conclusion] = field(default_factory=list)
    done: int = 0
    gone: int = 0


def process_checks(job: Job, chunk: Chunk, pulse: Pulse) -> Examined:
    there = verifying.content(chunk.inputs["samples"])
    found = Examined(gone=len(chunk.inputs["samples"]) - len(there))
    hidden = (str(settings.STUDIO_HOME),)
    for sample, one in sorted(there.items()):
        pulse.beat(found.done)
        verdicts = examine(one.made, job.options["checks"], hidden=hidden)
        found.conclusions += [Conclusion(sample, one.sha256, said) for said in verdicts]
        found.done += 1
    return found


def save_checks(job: Job, chunk: Chunk, result: Examined) -> Tally:
    verifying.append(result.conclusions, job)
    return Tally(done=result.done, dropped=result.gone)


# The judge


def plan_judge(job: Job) -> Iterator[ChunkPlan]:
    together = _endpoint(job).record.together
    return _plan(job, min(MOST_JUDGED, max(LEAST_JUDGED, together * ROUNDS)))


def _endpoint(job: Job) -> Endpoint:
    return Endpoint.objects.get(pk=job.options["endpoint"]).must_still_be(job.options["model"])


@dataclass(slots=True)
class Judged:
    """What a chunk came to, by sample."""

    there: dict[int, Content]
    asked: Asked[ChainVerdict] = field(default_factory=Asked)
    gone: int = 0


def process_judge(job: Job, chunk: Chunk, pulse: Pulse) -> Judged:
    there = verifying.content(chunk.inputs["samples"])
    judged = Judged(there, gone=len(chunk.inputs["samples"]) - len(there))
    version = PromptVersion.objects.select_related("prompt").get(pk=job.options["version"])
    step = Judge(Sampling(**job.options["sampling"]), prompts.wording([version]))
    clerk = Clerk(job, chunk, _endpoint(job), version, budget=budget_of(job.options))
    records = {sample: one.made for sample, one in there.items()}
    ask_all(records, step, clerk, pulse, judged.asked, before=judged.gone)
    return judged


def save_judge(job: Job, chunk: Chunk, result: Judged) -> Tally:
    asked, there = result.asked, result.there
    said = [
        Conclusion(sample, there[sample].sha256, verdict, answer.call if answer else None)
        for sample, (verdict, answer) in sorted(asked.results.items())
    ]
    verifying.append(said, job)
    return Tally(
        done=len(asked.results),
        dropped=len(asked.not_asked) + result.gone,
        failed=len(asked.failed),
        mishaps=[
            (f"sample {there[sample].uuid}", failed.name, str(failed))
            for sample, failed in sorted(asked.failed.items())
        ],
    )


def finish_judge(job: Job) -> dict[str, Any]:
    """What came of it, and what it cost."""
    sums = list(job.chunks.values_list("dropped", "failed"))
    dropped, failed = (sum(column) for column in zip(*sums, strict=True)) if sums else (0, 0)
    said: dict[str, Any] = {"judge": job.options["judges"][verifying.JUDGE], **_outcomes(job)}
    if failed:
        reasons = Counter(job.mishaps.values_list("reason", flat=True))
        said["failed"] = {ERRORS[name].title: count for name, count in reasons.most_common()}
    if dropped:
        said["not_asked"] = (
            f"{dropped:,}: the budget did not cover them, or they are gone. Verify again to go on."
        )
    return said | Spending.objects.of(job).told


CHECK = Kind(
    name="verify",
    title="Verify samples",
    unit="samples",
    plan=plan_checks,
    process=process_checks,
    save=save_checks,
    finish=_outcomes,
    runs_code=_runs_code,
)
JUDGE = Kind(
    name="judge",
    title="Have a model judge samples",
    unit="samples",
    plan=plan_judge,
    process=process_judge,
    save=save_judge,
    finish=finish_judge,
)
