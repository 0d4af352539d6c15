"""Having samples verified: the page, its estimate, the API, the command; verdicts as people see them; what a queue holds back."""

from __future__ import annotations

import json
import re
import uuid
from html import unescape

import pytest
from django.core.management import CommandError, call_command

from curation.actions import projects, verifying
from curation.actions.queues import Filling, fill
from curation.actions.verifying import Chosen
from curation.jobs import run
from curation.models import Call, Endpoint, Job, Verdict
from tests import factories as make
from tests.api.test_api import Api
from tests.llm_server import Reply, serving
from tests.web.browsing import HOSTILE, queries, seen_by

pytestmark = pytest.mark.django_db

VERIFY = "/projects/stars/samples/verify"
LIST = "/projects/stars/samples/"
SOUND = {"own_solution": "30 N", "faults": [], "discussion": "Right.", "accuracy": 5, "style": 4, "detail": 3}


@pytest.fixture
def project():
    return make.a_project("stars")


def shown(response):
    """The words of a page, without its marks."""
    assert response.status_code == 200
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def short(project, words="Yes, it does.", **fields):
    return make.a_sample(project, "Answer in at most 3 words.", words, **fields)


def an_endpoint(address="http://127.0.0.1:9/v1", **fields):
    return Endpoint.objects.create(
        **{
            "name": "Tiny",
            "address": address,
            "model": "tiny",
            "private_allowed": True,
            "seconds": 2,
            **fields,
        }
    )


def checked(project, *checks):
    for job in verifying.start(project, None, Chosen(), checks=checks or ["format"]):
        run.drain(job)


def test_a_manager_chooses_counts_and_starts_and_others_do_not(project):
    short(project)
    client = seen_by(project, "manager")
    assert "Instructions kept" in shown(client.get(VERIFY))
    asked = {"checks": ["format", "maths"], "state": "candidate"}
    assert "1 sample to check" in shown(client.get(VERIFY, asked))
    assert "1 sample to check" in shown(client.get(VERIFY, asked, headers={"HX-Request": "true"}))
    answer = client.post(VERIFY, asked)
    job = Job.objects.get(kind="verify")
    assert answer.status_code == 302 and str(job.uuid) in answer.url
    assert job.options["checks"] == ["format", "maths"] and job.created_by is not None
    run.drain(job)
    assert "0 samples to check" in shown(client.get(VERIFY, asked))
    assert client.post(VERIFY, asked).status_code == 422
    for role in ("annotator", "reviewer"):
        assert seen_by(project, role).get(VERIFY).status_code == 403
        assert "Verify" not in shown(seen_by(project, role).get(LIST))


def test_a_judge_is_estimated_and_needs_a_budget(project):
    sample = short(project)
    with serving(lambda seen, nth: Reply(json.dumps(SOUND))) as server:
        endpoint = an_endpoint(server.address, price_in=1, price_out=2)
        client = seen_by(project, "manager")
        asked = {"endpoint": str(endpoint.uuid), "sample": str(sample.uuid)}
        page = client.get(VERIFY, asked)
        assert "tiny judge/1" in shown(page) and page.context["estimate"].texts == 1
        assert page.context["estimate"].money > 0 and not server.asked
        assert client.post(VERIFY, asked).status_code == 422 and not Job.objects.exists()
        answer = client.post(VERIFY, {**asked, "budget_tokens": 100_000})
        assert answer.status_code == 302
        run.drain(Job.objects.get(kind="judge"))
    assert sample.verdicts.get().outcome == "passed"
    assert "no sample fits" in shown(client.get(VERIFY, asked)).lower()


def test_a_form_that_means_nothing_is_refused(project):
    client = seen_by(project, "manager")
    elsewhere = an_endpoint(project=make.a_project("moons"))
    for asked in (
        {"checks": ["colour"]},
        {"endpoint": str(elsewhere.uuid)},
        {"checks": ["format"], "run": str(uuid.uuid4())},
    ):
        assert client.post(VERIFY, asked).status_code == 422
    assert "Choose a check" in shown(client.get(VERIFY, {"state": "candidate"}))
    assert not Job.objects.exists()


def test_verdicts_are_shown_with_their_evidence_and_what_was_superseded(project):
    sample = short(project)
    faults = [{"kind": "factual", "words": HOSTILE, "wrong": "No.", "found": False}]
    for outcome in ("failed", "passed"):
        Verdict.objects.create(
            sample=sample,
            ordinal=sample.verdicts.count(),
            kind="judge",
            judge="tiny judge/1",
            outcome=outcome,
            evidence=f"why {HOSTILE}",
            scores={"accuracy": 4.0},
            meta={"faults": faults},
        )
    body = seen_by(project, "annotator").get(f"{LIST}{sample.uuid}/").content.decode()
    assert body.count("superseded") == 1 and "not its words" in body and HOSTILE not in body
    client = seen_by(project, "annotator")
    assert [row.standings for row in client.get(LIST).context["page"]] == [[("judge", "passed")]]
    for asked, found in (
        ("verified=judge:passed", 1),
        ("verified=judge:failed", 0),
        ("verified=code:missing", 1),
        ("verified=x:y", 0),
        ("verdict=failed", 0),
    ):
        assert len(list(client.get(f"{LIST}?{asked}").context["page"])) == found, asked


def test_the_number_of_queries_does_not_grow_with_verdicts(project):
    client = seen_by(project, "annotator")
    short(project)
    few = queries(client, LIST)
    for _ in range(5):
        short(project)
    checked(project, "format", "maths")
    assert queries(client, LIST) <= few + 1


def test_a_queue_says_how_many_samples_wait_for_which_verdict(project):
    client = seen_by(project, "manager")
    short(project)
    short(project, "No, it certainly does not.")
    checked(project)
    queue = make.a_queue(project, "samples")
    person = make.a_member(project, "manager")
    projects.change_knobs(project, person, {"require_format": 1, "require_judge": 1})
    page = client.get(f"/projects/stars/queues/{queue.uuid}/fill")
    assert "1 sample: format failed" in shown(page) and "2 samples: judge not checked" in shown(page)
    assert "verified=format%3Afailed" in page.content.decode()
    assert "Waiting for a verdict" in shown(client.get(f"/projects/stars/queues/{queue.uuid}/"))
    project.refresh_from_db()
    queue.refresh_from_db()
    assert fill(queue, Filling(), None) == 0
    assert "Waiting" not in shown(client.get(f"/projects/stars/queues/{make.a_queue(project).uuid}/"))


def test_the_api_estimates_and_starts(project):
    sample = short(project)
    manager = Api(make.a_member(project, "manager"))
    endpoint = an_endpoint()
    base = "/projects/stars/samples/verify"
    told = manager.post(f"{base}/estimate", {"endpoint": str(endpoint.uuid), "samples": [str(sample.uuid)]})
    assert told.status_code == 200 and told.json()["texts"] == 1
    refused = manager.post(base, {"checks": [], "endpoint": str(endpoint.uuid)})
    assert refused.status_code == 409 and "may be spent" in refused.json()["detail"]
    assert manager.post(base, {"sources": [str(uuid.uuid4())]}).status_code == 404
    started = manager.post(
        base, {"checks": ["format"], "endpoint": str(endpoint.uuid), "budget_tokens": 10_000}
    )
    assert started.status_code == 202 and len(started.json()["jobs"]) == 2
    assert {one.kind for one in Job.objects.all()} == {"verify", "judge"}
    assert manager.post(base, {"checks": ["format"]}).status_code == 409
    assert Api(make.a_member(project, "reviewer")).post(base, {}).status_code == 403


def test_the_command_verifies_and_says_what_came_of_it(project, capsys):
    short(project)
    call_command("verify", "stars", "--check", "format")
    assert json.loads(capsys.readouterr().out) == [{"verdicts": {"format": {"passed": 1}}}]
    with pytest.raises(CommandError, match="not verified so already"):
        call_command("verify", "stars", "--check", "format")
    with pytest.raises(CommandError, match="no source called"):
        call_command("verify", "stars", "--source", "Nowhere")
    with serving(lambda seen, nth: Reply(json.dumps(SOUND))) as server:
        an_endpoint(server.address)
        call_command("verify", "stars", "--judge", "Tiny", "--estimate")
        assert json.loads(capsys.readouterr().out)["texts"] == 1 and not Call.objects.exists()
        with pytest.raises(CommandError, match="--budget"):
            call_command("verify", "stars", "--judge", "Tiny")
        call_command("verify", "stars", "--judge", "Tiny", "--budget", "100000")
    (said,) = json.loads(capsys.readouterr().out)
    assert said["verdicts"] == {"judge": {"passed": 1}} and said["judge"] == "tiny judge/1"
