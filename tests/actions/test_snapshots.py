"""Making an export: what is refused and why, what is written down, and that the count shown is the count frozen."""

from __future__ import annotations

import pytest

from curation.actions.snapshots import (
    CountChanged,
    ExportError,
    NothingToExport,
    create_snapshot,
    preview,
    read_filters,
)
from curation.models import Activity, Job, Project, Score, Snapshot, SnapshotRow
from curation.recipe.export.filters import FilterError
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make.a_project("levers")


def test_the_count_shown_before_is_the_count_frozen(project: Project) -> None:
    for _ in range(4):
        make.a_kept_passage(project)
    make.a_kept_passage(project, left_out="low_scores")
    counts, rows = preview(project, "passages", {}, most=2)
    snapshot = create_snapshot(project, "passages", "jsonl", {}, None, expected=counts.rows)
    assert counts.rows == snapshot.rows == snapshot.frozen_rows.count() == 4
    assert len(rows) == 2
    assert snapshot.left_out == {"low_scores": 1}
    assert snapshot.licences == {"": 4}
    assert snapshot.job is not None
    assert (snapshot.job.kind, snapshot.job.state) == ("snapshot", "waiting")


def test_what_has_changed_since_the_count_was_shown_is_not_exported_silently(project: Project) -> None:
    make.a_kept_document(project)
    with pytest.raises(CountChanged, match="5 rows were shown, and 1 are approved now") as caught:
        create_snapshot(project, "documents", "jsonl", {}, None, expected=5)
    assert caught.value.rows == 1
    assert not Snapshot.objects.exists()
    assert not SnapshotRow.objects.exists()
    assert not Job.objects.exists()


def test_nothing_approved_is_loud_and_leaves_nothing_behind(project: Project) -> None:
    make.a_seed(project, passage=make.a_kept_passage(project))
    make.decided(make.a_seed(project, passage=make.a_kept_passage(project)), "reject")
    with pytest.raises(NothingToExport) as caught:
        create_snapshot(project, "seeds", "jsonl", {}, None)
    assert str(caught.value) == (
        "None of the 2 seeds is approved: not reviewed 1, rejected 1. Review seeds in their queue."
    )
    assert caught.value.left_out == {"not_reviewed": 1, "rejected": 1}
    assert not Snapshot.objects.exists()


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("documents", "has no documents yet. Import material"),
        ("seeds", "has no seeds yet. Run the background steps"),
        ("samples", "has no samples yet. Import samples"),
    ],
)
def test_an_empty_project_says_where_to_begin(project: Project, what: str, said: str) -> None:
    with pytest.raises(NothingToExport, match=said):
        create_snapshot(project, what, "jsonl", {}, None)


def test_a_filter_that_lets_nothing_through_says_so(project: Project) -> None:
    make.a_kept_document(project)
    with pytest.raises(NothingToExport, match=r"filtered 1\. Ask for less in the filters"):
        create_snapshot(project, "documents", "jsonl", {"language": "fi"}, None)


@pytest.mark.parametrize(("what", "form"), [("pages", "jsonl"), ("documents", "csv")])
def test_an_unknown_kind_or_format_is_refused_by_name(project: Project, what: str, form: str) -> None:
    with pytest.raises(ExportError, match="choose"):
        create_snapshot(project, what, form, {}, None)


def test_filters_are_kept_as_they_were_read(project: Project) -> None:
    Score.objects.create(
        scorer=make.an_active_scorer(project), document=make.a_kept_document(project), value=4
    )
    given = {"language": "en, de", "min_educational": "3", "licence": " "}
    snapshot = create_snapshot(project, "documents", "jsonl", given, None)
    assert snapshot.filters == {"language": ["de", "en"], "min_educational": 3.0}
    with pytest.raises(FilterError, match="Documents have no filter `min_factual`"):
        read_filters(project, "documents", {"min_factual": "3"})


def test_a_snapshot_names_what_it_was_made_with(project: Project) -> None:
    project.knobs = {"min_reasoning": 1.5}
    project.save()
    scorer = make.an_active_scorer(project)
    Score.objects.create(scorer=scorer, document=make.a_kept_document(project), value=4)
    versions = create_snapshot(project, "documents", "jsonl", {}, None).versions
    assert versions["scorers"] == {"educational": "starter-1"}
    assert versions["extractors"] == {"text/1": 1}
    assert versions["thresholds"]["min_reasoning"] == 1.5


def test_samples_name_the_models_and_prompts_of_their_chains(project: Project) -> None:
    sample = make.a_sample(project, model="phi-4", workflow="self-revision")
    sample.steps.create(ordinal=0, kind="draft", prompt_version="solve/1", output="4")
    sample.verdicts.create(ordinal=0, kind="judge", judge="judge/2", outcome="passed")
    make.decided(sample, "accept")
    versions = create_snapshot(project, "samples", "jsonl", {}, None).versions
    assert versions["models"] == {"phi-4": 1}
    assert versions["workflows"] == {"self-revision": 1}
    assert versions["prompts"] == {"solve/1": 1}
    assert versions["judges"] == {"judge/2": 1}


def test_an_export_is_in_the_activity_log(project: Project) -> None:
    make.a_kept_document(project)
    user = make.a_member(project, "manager")
    create_snapshot(project, "documents", "parquet", {}, user)
    entry = Activity.objects.get(verb="made an export")
    assert (entry.actor, entry.subject) == (user, "1 documents")
