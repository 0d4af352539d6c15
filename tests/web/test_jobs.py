"""Jobs: the list, the page of one, its moving part, cancel and resume."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from curation.models import Chunk, Job, Mishap
from tests import factories as make
from tests.web.browsing import HOSTILE, LIST_QUERIES, queries, seen_by, text_of, walk

pytestmark = pytest.mark.django_db

LIST = "/projects/stars/jobs/"


@pytest.fixture
def project():
    return make.a_project("stars")


def a_job(project, state: str = "running", done: int = 2, waiting: int = 2, **fields) -> Job:
    """A job of pieces of 100 records each; some are done, one began a minute ago."""
    job = Job.objects.create(
        project=project, kind="extract", state=state, started_at=timezone.now(), **fields
    )
    now = timezone.now()
    for ordinal in range(done + waiting):
        finished = ordinal < done
        Chunk.objects.create(
            job=job,
            ordinal=ordinal,
            size=100,
            state="done" if finished else "waiting",
            started_at=now - timedelta(seconds=60) if finished else None,
            finished_at=now if finished else None,
            dropped=3 if finished else 0,
        )
    return job


def address(job: Job, action: str = "") -> str:
    return f"{LIST}{job.uuid}/{action}"


def test_members_see_the_jobs_of_their_project_and_nobody_elses(project):
    job = a_job(project)
    elsewhere = a_job(make.a_project("moons"))
    client = seen_by(project, "annotator")
    assert [row.pk for row in client.get(LIST).context["page"]] == [job.pk]
    assert client.get(address(elsewhere)).status_code == 404
    outsider = seen_by(project, "outsider")
    for here in (LIST, address(job), address(job, "progress")):
        assert outsider.get(here).status_code == 404


def test_a_page_says_how_far_how_fast_and_how_long_still(project):
    page = text_of(seen_by(project, "annotator"), address(a_job(project)))
    assert "200 of 400 documents, 50%" in page
    assert "3.3 a second" in page and "left" in page
    assert "2 waiting · 2 done" in page
    assert "every 2s" in page


def test_the_moving_part_stops_asking_once_the_job_has_ended(project):
    job = a_job(project)
    client = seen_by(project)
    part = client.get(address(job, "progress"), headers={"HX-Request": "true"}).content
    assert b"<html" not in part and b"every 2s" in part
    Job.objects.update(state="done")
    assert b"every 2s" not in client.get(address(job, "progress"), headers={"HX-Request": "true"}).content
    assert client.get(address(job, "progress"))["Location"] == address(job)


def test_managers_cancel_and_resume_and_others_may_not(project):
    job = a_job(project)
    for role, status in (("annotator", 403), ("reviewer", 403), ("outsider", 404)):
        client = seen_by(project, role)
        for action in ("cancel", "resume"):
            assert client.post(address(job, action)).status_code == status
    manager = seen_by(project, "manager")
    assert manager.get(address(job, "cancel")).status_code == 405
    assert manager.post(address(job, "cancel"))["Location"] == address(job)
    job.refresh_from_db()
    assert job.state == "cancelled" and job.chunks.filter(state="cancelled").count() == 2
    manager.post(address(job, "resume"))
    job.refresh_from_db()
    assert job.state == "running" and job.chunks.filter(state="waiting").count() == 2
    assert "Resume" not in text_of(seen_by(project), address(job))


def test_resuming_what_ended_well_is_refused_in_words(project):
    job = a_job(project, "done")
    page = seen_by(project, "manager").post(address(job, "resume"), follow=True).content.decode()
    assert "there is nothing to resume" in page


def test_failures_are_listed_by_record_and_page_by_page(project):
    job = a_job(project, "failed", reason="1 of 4 pieces failed.")
    chunk = job.chunks.first()
    Mishap.objects.bulk_create(
        Mishap(job=job, chunk=chunk, subject=f"row {at}", reason="extraction_failed", detail=HOSTILE)
        for at in range(60)
    )
    client = seen_by(project)
    page = client.get(address(job))
    shown = page.content.decode()
    assert "row 0<" in shown and "row 59<" not in shown and "Extraction failed" in shown
    assert "1 of 4 pieces failed." in shown and "<script>alert" not in shown
    older = page.context["mishaps"].older
    assert "row 59<" in text_of(client, f"{address(job)}?after={older}")


def test_a_page_shows_what_came_before_and_what_follows(project):
    first = a_job(project, "done", then=["assess", "split"])
    second = a_job(project, "running", then=["split"], follows=first)
    Job.objects.filter(pk=second.pk).update(kind="assess")
    for job in (first, second):
        chain = seen_by(project).get(address(job)).context["chain"]
        assert [link["job"] and link["job"].pk for link in chain] == [first.pk, second.pk, None]


def test_the_list_is_narrowed_and_asks_as_often_however_many_jobs(project):
    client = seen_by(project)
    for _ in range(3):
        a_job(project, "done")
    failed = a_job(project, "failed")
    Job.objects.filter(pk=failed.pk).update(kind="assess")
    few = queries(client, LIST)
    for asked in ("?state=failed", "?kind=assess"):
        assert [row.pk for row in client.get(LIST + asked).context["page"]] == [failed.pk]
    for _ in range(12):
        a_job(project, "done")
    assert queries(client, LIST) == few <= LIST_QUERIES


def test_walking_the_list_meets_every_job_once(project):
    made = [a_job(project, "done", 1, 0).pk for _ in range(60)]
    assert walk(seen_by(project), LIST, "pk") == made[::-1]


def test_a_list_with_a_running_job_refreshes_itself_and_one_without_does_not(project):
    client = seen_by(project)
    job = a_job(project)
    assert "every 4s" in text_of(client, LIST, **{"HX-Request": "true"})
    Job.objects.filter(pk=job.pk).update(state="done")
    assert "every 4s" not in text_of(client, LIST, **{"HX-Request": "true"})


def test_an_unknown_kind_is_shown_by_its_name(project):
    Job.objects.create(project=project, kind="from_another_version", state="failed")
    assert "from_another_version" in text_of(seen_by(project), LIST)
