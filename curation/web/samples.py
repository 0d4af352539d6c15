"""Samples: the list, and the page of one with the chain that made it, verdicts, decisions and lineage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Left, Length
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.views.decorators.http import require_GET

from curation import access
from curation.actions import verifying
from curation.models import Project, Sample, SampleStep, Verdict, coverage, lineage, prompted
from curation.recipe.chain import LIMITS, VERDICT_KINDS
from curation.recipe.generate.coverage import AXES
from curation.recipe.reasons import REASONS
from curation.recipe.verify.examine import STANDINGS, outweighing
from curation.web import keyset, listing, strips
from curation.web.chain import closed_steps, opened
from curation.web.verifying import verify

#: Newest samples whose workflows and models are offered as filters: cheap at any size.
RECENT = 2_000


@require_GET
def list_page(request: HttpRequest, project: str) -> HttpResponse:
    """Every sample, newest first, by state, verdict, workflow, model, language, source and words of its title."""
    opened = access.open(request, project, "browse")
    filters = listing.Filters(request)
    rows = _filtered(opened, filters, listing.choices(opened), _made_by(opened))
    order = ("id",) if filters.select("sort", "Order", ORDERS, anything="") == "oldest" else ("-id",)
    total = listing.count(rows, filters.cap)
    page = keyset.page(request, _light(rows), order)
    standings = _standings([row.pk for row in page])
    for row in page:
        row.standings = standings.get(row.pk, [])
    context = {"page": page, "total": total, "may_verify": access.may(request, "manage")}
    return listing.respond(request, "samples", filters, context)


ORDERS = (("", "Newest"), ("oldest", "Oldest"))


#: Each kind of verdict with what it can come to: `code:failed`.
VERIFIED = [
    (f"{kind}:{standing}", f"{kind.capitalize()}: {title.lower()}")
    for kind in VERDICT_KINDS
    for standing, title in STANDINGS.items()
]


def _made_by(project: Project) -> dict[str, list[tuple[str, str]]]:
    """Workflows and models of the newest samples, for the selects. One query."""
    newest = project.samples.order_by("-id").values("workflow", "model")[:RECENT]
    pairs = {(row["workflow"], row["model"]) for row in newest}
    return {
        "workflow": [(name, name) for name in sorted({workflow for workflow, _ in pairs if workflow})],
        "model": [(name, name) for name in sorted({model for _, model in pairs if model})],
    }


def _filtered(
    project: Project,
    filters: listing.Filters,
    choices: listing.Choices,
    made_by: dict[str, list[tuple[str, str]]],
) -> QuerySet[Sample]:
    rows = project.samples.all()
    if name := filters.text("set", "Of one set", 40):
        rows = coverage.SETS[name][1](project) if name in coverage.SETS else rows.none()
    place = {axis: filters.text(axis, f"Of one {axis}", LIMITS["skill"]) for axis in AXES}
    rows = coverage.within(rows, **place)
    if version := filters.text("prompt", "Made with a version of a prompt", LIMITS["prompt_version"]):
        rows = prompted.made_with(rows, version)
    for name, label, where in BELOW:
        if above := filters.row(name, label):
            rows = rows.filter(where(above))
    if words := filters.search("q", "Words"):
        asked = listing.words_query(words, [code for code, _ in choices.languages])
        rows = rows.filter(search=asked) if asked else rows.none()
    if state := filters.select("state", "State", Sample.State.choices):
        rows = rows.filter(state=state)
    if left_out := filters.select("left_out", "Left out by its run", LEFT_OUT):
        rows = rows.filter(left_out=left_out)
    if outcome := filters.select("verdict", "Verdict", Verdict.Outcome.choices):
        counting = Verdict.objects.counting().filter(sample=OuterRef("pk"), outcome=outcome)
        rows = rows.filter(Exists(counting))
    if told := filters.select("verified", "Verified", VERIFIED):
        kind, _, standing = told.partition(":")
        rows = rows.filter(verifying.standing(kind, standing)) if told in dict(VERIFIED) else rows.none()
    for name, label in (("workflow", "Workflow"), ("model", "Model")):
        if value := filters.select(name, label, made_by[name]):
            rows = rows.filter(**{name: value})
    if language := filters.select("language", "Language", choices.languages):
        rows = rows.filter(language=language)
    if source := filters.select("source", "Source", choices.sources):
        rows = rows.filter(source__in=choices.sources_of(source, "") or [])
    return rows


#: Why a run leaves a sample out.
LEFT_OUT = [
    (key, REASONS[key].title)
    for key in (
        "beyond_target",
        "repeats_accepted",
        "repeats_approved",
        "verdict_failed",
        "verdict_uncertain",
    )
]
#: What a sample can stand on: the name in the address, words for it, and the condition.
BELOW = (
    (
        "document",
        "Of one document",
        lambda uuid: Q(passage__document__uuid=uuid) | Q(seed__passage__document__uuid=uuid),
    ),
    ("passage", "Of one passage", lambda uuid: Q(passage__uuid=uuid) | Q(seed__passage__uuid=uuid)),
    ("seed", "Of one seed", lambda uuid: Q(seed__uuid=uuid)),
    ("run", "Of one run", lambda uuid: Q(candidate__run__uuid=uuid)),
)


def _light(rows: QuerySet[Sample]) -> QuerySet[Sample]:
    return rows.select_related("source").only(
        *("project", "uuid", "title", "external_id", "workflow", "model", "language", "state", "created_at"),
        *("skill", "difficulty", "source__name"),
    )


def _standings(ids: Iterable[int]) -> dict[int, list[tuple[str, str]]]:
    """{sample: [(kind, what its verdicts that count come to)]} for the rows of one page. One query."""
    rows = Verdict.objects.counting().filter(sample__in=list(ids)).values_list("sample", "kind", "outcome")
    outcomes: dict[int, dict[str, set[str]]] = {}
    for sample, kind, outcome in rows:
        outcomes.setdefault(sample, {}).setdefault(kind, set()).add(outcome)
    return {
        sample: [(kind, outweighing(kinds[kind])) for kind in VERDICT_KINDS if kind in kinds]
        for sample, kinds in outcomes.items()
    }


@require_GET
def sample(request: HttpRequest, project: str, sample: UUID) -> HttpResponse:
    """One sample: its text, the chain step by step, what machines and people concluded, and its lineage."""
    here = access.open(request, project, "browse")
    found = get_object_or_404(
        here.samples.select_related(
            *("source", "seed__passage__document", "seed__passage__extraction", "text_version"),
            *("passage__document", "passage__extraction"),
        ).defer("search", *_LONG),
        uuid=sample,
    )
    items = list(found.items.select_related("queue"))
    context = {
        "sample": found,
        "messages_shown": _messages(found),
        "chain": _chain(found, closed_steps(found, request.user, request.role)),  # type: ignore[attr-defined]
        "verdicts": list(found.verdicts.told()),
        "may_verify": access.may(request, "manage"),
        "steps": strips.steps(here, lineage.of_sample(found)),
        "decisions": access.visible_decisions(request.user, request.role, items),  # type: ignore[attr-defined]
        "items": items,
    }
    return render(request, "samples/sample.html", context)


#: Long texts of rows that only the lineage strip needs.
_LONG = [
    f"{path}{field}"
    for path in ("passage__", "seed__passage__")
    for field in ("text", "search", "extraction__text")
]


def _messages(sample: Sample) -> list[dict[str, Any]]:
    """The turns as they stand now, each with what it was where a person edited it."""
    original = sample.messages or [{"role": "", "content": sample.text}]
    version = sample.text_version
    if version is None:
        return [{**turn, "was": None} for turn in original]
    current = version.messages or [{"role": "", "content": version.text}]
    before = [turn["content"] for turn in original]
    return [
        {**turn, "was": before[at] if at < len(before) and before[at] != turn["content"] else None}
        for at, turn in enumerate(current)
    ]


def _chain(sample: Sample, closed: set[int]) -> list[Any]:
    """The steps without their texts, which are fetched when a step is opened. Of `closed` ones nothing of the texts is told."""
    steps: list[Any] = list(
        sample.steps.defer("prompt", "output").annotate(
            prompt_length=Length("prompt"), output_length=Length("output"), begins=Left("output", 120)
        )
    )
    for step in steps:
        step.closed = step.pk in closed
    return steps


@require_GET
def step(request: HttpRequest, project: str, sample: UUID, ordinal: int) -> HttpResponse:
    """One step with its prompt and output, a revision as what it changed. A part, or a page of its own."""
    here = access.open(request, project, "browse")
    found = get_object_or_404(
        SampleStep.objects.select_related("sample"),
        sample__project=here,
        sample__uuid=sample,
        ordinal=ordinal,
    )
    context = {"opened": opened(found, request.user, request.role), "sample": found.sample}  # type: ignore[attr-defined]
    template = "samples/_step.html" if getattr(request, "htmx", False) else "samples/step.html"
    return render(request, template, context)


app_name = "samples"
urlpatterns = [
    path("", list_page, name="list"),
    path("verify", verify, name="verify"),
    path("<uuid:sample>/", sample, name="sample"),
    path("<uuid:sample>/steps/<int:ordinal>", step, name="step"),
]
