"""Our rubrics, the first scorer for each, training new versions, and which version speaks in a project."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet

from curation.models import (
    Activation,
    ActiveScorer,
    Activity,
    EmbeddingModel,
    Job,
    Project,
    Rubric,
    Scorer,
    User,
    labelled,
)
from curation.recipe.scoring import starter
from curation.recipe.text import encode

#: What follows when another version speaks: which passage represents a cluster hangs on scores, and so do seeds.
AFTER_SCORING = ("near_duplicates", "select")


class ScorerError(Exception):
    """What was asked cannot be done; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class OurRubric:
    key: str
    name: str
    level: str
    question: str
    anchors: tuple[str, ...]


OURS = (
    OurRubric(
        "educational",
        "Educational value",
        Rubric.Level.DOCUMENT,
        "Would a student learn something lasting from this page?",
        (
            "Menu, notice, advertisement or spam",
            "Of passing interest: chatter, listing, announcement",
            "Some information, but nothing is explained",
            "Informative, though uneven or in passing",
            "Explains its subject well",
            "Could stand in a textbook as it is",
        ),
    ),
    OurRubric(
        "factual",
        "Factual value",
        Rubric.Level.PASSAGE,
        "How dense is this passage in specific facts that can be checked?",
        (
            "No facts",
            "Vague or trivial statements",
            "A few ordinary facts",
            "Several specific facts",
            "Mostly specific facts: names, numbers, dates, relations",
            "Packed with facts that few people know",
        ),
    ),
    OurRubric(
        "reasoning",
        "Reasoning value",
        Rubric.Level.PASSAGE,
        "Does this passage argue, derive or explain in steps that can be followed?",
        (
            "Nothing follows from anything",
            "A bare assertion or a hint of a reason",
            "One reason, not worked out",
            "A cause and its effect, explained",
            "Several steps that build on each other",
            "A full chain: assumptions, steps, conclusion",
        ),
    ),
)


def ensure_rubrics() -> dict[str, Rubric]:
    """Our three rubrics by key, made if they are missing."""
    return {
        ours.key: Rubric.objects.get_or_create(
            project=None,
            key=ours.key,
            defaults={
                "name": ours.name,
                "level": ours.level,
                "question": ours.question,
                "anchors": list(ours.anchors),
            },
        )[0]
        for ours in OURS
    }


# The first scorers


@transaction.atomic
def ensure_scorers(
    project: Project,
    model: EmbeddingModel,
    heads: Callable[[], starter.Heads],
    instead: Scorer | None = None,
) -> dict[str, Scorer]:
    """The scorer that speaks for each rubric in the project: for ours always one, for the project's own where one was activated.

    Where none is active, or the active one is a starter for another embedding model, the starter for `model` is made (once, from
    `heads()`) and activated. A scorer that somebody activated stays. `instead` stands for its rubric without being active
    yet. Raises ValueError when one cannot read this model's vectors.
    """
    pointers = ActiveScorer.objects.select_related("scorer__rubric").filter(
        project=project, rubric__archived_at=None
    )
    chosen = {pointer.scorer.rubric.key: pointer.scorer for pointer in pointers}
    for key, rubric in ensure_rubrics().items():
        scorer = chosen.get(key)
        if scorer is None or (scorer.name == starter.NAME and not reads(scorer, model)):
            chosen[key] = _starter(rubric, model, heads)
            speak(project, chosen[key], None, "The first scorer." if scorer is None else "For another model.")
    if instead is not None:
        chosen[instead.rubric.key] = instead
    for scorer in chosen.values():
        if not reads(scorer, model):
            raise ValueError(
                f"The active scorer {scorer} of {scorer.rubric.name.lower()} was made for another embedding model. "
                "Activate one that was trained on vectors of the present model."
            )
    return chosen


def reads(scorer: Scorer, model: EmbeddingModel) -> bool:
    """Whether a scorer was made for this model's vectors."""
    if scorer.model_id is not None:
        return scorer.model_id == model.pk
    names = {model.name, model.key} if model.name == encode.BUNDLED else {model.key}
    return scorer.parameters.get("model") in names


def _starter(rubric: Rubric, model: EmbeddingModel, heads: Callable[[], starter.Heads]) -> Scorer:
    version = starter.VERSION if model.name == encode.BUNDLED else f"{starter.VERSION}-{model.pk}"
    found = Scorer.objects.filter(project=None, rubric=rubric, name=starter.NAME, version=version).first()
    if found is not None and found.parameters:
        return found
    scorer, _ = Scorer.objects.update_or_create(
        project=None,
        rubric=rubric,
        name=starter.NAME,
        version=version,
        defaults={"parameters": heads().as_dict()},
    )
    return scorer


# Activating


def activate(project: Project, scorer: Scorer, by: User | None, why: str = "") -> Job:
    """Make a version speak for its rubric, once everything has its score: a job scores what lacks one, and its last
    transaction moves the pointer and judges anew, so that nobody ever sees half of each. Until then the old one speaks.

    Raises ScorerError: of another project, made for another embedding model, or active already.
    """
    if scorer.project_id not in (None, project.pk):
        raise ScorerError(f"{scorer} belongs to another project.")
    model = _model(project)
    if not reads(scorer, model):
        raise ScorerError(
            f"{scorer} reads the vectors of another embedding model. Train one on the present model."
        )
    if ActiveScorer.objects.filter(project=project, rubric=scorer.rubric, scorer=scorer).exists():
        raise ScorerError(f"{scorer} speaks for {scorer.rubric.name.lower()} already.")
    if pending(project, scorer.rubric):
        raise ScorerError(
            f"Another version is being activated for {scorer.rubric.name.lower()}. Wait for its job, or cancel it."
        )
    with transaction.atomic():
        job = Job.objects.create(
            project=project,
            kind="score",
            then=list(AFTER_SCORING),
            options={"activate": scorer.pk, "rubric": scorer.rubric_id, "why": why[:200], "model": model.pk},
            created_by=by,
        )
        Activity.objects.create(
            project=project, actor=by, verb="activates a scorer", subject=str(scorer), details={"why": why}
        )
    return job


def roll_back(project: Project, rubric: Rubric, by: User | None) -> Job:
    """Activate the version that spoke before the present one; again, the one before that. Raises ScorerError without one."""
    before = previous(project, rubric)
    if before is None:
        raise ScorerError(f"No other version has spoken for {rubric.name.lower()} before.")
    now = ActiveScorer.objects.select_related("scorer").get(project=project, rubric=rubric).scorer
    return activate(project, before, by, f"Rolled back from {now}.")


def previous(project: Project, rubric: Rubric) -> Scorer | None:
    """Where rolling back leads: the history, with every step back taken off it."""
    way: list[Scorer] = []
    for event in reversed(history(project, rubric)):
        if len(way) > 1 and way[-2].pk == event.scorer_id:
            way.pop()
        elif not way or way[-1].pk != event.scorer_id:
            way.append(event.scorer)
    return way[-2] if len(way) > 1 else None


def history(project: Project, rubric: Rubric) -> list[Activation]:
    """Who made which version speak, newest first."""
    return list(
        Activation.objects.filter(project=project, rubric=rubric)
        .select_related("scorer", "by")
        .order_by("-id")
    )


def named(project: Project, rubric: Rubric, name: str) -> Scorer:
    """The version of a rubric's scorer that is called so (`head-2`), the project's own or ours. Raises ScorerError."""
    versions = _versions(project).filter(rubric=rubric)
    for scorer in versions:
        if str(scorer) == name:
            return scorer
    known = ", ".join(map(str, versions)) or "none yet"
    raise ScorerError(f"{rubric.name} has no scorer {name}. There are: {known}.")


def listed(project: Project) -> list[dict[str, Any]]:
    """Every version with what it learnt from and reached, by rubric: plain JSON."""
    speaking = set(ActiveScorer.objects.filter(project=project).values_list("scorer", flat=True))
    return [
        {
            "rubric": scorer.rubric.key,
            "scorer": str(scorer),
            "speaks": scorer.pk in speaking,
            "created_at": scorer.created_at.isoformat(),
            "labels": scorer.training.get("labels"),
            "activation": scorer.training.get("activation"),
            "figures": {
                name: scorer.figures.get(name) for name in ("n", "auc", "spearman", "f1", "mae", "caution")
            }
            if scorer.figures
            else None,
        }
        for scorer in _versions(project).select_related("rubric").defer("parameters")
    ]


def _versions(project: Project) -> QuerySet[Scorer]:
    return Scorer.objects.filter(Q(project=None) | Q(project=project)).order_by("rubric", "id")


def pending(project: Project, rubric: Rubric) -> Job | None:
    """The job that is about to activate another version, if one is."""
    return (
        Job.objects.active()
        .filter(project=project, kind="score", options__rubric=rubric.pk, options__has_key="activate")
        .first()
    )


def speak(project: Project, scorer: Scorer, by: User | None, why: str) -> None:
    """Move the pointer, and note it. For whoever knows that all its scores are there."""
    with transaction.atomic():
        now = ActiveScorer.objects.select_for_update().filter(project=project, rubric=scorer.rubric).first()
        if now and not Activation.objects.filter(project=project, rubric=scorer.rubric).exists():
            Activation.objects.create(
                project=project,
                rubric=scorer.rubric,
                scorer=now.scorer,
                why="Spoke before there was a history.",
            )
        ActiveScorer.objects.update_or_create(
            project=project, rubric=scorer.rubric, defaults={"scorer": scorer}
        )
        Activation.objects.create(project=project, rubric=scorer.rubric, scorer=scorer, by=by, why=why[:200])


def _model(project: Project) -> EmbeddingModel:
    model = EmbeddingModel.objects.of_project(project)
    if model is None:
        raise ScorerError("Nothing is embedded in this project yet. Curate it first.")
    return model


# Training


def train(
    project: Project,
    rubric: Rubric,
    by: User | None,
    *,
    annotators: Sequence[str] = (),
    settled: int | None = None,
) -> Job:
    """Start training a new version on what people settled; with `annotators`, their labels fill in where people said nothing.

    Raises ScorerError: too few labels (and how many are missing), nothing embedded, or a training under way.
    """
    model = _model(project)
    tally = labelled.tally(project, rubric)
    found = tally.settled if settled is None else settled
    if annotators:
        found += len({one.subject for one in labelled.annotators(project, rubric, annotators)})
    least = project.settings.min_labels
    if found < least:
        raise ScorerError(too_few(rubric, tally, least - found))
    try:
        with transaction.atomic():
            job = Job.objects.create(
                project=project,
                kind="train",
                lane=f"train-{rubric.pk}",
                options={
                    "rubric": rubric.pk,
                    "model": model.pk,
                    "annotators": list(annotators),
                    "settled": tally.settled,
                },
                created_by=by,
            )
            if by is not None:
                Activity.objects.create(
                    project=project, actor=by, verb="started training a scorer", subject=rubric.name
                )
    except IntegrityError:
        raise ScorerError(f"A scorer for {rubric.name.lower()} is being trained already.") from None
    return job


def too_few(rubric: Rubric, tally: labelled.Tally, missing: int) -> str:
    """What a cold start says: how many labels are missing, and where more of them wait."""
    said = f"A scorer for {rubric.name.lower()} wants {missing:,} more settled labels; there are {tally.settled:,}."
    if tally.waiting:
        said += f" {tally.waiting:,} more were rated and wait for another person."
    if tally.disputed:
        said += f" {tally.disputed:,} are disputed and wait for a reviewer."
    return said


def train_what_is_due() -> list[Job]:
    """Start a training wherever enough new labels have settled since the last one was started. One query where nothing is due."""
    started: list[Job] = []
    for project, rubric, settled in _due():
        try:
            started.append(train(project, rubric, None, settled=settled))
        except ScorerError:  # too few for a first one, or somebody was quicker
            continue
    return started


#: Settled subjects for each project and key of a rubric, and how many there were when a training was last started.
_SETTLED = """
    WITH rated AS (
        SELECT q.project_id, said.key, i.passage_id IS NOT NULL AS of_passages,
               count(DISTINCT coalesce(i.passage_id, i.document_id)) AS settled
          FROM curation_queue q JOIN curation_item i ON i.queue_id = q.id AND i.state = 'rated'
          JOIN curation_project p ON p.id = q.project_id AND p.archived_at IS NULL
         CROSS JOIN LATERAL jsonb_object_keys(i.result) AS said (key)
         WHERE q.kind IN ('scores', 'pages') GROUP BY 1, 2, 3
    )
    SELECT rated.project_id, r.id, rated.settled, coalesce((
               SELECT (j.options ->> 'settled')::int FROM curation_job j
                WHERE j.project_id = rated.project_id AND j.kind = 'train' AND (j.options ->> 'rubric')::bigint = r.id
                ORDER BY j.id DESC LIMIT 1), 0)
      FROM rated JOIN curation_rubric r
        ON r.key = rated.key AND coalesce(r.project_id, rated.project_id) = rated.project_id AND r.archived_at IS NULL
       AND r.level = CASE WHEN rated.of_passages THEN 'passage' ELSE 'document' END
"""


def _due() -> Iterator[tuple[Project, Rubric, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_SETTLED)
        rows = [row for row in cursor.fetchall() if row[2] > row[3]]
    projects = Project.objects.in_bulk({row[0] for row in rows})
    known = Rubric.objects.in_bulk({row[1] for row in rows})
    for project_id, rubric_id, settled, before in rows:
        knobs = projects[project_id].settings
        if knobs.retrain_after_labels and (
            settled >= knobs.min_labels if not before else settled - before >= knobs.retrain_after_labels
        ):
            yield projects[project_id], known[rubric_id], settled
