"""StoredFile: the raw bytes of one upload or fetch, stored once by content. Documents point into it."""

from __future__ import annotations

from django.db import models


class StoredFile(models.Model):
    """Global and content-addressed; reachable only through the imports of one's own projects."""

    sha256 = models.CharField(max_length=64, unique=True)
    size = models.BigIntegerField(help_text="bytes")
    path = models.CharField(max_length=200, help_text="Name in Django's default storage.")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.sha256[:12]
