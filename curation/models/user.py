"""People: who signs in, with which tokens and links. A project's roles are in `project.Membership`."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac


def digest_of(secret: str) -> str:
    """SHA-256 of a high-entropy secret: what is stored instead of the secret itself."""
    return hashlib.sha256(secret.encode()).hexdigest()


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **extra: Any) -> User:
        user = self.model(email=email.strip().lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> User:
        return self.create_user(email, password, is_superuser=True, **extra)

    def get_by_natural_key(self, email: str | None) -> User:
        return self.get(email=(email or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """An account. Deactivating it ends its access and keeps every decision it made."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    session_epoch = models.PositiveIntegerField(
        default=0, help_text="Counted up, it ends every session of the account at once."
    )

    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["email"]
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_without_case")]

    def __str__(self) -> str:
        return self.name or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = self.email.strip().lower()
        super().save(*args, **kwargs)

    @property
    def is_staff(self) -> bool:
        """Django's admin asks this; who may really enter is decided by our own admin site."""
        return self.is_superuser

    def _get_session_auth_hash(self, secret: Any = None) -> str:
        """Django compares it on every request: a session lives as long as the password and the epoch it began with."""
        told_apart = f"{self.password}:{self.session_epoch}"
        return salted_hmac("curation.User.session", told_apart, secret=secret, algorithm="sha256").hexdigest()

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] if self.name else self.email.split("@")[0]


class ApiToken(models.Model):
    """A person's key to the REST API. Only its digest is stored; it is shown once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def issue(cls, user: User, name: str) -> tuple[ApiToken, str]:
        """Create a token and return it with its secret, which cannot be read again."""
        secret = "sb_" + secrets.token_urlsafe(32)
        return cls.objects.create(user=user, name=name, digest=digest_of(secret)), secret


class SignInLink(models.Model):
    """A single-use link with which a person sets a password: handed out by a manager, never mailed by us."""

    class Purpose(models.TextChoices):
        INVITE = "invite", "Invitation"
        RESET = "reset", "Password reset"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_in_links")
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    digest = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} for {self.user}"

    @classmethod
    def issue(
        cls, user: User, purpose: str, created_by: User | None, lifetime: timedelta = timedelta(days=3)
    ) -> tuple[SignInLink, str]:
        """Create a link and return it with its secret."""
        secret = secrets.token_urlsafe(32)
        link = cls.objects.create(
            user=user,
            purpose=purpose,
            created_by=created_by,
            digest=digest_of(secret),
            expires_at=timezone.now() + lifetime,
        )
        return link, secret


class SignInFailure(models.Model):
    """Failed sign-ins that count against something (an address, an account, the two together) until a moment.

    In the database, because every web process must see the same count. The key is a digest: what people typed for
    an address that is nobody's is not kept.
    """

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField(default=0)
    until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.count} failures"
