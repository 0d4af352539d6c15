"""Pairs of duplicates for people, and what their answers say of a threshold."""

from __future__ import annotations

import numpy as np
import pytest
from django.utils import timezone

from curation.actions import clustering, duplicates
from curation.models import Comparison, DuplicatePair, Embedding, EmbeddingModel, Item, Job, Queue
from curation.recipe.dedup.precision import STRATA
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    """A project whose passage 0 was found close to all others, at .86, .87, …, .99."""
    project = make.a_project("pages")
    model = EmbeddingModel.objects.create(key="test", name="test", revision="1", dimensions=3)
    Job.objects.create(project=project, kind="embed", state="done", result={"model": model.pk})
    passages = [make.a_kept_passage(project) for _ in range(15)]
    Embedding.objects.keep(model, {one.text_sha256: np.array([1, 0, 0], np.float32) for one in passages})
    for number, passage in enumerate(passages):
        others = [passages[0].pk] if number else []
        Comparison.objects.create(
            project=project,
            passage=passage,
            model=model,
            version=clustering.VERSION,
            floor=clustering.FLOOR,
            others=others,
            cosines=[0.85 + number / 100] * len(others),
            jaccards=[0.1] * len(others),
        )
    return project


def test_pairs_are_drawn_from_every_stratum_and_stand_for_all(project):
    queue = duplicates.draw_pairs(project, None, per_stratum=1)
    assert queue.kind == Queue.Kind.PAIRS
    drawn = DuplicatePair.objects.all()
    assert len({sum(one.cosine >= least for least in STRATA) for one in drawn}) == len(drawn)
    assert sum(one.weight for one in drawn) == pytest.approx(14)
    assert queue.items.count() == len(drawn)


def test_drawing_again_fills_up_and_adds_nothing_twice(project):
    duplicates.draw_pairs(project, None, per_stratum=1)
    first = set(DuplicatePair.objects.values_list("pk", flat=True))
    queue = duplicates.draw_pairs(project, None, per_stratum=1)
    assert set(DuplicatePair.objects.values_list("pk", flat=True)) == first
    duplicates.draw_pairs(project, None, per_stratum=100)
    assert queue.items.count() == DuplicatePair.objects.count() == 14
    assert set(DuplicatePair.objects.values_list("weight", flat=True)) == {1.0}


def test_precision_is_read_off_what_people_settled_on(project):
    assert duplicates.precision(project) == []
    queue = duplicates.draw_pairs(project, None, per_stratum=100)
    assert {point.precision for point in duplicates.precision(project)} == {None}
    Item.objects.filter(queue=queue).update(state="accepted")
    Item.objects.filter(queue=queue, pair__cosine__lt=0.915).update(state="rejected")
    points = {point.threshold: point for point in duplicates.precision(project)}
    assert points[0.92].precision == pytest.approx(1.0)
    assert points[0.85].precision == pytest.approx(8 / 14)
    assert points[0.92].low < 0.95 < points[0.92].high
    assert points[0.85].low < 8 / 14 < points[0.85].high


def test_nothing_to_draw_from_is_said(project):
    with pytest.raises(duplicates.RulingError, match="Find near duplicates first"):
        duplicates.draw_pairs(make.a_project("empty"), None)


def test_pairs_that_people_settled_on_are_words_of_theirs(project):
    queue = duplicates.draw_pairs(project, None, per_stratum=100)
    item = queue.items.first()
    Item.objects.filter(pk=item.pk).update(state="rejected", settled_at=timezone.now())
    (word,) = clustering.standing_words(project)
    assert not word.same
    assert {word.left, word.right} == {item.pair.left.text_sha256, item.pair.right.text_sha256}
