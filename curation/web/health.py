"""`GET /healthz`: whether the database, the broker and the workers are there. Open to all, and about nobody."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu.exceptions import KombuError

from curation.jobs.heartbeat import worker_alive

BROKER_PATIENCE = 3


@login_not_required
@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when everything answers, 503 when something is down; the body says what."""
    database = _database_answers()
    found = {
        "database": database,
        "broker": _broker_answers(database),
        "worker": database and worker_alive(),
    }
    body = {name: "ok" if good else "down" for name, good in found.items()} | {"version": settings.VERSION}
    response = JsonResponse(body, status=200 if all(found.values()) else 503)
    # Django logs every 5xx as an error, and this one is asked for every few seconds.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return True
    except (DatabaseError, InterfaceError):
        return False


def _broker_answers(database: bool) -> bool:
    if settings.QUEUE_IN_DATABASE:
        return database and _queue_installed()
    from curation.celery import app

    try:
        with app.connection_for_write(connect_timeout=BROKER_PATIENCE) as broker:
            broker.ensure_connection(max_retries=1, timeout=BROKER_PATIENCE)
        return True
    except (KombuError, OSError, *app.connection_for_write().connection_errors):
        return False


def _queue_installed() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('pgmq.meta') IS NOT NULL")
        return bool(cursor.fetchone()[0])


urlpatterns = [
    path("healthz", healthz, name="healthz"),
]
