"""Sample: one training example with the chain that made it. Its JSONL schema is docs/sample-schema.md."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from curation.models.call import Call
from curation.models.importing import Import
from curation.models.job import Job
from curation.models.passage import Passage
from curation.models.project import Project
from curation.models.run import Candidate
from curation.models.seed import Seed
from curation.models.source import Source


class Sample(models.Model):
    class State(models.TextChoices):
        CANDIDATE = "candidate", "Candidate"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"

    uuid = models.UUIDField(default=uuid.uuid4, db_default=RandomUUID(), unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="samples")
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="samples")
    batch = models.ForeignKey(
        Import,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="samples",
        help_text="What brought it here; of a sample that was made here: nothing, it has a candidate.",
    )
    candidate = models.ForeignKey(
        Candidate, null=True, blank=True, on_delete=models.PROTECT, related_name="samples"
    )
    branch = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="Among the samples of its candidate."
    )
    rank = models.PositiveIntegerField(
        null=True, blank=True, help_text="Its place among those that its run accepted, from 1."
    )
    left_out = models.CharField(
        max_length=60, blank=True, db_default="", help_text="Why its run did not accept it."
    )
    left_out_detail = models.CharField(max_length=400, blank=True, db_default="")
    repeats = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="repeated_by",
        help_text="The earlier sample that it says again.",
    )
    external_id = models.CharField(max_length=200)
    messages = models.JSONField(null=True, blank=True, help_text="[{role, content}]; empty for plain text.")
    text = models.TextField(help_text="The messages as one text, or the text itself.")
    text_sha256 = models.CharField(max_length=64)
    title = models.CharField(max_length=300, blank=True, db_default="", help_text="First words, for lists.")
    workflow = models.CharField(max_length=60, blank=True, db_default="")
    model = models.CharField(max_length=120, blank=True, db_default="")
    language = models.CharField(max_length=8, blank=True, db_default="")
    licence = models.CharField(max_length=80, blank=True, db_default="")
    topics = ArrayField(models.CharField(max_length=80), default=list, db_default=[], blank=True)
    skill = models.CharField(max_length=80, blank=True, db_default="")
    difficulty = models.CharField(max_length=40, blank=True, db_default="")
    seed = models.ForeignKey(Seed, null=True, blank=True, on_delete=models.PROTECT, related_name="samples")
    passage = models.ForeignKey(
        Passage,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="samples",
        help_text="The passage its seed quotes, where it was found in the project.",
    )
    seed_reference = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="The seed as the file named it."
    )
    text_version = models.ForeignKey(
        "TextVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    state = models.CharField(
        max_length=10, choices=State.choices, default=State.CANDIDATE, db_default="candidate"
    )
    meta = models.JSONField(default=dict, db_default={}, blank=True)
    search = SearchVectorField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="sample_once_per_source"),
            models.CheckConstraint(
                condition=models.Q(batch__isnull=False, candidate__isnull=True)
                | models.Q(batch__isnull=True, candidate__isnull=False),
                name="sample_was_imported_or_made",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "-id"], name="sample_newest"),
            models.Index(fields=["project", "state", "-id"], name="sample_by_state"),
            models.Index(fields=["project", "workflow", "-id"], name="sample_by_workflow"),
            models.Index(fields=["project", "model", "-id"], name="sample_by_model"),
            GinIndex(fields=["search"], name="sample_search"),
        ]

    def __str__(self) -> str:
        return self.title or self.external_id


class SampleStep(models.Model):
    """One step of the chain: a prompt, a draft, a critique, a revision."""

    sample = models.ForeignKey(Sample, on_delete=models.CASCADE, related_name="steps")
    ordinal = models.IntegerField()
    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=120, blank=True)
    prompt = models.TextField(blank=True)
    prompt_version = models.CharField(max_length=80, blank=True)
    model = models.CharField(max_length=120, blank=True)
    output = models.TextField(blank=True)
    scores = models.JSONField(default=dict, blank=True)
    meta = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="What the schema does not know."
    )
    call = models.ForeignKey(
        Call,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="sample_steps",
        help_text="The call that said it, where it was made here.",
    )

    class Meta:
        ordering = ["ordinal"]
        constraints = [models.UniqueConstraint(fields=["sample", "ordinal"], name="sample_step_place")]


class VerdictQuerySet(models.QuerySet["Verdict"]):
    def counting(self) -> VerdictQuerySet:
        """Those that count: of each kind and judge the newest. A judge that was asked again has superseded itself; what it said at one time stands together."""
        return self.filter(~_superseded())

    def told(self) -> VerdictQuerySet:
        """All, each with whether it `counts`."""
        return self.annotate(counts=~_superseded())


def _superseded() -> Exists:
    later = Verdict.objects.filter(
        sample=OuterRef("sample"),
        kind=OuterRef("kind"),
        judge=OuterRef("judge"),
        created_at__gt=OuterRef("created_at"),
    )
    return Exists(later)


class Verdict(models.Model):
    """What a machine concluded of a sample. Appended, never changed: `counting` tells which ones count."""

    class Outcome(models.TextChoices):
        PASSED = "passed", "Passed"
        FAILED = "failed", "Failed"
        UNCERTAIN = "uncertain", "Uncertain"

    sample = models.ForeignKey(Sample, on_delete=models.CASCADE, related_name="verdicts")
    ordinal = models.IntegerField(default=0)
    kind = models.CharField(max_length=20, help_text="judge, code, maths or format")
    judge = models.CharField(max_length=120, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    scores = models.JSONField(default=dict, blank=True)
    evidence = models.TextField(blank=True)
    meta = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="What the schema does not know."
    )
    text_sha256 = models.CharField(
        max_length=64, blank=True, db_default="", help_text="Of the text that it was concluded of."
    )
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.PROTECT, related_name="verdicts")
    call = models.ForeignKey(
        Call,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="verdicts",
        help_text="The call that said it, where a model was asked here.",
    )
    created_at = models.DateTimeField(db_default=Now())

    objects = VerdictQuerySet.as_manager()

    class Meta:
        ordering = ["ordinal"]
        constraints = [models.UniqueConstraint(fields=["sample", "ordinal"], name="sample_verdict_place")]
