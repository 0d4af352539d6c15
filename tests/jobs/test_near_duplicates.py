"""Near duplicates as a job: new material against old, rulings that hold, wording as well as vectors."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from curation.actions import clustering, duplicates, thresholds
from curation.actions.judging import judge_passages
from curation.jobs import run
from curation.jobs.kinds import KINDS, near_duplicates
from curation.models import (
    ClusterMember,
    Comparison,
    Document,
    Embedding,
    EmbeddingModel,
    Job,
    LexicalBand,
    Passage,
)
from curation.recipe.dedup import closeness
from tests import factories as make
from tests import labelling

pytestmark = pytest.mark.django_db

WIDTH = 8
SUBJECTS = ("ice on lakes", "the price of rye", "a comet's tail", "the guilds of Ghent", "salt in bread")


@pytest.fixture
def project():
    return make.a_project("pages")


@pytest.fixture
def model():
    return EmbeddingModel.objects.create(key="test", name="test", revision="1", dimensions=WIDTH)


def said(number: int) -> str:
    return (
        f"Somebody wrote at some length about {SUBJECTS[number % len(SUBJECTS)]} and added remark {'x' * (number + 1)} "
        "so that nobody could say that it had been overlooked in the end."
    )


def a_compared_passage(project, model, text, vector, **fields):
    vector = np.asarray(vector, dtype=np.float32)
    passage = make.a_kept_passage(project, text, **fields)
    Embedding.objects.keep(model, {passage.text_sha256: vector / np.linalg.norm(vector)})
    return passage


def at(degrees):
    return [np.cos(np.radians(degrees)), np.sin(np.radians(degrees)), *[0] * (WIDTH - 2)]


def found(project, model, **options):
    """Run the job; the clusters as {representative's text: its members' texts}."""
    job = Job.objects.create(project=project, kind="near_duplicates", options={"model": model.pk, **options})
    job = run.drain(job)
    assert job.state == Job.State.DONE, job.reason
    clusters = {}
    rows = ClusterMember.objects.filter(cluster__project=project).order_by("passage__text")
    for kept, member in rows.values_list("cluster__representative__text", "passage__text"):
        clusters.setdefault(kept, []).append(member)
    return clusters


def texts_left_out(project):
    return set(
        Passage.objects.filter(project=project, left_out="near_duplicate").values_list("text", flat=True)
    )


def test_close_passages_form_a_cluster_and_the_rest_is_left_out(project, model):
    longer = a_compared_passage(project, model, said(1) + " Twice, in fact, and a third time later.", at(0))
    a_compared_passage(project, model, said(1), at(10))
    a_compared_passage(project, model, said(2), at(80))
    assert found(project, model) == {longer.text: [said(1), longer.text]}
    assert texts_left_out(project) == {said(1)}


def test_material_that_comes_bit_by_bit_gives_the_same_clusters_as_all_at_once(model):
    drawn = random.Random(3)
    material = [(said(number), at(drawn.uniform(0, 90))) for number in range(60)]
    at_once, bit_by_bit = make.a_project("once"), make.a_project("daily")
    for text, vector in material:
        a_compared_passage(at_once, model, text, vector)
    whole = found(at_once, model)
    for start in range(0, len(material), 13):
        for text, vector in material[start : start + 13]:
            a_compared_passage(bit_by_bit, model, text, vector)
        last = found(bit_by_bit, model)
    assert last == whole
    assert len(whole) > 1


def test_what_was_compared_is_never_compared_again(project, model, monkeypatch):
    asked = []
    measure = closeness.neighbours

    def neighbours(vectors, known, *rest, **more):
        asked.append((known, len(vectors) - known))
        return measure(vectors, known, *rest, **more)

    for number in range(4):
        a_compared_passage(project, model, said(number), at(number))
    monkeypatch.setattr(closeness, "neighbours", neighbours)
    before = found(project, model)
    assert found(project, model) == before
    newcomer = a_compared_passage(project, model, said(9), at(9))
    found(project, model)
    assert asked == [(0, 4), (4, 1)]
    assert len(Comparison.objects.get(passage=newcomer).others) == 4


def test_a_passage_that_was_left_out_when_others_came_has_been_compared_with_them_when_it_returns(
    project, model
):
    old = a_compared_passage(project, model, said(0), at(0))
    found(project, model)
    Document.objects.filter(pk=old.document_id).update(left_out="low_educational")
    new = a_compared_passage(project, model, said(1), at(5))
    assert found(project, model) == {}
    Document.objects.filter(pk=old.document_id).update(left_out="")
    judge_passages(project)
    assert found(project, model) == {new.text: [old.text, new.text]}


def test_another_threshold_compares_nothing_down_to_the_floor_and_everything_below(project, model):
    for number in (0, 1):
        a_compared_passage(project, model, said(number), at(25 * number))
    assert found(project, model) == {}
    project.knobs = {"near_duplicate_cosine": 0.9}
    project.save()
    assert len(found(project, model)) == 1
    assert Job.objects.latest("pk").chunks.count() == 0
    project.knobs = {"near_duplicate_cosine": 0.8}
    project.save()
    found(project, model)
    assert Job.objects.latest("pk").chunks.count() == 1
    assert set(Comparison.objects.values_list("floor", flat=True)) == {0.8}


@pytest.mark.parametrize("cosine", [0.86, 0.9, 0.98, 1.0])
def test_what_another_threshold_would_do_is_what_it_does(project, model, cosine):
    for number, degrees in enumerate((0, 10, 14, 24, 80, 106, 150)):
        a_compared_passage(project, model, said(number), at(degrees))
    labelling.embedded(project, model)
    found(project, model)
    before = texts_left_out(project)
    foretold = thresholds.effect(project, {"near_duplicate_cosine": cosine})
    change = thresholds.apply(project, {"near_duplicate_cosine": cosine}, None)
    assert run.drain(change.job).state == Job.State.DONE
    after = texts_left_out(project)
    assert after != before
    assert (foretold.passages.lost, foretold.passages.won) == (len(after - before), len(before - after))
    assert not any("compared anew" in note for note in foretold.notes)


def test_what_lies_below_the_floor_is_not_foretold(project, model):
    a_compared_passage(project, model, said(0), at(0))
    labelling.embedded(project, model)
    found(project, model)
    (note,) = thresholds.effect(project, {"near_duplicate_cosine": 0.8}).notes
    assert "compared anew" in note


def test_texts_with_the_same_wording_are_found_though_their_vectors_differ(project, model):
    wording = "月はいつも同じ面を地球に向けている。これは月の自転の周期と公転の周期がどちらも等しいからである。かつて月はもっと速く自転していた。"
    first = a_compared_passage(project, model, wording + "これで終わり。", at(0))
    second = a_compared_passage(project, model, wording, at(85))
    assert found(project, model) == {first.text: [second.text, first.text]}
    assert ClusterMember.objects.get(passage=second).jaccard > 0.8
    assert LexicalBand.objects.filter(passage=second).count() == 14
    third = a_compared_passage(project, model, wording + "おわり。", at(45))
    assert found(project, model) == {first.text: sorted([first.text, second.text, third.text])}


def test_not_duplicates_is_remembered_also_when_the_texts_come_again(project, model):
    person = make.a_member(project, "manager")
    left, right = (a_compared_passage(project, model, said(n), at(n)) for n in (0, 1))
    assert len(found(project, model)) == 1
    batch = duplicates.not_duplicates(project.clusters.get(), person)
    assert found(project, model) == {}
    for passage in (left, right):
        passage.document.delete()
    for number in (0, 1):
        a_compared_passage(project, model, said(number), at(number))
    assert found(project, model) == {}
    assert duplicates.take_back(project, batch, person) == 1
    assert duplicates.take_back(project, batch, person) == 0
    assert len(found(project, model)) == 1


def test_two_that_were_ruled_different_never_meet_by_way_of_a_third(project, model):
    person = make.a_member(project, "manager")
    left, right = (a_compared_passage(project, model, said(n), at(20 * n)) for n in (0, 1))
    assert len(found(project, model)) == 1
    duplicates.not_duplicates(project.clusters.get(), person)
    between = a_compared_passage(project, model, said(5) + " It was said again, and then once more.", at(10))
    clusters = found(project, model)
    assert [left.text in members and right.text in members for members in clusters.values()] == [False]
    assert between.text in clusters


def test_keep_one_of_a_cluster_holds_against_better_newcomers(project, model):
    person = make.a_member(project, "manager")
    longer = a_compared_passage(project, model, said(1) + " Twice, in fact, and a third time.", at(0))
    shorter = a_compared_passage(project, model, said(1), at(3))
    assert set(found(project, model)) == {longer.text}
    duplicates.rule_on_cluster(project.clusters.get(), [shorter.pk], person)
    assert set(found(project, model)) == {shorter.text}
    a_compared_passage(
        project, model, said(1) + " Twice, in fact, and a third time, and a fourth too.", at(1)
    )
    clusters = found(project, model)
    assert set(clusters) == {shorter.text}
    assert len(clusters[shorter.text]) == 3


def test_keep_some_of_a_cluster(project, model):
    person = make.a_member(project, "manager")
    one, other, third = (a_compared_passage(project, model, said(n), at(n)) for n in (2, 1, 0))
    assert [len(members) for members in found(project, model).values()] == [3]
    duplicates.rule_on_cluster(project.clusters.get(), [one.pk, third.pk], person)
    ((kept, members),) = found(project, model).items()
    assert kept in (one.text, third.text)
    assert set(members) == {kept, other.text}
    assert texts_left_out(project) == {other.text}


def test_a_ruling_that_keeps_nothing_is_refused(project, model):
    person = make.a_member(project, "manager")
    for number in (0, 1):
        a_compared_passage(project, model, said(number), at(number))
    found(project, model)
    with pytest.raises(duplicates.RulingError, match="at least one"):
        duplicates.rule_on_cluster(project.clusters.get(), [], person)


def test_rulings_that_lead_round_in_a_circle_end_with_the_latest(project):
    def word(kept, other):
        return clustering.Word(*sorted((kept, other)), True, kept)

    ruled = clustering.rulings_of([word("a", "b"), word("b", "c"), word("c", "a")])
    assert ruled.follows == {"b": "a", "c": "b"}


def test_a_crowd_has_one_representative(project, model, monkeypatch):
    monkeypatch.setattr(closeness, "MOST", 4)
    drawn = random.Random(5)
    for number in range(40):
        a_compared_passage(project, model, said(number), at(drawn.uniform(0, 6)))
    assert [len(members) for members in found(project, model).values()] == [40]


def test_passages_that_go_while_they_are_compared_are_no_accident(project, model, monkeypatch):
    keep, go = (a_compared_passage(project, model, said(n), at(n)) for n in (0, 1))
    process = near_duplicates.process

    def and_one_goes(job, chunk, pulse):
        result = process(job, chunk, pulse)
        go.document.delete()
        return result

    monkeypatch.setitem(KINDS, "near_duplicates", replace(near_duplicates.KIND, process=and_one_goes))
    assert found(project, model) == {}
    assert Comparison.objects.get().passage == keep
