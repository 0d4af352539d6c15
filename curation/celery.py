"""The Celery application: `celery -A curation.celery worker`. Tasks are in `curation/tasks.py`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "curation.settings")

app = Celery("seedbed")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["curation"])
app.conf.beat_schedule = {"sweep": {"task": "curation.sweep", "schedule": 10.0, "options": {"expires": 30}}}
