"""A project's own rubrics: writing one, changing its words while nobody has answered it, putting it away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.text import slugify

from curation.actions import scorers
from curation.models import ActiveScorer, Activity, Decision, Label, Project, Rubric, User

MOST_QUESTION, MOST_ANCHOR = 400, 200  # characters
LEAST_ANCHORS, MOST_ANCHORS = 2, 6  # a scale from 0 to 1 … 0 to 5


class RubricError(Exception):
    """What was asked cannot be done; the message says why and what to do."""


def of_project(project: Project) -> QuerySet[Rubric]:
    """Ours and the project's own, archived ones too."""
    return Rubric.objects.filter(Q(project=None) | Q(project=project)).order_by("project", "id")


def is_answered(rubric: Rubric) -> bool:
    """Whether anybody, a person or a model, has given an answer to a project's own rubric."""
    if Label.objects.filter(rubric=rubric).exists():
        return True
    given = Decision.objects.filter(item__queue__project=rubric.project_id, ratings__has_key=rubric.key)
    return given.exists()


def create_rubric(
    project: Project, by: User, *, name: str, level: str, question: str, anchors: Sequence[str]
) -> Rubric:
    """Write a rubric; the scale reaches from 0 to the number of its last anchor. Raises RubricError."""
    if level not in Rubric.Level.values:
        raise RubricError("Say whether it is about a page or about a passage.")
    words = _checked(name, question, anchors)
    key = slugify(words["name"])[:40].strip("-")
    if not key:
        raise RubricError("Give it a name with letters or digits in it.")
    if of_project(project).filter(key=key).exists():
        raise RubricError(f"There is a rubric called {key} already. Choose another name.")
    try:
        with transaction.atomic():
            rubric = Rubric.objects.create(project=project, key=key, level=level, **words)
            _note(rubric, by, "wrote a rubric")
    except IntegrityError:
        raise RubricError(f"There is a rubric called {key} already. Choose another name.") from None
    return rubric


def change_rubric(rubric: Rubric, by: User, *, name: str, question: str, anchors: Sequence[str]) -> bool:
    """Change the words of a project's own rubric; its key stays. Returns whether anything changed. Raises RubricError.

    Once it was answered, question and scale stay as they are: an answer to other words would be another answer.
    """
    if rubric.project_id is None:
        raise RubricError("This rubric is ours and the same in every project. Write one of your own.")
    words = _checked(name, question, anchors)
    changed = [field for field, value in words.items() if getattr(rubric, field) != value]
    if set(changed) - {"name"} and is_answered(rubric):
        raise RubricError(
            "It has been answered: its question and scale stay, so that all answers mean the same. "
            "Archive it and write a new one."
        )
    if changed:
        with transaction.atomic():
            for field in changed:
                setattr(rubric, field, words[field])
            rubric.save(update_fields=changed)
            _note(rubric, by, "changed a rubric", fields=changed)
    return bool(changed)


def archive_rubric(rubric: Rubric, by: User) -> None:
    """Offer it no more, and score nothing more by it. Its answers, scorers and scores stay. Archiving twice changes nothing.
    Raises RubricError."""
    if rubric.project_id is None:
        raise RubricError("This rubric is ours: it cannot be archived.")
    with transaction.atomic():
        if Rubric.objects.filter(pk=rubric.pk, archived_at=None).update(archived_at=timezone.now()):
            ActiveScorer.objects.filter(project=rubric.project_id, rubric=rubric).delete()
            _note(rubric, by, "archived a rubric")


def restore_rubric(rubric: Rubric, by: User) -> None:
    """Offer it again; the version that spoke last is activated by a job, once what came since has its score."""
    own = Rubric.objects.filter(pk=rubric.pk, project__isnull=False, archived_at__isnull=False)
    with transaction.atomic():
        if not own.update(archived_at=None):
            return
        _note(rubric, by, "restored a rubric")
        assert rubric.project is not None
        latest = next(iter(scorers.history(rubric.project, rubric)), None)
        if latest is None:
            return
        try:
            scorers.activate(rubric.project, latest.scorer, by, "The rubric was restored.")
        except scorers.ScorerError as error:
            _note(rubric, by, "restored a rubric without its scorer", why=str(error))


def _checked(name: str, question: str, anchors: Sequence[str]) -> dict[str, Any]:
    name, question = _clean(name)[:80], _clean(question)
    steps = [_clean(anchor) for anchor in anchors]
    if not name:
        raise RubricError("Give it a name.")
    if not question:
        raise RubricError("Write the question that people answer.")
    if len(question) > MOST_QUESTION:
        raise RubricError(f"The question is longer than {MOST_QUESTION} characters.")
    if not LEAST_ANCHORS <= len(steps) <= MOST_ANCHORS:
        raise RubricError("A scale reaches from 0 to at least 1 and at most 5.")
    for at, step in enumerate(steps):
        if not step:
            raise RubricError(f"Say what {at} means.")
        if len(step) > MOST_ANCHOR:
            raise RubricError(f"What {at} means is longer than {MOST_ANCHOR} characters.")
    return {"name": name, "question": question, "anchors": steps, "highest": len(steps) - 1}


def _clean(text: str) -> str:
    return " ".join(text.replace("\x00", "").split())


def _note(rubric: Rubric, by: User, verb: str, **details: Any) -> None:
    Activity.objects.create(
        project=rubric.project, actor=by, verb=verb, subject=rubric.name[:300], details=details
    )
