"""Drawing the map of a project: asking for the job that does."""

from __future__ import annotations

from django.db import transaction

from curation.models import Activity, EmbeddingModel, Job, Project, User

KIND = "map"


class MapError(Exception):
    """No map can be drawn; the message says why and what to do."""


def draw(project: Project, by: User | None, *, with_left_out: bool = False) -> Job:
    """A job that draws the project's map anew, or the one that does so already. Raises MapError before anything has a vector."""
    if not drawable(project):
        raise MapError("Nothing has a vector yet, so there is nothing to lay out. Curate the project first.")
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        if running := under_way(project):
            return running
        job = Job.objects.create(
            project=project, kind=KIND, created_by=by, options={"with_left_out": with_left_out}
        )
        Activity.objects.create(project=project, actor=by, verb="drew the map", subject=project.slug)
    return job


def drawable(project: Project) -> bool:
    """Whether anything of the project has a vector."""
    return EmbeddingModel.objects.of_project(project) is not None


def under_way(project: Project) -> Job | None:
    """The job that draws the map now, if any."""
    return Job.objects.active().filter(project=project, kind=KIND).first()


def latest(project: Project) -> Job | None:
    """The last job that drew the map, however it ended."""
    return Job.objects.filter(project=project, kind=KIND).order_by("-pk").first()
