"""Signing in and out, the links that set a password, and one's own account: name, password, tokens, theme."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from curation.actions import people
from curation.actions.sign_in import NoEntry, TooManyTries, check_password
from curation.models import ApiToken

NEW_PASSWORD = {"autocomplete": "new-password", "minlength": 10}


class SignInForm(forms.Form):
    email = forms.CharField(
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True, "spellcheck": "false"}),
    )
    password = forms.CharField(
        max_length=1000, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


class NewPasswordForm(forms.Form):
    password = forms.CharField(
        label="New password",
        max_length=1000,
        strip=False,
        help_text="At least 10 characters. A few unrelated words are easy to remember and hard to guess.",
        widget=forms.PasswordInput(attrs=NEW_PASSWORD),
    )
    again = forms.CharField(
        label="The same again",
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("password") and cleaned.get("again") and cleaned["password"] != cleaned["again"]:
            self.add_error("again", "The two are not the same.")
        return cleaned


class OwnPasswordForm(NewPasswordForm):
    current = forms.CharField(
        label="Current password",
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order = ["current", "password", "again"]


class NameForm(forms.Form):
    name = forms.CharField(
        label="Name", max_length=120, required=False, help_text="What others in your projects see."
    )


class TokenForm(forms.Form):
    """Stands on one page with `NameForm`, so its field has an id of its own."""

    prefix = "token"
    name = forms.CharField(label="What will use it", max_length=80, help_text="For example: nightly import.")


# Signing in and out


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The form, and where it goes. Refusals say neither whether the account exists nor which part was wrong."""
    onward = _onward(request)
    if request.user.is_authenticated:
        return redirect(onward)
    form = SignInForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                user = check_password(request, form.cleaned_data["email"], form.cleaned_data["password"])
            except NoEntry as error:
                form.add_error(None, str(error))
            except TooManyTries as error:
                form.add_error(None, str(error))
                status = 429
            else:
                login(request, user)
                return redirect(onward)
    response = render(
        request,
        "accounts/sign_in.html",
        {"form": form, "next": request.POST.get("next", onward)},
        status=status,
    )
    if status == 429:
        response["Retry-After"] = "600"
    return response


def _onward(request: HttpRequest) -> str:
    """Where to go after signing in: an address of our own, or home."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe else resolve_url(settings.LOGIN_REDIRECT_URL)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End this session."""
    logout(request)
    messages.success(request, "You are signed out.")
    return redirect("accounts:sign_in")


@login_not_required
@never_cache
@sensitive_post_parameters("password", "again")
@require_http_methods(["GET", "HEAD", "POST"])
def link(request: HttpRequest, secret: str) -> HttpResponse:
    """A sign-in link. Looking at it shows a form and changes nothing, so mail scanners do not burn it; sending the
    form sets the password, uses the link up and signs the person in."""
    form = NewPasswordForm(request.POST or None)
    try:
        found = people.find_link(secret)
        if request.method == "POST" and form.is_valid():
            user = people.use_link(secret, form.cleaned_data["password"])
            login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
            messages.success(request, "Your password is set, and you are signed in.")
            return redirect(settings.LOGIN_REDIRECT_URL)
    except people.LinkGone as error:
        return _secretive(render(request, "accounts/link_gone.html", {"reason": str(error)}, status=410))
    except ValidationError as error:
        form.add_error("password", error)
    context = {"form": form, "person": found.user, "invited": found.purpose == found.Purpose.INVITE}
    return _secretive(render(request, "accounts/link.html", context, status=422 if form.errors else 200))


def _secretive(response: HttpResponse) -> HttpResponse:
    """The address itself is a secret: no other page learns it."""
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


# One's own account


@never_cache
@require_GET
def account(request: HttpRequest) -> HttpResponse:
    """One's own name, password, theme and tokens."""
    return _account(request)


def _account(
    request: HttpRequest,
    status: int = 200,
    name_form: forms.Form | None = None,
    token_form: forms.Form | None = None,
    new_token: tuple[ApiToken, str] | None = None,
) -> HttpResponse:
    user: Any = request.user
    context = {
        "name_form": name_form or NameForm(initial={"name": user.name}),
        "token_form": token_form or TokenForm(),
        "tokens": user.tokens.filter(revoked_at=None),
        "new_token": new_token[0] if new_token else None,
        "secret": new_token[1] if new_token else "",
        "memberships": user.memberships.select_related("project").order_by("project__name"),
        "most_tokens": people.MOST_TOKENS,
    }
    return render(request, "accounts/account.html", context, status=status)


@require_POST
def rename(request: HttpRequest) -> HttpResponse:
    """Change one's own name."""
    form = NameForm(request.POST)
    if not form.is_valid():
        return _account(request, 422, name_form=form)
    people.rename(request.user, form.cleaned_data["name"])  # type: ignore[arg-type]
    messages.success(request, "Saved.")
    return redirect("accounts:account")


@never_cache
@sensitive_post_parameters("current", "password", "again")
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Change one's own password; every other session ends."""
    user: Any = request.user
    form = OwnPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            check_password(request, user.email, form.cleaned_data["current"])
            people.change_password(user, form.cleaned_data["password"])
        except NoEntry:
            form.add_error("current", "That is not your current password.")
        except TooManyTries as error:
            form.add_error("current", str(error))
        except ValidationError as error:
            form.add_error("password", error)
        else:
            update_session_auth_hash(request, user)
            messages.success(
                request, "Your password is changed. Other sessions have ended; tokens still work."
            )
            return redirect("accounts:account")
    return render(request, "accounts/password.html", {"form": form}, status=422 if form.errors else 200)


@never_cache
@require_POST
def issue_token(request: HttpRequest) -> HttpResponse:
    """Make a token and show it, this once."""
    form = TokenForm(request.POST)
    if form.is_valid():
        try:
            return _account(request, new_token=people.issue_token(request.user, form.cleaned_data["name"]))  # type: ignore[arg-type]
        except people.PeopleError as error:
            form.add_error("name", str(error))
    return _account(request, 422, token_form=form)


@require_POST
def revoke_token(request: HttpRequest, token: int) -> HttpResponse:
    """Stop one of one's own tokens."""
    found = get_object_or_404(ApiToken, pk=token, user=request.user)
    people.revoke_token(found)
    messages.success(request, f"The token “{found}” no longer works.")
    return redirect("accounts:account")


app_name = "accounts"
urlpatterns = [
    path("sign-in", sign_in, name="sign_in"),
    path("sign-out", sign_out, name="sign_out"),
    path("sign-in/link/<str:secret>", link, name="link"),
    path("account", account, name="account"),
    path("account/name", rename, name="rename"),
    path("account/password", password, name="password"),
    path("account/tokens", issue_token, name="issue_token"),
    path("account/tokens/<int:token>/revoke", revoke_token, name="revoke_token"),
]
