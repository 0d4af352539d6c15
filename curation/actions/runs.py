"""Starting a run: which seeds it goes round, what it may spend, and the rows that its job works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from curation.actions import prompts, queues, verifying
from curation.models import (
    Activity,
    Endpoint,
    Job,
    Occurrence,
    Project,
    Queue,
    Run,
    RunSeed,
    Seed,
    Source,
    User,
)
from curation.recipe.generate.drawn import AimError, check_aim
from curation.recipe.generate.workflows import WORKFLOWS, Workflow
from curation.recipe.scoring import topics

MOST_SEEDS = 100_000
MOST_TARGET = 10_000_000
#: Of candidates to a target, where nobody says how many may be made at most; ours.
CANDIDATES_PER_SAMPLE = 5
#: Verdicts that a run can ask for; what each means stands in docs/verification.md.
VERDICTS = ("code", "maths", "format", "judge")
#: Closer to an accepted sample, one says it again; ours, stricter than for passages since all samples of a run sound alike.
MOST_SIMILAR = 0.95


class RunError(Exception):
    """What was asked cannot be done; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which seeds. Empty means: no restriction. `sources` are ids, `take` the number drawn by `draw`, 0 for all."""

    state: str = "approved"
    sources: tuple[int, ...] = ()
    language: str = ""
    topic: str = ""
    take: int = 0

    def stored(self) -> dict[str, Any]:
        return {
            "topic": self.topic,
            "state": self.state,
            "sources": list(self.sources),
            "language": self.language,
            "take": self.take,
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run is asked for. `options` are fields of the workflow's step; `aim` fixes what is otherwise drawn."""

    name: str
    workflow: str
    endpoint: Endpoint
    target: int
    budget_tokens: int | None = None
    budget_money: Decimal | None = None
    choice: Choice = field(default_factory=Choice)
    most_candidates: int = 0
    pilot: int = 3
    accepting: str = Run.Accepting.PEOPLE
    decisions: int = 1
    checks: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    judge: Endpoint | None = None
    most_similar: float | None = MOST_SIMILAR
    draw: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)
    aim: Mapping[str, str] = field(default_factory=dict)
    temperature: float | None = None


# Seeds


def seeds(project: Project, workflow: str, choice: Choice) -> QuerySet[Seed]:
    """Those that a workflow can take, of what was chosen, without an order. Raises RunError for an unknown workflow."""
    takes = _workflow(workflow).takes
    found = _usable(project)
    if choice.state:
        found = found.filter(state=choice.state)
    if choice.topic:
        found = found.filter(passage__document__topic=choice.topic)
    if choice.language:
        found = found.filter(passage__language=choice.language)
    if choice.sources:
        there = Occurrence.objects.filter(source__in=choice.sources, document=OuterRef("passage__document"))
        found = found.filter(Exists(there))
    return found.filter(_of_kinds(takes)).filter(
        Q(passage=None)
        | Q(passage__document__withdrawn_at=None, passage__extraction=F("passage__document__extraction"))
    )


def topics_of_seeds(project: Project) -> list[tuple[str, str]]:
    """(key, title) of the topics that usable seeds are on. One query."""
    found = _usable(project).order_by().values_list("passage__document__topic", flat=True).distinct()
    return [(key, topics.NAMES.get(key, key)) for key in sorted(filter(None, found))]


def languages_of_seeds(project: Project) -> list[str]:
    found = _usable(project).order_by().values_list("passage__language", flat=True).distinct()
    return sorted(filter(None, found))


def _usable(project: Project) -> QuerySet[Seed]:
    return project.seeds.exclude(state__in=[Seed.State.WITHDRAWN, Seed.State.REJECTED])


def free_name(project: Project) -> str:
    """A name that no run of the project has."""
    taken = set(project.runs.values_list("name", flat=True))
    return next(name for at in range(1, len(taken) + 2) if (name := f"Run {at}") not in taken)


def _of_kinds(takes: tuple[str, ...]) -> Q:
    """Seeds of these kinds: a question has no passage; code stands in a source of code; a passage is what is neither."""
    code = Exists(
        Occurrence.objects.filter(document=OuterRef("passage__document"), source__kind=Source.Kind.CODE)
    )
    kinds = {
        "question": Q(passage=None),
        "code": Q(code, passage__isnull=False),
        "passage": Q(~code, passage__isnull=False),
    }
    asked = Q(pk__in=[])
    for kind in takes:
        asked |= kinds[kind]
    return asked


def kind_of(seed: Seed, code: bool) -> str:
    """What a seed is to a workflow: passage, code or question."""
    return "question" if seed.passage_id is None else "code" if code else "passage"


def _workflow(key: str) -> Workflow:
    try:
        return WORKFLOWS[key]
    except KeyError:
        raise RunError(f"No workflow is called {key!r}; there are {', '.join(WORKFLOWS)}.") from None


# Making a run


def create(project: Project, by: User | None, wanted: Wanted) -> Run:
    """Make a run and its job. With a pilot it tries a few seeds and waits for somebody's go. Raises RunError."""
    workflow = _workflow(wanted.workflow)
    values = _checked(project, workflow, wanted)
    try:
        with transaction.atomic():
            source = Source.objects.create(
                project=project, name=f"Run: {wanted.name.strip()}"[:160], kind=Source.Kind.SYNTHETIC
            )
            job = Job.objects.create(
                project=project, kind="generate", options={"endpoint": wanted.endpoint.pk}, created_by=by
            )
            queue = _queue(project, by, wanted) if wanted.accepting == Run.Accepting.PEOPLE else None
            run = Run.objects.create(
                project=project, source=source, job=job, queue=queue, created_by=by, **values
            )
            asking = [*prompts.in_force(project, workflow.key).values()]
            if run.judge is not None:
                asking.append(verifying.version())
            run.versions.set(asking)
            if not _freeze(run, seeds(project, workflow.key, wanted.choice), wanted.choice.take):
                raise RunError(nothing(workflow, wanted.choice))
            Activity.objects.create(
                project=project,
                actor=by,
                verb="started a run",
                subject=run.name,
                details={"workflow": workflow.key, "target": run.target, **run.bounds},
            )
    except (IntegrityError, queues.QueueError):
        raise RunError(
            f"The project has a run called {wanted.name!r} already. Choose another name."
        ) from None
    return run


def nothing(workflow: Workflow, choice: Choice) -> str:
    """Why there are no seeds to go round."""
    kinds = " or ".join(workflow.takes)
    which = f"{choice.state} " if choice.state else ""
    return (
        f"There is no {which}seed that {workflow.title.lower()} takes ({kinds}). Approve some in a queue of seeds, "
        "or choose seeds that nobody has reviewed yet."
    )


def _checked(project: Project, workflow: Workflow, wanted: Wanted) -> dict[str, Any]:
    name = wanted.name.strip()[:120]
    if not name:
        raise RunError("Give the run a name.")
    for endpoint in filter(None, (wanted.endpoint, wanted.judge)):
        if endpoint.archived_at is not None or endpoint.project_id not in (None, project.pk):
            raise RunError(f"{endpoint} is not offered to this project.")
    check_budget(wanted.endpoint, wanted.judge, wanted.budget_tokens, wanted.budget_money)
    if not 1 <= wanted.target <= MOST_TARGET:
        raise RunError(f"A run accepts 1 to {MOST_TARGET:,} samples.")
    # What the project asks of every sample before people see it holds for what is made here too.
    wanted = replace(wanted, required=tuple(dict.fromkeys((*wanted.required, *verifying.required(project)))))
    checks = _verdicts(wanted)
    try:
        check_aim(wanted.aim)
    except AimError as error:
        raise RunError(str(error)) from None
    if wanted.accepting not in Run.Accepting.values:
        raise RunError(
            f"Samples are accepted by {' or '.join(Run.Accepting.values)}, not by {wanted.accepting!r}."
        )
    if wanted.accepting == Run.Accepting.VERDICTS and not wanted.required:
        raise RunError("Say which verdicts a sample needs, or let people decide.")
    if wanted.most_similar is not None and not 0.5 <= wanted.most_similar <= 1:
        raise RunError("The similarity beyond which a sample repeats another lies between 0.5 and 1.")
    return {
        "name": name,
        "workflow": workflow.key,
        "options": _options(workflow, wanted.options),
        "aim": {key: value for key, value in wanted.aim.items() if value},
        "endpoint": wanted.endpoint,
        "model": wanted.endpoint.model,
        "sampling": {
            "temperature": wanted.endpoint.temperature if wanted.temperature is None else wanted.temperature,
            "top_p": wanted.endpoint.top_p,
            "most_tokens": wanted.endpoint.most_tokens,
        },
        "draw": wanted.draw,
        "chosen": wanted.choice.stored(),
        "accepting": wanted.accepting,
        "checks": checks,
        "required": list(wanted.required),
        "judge": wanted.judge,
        "most_similar": wanted.most_similar,
        "pilot": max(0, wanted.pilot),
        "target": wanted.target,
        "most_candidates": wanted.most_candidates or wanted.target * CANDIDATES_PER_SAMPLE,
        "budget_tokens": wanted.budget_tokens,
        "budget_money": wanted.budget_money,
        "phase": Run.Phase.PILOT if wanted.pilot else Run.Phase.FULL,
    }


def check_budget(
    endpoint: Endpoint, judge: Endpoint | None, tokens: int | None, money: Decimal | None
) -> None:
    """Raises RunError for none, for less than something, and for money that cannot be counted."""
    if tokens is None and money is None:
        raise RunError("Say how many tokens, or how much money, may be spent at most.")
    if (tokens is not None and tokens < 1) or (money is not None and money <= 0):
        raise RunError("A budget is more than nothing.")
    for asked in filter(None, (endpoint, judge)):
        if money is not None and not asked.has_price:
            raise RunError(f"{asked} has no price, so money cannot be counted. Set a budget in tokens.")


def _verdicts(wanted: Wanted) -> list[str]:
    """The verdicts that are made, in the order of the table: those asked for and those required. A judge's can come from the workflow itself."""
    asked = {*wanted.checks, *wanted.required}
    if unknown := sorted(asked - set(VERDICTS)):
        raise RunError(f"There is no verdict called {unknown[0]!r}; there are {', '.join(VERDICTS)}.")
    if wanted.judge is None:
        if "judge" in wanted.checks:
            raise RunError("Say which model judges.")
        asked.discard("judge")
    return [key for key in VERDICTS if key in asked]


#: Fields of a workflow's step that are not options of a run: they have places of their own, or are handed in.
_NO_OPTIONS = {"seed", "sampling", "wording", "aim", "runs_alike", "cosine"}


def _options(workflow: Workflow, options: Mapping[str, Any]) -> dict[str, Any]:
    known = {one.name for one in fields(workflow.step)} - _NO_OPTIONS
    if unknown := sorted(options.keys() - known):
        raise RunError(
            f"{workflow.title} has no option {unknown[0]!r}; it has {', '.join(sorted(known)) or 'none'}."
        )
    return dict(options)


def _queue(project: Project, by: User | None, wanted: Wanted) -> Queue:
    return queues.create_queue(
        project,
        by,
        kind=Queue.Kind.SAMPLES,
        name=f"Run: {wanted.name.strip()}"[:120],
        wanted=wanted.decisions,
        order=Queue.Order.OLDEST,
    )


def _freeze(run: Run, found: QuerySet[Seed], take: int) -> int:
    """Write down the seeds in an order that only their content and the run's draw decide. Returns how many."""
    placed = found.order_by().annotate(drawn=queues.shuffled(run.draw)).values_list("pk", "drawn")
    sql, parameters = placed.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO {RunSeed._meta.db_table} (run_id, ordinal, seed_id)
                SELECT %s, row_number() OVER (ORDER BY chosen.drawn, chosen.id) - 1, chosen.id
                  FROM ({sql}) AS chosen (id, drawn) ORDER BY chosen.drawn, chosen.id LIMIT %s""",
            [run.pk, *parameters, min(take or MOST_SEEDS, MOST_SEEDS)],
        )
        return cursor.rowcount
