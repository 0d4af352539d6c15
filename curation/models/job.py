"""Job and Chunk: the only truth about background work. The broker may lose or repeat any message."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Count, Q, Sum
from django.utils import timezone

from curation.models.project import Project
from curation.models.user import User


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is, in its own unit. `rate` is units per second, `left` seconds; None while unknown."""

    total: int
    done: int
    dropped: int
    failed: int
    chunks: int
    chunks_done: int
    rate: float | None
    left: float | None

    @property
    def share(self) -> float:
        return min(1.0, self.done / self.total) if self.total else 0.0


class JobQuerySet(models.QuerySet["Job"]):
    def active(self) -> JobQuerySet:
        return self.filter(state__in=[Job.State.WAITING, Job.State.RUNNING])


class Job(models.Model):
    """Inputs are frozen when it is planned. `then` names the kinds that follow it, one after the other.

    At most one job of a `lane` is active in a project (an empty lane is no lane).
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, null=True, blank=True, on_delete=models.PROTECT, related_name="jobs")
    kind = models.CharField(max_length=40)
    lane = models.CharField(max_length=40, blank=True)
    options = models.JSONField(default=dict, blank=True)
    then = models.JSONField(default=list, blank=True)
    follows = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="followed_by"
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    reason = models.TextField(blank=True, help_text="Why it failed, and the way out.")
    result = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "lane"],
                condition=Q(state__in=["waiting", "running"]) & ~Q(lane=""),
                name="one_active_job_per_lane",
            )
        ]
        indexes = [
            models.Index(fields=["state"], condition=Q(state__in=["waiting", "running"]), name="job_active"),
            models.Index(fields=["project", "-id"], name="job_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def is_active(self) -> bool:
        return self.state in (Job.State.WAITING, Job.State.RUNNING)

    def progress(self, now: datetime | None = None) -> Progress:
        """One query over its chunks. The rate is of the last five minutes, so that a pause does not spoil it."""
        now = now or timezone.now()
        recent = Q(state=Chunk.State.DONE, finished_at__gte=now - timedelta(minutes=5))
        sums = self.chunks.aggregate(
            total=Sum("size"),
            settled=Sum("size", filter=Q(state=Chunk.State.DONE)),
            beaten=Sum("beaten", filter=Q(state=Chunk.State.RUNNING)),
            dropped=Sum("dropped"),
            failed=Sum("failed"),
            chunks=Count("id"),
            chunks_done=Count("id", filter=Q(state=Chunk.State.DONE)),
            recent=Sum("size", filter=recent),
            since=models.Min("started_at", filter=recent),
        )
        done = (sums["settled"] or 0) + (sums["beaten"] or 0)
        total = sums["total"] or 0
        rate = left = None
        if sums["recent"] and sums["since"]:
            rate = sums["recent"] / max((now - sums["since"]).total_seconds(), 0.001)
            left = (total - done) / rate if self.is_active and rate else None
        return Progress(
            total=total,
            done=done,
            dropped=sums["dropped"] or 0,
            failed=sums["failed"] or 0,
            chunks=sums["chunks"],
            chunks_done=sums["chunks_done"],
            rate=rate,
            left=left,
        )


class Chunk(models.Model):
    """A restartable piece. A worker claims it by a conditional UPDATE that counts `attempt` up; only the
    attempt that still stands may save."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="chunks")
    ordinal = models.IntegerField()
    inputs = models.JSONField(default=dict)
    size = models.IntegerField(help_text="records, in the job kind's unit")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempt = models.IntegerField(
        default=0, help_text="Counts every claim; fences off whoever lost the chunk."
    )
    tries = models.IntegerField(default=0, help_text="Claims since the job was last resumed; capped.")
    worker = models.CharField(max_length=80, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    retry_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    beaten = models.IntegerField(default=0, help_text="Records processed so far, as the worker's pulse says.")
    done = models.IntegerField(default=0)
    dropped = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["ordinal"]
        constraints = [models.UniqueConstraint(fields=["job", "ordinal"], name="chunk_place")]
        indexes = [
            models.Index(fields=["job", "state"], name="chunk_by_state"),
            models.Index(fields=["expires_at"], condition=Q(state="running"), name="chunk_running"),
        ]

    def __str__(self) -> str:
        return f"{self.ordinal} of job {self.job_id}"


class Mishap(models.Model):
    """A record that failed by accident, with the error: what the job's page lists."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="mishaps")
    chunk = models.ForeignKey(Chunk, on_delete=models.CASCADE, related_name="mishaps")
    subject = models.CharField(max_length=1000)
    reason = models.CharField(max_length=60)
    detail = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
