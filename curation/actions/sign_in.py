"""Signing in, with a limit on guessing that every web process sees: the counts are in the database.

Failures count against three keys at once. The pair of network address and account is what one person mistyping
fills; the address alone stops one machine from trying many accounts; the account alone, with a limit that nobody
mistyping reaches, stops many machines from trying one. Nothing that is answered tells whether an account exists:
the same words, after the same work (Django hashes a password for accounts that are not there, too).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import authenticate
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone

from curation.models import SignInFailure
from curation.models.user import digest_of

#: key → (failures allowed, within). Ours: the pair as doors usually have it, the account after NIST SP 800-63B's 100.
LIMITS: dict[str, tuple[int, timedelta]] = {
    "pair": (8, timedelta(minutes=10)),
    "address": (60, timedelta(minutes=10)),
    "account": (100, timedelta(hours=1)),
}

COUNT_ONE = """
    INSERT INTO curation_signinfailure AS old (key, count, until) VALUES (%s, 1, now() + make_interval(secs => %s))
    ON CONFLICT (key) DO UPDATE
       SET count = CASE WHEN old.until < now() THEN 1 ELSE old.count + 1 END,
           until = CASE WHEN old.until < now() THEN excluded.until ELSE old.until END
"""


class NoEntry(Exception):
    """The address and password do not open an account; the message does not say which of them is wrong."""

    def __init__(self) -> None:
        super().__init__(
            "That email and password do not fit together. Try again, or ask a manager for a reset link."
        )


class TooManyTries(Exception):
    """Too many failures; `wait` is how long to wait, as a timedelta."""

    def __init__(self, until: datetime) -> None:
        self.wait = max(until - timezone.now(), timedelta(seconds=1))
        minutes = -(-int(self.wait.total_seconds()) // 60)
        super().__init__(f"Too many tries. Wait {minutes} minute{'' if minutes == 1 else 's'} and try again.")


def check_password(request: HttpRequest, email: str, password: str) -> Any:
    """The person whose email and password these are. Raises NoEntry or TooManyTries.

    While a limit is reached the password is not even looked at, so waiting cannot be cut short by being right.
    """
    keys = _keys(request.META.get("REMOTE_ADDR", ""), email)
    _refuse_guessing(keys)
    user = authenticate(request, username=email.strip().lower(), password=password)
    if user is None:
        _count(keys)
        raise NoEntry
    SignInFailure.objects.filter(key__in=[keys["pair"], keys["account"]]).delete()
    return user


def _keys(address: str, email: str) -> dict[str, str]:
    account = email.strip().lower()
    said = {"pair": f"{address} {account}", "address": address, "account": account}
    return {kind: digest_of(f"sign-in {kind}: {what}") for kind, what in said.items()}


def _refuse_guessing(keys: dict[str, str]) -> None:
    failures = SignInFailure.objects.filter(key__in=keys.values(), until__gt=timezone.now())
    found = {failure.key: failure for failure in failures}
    over = [
        found[key].until for kind, key in keys.items() if key in found and found[key].count >= LIMITS[kind][0]
    ]
    if over:
        raise TooManyTries(max(over))


def _count(keys: dict[str, str]) -> None:
    with connection.cursor() as cursor:
        for kind, key in sorted(keys.items(), key=lambda pair: pair[1]):
            cursor.execute(COUNT_ONE, [key, LIMITS[kind][1].total_seconds()])
    SignInFailure.objects.filter(until__lt=timezone.now() - timedelta(days=1)).delete()
