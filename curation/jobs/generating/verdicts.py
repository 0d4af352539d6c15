"""Verdicts on what a piece of a run made: those that need no model first, then the judge on what they left."""

from __future__ import annotations

from django.conf import settings

from curation.actions import prompts
from curation.jobs.clerk import Clerk
from curation.jobs.generating.made import Generated
from curation.jobs.kind import Pulse
from curation.jobs.many import Asked, ask_all, budget_of
from curation.models import Chunk, Job, Run
from curation.recipe import chain
from curation.recipe.verify.examine import CHECKS, examine, wanting
from curation.recipe.verify.judge import Judge


def hidden() -> tuple[str, ...]:
    """What foreign code must not be able to read."""
    return (str(settings.STUDIO_HOME),)


def verify(run: Run, job: Job, chunk: Chunk, generated: Generated, pulse: Pulse) -> None:
    """Verdicts that need no model first; the judge is asked about what they left."""
    plain = [key for key in run.checks if key in CHECKS]
    for key, one in generated.made():
        pulse.beat(generated.asked.done)
        generated.verdicts[key] = [(said, None) for said in examine(one.sample, plain, hidden=hidden())]
    if "judge" in run.checks and run.judge is not None:
        _ask_judge(run, job, chunk, generated, pulse)


def _ask_judge(run: Run, job: Job, chunk: Chunk, generated: Generated, pulse: Pulse) -> None:
    assert run.judge is not None
    keys = []
    for key, one in generated.made():
        said = [*one.sample.verdicts, *(verdict for verdict, _ in generated.verdicts[key])]
        if not wanting(said, [kind for kind in run.required if kind != "judge"]):
            keys.append(key)
    texts = dict(generated.made())
    asked: Asked[chain.ChainVerdict] = Asked()
    asking = list(run.versions.select_related("prompt"))
    clerk = Clerk(job, chunk, run.judge, versions=prompts.by_label(asking), budget=budget_of(run.bounds))
    step = Judge(run.judge.sampling(), prompts.wording(asking))
    records_ = {at: texts[key].sample for at, key in enumerate(keys)}
    ask_all(records_, step, clerk, pulse, asked, generated.asked.done)
    for at, (verdict, answer) in asked.results.items():
        generated.verdicts[keys[at]].append((verdict, answer.call if answer else None))
    for at, failed in asked.failed.items():
        evidence = f"The judge could not be asked: {failed}"
        generated.verdicts[keys[at]].append((chain.ChainVerdict("judge", "uncertain", run.judge.model, {}, evidence), None))  # fmt: skip
    for at in asked.not_asked:
        # Without its verdict nothing can be said of the candidate: it is asked again once the budget allows.
        ordinal, _ = keys[at]
        generated.asked.results.pop(ordinal, None)
        generated.asked.not_asked.add(ordinal)
