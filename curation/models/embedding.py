"""Embedding: the vector of a text under a model, made once for each distinct text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db import connection, models
from pgvector.django import HalfVectorField

from curation.models.job import Job
from curation.models.project import Project

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class EmbeddingModelQuerySet(models.QuerySet["EmbeddingModel"]):
    def of_project(self, project: Project) -> EmbeddingModel | None:
        """The model whose vectors the project uses: that of its latest finished `embed` job. None before the first."""
        jobs = Job.objects.filter(project=project, kind="embed", state=Job.State.DONE)
        latest = jobs.order_by("-pk").values_list("result__model", flat=True).first()
        return self.filter(pk=latest).first() if latest else None


class EmbeddingModel(models.Model):
    """A model with everything that changes its vectors; `key` names that combination."""

    key = models.CharField(max_length=200, unique=True)
    name = models.CharField(max_length=200)
    revision = models.CharField(max_length=80)
    options = models.JSONField(default=dict, help_text="dtype, pooling, prompt, window")
    dimensions = models.IntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = EmbeddingModelQuerySet.as_manager()

    def __str__(self) -> str:
        return self.key

    @property
    def index_name(self) -> str:
        return f"embedding_hnsw_{self.pk}"

    def make_index(self) -> None:
        """The model's own HNSW index, once. Best called while it has no vectors: then it grows with them."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE INDEX IF NOT EXISTS {self.index_name} ON curation_embedding"
                f" USING hnsw ((vector::halfvec({int(self.dimensions)})) halfvec_cosine_ops)"
                f" WHERE model_id = {int(self.pk)}"
            )


class EmbeddingQuerySet(models.QuerySet["Embedding"]):
    def vectors(self, model: EmbeddingModel, hashes: Sequence[str]) -> dict[str, NDArray[np.float16]]:
        """Vectors by text hash, as far as they are there. Read in PostgreSQL's binary form: no text is parsed."""
        import numpy as np
        from psycopg import Cursor as ServerCursor

        found: dict[str, NDArray[np.float16]] = {}
        connection.ensure_connection()
        # Django's own cursors bind on the client's side, which has no binary results.
        with ServerCursor(connection.connection) as cursor:
            for start in range(0, len(hashes), 5_000):
                cursor.execute(
                    "SELECT text_sha256, vector FROM curation_embedding WHERE model_id = %s AND text_sha256 = ANY(%s)",
                    [model.pk, list(hashes[start : start + 5_000])],
                    binary=True,
                )
                # halfvec_send: dimensions and an unused number, two bytes each, then big-endian half floats.
                for digest, raw in cursor:
                    found[digest] = np.frombuffer(raw, dtype=">f2", offset=4).astype(np.float16)
        return found

    def matrix(
        self, model: EmbeddingModel, hashes: Sequence[str]
    ) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
        """The vectors of texts as one array, (texts, dimensions), in their order, and which of them are there."""
        import numpy as np

        rows = np.zeros((len(hashes), model.dimensions), dtype=np.float16)
        there = np.zeros(len(hashes), dtype=bool)
        for start in range(0, len(hashes), 50_000):
            part = hashes[start : start + 50_000]
            found = self.vectors(model, part)
            for row, digest in enumerate(part, start):
                if digest in found:
                    rows[row], there[row] = found[digest], True
        return rows, there

    def keep(self, model: EmbeddingModel, vectors: dict[str, NDArray[np.float32]]) -> int:
        """Store vectors by text hash; those that are there already stay. Returns how many were new."""
        import numpy as np

        texts = [
            "[" + ",".join(map(repr, vector.astype(np.float16).astype(np.float64).tolist())) + "]"
            for vector in vectors.values()
        ]
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO curation_embedding (model_id, text_sha256, vector)"
                " SELECT %s, made.digest, made.vector::halfvec FROM unnest(%s::text[], %s::text[]) AS made (digest, vector)"
                " ORDER BY made.digest ON CONFLICT (model_id, text_sha256) DO NOTHING",
                [model.pk, list(vectors), texts],
            )
            return cursor.rowcount


class Embedding(models.Model):
    """A global cache by content: reachable only through a text of one's own project.

    The column has no fixed dimension; every model in use has its own partial HNSW index on
    `(vector::halfvec(dimensions))`, so several models stand side by side.
    """

    model = models.ForeignKey(EmbeddingModel, on_delete=models.PROTECT, related_name="embeddings")
    text_sha256 = models.CharField(max_length=64)
    vector = HalfVectorField(help_text="L2-normalised, half precision")

    objects = EmbeddingQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "text_sha256"], name="embedding_once")]
