"""Verdicts on samples: which samples, what a judge would cost, starting the jobs, appending what they conclude, and what a project requires."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from curation.actions import asking, prompts
from curation.actions.asking import AskingError, Estimate
from curation.models import Activity, Endpoint, Job, Project, PromptVersion, Sample, User, Verdict
from curation.recipe import chain
from curation.recipe.llm.prompts import render
from curation.recipe.llm.wording import filled
from curation.recipe.verify import judge
from curation.recipe.verify.examine import CHECKS, STANDINGS

#: What the judge adds to the checks that ask nobody.
JUDGE = judge.KEY
MOST_SAMPLES = 200_000
#: Tokens of a judge's answer before any model has answered; models that think aloud write many more.
ASSUMED_OUT = 700


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which samples. Empty means: no restriction. `sources` are ids, `run` a run's id, `samples` UUIDs; `again`: also those that were verified already."""

    sources: tuple[int, ...] = ()
    run: int | None = None
    workflow: str = ""
    state: str = ""
    samples: tuple[str, ...] = ()
    again: bool = False

    def stored(self) -> dict[str, Any]:
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in said.items() if value
        }

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Chosen:
        said: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()
        }
        return cls(**said)


# Which samples


def samples(project: Project, chosen: Chosen, names: Mapping[str, str]) -> QuerySet[Sample]:
    """Those that were chosen and that one of `names` ({kind: judge}) has not said anything of as they are now. In the order they came."""
    found = project.samples.exclude(state=Sample.State.WITHDRAWN)
    if chosen.sources:
        found = found.filter(source__in=chosen.sources)
    if chosen.run is not None:
        found = found.filter(candidate__run=chosen.run)
    if chosen.workflow:
        found = found.filter(workflow=chosen.workflow)
    if chosen.state:
        found = found.filter(state=chosen.state)
    if chosen.samples:
        found = found.filter(uuid__in=chosen.samples)
    if not chosen.again:
        found = found.filter(_unsaid(names))
    return found.order_by("pk")


def _unsaid(names: Mapping[str, str]) -> Q:
    now = Coalesce(OuterRef("text_version__sha256"), OuterRef("text_sha256"))
    wanted = Q(pk__in=[])
    for kind, name in names.items():
        said = Verdict.objects.filter(sample=OuterRef("pk"), kind=kind, judge=name, text_sha256=now)
        wanted |= ~Q(Exists(said))
    return wanted


def names_of(checks: Iterable[str]) -> dict[str, str]:
    """{kind: judge} of checks, as their verdicts will be signed."""
    return {check: CHECKS[check].judge() for check in checks}


def judge_of(endpoint: Endpoint) -> dict[str, str]:
    return {JUDGE: judge.judge_name(endpoint.model)}


@dataclass(frozen=True, slots=True)
class Content:
    """A sample as it is judged: with its edits, and the words of its seed."""

    uuid: str
    sha256: str
    made: chain.Chain


def content(ids: Sequence[int]) -> dict[int, Content]:
    """Of those that still stand."""
    rows = Sample.objects.filter(pk__in=ids).exclude(state=Sample.State.WITHDRAWN)
    rows = rows.select_related("text_version", "passage", "seed__passage").defer("search")
    return {row.pk: _content(row) for row in rows}


def _content(row: Sample) -> Content:
    text, messages, sha256 = row.text, row.messages, row.text_sha256
    if edited := row.text_version:
        text, messages, sha256 = edited.text, edited.messages, edited.sha256
    turns = [chain.Message(one["role"], one["content"]) for one in messages or ()]
    reference = {name: row.seed_reference.get(name) or "" for name in ("address", "quote", "text")}
    passage = row.passage or (row.seed.passage if row.seed else None)
    if not (reference["quote"] or reference["text"]):
        reference["text"] = passage.text if passage else row.seed.text if row.seed else ""
    seed = chain.SeedReference(**reference, meta=row.seed_reference.get("meta") or {})
    made = chain.Chain(
        messages=tuple(turns),
        text="" if turns else text,
        seed=seed if any(reference.values()) else None,
        language=row.language,
        meta=row.meta,
    )
    return Content(str(row.uuid), sha256, made)


# What it costs


def version() -> PromptVersion:
    """The version of the judge's prompt that asks now."""
    return prompts.ours(JUDGE)


def estimate(project: Project, endpoint: Endpoint, chosen: Chosen) -> Estimate:
    """Calls, tokens and money of having a model judge the samples. Raises AskingError."""
    found = samples(project, chosen, judge_of(endpoint))
    count = found.count()
    if not count:
        raise AskingError(_nothing(chosen))
    first = content(list(found.values_list("pk", flat=True)[: asking.SAMPLE])).values()
    told = [render(judge.JUDGE.template, filled(judge.values_of(one.made))) for one in first]
    return asking.estimate(
        project, endpoint, version(), told, texts=count, wanted=count, assumed_out=ASSUMED_OUT
    )


def _nothing(chosen: Chosen) -> str:
    if chosen.again:
        return "No sample fits this choice. Widen it."
    return "No sample fits this choice that was not verified so already. Widen it, or verify again."


# Starting


def start(
    project: Project,
    by: User | None,
    chosen: Chosen,
    *,
    checks: Sequence[str],
    endpoint: Endpoint | None = None,
    budget_tokens: int | None = None,
    budget_money: Decimal | None = None,
) -> list[Job]:
    """Start verifying: a job for the checks, which ask nobody, and one for the judge where an endpoint is given. Raises AskingError."""
    if unknown := [one for one in checks if one not in CHECKS]:
        raise AskingError(f"There is no check {unknown[0]!r}; there are {', '.join(CHECKS)}.")
    if not checks and endpoint is None:
        raise AskingError(f"Choose what to verify: {', '.join(CHECKS)}, or a model as the judge.")
    wanted: list[tuple[str, dict[str, Any], dict[str, str]]] = []
    if checks:
        kept = list(dict.fromkeys(checks))
        wanted.append(("verify", {"checks": kept}, names_of(kept)))
    if endpoint is not None:
        asking.check(project, endpoint, budget_tokens, budget_money)
        asked = asking.frozen(endpoint, version(), budget_tokens, budget_money)
        wanted.append(("judge", asked, judge_of(endpoint)))
    to_do = [one for one in wanted if samples(project, chosen, one[2]).exists()]
    if not to_do:
        raise AskingError(_nothing(chosen))
    with transaction.atomic():
        return [_job(project, by, chosen, *one) for one in to_do]


def _job(
    project: Project,
    by: User | None,
    chosen: Chosen,
    kind: str,
    options: Mapping[str, Any],
    names: dict[str, str],
) -> Job:
    said = {**options, "chosen": chosen.stored(), "judges": names}
    try:
        with transaction.atomic():
            job = Job.objects.create(project=project, kind=kind, lane=kind, options=said, created_by=by)
    except IntegrityError:
        raise AskingError("Samples are being verified already. Wait for that job, or cancel it.") from None
    if by is not None:
        details = {"judges": list(names.values()), "chosen": said["chosen"]}
        Activity.objects.create(
            project=project,
            actor=by,
            verb="started verifying",
            subject=", ".join(names.values())[:300],
            details=details,
        )
    return job


# Keeping what was concluded


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A verdict on one sample, of which text, and by which call."""

    sample: int
    sha256: str
    said: chain.ChainVerdict
    call: int | None = None


def append(conclusions: Sequence[Conclusion], job: Job) -> int:
    """Add verdicts behind those that are there; one that says what its judge said last of the same text adds nothing. Returns how many are new.

    Inside a transaction: the samples are locked, so that two jobs do not take the same place.
    """
    ids = sorted({one.sample for one in conclusions})
    there = list(Sample.objects.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk").values_list("pk", flat=True))  # fmt: skip
    places: Counter[int] = Counter()
    last: dict[tuple[int, str, str], Verdict] = {}
    for row in Verdict.objects.filter(sample__in=there).order_by("sample", "ordinal"):
        places[row.sample_id] = row.ordinal + 1
        last[row.sample_id, row.kind, row.judge] = row
    fresh = []
    for one in conclusions:
        before = last.get((one.sample, one.said.kind, one.said.judge))
        if one.sample not in there or (before is not None and _same(before, one)):
            continue
        fresh.append(_verdict(one, job, places[one.sample]))
        places[one.sample] += 1
    Verdict.objects.bulk_create(fresh)
    return len(fresh)


def _same(before: Verdict, now: Conclusion) -> bool:
    said = now.said
    return (before.outcome, before.scores, before.evidence, before.meta, before.text_sha256) == (
        said.outcome,
        said.scores,
        said.evidence,
        said.meta,
        now.sha256,
    )


def _verdict(one: Conclusion, job: Job, ordinal: int) -> Verdict:
    said = one.said
    return Verdict(
        sample_id=one.sample,
        ordinal=ordinal,
        kind=said.kind,
        judge=said.judge,
        outcome=said.outcome,
        scores=said.scores,
        evidence=said.evidence,
        meta=said.meta,
        text_sha256=one.sha256,
        job=job,
        call_id=one.call,
    )


# What a project requires before people see a sample


def standing(kind: str, stands: str) -> Q:
    """Samples whose verdicts of a kind come to this, a key of `examine.STANDINGS`."""
    said = Verdict.objects.counting().filter(sample=OuterRef("pk"), kind=kind)
    failed = Q(Exists(said.filter(outcome=Verdict.Outcome.FAILED)))
    passed = Q(Exists(said.filter(outcome=Verdict.Outcome.PASSED)))
    return {
        "failed": failed,
        "passed": passed & ~failed,
        "uncertain": Q(Exists(said)) & ~passed & ~failed,
        "missing": ~Q(Exists(said)),
    }[stands]


def required(project: Project) -> tuple[str, ...]:
    """The kinds of verdicts that have to have passed."""
    return tuple(kind for kind in chain.VERDICT_KINDS if getattr(project.settings, f"require_{kind}"))


def ready(found: QuerySet[Any], project: Project) -> QuerySet[Any]:
    """Of samples, those that have passed what their project requires."""
    for kind in required(project):
        found = found.filter(standing(kind, "passed"))
    return found


def held_back(found: QuerySet[Any], project: Project) -> dict[str, Counter[str]]:
    """Of samples, how many are not ready, by required kind and its standing: {"code": {"failed": 2, "missing": 7}}. One that lacks two counts in both."""
    counts: dict[str, Counter[str]] = {}
    for kind in required(project):
        others = {
            stands: Count("pk", filter=standing(kind, stands)) for stands in STANDINGS if stands != "passed"
        }
        told = Counter({stands: n for stands, n in found.order_by().aggregate(**others).items() if n})
        if told:
            counts[kind] = told
    return counts
