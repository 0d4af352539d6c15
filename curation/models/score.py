"""Score: what a scorer says about a document or a passage on a rubric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection, models
from django.db.models.functions import Now

from curation.models.document import Document
from curation.models.embedding import EmbeddingModel
from curation.models.job import Job
from curation.models.passage import Passage
from curation.models.project import Project
from curation.models.user import User

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: COPY's binary form: signature, flags, no extension; and its end.
_COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TAIL = b"\xff\xff"


class Rubric(models.Model):
    """A question with a scale from 0 to `highest`. A rubric without a project is ours and open to all."""

    class Level(models.TextChoices):
        DOCUMENT = "document", "Document"
        PASSAGE = "passage", "Passage"

    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.PROTECT, related_name="rubrics"
    )
    key = models.SlugField(max_length=40)
    name = models.CharField(max_length=80)
    level = models.CharField(max_length=10, choices=Level.choices)
    question = models.TextField()
    highest = models.PositiveSmallIntegerField(default=5, db_default=5, help_text="Top of the scale, 1 to 5.")
    anchors = models.JSONField(default=list, help_text="What 0, 1, … mean.")
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "key"], name="rubric_key", nulls_distinct=False),
            models.CheckConstraint(
                condition=models.Q(highest__gte=1, highest__lte=5), name="rubric_scale_is_1_to_5"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def places(self) -> list[str]:
        """The steps of the scale as people type them: "0" to the highest."""
        return [str(place) for place in range(self.highest + 1)]


class Scorer(models.Model):
    """A versioned way of answering a rubric. Never changed: a better one is a new version.

    A trained head belongs to the project whose labels made it; one without a project is ours. `parameters` holds its
    arrays as plain JSON, `training` what it was trained on and how, `figures` what it reached on the hold-out.
    """

    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.PROTECT, related_name="scorers"
    )
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, related_name="scorers")
    model = models.ForeignKey(
        EmbeddingModel,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Whose vectors it reads.",
    )
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    name = models.CharField(max_length=60)
    version = models.CharField(max_length=20)
    parameters = models.JSONField(default=dict)
    training = models.JSONField(default=dict, db_default={}, blank=True)
    figures = models.JSONField(default=dict, db_default={}, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "rubric", "name", "version"], name="scorer_version", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}-{self.version}"


class ActiveScorer(models.Model):
    """Which version speaks for a rubric in a project."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="active_scorers")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, related_name="+")
    scorer = models.ForeignKey(Scorer, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "rubric"], name="one_active_scorer")]


class Activation(models.Model):
    """Who made which version speak for a rubric, and when: the history that rolling back walks along."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="activations")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, related_name="+")
    scorer = models.ForeignKey(Scorer, on_delete=models.PROTECT, related_name="activations")
    by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="None: by itself."
    )
    why = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["project", "rubric", "-id"], name="activation_latest")]


class ScoreQuerySet(models.QuerySet["Score"]):
    def append(
        self, level: str, scorer: int, subjects: NDArray[np.int64], values: NDArray[np.float64]
    ) -> int:
        """Store what a scorer says of these documents or passages; what is there already, and what is gone, is passed
        over. Returns how many were new. Within the transaction of the caller.

        They travel by COPY in its binary form: a list of parameters takes longer to write than the rows do.
        """
        import numpy as np

        if level not in Rubric.Level.values:
            raise ValueError(f"{level!r} is no level of a rubric")
        rows = np.empty(
            len(subjects),
            dtype=[("n", ">i2"), ("a", ">i4"), ("subject", ">i8"), ("b", ">i4"), ("value", ">f8")],
        )
        rows["n"], rows["a"], rows["b"] = 2, 8, 8
        rows["subject"], rows["value"] = subjects, values
        raw: Any = connection.connection
        with raw.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE made_scores (subject bigint, value float8) ON COMMIT DROP")
            with cursor.copy("COPY made_scores FROM STDIN (FORMAT BINARY)") as copy:
                copy.write(_COPY_HEAD + rows.tobytes() + _COPY_TAIL)
            cursor.execute(
                f"INSERT INTO curation_score (scorer_id, {level}_id, value)"
                f" SELECT %s, subject.id, made.value FROM made_scores made JOIN curation_{level} subject"
                "     ON subject.id = made.subject ORDER BY subject.id ON CONFLICT DO NOTHING",
                [scorer],
            )
            new = cursor.rowcount
            cursor.execute("DROP TABLE made_scores")
        return int(new)


class Score(models.Model):
    """Appended per scorer version, never updated.

    A new version writes a row for every passage, so each index has to earn its keep: those by scorer are the unique ones.
    """

    scorer = models.ForeignKey(Scorer, on_delete=models.PROTECT, related_name="scores", db_index=False)
    document = models.ForeignKey(
        Document, null=True, blank=True, on_delete=models.CASCADE, related_name="scores", db_index=False
    )
    passage = models.ForeignKey(
        Passage, null=True, blank=True, on_delete=models.CASCADE, related_name="scores", db_index=False
    )
    value = models.FloatField(help_text="0 to 5")
    created_at = models.DateTimeField(db_default=Now())

    objects = ScoreQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(document__isnull=False) ^ models.Q(passage__isnull=False),
                name="score_has_one_subject",
            ),
            models.CheckConstraint(
                condition=models.Q(value__gte=0, value__lte=5), name="score_is_on_the_scale"
            ),
            models.UniqueConstraint(
                fields=["scorer", "document"],
                condition=models.Q(document__isnull=False),
                name="score_of_document",
            ),
            models.UniqueConstraint(
                fields=["scorer", "passage"],
                condition=models.Q(passage__isnull=False),
                name="score_of_passage",
            ),
        ]
        indexes = [
            models.Index(
                fields=["document"], condition=models.Q(document__isnull=False), name="scores_of_document"
            ),
            models.Index(
                fields=["passage"], condition=models.Q(passage__isnull=False), name="scores_of_passage"
            ),
            models.Index(
                fields=["scorer", "-value", "-passage"],
                condition=models.Q(passage__isnull=False),
                name="passages_by_score",
            ),
            models.Index(
                fields=["scorer", "-value", "-document"],
                condition=models.Q(document__isnull=False),
                name="documents_by_score",
            ),
        ]
