"""`GET /healthz`: whether the database, the broker and the workers are there. Open to all, and about nobody."""

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu.exceptions import KombuError

from curation.jobs.heartbeat import worker_alive

# Seconds, for connecting and for each answer, as the transports of Redis and RabbitMQ name them.
BROKER_PATIENCE = 3
_REDIS = {"socket_connect_timeout": BROKER_PATIENCE, "socket_timeout": BROKER_PATIENCE}
_RABBITMQ = {"read_timeout": BROKER_PATIENCE, "write_timeout": BROKER_PATIENCE}
PATIENCE = {"redis": _REDIS, "rediss": _REDIS, "amqp": _RABBITMQ, "amqps": _RABBITMQ}


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

    options = PATIENCE.get(urlsplit(settings.CELERY_BROKER_URL).scheme, {})
    broker = app.connection_for_write(connect_timeout=BROKER_PATIENCE, transport_options=options)
    try:
        with broker:
            broker.ensure_connection(max_retries=1, timeout=BROKER_PATIENCE)
        return True
    except (KombuError, OSError, *broker.connection_errors):
        return False


def _queue_installed() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('pgmq.meta') IS NOT NULL")
        return bool(cursor.fetchone()[0])


urlpatterns = [
    path("healthz", healthz, name="healthz"),
]
