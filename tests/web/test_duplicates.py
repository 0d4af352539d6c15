"""Duplicates: clusters, the largest first, and one with its texts side by side."""

from __future__ import annotations

import pytest

from curation.models import DuplicatePair, DuplicateRuling, Job
from tests import factories as make
from tests.web.browsing import LIST_QUERIES, queries, seen_by, text_of, walk
from tests.web.test_passages import a_cluster

pytestmark = pytest.mark.django_db

LIST = "/projects/stars/duplicates/"


@pytest.fixture
def project():
    return make.a_project("stars")


def some_cluster(project, size: int = 2):
    return a_cluster(project, *[make.a_passage(project) for _ in range(size)])


def test_clusters_are_listed_the_largest_first_to_members_only(project):
    small, large = some_cluster(project), some_cluster(project, 4)
    elsewhere = some_cluster(make.a_project("moons"))
    client = seen_by(project, "annotator")
    assert [row.pk for row in client.get(LIST).context["page"]] == [large.pk, small.pk]
    assert client.get(f"{LIST}{elsewhere.uuid}/").status_code == 404
    outsider = seen_by(project, "outsider")
    assert outsider.get(LIST).status_code == outsider.get(f"{LIST}{small.uuid}/").status_code == 404


def test_walking_the_list_meets_every_cluster_once_where_sizes_are_equal(project):
    representative = make.a_passage(project)
    made = {a_cluster(project, representative).pk for _ in range(60)}
    seen = walk(seen_by(project), LIST, "pk")
    assert len(seen) == 60 and set(seen) == made


def test_htmx_gets_the_rows_alone_and_both_pages_ask_as_often_however_long(project):
    client = seen_by(project)
    few, many = some_cluster(project), some_cluster(project, 12)
    assert client.get(LIST, headers={"HX-Request": "true"}).content.startswith(b'<div id="rows">')
    assert queries(client, LIST) <= LIST_QUERIES
    asked = [queries(client, f"{LIST}{one.uuid}/") for one in (few, many)]
    assert asked[0] == asked[1] <= LIST_QUERIES


def test_a_cluster_shows_its_rule_and_each_text_as_differences_from_the_representative(project):
    first = make.a_passage(project, "Ice floats on water.")
    second = make.a_passage(project, "Ice floats on lakes.", left_out="near_duplicate")
    page = text_of(seen_by(project, "annotator"), f"{LIST}{a_cluster(project, first, second).uuid}/")
    for said in (
        '<del class="only-here">water</del>',
        "<ins>lakes</ins>",
        "longest/1",
        "0.990",
        "Near duplicate",
    ):
        assert said in page, said


def test_an_empty_list_says_how_clusters_come(project):
    assert "No duplicates found" in text_of(seen_by(project), LIST)


def test_a_ruling_keeps_what_is_ticked_and_can_be_taken_back(project):
    first, second, third = (make.a_passage(project) for _ in range(3))
    cluster = a_cluster(project, first, second, third)
    client = seen_by(project, "reviewer")
    assert 'name="keep"' in client.get(f"{LIST}{cluster.uuid}/").content.decode()
    told = client.post(f"{LIST}{cluster.uuid}/rule", {"action": "keep", "keep": [first.pk, third.pk]})
    assert told.status_code == 302
    rulings = DuplicateRuling.objects.filter(project=project, taken_back_at=None)
    assert sorted(rulings.values_list("same", flat=True)) == [False, True]
    assert Job.objects.filter(project=project, kind="near_duplicates", state="waiting").count() == 1
    batch = rulings.first().batch
    assert "Take back" in client.get(LIST).content.decode()
    client.post(f"{LIST}rulings/{batch}/take-back")
    assert not rulings.exists()
    assert "taken back" in client.get(LIST).content.decode()


def test_not_duplicates_leads_on_to_the_next_cluster(project):
    small, large = some_cluster(project), some_cluster(project, 4)
    client = seen_by(project, "reviewer")
    answer = client.post(f"{LIST}{large.uuid}/rule", {"action": "apart"})
    assert answer["Location"] == f"{LIST}{small.uuid}/"
    assert DuplicateRuling.objects.filter(project=project, same=False).count() == 6


def test_keeping_nothing_is_refused_with_the_way_out_and_annotators_may_not_rule(project):
    cluster = some_cluster(project)
    answer = seen_by(project, "reviewer").post(f"{LIST}{cluster.uuid}/rule", {"action": "keep"}, follow=True)
    assert "Keep at least one passage" in answer.content.decode()
    annotator = seen_by(project, "annotator")
    assert 'name="keep"' not in annotator.get(f"{LIST}{cluster.uuid}/").content.decode()
    assert annotator.post(f"{LIST}{cluster.uuid}/rule", {"action": "apart"}).status_code == 403


def test_drawing_pairs_before_anything_was_compared_says_what_to_do(project):
    answer = seen_by(project, "manager").post(f"{LIST}pairs", follow=True)
    assert "Find near duplicates first" in answer.content.decode()


def test_a_cluster_that_would_answer_a_pair_for_me_is_shown_once_i_have_answered(project):
    first, second = make.a_passage(project), make.a_passage(project, left_out="near_duplicate")
    cluster, other = a_cluster(project, first, second), some_cluster(project)
    pair = DuplicatePair.objects.create(project=project, left=first, right=second, cosine=0.93)
    item = make.an_item(make.a_queue(project, "pairs", name="Pairs"), pair)
    client = seen_by(project, "annotator")
    shown = client.get(LIST)
    assert [row.pk for row in shown.context["page"]] == [other.pk]
    assert "1 cluster with pairs that wait" in shown.content.decode()
    assert client.get(f"{LIST}{cluster.uuid}/").status_code == 302
    address = f"/projects/stars/passages/{second.uuid}/"
    assert "Near duplicate" not in client.get(address).content.decode()
    item.state = "accepted"
    item.save()
    assert client.get(f"{LIST}{cluster.uuid}/").status_code == 200
    assert "Near duplicate" in client.get(address).content.decode()
