"""Search, and find similar: by words, and by meaning."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_GET

from curation import access


@require_GET
def page(request: HttpRequest, project: str) -> HttpResponse:
    access.open(request, project, "browse")
    return render(request, "search/page.html")


@require_GET
def similar(request: HttpRequest, project: str) -> HttpResponse:
    access.open(request, project, "browse")
    return render(request, "search/similar.html")


app_name = "search"
urlpatterns = [
    path("", page, name="page"),
    path("similar", similar, name="similar"),
]
