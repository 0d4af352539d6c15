"""Exports: choose what goes out, see exactly that before, fetch it after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from curation import access
from curation.actions.snapshots import ExportError, create_snapshot, folder_of, nothing, preview
from curation.models import Occurrence, Project, Snapshot
from curation.models.approved import rubric_levels
from curation.recipe.export.bundle import zipped
from curation.recipe.export.filters import FILTERS, NO_LICENCE, SOURCE_KINDS, FilterError
from curation.recipe.export.formats import FORMATS, LISTING
from curation.recipe.export.manifest import NAME as MANIFEST
from curation.recipe.export.manifest import ROWS_NAME, named
from curation.recipe.export.schemas import SCHEMAS
from curation.recipe.knobs import KNOBS
from curation.web import keyset, listing, standing

FIRST_ROWS = 5
#: What approved means for each kind, as the page says it; docs/export-schemas.md has the table.
MEANINGS = {
    "documents": "Kept by every filter, and found in a source that is neither archived nor withdrawn.",
    "passages": "Kept by every filter, of an approved document, and rejected by nobody.",
    "seeds": "Accepted by people. A dispute counts once a reviewer has resolved it.",
    "samples": "Accepted by people. A dispute counts once a reviewer has resolved it.",
}


# Choosing


class ExportForm(forms.Form):
    """What an export is narrowed by; the fields are the filters that the kind has."""

    format = forms.ChoiceField(
        choices=[(entry.key, entry.title) for entry in FORMATS.values()],
        widget=forms.RadioSelect,
        required=False,
    )

    def __init__(self, data: QueryDict, project: Project, what: str) -> None:
        super().__init__(data)
        self.what = what
        choices = _choices(project)
        for entry in FILTERS.values():
            if what in entry.kinds:
                self.fields[entry.key] = _field(entry.key, entry.title, choices)
        self.rubrics = [(rubric.key, rubric.name) for rubric in choices.rubrics]
        of_kind = rubric_levels(project, what)
        for key, name in self.rubrics:
            if key in of_kind:
                self.fields[f"min_{key}"] = _bound(f"{name}, at least")
                self.fields[f"max_{key}"] = _bound(f"{name}, at most")

    @property
    def choices(self) -> list[forms.BoundField]:
        """Filters of which several values can be ticked; those with nothing to choose from are left away."""
        many = [name for name, field in self.fields.items() if isinstance(field, forms.MultipleChoiceField)]
        return [self[name] for name in many if len(list(self[name])) > 1]

    @property
    def words(self) -> list[forms.BoundField]:
        """Filters that are typed: a date, names."""
        typed = (forms.DateField, forms.CharField)
        return [self[name] for name, field in self.fields.items() if isinstance(field, typed)]

    @property
    def bounds(self) -> list[tuple[str, forms.BoundField, forms.BoundField]]:
        """Each score with its lower and upper bound."""
        return [
            (title, self[f"min_{key}"], self[f"max_{key}"])
            for key, title in self.rubrics
            if f"min_{key}" in self.fields
        ]

    @property
    def filters(self) -> dict[str, Any]:
        """What was asked, as `create_snapshot` reads it. It judges; this only collects."""
        data: Any = self.data
        asked: dict[str, Any] = {}
        for name, field in self.fields.items():
            if name == "format":
                continue
            many = isinstance(field, forms.MultipleChoiceField)
            asked[name] = [value for value in data.getlist(name) if value] if many else data.get(name, "")
        return {name: value for name, value in asked.items() if value}

    @property
    def chosen_format(self) -> str:
        return str(self.data.get("format") or next(iter(FORMATS)))

    @property
    def sent(self) -> list[tuple[str, str]]:
        """Everything that was asked, name by name, for the form that makes the export and for links."""
        pairs = [("what", self.what), ("format", self.chosen_format)]
        for name, value in self.filters.items():
            pairs += [(name, one) for one in (value if isinstance(value, list) else [value])]
        return pairs


def _choices(project: Project) -> Any:
    found = listing.choices(project)
    rows = Occurrence.objects.filter(document__project=project).exclude(licence="").order_by()
    named_there = set(rows.values_list("licence", flat=True).distinct()[:200])
    samples = (
        project.samples.exclude(licence="").order_by().values_list("licence", flat=True).distinct()[:200]
    )
    sources = project.sources.exclude(licence="").values_list("licence", flat=True)
    licences = sorted({*named_there, *samples, *sources})
    return _Choices(found.languages, found.sources, licences, found.rubrics)


@dataclass(frozen=True, slots=True)
class _Choices:
    languages: list[tuple[str, str]]
    sources: list[tuple[str, str]]
    licences: list[str]
    rubrics: list[listing.Scored]


def _field(key: str, title: str, choices: _Choices) -> forms.Field:
    many: dict[str, list[tuple[str, str]]] = {
        "language": choices.languages,
        "source": choices.sources,
        "licence": [(name, name) for name in choices.licences] + [(NO_LICENCE, "None stated")],
        "kind": [(kind, kind.capitalize()) for kind in SOURCE_KINDS],
    }
    if key in many:
        widget = forms.CheckboxSelectMultiple()
        return forms.MultipleChoiceField(label=title, choices=many[key], widget=widget, required=False)
    if key == "since":
        return forms.DateField(label=title, widget=forms.DateInput(attrs={"type": "date"}), required=False)
    return forms.CharField(label=title, help_text=FILTERS[key].help, required=False)


def _bound(label: str) -> forms.Field:
    widget = forms.NumberInput(attrs={"min": 0, "max": 5, "step": "any"})
    return forms.FloatField(label=label, widget=widget, required=False)


@require_GET
def new(request: HttpRequest, project: str) -> HttpResponse:
    """Choose a kind, filters and a format; see how many rows that is, the first of them, and why others are not in it."""
    opened = access.open(request, project, "manage")
    form = ExportForm(request.GET, opened, _kind(request.GET))
    context = _previewed(opened, form)
    template = "exports/_preview.html" if getattr(request, "htmx", False) else "exports/new.html"
    return render(request, template, context, status=422 if context["refused"] else 200)


def _kind(asked: QueryDict) -> str:
    what = asked.get("what", "")
    return what if what in SCHEMAS else "documents"


def _previewed(project: Project, form: ExportForm, refused: str = "") -> dict[str, Any]:
    """Everything the page shows: the counts of this moment, which the export is then held to."""
    context: dict[str, Any] = {
        "form": form,
        "schema": SCHEMAS[form.what],
        "schemas": SCHEMAS.values(),
        "meaning": MEANINGS[form.what],
        "refused": refused,
    }
    try:
        counts, rows = preview(project, form.what, form.filters, FIRST_ROWS)
    except (ExportError, FilterError) as error:
        return context | {"refused": refused or str(error)}
    return context | {
        "counts": counts,
        "rows": rows,
        "left_out": _left_out(project, form.what, counts.left_out),
        "licences": _by_count(counts.licences),
        "nothing": "" if counts.rows else nothing(form.what, counts.left_out),
    }


def _left_out(project: Project, what: str, left_out: Mapping[str, int]) -> list[dict[str, Any]]:
    """Reasons with their counts, each with the list that shows the rows behind it where there is one."""
    return [{**entry, "url": _rows_behind(project, what, entry["reason"])} for entry in named(left_out)]


def _rows_behind(project: Project, what: str, reason: str) -> str:
    asked = ""
    if what in ("documents", "passages") and reason in dict(standing.REASONS_OF[what.removesuffix("s")]):
        asked = urlencode({"reason": reason})
    elif what in ("seeds", "samples") and reason in ("rejected", "withdrawn"):
        asked = urlencode({"state": reason})
    elif what in ("seeds", "samples") and reason == "not_reviewed":
        asked = urlencode({"state": "candidate"})
    return f"{reverse(f'{what}:list', kwargs={'project': project.slug})}?{asked}" if asked else ""


def _by_count(counted: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda entry: (-entry[1], entry[0]))


@require_POST
def create(request: HttpRequest, project: str) -> HttpResponse:
    """Freeze what was shown and start writing it. When it is no longer what was shown, say so and show it anew."""
    opened = access.open(request, project, "manage")
    form = ExportForm(request.POST, opened, _kind(request.POST))
    try:
        snapshot = create_snapshot(
            opened,
            form.what,
            form.chosen_format,
            form.filters,
            request.user,  # type: ignore[arg-type]
            expected=_expected(request),
        )
    except (ExportError, FilterError) as error:
        return render(request, "exports/new.html", _previewed(opened, form, str(error)), status=422)
    return redirect("exports:snapshot", project=project, snapshot=snapshot.uuid)


def _expected(request: HttpRequest) -> int | None:
    shown = request.POST.get("expected", "")
    return int(shown) if shown.isdecimal() and len(shown) < 16 else None


# What was made


@require_GET
def list_page(request: HttpRequest, project: str) -> HttpResponse:
    """Every export of the project, newest first."""
    opened = access.open(request, project, "manage")
    made = opened.snapshots.select_related("job", "created_by").defer(
        "manifest", "versions", "left_out", "licences"
    )
    page = keyset.page(request, made)
    return render(request, "exports/list.html", {"page": page})


@require_GET
def snapshot(request: HttpRequest, project: str, snapshot: UUID) -> HttpResponse:
    """One export: its progress or its files, and all that it froze."""
    opened = access.open(request, project, "manage")
    found = _snapshot(opened, snapshot)
    context = _state(found) | {
        "schema": SCHEMAS[found.what],
        "form": FORMATS[found.format],
        "meaning": MEANINGS[found.what],
        "filters": _asked(opened, found),
        "left_out": _left_out(opened, found.what, found.left_out),
        "licences": _by_count(found.licences),
        "versions": _versions(found.versions),
        "withdrawn": found.withdrawn_since(),
    }
    return render(request, "exports/snapshot.html", context)


@require_GET
def progress(request: HttpRequest, project: str, snapshot: UUID) -> HttpResponse:
    """The part of an export's page that moves; the whole page once the files are there."""
    found = _snapshot(access.open(request, project, "manage"), snapshot)
    if not getattr(request, "htmx", False):
        return redirect("exports:snapshot", project=project, snapshot=snapshot)
    state = _state(found)
    if not state["moving"]:
        return HttpResponseClientRefresh()
    return render(request, "exports/_progress.html", state)


def _snapshot(project: Project, uuid: UUID) -> Snapshot:
    return get_object_or_404(project.snapshots.select_related("job", "created_by", "project"), uuid=uuid)


def _state(found: Snapshot) -> dict[str, Any]:
    job = found.job
    moving = job is not None and job.is_active
    files = list(found.files.all()) if found.state == Snapshot.State.READY else []
    return {
        "snapshot": found,
        "job": job,
        "moving": moving,
        "progress": job.progress() if job and found.state != Snapshot.State.READY else None,
        "files": files,
        "bytes": sum(file.bytes for file in files),
        "manifest_name": MANIFEST,
    }


def _asked(project: Project, found: Snapshot) -> list[tuple[str, str]]:
    """The filters in words: what each is called, and what was asked."""
    names = {str(uuid): name for uuid, name in project.sources.values_list("uuid", "name")}
    said = []
    for key, value in found.filters.items():
        title = FILTERS[key].title if key in FILTERS else _bound_title(key)
        values = value if isinstance(value, list) else [f"{value:g}" if isinstance(value, float) else value]
        said.append((title, ", ".join(names.get(one, one) for one in values)))
    return said


def _bound_title(key: str) -> str:
    bound, _, rubric = key.partition("_")
    return f"{rubric.capitalize()}, {'at least' if bound == 'min' else 'at most'}"


def _versions(versions: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """What it was made with, as groups of a title and its entries; empty groups are left away."""
    groups: list[tuple[str, list[tuple[str, str]]]] = []
    for key, value in versions.items():
        if value in ({}, [], "", None):
            continue
        title = key.replace("_", " ").capitalize()
        groups.append((title, list(_entries(value))))
    return groups


def _entries(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name in sorted(value):
            one = value[name]
            title = KNOBS[name].title if name in KNOBS else str(name)
            yield title, f"{one:,g}" if isinstance(one, int | float) else str(one)
    else:
        yield "", ", ".join(map(str, value)) if isinstance(value, list) else str(value)


# Fetching


@require_GET
def download(request: HttpRequest, project: str, snapshot: UUID, name: str) -> HttpResponseBase:
    """One file of an export, streamed."""
    opened = access.open(request, project, "manage")
    found = _snapshot(opened, snapshot)
    place = _files(found).get(name)
    if place is None:
        raise Http404("This export has no such file.")
    if not place.is_file():
        return _lost(request, found)
    media_types = {MANIFEST: "application/json", ROWS_NAME: LISTING.media_type}
    return _attached(
        FileResponse(place.open("rb"), content_type=media_types.get(name, FORMATS[found.format].media_type)),
        f"{opened.slug}-{name}",
    )


@require_GET
def bundle(request: HttpRequest, project: str, snapshot: UUID) -> HttpResponseBase:
    """All files of an export as one ZIP, made while it is sent."""
    opened = access.open(request, project, "manage")
    found = _snapshot(opened, snapshot)
    files = _files(found)
    if not files:
        messages.error(request, "This export is not written yet.")
        return redirect("exports:snapshot", project=project, snapshot=snapshot)
    if not all(place.is_file() for place in files.values()):
        return _lost(request, found)
    folder = f"{opened.slug}-{found.what}-{found.created_at:%Y-%m-%d}-{str(found.uuid)[:8]}"
    pieces = zipped((f"{folder}/{name}", place) for name, place in files.items())
    return _attached(StreamingHttpResponse(pieces, content_type="application/zip"), f"{folder}.zip")


def _files(found: Snapshot) -> dict[str, Path]:
    """The files that can be fetched, by name; none before all are there."""
    if found.state != Snapshot.State.READY:
        return {}
    folder = folder_of(found)
    return {name: folder / name for name in (*found.files.values_list("name", flat=True), MANIFEST)}


def _lost(request: HttpRequest, found: Snapshot) -> HttpResponse:
    messages.error(request, "A file of this export is no longer on the disk. Make the export again.")
    return redirect("exports:snapshot", project=found.project.slug, snapshot=found.uuid)


def _attached(response: Any, filename: str) -> HttpResponseBase:
    """To be saved, never shown: what it holds came from outside."""
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    response["X-Content-Type-Options"] = "nosniff"
    result: HttpResponseBase = response
    return result


app_name = "exports"

urlpatterns = [
    path("", list_page, name="list"),
    path("new", new, name="new"),
    path("create", create, name="create"),
    path("<uuid:snapshot>/", snapshot, name="snapshot"),
    path("<uuid:snapshot>/progress", progress, name="progress"),
    path("<uuid:snapshot>/all.zip", bundle, name="bundle"),
    path("<uuid:snapshot>/files/<str:name>", download, name="download"),
]
