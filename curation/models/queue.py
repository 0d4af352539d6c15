"""Queue: who looks at what next. Item: one subject in it. Slot: one decision that the item wants."""

from __future__ import annotations

import uuid
from functools import reduce
from operator import or_

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from curation.models.document import Document
from curation.models.duplicate import DuplicatePair
from curation.models.passage import Passage
from curation.models.project import Project
from curation.models.sample import Sample
from curation.models.seed import Seed
from curation.models.user import User
from curation.recipe.review.cards import CARDS, Card


class Queue(models.Model):
    class Kind(models.TextChoices):
        SEEDS = "seeds", "Seeds"
        PAGES = "pages", "Scores of pages"
        SCORES = "scores", "Scores"
        PAIRS = "pairs", "Pairs of duplicates"
        SAMPLES = "samples", "Samples"

    class Order(models.TextChoices):
        OLDEST = "oldest", "Oldest first"
        HIGHEST = "highest", "Highest score first"
        RANDOM = "random", "Random, by a stated seed"
        LEARNING = "learning", "What the scorer would learn most from"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="queues")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=120)
    guidelines = models.TextField(blank=True, help_text="Markdown. Shown after the project's own.")
    wanted = models.PositiveSmallIntegerField(default=1, help_text="Decisions by different people per item.")
    order = models.CharField(max_length=10, choices=Order.choices, default=Order.OLDEST)
    random_seed = models.BigIntegerField(
        default=1, help_text="Of the random order: the same seed, the same order."
    )
    rubrics = ArrayField(
        models.SlugField(max_length=40),
        default=list,
        db_default=[],
        blank=True,
        help_text="Keys of the rubrics that it asks for; empty: those of its kind.",
    )
    share_random = models.FloatField(
        default=0.2, db_default=0.2, help_text="Learning order: share of random controls."
    )
    share_top = models.FloatField(
        default=0.1, db_default=0.1, help_text="Learning order: share of likely top items."
    )
    filter = models.JSONField(default=dict, blank=True, help_text="What it was last filled from.")
    dispute_gap = models.PositiveSmallIntegerField(
        default=2, help_text="Scores queues: ratings this far apart are a dispute."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="queue_name_per_project"),
            models.CheckConstraint(condition=Q(wanted__gte=1, wanted__lte=9), name="queue_wants_1_to_9"),
            models.CheckConstraint(
                condition=Q(share_random__gte=0, share_top__gte=0)
                & Q(share_random__lte=1.0 - models.F("share_top")),
                name="queue_shares_are_shares",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def card(self) -> Card:
        """What it asks: its kind's card, with its own rubrics where it has some."""
        return CARDS[self.kind].asking(tuple(self.rubrics))


SUBJECTS = ("document", "passage", "pair", "seed", "sample")


def _one_subject() -> Q:
    """Exactly one of the subjects is there."""
    cases = [Q(**{f"{one}__isnull": one != there for one in SUBJECTS}) for there in SUBJECTS]
    return reduce(or_, cases)


class Item(models.Model):
    """Exactly one subject, once per queue. `state` is a projection of its decisions."""

    class Drawn(models.TextChoices):
        UNCERTAIN = "uncertain", "Uncertain"
        CONTROL = "control", "Random control"
        TOP = "top", "Likely top"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        ACCEPTED = "accepted", "Accepted"
        REJECTED = "rejected", "Rejected"
        RATED = "rated", "Rated"
        DISPUTED = "disputed", "Disputed"
        FLAGGED = "flagged", "Flagged"
        REVISING = "revising", "Being revised"
        CLOSED = "closed", "Closed"

    uuid = models.UUIDField(default=uuid.uuid4, db_default=RandomUUID(), unique=True, editable=False)
    queue = models.ForeignKey(Queue, on_delete=models.PROTECT, related_name="items")
    document = models.ForeignKey(
        Document, null=True, blank=True, on_delete=models.PROTECT, related_name="items"
    )
    passage = models.ForeignKey(
        Passage, null=True, blank=True, on_delete=models.PROTECT, related_name="items"
    )
    pair = models.ForeignKey(
        DuplicatePair, null=True, blank=True, on_delete=models.PROTECT, related_name="items"
    )
    seed = models.ForeignKey(Seed, null=True, blank=True, on_delete=models.PROTECT, related_name="items")
    sample = models.ForeignKey(Sample, null=True, blank=True, on_delete=models.PROTECT, related_name="items")
    position = models.BigIntegerField(help_text="Lower is sooner.")
    drawn = models.CharField(max_length=10, choices=Drawn.choices, blank=True, db_default="")
    drawn_detail = models.CharField(max_length=200, blank=True, db_default="", help_text="Why, in words.")
    wanted = models.PositiveSmallIntegerField()
    round = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text="How often its text was revised; each time everybody is asked anew.",
    )
    text_version = models.ForeignKey(
        "TextVersion",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The text that is asked about since its last revision; empty: the subject's own.",
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN, db_default="open")
    result = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="Mean ratings of a rated item."
    )
    settled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.CheckConstraint(condition=_one_subject(), name="item_has_one_subject"),
            *(
                models.UniqueConstraint(
                    fields=["queue", one],
                    condition=Q(**{f"{one}__isnull": False}),
                    name=f"{one}_once_per_queue",
                )
                for one in SUBJECTS
            ),
        ]
        indexes = [models.Index(fields=["queue", "state", "position", "id"], name="item_by_state")]


class Slot(models.Model):
    """One of the decisions that an item wants. Claiming takes an open slot; deciding fills it.

    `holder` stays after the decision, so that the unique constraint keeps a person from a second slot of the
    same item however many tabs race for it.
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        HELD = "held", "Held"
        DECIDED = "decided", "Decided"
        CLOSED = "closed", "Closed"

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="slots")
    queue = models.ForeignKey(Queue, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveSmallIntegerField(help_text="1 to the item's wanted decisions.")
    position = models.BigIntegerField(help_text="The item's, repeated so that claiming reads one index.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN, db_default="open")
    holder = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    lease = models.UUIDField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    decision = models.OneToOneField(
        "Decision", null=True, blank=True, on_delete=models.PROTECT, related_name="slot"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "number"], name="slot_number"),
            models.UniqueConstraint(
                fields=["item", "holder"],
                condition=Q(holder__isnull=False),
                name="one_slot_per_person_and_item",
            ),
            models.CheckConstraint(
                condition=(
                    Q(state="open", holder__isnull=True, lease__isnull=True, decision__isnull=True)
                    | Q(state="held", holder__isnull=False, lease__isnull=False, decision__isnull=True)
                    | Q(state="decided", holder__isnull=False, decision__isnull=False)
                    | Q(state="closed", decision__isnull=True)
                ),
                name="slot_state_is_consistent",
            ),
        ]
        indexes = [
            models.Index(fields=["queue", "position", "id"], condition=Q(state="open"), name="slot_open"),
            models.Index(fields=["expires_at"], condition=Q(state="held"), name="slot_held"),
            models.Index(fields=["queue", "holder"], condition=Q(state="held"), name="slot_held_by"),
        ]


class Lease(models.Model):
    """The history of claims: who held which item, from when to when, and how it ended."""

    class End(models.TextChoices):
        DECIDED = "decided", "Decided"
        SKIPPED = "skipped", "Skipped"
        FLAGGED = "flagged", "Flagged"
        RELEASED = "released", "Released"
        EXPIRED = "expired", "Expired"
        FREED = "freed", "Freed by a manager"
        SENT_BACK = "sent_back", "Sent back"
        REVISED = "revised", "Ended by a revision"

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="leases")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    round = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="The item's, then.")
    claimed_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_how = models.CharField(max_length=10, choices=End.choices, blank=True, db_default="")


class Sitting(models.Model):
    """A person at a queue: since when, and how far down the queue they have come.

    `cursor` is the position of the last claimed slot. Claims look beyond it first and from the start only
    when nothing is left there, so that a claim never walks over everything one has decided already.
    """

    queue = models.ForeignKey(Queue, on_delete=models.CASCADE, related_name="sittings")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    started_at = models.DateTimeField(db_default=Now())
    last_seen_at = models.DateTimeField(db_default=Now())
    cursor = models.BigIntegerField(default=-1, db_default=-1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["queue", "user"], name="one_sitting")]
