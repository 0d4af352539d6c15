"""What is approved: every row has one reason or none, and the same query counts, shows and freezes."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from django.utils import timezone

from curation.models import (
    Decision,
    Document,
    Extraction,
    Occurrence,
    Passage,
    Project,
    Sample,
    Score,
    Seed,
    Snapshot,
    SnapshotRow,
    TextVersion,
)
from curation.models.approved import DEFINITIONS, Approved, Counts, rubric_levels
from curation.recipe.export.filters import FilterError
from curation.recipe.reasons import REASONS
from tests import factories as make

pytestmark = pytest.mark.django_db

TABLES: dict[str, Any] = {"documents": Document, "passages": Passage, "seeds": Seed, "samples": Sample}


@pytest.fixture
def project() -> Project:
    return make.a_project("levers")


def counted(project: Project, what: str, **filters: Any) -> Counts:
    """Counts, checked: approved and left out are everything, and every reason is in the table."""
    counts = Approved(project, what, filters).counts()
    total = TABLES[what].objects.filter(project=project).count()
    assert counts.rows + sum(counts.left_out.values()) == total
    assert set(counts.left_out) <= set(REASONS)
    assert sum(counts.licences.values()) == counts.rows
    return counts


def left_out(project: Project, what: str, **filters: Any) -> dict[str, int]:
    return dict(counted(project, what, **filters).left_out)


@pytest.mark.parametrize("what", DEFINITIONS)
def test_an_empty_project_has_nothing_approved(what: str, project: Project) -> None:
    assert Approved(project, what).counts() == Counts()
    assert Approved(project, what).first() == []


# Documents


def test_a_document_is_approved_once_every_step_has_kept_it(project: Project) -> None:
    scorer = make.an_active_scorer(project, "educational", "document")
    done = make.a_kept_document(project)
    Score.objects.create(scorer=scorer, document=done, value=4)
    make.a_kept_document(project)  # not scored
    make.a_document(project)  # not assessed
    make.a_document(project, extracted=False)
    make.a_kept_document(project, left_out="too_short")
    counts = counted(project, "documents")
    assert (counts.rows, dict(counts.left_out)) == (1, {"not_processed": 3, "too_short": 1})


def test_a_document_falls_with_its_last_place_and_not_before(project: Project) -> None:
    kept, archived, withdrawn = (make.a_source(project, licence=name) for name in ("MIT", "GPL", "CC0"))
    for name in ("one", "two", "three"):
        make.a_kept_document(project, name, source={"one": archived, "two": withdrawn, "three": kept}[name])
    both = make.a_kept_document(project, "four", source=archived)
    place = both.occurrences.get()
    Occurrence.objects.create(
        document=both, source=kept, batch=make.an_import(kept), stored_file=place.stored_file
    )
    archived.archived_at = withdrawn.withdrawn_at = timezone.now()
    archived.save()
    withdrawn.save()
    counts = counted(project, "documents")
    assert dict(counts.left_out) == {"source_archived": 1, "withdrawn": 1}
    assert dict(counts.licences) == {"MIT": 2}


def test_the_licence_is_that_of_the_place_else_of_the_source(project: Project) -> None:
    source = make.a_source(project, licence="CC-BY-4.0")
    make.a_kept_document(project, source=source)
    make.a_kept_document(project, source=source).occurrences.update(licence="MIT")
    make.a_kept_document(project, source=make.a_source(project))
    assert dict(counted(project, "documents").licences) == {"CC-BY-4.0": 1, "MIT": 1, "": 1}


# Passages


def test_a_passage_goes_with_its_document_and_its_extraction(project: Project) -> None:
    make.a_kept_passage(project)
    make.a_kept_passage(project, left_out="near_duplicate")
    make.a_kept_passage(project, document=make.a_kept_document(project, left_out="low_educational"))
    make.a_kept_passage(project, document=make.a_document(project))
    old = make.a_kept_passage(project)
    newer = Extraction.objects.create(
        document=old.document, extractor="text/2", text="new", text_sha256="n", characters=3
    )
    Document.objects.filter(pk=old.document_id).update(extraction=newer)
    counts = counted(project, "passages")
    assert counts.rows == 1
    assert dict(counts.left_out) == {
        "near_duplicate": 1,
        "document_left_out": 1,
        "not_processed": 1,
        "superseded": 1,
    }


def test_a_passage_waits_for_its_scores(project: Project) -> None:
    factual, reasoning = (
        make.an_active_scorer(project, "factual", "passage"),
        make.an_active_scorer(project, "reasoning", "passage"),
    )
    half, whole = make.a_kept_passage(project), make.a_kept_passage(project)
    for scorer, passage in ((factual, half), (factual, whole), (reasoning, whole)):
        Score.objects.create(scorer=scorer, passage=passage, value=3)
    counts = counted(project, "passages")
    assert (counts.rows, dict(counts.left_out)) == (1, {"not_processed": 1})


def test_what_people_rejected_as_a_seed_is_no_passage_either_unless_the_project_says_so(
    project: Project,
) -> None:
    for verdicts in (["reject"], ["accept", "reject"], ["accept"]):
        make.decided(make.a_seed(project, passage=make.a_kept_passage(project)), *verdicts)
    make.decided(make.a_seed(project, passage=make.a_kept_passage(project)), "reject", wanted=2)
    make.decided(make.a_seed(project, passage=make.a_kept_passage(project)), "flag", wanted=1)
    make.decided(make.a_kept_passage(project), "rate")
    counts = counted(project, "passages")
    assert counts.rows == 2
    assert dict(counts.left_out) == {"rejected": 1, "disputed": 1, "not_reviewed": 1, "flagged": 1}
    project.knobs = {"leave_out_rejected": 0}
    assert counted(project, "passages").rows == 6


# Seeds and samples


def test_seeds_and_samples_are_approved_by_people(project: Project) -> None:
    make.decided(make.a_seed(project, passage=make.a_kept_passage(project)), "accept")
    make.decided(make.a_seed(project, passage=make.a_kept_passage(project)), "reject")
    make.decided(make.a_seed(project, passage=make.a_kept_passage(project)), "accept", "reject")
    make.decided(make.a_seed(project, passage=make.a_kept_passage(project)), "flag", wanted=1)
    make.a_seed(project, passage=make.a_kept_passage(project))
    for verdicts in (["accept"], ["reject"], ["accept", "reject"]):
        make.decided(make.a_sample(project), *verdicts)
    make.a_sample(project)
    seeds, samples = counted(project, "seeds"), counted(project, "samples")
    assert seeds.rows == samples.rows == 1
    assert dict(seeds.left_out) == {"rejected": 1, "disputed": 1, "flagged": 1, "not_reviewed": 1}
    assert dict(samples.left_out) == {"rejected": 1, "disputed": 1, "not_reviewed": 1}


def test_what_was_withdrawn_takes_its_seeds_and_samples_with_it(project: Project) -> None:
    passage = make.a_kept_passage(project)
    seed = make.a_seed(project, passage=passage)
    generated = make.a_source(project, kind="synthetic")
    for subject in (
        seed,
        make.a_sample(project, seed=seed, source=generated),
        make.a_sample(project, source=generated),
    ):
        make.decided(subject, "accept")
    Document.objects.filter(pk=passage.document_id).update(withdrawn_at=timezone.now())
    assert left_out(project, "seeds") == {"withdrawn": 1}
    assert left_out(project, "samples") == {"withdrawn": 1}
    generated.archived_at = timezone.now()
    generated.save()
    assert left_out(project, "samples") == {"source_archived": 2}


def test_a_question_is_a_seed_without_a_place(project: Project) -> None:
    question = Seed.objects.create(project=project, text="Why is the sky blue?", text_sha256="q")
    make.decided(question, "accept")
    assert counted(project, "seeds").rows == 1
    assert left_out(project, "seeds", kind=["web"]) == {"filtered": 1}
    row = Approved(project, "seeds").first()[0]
    assert (row["kind"], row["document"], row["text"]) == ("question", None, "Why is the sky blue?")


# Filters


def test_filters_are_counted_as_a_reason(project: Project) -> None:
    scorer = make.an_active_scorer(project, "educational", "document")
    web, book = make.a_source(project, "Web", licence="MIT"), make.a_source(project, "Book", kind="book")
    for value, source, language in ((1, web, "en"), (3, web, "de"), (5, book, "en")):
        page = make.a_kept_document(project, source=source)
        Document.objects.filter(pk=page.pk).update(language=language)
        Score.objects.create(scorer=scorer, document=page, value=value)
    asked: list[tuple[dict[str, Any], int]] = [
        ({"language": ["en"]}, 2),
        ({"language": ["en", "de"]}, 3),
        ({"licence": ["MIT"]}, 2),
        ({"licence": ["none"]}, 1),
        ({"source": ["Web"]}, 2),
        ({"source": [str(book.uuid)]}, 1),
        ({"kind": ["book"]}, 1),
        ({"min_educational": 3.0}, 2),
        ({"min_educational": 2.0, "max_educational": 4.0}, 1),
        ({"since": "2020-01-01"}, 3),
        ({"since": "2999-01-01"}, 0),
        ({"language": ["en"], "kind": ["book"]}, 1),
    ]
    for filters, rows in asked:
        counts = counted(project, "documents", **filters)
        assert (filters, counts.rows) == (filters, rows)
        assert counts.left_out["filtered"] == 3 - rows


def test_a_document_of_several_sources_is_exported_from_the_one_that_was_asked_for(project: Project) -> None:
    first, second = (
        make.a_source(project, "First", licence="GPL-3.0"),
        make.a_source(project, "Second", licence="MIT"),
    )
    page = make.a_kept_document(project, source=first)
    place = page.occurrences.get()
    Occurrence.objects.create(
        document=page, source=second, batch=make.an_import(second), stored_file=place.stored_file, address="b"
    )
    assert Approved(project, "documents").first()[0]["source_name"] == "First"
    row = Approved(project, "documents", {"licence": ["MIT"]}).first()[0]
    assert (row["source_name"], row["licence"], row["address"]) == ("Second", "MIT", "b")
    assert len(row["occurrences"]) == 2


def test_a_sample_is_filtered_by_its_own_source_and_maker(project: Project) -> None:
    generated = make.a_source(project, "Runs", kind="synthetic", licence="MIT")
    for model in ("phi-4", "other"):
        make.decided(make.a_sample(project, source=generated, model=model), "accept")
    assert counted(project, "samples", model=["phi-4"]).rows == 1
    assert counted(project, "samples", kind=["synthetic"], licence=["MIT"]).rows == 2
    assert counted(project, "samples", kind=["web"]).rows == 0


def test_a_score_that_a_kind_does_not_have_is_refused(project: Project) -> None:
    make.an_active_scorer(project, "educational", "document")
    make.an_active_scorer(project, "factual", "passage")
    assert list(rubric_levels(project, "documents")) == ["educational"]
    assert list(rubric_levels(project, "passages")) == ["educational", "factual"]
    with pytest.raises(FilterError, match="Documents have no score `factual`; they have educational"):
        Approved(project, "documents", {"min_factual": 1.0})


def test_scores_narrow_passages_by_their_own_and_their_documents(project: Project) -> None:
    educational, factual = (
        make.an_active_scorer(project, "educational", "document"),
        make.an_active_scorer(project, "factual", "passage"),
    )
    for page_value, value in ((4, 1), (4, 4), (1, 4)):
        passage = make.a_kept_passage(project)
        Score.objects.create(scorer=educational, document=passage.document, value=page_value)
        Score.objects.create(scorer=factual, passage=passage, value=value)
    assert counted(project, "passages", min_factual=3.0).rows == 2
    assert counted(project, "passages", min_factual=3.0, min_educational=3.0).rows == 1
    row = Approved(project, "passages").first()[0]
    assert [mark["rubric"] for mark in row["page_scores"]] == ["educational"]
    assert [mark["rubric"] for mark in row["scores"]] == ["factual"]


# Freezing


def a_snapshot(project: Project, what: str) -> Snapshot:
    return Snapshot.objects.create(project=project, what=what, format="jsonl")


@pytest.mark.parametrize("what", DEFINITIONS)
def test_what_is_counted_is_what_is_frozen_in_the_order_shown(what: str, project: Project) -> None:
    for _ in range(3):
        seed = make.a_seed(project, passage=make.a_kept_passage(project))
        make.decided(seed, "accept")
        make.decided(make.a_sample(project, seed=seed), "accept")
    make.a_kept_document(project, left_out="corrupted")
    make.a_seed(project, passage=make.a_kept_passage(project, left_out="low_scores"))
    approved = Approved(project, what)
    before = approved.counts()
    snapshot = a_snapshot(project, what)
    assert approved.freeze(snapshot) == before
    rows = SnapshotRow.objects.filter(snapshot=snapshot).order_by("ordinal")
    assert [row.ordinal for row in rows] == list(range(before.rows))
    assert [row.subject_uuid for row in rows] == [row["uuid"] for row in approved.first(99)]
    assert Counter(json.loads(row.facts)["licence"] or "" for row in rows) == before.licences


def test_an_edited_text_is_exported_as_edited_and_says_so(project: Project) -> None:
    seed = make.a_seed(project, passage=make.a_kept_passage(project, "Teh lever."))
    make.decided(seed, "accept", text="The lever.")
    for what in ("seeds", "passages"):
        row = Approved(project, what).first()[0]
        assert (row["text"], row["edited"], row["decisions"]) == ("The lever.", True, 1)
        snapshot = a_snapshot(project, what)
        Approved(project, what).freeze(snapshot)
        frozen = snapshot.frozen_rows.get()
        assert frozen.text_version_id == TextVersion.objects.get().pk
        assert frozen.content_sha256 == make.sha256("The lever.")
        assert json.loads(frozen.facts)["original_sha256"] == make.sha256("Teh lever.")


def test_nothing_of_another_project_is_counted(project: Project) -> None:
    other = make.a_project("other")
    make.decided(make.a_seed(other, passage=make.a_kept_passage(other)), "accept")
    make.decided(make.a_sample(other), "accept")
    for what in DEFINITIONS:
        assert counted(project, what).rows == 0
        assert counted(other, what).rows == 1


def test_no_row_names_a_person(project: Project) -> None:
    seed = make.a_seed(project, passage=make.a_kept_passage(project))
    make.decided(seed, "accept")
    make.decided(make.a_sample(project, seed=seed), "accept")
    people = {str(decision.user) for decision in Decision.objects.all()}
    for what in DEFINITIONS:
        assert not any(person in str(Approved(project, what).first()) for person in people)
