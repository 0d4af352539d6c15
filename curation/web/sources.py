"""Sources: where material came from, what each one brought, and importing: upload, preview, start, report, undo."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import connection
from django.db.models import Count, Max, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect, HttpResponseClientRefresh

from curation import access
from curation.actions import imports, samples
from curation.actions.imports import Arrived, ImportRefused
from curation.models import Import, Occurrence, Project, RejectedRow, Source
from curation.models.licensing import STATED
from curation.recipe.ingest.limits import readable_bytes
from curation.recipe.ingest.mapping import ROLES, MappingError, read_mapping
from curation.recipe.ingest.programming import LANGUAGES
from curation.recipe.ingest.readers import READERS, kinds
from curation.recipe.ingest.rows import preview
from curation.studio.disk import DiskFull, disk, require_space
from curation.web import keyset

#: Bytes of one request. What is larger comes in by `./manage.py load`, which copies from this machine's own disk.
UPLOAD_LIMIT = 4 * 2**30
LICENCES = ("CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "MIT", "Apache-2.0", "ODC-By-1.0", "public-domain")
MOST_ADDRESSES = 20
SHOWN = 8  # values of one kind on a source's page

#: Cells that a spreadsheet would run.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


# Sources


@require_GET
def list_page(request: HttpRequest, project: str) -> HttpResponse:
    """Every source, in use or archived, with how often something was found in it."""
    opened = access.open(request, project, "browse")
    archived = request.GET.get("show") == "archived"
    rows = list(opened.sources.filter(archived_at__isnull=not archived).order_by("name", "pk"))
    found = dict(
        Occurrence.objects.filter(source__in=rows)
        .order_by()
        .values_list("source")
        .annotate(count=Count("pk"))
    )
    last = dict(
        Import.objects.filter(source__in=rows)
        .order_by()
        .values_list("source")
        .annotate(last=Max("created_at"))
    )
    for source in rows:
        source.found, source.last = found.get(source.pk, 0), last.get(source.pk)  # type: ignore[attr-defined]
    context = {
        "sources": rows,
        "archived": archived,
        "waiting": _waiting(opened) if access.may(request, "manage") else [],
        "elsewhere": opened.sources.filter(archived_at__isnull=archived).count(),
        "may_manage": access.may(request, "manage"),
    }
    return render(request, "sources/list.html", context)


def _waiting(project: Project) -> QuerySet[Import]:
    """Imports whose files are here and that nobody has started yet."""
    waiting = project.imports.filter(job=None, undone_at=None, files__isnull=False)
    return (
        waiting.select_related("source", "created_by")
        .annotate(file_count=Count("files"))
        .order_by("-pk")[:20]
    )


@require_GET
def source(request: HttpRequest, project: str, source: UUID) -> HttpResponse:
    """One source: what came in, of which types, languages and licences, what was left out, and its imports."""
    opened = access.open(request, project, "browse")
    found = _source(opened, source)
    page = keyset.page(request, found.imports.select_related("job", "created_by", "undo_job"), size=20)
    for batch in page:
        batch.brought = batch.counts if "rows" in batch.counts else None
    context = {
        "source": found,
        "page": page,
        "may_manage": access.may(request, "manage"),
        **_figures(found),
    }
    return render(request, "sources/source.html", context)


#: One walk over a source's places: how many, in which documents, and what these are.
_FIGURES = f"""
    WITH here AS (
        SELECT DISTINCT ON (o.document_id) split_part(d.media_type, ';', 1) AS media_type, d.language, d.left_out,
               {STATED} AS licence
          FROM curation_occurrence o JOIN curation_document d ON d.id = o.document_id
          JOIN curation_source s ON s.id = o.source_id LEFT JOIN curation_extraction e ON e.id = d.extraction_id
         WHERE o.source_id = %(source)s
         ORDER BY o.document_id, o.id)
    SELECT CASE WHEN grouping(media_type) = 0 THEN 'types' WHEN grouping(language) = 0 THEN 'languages'
                WHEN grouping(licence) = 0 THEN 'licences' WHEN grouping(left_out) = 0 THEN 'reasons'
                ELSE 'documents' END,
           coalesce(media_type, language, licence, left_out, ''), count(*)
      FROM here GROUP BY GROUPING SETS ((media_type), (language), (licence), (left_out), ())
     ORDER BY 1, 3 DESC, 2
"""
TYPES = {
    "text/html": "HTML",
    "text/plain": "Text",
    "text/markdown": "Markdown",
    "text/x-tex": "LaTeX",
    "text/x-wiki": "Wikitext",
    "application/pdf": "PDF",
    "application/epub+zip": "EPUB",
    "application/jats+xml": "JATS XML",
    "application/x-ipynb+json": "Jupyter notebook",
    "application/x-thread+json": "Questions with answers",
    "application/vnd.oasis.opendocument.text": "ODT",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "DOCX",
} | {one.media_type: one.name for one in LANGUAGES}


def _figures(source: Source) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, {"source": source.pk})
        rows = cursor.fetchall()
    of: dict[str, list[tuple[str, int]]] = {}
    for what, value, count in rows:
        of.setdefault(what, []).append((value, count))
    return {
        "documents": of["documents"][0][1] if "documents" in of else 0,
        "found": source.occurrences.count(),
        "types": [(TYPES.get(value, value), count) for value, count in of.get("types", [])],
        "languages": [(value or "not known yet", count) for value, count in of.get("languages", [])][:SHOWN],
        "licences": [(value or "none stated", count) for value, count in of.get("licences", [])][:SHOWN],
        "reasons": [(value, count) for value, count in of.get("reasons", []) if value],
    }


def _source(project: Project, uuid: UUID) -> Source:
    return get_object_or_404(project.sources, uuid=uuid)


class SourceForm(forms.Form):
    name = forms.CharField(max_length=160)
    kind = forms.ChoiceField(choices=Source.Kind.choices)
    licence = forms.CharField(
        max_length=80,
        required=False,
        help_text="SPDX identifier, for example CC-BY-4.0. Rows that name their own keep it.",
        widget=forms.TextInput(attrs={"list": "licences"}),
    )
    address = forms.URLField(max_length=1000, required=False, assume_scheme="https")


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, project: str, source: UUID) -> HttpResponse:
    """Change what a source says of itself."""
    opened = access.open(request, project, "manage")
    found = _source(opened, source)
    initial = {"name": found.name, "kind": found.kind, "licence": found.licence, "address": found.address}
    form = SourceForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            imports.change_source(found, request.user, **form.cleaned_data)  # type: ignore[arg-type]
        except ImportRefused as refused:
            form.add_error("name", str(refused))
        else:
            messages.success(request, "Saved.")
            return redirect("sources:source", project=project, source=source)
    context = {"source": found, "form": form, "licences": LICENCES}
    return render(request, "sources/edit.html", context, status=422 if form.errors else 200)


@require_POST
def archive(request: HttpRequest, project: str, source: UUID) -> HttpResponse:
    """Put a source away."""
    opened = access.open(request, project, "manage")
    imports.archive_source(_source(opened, source), request.user)  # type: ignore[arg-type]
    messages.success(request, "Archived. Its documents are no longer among what is approved.")
    return redirect("sources:source", project=project, source=source)


@require_POST
def restore(request: HttpRequest, project: str, source: UUID) -> HttpResponse:
    """Take a source back into use."""
    opened = access.open(request, project, "manage")
    imports.restore_source(_source(opened, source), request.user)  # type: ignore[arg-type]
    messages.success(request, "Restored.")
    return redirect("sources:source", project=project, source=source)


# Importing


NEW = "new"


class ImportForm(forms.Form):
    """Where the files belong: a source that is there, or a new one. The files themselves are read off the request."""

    what = forms.ChoiceField(
        label="The files hold", choices=Import.What.choices, initial=Import.What.DOCUMENTS
    )
    source = forms.ChoiceField(label="Into")
    name = forms.CharField(label="Name of the new source", max_length=160, required=False)
    kind = forms.ChoiceField(choices=Source.Kind.choices, required=False)
    licence = SourceForm.base_fields["licence"]
    address = SourceForm.base_fields["address"]
    addresses = forms.CharField(
        label="Or fetch from addresses",
        max_length=20_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "https://…"}),
        help_text="One a line: https://, http:// or s3://. Hosts that are not on the open internet and buckets have to be allowed by a site admin.",
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project
        choices: Any = self.fields["source"]
        choices.choices = [
            (NEW, "A new source"),
            *[
                (str(uuid), name)
                for uuid, name in project.sources.in_use().order_by("name").values_list("uuid", "name")
            ],
        ]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("source") == NEW and not (values.get("name") or "").strip():
            self.add_error("name", "Choose a source, or name a new one.")
        if len(self.cleaned_data.get("addresses", "").split()) > MOST_ADDRESSES:
            self.add_error("addresses", f"At most {MOST_ADDRESSES} at a time; ./manage.py load takes more.")
        return values

    def target(self, by: Any) -> Source:
        """The source, made when it is new. Raises ImportRefused."""
        values = self.cleaned_data
        if values["source"] != NEW:
            return self.project.sources.get(uuid=values["source"])
        kind = values["kind"] or Source.Kind.WEB
        return imports.find_or_create_source(
            self.project, values["name"], by, kind, values["licence"], values["address"]
        )


@csrf_exempt  # checked in `_upload`, once it is sure that the request's body may be read at all
@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest, project: str) -> HttpResponse:
    """Choose files and where they belong; they are stored and wait to be started."""
    opened = access.open(request, project, "manage")
    if request.method == "POST":
        return _upload(request, opened)
    return _upload_page(
        request, ImportForm(initial={"source": request.GET.get("source", NEW)}, project=opened)
    )


def _upload_page(
    request: HttpRequest, form: ImportForm, refused: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "refused": refused,
        "limit": UPLOAD_LIMIT,
        "limit_words": readable_bytes(UPLOAD_LIMIT),
        "licences": LICENCES,
        "kinds": kinds(),
    }
    return render(request, "sources/upload.html", context, status=status)


def _upload(request: HttpRequest, project: Project) -> HttpResponse:
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    try:
        require_space()
        if length > UPLOAD_LIMIT:
            raise ImportRefused(
                f"These files are {readable_bytes(length)} together; one upload takes {readable_bytes(UPLOAD_LIMIT)}. "
                "Upload fewer at a time, or use ./manage.py load on the studio's machine."
            )
        space = disk()
        if length * 2 > space.free - space.reserve:
            raise ImportRefused(f"There is no room for {readable_bytes(length)}: {space}")
    except (ImportRefused, DiskFull) as refused:
        return _upload_page(request, ImportForm(project=project), str(refused), status=422)
    return _receive(request, project)


@csrf_protect
def _receive(request: HttpRequest, project: Project) -> HttpResponse:
    form = ImportForm(request.POST, project=project)
    files = [file for file in request.FILES.getlist("files") if isinstance(file, UploadedFile)]
    if not form.is_valid():
        return _upload_page(request, form, status=422)
    addresses = form.cleaned_data["addresses"].split()
    if not files and not addresses:
        form.add_error(None, "Choose at least one file, or name an address.")
        return _upload_page(request, form, status=422)
    try:
        with tempfile.TemporaryDirectory(prefix="seedbed-fetch-") as folder:
            stored = imports.fetch_files(addresses, Path(folder))
        source = form.target(request.user)
        stored += [Arrived(file.name or "file", imports.keep_file(file, _lies_at(file))) for file in files]  # type: ignore[arg-type]
        batch = imports.draft_import(source, stored, request.user, what=form.cleaned_data["what"])  # type: ignore[arg-type]
    except ImportRefused as refused:
        form.add_error(None, str(refused))
        return _upload_page(request, form, status=422)
    address = reverse("sources:preview", args=[project.slug, batch.uuid])
    return HttpResponseClientRedirect(address) if getattr(request, "htmx", False) else redirect(address)


def _lies_at(file: UploadedFile) -> str | None:
    """Where an upload that was streamed to disk lies."""
    return file.temporary_file_path() if hasattr(file, "temporary_file_path") else None


@require_GET
def preview_page(request: HttpRequest, project: str, batch: UUID) -> HttpResponse:
    """The first rows of a file that waits, with the mapping that would be used."""
    opened = access.open(request, project, "manage")
    found = _import(opened, batch)
    if found.job is not None:
        return redirect("sources:import", project=project, batch=batch)
    files = list(found.files.select_related("stored_file").order_by("pk"))
    file = next((file for file in files if str(file.pk) == request.GET.get("file")), files[0])
    given, refused = _given(request)
    context = {
        "batch": found,
        "files": files,
        "file": file,
        "refused": refused,
        "roles": ROLES,
        "readers": READERS,
        "is_table": False,
    }
    if found.what == Import.What.DOCUMENTS:
        with file.stored_file.local_path() as local:
            shown = preview(local, file.name, given)
        title = READERS[shown.reader].title if shown.reader else ""
        mapped = {column: role for role, column in shown.mapping.items()}
        if refused:  # what was chosen stays chosen
            mapped = dict(zip(request.GET.getlist("column"), request.GET.getlist("role"), strict=False))
        columns = [(name, sample, mapped.get(name, "")) for name, sample in shown.columns.items()]
        context |= {"shown": shown, "reader": title, "columns": columns, "is_table": bool(shown.columns)}
    else:
        with file.stored_file.local_path() as local:
            context |= {"shown": samples.look(local, file.name), "reader": "Samples"}
    template = "sources/_preview.html" if getattr(request, "htmx", False) else "sources/preview.html"
    return render(request, template, context, status=422 if refused else 200)


def _given(request: HttpRequest) -> tuple[dict[str, str], str]:
    """The mapping that a form gives as one `role` per `column`, and what is wrong with it."""
    asked = request.POST if request.method == "POST" else request.GET
    pairs: dict[str, str] = {}
    for column, role in zip(asked.getlist("column"), asked.getlist("role"), strict=False):
        if role and role in pairs:
            return {}, f"Two columns are mapped to {role}: `{pairs[role]}` and `{column}`. Keep one."
        if role:
            pairs[role] = column
    try:
        return read_mapping(pairs), ""
    except MappingError as error:
        return {}, str(error)


@require_POST
def start(request: HttpRequest, project: str, batch: UUID) -> HttpResponse:
    """Start an import that waits, with the mapping as it was previewed."""
    opened = access.open(request, project, "manage")
    found = _import(opened, batch)
    given, refused = _given(request)
    if refused:
        messages.error(request, refused)
        return redirect("sources:preview", project=project, batch=batch)
    try:
        imports.start_import(found, request.user, given)  # type: ignore[arg-type]
    except ImportRefused as error:
        messages.error(request, str(error))
    return redirect("sources:import", project=project, batch=batch)


@require_POST
def discard(request: HttpRequest, project: str, batch: UUID) -> HttpResponse:
    """Throw away an import that was never started, with its files."""
    opened = access.open(request, project, "manage")
    found = _import(opened, batch)
    try:
        imports.discard_import(found, request.user)  # type: ignore[arg-type]
    except ImportRefused as error:
        messages.error(request, str(error))
        return redirect("sources:import", project=project, batch=batch)
    messages.success(request, "Discarded. Nothing was imported.")
    return redirect("sources:list", project=project)


# One import


@require_GET
def import_page(request: HttpRequest, project: str, batch: UUID) -> HttpResponse:
    """One import: its progress while it runs, then what it brought and which rows were rejected."""
    opened = access.open(request, project, "browse")
    found = _import(opened, batch)
    if found.job is None:
        return redirect("sources:preview", project=project, batch=batch)
    rejected = keyset.page(request, found.rejected_rows.all(), ("id",), size=50)
    context = {"rejected": rejected, "files": found.files.select_related("stored_file").order_by("pk")[:50]}
    return render(request, "sources/import.html", context | _state(request, found))


@require_GET
def progress(request: HttpRequest, project: str, batch: UUID) -> HttpResponse:
    """The part of an import's page that moves; the whole page once there is more to show."""
    opened = access.open(request, project, "browse")
    found = _import(opened, batch)
    if not getattr(request, "htmx", False):
        return redirect("sources:import", project=project, batch=batch)
    state = _state(request, found)
    if not state["moving"]:
        return HttpResponseClientRefresh()
    return render(request, "sources/_progress.html", state)


def _state(request: HttpRequest, batch: Import) -> dict[str, Any]:
    undoing = batch.undo_job if batch.undo_job and batch.undo_job.is_active else None
    job = undoing or batch.job
    return {
        "batch": batch,
        "job": job,
        "undoing": undoing,
        "moving": job is not None and job.is_active,
        "progress": job.progress() if job else None,
        "brought": imports.report(batch),
        "undone": batch.counts.get("undone", {}),
        "may_manage": access.may(request, "manage"),
        "may_undo": batch.undone_at is None and undoing is None and not (batch.job and batch.job.is_active),
    }


@require_http_methods(["GET", "POST"])
def undo(request: HttpRequest, project: str, batch: UUID) -> HttpResponse:
    """Say with counts what undoing would do; on POST, do it."""
    opened = access.open(request, project, "manage")
    found = _import(opened, batch)
    if request.method == "POST":
        try:
            imports.undo_import(found, request.user)  # type: ignore[arg-type]
        except ImportRefused as refused:
            messages.error(request, str(refused))
        return redirect("sources:import", project=project, batch=batch)
    if found.job is None or found.undone_at or found.job.is_active:
        return redirect("sources:import", project=project, batch=batch)
    return render(request, "sources/undo.html", {"batch": found, "would": imports.what_undoing_does(found)})


@require_GET
def rejected_csv(request: HttpRequest, project: str, batch: UUID) -> HttpResponseBase:
    """Every rejected row as CSV, with cells that a spreadsheet would run made harmless."""
    opened = access.open(request, project, "browse")
    found = _import(opened, batch)
    rows = found.rejected_rows.order_by("pk").values_list("file", "member", "row", "reason", "excerpt")
    response = StreamingHttpResponse(_csv(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="rejected-{str(found.uuid)[:8]}.csv"'
    return response


class _Echo:
    """A file whose `write` gives back what it is given: csv.writer makes lines of it."""

    def write(self, line: str) -> str:
        return line


def _csv(rows: QuerySet[RejectedRow, Any]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(["file", "member", "row", "reason", "excerpt"])
    for row in rows.iterator(chunk_size=2_000):
        yield writer.writerow([harmless(cell) for cell in row])


def harmless(cell: Any) -> Any:
    """A cell that a spreadsheet shows instead of running it: an apostrophe goes before what looks like a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell


def _import(project: Project, uuid: UUID) -> Import:
    return get_object_or_404(
        project.imports.select_related("source", "job", "undo_job", "created_by"), uuid=uuid
    )


app_name = "sources"
urlpatterns = [
    path("", list_page, name="list"),
    path("import", upload, name="upload"),
    path("imports/<uuid:batch>/", import_page, name="import"),
    path("imports/<uuid:batch>/preview", preview_page, name="preview"),
    path("imports/<uuid:batch>/start", start, name="start"),
    path("imports/<uuid:batch>/discard", discard, name="discard"),
    path("imports/<uuid:batch>/progress", progress, name="progress"),
    path("imports/<uuid:batch>/undo", undo, name="undo"),
    path("imports/<uuid:batch>/rejected.csv", rejected_csv, name="rejected"),
    path("<uuid:source>/", source, name="source"),
    path("<uuid:source>/edit", edit, name="edit"),
    path("<uuid:source>/archive", archive, name="archive"),
    path("<uuid:source>/restore", restore, name="restore"),
]
