"""What the API says when it does not do something: `{error, detail, way_out?}` under the right status."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError

from curation.actions import review
from curation.actions.asking import AskingError
from curation.actions.imports import ImportRefused
from curation.actions.maps import MapError
from curation.actions.prompts import PromptOutdated
from curation.actions.runs import RunError
from curation.actions.scorers import ScorerError
from curation.actions.snapshots import ExportError
from curation.actions.thresholds import ThresholdError
from curation.jobs.control import NotNow
from curation.recipe.export.filters import FilterError
from curation.studio.disk import DiskFull

#: The status of each way in which reviewing refuses, by its code.
REVIEW_STATUS = {
    "invalid": 422,
    "lease_unknown": 409,
    "lease_gone": 410,
    "already_decided": 409,
    "too_many_held": 409,
    "nothing_to_undo": 409,
    "draft_conflict": 409,
}
WAYS_OUT = {
    "lease_unknown": "POST /queues/{queue}/claim gives an item with its lease.",
    "lease_gone": "Claim again. A decision under the old lease is still kept, and counts if a slot is free.",
    "already_decided": "POST /items/{item}/undo first, then decide under the lease that it gives.",
    "too_many_held": "POST /items/{item}/release, or GET /queues/{queue}/held and decide those.",
}


class Problem(Schema):
    """Every answer that is no success."""

    error: str
    detail: str
    way_out: str | None = None
    fields: list[dict[str, str]] | None = None


class Refused(Exception):
    """An answer that is no success, as the API says it."""

    def __init__(self, status: int, error: str, detail: str, way_out: str = "") -> None:
        super().__init__(detail)
        self.status, self.error, self.way_out = status, error, way_out


def install(api: NinjaAPI) -> None:
    """Teach the API how each refusal is said."""

    def say(
        request: HttpRequest, status: int, error: str, detail: str, way_out: str = "", **more: Any
    ) -> HttpResponse:
        body = {"error": error, "detail": detail, **({"way_out": way_out} if way_out else {}), **more}
        response = api.create_response(request, body, status=status)
        if status == 401:
            response["WWW-Authenticate"] = "Bearer"
        return response

    @api.exception_handler(Refused)
    def refused(request: HttpRequest, error: Refused) -> HttpResponse:
        return say(request, error.status, error.error, str(error), error.way_out)

    @api.exception_handler(AuthenticationError)
    def unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        way_out = "Send Authorization: Bearer <token>. You make tokens on the page “Your account”."
        return say(request, 401, "not_signed_in", "This needs a token or a signed-in session.", way_out)

    @api.exception_handler(PermissionDenied)
    def denied(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
        return say(request, 403, "not_allowed", str(error) or "You may not do that here.")

    @api.exception_handler(Http404)
    def missing(request: HttpRequest, error: Http404) -> HttpResponse:
        return say(request, 404, "not_found", "There is no such thing, or none that you may see.")

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        fields = [
            {
                "where": ".".join(str(part) for part in one["loc"] if part != "payload"),
                "problem": str(one["msg"]),
            }
            for one in error.errors
        ]
        detail = "; ".join(f"{field['where']}: {field['problem']}" for field in fields)
        return say(request, 422, "invalid", detail, fields=fields)

    @api.exception_handler(HttpError)
    def other(request: HttpRequest, error: HttpError) -> HttpResponse:
        return say(request, error.status_code, "bad_request", str(error))

    @api.exception_handler(review.ReviewError)
    def review_refused(request: HttpRequest, error: review.ReviewError) -> HttpResponse:
        return say(
            request, REVIEW_STATUS.get(error.code, 409), error.code, str(error), WAYS_OUT.get(error.code, "")
        )

    def said_so(error_code: str, status: int) -> Any:
        def handler(request: HttpRequest, error: Exception) -> HttpResponse:
            return say(request, status, error_code, str(error))

        return handler

    api.add_exception_handler(ImportRefused, said_so("import_refused", 422))
    api.add_exception_handler(FilterError, said_so("invalid", 422))
    api.add_exception_handler(ExportError, said_so("export_refused", 409))
    api.add_exception_handler(NotNow, said_so("not_now", 409))
    api.add_exception_handler(ScorerError, said_so("scorer_refused", 409))
    api.add_exception_handler(ThresholdError, said_so("threshold_refused", 409))
    api.add_exception_handler(MapError, said_so("map_refused", 409))
    api.add_exception_handler(RunError, said_so("run_refused", 409))
    api.add_exception_handler(PromptOutdated, said_so("prompt_outdated", 409))
    api.add_exception_handler(AskingError, said_so("asking_refused", 409))
    api.add_exception_handler(DiskFull, said_so("disk_full", 507))
