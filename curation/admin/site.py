"""The panel itself: open to managers of some project and to site admins; everything in it is scoped to them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.urls import reverse
from unfold.sites import UnfoldAdminSite

from curation.models import Project


class StudioAdmin(UnfoldAdminSite):
    """django-unfold's site with our own door: nobody is let in for being `is_staff`."""

    index_template = "admin/dashboard.html"
    index_title = "Dashboard"

    def has_permission(self, request: HttpRequest) -> bool:
        """Active, and a site admin or a manager of some project. One query per request."""
        known = getattr(request, "_may_administer", None)
        if known is None:
            known = Project.objects.managed_by(request.user).exists()
            known = known or bool(request.user.is_active and request.user.is_superuser)
            request._may_administer = known  # type: ignore[attr-defined]
        return known

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The studio has one sign-in, with one limit on guessing. Who is signed in and may not enter is told so."""
        onward = request.GET.get("next") or reverse("admin:index")
        if not request.user.is_authenticated:
            return redirect_to_login(onward, resolve_url("accounts:sign_in"))
        if not self.has_permission(request):
            raise PermissionDenied("The admin panel is for managers of a project.")
        return redirect("admin:index")

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Also the studio's own page."""
        return redirect("accounts:password")

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The dashboard."""
        from curation.admin.dashboard import dashboard

        return super().index(request, {**dashboard(request.user), **(extra_context or {})})


site = StudioAdmin()


#: The panel's menu: (title, [(label, icon, list)]). Lists that are for site admins alone stand in their own group.
MENU = (
    (
        "Projects",
        (
            ("Projects", "folder_open", "project"),
            ("Members", "group", "membership"),
            ("Log", "history", "activity"),
        ),
    ),
    (
        "Material",
        (
            ("Sources", "database", "source"),
            ("Imports", "upload", "import"),
            ("Exports", "download", "snapshot"),
        ),
    ),
    ("Review", (("Queues", "inbox", "queue"), ("Decisions", "gavel", "decision"))),
    (
        "Background",
        (
            ("Jobs", "manufacturing", "job"),
            ("Runs", "auto_awesome", "run"),
            ("Pieces", "view_module", "chunk"),
            ("Mishaps", "error", "mishap"),
            ("Calls", "forum", "call"),
        ),
    ),
)
FOR_SITE_ADMINS = (
    "Installation",
    (
        ("Accounts", "manage_accounts", "user"),
        ("Language models", "smart_toy", "endpoint"),
        ("Prompts", "description", "promptversion"),
    ),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of the panel's menu for this person."""
    groups: list[Any] = [("", (("Dashboard", "dashboard", ""),)), *MENU]
    if request.user.is_superuser:
        groups.append(FOR_SITE_ADMINS)
    return [{"title": title, "items": [_entry(*place) for place in places]} for title, places in groups]


def _entry(label: str, icon: str, name: str) -> dict[str, Any]:
    return {
        "title": label,
        "icon": icon,
        "link": reverse(f"admin:curation_{name}_changelist" if name else "admin:index"),
    }
