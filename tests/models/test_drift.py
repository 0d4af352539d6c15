"""How scorers fare over time, and what more labels brought."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from curation.models import Document, Import, Item, Project, Score, Scorer, drift
from tests import factories as make
from tests import labelling

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make.a_project("levers")


@pytest.fixture
def scorer(project: Project) -> Scorer:
    return make.an_active_scorer(project, "factual", "passage")


def test_means_and_shares_by_import_and_week(project: Project, scorer: Scorer) -> None:
    for day, values in ((5, (1.0, 3.0)), (12, (4.0,)), (13, (5.0,))):
        batch = make.an_import(make.a_source(project, f"Day {day}"))
        Import.objects.filter(pk=batch.pk).update(created_at=datetime(2026, 1, day, tzinfo=UTC))
        for value in values:
            document = make.a_kept_document(project, first_import=batch)
            passage = make.a_passage(project, document=document)
            Score.objects.create(scorer=scorer, passage=passage, value=value)
    by_import = drift.said(project, scorer, 3.0, "import")
    assert [(one.name, one.rows, one.mean, one.share) for one in by_import] == [
        ("Day 5", 2, 2.0, 0.5),
        ("Day 12", 1, 4.0, 1.0),
        ("Day 13", 1, 5.0, 1.0),
    ]
    assert [(one.since.day, one.rows, one.mean) for one in drift.said(project, scorer, 3.0)] == [
        (5, 2, 2.0),
        (12, 2, 4.5),
    ]
    assert drift.said(make.a_project("other"), scorer, 3.0) == []
    assert Document.objects.filter(project=project).count() == 4


def test_only_random_controls_tell_of_drift(project: Project, scorer: Scorer) -> None:
    def rated(order: str, drawn: str, value: float, rating: int, week: int, **filter_: float) -> None:
        queue = make.a_queue(project, "scores", order=order, filter=filter_)
        passage = make.a_kept_passage(project)
        Score.objects.create(scorer=scorer, passage=passage, value=value)
        labelling.rated(queue, [passage], {"factual": [rating]})
        Item.objects.filter(queue=queue).update(
            drawn=drawn, settled_at=datetime(2026, 1, 5 + 7 * week, tzinfo=UTC)
        )

    rated("learning", "control", 3.0, 2, 0)
    rated("random", "", 4.0, 4, 0)
    rated("learning", "control", 1.0, 4, 1)
    rated("learning", "uncertain", 0.0, 5, 0)
    rated("learning", "top", 0.0, 5, 0)
    rated("random", "", 0.0, 5, 0, least_score=3.0)
    rated("oldest", "", 0.0, 5, 0)
    first, second = drift.agreement(project, scorer, 3.0)
    assert (first.n, first.mae, first.bias) == (2, 0.5, 0.5)
    assert (second.n, second.mae, second.bias) == (1, 3.0, -3.0)


def test_the_gain_is_told_per_hundred_labels(scorer: Scorer) -> None:
    scorer.figures = {
        "learning_curve": [
            {"labels": 20, "spearman": None},
            {"labels": 50, "spearman": 0.25},
            {"labels": 100, "spearman": 0.5},
            {"labels": 300, "spearman": 0.75},
        ]
    }
    assert drift.gain(scorer) == [
        drift.Gain(50, 0.25, None),
        drift.Gain(100, 0.5, 0.5),
        drift.Gain(300, 0.75, 0.125),
    ]
    assert drift.gain(scorer, "auc") == []
