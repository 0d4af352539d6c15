"""Members of the projects one manages; accounts and their tokens for site admins alone."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from curation.actions import people
from curation.admin.scoped import ProjectFilter, Scoped, choice_filter, confirmed, each
from curation.admin.site import site
from curation.models import Decision, Membership, Role, User


@admin.register(Membership, site=site)
class MembershipAdmin(Scoped):
    """Who is in which project. People are added by address on a project's own page, which hands out their link."""

    list_display = ("user", "email", "project", "role_shown", "decided", "standing", "created_at")
    list_select_related = ("user", "project")
    list_filter = (ProjectFilter, choice_filter("role", "role", lambda: Role.choices))
    search_fields = ("user__email", "user__name")
    search_help_text = "Name or email"
    fields = ("user", "email", "project", "role_shown", "decided", "created_at")
    readonly_fields = fields
    ordering = ("project", "user")
    actions = ("make_annotator", "make_reviewer", "make_manager", "remove")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        decided = (
            Decision.objects.filter(
                user=OuterRef("user"), item__queue__project=OuterRef("project"), event=Decision.Event.DECIDE
            )
            .order_by()
            .values("user")
        )
        return (
            super()
            .get_queryset(request)
            .annotate(decided_in_all=Subquery(decided.annotate(count=Count("pk")).values("count")))
        )

    @display(description="email", ordering="user__email")
    def email(self, member: Membership) -> str:
        return member.user.email

    @display(description="role", label={"Manager": "primary", "Reviewer": "info"}, ordering="role")
    def role_shown(self, member: Membership) -> str:
        return member.get_role_display()

    @display(description="decisions", ordering="decided_in_all")
    def decided(self, member: Any) -> str:
        return f"{member.decided_in_all or 0:,}"

    @display(
        description="account", label={"Active": "success", "Invited": "warning", "Deactivated": "danger"}
    )
    def standing(self, member: Membership) -> str:
        return _standing(member.user)

    @admin.action(description="Make annotator")
    def make_annotator(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        self._make(request, queryset, Role.ANNOTATOR)

    @admin.action(description="Make reviewer")
    def make_reviewer(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        self._make(request, queryset, Role.REVIEWER)

    @admin.action(description="Make manager")
    @confirmed("Managers run the project: sources, queues, thresholds, jobs, exports and members.")
    def make_manager(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        self._make(request, queryset, Role.MANAGER)

    def _make(self, request: HttpRequest, queryset: QuerySet[Membership], role: Role) -> None:
        user: Any = request.user
        rows = queryset.select_related("project", "user")
        each(
            request,
            rows,
            lambda member: people.set_role(member.project, member.user, role, user),
            f"{'is' if len(rows) == 1 else 'are'} {role.label.lower()} now",
        )

    @admin.action(description="Remove from the project")
    @confirmed("They leave their projects; what they hold goes back to the queues. What they decided stays.")
    def remove(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        user: Any = request.user
        rows = queryset.select_related("project", "user")
        each(request, rows, lambda member: people.remove_member(member.project, member.user, user), "removed")


class AccountFilter(DropdownFilter):  # type: ignore[misc]
    """By how an account stands."""

    title = "account"
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("active", "Active"), ("deactivated", "Deactivated"), ("admin", "Site admin")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = {
            "active": {"is_active": True},
            "deactivated": {"is_active": False},
            "admin": {"is_superuser": True},
        }
        return queryset.filter(**chosen.get(self.value() or "", {}))


class UserForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("email", "name")

    def clean_email(self) -> str:
        return self.cleaned_data["email"].strip().lower()


@admin.register(User, site=site)
class UserAdmin(Scoped):
    """Accounts. Site admins only: an account belongs to no single project."""

    editable = True
    form = UserForm
    list_display = (
        "email",
        "name",
        "standing",
        "is_admin",
        "project_count",
        "token_count",
        "last_login",
        "created_at",
    )
    list_filter = (AccountFilter,)
    search_fields = ("email", "name")
    search_help_text = "Email or name"
    fields = ("email", "name")
    ordering = ("email",)
    actions = ("hand_out_link", "deactivate", "reactivate", "make_admin", "take_admin")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found = User.objects.all() if request.user.is_superuser else User.objects.none()
        tokens = Count("tokens", filter=Q(tokens__revoked_at=None), distinct=True)
        return found.annotate(projects=Count("memberships", distinct=True), tokens_in_use=tokens)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """An address is how a person signs in and is known in every log: it stays."""
        return ("email",) if obj else ()

    @display(
        description="account", label={"Active": "success", "Invited": "warning", "Deactivated": "danger"}
    )
    def standing(self, user: User) -> str:
        return _standing(user)

    @display(description="site admin", boolean=True, ordering="is_superuser")
    def is_admin(self, user: User) -> bool:
        return user.is_superuser

    @display(description="projects", ordering="projects")
    def project_count(self, user: Any) -> str:
        return f"{user.projects:,}"

    @display(description="tokens", ordering="tokens_in_use")
    def token_count(self, user: Any) -> str:
        return f"{user.tokens_in_use:,}"

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if change:
            people.rename(User.objects.get(pk=obj.pk), form.cleaned_data["name"])
            return
        made, _ = people.ensure_account(form.cleaned_data["email"], form.cleaned_data["name"])
        obj.pk, obj.password = made.pk, made.password
        messages.info(
            request, "The account has no password yet: choose it in the list and hand out a sign-in link."
        )

    @admin.action(description="Hand out sign-in links")
    @confirmed(
        "Whoever opens such a link can set the password of the account. Older unused links stop working."
    )
    def hand_out_link(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse:
        by: Any = request.user
        rows = []
        for user in queryset[:20]:
            try:
                secret = people.hand_out_link(user, by)
            except people.PeopleError as error:
                rows.append({"user": user, "refused": str(error)})
            else:
                address = settings.STUDIO_URL + reverse("accounts:link", kwargs={"secret": secret})
                rows.append({"user": user, "address": address})
        context = {
            **self.admin_site.each_context(request),
            "title": "Sign-in links",
            "rows": rows,
            "opts": self.opts,
        }
        response = TemplateResponse(request, "admin/links.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @admin.action(description="Deactivate")
    @confirmed(
        "Their sessions, tokens and links end at once, and what they hold goes back. Their decisions stay."
    )
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        by: Any = request.user
        each(request, queryset, lambda user: people.deactivate(user, by), "deactivated")

    @admin.action(description="Reactivate")
    def reactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        by: Any = request.user
        each(request, queryset, lambda user: people.reactivate(user, by), "active again")

    @admin.action(description="Make site admin")
    @confirmed("Site admins see and change everything in every project, and all accounts.")
    def make_admin(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        by: Any = request.user
        each(request, queryset, lambda user: people.set_site_admin(user, True, by), "made site admin")

    @admin.action(description="Take site admin away")
    @confirmed("They keep the roles that they have as members.")
    def take_admin(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        by: Any = request.user
        each(request, queryset, lambda user: people.set_site_admin(user, False, by), "no longer site admin")


def _standing(user: User) -> str:
    if not user.is_active:
        return "Deactivated"
    return "Active" if user.has_usable_password() else "Invited"
