"""The overview: every number leads to its rows, people see what their role allows, and it says what to do."""

from __future__ import annotations

import re

import pytest
from django.core.cache import cache

from curation.actions import review
from curation.models import Document, Job, Score
from tests import factories as make
from tests.web.browsing import HOSTILE, queries, scored, seen_by, text_of
from tests.web.test_jobs import a_job

pytestmark = pytest.mark.django_db

PAGE = "/projects/stars/"


@pytest.fixture(autouse=True)
def nothing_is_remembered():
    cache.clear()


@pytest.fixture
def project():
    return make.a_project("stars")


def filled(project):
    """Three documents kept, two left out, one new; passages, scores, seeds and samples below them."""
    educational = make.an_active_scorer(project)
    for at in range(6):
        document = make.a_document(project, f"text {at}")
        reason = {3: "too_short", 4: "low_educational"}.get(at, "")
        judged = None if at == 5 else document.created_at
        Document.objects.filter(pk=document.pk).update(left_out=reason, assessed_at=judged)
        if at < 3:
            Score.objects.create(scorer=educational, document=document, value=at + 1)
            passage = make.a_passage(project, f"text {at}", document)
            scored(passage, factual=at + 0.5, reasoning=5)
    make.a_passage(project, "near", project.documents.first(), left_out="near_duplicate")
    make.a_seed(project, passage=project.passages.first(), state="approved")
    make.a_seed(project, passage=project.passages.all()[1])
    make.a_sample(project, state="approved")
    make.a_sample(project, state="rejected")


def test_members_only(project):
    assert seen_by(project, "annotator").get(PAGE).status_code == 200
    assert seen_by(project, "outsider").get(PAGE).status_code == 404


def test_every_number_of_the_funnel_leads_to_as_many_rows(project):
    filled(project)
    client = seen_by(project)
    links = [
        entry
        for group in client.get(PAGE).context["funnels"]
        for stage in group["stages"]
        for entry in (stage, *stage["lost"])
    ]
    assert len(links) >= 14
    for entry in links:
        total = client.get(entry["url"]).context["total"]
        assert total.value == entry["count"], (entry["label"], entry["url"])


def test_every_bar_of_a_histogram_leads_to_as_many_rows(project):
    filled(project)
    client = seen_by(project)
    pictures = client.get(PAGE).context["histograms"]
    assert {one["entry"].rubric for one in pictures} == {"educational", "factual", "reasoning"}
    bars = [bar for one in pictures for bar in one["bins"] if bar["count"]]
    assert sum(bar["count"] for bar in bars) == 9
    for bar in bars:
        assert client.get(bar["url"]).context["total"].value == bar["count"], bar


def test_annotators_see_the_distribution_without_links_into_it(project):
    filled(project)
    pictures = seen_by(project, "annotator").get(PAGE).context["histograms"]
    assert not any(bar["url"] for one in pictures for bar in one["bins"])


def test_reviewers_see_everyones_progress_and_annotators_their_own(project):
    queue = make.a_queue(project, wanted=2)
    item = make.an_item(queue)
    ann, ben = make.a_member(project, email="ann@x.example"), make.a_member(project, email="ben@x.example")
    for user, answer in ((ann, review.Answer("accept")), (ben, review.Answer("reject", reason="wrong"))):
        review.decide(user, item, review.claim(queue, user).lease, answer)
    client = seen_by(project)
    page = text_of(client, PAGE)
    assert "ann@x.example" in page and "ben@x.example" in page and "1 disputed item" in page
    client.force_login(ann)
    page = re.sub(r"(?s)<header.*?</header>", "", text_of(client, PAGE))
    assert "ann@x.example" in page and "ben@x.example" not in page and "disputed" not in page


def test_it_says_what_asks_for_action(project):
    failed = Job.objects.create(project=project, kind="extract", state="failed", reason=f"Broke. {HOSTILE}")
    client = seen_by(project, "manager")
    page = text_of(client, PAGE)
    assert "Broke." in page and str(failed.uuid) in page and "<script>alert" not in page
    a_job(project, "done")
    assert "Broke." not in text_of(client, PAGE)


def test_an_empty_project_says_how_to_begin(project):
    assert "No documents yet" in text_of(seen_by(project, "manager"), PAGE)


def test_running_jobs_are_shown_and_read_again_until_they_end(project):
    job = a_job(project)
    client = seen_by(project)
    page = text_of(client, PAGE)
    assert "running-jobs" in page and page.count("200 of 400 · 3.3 a second · 60") == 2
    part = client.get(PAGE + "running", headers={"HX-Request": "true"})
    assert b"running-jobs" in part.content and "HX-Refresh" not in part
    Job.objects.filter(pk=job.pk).update(state="done")
    assert client.get(PAGE + "running")["HX-Refresh"] == "true"
    assert "running-jobs" not in text_of(client, PAGE)


def test_managers_start_curation_where_new_documents_wait_and_others_may_not(project):
    manager = seen_by(project, "manager")
    assert manager.post(PAGE + "curate", follow=True).status_code == 200
    assert not Job.objects.exists()
    make.a_document(project)
    assert "Curate 1 new document<" in text_of(manager, PAGE)
    assert "Curate 1 new" not in text_of(seen_by(project, "reviewer"), PAGE)
    assert seen_by(project, "reviewer").post(PAGE + "curate").status_code == 403
    assert seen_by(project, "outsider").post(PAGE + "curate").status_code == 404
    started = manager.post(PAGE + "curate")
    job = Job.objects.get()
    assert started["Location"] == f"/projects/stars/jobs/{job.uuid}/" and job.kind == "extract"
    manager.post(PAGE + "curate")
    assert Job.objects.count() == 1


def test_it_asks_as_often_however_much_there_is(project):
    client = seen_by(project)
    few = queries(client, PAGE)
    filled(project)
    for _ in range(3):
        make.an_item(make.a_queue(project))
    cache.clear()
    assert queries(client, PAGE) - few <= 2
    assert few <= 24


def test_dear_figures_are_counted_once_for_a_while_and_say_when(project, monkeypatch):
    filled(project)
    monkeypatch.setattr("curation.web.overview.CHEAP", 0.0)
    client = seen_by(project)
    client.get(PAGE)
    Document.objects.update(left_out="too_short")
    assert client.get(PAGE).context["figures"].funnel.left_out == {"too_short": 1, "low_educational": 1}
    cache.clear()
    assert client.get(PAGE).context["figures"].funnel.left_out == {"too_short": 6}
