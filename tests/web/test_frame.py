"""The frame around every page: what it shows to whom, and what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client, RequestFactory

from curation.models import Chunk, Item, Job, Project, User
from curation.studio.disk import Disk
from curation.web.frame import Frame
from tests import factories as make

pytestmark = pytest.mark.django_db


def frame_of(project: Project | None, user: Any, role: str) -> Frame:
    request = RequestFactory().get("/")
    request.user = user
    if project:
        request.project, request.role = project, role  # type: ignore[attr-defined]
    return Frame(request)


def labels(frame: Frame) -> list[str]:
    return [entry["label"] for group in frame.rail for entry in group["entries"]]


def review_entry(frame: Frame) -> dict[str, Any]:
    return next(entry for group in frame.rail for entry in group["entries"] if entry["label"] == "Review")


@pytest.fixture
def project() -> Project:
    return make.a_project("reading")


@pytest.fixture
def ada(project: Project) -> User:
    return make.a_member(project)


def test_what_only_managers_use_is_shown_to_them_alone(project: Project, ada: User) -> None:
    assert "Members" in labels(frame_of(project, ada, "manager"))
    assert "Members" not in labels(frame_of(project, ada, "annotator"))
    assert "Review" in labels(frame_of(project, ada, "annotator"))


def test_managers_are_told_that_the_disk_runs_low_and_no_folder_is_named(
    project: Project, ada: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert frame_of(project, ada, "manager").disk_warning == ""
    low = Disk(Path("/srv/secret"), free=3 * 10**9, total=10**11, reserve=10**9)
    monkeypatch.setattr("curation.web.frame.disk", lambda: low)
    assert frame_of(project, ada, "annotator").disk_warning == ""
    said = frame_of(project, ada, "manager").disk_warning
    assert "3.0 of 100.0 GB are free" in said
    assert "secret" not in said


def test_every_entry_has_a_letter_of_its_own(project: Project, ada: User) -> None:
    keys = [entry["key"] for group in frame_of(project, ada, "manager").rail for entry in group["entries"]]
    assert len(keys) == len(set(keys))


def test_disputes_are_counted_for_those_who_can_resolve_them(project: Project, ada: User) -> None:
    item = make.an_item(make.a_queue(project))
    Item.objects.filter(pk=item.pk).update(state="disputed")
    assert review_entry(frame_of(project, ada, "reviewer"))["count"] == "1"
    assert "count" not in review_entry(frame_of(project, ada, "annotator"))


def test_running_jobs_show_how_far_they_are(project: Project, ada: User) -> None:
    job = Job.objects.create(project=project, kind="embed", state="running")
    Chunk.objects.create(job=job, ordinal=0, size=30, state="done")
    Chunk.objects.create(job=job, ordinal=1, size=70, state="running", beaten=10)
    frame = frame_of(project, ada, "manager")
    assert (frame.jobs_percent, frame.jobs[0]["line"]) == (40, "40 of 100")
    client = Client()
    client.force_login(ada)
    part = client.get("/projects/reading/frame/ring").content.decode()
    assert "1 job running, 40% done" in part and "every 4s" in part


def test_the_switcher_lists_ones_own_projects_only(project: Project, ada: User) -> None:
    make.a_project("secret", name="Secret project")
    client = Client()
    client.force_login(ada)
    html = client.get("/projects/reading/frame/projects").content.decode()
    assert "Reading" in html and "Secret" not in html
    outsider = Client()
    outsider.force_login(make.a_user())
    assert outsider.get("/projects/reading/frame/projects").status_code == 404
    assert outsider.get("/projects/reading/frame/ring").status_code == 404


def test_the_frame_takes_two_queries_and_none_before_it_is_drawn(
    project: Project, ada: User, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        frame = frame_of(project, ada, "reviewer")
    with django_assert_num_queries(2):
        assert (frame.rail, frame.jobs, frame.jobs_percent, frame.person_entries) is not None


def test_a_visitor_has_no_frame(django_assert_num_queries: Any) -> None:
    from django.contrib.auth.models import AnonymousUser

    frame = frame_of(None, AnonymousUser(), "")
    with django_assert_num_queries(0):
        assert (frame.rail, frame.projects, frame.person, frame.jobs) == ([], [], None, [])
