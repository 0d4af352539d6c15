"""Passages: the list, the page of one, and what stays hidden while somebody has yet to rate it."""

from __future__ import annotations

import re

import pytest
from django.db import connection

from curation.actions import review
from curation.models import Cluster, ClusterMember, EmbeddingModel, Passage, Project
from curation.web import keyset
from tests import factories as make
from tests.web.browsing import HOSTILE, LIST_QUERIES, queries, scored, seen_by, text_of, walk

pytestmark = pytest.mark.django_db

LIST = "/projects/stars/passages/"


@pytest.fixture
def project():
    return make.a_project("stars")


def address(passage: Passage) -> str:
    return f"{LIST}{passage.uuid}/"


def headings(client, asked: str = "") -> list[str]:
    return [row.heading for row in client.get(LIST + asked).context["page"]]


def indexed(passage: Passage) -> Passage:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE curation_passage SET search = to_tsvector('english', text) WHERE id = %s", [passage.pk]
        )
    return passage


def a_cluster(project: Project, representative: Passage, *others: Passage) -> Cluster:
    model, _ = EmbeddingModel.objects.get_or_create(
        key="test", defaults={"name": "test", "revision": "1", "dimensions": 3}
    )
    cluster = Cluster.objects.create(
        project=project,
        model=model,
        threshold=0.9,
        rule="longest/1",
        representative=representative,
        size=1 + len(others),
    )
    ClusterMember.objects.create(cluster=cluster, passage=representative, similarity=1.0)
    for at, other in enumerate(others):
        ClusterMember.objects.create(cluster=cluster, passage=other, similarity=0.99 - at / 100)
    return cluster


def test_members_see_the_passages_of_their_project_and_nobody_elses(project):
    passage = make.a_passage(project, heading="Tides")
    make.a_passage(make.a_project("moons"), heading="Craters")
    assert headings(seen_by(project, "annotator")) == ["Tides"]
    outsider = seen_by(project, "outsider")
    assert outsider.get(LIST).status_code == outsider.get(address(passage)).status_code == 404


def test_the_list_is_narrowed_by_state_reason_language_source_document_and_words(project):
    client = seen_by(project)
    shelf = make.a_source(project, "Shelf", kind="book")
    tides = make.a_document(project, "The tide rises.", source=shelf)
    indexed(make.a_passage(project, "The tide rises.", tides, heading="Tides"))
    levers = make.a_document(project, "Levers lift.", source=make.a_source(project, kind="web"))
    indexed(
        make.a_passage(
            project, "Levers lift.", levers, heading="Levers", language="de", left_out="near_duplicate"
        )
    )
    assert headings(client, "?state=kept") == ["Tides"]
    assert headings(client, "?reason=near_duplicate") == headings(client, "?language=de") == ["Levers"]
    assert headings(client, f"?source={shelf.uuid}&kind=book") == ["Tides"]
    assert headings(client, f"?document={tides.uuid}") == ["Tides"]
    assert headings(client, "?q=tides") == ["Tides"]
    assert headings(client, "?q=-") == headings(client, "?kind=nonsense") == []


def test_passages_that_have_scores_or_a_vector_are_listed_as_the_funnel_counts_them(project):
    both = scored(make.a_passage(project, heading="Both"), factual=3, reasoning=2)
    scored(make.a_passage(project, heading="One"), factual=3)
    client = seen_by(project)
    assert headings(client, "?has=scored") == [both.heading]
    assert headings(client, "?has=embedded") == []


def test_reviewers_sort_and_filter_by_each_rubric(project):
    for heading, factual, reasoning in (("A", 1, 4), ("B", 5, 2), ("C", 3, 3)):
        scored(make.a_passage(project, heading=heading), factual=factual, reasoning=reasoning)
    client = seen_by(project)
    assert headings(client, "?rubric=factual&sort=highest") == ["B", "C", "A"]
    assert headings(client, "?rubric=reasoning&sort=highest") == ["A", "C", "B"]
    assert headings(client, "?rubric=factual&least=3") == ["C", "B"]
    assert headings(seen_by(project, "annotator"), "?rubric=factual&sort=highest") == ["C", "B", "A"]


def test_scores_stay_hidden_until_one_has_rated_the_passage_oneself(project):
    measured = scored(
        make.a_passage(
            project, heading="Measured", left_out="low_scores", left_out_detail="factual 1.37 of 2"
        ),
        factual=1.37,
        reasoning=4.73,
    )
    plain = scored(make.a_passage(project, heading="Plain"), factual=2.22, reasoning=3.33)
    make.a_seed(project, passage=measured)
    queue = make.a_queue(project, "scores")
    item = make.an_item(queue, measured)
    reviewer = make.a_member(project, "reviewer")
    client = seen_by(project, "outsider")
    client.force_login(reviewer)

    # As numbers by themselves: the seconds of a time in an attribute, 11.437 or 04.712, have the same digits now and then.
    told = re.compile(r"(?<![\d.])(?:1\.4|4\.7|1\.37)(?![\d.])|Low scores\.")

    def leaks(here: str) -> str:
        found = told.search(text_of(client, here))
        return f"{here}: {found[0]}" if found else ""

    assert headings(client, "?rubric=factual&sort=lowest") == [plain.heading]
    assert headings(client, "?rubric=factual&least=1&below=1.5") == []
    assert headings(client, "?reason=low_scores") == []
    seeds = "/projects/stars/seeds/"
    pages = [LIST, address(measured), f"/projects/stars/documents/{measured.document.uuid}/", seeds]
    pages += [
        f"{seeds}{measured.seeds.get().uuid}/",
        f"/projects/stars/search/similar?passage={measured.uuid}",
    ]
    pages += ["/projects/stars/search/?q=ice&all=1"]
    assert not [said for here in pages if (said := leaks(here))]
    assert client.get(seeds + "?sort=highest").context["page"].rows == []
    assert "Hidden until you have rated" in text_of(client, address(measured))

    claim = review.claim(queue, reviewer)
    review.decide(reviewer, item, claim.lease, review.Answer("rate", ratings={"factual": 2, "reasoning": 3}))
    assert headings(client, "?rubric=factual&sort=lowest") == [measured.heading, plain.heading]
    assert leaks(LIST) and leaks(address(measured))


def test_annotators_get_no_scores_in_lists_and_see_them_on_the_passage(project):
    passage = scored(
        make.a_passage(project, left_out="low_scores", left_out_detail="factual 1.37"), factual=1.37
    )
    annotator = seen_by(project, "annotator")
    assert "1.4" not in text_of(annotator, LIST) and "1.37" not in text_of(annotator, LIST)
    assert "starter-1" in text_of(annotator, address(passage))


def test_htmx_gets_the_rows_alone(project):
    make.a_passage(project)
    response = seen_by(project).get(LIST, headers={"HX-Request": "true"})
    assert response.content.startswith(b'<div id="rows">') and b"<html" not in response.content


def test_a_list_asks_as_often_however_many_rows_it_has(project):
    client = seen_by(project)
    for _ in range(30):
        scored(make.a_passage(project), factual=2, reasoning=3)
    for asked in ("", "?rubric=reasoning&sort=highest&state=kept", "?q=ice&language=en", "?has=embedded"):
        assert queries(client, LIST + asked) <= LIST_QUERIES, asked


def test_a_page_asks_as_often_however_much_stands_around_it(project):
    client = seen_by(project)
    passage = scored(make.a_passage(project), factual=2, reasoning=3)
    before = queries(client, address(passage))
    a_cluster(project, passage, *[make.a_passage(project) for _ in range(9)])
    seed = make.a_seed(project, passage=passage)
    for _ in range(9):
        make.a_sample(project, seed=seed, passage=passage)
    assert queries(client, address(passage)) - before <= 3
    assert queries(client, address(passage)) <= 24


def test_walking_the_list_both_ways_meets_every_row_once(project):
    document = make.a_document(project)
    extraction = document.extraction
    rows = [
        Passage(
            project=project,
            document=document,
            extraction=extraction,
            ordinal=at,
            start=0,
            end=1,
            text="x",
            text_sha256=make.sha256(str(at)),
            tokens=1,
        )
        for at in range(130)
    ]
    made = [row.pk for row in Passage.objects.bulk_create(rows)]
    client = seen_by(project)
    assert walk(client, LIST, "pk") == made[::-1]
    last = client.get(f"{LIST}?sort=oldest").context["page"]
    assert [row.pk for row in last] == made[: keyset.PAGE_SIZE]


def test_a_page_shows_the_text_in_its_document_scores_cluster_and_lineage(project):
    text = "Before it. The tide rises twice a day. After it."
    document = make.a_document(project, text, title="Tides")
    passage = make.a_passage(project, "The tide rises twice a day.", document, ordinal=3)
    twin = make.a_passage(project, "The tide rises twice every day.")
    a_cluster(project, passage, twin)
    scorer = make.an_active_scorer(project, "factual", "passage")
    scorer.rubric.anchors = ["None", "Little", "Some", "A good deal", "Much", "Outstanding"]
    scorer.rubric.save()
    scored(passage, factual=3.4)
    seed = make.a_seed(project, passage=passage)
    sample = make.a_sample(project, "How often does it rise?", seed=seed, passage=passage)
    shown = text_of(seen_by(project, "annotator"), address(passage))
    for said in (
        "Before it.",
        "After it.",
        "A good deal",
        "starter-1",
        "3.4",
        "0.990",
        "represents its cluster",
    ):
        assert said in shown, said
    assert f"/projects/stars/samples/{sample.uuid}/" in shown and f"/seeds/{seed.uuid}/" in shown


def test_others_decisions_are_blind_until_one_has_given_ones_own(project):
    passage = make.a_passage(project)
    queue = make.a_queue(project, "scores", wanted=2)
    item = make.an_item(queue, passage)
    ann, reviewer = make.a_member(project, "annotator"), make.a_member(project, "reviewer")
    rate = review.Answer("rate", ratings={"factual": 5, "reasoning": 1}, note="Said by Ann")
    review.decide(ann, item, review.claim(queue, ann).lease, rate)
    client = seen_by(project, "annotator")
    for user, sees in ((ann, True), (reviewer, False)):
        client.force_login(user)
        assert ("Said by Ann" in text_of(client, address(passage))) is sees
    review.decide(reviewer, item, review.claim(queue, reviewer).lease, rate)
    assert text_of(client, address(passage)).count("Said by Ann") == 2


def test_hostile_text_is_cleaned_where_it_is_rendered_and_escaped_elsewhere(project):
    document = make.a_document(project, HOSTILE + " and more", title=HOSTILE)
    passage = make.a_passage(project, HOSTILE, document, heading=HOSTILE)
    twin = make.a_passage(project, HOSTILE + "!")
    a_cluster(project, passage, twin)
    client = seen_by(project)
    for here in (LIST, address(passage), f"/projects/stars/duplicates/{Cluster.objects.get().uuid}/"):
        shown = text_of(client, here)
        assert "<script>alert" not in shown and "<img src=x" not in shown
