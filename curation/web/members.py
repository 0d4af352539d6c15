"""The members of a project: who they are, their roles, inviting, links to hand out, removing."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from curation import access
from curation.actions import people
from curation.actions.people import PeopleError
from curation.models import Decision, Membership, Project, Role

ROLE_MEANINGS = {
    Role.ANNOTATOR: "Decides in queues.",
    Role.REVIEWER: "Also resolves disputes, and sees scores and others' decisions.",
    Role.MANAGER: "Also runs sources, queues, thresholds, jobs, exports and members.",
}


class InviteForm(forms.Form):
    email = forms.EmailField(widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}))
    name = forms.CharField(max_length=120, required=False, help_text="Used when the account is new.")
    role = forms.ChoiceField(choices=Role.choices, initial=Role.ANNOTATOR)


@require_GET
def list(request: HttpRequest, project: str) -> HttpResponse:  # noqa: A001  the page is called members:list
    """Who is in the project, with which role, and how much they have decided."""
    return _list(request, access.open(request, project, "manage"), InviteForm())


def _list(request: HttpRequest, project: Project, form: forms.Form, status: int = 200) -> HttpResponse:
    user: Any = request.user
    decided = (
        Decision.objects.filter(
            user=OuterRef("user"), item__queue__project=project, event=Decision.Event.DECIDE
        )
        .order_by()
        .values("user")
        .annotate(count=Count("pk"))
        .values("count")
    )
    members = (
        Membership.objects.filter(project=project)
        .select_related("user")
        .annotate(decided=Coalesce(Subquery(decided), 0))
        .order_by("user__name", "user__email")
    )
    handing_out = _people_i_may_help(user, project)
    rows = [
        {"membership": one, "may_link": one.user_id in handing_out, "is_me": one.user_id == user.pk}
        for one in members
    ]
    context = {"rows": rows, "form": form, "roles": ROLE_MEANINGS.items(), "role_choices": Role.choices}
    return render(request, "members/list.html", context, status=status)


def _people_i_may_help(by: Any, project: Project) -> set[int]:
    """The active members for whom `people.may_hand_out_link` says yes, in one query for the whole page."""
    members = Membership.objects.filter(project=project, user__is_active=True)
    if not by.is_superuser:
        mine = Project.objects.managed_by(by)
        elsewhere = Membership.objects.exclude(project__in=mine).values("user")
        members = members.exclude(Q(user__is_superuser=True) | Q(user=by) | Q(user__in=elsewhere))
    return set(members.values_list("user", flat=True))


@never_cache
@require_POST
def invite(request: HttpRequest, project: str) -> HttpResponse:
    """Add a member; a person without a password gets a link to be handed to them, shown this once."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _list(request, opened, form, 422)
    values = form.cleaned_data
    try:
        invitation = people.invite(opened, values["email"], values["role"], user, values["name"])
    except PeopleError as error:
        form.add_error("email", str(error))
        return _list(request, opened, form, 422)
    if invitation.secret:
        return _link_page(request, invitation.user, invitation.secret, invited=True)
    if invitation.user.has_usable_password():
        messages.success(request, f"{invitation.user} is a member now, and signs in as before.")
    else:
        messages.warning(
            request,
            f"{invitation.user} is a member now, and was invited elsewhere before. A site admin can hand out a new link.",
        )
    return redirect("members:list", project=opened.slug)


@never_cache
@require_POST
def hand_out_link(request: HttpRequest, project: str, membership: int) -> HttpResponse:
    """Make a link with which a member sets a new password, shown this once."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    member = _member(opened, membership)
    invited = not member.user.has_usable_password()
    try:
        secret = people.hand_out_link(member.user, user)
    except PeopleError as error:
        return _refused(request, opened, error)
    return _link_page(request, member.user, secret, invited=invited)


@require_POST
def set_role(request: HttpRequest, project: str, membership: int) -> HttpResponse:
    """Change a member's role."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    member = _member(opened, membership)
    try:
        changed = people.set_role(opened, member.user, request.POST.get("role", ""), user)
    except PeopleError as error:
        return _refused(request, opened, error)
    messages.success(request, f"{member.user} is {changed.get_role_display().lower()} now.")
    return redirect("members:list", project=opened.slug)


@require_POST
def remove(request: HttpRequest, project: str, membership: int) -> HttpResponse:
    """End a membership. Decisions stay."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    member = _member(opened, membership)
    try:
        people.remove_member(opened, member.user, user)
    except PeopleError as error:
        return _refused(request, opened, error)
    messages.success(request, f"{member.user} is no longer a member. What they decided stays.")
    return redirect("members:list", project=opened.slug)


def _member(project: Project, membership: int) -> Membership:
    return get_object_or_404(Membership.objects.select_related("user"), pk=membership, project=project)


def _refused(request: HttpRequest, project: Project, error: PeopleError) -> HttpResponse:
    messages.error(request, str(error))
    return _list(request, project, InviteForm(), 422)


def _link_page(request: HttpRequest, person: Any, secret: str, invited: bool) -> HttpResponse:
    address = settings.STUDIO_URL + reverse("accounts:link", kwargs={"secret": secret})
    context = {"person": person, "address": address, "invited": invited}
    context["lifetime"] = people.LIFETIMES["invite" if invited else "reset"]  # type: ignore[index]
    response = render(request, "members/link.html", context)
    response["Referrer-Policy"] = "no-referrer"
    return response


app_name = "members"
urlpatterns = [
    path("", list, name="list"),
    path("invite", invite, name="invite"),
    path("<int:membership>/role", set_role, name="set_role"),
    path("<int:membership>/link", hand_out_link, name="hand_out_link"),
    path("<int:membership>/remove", remove, name="remove"),
]
