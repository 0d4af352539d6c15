"""What is approved: every row has one reason or none, and the same query counts, shows and freezes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.utils import timezone

from curation.actions import review
from curation.actions.review import Answer
from curation.models import (
    ActiveScorer,
    Decision,
    Document,
    Extraction,
    Item,
    Occurrence,
    Passage,
    Project,
    Rubric,
    Sample,
    Score,
    Scorer,
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


def scoring(project: Project, key: str, level: str) -> Scorer:
    """The starter scorer of a rubric, active in the project."""
    rubric, _ = Rubric.objects.get_or_create(
        project=None, key=key, defaults={"name": key, "level": level, "question": "?"}
    )
    scorer, _ = Scorer.objects.get_or_create(rubric=rubric, name="starter", version="1")
    ActiveScorer.objects.get_or_create(project=project, rubric=rubric, defaults={"scorer": scorer})
    return scorer


def a_page(project: Project, text: str = "", **fields: Any) -> Document:
    """A document that went through every step and was kept."""
    return make.a_document(project, text, **{"assessed_at": timezone.now(), **fields})


def a_span(project: Project, text: str = "", **fields: Any) -> Passage:
    document = fields.pop("document", None) or a_page(project, text)
    return make.a_passage(project, text, document=document, **fields)


def decided(subject: Any, *verdicts: str, wanted: int | None = None) -> Item:
    """An item about the subject with these decisions, each by another person."""
    kind = {Seed: "seeds", Sample: "samples", Passage: "scores"}[type(subject)]
    queue = make.a_queue(subject.project, kind, wanted=wanted or len(verdicts))
    item = make.an_item(queue, subject)
    for verdict in verdicts:
        user = make.a_user()
        claim = review.claim(queue, user)
        assert claim is not None
        reason = "other" if verdict == "reject" else ""
        ratings = {"factual": 3, "reasoning": 3} if verdict == "rate" else {}
        answer = Answer(verdict, reason=reason, note="so", ratings=ratings)
        if verdict == "flag":
            review.flag(user, item, claim.lease)
        else:
            review.decide(user, item, claim.lease, answer)
    item.refresh_from_db()
    return item


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
    scorer = scoring(project, "educational", "document")
    done = a_page(project)
    Score.objects.create(scorer=scorer, document=done, value=4)
    a_page(project)  # not scored
    make.a_document(project)  # not assessed
    make.a_document(project, extracted=False)
    a_page(project, left_out="too_short")
    counts = counted(project, "documents")
    assert (counts.rows, dict(counts.left_out)) == (1, {"not_processed": 3, "too_short": 1})


def test_a_document_falls_with_its_last_place_and_not_before(project: Project) -> None:
    kept, archived, withdrawn = (make.a_source(project, licence=name) for name in ("MIT", "GPL", "CC0"))
    for name in ("one", "two", "three"):
        a_page(project, name, source={"one": archived, "two": withdrawn, "three": kept}[name])
    both = a_page(project, "four", source=archived)
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
    a_page(project, source=source)
    a_page(project, source=source).occurrences.update(licence="MIT")
    a_page(project, source=make.a_source(project))
    assert dict(counted(project, "documents").licences) == {"CC-BY-4.0": 1, "MIT": 1, "": 1}


# Passages


def test_a_passage_goes_with_its_document_and_its_extraction(project: Project) -> None:
    a_span(project)
    a_span(project, left_out="near_duplicate")
    a_span(project, document=a_page(project, left_out="low_educational"))
    a_span(project, document=make.a_document(project))
    old = a_span(project)
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
    factual, reasoning = scoring(project, "factual", "passage"), scoring(project, "reasoning", "passage")
    half, whole = a_span(project), a_span(project)
    for scorer, passage in ((factual, half), (factual, whole), (reasoning, whole)):
        Score.objects.create(scorer=scorer, passage=passage, value=3)
    counts = counted(project, "passages")
    assert (counts.rows, dict(counts.left_out)) == (1, {"not_processed": 1})


def test_what_people_rejected_as_a_seed_is_no_passage_either_unless_the_project_says_so(
    project: Project,
) -> None:
    for verdicts in (["reject"], ["accept", "reject"], ["accept"]):
        decided(make.a_seed(project, passage=a_span(project)), *verdicts)
    decided(make.a_seed(project, passage=a_span(project)), "reject", wanted=2)
    decided(make.a_seed(project, passage=a_span(project)), "flag", wanted=1)
    decided(a_span(project), "rate")
    counts = counted(project, "passages")
    assert counts.rows == 2
    assert dict(counts.left_out) == {"rejected": 1, "disputed": 1, "not_reviewed": 1, "flagged": 1}
    project.knobs = {"leave_out_rejected": 0}
    assert counted(project, "passages").rows == 6


# Seeds and samples


def test_seeds_and_samples_are_approved_by_people(project: Project) -> None:
    decided(make.a_seed(project, passage=a_span(project)), "accept")
    decided(make.a_seed(project, passage=a_span(project)), "reject")
    decided(make.a_seed(project, passage=a_span(project)), "accept", "reject")
    decided(make.a_seed(project, passage=a_span(project)), "flag", wanted=1)
    make.a_seed(project, passage=a_span(project))
    for verdicts in (["accept"], ["reject"], ["accept", "reject"]):
        decided(make.a_sample(project), *verdicts)
    make.a_sample(project)
    seeds, samples = counted(project, "seeds"), counted(project, "samples")
    assert seeds.rows == samples.rows == 1
    assert dict(seeds.left_out) == {"rejected": 1, "disputed": 1, "flagged": 1, "not_reviewed": 1}
    assert dict(samples.left_out) == {"rejected": 1, "disputed": 1, "not_reviewed": 1}


def test_what_was_withdrawn_takes_its_seeds_and_samples_with_it(project: Project) -> None:
    passage = a_span(project)
    seed = make.a_seed(project, passage=passage)
    generated = make.a_source(project, kind="synthetic")
    for subject in (
        seed,
        make.a_sample(project, seed=seed, source=generated),
        make.a_sample(project, source=generated),
    ):
        decided(subject, "accept")
    Document.objects.filter(pk=passage.document_id).update(withdrawn_at=timezone.now())
    assert left_out(project, "seeds") == {"withdrawn": 1}
    assert left_out(project, "samples") == {"withdrawn": 1}
    generated.archived_at = timezone.now()
    generated.save()
    assert left_out(project, "samples") == {"source_archived": 2}


def test_a_question_is_a_seed_without_a_place(project: Project) -> None:
    question = Seed.objects.create(project=project, text="Why is the sky blue?", text_sha256="q")
    decided(question, "accept")
    assert counted(project, "seeds").rows == 1
    assert left_out(project, "seeds", kind=["web"]) == {"filtered": 1}
    row = Approved(project, "seeds").first()[0]
    assert (row["kind"], row["document"], row["text"]) == ("question", None, "Why is the sky blue?")


# Filters


def test_filters_are_counted_as_a_reason(project: Project) -> None:
    scorer = scoring(project, "educational", "document")
    web, book = make.a_source(project, "Web", licence="MIT"), make.a_source(project, "Book", kind="book")
    for value, source, language in ((1, web, "en"), (3, web, "de"), (5, book, "en")):
        page = a_page(project, source=source)
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
    page = a_page(project, source=first)
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
        decided(make.a_sample(project, source=generated, model=model), "accept")
    assert counted(project, "samples", model=["phi-4"]).rows == 1
    assert counted(project, "samples", kind=["synthetic"], licence=["MIT"]).rows == 2
    assert counted(project, "samples", kind=["web"]).rows == 0


def test_a_score_that_a_kind_does_not_have_is_refused(project: Project) -> None:
    scoring(project, "educational", "document")
    scoring(project, "factual", "passage")
    assert list(rubric_levels(project, "documents")) == ["educational"]
    assert list(rubric_levels(project, "passages")) == ["educational", "factual"]
    with pytest.raises(FilterError, match="Documents have no score `factual`; they have educational"):
        Approved(project, "documents", {"min_factual": 1.0})


def test_scores_narrow_passages_by_their_own_and_their_documents(project: Project) -> None:
    educational, factual = scoring(project, "educational", "document"), scoring(project, "factual", "passage")
    for page_value, value in ((4, 1), (4, 4), (1, 4)):
        passage = a_span(project)
        Score.objects.create(scorer=educational, document=passage.document, value=page_value)
        Score.objects.create(scorer=factual, passage=passage, value=value)
    assert counted(project, "passages", min_factual=3.0).rows == 2
    assert counted(project, "passages", min_factual=3.0, min_educational=3.0).rows == 1
    assert [mark["rubric"] for mark in Approved(project, "passages").first()[0]["scores"]] == [
        "educational",
        "factual",
    ]


# Freezing


def a_snapshot(project: Project, what: str) -> Snapshot:
    return Snapshot.objects.create(project=project, what=what, format="jsonl")


@pytest.mark.parametrize("what", DEFINITIONS)
def test_what_is_counted_is_what_is_frozen_in_the_order_shown(what: str, project: Project) -> None:
    for _ in range(3):
        seed = make.a_seed(project, passage=a_span(project))
        decided(seed, "accept")
        decided(make.a_sample(project, seed=seed), "accept")
    a_page(project, left_out="corrupted")
    make.a_seed(project, passage=a_span(project, left_out="low_scores"))
    approved = Approved(project, what)
    before = approved.counts()
    snapshot = a_snapshot(project, what)
    assert approved.freeze(snapshot) == before
    rows = SnapshotRow.objects.filter(snapshot=snapshot).order_by("ordinal")
    assert [row.ordinal for row in rows] == list(range(before.rows))
    assert [row.subject_uuid for row in rows] == [row["uuid"] for row in approved.first(99)]
    assert Counter(row.facts["licence"] or "" for row in rows) == before.licences


def test_an_edited_text_is_exported_as_edited_and_says_so(project: Project) -> None:
    seed = make.a_seed(project, passage=a_span(project, "Teh lever."))
    queue = make.a_queue(project)
    item = make.an_item(queue, seed)
    user = make.a_user()
    claim = review.claim(queue, user)
    assert claim is not None
    review.decide(user, item, claim.lease, Answer("accept", text="The lever."))
    for what in ("seeds", "passages"):
        row = Approved(project, what).first()[0]
        assert (row["text"], row["edited"], row["decisions"]) == ("The lever.", True, 1)
        snapshot = a_snapshot(project, what)
        Approved(project, what).freeze(snapshot)
        frozen = snapshot.frozen_rows.get()
        assert frozen.text_version_id == TextVersion.objects.get().pk
        assert frozen.content_sha256 == make.sha256("The lever.")
        assert frozen.facts["original_sha256"] == make.sha256("Teh lever.")


def test_nothing_of_another_project_is_counted(project: Project) -> None:
    other = make.a_project("other")
    decided(make.a_seed(other, passage=a_span(other)), "accept")
    decided(make.a_sample(other), "accept")
    for what in DEFINITIONS:
        assert counted(project, what).rows == 0
        assert counted(other, what).rows == 1


def test_no_row_names_a_person(project: Project) -> None:
    seed = make.a_seed(project, passage=a_span(project))
    decided(seed, "accept")
    decided(make.a_sample(project, seed=seed), "accept")
    people = {str(decision.user) for decision in Decision.objects.all()}
    for what in DEFINITIONS:
        assert not any(person in str(Approved(project, what).first()) for person in people)
