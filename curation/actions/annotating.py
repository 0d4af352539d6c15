"""Asking a language model to rate texts by a rubric: which texts, what it would cost, and starting the job that asks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Avg, Count, Exists, F, FloatField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Abs

from curation.actions import prompts, queues
from curation.models import (
    ActiveScorer,
    Activity,
    Call,
    Document,
    Endpoint,
    Job,
    Label,
    Passage,
    Project,
    PromptVersion,
    Queue,
    Rubric,
    Score,
    User,
    labelled,
)
from curation.recipe.llm import cost
from curation.recipe.llm.prompts import render
from curation.recipe.llm.records import Usage
from curation.recipe.scoring import annotator
from curation.recipe.text import tokens

#: Which texts are asked about: key → (words, why).
WHICH = {
    "rated": ("Texts that people have rated", "To see how far the model agrees with people."),
    "uncertain": (
        "Texts that the scorer is unsure of",
        "Nearest to the threshold: a scorer learns most from these.",
    ),
    "random": ("Texts drawn at random", "A fair picture of everything."),
}
MOST_TEXTS = 100_000
SAMPLE = 24  # texts whose prompts are rendered for an estimate
LEAST_ANSWERS = 5  # before answers so far say more than an assumption
#: Tokens that reasons and a score come to, before any model has answered; reasoning models write many more.
ASSUMED_OUT = 180
#: The budget that is offered: the estimate with room for longer answers and for asking again.
ROOM = 1.5


class AnnotatingError(Exception):
    """What was asked cannot be done; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What asking would come to. `money` is None where the endpoint has no price; `basis` says what the tokens rest on."""

    texts: int
    wanted: int
    tokens_in: int
    tokens_out: int
    money: float | None
    basis: str
    offered_tokens: int

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out


def version() -> PromptVersion:
    """The version of the prompt that asks now."""
    return prompts.ensure_version(annotator.KEY, annotator.NAME, annotator.VERSION, annotator.TEMPLATE)


def name_of(endpoint: Endpoint, asked: PromptVersion | None = None) -> str:
    """What labels call the annotator: model and version of the prompt."""
    return f"{endpoint.model} · {asked or version()}"


# Which texts


def texts(project: Project, rubric: Rubric, endpoint: Endpoint, which: str) -> QuerySet[Any]:
    """Those that can be asked about and that this annotator has not rated yet, the most wanted first. Raises AnnotatingError."""
    if which not in WHICH:
        raise AnnotatingError(f"Texts are chosen by {', '.join(WHICH)}, not by {which!r}.")
    kind = Queue.Kind.PAGES if rubric.level == Rubric.Level.DOCUMENT else Queue.Kind.SCORES
    found = queues.SUBJECTS[kind].of(project, by_score_too=True)
    said = Label.objects.filter(rubric=rubric, annotator=name_of(endpoint), **{rubric.level: OuterRef("pk")})
    found = found.exclude(Exists(said))
    if which == "rated":
        found = found.filter(pk__in={one.subject for one in labelled.people(project, rubric)})
    if which == "uncertain":
        return _by_uncertainty(project, rubric, found)
    return found.order_by(queues.shuffled(project.pk), "pk")


def _by_uncertainty(project: Project, rubric: Rubric, found: QuerySet[Any]) -> QuerySet[Any]:
    active = ActiveScorer.objects.filter(project=project, rubric=rubric).first()
    if active is None:
        raise AnnotatingError(
            f"No scorer speaks for {rubric.name.lower()} yet, so nothing is known to be uncertain. Draw at random first."
        )
    threshold = float(getattr(project.settings, f"min_{rubric.key}", rubric.highest / 2))
    score = Score.objects.filter(scorer=active.scorer_id, **{rubric.level: OuterRef("pk")}).values("value")[
        :1
    ]
    near = Abs(Subquery(score, output_field=FloatField()) - threshold)
    return found.annotate(distance=near).exclude(distance=None).order_by("distance", "pk")


def content(rubric: Rubric, subjects: Sequence[int]) -> dict[int, tuple[str, str]]:
    """{subject: (uuid, text)} of those that still stand."""
    if rubric.level == Rubric.Level.DOCUMENT:
        pages = Document.objects.filter(pk__in=subjects, withdrawn_at=None, extraction__isnull=False)
        told = list(pages.values_list("pk", "uuid", "extraction__text"))
    else:
        passages = Passage.objects.filter(pk__in=subjects, document__withdrawn_at=None)
        told = list(passages.values_list("pk", "uuid", "text"))
    return {pk: (str(uuid), text) for pk, uuid, text in told}


# What it costs


def estimate(project: Project, rubric: Rubric, endpoint: Endpoint, which: str, take: int) -> Estimate:
    """Calls, tokens and money of asking about so many texts. Raises AnnotatingError."""
    found = texts(project, rubric, endpoint, which)
    count = found.order_by().count()
    if not count:
        raise AnnotatingError(nothing(rubric, endpoint, which))
    wanted = min(count, _checked_take(take))
    sample = list(found.values_list("pk", flat=True)[: min(SAMPLE, wanted)])
    read = _prompt_tokens(rubric, sample)
    into, out, basis = _per_call(project, endpoint, read, len(sample))
    usage = Usage(round(into * wanted), round(out * wanted), counted=False)
    room = math.ceil(usage.total * ROOM / 1_000) * 1_000 + endpoint.most_tokens + 2 * round(into)
    return Estimate(
        texts=wanted,
        wanted=take,
        tokens_in=usage.into,
        tokens_out=usage.out,
        money=cost.money(endpoint.price, usage),
        basis=basis,
        offered_tokens=room,
    )


def _prompt_tokens(rubric: Rubric, subjects: Sequence[int]) -> float:
    """Tokens of a prompt with one of these texts, on average: rendered, and counted by the bundled tokenizer."""
    told = [text for _, text in content(rubric, subjects).values()]
    if not told:
        return 0.0
    rendered = [
        "\n".join(one.content for one in render(annotator.TEMPLATE, values_for(rubric, text)))
        for text in told
    ]
    return sum(tokens.count(rendered)) / len(rendered)


def _per_call(project: Project, endpoint: Endpoint, read: float, sample: int) -> tuple[float, float, str]:
    """(tokens read, tokens written, what that rests on) for one text."""
    so_far = Call.objects.filter(
        project=project, endpoint=endpoint, model=endpoint.model, prompt_version=version(), hit_of=None
    ).exclude(answer=None)
    sums = so_far.aggregate(
        n=Count("pk"), into=Avg("tokens_in"), out=Avg("tokens_out"), good=Count("pk", filter=Q(error=""))
    )
    prompts_said = f"the prompts of {sample:,} of these texts, counted by the bundled tokenizer"
    if sums["good"] < LEAST_ANSWERS:
        return (
            read,
            min(ASSUMED_OUT, endpoint.most_tokens),
            (
                f"Read: {prompts_said}. Written: {ASSUMED_OUT} tokens for each answer is an assumption, until this model "
                "has answered here; models that think aloud write many times that."
            ),
        )
    calls = sums["n"] / sums["good"]
    return (
        max(read, 0.0) * calls,
        sums["out"] * calls,
        (f"Read: {prompts_said}. Written: the {sums['n']:,} answers that this model has given here so far."),
    )


def values_for(rubric: Rubric, text: str) -> dict[str, Any]:
    """What the prompt is filled with for one text."""
    return dict(annotator.values_of(rubric.question, rubric.anchors, rubric.highest, text))


# Starting


def start(
    project: Project,
    rubric: Rubric,
    endpoint: Endpoint,
    by: User | None,
    *,
    which: str,
    take: int,
    budget_tokens: int | None,
    budget_money: Decimal | None = None,
) -> Job:
    """Start asking. What is spent stays within the budget. Raises AnnotatingError: nothing to ask about, no budget, or asking already."""
    _check_offered(project, endpoint)
    if budget_tokens is None and budget_money is None:
        raise AnnotatingError("Say how many tokens, or how much money, may be spent at most.")
    if budget_money is not None and not endpoint.has_price:
        raise AnnotatingError(f"{endpoint} has no price, so money cannot be counted. Set a budget in tokens.")
    if (budget_tokens is not None and budget_tokens < 1) or (budget_money is not None and budget_money <= 0):
        raise AnnotatingError("A budget is more than nothing.")
    take = _checked_take(take)
    if not texts(project, rubric, endpoint, which).exists():
        raise AnnotatingError(nothing(rubric, endpoint, which))
    asked = version()
    options = {
        "rubric": rubric.pk,
        "endpoint": endpoint.pk,
        "model": endpoint.model,
        "version": asked.pk,
        "annotator": name_of(endpoint, asked),
        "which": which,
        "take": take,
        "budget_tokens": budget_tokens,
        "budget_money": None if budget_money is None else str(budget_money),
        "sampling": {
            "temperature": endpoint.temperature,
            "top_p": endpoint.top_p,
            "most_tokens": endpoint.most_tokens,
        },
    }
    try:
        with transaction.atomic():
            job = Job.objects.create(
                project=project, kind="annotate", lane=f"annotate-{rubric.pk}", options=options, created_by=by
            )
            if by is not None:
                Activity.objects.create(
                    project=project,
                    actor=by,
                    verb="asked a language model",
                    subject=rubric.name,
                    details={"annotator": options["annotator"], "take": take},
                )
    except IntegrityError:
        raise AnnotatingError(
            f"A model is being asked about {rubric.name.lower()} already. Wait for its job, or cancel it."
        ) from None
    return job


def _check_offered(project: Project, endpoint: Endpoint) -> None:
    if endpoint.archived_at is not None or endpoint.project_id not in (None, project.pk):
        raise AnnotatingError(f"{endpoint} is not offered to this project.")


def _checked_take(take: int) -> int:
    if not 1 <= take <= MOST_TEXTS:
        raise AnnotatingError(f"Ask about 1 to {MOST_TEXTS:,} texts at a time.")
    return take


def nothing(rubric: Rubric, endpoint: Endpoint, which: str) -> str:
    """Why there are no texts to ask about."""
    if which == "rated":
        return f"People have rated nothing by {rubric.name.lower()} that {endpoint.model} has not rated too."
    return f"There is nothing that {endpoint.model} has not rated by {rubric.name.lower()} already."


def annotators(project: Project, rubric: Rubric) -> list[tuple[str, int]]:
    """Who has rated by this rubric besides people, with how many labels each."""
    rows = Label.objects.filter(project=project, rubric=rubric).order_by().values_list("annotator")
    return list(rows.annotate(labels=Count("pk")).order_by("-labels", F("annotator")))
