"""Projects and their queues over REST."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router

from curation.api import reach
from curation.api.errors import Problem
from curation.api.schemas import ProjectOut, QueueOut
from curation.models import Membership, Project, Role
from curation.models.reviewing import queue_states

router = Router(tags=["projects"])
REFUSALS: dict[Any, Any] = {401: Problem, 403: Problem, 404: Problem}


@router.get("/projects", response={200: list[ProjectOut], 401: Problem}, url_name="projects")
def projects(request: HttpRequest) -> Any:
    """The projects that you may see."""
    user: Any = request.user
    roles = (
        {} if user.is_superuser else dict(Membership.objects.filter(user=user).values_list("project", "role"))
    )
    found = Project.objects.visible_to(user).defer("guidelines")
    return [_project(project, Role(roles.get(project.pk, Role.MANAGER))) for project in found]


@router.get("/projects/{project}", response={200: ProjectOut, **REFUSALS}, url_name="project")
def project(request: HttpRequest, project: str) -> Any:
    """One project, by its slug or id."""
    return _project(*reach.project(request, project, "browse"))


@router.get("/projects/{project}/queues", response={200: list[QueueOut], **REFUSALS}, url_name="queues")
def queues(request: HttpRequest, project: str) -> Any:
    """The queues that people are asked from, and how far each is."""
    found, _ = reach.project(request, project, "decide")
    open_queues = list(found.queues.filter(archived_at=None).order_by("id"))
    states = queue_states(open_queues)
    return [
        {
            "id": queue.uuid,
            "name": queue.name,
            "kind": queue.kind,
            "question": queue.card.question,
            "verdicts": list(queue.card.verdicts),
            "rubrics": list(queue.card.rubrics),
            "wanted": queue.wanted,
            "paused": queue.paused_at is not None,
            "items": states[queue.pk].items,
            "open": states[queue.pk].open,
            "settled": states[queue.pk].settled,
        }
        for queue in open_queues
    ]


def _project(project: Project, role: Role) -> dict[str, Any]:
    return {
        "id": project.uuid,
        "slug": project.slug,
        "name": project.name,
        "description": project.description,
        "languages": project.languages,
        "role": role.value,
        "archived": project.archived_at is not None,
    }
