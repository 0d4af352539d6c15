"""Signs of life of the background workers, for /healthz. No one's data."""

from django.db import models
from django.db.models.functions import Now


class WorkerHeartbeat(models.Model):
    """One worker process, by its name; it renews its row every few seconds and removes it when it stops."""

    name = models.CharField(max_length=200, unique=True)
    version = models.CharField(max_length=40)
    beaten_at = models.DateTimeField(db_default=Now(), help_text="by the database's clock")

    def __str__(self) -> str:
        return self.name
