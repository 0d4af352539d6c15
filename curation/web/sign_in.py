"""Every page asks for a sign-in unless it says `@login_not_required`: a forgotten decorator closes a page, not opens it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import resolve_url

from curation.models import User


class SignInMiddleware(LoginRequiredMiddleware):
    """Django's middleware; a part that htmx asks for sends the whole page to the sign-in, and back to itself after."""

    def handle_no_permission(  # type: ignore[override]
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponseBase:
        """Redirect to the sign-in."""
        htmx: Any = getattr(request, "htmx", None)
        if not htmx:
            return super().handle_no_permission(request, view_func)
        here = htmx.current_url_abs_path or "/"
        away = redirect_to_login(here, resolve_url(settings.LOGIN_URL))
        response = HttpResponse(status=204)
        response["HX-Redirect"] = away["Location"]
        return response


def person(request: HttpRequest) -> User:
    """Who is signed in; on a page behind the middleware that is always somebody."""
    return cast(User, request.user)
