"""Exports: a frozen query over what is approved. The count shown before is the count that is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from curation.models import (
    ActiveScorer,
    Activity,
    Cluster,
    Job,
    Project,
    Snapshot,
    User,
)
from curation.models.approved import Approved, Counts, rubric_levels
from curation.recipe.export.filters import parse
from curation.recipe.export.formats import FORMATS
from curation.recipe.export.manifest import named
from curation.recipe.export.schemas import SCHEMAS


class ExportError(Exception):
    """What was asked cannot be exported; the message says why and what to do."""


class NothingToExport(ExportError):
    """No row is approved under these filters. `left_out` says what became of all of them."""

    def __init__(self, what: str, left_out: Mapping[str, int]) -> None:
        self.left_out = dict(left_out)
        super().__init__(nothing(what, left_out))


class CountChanged(ExportError):
    """Somebody decided, imported or withdrew something since the count was shown."""

    def __init__(self, expected: int, rows: int) -> None:
        self.rows = rows
        super().__init__(
            f"{expected:,} rows were shown, and {rows:,} are approved now. Look again, then make the export."
        )


def nothing(what: str, left_out: Mapping[str, int]) -> str:
    """Why there is nothing to export, and what to do about it."""
    if not left_out:
        start = {"seeds": "Run the background steps first.", "samples": "Import samples first."}
        return f"The project has no {what} yet. {start.get(what, 'Import material and run the background steps first.')}"
    reasons = ", ".join(f"{entry['title'].lower()} {entry['count']:,}" for entry in named(left_out))
    ways = {
        "filtered": "Ask for less in the filters.",
        "not_processed": "Run the background steps.",
        "not_reviewed": f"Review {what} in their queue.",
        "disputed": "Ask a reviewer to resolve the disputes.",
    }
    way = next(
        (text for key, text in ways.items() if left_out.get(key)), "Look at the reasons on the overview."
    )
    total = sum(left_out.values())
    return f"None of the {total:,} {what} is approved: {reasons}. {way}"


def read_filters(project: Project, what: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Filters as a person writes them, read and checked for this kind. Raises FilterError."""
    check_kind(what)
    return parse(what, given, list(rubric_levels(project, what)))


def check_kind(what: str, form: str | None = None) -> None:
    """Raise ExportError unless the kind of rows (and the format, where given) is one that we have."""
    if what not in SCHEMAS:
        raise ExportError(f"There is no export of {what!r}; choose {', '.join(SCHEMAS)}.")
    if form is not None and form not in FORMATS:
        raise ExportError(f"There is no format {form!r}; choose {', '.join(FORMATS)}.")


@transaction.atomic
def create_snapshot(
    project: Project,
    what: str,
    form: str,
    filters: Mapping[str, Any],
    by: User | None,
    expected: int | None = None,
) -> Snapshot:
    """Freeze the approved rows and start the job that writes them.

    `filters` as a person writes them; `expected` is the count that was shown to them. Raises ExportError
    (NothingToExport, CountChanged) and FilterError; nothing is kept then.
    """
    check_kind(what, form)
    approved = Approved(project, what, read_filters(project, what, filters))
    job = Job.objects.create(project=project, kind="snapshot", created_by=by)
    snapshot = Snapshot.objects.create(
        project=project, what=what, format=form, filters=approved.filters, job=job, created_by=by
    )
    counts = approved.freeze(snapshot)
    if not counts.rows:
        raise NothingToExport(what, counts.left_out)
    if expected is not None and counts.rows != expected:
        raise CountChanged(expected, counts.rows)
    snapshot.rows = counts.rows
    snapshot.left_out, snapshot.licences = dict(counts.left_out), dict(counts.licences)
    snapshot.folder = f"snapshots/{snapshot.uuid}"
    snapshot.versions = _versions(snapshot, counts)
    snapshot.save()
    Activity.objects.create(
        project=project,
        actor=by,
        verb="made an export",
        subject=f"{counts.rows:,} {what}",
        details={"snapshot": str(snapshot.uuid), "format": form, "filters": approved.filters},
    )
    return snapshot


def preview(
    project: Project, what: str, filters: Mapping[str, Any], most: int = 5
) -> tuple[Counts, list[dict[str, Any]]]:
    """What an export would hold now: its counts and its first rows."""
    approved = Approved(project, what, read_filters(project, what, filters))
    counts = approved.counts()
    return counts, approved.first(most) if counts.rows else []


def folder_of(snapshot: Snapshot) -> Path:
    """Where its files lie: on the studio's own disk, which web and workers share."""
    path: Path = settings.HOME.files / snapshot.folder
    return path


# What it was made with


def _versions(snapshot: Snapshot, counts: Counts) -> dict[str, Any]:
    """Everything that decides which rows these are and what they say, beyond the material itself."""
    project = snapshot.project
    active = ActiveScorer.objects.filter(project=project).select_related("rubric", "scorer")
    versions: dict[str, Any] = {
        "studio": settings.VERSION,
        "thresholds": asdict(project.settings),
        "languages": list(project.languages),
        "scorers": {entry.rubric.key: str(entry.scorer) for entry in active.order_by("rubric__key")},
        "near_duplicates": _near_duplicates(project),
    }
    for name, tally in counts.tallies.items():
        if name != "licences":
            versions[name] = {value: count for value, count in sorted(tally.items()) if value}
    if snapshot.what == Snapshot.What.SAMPLES:
        versions["prompts"] = _in_chains(snapshot, "curation_samplestep", "nullif(prompt_version, '')")
        versions["judges"] = _in_chains(snapshot, "curation_verdict", "nullif(judge, '')")
    return versions


def _in_chains(snapshot: Snapshot, table: str, value: str) -> dict[str, int]:
    """How many steps or verdicts in the chains of its samples have which value."""
    sql = f"""SELECT {value}, count(*) FROM curation_snapshotrow r JOIN {table} c ON c.sample_id = r.subject_id
               WHERE r.snapshot_id = %s AND {value} IS NOT NULL GROUP BY 1"""
    with connection.cursor() as cursor:
        cursor.execute(sql, [snapshot.pk])
        return dict(sorted(cursor.fetchall()))


def _near_duplicates(project: Project) -> dict[str, Any]:
    """By which model, threshold and rule the latest clusters were made; empty where there are none."""
    cluster = Cluster.objects.filter(project=project).select_related("model").first()
    if cluster is None:
        return {}
    return {
        "model": cluster.model.name,
        "revision": cluster.model.revision,
        "cosine": cluster.threshold,
        "rule": cluster.rule,
    }
