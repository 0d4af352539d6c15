"""Asking a language model to rate texts by a rubric: which texts, what it would cost, and starting the job that asks."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, F, FloatField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Abs

from curation.actions import asking, prompts, queues
from curation.actions.asking import AskingError, Estimate
from curation.models import (
    ActiveScorer,
    Activity,
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
from curation.recipe.llm.prompts import render
from curation.recipe.scoring import annotator

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
#: Tokens that reasons and a score come to, before any model has answered; reasoning models write many more.
ASSUMED_OUT = 180


def version() -> PromptVersion:
    """The version of the prompt that asks now."""
    return prompts.ensure_version(annotator.KEY, annotator.NAME, annotator.VERSION, annotator.TEMPLATE)


def name_of(endpoint: Endpoint, asked: PromptVersion | None = None) -> str:
    """What labels call the annotator: model and version of the prompt."""
    return f"{endpoint.model} · {asked or version()}"


# Which texts


def texts(project: Project, rubric: Rubric, endpoint: Endpoint, which: str) -> QuerySet[Any]:
    """Those that can be asked about and that this annotator has not rated yet, the most wanted first. Raises AskingError."""
    if which not in WHICH:
        raise AskingError(f"Texts are chosen by {', '.join(WHICH)}, not by {which!r}.")
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
        raise AskingError(
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
    """Calls, tokens and money of asking about so many texts. Raises AskingError."""
    found = texts(project, rubric, endpoint, which)
    count = found.order_by().count()
    if not count:
        raise AskingError(nothing(rubric, endpoint, which))
    wanted = min(count, _checked_take(take))
    sample = list(found.values_list("pk", flat=True)[: min(asking.SAMPLE, wanted)])
    told = [text for _, text in content(rubric, sample).values()]
    prompts = [render(annotator.TEMPLATE, values_for(rubric, text)) for text in told]
    return asking.estimate(
        project, endpoint, version(), prompts, texts=wanted, wanted=take, assumed_out=ASSUMED_OUT
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
    """Start asking. What is spent stays within the budget. Raises AskingError: nothing to ask about, no budget, or asking already."""
    asking.check(project, endpoint, budget_tokens, budget_money)
    take = _checked_take(take)
    if not texts(project, rubric, endpoint, which).exists():
        raise AskingError(nothing(rubric, endpoint, which))
    asked = version()
    options = {
        "rubric": rubric.pk,
        "annotator": name_of(endpoint, asked),
        "which": which,
        "take": take,
        **asking.frozen(endpoint, asked, budget_tokens, budget_money),
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
        raise AskingError(
            f"A model is being asked about {rubric.name.lower()} already. Wait for its job, or cancel it."
        ) from None
    return job


def _checked_take(take: int) -> int:
    if not 1 <= take <= MOST_TEXTS:
        raise AskingError(f"Ask about 1 to {MOST_TEXTS:,} texts at a time.")
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
