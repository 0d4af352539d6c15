"""Trying an extraction: an address or a file, seen raw, extracted and with what was cut, before anything is imported. Nothing is stored."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_http_methods

from curation import access
from curation.actions.imports import fetching_rules
from curation.models import Project
from curation.recipe.ingest.arrival import Arrival
from curation.recipe.ingest.fetch import FetchRefused, fetch
from curation.recipe.ingest.folders import Found
from curation.recipe.ingest.limits import MIB, readable_bytes
from curation.recipe.ingest.outcomes import Outcome, outcomes
from curation.recipe.ingest.pool import Bounds, Pool
from curation.web import sides

MOST_BYTES = 32 * MIB
DOCUMENTS = 5  # of one file
BOUNDS = Bounds(cpu_seconds=20, seconds=30.0)


class TryForm(forms.Form):
    address = forms.CharField(
        max_length=2000,
        required=False,
        label="Address",
        help_text="https:// or http://. Nothing of it is kept.",
        widget=forms.TextInput(attrs={"placeholder": "https://…", "inputmode": "url"}),
    )
    file = forms.FileField(
        required=False, label="Or a file", help_text=f"Up to {readable_bytes(MOST_BYTES)}."
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        file = values.get("file")
        if not self.errors and bool(file) == bool((values.get("address") or "").strip()):
            raise forms.ValidationError("Name an address, or choose a file.")
        if file and file.size > MOST_BYTES:
            self.add_error(
                "file", f"It is {readable_bytes(file.size)}; import it, and look at its documents then."
            )
        return values


@dataclass(frozen=True, slots=True)
class Tried:
    """One document that was tried: what became of it, and its sides."""

    outcome: Outcome
    sides: sides.Sides


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest, project: str) -> HttpResponse:
    """Ask for an address or a file; on POST, show what extraction makes of its first documents."""
    opened: Project = access.open(request, project, "manage")
    asked = request.method == "POST"
    form = TryForm(request.POST, request.FILES) if asked else TryForm()
    tried: list[Tried] = []
    if asked and form.is_valid():
        try:
            tried = _tried(form.cleaned_data["address"].strip(), form.cleaned_data["file"])
        except FetchRefused as refused:
            form.add_error("address", str(refused))
    context = {"form": form, "tried": tried, "most": DOCUMENTS, "project": opened}
    return render(request, "sources/try.html", context, status=422 if form.errors else 200)


def _tried(address: str, file: UploadedFile | None) -> list[Tried]:
    with tempfile.TemporaryDirectory(prefix="seedbed-try-") as folder:
        if address:
            one = fetch(address, Path(folder), replace(fetching_rules(), most_bytes=MOST_BYTES))
            found = Found(one.path, one.name, address, Arrival(one.address, one.charset))
        else:
            assert file is not None
            found = Found(Path(folder) / "file", file.name or "file", file.name or "file")
            with open(found.path, "wb") as copy:
                shutil.copyfileobj(file, copy)
        with Pool(1, BOUNDS) as pool:
            made = list(islice(outcomes([found], pool, keep=sides.RAW), DOCUMENTS))
    return [Tried(one, sides.of_outcome(one)) for one in made]


app_name = "tries"
urlpatterns = [path("", page, name="page")]
