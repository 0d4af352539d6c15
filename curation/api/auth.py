"""Who asks: a token of a person, or the browser session of one. Either way the rules are those of the pages."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja.errors import AuthenticationError
from ninja.security import HttpBearer
from ninja.security.apikey import APIKeyCookie
from ninja.utils import check_csrf

from curation.actions.people import user_of_token
from curation.api.errors import Refused


class Token(HttpBearer):
    """`Authorization: Bearer sb_…`. A token that is wrong is refused; no session is looked at then."""

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        """The person whose token it is."""
        user = user_of_token(token)
        if user is None:
            raise AuthenticationError
        request.user = user
        return user


class Session(APIKeyCookie):
    """A signed-in browser. Changes need the CSRF token, as forms do."""

    param_name = "seedbed_session"

    def __call__(self, request: HttpRequest) -> Any:
        """The signed-in person, or None. Who is not signed in is told that, and nothing about CSRF."""
        if request.headers.get("Authorization") or not request.user.is_authenticated:
            return None
        if check_csrf(request):
            raise Refused(
                403, "csrf", "The CSRF token is missing or wrong.", "Send X-CSRFToken, or use a token."
            )
        return request.user

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        """Not asked: `__call__` has the whole answer."""
        return None
