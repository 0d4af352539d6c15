"""Run: one execution of a workflow over seeds, with a target and a budget. Candidate: one attempt at one of its seeds. Loss: what came to nothing."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from curation.models.call import Call
from curation.models.endpoint import Endpoint
from curation.models.job import Job
from curation.models.project import Project
from curation.models.prompt import PromptVersion
from curation.models.seed import Seed
from curation.models.source import Source
from curation.models.user import User


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands, in words. `tone` is a badge's; `open` ones may still make samples."""

    title: str
    explanation: str
    tone: str
    open: bool = True


STANDINGS: dict[str, Standing] = {
    "pilot": Standing("Pilot running", "A few seeds are tried, to see what the whole would cost.", "info"),
    "ready": Standing("Pilot done", "Look at what the pilot made and what the whole would cost; then start.", "warn"),
    "running": Standing("Running", "Candidates are being made.", "info"),
    "paused": Standing("Paused", "Nothing new is asked. What was answered is kept.", "neutral"),
    "reviewing": Standing("With reviewers", "As many as wanted wait for people or were approved by them.", "info"),
    "stopped": Standing("Stopped", "Something has to be set right; then it can be resumed.", "bad"),
    "cancelled": Standing("Cancelled", "Ended by a person. What was made stays; it can be resumed.", "neutral"),
    "target": Standing("Target reached", "As many samples as wanted were accepted.", "good", open=False),
    "candidates": Standing("No candidates left", "Every candidate allowed was made, and fewer were accepted than wanted.", "warn"),
    "budget": Standing("Budget spent", "The budget does not cover another call. Raise it to go on.", "warn"),
}  # fmt: skip


class Run(models.Model):
    """What people asked for is on the row; how far it is follows from its job, its candidates and its samples."""

    class Phase(models.TextChoices):
        PILOT = "pilot", "Pilot"
        FULL = "full", "Full"

    class Accepting(models.TextChoices):
        VERDICTS = "verdicts", "All required verdicts passed"
        PEOPLE = "people", "A person approved it, after the required verdicts"

    class Ended(models.TextChoices):
        TARGET = "target", "Target reached"
        CANDIDATES = "candidates", "No candidates left"
        BUDGET = "budget", "Budget spent"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="runs")
    name = models.CharField(max_length=120)
    workflow = models.CharField(max_length=60)
    options = models.JSONField(
        default=dict, blank=True, help_text="Of the workflow, where they differ from its own."
    )
    aim = models.JSONField(default=dict, blank=True, help_text="What is fixed instead of drawn.")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="runs")
    model = models.CharField(max_length=160, help_text="The endpoint's model when it began.")
    sampling = models.JSONField(default=dict)
    versions = models.ManyToManyField(PromptVersion, related_name="runs")
    draw = models.BigIntegerField(default=1, help_text="Of everything that is left to chance.")
    chosen = models.JSONField(default=dict, help_text="Which seeds: state, sources, language, how many.")
    accepting = models.CharField(max_length=10, choices=Accepting.choices, default=Accepting.PEOPLE)
    checks = ArrayField(models.CharField(max_length=20), default=list, blank=True, help_text="Verdicts made.")
    required = ArrayField(
        models.CharField(max_length=20), default=list, blank=True, help_text="Of these, all must have passed."
    )
    judge = models.ForeignKey(
        Endpoint, null=True, blank=True, on_delete=models.PROTECT, related_name="judged_runs"
    )
    most_similar = models.FloatField(
        null=True, blank=True, help_text="Cosine to an accepted sample beyond which one repeats it."
    )
    pilot = models.PositiveSmallIntegerField(default=3, help_text="Seeds tried first; 0 starts at once.")
    target = models.PositiveIntegerField(help_text="Samples to accept, exactly.")
    most_candidates = models.PositiveIntegerField(help_text="Attempts at seeds, at most.")
    budget_tokens = models.BigIntegerField(null=True, blank=True)
    budget_money = models.DecimalField(max_digits=16, decimal_places=6, null=True, blank=True)
    queue = models.ForeignKey("Queue", null=True, blank=True, on_delete=models.PROTECT, related_name="runs")
    source = models.OneToOneField(Source, on_delete=models.PROTECT, related_name="run")
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="run")
    phase = models.CharField(max_length=5, choices=Phase.choices, default=Phase.PILOT)
    ended = models.CharField(max_length=10, choices=Ended.choices, blank=True, default="")
    accepted = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="run_name_per_project"),
            models.CheckConstraint(
                condition=Q(target__gte=1, most_candidates__gte=1), name="run_wants_something"
            ),
            models.CheckConstraint(
                condition=Q(budget_tokens__isnull=False) | Q(budget_money__isnull=False),
                name="run_has_a_budget",
            ),
            models.CheckConstraint(
                condition=Q(accepted__lte=models.F("target")), name="run_never_beyond_target"
            ),
        ]
        indexes = [models.Index(fields=["project", "-id"], name="run_newest")]

    def __str__(self) -> str:
        return self.name

    @property
    def standing(self) -> str:
        """A key of STANDINGS."""
        state = self.job.state
        if self.ended == self.Ended.TARGET:
            return "target"
        if state in (Job.State.WAITING, Job.State.RUNNING):
            return "pilot" if self.phase == self.Phase.PILOT else "running"
        if state in (Job.State.PAUSED, Job.State.CANCELLED):
            return str(state)
        if state == Job.State.FAILED:
            return "stopped"
        if self.ended:
            return str(self.ended)
        return "ready" if self.phase == self.Phase.PILOT else "reviewing"

    @property
    def said(self) -> Standing:
        return STANDINGS[self.standing]

    @property
    def by_people(self) -> bool:
        return self.accepting == self.Accepting.PEOPLE

    @property
    def bounds(self) -> dict[str, Any]:
        """The budget, as jobs show theirs."""
        money = self.budget_money
        return {"budget_tokens": self.budget_tokens, "budget_money": None if money is None else str(money)}


class RunSeed(models.Model):
    """The seeds of a run, frozen in their order: candidates go round them."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="seeds")
    ordinal = models.IntegerField()
    seed = models.ForeignKey(Seed, on_delete=models.PROTECT, related_name="in_runs")

    class Meta:
        ordering = ["ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["run", "ordinal"], name="run_seed_place"),
            models.UniqueConstraint(fields=["run", "seed"], name="run_seed_once"),
        ]


class Candidate(models.Model):
    """One attempt at one seed: what it made are samples, what it lost are losses. In seed order, round after round."""

    class State(models.TextChoices):
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        NOT_ASKED = "not_asked", "Not asked, for want of budget"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="candidates")
    ordinal = models.IntegerField()
    seed = models.ForeignKey(Seed, on_delete=models.PROTECT, related_name="candidates")
    number = models.IntegerField(help_text="Which attempt at this seed, from 0.")
    state = models.CharField(max_length=10, choices=State.choices)
    error = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True)
    settled = models.BooleanField(default=False, help_text="What it made was accepted or left out.")

    class Meta:
        ordering = ["ordinal"]
        constraints = [models.UniqueConstraint(fields=["run", "ordinal"], name="candidate_place")]
        indexes = [
            models.Index(fields=["run", "ordinal"], condition=Q(settled=False), name="candidate_unsettled")
        ]

    def __str__(self) -> str:
        return f"candidate {self.ordinal + 1} of {self.run_id}"


class Loss(models.Model):
    """Where a candidate, or a branch of one, came to nothing: the reason, the step, and the calls that led there."""

    candidate = models.ForeignKey(Candidate, on_delete=models.CASCADE, related_name="losses")
    ordinal = models.IntegerField()
    reason = models.CharField(max_length=60)
    at = models.CharField(
        max_length=80, help_text="The version of the prompt at which it was lost, or the workflow."
    )
    detail = models.TextField(blank=True)
    calls = models.ManyToManyField(Call, related_name="losses")

    class Meta:
        ordering = ["candidate", "ordinal"]
        constraints = [models.UniqueConstraint(fields=["candidate", "ordinal"], name="loss_place")]
        indexes = [models.Index(fields=["reason", "at"], name="loss_by_reason")]
