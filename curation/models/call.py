"""Call: one request to a language model and what came of it. Spending: what a job's pieces have spent, and hold for what is in flight.

Calls are appended, never changed. Good ones are the cache: found again by key, and only in the project that made them, so that
nobody learns from a quick answer that another project holds the same text.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q, Sum

from curation.models.endpoint import Endpoint
from curation.models.job import Chunk, Job
from curation.models.project import Project
from curation.models.prompt import PromptVersion


class Call(models.Model):
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.PROTECT, related_name="calls"
    )
    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="calls")
    model = models.CharField(max_length=160)
    prompt_version = models.ForeignKey(
        PromptVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="calls"
    )
    job = models.ForeignKey(
        Job, null=True, blank=True, on_delete=models.PROTECT, related_name="calls", db_index=False
    )
    chunk = models.IntegerField(null=True, blank=True, help_text="Place of the piece in its job.")
    key = models.CharField(max_length=64, help_text="Hash of everything that affects the answer.")
    request = models.JSONField(
        null=True, blank=True, help_text="Null where an earlier answer was used again."
    )
    answer = models.JSONField(null=True, blank=True, help_text="The server's own words.")
    hit_of = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="hits",
        help_text="The call whose answer was used again.",
    )
    error = models.CharField(
        max_length=40, blank=True, help_text="Name of what went wrong; empty: a good answer."
    )
    detail = models.CharField(max_length=400, blank=True)
    attempt = models.PositiveSmallIntegerField(default=1)
    rung = models.CharField(max_length=12, blank=True, help_text="How fields were asked for.")
    notes = models.JSONField(
        default=list,
        blank=True,
        help_text="What it took to read the answer: thought, fenced, repaired, coerced.",
    )
    tokens_in = models.IntegerField(default=0)
    tokens_out = models.IntegerField(default=0)
    counted = models.BooleanField(
        default=True, help_text="Tokens as the server counted them; else an estimate."
    )
    cost = models.DecimalField(max_digits=16, decimal_places=9, null=True, blank=True)
    seconds = models.FloatField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["project", "key"], condition=Q(error="", hit_of__isnull=True), name="call_good"
            ),
            models.Index(fields=["project", "-id"], name="call_newest"),
            models.Index(fields=["job", "id"], name="call_of_job"),
        ]

    def __str__(self) -> str:
        return f"call {self.pk}"


@dataclass(frozen=True, slots=True)
class Spent:
    """What a job has spent, what its calls in flight hold, and what calls that were cut off may have cost at most."""

    calls: int
    tokens: int
    money: Decimal
    held: int
    lost: int

    @property
    def told(self) -> dict[str, Any]:
        """As the result of a job says it."""
        said: dict[str, Any] = {"calls": self.calls, "tokens": self.tokens}
        if self.money:
            said["cost"] = f"{self.money:,.4f}"
        if self.lost:
            said["perhaps_spent"] = f"{self.lost:,} tokens at most, by calls that were cut off"
        return said


class SpendingQuerySet(models.QuerySet["Spending"]):
    def of(self, job: Job) -> Spent:
        sums = self.filter(job=job).aggregate(
            calls=Sum("calls", default=0),
            tokens=Sum("tokens", default=0),
            money=Sum("money", default=Decimal(0)),
            held=Sum("held_tokens", default=0),
            lost=Sum("lost_tokens", default=0),
        )
        return Spent(**sums)


class Spending(models.Model):
    """One row for each piece of a job that asks. What an attempt held when it was killed moves to `lost`: nobody can say whether
    the server answered, so a budget counts it."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="spending")
    chunk = models.OneToOneField(Chunk, on_delete=models.CASCADE, related_name="spending")
    attempt = models.IntegerField()
    calls = models.IntegerField(default=0)
    tokens = models.BigIntegerField(default=0)
    money = models.DecimalField(max_digits=16, decimal_places=9, default=Decimal(0))
    held_tokens = models.BigIntegerField(default=0)
    held_money = models.DecimalField(max_digits=16, decimal_places=9, default=Decimal(0))
    lost_tokens = models.BigIntegerField(default=0)
    lost_money = models.DecimalField(max_digits=16, decimal_places=9, default=Decimal(0))

    objects = SpendingQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
