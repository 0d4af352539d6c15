"""The panel's first page: how the projects one manages stand, what runs, who reviews, how full the disk is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, Max, Q
from django.utils import timezone

from curation.jobs.kinds import KINDS
from curation.models import Decision, Document, Item, Job, Passage, Project, Sample, Seed
from curation.studio.disk import disk

PROJECTS_SHOWN = 20
JOBS_SHOWN = 10
PEOPLE_SHOWN = 15
LATELY = timedelta(days=7)


def dashboard(user: Any) -> dict[str, Any]:
    """What the template shows. A dozen queries however many projects."""
    projects = list(Project.objects.managed_by(user).current().defer("guidelines")[:PROJECTS_SHOWN])
    return {
        "funnels": _funnels(projects),
        "running": _running(projects),
        "people": _people(projects),
        "disk": disk(),
        "lately": LATELY.days,
    }


def _funnels(projects: list[Project]) -> list[dict[str, Any]]:
    """From documents to approved rows, a line per project."""
    kept = Q(left_out="")
    columns = {
        "documents": _counts(Document.objects.all(), projects),
        "kept": _counts(Document.objects.filter(kept), projects),
        "passages": _counts(Passage.objects.filter(kept), projects),
        "seeds": _counts(Seed.objects.filter(state=Seed.State.APPROVED), projects),
        "samples": _counts(Sample.objects.filter(state=Sample.State.APPROVED), projects),
    }
    waiting = dict(
        Item.objects.filter(
            queue__project__in=projects,
            queue__archived_at=None,
            state__in=[Item.State.DISPUTED, Item.State.FLAGGED],
        )
        .order_by()
        .values_list("queue__project")
        .annotate(count=Count("pk"))
    )
    return [
        {
            "project": project,
            "waiting": waiting.get(project.pk, 0),
            **{name: counted.get(project.pk, 0) for name, counted in columns.items()},
        }
        for project in projects
    ]


def _counts(rows: Any, projects: list[Project]) -> dict[int, int]:
    counted = rows.filter(project__in=projects).order_by().values_list("project").annotate(count=Count("pk"))
    return dict(counted)


def _running(projects: list[Project]) -> list[dict[str, Any]]:
    jobs = (
        Job.objects.active()
        .filter(project__in=projects)
        .select_related("project")
        .order_by("id")[:JOBS_SHOWN]
    )
    return [
        {
            "job": job,
            "title": KINDS[job.kind].title if job.kind in KINDS else job.kind,
            "progress": job.progress(),
        }
        for job in jobs
    ]


def _people(projects: list[Project]) -> Any:
    """Who decided how much lately: counts and times, never what."""
    since = timezone.now() - LATELY
    return (
        Decision.objects.filter(
            item__queue__project__in=projects, event=Decision.Event.DECIDE, created_at__gte=since
        )
        .order_by()
        .values("user__name", "user__email")
        .annotate(count=Count("pk"), latest=Max("created_at"))
        .order_by("-count")[:PEOPLE_SHOWN]
    )
