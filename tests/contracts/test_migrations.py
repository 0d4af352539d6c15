"""Migrations: one line of them, and none missing."""

import pytest
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader


def test_there_is_one_last_migration() -> None:
    assert len(MigrationLoader(None).graph.leaf_nodes("curation")) == 1


@pytest.mark.django_db
def test_the_models_have_all_their_migrations() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
