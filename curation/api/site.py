"""The REST API: `/api/v1/`, described at `/api/v1/docs` and `/api/v1/openapi.json`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI, Swagger

from curation.api import (
    annotating,
    errors,
    generating,
    maps,
    projects,
    reviewing,
    steering,
    verifying,
    working,
)
from curation.api.auth import Session, Token

api = NinjaAPI(
    title="Seedbed",
    version="1",
    description=(
        "The studio for scripts: the same rules as the pages. Send `Authorization: Bearer <token>`; you make tokens "
        "on the page “Your account”. Errors are `{error, detail, way_out?}`. What others decided, and what a model "
        "scored, is not told here before you have answered."
    ),
    urls_namespace="api",
    auth=[Token(), Session()],
    docs=Swagger({"persistAuthorization": True, "tryItOutEnabled": True, "validatorUrl": None}),
)
errors.install(api)
for part in (projects, reviewing, working, steering, maps, annotating, generating, verifying):
    api.add_router("", part.router)


def _opened(view: Callable[..., Any]) -> Callable[..., HttpResponse]:
    """The API asks for a sign-in itself, with 401 and not by a redirect; and a wrong method is told as JSON."""

    @wraps(view, assigned=("__name__", "__doc__") if hasattr(view, "__name__") else ())
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if response.status_code != 405:
            return response
        body = {"error": "method_not_allowed", "detail": f"This address takes {response['Allow']}."}
        return JsonResponse(body, status=405, headers={"Allow": response["Allow"]})

    return csrf_exempt(login_not_required(answer))


def _nothing_here(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    body = {"error": "not_found", "detail": "The API has no such address.", "way_out": "See /api/v1/docs."}
    return JsonResponse(body, status=404)


def _patterns() -> list[Any]:
    patterns, _, _ = api.urls
    for pattern in patterns:
        pattern.callback = _opened(cast(Callable[..., Any], pattern.callback))
    return [
        *patterns,
        re_path(r"^(?P<rest>.*)$", csrf_exempt(login_not_required(_nothing_here)), name="nothing"),
    ]


#: For `path("api/v1/", …)`: patterns, application namespace, instance namespace.
urls = (_patterns(), "ninja", "api")
