"""Embedding: the vector of a text under a model, made once for each distinct text."""

from __future__ import annotations

from django.db import models
from pgvector.django import HalfVectorField


class EmbeddingModel(models.Model):
    """A model with everything that changes its vectors; `key` names that combination."""

    key = models.CharField(max_length=200, unique=True)
    name = models.CharField(max_length=200)
    revision = models.CharField(max_length=80)
    options = models.JSONField(default=dict, help_text="dtype, pooling, prompt, window")
    dimensions = models.IntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.key


class Embedding(models.Model):
    """A global cache by content: reachable only through a text of one's own project.

    The column has no fixed dimension; every model in use has its own partial HNSW index on
    `(vector::halfvec(dimensions))`, so several models stand side by side.
    """

    model = models.ForeignKey(EmbeddingModel, on_delete=models.PROTECT, related_name="embeddings")
    text_sha256 = models.CharField(max_length=64)
    vector = HalfVectorField(help_text="L2-normalised, half precision")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "text_sha256"], name="embedding_once")]
