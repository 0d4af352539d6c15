"""Start what runs in the background: every step from stored documents to seeds, one job after the other."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from curation.models import Activity, Document, Job, Project, User

LANE = "curate"
STEPS = ("extract", "clean", "assess", "split", "embed", "score", "near_duplicates", "select", "link")
#: What a collection repeats, before all of it is embedded and scored.
DUPLICATES_FIRST = ("extract", "clean", "assess", "split", "embed_likely", "near_duplicates")


class NothingToCurate(Exception):
    """The project has no documents; the message says how to bring some in."""


def start_curation(project: Project, by: User | None, steps: Sequence[str] = STEPS) -> Job:
    """Insert the first job of the chain, or return the one of the chain that is under way.

    Every step plans only what is not done yet, so starting again after a failure or after new imports goes on where
    it has to; thresholds are judged anew in any case.
    """
    if not Document.objects.filter(project=project).exists():
        raise NothingToCurate(
            f"The project {project.slug} has no documents. Import some first: ./manage.py load {project.slug} FILE"
        )
    if running := under_way(project):
        return running
    try:
        with transaction.atomic():
            job = Job.objects.create(
                project=project, kind=steps[0], then=list(steps[1:]), lane=LANE, created_by=by
            )
            Activity.objects.create(project=project, actor=by, verb="started curation", subject=project.slug)
            return job
    except IntegrityError:
        # Somebody else started it between the two statements.
        if running := under_way(project):
            return running
        raise


def under_way(project: Project) -> Job | None:
    """The active job of the project's curation, if any."""
    return Job.objects.active().filter(project=project, lane=LANE).first()
