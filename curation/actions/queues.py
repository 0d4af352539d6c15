"""Queues: creating and filling them, their order, how many decisions they want, pausing and closing.

Filling is one INSERT … SELECT however many subjects there are. An item's position follows from its subject alone
(its age, its score, a hash with the queue's seed), so a later filling falls into place among what is there already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import (
    Exists,
    F,
    FloatField,
    Func,
    IntegerField,
    Max,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
)
from django.db.models.functions import Cast, Coalesce, Concat
from django.utils import timezone

from curation.actions import learning, verifying
from curation.models import (
    ActiveScorer,
    Activity,
    Decision,
    Document,
    Draft,
    DuplicatePair,
    Item,
    Lease,
    Occurrence,
    Passage,
    Project,
    Queue,
    Rubric,
    Sample,
    Score,
    Seed,
    Sitting,
    Slot,
    User,
)
from curation.models.project_map import AnotherMap, passages_in
from curation.recipe.atlas.area import AreaError, parse
from curation.recipe.review.cards import CARDS, LEVELS

MOST_WANTED = 9
MOST_RUBRICS = 4
SCORE_STEPS = 1_000_000  # a score of 5 is position 0, a score of 0 is position 5,000,000
#: Which orders a kind of queue can have. Where people are measured against the model, its opinion must not show in
#: the order either; samples have no score that is comparable between judges.
ORDERS = {
    Queue.Kind.SEEDS: (Queue.Order.HIGHEST, Queue.Order.RANDOM, Queue.Order.OLDEST),
    Queue.Kind.PAGES: (Queue.Order.RANDOM, Queue.Order.OLDEST, Queue.Order.LEARNING),
    Queue.Kind.SCORES: (Queue.Order.RANDOM, Queue.Order.OLDEST, Queue.Order.LEARNING),
    Queue.Kind.PAIRS: (Queue.Order.RANDOM, Queue.Order.OLDEST),
    Queue.Kind.SAMPLES: (Queue.Order.OLDEST, Queue.Order.RANDOM),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """How one kind's subjects are reached: lookups from the subject to what filters speak of. "" is the subject itself."""

    rows: type[Model]
    language: str
    document: str = ""
    passage: str = ""
    rubrics: tuple[str, ...] = ()  # by whose scores it can be filled

    def of(self, project: Project, by_score_too: bool = False) -> QuerySet[Any]:
        """What can be reviewed at all: nothing that was withdrawn, or left out for another reason than its score."""
        found = self.rows._default_manager.filter(project=project)
        if self.rows is Sample:
            found = found.filter(left_out="")  # by the run that made it
        if self.rows in (Seed, Sample):
            return found.exclude(state="withdrawn")
        level = self.rows._meta.model_name or ""
        kept = ["", learning.LEFT_OUT_BY_SCORE[level]] if by_score_too else [""]
        if self.rows is Document:
            return found.filter(left_out__in=kept, withdrawn_at=None, extraction__isnull=False)
        return found.filter(left_out__in=kept) if self.rows is Passage else found


SUBJECTS = {
    Queue.Kind.SEEDS: Subject(
        Seed, "passage__language", "passage__document", "passage", ("factual", "reasoning", "educational")
    ),
    Queue.Kind.PAGES: Subject(Document, "language", "pk", "", ("educational",)),
    Queue.Kind.SCORES: Subject(
        Passage, "language", "document", "pk", ("factual", "reasoning", "educational")
    ),
    Queue.Kind.PAIRS: Subject(DuplicatePair, "left__language", "left__document"),
    Queue.Kind.SAMPLES: Subject(Sample, "language"),
}


class QueueError(Exception):
    """What was asked cannot be done; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Filling:
    """Which subjects a queue is filled from. Empty means: no restriction.

    `sources` are ids of the project's sources; scores are 0 to 5, both ends included, by the project's active
    scorer of `rubric`; `area` is one of the project's map (`recipe.atlas.area`); `take` is the size of a random sample drawn with `sample_seed`, 0 for all.
    """

    languages: tuple[str, ...] = ()
    sources: tuple[int, ...] = ()
    rubric: str = ""
    least_score: float | None = None
    most_score: float | None = None
    state: str = ""
    workflow: str = ""
    area: str = ""
    take: int = 0
    sample_seed: int = 1

    def stored(self) -> dict[str, Any]:
        """For `Queue.filter`: what was asked, without what was left empty."""
        said = {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }
        if not self.take:
            del said["take"], said["sample_seed"]
        return {name: value for name, value in said.items() if value not in ("", [], None)}


# Queues


def create_queue(
    project: Project,
    by: User | None,
    *,
    kind: str,
    name: str,
    wanted: int = 1,
    order: str = "",
    random_seed: int = 1,
    guidelines: str = "",
    dispute_gap: int = 2,
    rubrics: Sequence[str] = (),
    share_random: float = 0.2,
    share_top: float = 0.1,
) -> Queue:
    """Make an empty queue. `rubrics` are the keys that a queue of ratings asks for instead of its kind's own; the shares
    are those of random controls and likely top items in a queue that learns, the rest being uncertain ones.

    Raises QueueError: unknown kind or rubric, taken name, an order this kind cannot have, shares beyond one.
    """
    if kind not in CARDS:
        raise QueueError(f"There is no queue of {kind!r}. Kinds are {', '.join(CARDS)}.")
    order = order or ORDERS[Queue.Kind(kind)][0]
    values = _checked(kind, name, wanted, order, dispute_gap)
    values |= {"rubrics": _asked(project, kind, rubrics), **_shares(share_random, share_top)}
    try:
        with transaction.atomic():
            queue = Queue.objects.create(
                project=project, kind=kind, guidelines=_clean(guidelines), random_seed=random_seed, **values
            )
            _note(queue, by, "created a queue")
    except IntegrityError:
        raise QueueError(
            f"The project has a queue called {values['name']} already. Choose another name."
        ) from None
    return queue


def change_queue(
    queue: Queue,
    by: User | None,
    *,
    name: str,
    wanted: int,
    order: str,
    random_seed: int,
    guidelines: str,
    dispute_gap: int,
    share_random: float | None = None,
    share_top: float | None = None,
) -> None:
    """Change a queue. A new order moves all its items; a new number of decisions applies to the items on which
    nobody has decided and that nobody holds, and to new ones; new shares to what is drawn from now on. Raises QueueError."""
    values = _checked(queue.kind, name, wanted, order, dispute_gap)
    values |= _shares(
        queue.share_random if share_random is None else share_random,
        queue.share_top if share_top is None else share_top,
    )
    reorder = (order, random_seed) != (queue.order, queue.random_seed)
    before = {field: getattr(queue, field) for field in values}
    try:
        with transaction.atomic():
            for field_name, value in values.items():
                setattr(queue, field_name, value)
            queue.random_seed, queue.guidelines = random_seed, _clean(guidelines)
            queue.save(update_fields=[*values, "random_seed", "guidelines"])
            if before["wanted"] != wanted:
                _ask_for(queue, wanted)
            if reorder:
                _reorder(queue)
            changed = {name: [before[name], value] for name, value in values.items() if before[name] != value}
            _note(queue, by, "changed a queue", **changed)
    except IntegrityError:
        queue.refresh_from_db()
        raise QueueError(
            f"The project has a queue called {values['name']} already. Choose another name."
        ) from None


def pause(queue: Queue, by: User | None) -> None:
    """Hand out nothing more. Whoever holds an item can finish it. Pausing twice changes nothing."""
    if Queue.objects.filter(pk=queue.pk, paused_at=None).update(paused_at=timezone.now()):
        _note(queue, by, "paused a queue")


def resume(queue: Queue, by: User | None) -> None:
    """Hand out items again."""
    if Queue.objects.filter(pk=queue.pk, paused_at__isnull=False).update(paused_at=None):
        _note(queue, by, "resumed a queue")


def close(queue: Queue, by: User | None) -> None:
    """Put a queue away: nobody is offered it, and its decisions stand. Reopening brings it back as it was."""
    if Queue.objects.filter(pk=queue.pk, archived_at=None).update(archived_at=timezone.now()):
        _note(queue, by, "closed a queue")


def reopen(queue: Queue, by: User | None) -> None:
    """Offer a closed queue again."""
    if Queue.objects.filter(pk=queue.pk, archived_at__isnull=False).update(archived_at=None):
        _note(queue, by, "reopened a queue")


def _checked(kind: str, name: str, wanted: int, order: str, dispute_gap: int) -> dict[str, Any]:
    name = name.strip()[:120]
    if not name:
        raise QueueError("Give the queue a name.")
    if not 1 <= wanted <= MOST_WANTED:
        raise QueueError(f"A queue asks for 1 to {MOST_WANTED} decisions per item, not {wanted}.")
    if order not in ORDERS[Queue.Kind(kind)]:
        possible = ", ".join(one.label.lower() for one in ORDERS[Queue.Kind(kind)])
        raise QueueError(f"A queue of {kind} can be ordered by: {possible}.")
    if not 1 <= dispute_gap <= 5:
        raise QueueError("Ratings are a dispute when they are 1 to 5 apart.")
    return {"name": name, "wanted": wanted, "order": order, "dispute_gap": dispute_gap}


def rubrics_for(project: Project, kind: str) -> QuerySet[Rubric]:
    """Every rubric that a queue of this kind could ask for, ours first. None for kinds that rate nothing."""
    found = Rubric.objects.filter(Q(project=None) | Q(project=project), archived_at=None)
    return found.filter(level=LEVELS.get(kind, "")).order_by(F("project").asc(nulls_first=True), "id")


def _asked(project: Project, kind: str, rubrics: Sequence[str]) -> list[str]:
    """The rubrics that a queue asks for, in the order of the project's; empty for those of its kind."""
    if not rubrics:
        return []
    known = list(rubrics_for(project, kind).values_list("key", flat=True))
    if unknown := [key for key in rubrics if key not in known]:
        raise QueueError(f"A queue of {kind} cannot ask for {', '.join(unknown)}.")
    if len(set(rubrics)) > MOST_RUBRICS:
        raise QueueError(f"A queue asks for {MOST_RUBRICS} rubrics at most: more are not rated well at once.")
    asked = [key for key in known if key in rubrics]
    return [] if tuple(asked) == CARDS[kind].rubrics else asked


def _shares(share_random: float, share_top: float) -> dict[str, Any]:
    if share_random < 0 or share_top < 0 or share_random + share_top > 1:
        raise QueueError(
            "The shares of random controls and likely top items lie between 0 and 1, together too."
        )
    return {"share_random": share_random, "share_top": share_top}


def _clean(guidelines: str) -> str:
    return guidelines.replace("\r\n", "\n").replace("\x00", "").strip()


# Filling


def matching(project: Project, kind: str, filling: Filling, *, by_score_too: bool = False) -> QuerySet[Any]:
    """The subjects that a filling takes: seeds, passages or samples of the project, samples once they have the verdicts that it requires. Without an order.

    `by_score_too`: also passages and pages that are left out for their scores alone.
    """
    subjects = _fitting(project, kind, filling, by_score_too)
    if kind == Queue.Kind.SAMPLES:
        subjects = verifying.ready(subjects, project)
    if filling.take > 0:
        drawn = subjects.order_by(shuffled(filling.sample_seed), "pk").values("pk")[: filling.take]
        subjects = SUBJECTS[Queue.Kind(kind)].of(project).filter(pk__in=drawn)
    return subjects


def _fitting(project: Project, kind: str, filling: Filling, by_score_too: bool = False) -> QuerySet[Any]:
    """What a filling's conditions leave, before anything is drawn."""
    subject = SUBJECTS[Queue.Kind(kind)]
    subjects = subject.of(project, by_score_too)
    if filling.languages:
        subjects = subjects.filter(**{f"{subject.language}__in": filling.languages})
    if filling.state:
        subjects = subjects.filter(state=filling.state)
    if filling.sources:
        subjects = _from_sources(subjects, subject, filling.sources)
    if filling.workflow and kind == Queue.Kind.SAMPLES:
        subjects = subjects.filter(workflow=filling.workflow)
    if filling.area:
        subjects = _in_area(subjects, project, kind, filling.area)
    if filling.rubric and (filling.least_score is not None or filling.most_score is not None):
        subjects = _with_score(subjects, project, kind, filling)
    return subjects


def count_new(queue: Queue, filling: Filling) -> tuple[int, int]:
    """How many subjects a filling matches, and how many of them would be new to the queue."""
    subjects = matching(queue.project, queue.kind, filling)
    there = Item.objects.filter(queue=queue, **{queue.card.subject: OuterRef("pk")})
    return subjects.count(), subjects.exclude(Exists(there)).count()


def held_back(project: Project, kind: str, filling: Filling) -> dict[str, Counter[str]]:
    """Samples that fit a filling and wait for a verdict that the project requires: how many, by kind and what is known. Nothing else is held back."""
    if kind != Queue.Kind.SAMPLES:
        return {}
    return verifying.held_back(_fitting(project, kind, filling), project)


def fill(queue: Queue, filling: Filling, by: User | None) -> int:
    """Put the matching subjects that are not in the queue yet into it; returns how many. Twice adds nothing.

    A queue that learns draws from them what its scorers would learn most from, `take` of them; again, the next ones.
    Raises QueueError: the queue is closed, or nothing is known yet that could be uncertain.
    """
    if queue.archived_at is not None:
        raise QueueError("This queue is closed. Reopen it to fill it.")
    with transaction.atomic():
        if queue.order == Queue.Order.LEARNING:
            added = _add_drawn(queue, filling, filling.take or learning.TAKE)
        else:
            added = add_subjects(queue, matching(queue.project, queue.kind, filling))
        Queue.objects.filter(pk=queue.pk).update(filter=filling.stored())
        _note(queue, by, "filled a queue", items=added, filter=filling.stored())
    return added


def redraw(queue: Queue) -> int:
    """Let a queue that learns ask by the scorer that speaks now: items that nobody has touched are drawn anew, as many as
    there were. Returns how many. Nothing happens in other queues, and while nothing can be told."""
    if queue.order != Queue.Order.LEARNING or queue.archived_at is not None:
        return 0
    with transaction.atomic():
        touched = (
            Exists(Slot.objects.filter(item=OuterRef("pk")).exclude(state=Slot.State.OPEN))
            | Exists(Lease.objects.filter(item=OuterRef("pk")))
            | Exists(Draft.objects.filter(item=OuterRef("pk")))
            | Exists(Decision.objects.filter(item=OuterRef("pk")))
        )
        untouched = Item.objects.filter(~touched, queue=queue, state=Item.State.OPEN)
        going = list(untouched.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True))
        if not going:
            return 0
        try:
            with transaction.atomic():
                Item.objects.filter(pk__in=going).delete()
                return _add_drawn(queue, filled_from(queue), len(going))
        except QueueError:
            return 0


def filled_from(queue: Queue) -> Filling:
    """What the queue was last filled from; everything, before it was filled at all."""
    said: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in queue.filter.items()
        if name in Filling.__slots__
    }
    return Filling(**said)


def _add_drawn(queue: Queue, filling: Filling, take: int) -> int:
    """Draw for a queue that learns, and put what was drawn behind what is there."""
    card = queue.card
    found = matching(queue.project, queue.kind, replace(filling, take=0), by_score_too=True)
    last = Item.objects.filter(queue=queue).aggregate(Max("position"))["position__max"]
    start = 0 if last is None else last + 1
    try:
        chosen = learning.choose(queue, learning.candidates(queue, found), take, queue.random_seed + start)
    except learning.NothingToLearnFrom as error:
        raise QueueError(str(error)) from None
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH added AS (
                INSERT INTO curation_item (queue_id, {card.subject}_id, position, wanted, drawn, drawn_detail)
                SELECT %s, chosen.id, %s + chosen.place - 1, %s, chosen.why, left(chosen.detail, 200)
                  FROM unnest(%s::bigint[], %s::text[], %s::text[]) WITH ORDINALITY AS chosen (id, why, detail, place)
                    ON CONFLICT DO NOTHING
                RETURNING id, position
            ), slots AS (
                INSERT INTO curation_slot (item_id, queue_id, number, position)
                SELECT added.id, %s, number, added.position FROM added, generate_series(1, %s) AS number
            )
            SELECT count(*) FROM added
            """,
            [
                queue.pk,
                start,
                queue.wanted,
                [one.subject for one in chosen],
                [one.why for one in chosen],
                [one.detail for one in chosen],
                queue.pk,
                queue.wanted,
            ],
        )
        (added,) = cursor.fetchone()
    return int(added)


def add_subjects(queue: Queue, subjects: QuerySet[Any]) -> int:
    """Make an item with its slots of each subject that the queue has none of. One statement; returns how many.

    `subjects` are of the queue's kind and project, without an order; they stay in the database.
    """
    chosen, parameters = _placed(queue, subjects).query.sql_with_params()
    column = f"{queue.card.subject}_id"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH added AS (
                INSERT INTO curation_item (queue_id, {column}, position, wanted)
                SELECT %s, chosen.id, chosen.place, %s FROM ({chosen}) AS chosen (id, place)
                    ON CONFLICT DO NOTHING
                RETURNING id, position
            ), slots AS (
                INSERT INTO curation_slot (item_id, queue_id, number, position)
                SELECT added.id, %s, number, added.position FROM added, generate_series(1, %s) AS number
            )
            SELECT count(*) FROM added
            """,
            [queue.pk, queue.wanted, *parameters, queue.pk, queue.wanted],
        )
        (added,) = cursor.fetchone()
    if added:
        _look_from_the_start(queue)
    return added


def _from_sources(subjects: QuerySet[Any], subject: Subject, sources: tuple[int, ...]) -> QuerySet[Any]:
    if not subject.document:
        return subjects.filter(source__in=sources)
    found = Occurrence.objects.filter(source__in=sources, document=OuterRef(subject.document))
    return subjects.filter(Exists(found))


def _in_area(subjects: QuerySet[Any], project: Project, kind: str, area: str) -> QuerySet[Any]:
    subject = SUBJECTS[Queue.Kind(kind)]
    if not subject.passage:
        raise QueueError(f"A queue of {kind} cannot be filled from the map: its points are passages.")
    try:
        return subjects.filter(**{f"{subject.passage}__in": passages_in(project, parse(area))})
    except (AreaError, AnotherMap) as refusal:
        raise QueueError(str(refusal)) from None


def _with_score(subjects: QuerySet[Any], project: Project, kind: str, filling: Filling) -> QuerySet[Any]:
    subject = SUBJECTS[Queue.Kind(kind)]
    if filling.rubric not in subject.rubrics:
        raise QueueError(f"A queue of {kind} cannot be filled by {filling.rubric} value.")
    scores = Score.objects.filter(scorer__in=_active(project, filling.rubric))
    if filling.rubric == "educational":
        scores = scores.filter(document=OuterRef(subject.document))
    else:
        scores = scores.filter(passage=OuterRef(subject.passage))
    if filling.least_score is not None:
        scores = scores.filter(value__gte=filling.least_score)
    if filling.most_score is not None:
        scores = scores.filter(value__lte=filling.most_score)
    return subjects.filter(Exists(scores))


def _active(project: Project, *rubrics: str) -> QuerySet[Any]:
    return ActiveScorer.objects.filter(project=project, rubric__key__in=rubrics).values("scorer")


# Order


def _placed(queue: Queue, subjects: QuerySet[Any]) -> QuerySet[Any]:
    """(id, position) of each subject, by the queue's order alone."""
    return subjects.order_by().annotate(queue_position=_position(queue)).values_list("pk", "queue_position")


def _position(queue: Queue) -> Any:
    if queue.order == Queue.Order.RANDOM:
        return shuffled(queue.random_seed)
    if queue.order == Queue.Order.HIGHEST and queue.kind == Queue.Kind.SEEDS:
        best = (
            Score.objects.filter(
                passage=OuterRef("passage"), scorer__in=_active(queue.project, "factual", "reasoning")
            )
            .order_by()
            .values("passage")
            .annotate(best=Max("value"))
            .values("best")
        )
        score = Coalesce(Subquery(best, output_field=FloatField()), Value(0.0))
        return Cast((Value(5.0) - score) * Value(SCORE_STEPS), IntegerField())
    return F("pk")


class _Shuffled(Func):
    """60 bits of the MD5 of seed and UUID: the same on every server and version of PostgreSQL."""

    template = "('x' || substr(md5(%(expressions)s), 1, 15))::bit(60)::bigint"


def shuffled(seed: int) -> Func:
    """A random order of rows with a `uuid`, the same for the same seed."""
    said = Concat(Value(f"{seed}:"), Cast("uuid", TextField()), output_field=TextField())
    return _Shuffled(said, output_field=IntegerField())


def _reorder(queue: Queue) -> None:
    """Move all items of a queue to where its order has them. Slots repeat their item's position. In a queue that learns
    they stay: its next filling is drawn."""
    if queue.order == Queue.Order.LEARNING:
        return
    subject = queue.card.subject
    subjects = _subjects_in(queue)
    chosen, parameters = _placed(queue, subjects).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH placed (id, place) AS ({chosen}), moved AS (
                UPDATE curation_item i SET position = placed.place FROM placed
                 WHERE i.queue_id = %s AND i.{subject}_id = placed.id RETURNING i.id, i.position
            )
            UPDATE curation_slot s SET position = moved.position FROM moved WHERE s.item_id = moved.id
            """,
            [*parameters, queue.pk],
        )
    _look_from_the_start(queue)


def _subjects_in(queue: Queue) -> QuerySet[Any]:
    rows = SUBJECTS[Queue.Kind(queue.kind)].rows
    inside = Item.objects.filter(queue=queue).values(queue.card.subject)
    return rows._default_manager.filter(project=queue.project, pk__in=inside)


def _look_from_the_start(queue: Queue) -> None:
    """What is new may stand before where people have come to."""
    Sitting.objects.filter(queue=queue).update(cursor=-1)


# How many decisions


def _ask_for(queue: Queue, wanted: int) -> None:
    """Give the items that nobody has touched as many slots as are wanted now.

    Items are locked before slots, as deciding does, so that the two cannot wait for each other.
    """
    open_items = Item.objects.filter(queue=queue, state=Item.State.OPEN)
    list(open_items.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    list(
        Slot.objects.filter(item__in=open_items)
        .select_for_update(of=("self",), no_key=True)
        .order_by("pk")
        .values_list("pk")
    )
    touched = Slot.objects.filter(item=OuterRef("pk")).exclude(state=Slot.State.OPEN)
    untouched = open_items.exclude(Exists(touched))
    Slot.objects.filter(item__in=untouched, number__gt=wanted).delete()
    sql, parameters = untouched.order_by().values_list("pk", "position").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO curation_slot (item_id, queue_id, number, position)
            SELECT i.id, %s, number, i.position
              FROM ({sql}) AS i (id, position), generate_series(1, %s) AS number
                ON CONFLICT (item_id, number) DO NOTHING
            """,
            [queue.pk, *parameters, wanted],
        )
    untouched.update(wanted=wanted)


def _note(queue: Queue, by: User | None, verb: str, **details: Any) -> None:
    Activity.objects.create(
        project_id=queue.project_id, actor=by, verb=verb, subject=queue.name, details=details
    )
