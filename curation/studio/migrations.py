"""Which migrations a database or a backup may come with: ours, and all or none of those that one of ours takes the place of."""

from __future__ import annotations

from collections.abc import Collection

from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader

from curation.studio.refusal import Refusal


def ours() -> list[Migration]:
    """The studio's own, as they are on disk."""
    return [one for one in MigrationLoader(None).disk_migrations.values() if one.app_label == "curation"]


def known() -> set[str]:
    """Names of ours, and of those that ours take the place of: a backup may be older than the change."""
    return {one.name for one in ours()} | {name for one in ours() for _, name in one.replaces}


def refuse_halfway(applied: Collection[str], what: str) -> None:
    """Refuse what has only some of the migrations that one of ours takes the place of; Django would end in the middle of it."""
    for one in ours():
        replaced = {name for _, name in one.replaces}
        if replaced & set(applied) and not replaced <= set(applied):
            raise Refusal(
                f"{what} stands between two migrations that are one now ({one.name}). Start the studio of commit 9a1e7e2, which "
                "still has each of them, with it once; then this one. Nothing was changed."
            )
