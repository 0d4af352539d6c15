"""GET /healthz: what is up, what is down, and nobody's data."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from curation.jobs import heartbeat
from curation.models import WorkerHeartbeat
from curation.web import health


@pytest.fixture
def queue_in_database(db, settings) -> None:
    settings.QUEUE_IN_DATABASE = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS pgmq; CREATE TABLE IF NOT EXISTS pgmq.meta ()")


def beats(seconds_ago: int) -> None:
    WorkerHeartbeat.objects.create(
        name=f"w{seconds_ago}", version="1", beaten_at=Now() - timedelta(seconds=seconds_ago)
    )


def test_all_is_well_for_anybody_who_asks(
    queue_in_database: None, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries, settings
) -> None:
    beats(20)
    with django_assert_max_num_queries(3):
        answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"database": "ok", "broker": "ok", "worker": "ok", "version": settings.VERSION}
    assert "no-cache" in answer["Cache-Control"]


def test_a_worker_that_has_been_silent_is_down(queue_in_database: None, client: Client) -> None:
    beats(60)
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["worker"] == "down"


def test_a_queue_that_is_not_installed_is_a_broker_that_is_down(db, client: Client, settings) -> None:
    settings.QUEUE_IN_DATABASE = True
    beats(1)
    assert client.get("/healthz").json()["broker"] == "down"


def test_a_broker_that_nobody_answers_at_is_down(db, client: Client, settings, monkeypatch) -> None:
    from kombu import Connection

    from curation.celery import app

    dead = Connection("amqp://127.0.0.1:1//", connect_timeout=1)
    monkeypatch.setattr(app, "connection_for_write", lambda **options: dead)
    settings.QUEUE_IN_DATABASE = False
    beats(1)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["broker"]) == (503, "down")


def test_without_a_database_everything_in_it_is_down(client: Client, settings, monkeypatch) -> None:
    settings.QUEUE_IN_DATABASE = True

    def refuse() -> None:
        raise OperationalError("the server is away")

    monkeypatch.setattr(health.connection, "cursor", refuse)
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert {answer.json()[name] for name in ("database", "broker", "worker")} == {"down"}


def test_posting_to_it_is_refused(client: Client) -> None:
    assert client.post("/healthz").status_code == 405


def test_a_worker_renews_one_row_and_old_ones_are_forgotten(db) -> None:
    beats(2 * 24 * 3600)
    heartbeat._renew("celery@here")
    heartbeat._renew("celery@here")
    assert list(WorkerHeartbeat.objects.values_list("name", flat=True)) == ["celery@here"]
    assert heartbeat.worker_alive()
