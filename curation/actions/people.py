"""Accounts and members: inviting, roles, leaving, links and tokens. What a person decided stays whatever happens.

Secrets (tokens, the links that set a password) are returned once to whoever asked for them; the database keeps
their digests.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from curation.actions.review import release_all
from curation.models import Activity, ApiToken, Membership, Project, Role, SignInLink, Slot, User
from curation.models.user import digest_of

LIFETIMES = {SignInLink.Purpose.INVITE: timedelta(days=7), SignInLink.Purpose.RESET: timedelta(days=1)}
MOST_TOKENS = 20  # in use, per person: a runaway script is noticed before the list is unreadable
TOKEN_USE_NOTED_EVERY = timedelta(minutes=1)


class PeopleError(Exception):
    """What was asked cannot be done; the message says why and what to do."""


class LinkGone(PeopleError):
    """The link was used, has expired, was replaced, or never was."""

    def __init__(self) -> None:
        super().__init__(
            "This link has been used, replaced, or has expired. Ask a manager of your project for a new one."
        )


@dataclass(frozen=True, slots=True)
class Invitation:
    """`secret` of a link to hand out; empty when the person has a password already and just signs in."""

    user: User
    membership: Membership
    new_account: bool
    secret: str = ""


# Accounts


def ensure_account(email: str, name: str = "") -> tuple[User, bool]:
    """Find the account of an address, or create one without a password. Returns it and whether it is new.

    Raises PeopleError for something that is no address.
    """
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise PeopleError(
            f"{email or 'Nothing'} is not an email address. Write one like ana@example.org."
        ) from None
    unknown = {"name": name.strip()[:120], "password": make_password(None)}
    return User.objects.get_or_create(email=email, defaults=unknown)


def deactivate(user: User, by: User) -> None:
    """End an account's access at once: sessions, tokens, links, leases. Decisions, drafts and roles stay."""
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        if user.pk == by.pk:
            raise PeopleError("You cannot deactivate your own account. Ask another site admin.")
        if not user.is_active:
            raise PeopleError(f"{user} is deactivated already.")
        _keep_an_admin(user)
        user.is_active = False
        user.session_epoch += 1
        user.save(update_fields=["is_active", "session_epoch"])
        now = timezone.now()
        user.tokens.filter(revoked_at=None).update(revoked_at=now)
        user.sign_in_links.filter(used_at=None).update(used_at=now)
        release_all(user)
        _note(None, by, "deactivated an account", user.email)


def reactivate(user: User, by: User) -> None:
    """Let a deactivated account sign in again, with its old password and roles; its tokens stay revoked."""
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
            raise PeopleError(f"{user} is active already.")
        _note(None, by, "reactivated an account", user.email)


def set_site_admin(user: User, on: bool, by: User) -> None:
    """Make somebody a site admin, or no longer. One active site admin always remains, and nobody demotes themselves."""
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        if user.is_superuser == on:
            return
        if not on:
            if user.pk == by.pk:
                raise PeopleError("You cannot take this from yourself. Ask another site admin.")
            _keep_an_admin(user)
        user.is_superuser = on
        user.save(update_fields=["is_superuser"])
        _note(None, by, "made a site admin" if on else "took site admin from", user.email)


def rename(user: User, name: str) -> None:
    """Change the name that others see."""
    user.name = name.strip()[:120]
    user.save(update_fields=["name"])


def _keep_an_admin(user: User) -> None:
    admins = User.objects.select_for_update().filter(is_superuser=True, is_active=True)
    if user.is_superuser and not any(admin.pk != user.pk for admin in admins):
        raise PeopleError("This is the only active site admin. Make somebody else one first.")


# Passwords and the links that set them


def change_password(user: User, password: str) -> None:
    """Set a new password and end every other session and unused link. Raises ValidationError naming what is wrong with it."""
    validate_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    user.sign_in_links.filter(used_at=None).update(used_at=timezone.now())


def may_hand_out_link(by: User, user: User) -> bool:
    """Whether `by` may let somebody set this account's password.

    Whoever holds such a link can become that person. So a manager may hand one out only when that gives away
    nothing they do not manage: every project of the person is theirs, and the person is no site admin.
    """
    if not by.is_active or not user.is_active:
        return False
    if by.is_superuser:
        return True
    if user.is_superuser or by.pk == user.pk:
        return False
    memberships = Membership.objects.filter(user=user)
    mine = Project.objects.managed_by(by)
    return (
        memberships.filter(project__in=mine).exists() and not memberships.exclude(project__in=mine).exists()
    )


def hand_out_link(user: User, by: User | None) -> str:
    """Make a single-use link for a person who has forgotten their password or never had one; returns its secret.

    Older unused links of theirs stop working. `by` is None for the command line. Raises PeopleError when `by`
    may not (see `may_hand_out_link`) or the account is deactivated.
    """
    if not user.is_active:
        raise PeopleError(f"{user} is deactivated. A site admin can reactivate the account.")
    if by is not None and not may_hand_out_link(by, user):
        raise PeopleError(f"{user} also belongs to what you do not manage. Ask a site admin for the link.")
    purpose = SignInLink.Purpose.RESET if user.has_usable_password() else SignInLink.Purpose.INVITE
    with transaction.atomic():
        user.sign_in_links.filter(used_at=None).update(used_at=timezone.now())
        _, secret = SignInLink.issue(user, purpose, by, LIFETIMES[purpose])
        _note(None, by, "handed out a sign-in link", user.email, purpose=str(purpose))
    return secret


def find_link(secret: str) -> SignInLink:
    """The live link of a secret, not consumed by looking. Raises LinkGone."""
    live = Q(used_at=None, expires_at__gt=timezone.now(), user__is_active=True)
    link = SignInLink.objects.select_related("user").filter(live, digest=digest_of(secret)).first()
    if link is None:
        raise LinkGone
    return link


def use_link(secret: str, password: str) -> User:
    """Consume a link by setting a password. Raises LinkGone, or ValidationError (the link then stays good)."""
    with transaction.atomic():
        link = find_link(secret)
        link = SignInLink.objects.select_for_update(of=("self",)).select_related("user").get(pk=link.pk)
        if link.used_at is not None:
            raise LinkGone
        change_password(link.user, password)
        _note(None, link.user, "set a password by link", link.user.email, purpose=link.purpose)
    return link.user


# Tokens


def issue_token(user: User, name: str) -> tuple[ApiToken, str]:
    """Make a token for the REST API. Its secret is returned here and never again."""
    name = name.strip()
    if not name:
        raise PeopleError("Give the token a name that says what uses it.")
    if user.tokens.filter(revoked_at=None).count() >= MOST_TOKENS:
        raise PeopleError(f"You have {MOST_TOKENS} tokens in use. Revoke one first.")
    return ApiToken.issue(user, name[:80])


def revoke_token(token: ApiToken) -> None:
    """Stop a token from working, at once. Revoking it twice changes nothing."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())


def user_of_token(secret: str) -> User | None:
    """Who a live token belongs to, or None. Notes its use, at most once a minute."""
    now = timezone.now()
    token = (
        ApiToken.objects.select_related("user")
        .filter(digest=digest_of(secret), revoked_at=None, user__is_active=True)
        .first()
    )
    if token is None:
        return None
    if token.last_used_at is None or token.last_used_at < now - TOKEN_USE_NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token.user


# Members


def invite(project: Project, email: str, role: str, by: User | None, name: str = "") -> Invitation:
    """Make somebody a member, with an account when they have none and a link when they have no password yet.

    Raises PeopleError: no address, no such role, a member already, a deactivated account.
    """
    role = _role(role)
    with transaction.atomic():
        user, new = ensure_account(email, name)
        if not user.is_active:
            raise PeopleError(f"{user} is deactivated. A site admin can reactivate the account.")
        membership, added = Membership.objects.get_or_create(
            project=project, user=user, defaults={"role": role}
        )
        if not added:
            raise PeopleError(f"{user} is a member already, as {membership.get_role_display().lower()}.")
        _note(project, by, "added a member", user.email, role=role)
        secret = ""
        if not user.has_usable_password() and (by is None or may_hand_out_link(by, user)):
            secret = hand_out_link(user, by)
    return Invitation(user, membership, new, secret)


def set_role(project: Project, user: User, role: str, by: User | None) -> Membership:
    """Change a member's role. Raises PeopleError for the last manager and for lowering one's own role."""
    role = _role(role)
    with transaction.atomic():
        membership = _locked_membership(project, user)
        if membership.role == role:
            return membership
        if membership.role == Role.MANAGER:
            _keep_a_manager(membership, by, "lower your own role")
        before, membership.role = membership.role, role
        membership.save(update_fields=["role"])
        _note(project, by, "changed a role", user.email, before=before, role=role)
    return membership


def remove_member(project: Project, user: User, by: User | None) -> None:
    """End a membership: what the person holds goes back to its queues; what they decided stays.

    Raises PeopleError for the last manager and for oneself.
    """
    with transaction.atomic():
        membership = _locked_membership(project, user)
        if membership.role == Role.MANAGER:
            _keep_a_manager(membership, by, "remove yourself")
        membership.delete()
        for queue in project.queues.filter(pk__in=_queues_with_leases_of(user)):
            release_all(user, queue)
        _note(project, by, "removed a member", user.email, role=membership.role)


def _queues_with_leases_of(user: User) -> Iterable[int]:
    held = Slot.objects.filter(holder=user, state=Slot.State.HELD)
    return list(held.values_list("queue_id", flat=True).distinct())


def _role(role: str) -> str:
    if role not in Role.values:
        raise PeopleError(f"There is no role {role!r}. Roles are {', '.join(Role.values)}.")
    return role


def _locked_membership(project: Project, user: User) -> Membership:
    """The membership, with all managers of the project locked, so that two cannot demote each other at once."""
    Project.objects.select_for_update().get(pk=project.pk)
    membership = Membership.objects.select_related("user").filter(project=project, user=user).first()
    if membership is None:
        raise PeopleError(f"{user} is not a member of {project}.")
    return membership


def _keep_a_manager(membership: Membership, by: User | None, what: str) -> None:
    managers = Membership.objects.filter(
        project=membership.project_id, role=Role.MANAGER, user__is_active=True
    ).exclude(pk=membership.pk)
    if not managers.exists():
        raise PeopleError("A project keeps one manager. Make somebody else manager first.")
    if by is not None and by.pk == membership.user_id and not by.is_superuser:
        raise PeopleError(f"You cannot {what}. Ask another manager.")


def _note(project: Project | None, by: User | None, verb: str, subject: str, **details: str) -> None:
    Activity.objects.create(project=project, actor=by, verb=verb, subject=subject, details=details)
