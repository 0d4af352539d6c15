"""A curated project under moved thresholds: clusters and seeds follow, and undoing leaves every row as curation made it."""

from __future__ import annotations

from typing import Any

import pytest

from curation.actions import thresholds
from curation.jobs import run
from curation.models import Cluster, Comparison, Document, Job, KnobChange, Project, Score, Seed
from tests.jobs.test_curation import curated, project, rows

__all__ = ["project"]

pytestmark = pytest.mark.django_db


def applied(change: KnobChange) -> KnobChange:
    job = run.drain(Job.objects.get(kind="thresholds", options__change=change.pk))
    assert job.state == Job.State.DONE, job.reason
    change.refresh_from_db()
    return change


def without_scores(found: dict[str, Any]) -> dict[str, Any]:
    """Scores are measurements: those that a change needed stay."""
    return {name: value for name, value in found.items() if name != "scores"}


def test_no_page_is_good_enough_and_all_come_back(project: Project) -> None:
    curated(project)
    before = rows(project)
    change = applied(thresholds.apply(project, {"min_educational": 5.0}, None))
    assert (Seed.objects.count(), Cluster.objects.count()) == (0, 0)
    assert change.counts["after"]["seeds"] == 0 < change.counts["before"]["seeds"]
    applied(thresholds.undo(change, None))
    assert rows(project) == before


def test_a_lower_threshold_scores_and_compares_what_comes_back(project: Project) -> None:
    curated(project)
    before = rows(project)
    change = applied(thresholds.apply(project, {"min_educational": 0.0, "min_factual": 0.0}, None))
    assert Document.objects.get(title="cookies").left_out == ""
    assert Score.objects.filter(passage__document__title="cookies").count() == 2
    assert Seed.objects.filter(passage__document__title="cookies").exists()
    applied(thresholds.undo(change, None))
    assert without_scores(rows(project)) == without_scores(before)


def test_another_cosine_forms_other_clusters_and_undoing_forms_the_old_ones(project: Project) -> None:
    curated(project)
    before = rows(project)
    assert thresholds.effect(project, {"near_duplicate_cosine": 1.0}).passages.won == 0  # the same wording
    for one in Comparison.objects.all():  # found by their vectors alone
        Comparison.objects.filter(pk=one.pk).update(jaccards=[0.1] * len(one.others))
    assert thresholds.effect(project, {"near_duplicate_cosine": 1.0}).passages.won == 1
    change = applied(thresholds.apply(project, {"near_duplicate_cosine": 1.0}, None))
    assert set(Cluster.objects.values_list("threshold", flat=True)) <= {1.0}
    assert [one.kind for one in Job.objects.order_by("-pk")[:3]] == [
        "select",
        "near_duplicates",
        "thresholds",
    ]
    applied(thresholds.undo(change, None))
    assert rows(project) == before


def test_curating_again_after_a_change_changes_nothing(project: Project) -> None:
    curated(project)
    applied(thresholds.apply(project, {"min_educational": 3.5, "topic:history": 1.0}, None))
    before = rows(project)
    curated(Project.objects.get(pk=project.pk))
    assert rows(project) == before
