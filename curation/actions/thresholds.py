"""Thresholds: what moving one would do, moving them as one event, and taking that back.

A change names knobs, floors of topics and accepted licences (`actions.licences`): `{"min_factual": 3.0, "topic:arts": 1.8}`; None
takes a topic's own floor away. What it would do
is asked of the queries that judge (`actions.judging`), with the proposed values, and writes nothing. Applying inserts a `KnobChange` and a
job (kind `thresholds`), whose last transaction moves the knobs, judges, and chooses seeds: everything or nothing. Undoing is
a change of its own, back to what was there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connection, transaction
from django.db.models import Count
from django.utils import timezone

from curation.actions import clustering, licences
from curation.actions.judging import (
    DOCUMENTS,
    PASSAGES,
    STORED_NEAR,
    STORED_PAGES,
    judge_documents,
    judge_passages,
    parameters,
)
from curation.actions.seeds import select
from curation.models import (
    Activity,
    Document,
    EmbeddingModel,
    Job,
    KnobChange,
    Passage,
    Project,
    Seed,
    Source,
    User,
)
from curation.recipe.knobs import KNOBS, Knobs, differing, knobs_from
from curation.recipe.scoring import topics

TOPIC = "topic:"
HIGHEST = 5.0
#: Knobs that judge what is there. The others say how people work.
JUDGING = (
    "min_document_characters",
    "min_educational",
    "min_factual",
    "min_reasoning",
    "near_duplicate_cosine",
    "leave_out_near_duplicates",
    "heed_licences",
)
#: Those that change nothing about documents.
OF_PASSAGES = {"min_factual", "min_reasoning", "near_duplicate_cosine", "leave_out_near_duplicates"}
#: Those after which other passages are compared, or compared otherwise.
COMPARED_ANEW = ("near_duplicates", "select")


class ThresholdError(Exception):
    """What was asked cannot be done; the message says why and what to do."""


# What it would do


@dataclass(frozen=True, slots=True)
class Moved:
    """Rows that are kept of `total`, before and after; `won` and `lost` of them change sides."""

    total: int = 0
    before: int = 0
    after: int = 0
    won: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one source, language or topic. `key` is a source's UUID, a language's code, a topic's key."""

    key: str
    name: str
    documents: Moved
    passages: Moved


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change would do. `unscored` passages of pages that would come back have no score yet: the job scores them first, and
    some of them may still be left out for it. `notes` say what cannot be known before."""

    changes: dict[str, float | None]
    documents: Moved
    passages: Moved
    by_source: list[Group]
    by_language: list[Group]
    by_topic: list[Group]
    unscored: int = 0
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


#: The documents as a change would judge them.
_PROPOSED_PAGES = """
    pages AS (
        SELECT d.id, d.extraction_id, d.title, d.first_import_id, d.sha256, d.left_out AS before, d.withdrawn_at, d.language, d.topic,
               coalesce(j.verdict, d.left_out) AS left_out
          FROM curation_document d LEFT JOIN judged_documents j ON j.id = d.id WHERE d.project_id = %(project)s
    )"""
#: Passages that repeat another, by clusters drawn at the proposed threshold.
_PROPOSED_NEAR = """
    near AS (SELECT passage_id, NULL::float8 AS similarity, NULL::bigint AS representative
               FROM unnest(%(near)s::bigint[]) AS passage_id WHERE %(heed_near)s)"""
#: A document that was found in several places counts for the first that is in use.
_EFFECT = """
    WITH {pages}, {near}, {passages}, place AS (
        SELECT DISTINCT ON (o.document_id) o.document_id, o.source_id FROM curation_occurrence o JOIN curation_source s ON s.id = o.source_id
         WHERE s.project_id = %(project)s
         ORDER BY o.document_id, s.withdrawn_at IS NOT NULL, s.archived_at IS NOT NULL, o.id
    ), texts AS (
        SELECT 'documents' AS level, place.source_id, pages.language, pages.topic, pages.before = '' AS before, pages.left_out = '' AS after,
               false AS unscored
          FROM pages LEFT JOIN place ON place.document_id = pages.id
        UNION ALL
        SELECT 'passages', place.source_id, p.language, pages.topic, p.left_out = '', coalesce(j.verdict, p.left_out) = '',
               j.verdict = '' AND p.left_out <> '' AND j.factual IS NULL AND j.reasoning IS NULL
          FROM curation_passage p JOIN pages ON pages.id = p.document_id
          LEFT JOIN judged_passages j ON j.id = p.id LEFT JOIN place ON place.document_id = p.document_id
         WHERE p.project_id = %(project)s
    )
    SELECT level, CASE GROUPING(source_id, language, topic) WHEN 3 THEN 'source' WHEN 5 THEN 'language' WHEN 6 THEN 'topic' ELSE '' END,
           source_id, language, topic,
           count(*), count(*) FILTER (WHERE before), count(*) FILTER (WHERE after), count(*) FILTER (WHERE after AND NOT before),
           count(*) FILTER (WHERE before AND NOT after), count(*) FILTER (WHERE unscored)
      FROM texts GROUP BY GROUPING SETS ((level), (level, source_id), (level, language), (level, topic))
"""


def effect(project: Project, changes: Mapping[str, float | None]) -> Effect:
    """What a change would do to documents and passages, in all and by source, language and topic. Writes nothing.

    Raises ThresholdError naming what is no threshold or out of range.
    """
    wanted = checked(project, changes)
    knobs, floors = proposed(project, wanted)
    asked = parameters(project, knobs, floors, wanted)
    near = STORED_NEAR
    if "near_duplicate_cosine" in wanted:
        drawn = _repeating(project, knobs.near_duplicate_cosine)
        if drawn is not None:
            near, asked["near"] = _PROPOSED_NEAR, drawn
    pages = STORED_PAGES if OF_PASSAGES.issuperset(wanted) else f"{DOCUMENTS}, {_PROPOSED_PAGES}"
    with transaction.atomic(), connection.cursor() as cursor:
        # The planner takes tables that a query makes for tiny and walks them row by row; compiling takes longer than running.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute("SET LOCAL jit = off")
        cursor.execute("SET LOCAL work_mem = '128MB'")
        cursor.execute(_EFFECT.format(pages=pages, near=near, passages=PASSAGES), asked)
        rows = cursor.fetchall()
        for name in ("enable_nestloop", "jit", "work_mem"):
            cursor.execute(f"SET LOCAL {name} TO DEFAULT")
    return _effect_of(project, wanted, rows)


def _effect_of(project: Project, changes: dict[str, float | None], rows: list[Any]) -> Effect:
    found: dict[str, dict[Any, dict[str, Moved]]] = {"": {}, "source": {}, "language": {}, "topic": {}}
    unscored = 0
    for level, by, source, language, topic, *counts, lacking in rows:
        key = {"source": source, "language": language, "topic": topic}.get(by)
        found[by].setdefault(key, {})[level] = Moved(*counts)
        unscored += lacking if not by else 0
    sources = {one.pk: one for one in Source.objects.filter(project=project)}
    named: dict[str, Callable[[Any], tuple[str, str]]] = {
        "source": lambda key: (str(sources[key].uuid), sources[key].name) if key else ("", "No source"),
        "language": lambda key: (key, key or "No language yet"),
        "topic": lambda key: (key, topics.NAMES.get(key, key) if key else "No topic yet"),
    }
    groups = {
        by: sorted(
            (
                Group(*name(key), moved.get("documents", Moved()), moved.get("passages", Moved()))
                for key, moved in found[by].items()
            ),
            key=lambda group: (-group.documents.total, group.name),
        )
        for by, name in named.items()
    }
    whole = found[""].get(None, {})
    return Effect(
        changes,
        whole.get("documents", Moved()),
        whole.get("passages", Moved()),
        groups["source"],
        groups["language"],
        groups["topic"],
        unscored,
        _notes(project, changes, unscored),
    )


def _notes(project: Project, changes: dict[str, float | None], unscored: int) -> list[str]:
    notes = []
    if unscored:
        notes.append(
            f"{unscored:,} passages of pages that come back have no score yet; the job scores them first."
        )
    cosine = changes.get("near_duplicate_cosine")
    if cosine is not None and cosine < clustering.FLOOR:
        notes.append(
            f"Pairs below {clustering.FLOOR:g} were not kept: how many more near duplicates there are is known when the "
            "passages have been compared anew."
        )
    elif cosine is not None and len(changes) > 1:
        notes.append("Clusters are counted among today's passages; what else moves may bring some to others.")
    return notes


def _repeating(project: Project, cosine: float) -> list[int] | None:
    """The passages that would repeat another at this threshold; None where nobody knows before they are compared anew."""
    model = EmbeddingModel.objects.of_project(project)
    if model is None or cosine < clustering.FLOOR:
        return None
    return [passage for members in clustering.draw(project, model, cosine).values() for passage in members]


# Moving them


def values(project: Project) -> dict[str, float | None]:
    """Where every threshold stands now, with the floors that topics have of their own."""
    knobs = asdict(project.settings)
    floors = {f"{TOPIC}{topic}": floor for topic, floor in project.topic_floors.items()}
    return {name: knobs[name] for name in JUDGING} | floors | licences.values(project)


def checked(project: Project, changes: Mapping[str, float | None]) -> dict[str, float | None]:
    """The changes that change something, as numbers. Raises ThresholdError."""
    now = values(project)
    wanted = {name: _checked(project, name, value) for name, value in changes.items()}
    return {name: value for name, value in wanted.items() if value != now.get(name)}


def _checked(project: Project, name: str, value: float | None) -> float | None:
    if name.startswith(TOPIC):
        topic = name.removeprefix(TOPIC)
        if topic not in topics.KEYS:
            raise ThresholdError(f"There is no topic {topic!r}. Topics are {', '.join(topics.KEYS)}.")
        if value is None:
            return None
        try:
            floor = float(value)
        except (TypeError, ValueError):
            raise ThresholdError(f"{topics.NAMES[topic]}: {value!r} is not a number.") from None
        if not 0 <= floor <= HIGHEST:
            raise ThresholdError(f"{topics.NAMES[topic]}: {floor:g} is outside 0 to {HIGHEST:g}.")
        return floor
    if licences.is_one(name):
        try:
            return licences.checked(project, name, value)
        except licences.UnknownSource as error:
            raise ThresholdError(str(error)) from None
    if name not in JUDGING:
        raise ThresholdError(
            f"{name!r} is no threshold. Thresholds are {', '.join(JUDGING)} and {TOPIC}NAME."
        )
    try:
        return float(getattr(knobs_from({name: value}), name))
    except ValueError as error:
        raise ThresholdError(str(error)) from None


def proposed(project: Project, changes: Mapping[str, float | None]) -> tuple[Knobs, dict[str, float]]:
    """The knobs and the topics' floors as they would be after a change."""
    knobs = {name: value for name, value in changes.items() if name in JUDGING}
    floors = dict(project.topic_floors)
    for name, value in changes.items():
        if name.startswith(TOPIC) and value is None:
            floors.pop(name.removeprefix(TOPIC), None)
        elif name.startswith(TOPIC):
            floors[name.removeprefix(TOPIC)] = value
    return knobs_from({**project.knobs, **knobs}), floors


def apply(project: Project, changes: Mapping[str, float | None], by: User | None) -> KnobChange:
    """Move thresholds as one event: a job scores what is missing, then moves them, judges and chooses seeds in one transaction.

    Raises ThresholdError: nothing would change, a value out of range, or another change under way.
    """
    wanted = checked(project, changes)
    if not wanted:
        raise ThresholdError("These are the thresholds as they are. Nothing was changed.")
    return _insert(project, wanted, by)


def undo(change: KnobChange, by: User | None) -> KnobChange:
    """Take a change back: thresholds, verdicts and untouched seeds are as they were before it.

    Raises ThresholdError: not applied yet, undone already, or a later change has moved the same threshold since.
    """
    project = Project.objects.get(pk=change.project_id)
    if change.applied_at is None:
        raise ThresholdError("This change was not applied yet. Cancel its job instead.")
    if KnobChange.objects.filter(undoes=change).exists():
        raise ThresholdError("This change was undone already.")
    now = values(project)
    moved = [name for name, value in change.after.items() if now.get(name) != value]
    if moved:
        raise ThresholdError(f"{', '.join(map(title, moved))} was changed again since. Undo that first.")
    return _insert(project, dict(change.before), by, undoes=change)


def _insert(
    project: Project, wanted: dict[str, float | None], by: User | None, undoes: KnobChange | None = None
) -> KnobChange:
    now = values(project)
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        if under_way(project):
            raise ThresholdError(
                "Another change of thresholds is being applied. Wait for its job, or cancel it."
            )
        change = KnobChange.objects.create(
            project=project,
            before={name: now.get(name) for name in wanted},
            after=wanted,
            undoes=undoes,
            by=by,
        )
        change.job = Job.objects.create(
            project=project,
            kind="thresholds",
            then=[]
            if OF_PASSAGES.difference({"near_duplicate_cosine"}).issuperset(wanted)
            else list(COMPARED_ANEW),
            options={"change": change.pk},
            created_by=by,
        )
        change.save(update_fields=["job"])
    return change


def under_way(project: Project) -> KnobChange | None:
    """The change that is being applied, if one is."""
    waiting = KnobChange.objects.filter(project=project, applied_at=None, job__in=Job.objects.active())
    return waiting.first()


def title(name: str) -> str:
    """What a threshold is called on screens."""
    if name.startswith(TOPIC):
        topic = name.removeprefix(TOPIC)
        return f"Educational value: {topics.NAMES.get(topic, topic)}"
    if licences.is_one(name):
        return licences.title(name)
    return KNOBS[name].title


# What the job does


def carry_out(change: KnobChange, job: Job) -> None:
    """Move the knobs, judge everything, choose seeds and count. Within the transaction that ends the job."""
    project = Project.objects.select_for_update(no_key=True).get(pk=change.project_id)
    counted = tallies(project)
    now = values(project)
    change.before = {name: now.get(name) for name in change.after}
    knobs, floors = proposed(project, change.after)
    project.knobs = differing(knobs)
    project.topic_floors = floors
    project.save(update_fields=["knobs", "topic_floors"])
    licences.store(project, change.after)
    changed = {"documents": judge_documents(project), "passages": judge_passages(project)}
    selected = select(project, job, change)
    change.counts = {
        "changed": changed,
        "seeds_chosen": selected.chosen,
        "seeds_taken_back": selected.taken_back,
        "before": counted,
        "after": tallies(project),
    }
    change.applied_at = timezone.now()
    change.save(update_fields=["before", "counts", "applied_at"])
    Activity.objects.create(
        project=project,
        actor=change.by,
        verb="undid a change of thresholds" if change.undoes_id else "changed thresholds",
        subject=", ".join(map(title, change.after))[:300],
        details={name: [change.before[name], value] for name, value in change.after.items()},
    )


def settle(change: KnobChange) -> None:
    """Count again when everything that followed (clusters, seeds) is done."""
    change.counts = {**change.counts, "after": tallies(change.project)}
    change.save(update_fields=["counts"])


def tallies(project: Project) -> dict[str, Any]:
    """Documents and passages by reason ('' for those kept), and seeds that are there."""
    return {
        "documents": _by_reason(Document.objects.filter(project=project)),
        "passages": _by_reason(Passage.objects.filter(project=project)),
        "seeds": Seed.objects.filter(project=project).exclude(state=Seed.State.WITHDRAWN).count(),
    }


def _by_reason(rows: Any) -> dict[str, int]:
    return dict(rows.order_by().values_list("left_out").annotate(count=Count("pk")).order_by("left_out"))
