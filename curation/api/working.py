"""Imports, jobs and exports over REST."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.http import FileResponse, Http404, HttpRequest
from django.urls import reverse
from ninja import File, Form, Router, Schema, Status, UploadedFile

from curation.actions import imports, snapshots
from curation.actions.imports import ImportRefused
from curation.api import reach
from curation.api.errors import Problem
from curation.api.schemas import ExportIn, ImportOut, JobOut, SnapshotOut, Text
from curation.jobs import control
from curation.jobs.kinds import KINDS
from curation.models import Import, Job, Snapshot
from curation.recipe.ingest.mapping import MappingError, read_mapping
from curation.studio.disk import require_space

router = Router()
REFUSALS: dict[Any, Any] = {401: Problem, 403: Problem, 404: Problem, 409: Problem, 422: Problem}
MOST_JOBS = 100


# Imports


class ImportForm(Schema):
    """The fields beside the files. `mapping` is JSON, for example {"text": "body", "title": "headline"}."""

    source: Text
    kind: Text = "web"
    licence: Text = ""
    address: Text = ""
    what: Text = "documents"
    mapping: Text = "{}"


@router.post(
    "/projects/{project}/imports",
    response={202: ImportOut, 507: Problem, **REFUSALS},
    url_name="imports",
    tags=["imports"],
)
def create_import(
    request: HttpRequest, project: str, form: Form[ImportForm], files: File[list[UploadedFile]]
) -> Any:
    """Bring files into a source, which is made when there is none of that name. The answer names the job that reads them."""
    found, _ = reach.project(request, project, "manage")
    user: Any = request.user
    if form.what not in Import.What.values:
        raise ImportRefused(f"There is no import of {form.what!r}; choose {', '.join(Import.What.values)}.")
    imports.check_kind(form.kind)
    mapping = _mapping(form.mapping)
    require_space()
    source = imports.find_or_create_source(
        found, form.source, user, kind=form.kind, licence=form.licence, address=form.address
    )
    kept = [(file.name or "file", imports.keep_file(file.file, _path_of(file))) for file in files]  # type: ignore[arg-type]
    batch = imports.draft_import(source, kept, user, mapping, form.what)
    job = imports.start_import(batch, user)
    names = list(batch.files.values_list("name", flat=True))
    return Status(202, {"id": batch.uuid, "job": job.uuid, "source": source.name, "files": names})


def _mapping(said: str) -> dict[str, str]:
    try:
        mapping = json.loads(said or "{}")
    except ValueError:
        raise ImportRefused('`mapping` is not JSON. Write it like {"text": "body"}.') from None
    if not isinstance(mapping, dict) or not all(isinstance(one, str) for one in mapping.values()):
        raise ImportRefused('`mapping` is an object of names, like {"text": "body"}.')
    try:
        return read_mapping(mapping)
    except MappingError as error:
        raise ImportRefused(str(error)) from error


def _path_of(file: UploadedFile) -> str | None:
    """Where an upload lies that was too large for memory."""
    return file.temporary_file_path() if hasattr(file, "temporary_file_path") else None


# Jobs


@router.get(
    "/projects/{project}/jobs", response={200: list[JobOut], **REFUSALS}, url_name="jobs", tags=["jobs"]
)
def jobs(request: HttpRequest, project: str, before: UUID | None = None, limit: int = 50) -> Any:
    """Jobs of a project, newest first. `before` is the last job of the page you have."""
    found, _ = reach.project(request, project, "browse")
    rows = Job.objects.filter(project=found).order_by("-id")
    if before is not None:
        last = Job.objects.filter(project=found, uuid=before).values_list("pk", flat=True).first()
        if last is None:
            raise Http404
        rows = rows.filter(pk__lt=last)
    return [_job(job) for job in rows[: max(1, min(limit, MOST_JOBS))]]


@router.get("/jobs/{uuid:job}", response={200: JobOut, **REFUSALS}, url_name="job", tags=["jobs"])
def job(request: HttpRequest, job: UUID) -> Any:
    """One job, with its progress."""
    return _with_progress(reach.job(request, job, "browse"))


@router.post(
    "/jobs/{uuid:job}/cancel", response={200: JobOut, **REFUSALS}, url_name="cancel_job", tags=["jobs"]
)
def cancel_job(request: HttpRequest, job: UUID) -> Any:
    """Stop a job. What it has saved stays."""
    found = reach.job(request, job, "manage")
    control.cancel(found)
    return _with_progress(found)


@router.post(
    "/jobs/{uuid:job}/resume", response={200: JobOut, **REFUSALS}, url_name="resume_job", tags=["jobs"]
)
def resume_job(request: HttpRequest, job: UUID) -> Any:
    """Go on with a job that failed or was cancelled."""
    found = reach.job(request, job, "manage")
    control.resume(found)
    return _with_progress(found)


def _job(job: Job) -> dict[str, Any]:
    kind = KINDS.get(job.kind)
    return {
        "id": job.uuid,
        "kind": job.kind,
        "title": kind.title if kind else job.kind,
        "unit": kind.unit if kind else "",
        "state": job.state,
        "reason": job.reason,
        "result": job.result if isinstance(job.result, dict) else {},
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
    }


def _with_progress(job: Job) -> dict[str, Any]:
    progress = job.progress()
    names = ("total", "done", "dropped", "failed", "rate", "left")
    return {**_job(job), "progress": {name: getattr(progress, name) for name in names}}


# Exports


@router.post(
    "/projects/{project}/exports",
    response={202: SnapshotOut, 507: Problem, **REFUSALS},
    url_name="exports",
    tags=["exports"],
)
def create_export(request: HttpRequest, project: str, payload: ExportIn) -> Any:
    """Freeze what is approved and write it in the background. `expected` refuses a count that has changed since."""
    found, _ = reach.project(request, project, "manage")
    user: Any = request.user
    require_space()
    snapshot = snapshots.create_snapshot(
        found, payload.what, payload.format, payload.filters, user, expected=payload.expected
    )
    return Status(202, _snapshot(snapshot))


@router.get(
    "/exports/{uuid:snapshot}", response={200: SnapshotOut, **REFUSALS}, url_name="export", tags=["exports"]
)
def export(request: HttpRequest, snapshot: UUID) -> Any:
    """An export: what it froze, and its files once they are written."""
    return _snapshot(reach.snapshot(request, snapshot, "manage"))


@router.get(
    "/exports/{uuid:snapshot}/files/{name}",
    response={200: None, **REFUSALS},
    url_name="export_file",
    tags=["exports"],
)
def export_file(request: HttpRequest, snapshot: UUID, name: str) -> Any:
    """Download a file of an export."""
    found = reach.snapshot(request, snapshot, "manage")
    if found.state != Snapshot.State.READY or not found.files.filter(name=name).exists():
        raise Http404
    path = snapshots.folder_of(found) / name
    if not path.is_file():
        raise Http404
    return FileResponse(path.open("rb"), as_attachment=True, filename=name)


def _snapshot(snapshot: Snapshot) -> dict[str, Any]:
    ready = snapshot.state == Snapshot.State.READY
    names = ("what", "format", "state", "rows", "left_out", "licences", "filters", "versions", "created_at")
    files = [
        {
            "name": file.name,
            "rows": file.rows,
            "bytes": file.bytes,
            "sha256": file.sha256,
            "address": reverse("api:export_file", kwargs={"snapshot": snapshot.uuid, "name": file.name}),
        }
        for file in (snapshot.files.all() if ready else ())
    ]
    return {
        "id": snapshot.uuid,
        **{name: getattr(snapshot, name) for name in names},
        "job": snapshot.job.uuid if snapshot.job else None,
        "files": files,
    }
