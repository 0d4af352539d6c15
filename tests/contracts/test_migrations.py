"""Migrations: one line of them, and none missing."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder


def test_there_is_one_last_migration() -> None:
    assert len(MigrationLoader(None).graph.leaf_nodes("curation")) == 1


@pytest.mark.django_db
def test_the_models_have_all_their_migrations() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.django_db
def test_a_database_that_had_every_earlier_migration_is_up_to_date() -> None:
    recorder = MigrationRecorder(connection)
    ours = [
        one for one in MigrationLoader(connection).disk_migrations.values() if one.app_label == "curation"
    ]
    replaced = [name for one in ours for name in one.replaces]
    for one in ours:
        recorder.record_unapplied("curation", one.name)
    for app, name in replaced:
        recorder.record_applied(app, name)
    executor = MigrationExecutor(connection)
    assert replaced and executor.migration_plan(executor.loader.graph.leaf_nodes("curation")) == []
