"""Extracting again with the present extractors, and asking people anew about what came out otherwise. Nothing is deleted."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from curation.actions import queues
from curation.actions.curation import LANE, STEPS, NothingToCurate, under_way
from curation.models import Activity, Document, Item, Job, Passage, Project, Queue, Seed, User
from curation.models.stale import stale_items


class NothingStale(Exception):
    """No decision stands on a text that was replaced."""


def start(project: Project, by: User | None) -> Job:
    """Insert the job that makes texts anew, with every step after it, or return what is under way.

    Documents of which no text could be made are tried again too.
    """
    if not Document.objects.filter(project=project).exists():
        raise NothingToCurate(f"The project {project.slug} has no documents.")
    if running := under_way(project):
        return running
    with transaction.atomic():
        never = Document.objects.filter(project=project, extraction=None, withdrawn_at=None).exclude(
            left_out=""
        )
        never.update(left_out="", left_out_detail="")
        job = Job.objects.create(
            project=project, kind="extract_again", then=list(STEPS), lane=LANE, created_by=by
        )
        Activity.objects.create(
            project=project, actor=by, verb="started extracting again", subject=project.slug
        )
    return job


def ask_again(project: Project, by: User | None) -> list[Queue]:
    """A queue for each kind that has stale decisions, with the texts as they are now: pages, and the passages and seeds of the
    documents whose passages were replaced. The old decisions stay. Raises NothingStale."""
    stale = stale_items(project)
    made: list[Queue] = []
    with transaction.atomic():
        for kind in dict.fromkeys(stale.values_list("queue__kind", flat=True)):
            mine = stale.filter(queue__kind=kind)
            subjects = _subjects(project, kind, mine)
            if subjects is None:
                continue
            name = f"Read anew: {kind}, {timezone.now():%Y-%m-%d %H:%M:%S}"
            wanted = max(mine.values_list("wanted", flat=True), default=1)
            queue = queues.create_queue(project, by, kind=kind, name=name, wanted=wanted)
            if queues.add_subjects(queue, subjects):
                made.append(queue)
            else:
                queue.delete()
    if not made:
        raise NothingStale(
            "No decision stands on a text that was replaced, or nothing that replaced it goes on."
        )
    return made


def _subjects(project: Project, kind: str, stale: QuerySet[Item]) -> QuerySet[Any] | None:
    """What to ask about instead: rows of the kind's subject, in the texts as they are now."""
    documents = Document.objects.filter(
        Q(pk__in=stale.values("document"))
        | Q(passages__in=stale.values("passage"))
        | Q(passages__seeds__in=stale.values("seed"))
    )
    passages = Passage.objects.filter(
        project=project,
        document__in=documents.values("pk"),
        extraction=F("document__extraction"),
        left_out="",
    )
    if kind == Queue.Kind.PAGES:
        return Document.objects.filter(pk__in=stale.values("document"), left_out="")
    if kind == Queue.Kind.SCORES:
        return passages
    if kind == Queue.Kind.SEEDS:
        return Seed.objects.filter(
            project=project, passage__in=passages.values("pk"), state=Seed.State.CANDIDATE
        )
    return None
