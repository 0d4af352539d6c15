"""StoredFile: the raw bytes of one upload or fetch, stored once by content. Documents point into it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.files.storage import default_storage
from django.db import models


class StoredFile(models.Model):
    """Global and content-addressed; reachable only through the imports of one's own projects."""

    sha256 = models.CharField(max_length=64, unique=True)
    size = models.BigIntegerField(help_text="bytes")
    path = models.CharField(max_length=200, help_text="Name in Django's default storage.")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.sha256[:12]

    @contextmanager
    def local_path(self) -> Iterator[Path]:
        """The bytes as a file on this machine: where they lie, or a temporary copy of what a remote store holds."""
        try:
            path = default_storage.path(self.path)
        except NotImplementedError:
            with (
                tempfile.NamedTemporaryFile(prefix="seedbed-") as copy,
                default_storage.open(self.path) as stored,
            ):
                shutil.copyfileobj(stored, copy, 1 << 20)
                copy.flush()
                yield Path(copy.name)
            return
        yield Path(path)
