"""Endpoint: a language model that can be asked, and on what terms. Never a key: those live in the environment, by name."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import Q

from curation.models.project import Project
from curation.models.user import User
from curation.recipe.llm import records


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    def of_project(self, project: Project) -> EndpointQuerySet:
        """Those that a project may ask: its own and those of every project, without archived ones."""
        return self.filter(Q(project=None) | Q(project=project), archived_at=None)


class Endpoint(models.Model):
    """Set up by site admins. Without a project every project may ask it."""

    class Kind(models.TextChoices):
        CHAT = "chat", "Chat (an OpenAI-compatible server)"
        COMPLETION = "completion", "Raw completion (an OpenAI-compatible server)"
        LOCAL = "local", "In the studio's own workers (transformers)"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(
        Project,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="endpoints",
        help_text="Empty: every project may ask it.",
    )
    name = models.CharField(max_length=80, help_text="As people choose it: Qwen 3 on the lab's server.")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.CHAT)
    address = models.CharField(
        max_length=300,
        blank=True,
        help_text="Up to and with /v1, for example http://localhost:11434/v1. Empty for a model in the studio's own workers.",
    )
    model = models.CharField(
        max_length=160,
        help_text="The server's name of the model; for the studio's own workers a hub name or folder.",
    )
    key_name = models.CharField(
        max_length=40,
        blank=True,
        verbose_name="key",
        help_text="NAME of the environment variable LLM_KEY_NAME, which says where the key may go. Empty: no key is sent.",
    )
    private_allowed = models.BooleanField(
        default=False,
        verbose_name="may be a private address",
        help_text="Allow localhost and addresses of the local network. Judged when connecting, not by the text alone.",
    )
    temperature = models.FloatField(null=True, blank=True, help_text="Empty leaves it to the server.")
    top_p = models.FloatField(null=True, blank=True, help_text="Empty leaves it to the server.")
    most_tokens = models.PositiveIntegerField(
        default=1024,
        verbose_name="tokens of an answer",
        help_text="At most; a budget sets as much aside for each call.",
    )
    price_in = models.DecimalField(
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        verbose_name="price of a million tokens read",
        help_text="Empty where nobody pays by the token.",
    )
    price_out = models.DecimalField(
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        verbose_name="price of a million tokens written",
    )
    concurrency = models.PositiveIntegerField(default=8, verbose_name="requests at once")
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    tokens_per_minute = models.PositiveIntegerField(null=True, blank=True)
    seconds = models.PositiveIntegerField(default=120, verbose_name="seconds for one answer")
    context = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Tokens that the model reads and writes together; empty where not known.",
    )
    from_environment = models.BooleanField(
        default=False, editable=False, help_text="LLM_BASE_URL and LLM_MODEL say what it is."
    )
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="endpoint_name", nulls_distinct=False),
            models.UniqueConstraint(
                fields=["from_environment"],
                condition=Q(from_environment=True),
                name="one_endpoint_from_environment",
            ),
            models.CheckConstraint(
                condition=Q(concurrency__gte=1, concurrency__lte=512)
                & Q(seconds__gte=1)
                & Q(most_tokens__gte=1),
                name="endpoint_limits",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def must_still_be(self, model: str) -> Endpoint:
        """Itself. Raises ValueError where it was archived, or is another model now: what was made carries the model's name."""
        if self.archived_at is not None:
            raise ValueError(f"The endpoint {self} was archived.")
        if self.model != model:
            raise ValueError(
                f"The endpoint {self} is {self.model} now, and this job asked {model}: start another."
            )
        return self

    @property
    def record(self) -> records.Endpoint:
        """As the recipe asks it."""
        return records.Endpoint(
            address=self.address.rstrip("/"),
            model=self.model,
            kind=records.KINDS[records.KINDS.index(self.kind)],  # type: ignore[arg-type]
            key_name=self.key_name,
            private_allowed=self.private_allowed,
            price=self.price,
            limits=records.Limits(
                concurrency=self.concurrency,
                requests_per_minute=self.requests_per_minute,
                tokens_per_minute=self.tokens_per_minute,
                seconds=float(self.seconds),
                context=self.context,
            ),
        )

    @property
    def price(self) -> records.Price:
        return records.Price(_number(self.price_in), _number(self.price_out))

    @property
    def has_price(self) -> bool:
        return self.price_in is not None or self.price_out is not None

    def sampling(self, **changed: Any) -> records.Sampling:
        """Its defaults, with what a question wants differently."""
        defaults = {"temperature": self.temperature, "top_p": self.top_p, "most_tokens": self.most_tokens}
        return records.Sampling(**{**defaults, **changed})


def _number(said: Any) -> float | None:
    return None if said is None else float(said)
