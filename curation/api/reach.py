"""From an id in an address to the row: found, and checked by the same door as the pages' (`access.check`)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest

from curation import access
from curation.actions import endpoints
from curation.models import Endpoint, Item, Job, Project, Queue, Role, Snapshot


def project(request: HttpRequest, name: str, capability: str) -> tuple[Project, Role]:
    """A project by its slug or id. Raises Http404 for outsiders, PermissionDenied for too low a role."""
    found = Project.objects.filter(slug=name).first() or _by_id(name)
    if found is None:
        raise Http404
    return found, access.check(request.user, found, capability)


def _by_id(name: str) -> Project | None:
    try:
        return Project.objects.filter(uuid=UUID(name)).first()
    except ValueError:
        return None


def queue(request: HttpRequest, uuid: UUID, capability: str) -> Queue:
    found = Queue.objects.select_related("project").filter(uuid=uuid).first()
    return _checked(request, found, found.project if found else None, capability)


def item(request: HttpRequest, uuid: UUID, capability: str) -> Item:
    found = Item.objects.select_related("queue__project").filter(uuid=uuid).first()
    return _checked(request, found, found.queue.project if found else None, capability)


def job(request: HttpRequest, uuid: UUID, capability: str) -> Job:
    """A job of a project. The studio's own jobs belong to none and are not reached."""
    found = Job.objects.select_related("project").filter(uuid=uuid, project__isnull=False).first()
    return _checked(request, found, found.project if found else None, capability)


def snapshot(request: HttpRequest, uuid: UUID, capability: str) -> Snapshot:
    found = Snapshot.objects.select_related("project", "job").filter(uuid=uuid).first()
    return _checked(request, found, found.project if found else None, capability)


def endpoint(project: Project, uuid: UUID | None) -> Endpoint:
    """One that the project may ask, the first of them where none is named. Raises Http404."""
    offered = endpoints.offered(project)
    found = (offered.filter(uuid=uuid) if uuid else offered).first()
    if found is None:
        raise Http404
    return found


def _checked(request: HttpRequest, found: Any, project: Project | None, capability: str) -> Any:
    if found is None or project is None:
        raise Http404
    access.check(request.user, project, capability)
    return found
