"""Duplicates: clusters, the largest first, and one with its texts side by side."""

from __future__ import annotations

import pytest

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
