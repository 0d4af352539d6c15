"""The Content-Security-Policy: strict on every page, looser below /admin/ where unfold's Alpine needs it."""

from csp.middleware import CSPMiddleware
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


class PolicyMiddleware(CSPMiddleware):
    """django-csp's middleware with one exception: the admin has `ADMIN_SECURITY_POLICY` on top."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Write the header, with the admin's directives for the admin's pages."""
        if request.path.startswith("/admin/") and not hasattr(response, "_csp_update"):
            response._csp_update = settings.ADMIN_SECURITY_POLICY  # type: ignore[attr-defined]
        return super().process_response(request, response)
