"""Pages of runs: the form and its refusals, the pilot's estimate, going on, what was lost with its calls; the same over REST."""

from __future__ import annotations

import json

import pytest

from curation.jobs import run as jobs
from curation.models import Call, Endpoint, Loss, Run, Sample
from tests import factories as make
from tests.generating import CHECK, GOOD, a_project_with_seeds, a_run, an_endpoint, sensible
from tests.llm_server import serving

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return a_project_with_seeds(4, "stars")


@pytest.fixture
def manager(client, project):
    client.force_login(make.a_member(project, "manager"))
    return client


def asked(endpoint, **changed):
    said = {
        "name": "First",
        "workflow": "rewrite",
        "kinds": ["reasoning"],
        "state": "approved",
        "endpoint": str(endpoint.uuid),
        "accepting": "verdicts",
        "required": ["judge"],
        "decisions": 1,
        "target": 3,
        "pilot": 2,
        "budget_tokens": 100_000,
        "draw": 1,
    }
    return {**said, **changed}


def page_of(run, what="run"):
    return f"/projects/stars/runs/{run.uuid}/" + ("" if what == "run" else what)


def test_without_an_endpoint_the_form_says_how_to_connect_one(manager):
    page = manager.get("/projects/stars/runs/new").content.decode()
    assert (
        "No language model is connected" in page
        and "LLM_BASE_URL" in page
        and "<form" not in page.partition("<main")[2].partition("No language")[0]
    )


def test_from_the_form_over_the_pilot_to_the_target(manager, project):
    with serving(sensible()) as server:
        endpoint = an_endpoint(server)
        assert (
            "4</strong> seeds"
            in manager.get(
                "/projects/stars/runs/seeds", {"workflow": "rewrite", "state": "approved"}
            ).content.decode()
        )
        response = manager.post("/projects/stars/runs/new", asked(endpoint))
        run = Run.objects.get()
        assert response.status_code == 302 and response["Location"] == page_of(run)
        jobs.drain(run.job)
        page = manager.get(page_of(run)).content.decode()
        assert "Pilot done" in page and "What the whole would come to" in page and "Start the run" in page
        response = manager.post(
            page_of(run, "go-on"), {"target": 3, "most_candidates": 20, "budget_tokens": 500_000}
        )
        assert response.status_code == 302
        jobs.drain(run.job)
    run.refresh_from_db()
    page = manager.get(page_of(run)).content.decode()
    assert "Target reached" in page and "3 of 3 accepted" in page and "Start the run" not in page
    listed = manager.get("/projects/stars/samples/", {"run": str(run.uuid)}).content.decode()
    assert listed.count("/samples/") >= 3
    assert "Target reached" in manager.get("/projects/stars/runs/").content.decode()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": ""}, "This field is required"),
        ({"target": 0}, "greater than or equal to 1"),
        ({"budget_tokens": ""}, "how many tokens, or how much money"),
        ({"required": []}, "which verdicts a sample needs"),
        ({"language": "xx"}, "xx is not one of the available choices"),
        ({"workflow": "instruction-reversal"}, "There is no approved seed that instruction reversal takes"),
    ],
)
def test_what_cannot_be_run_is_refused_on_the_form_and_nothing_typed_is_lost(manager, project, changed, said):
    with serving() as server:
        response = manager.post("/projects/stars/runs/new", asked(an_endpoint(server), draw=77, **changed))
    page = response.content.decode()
    assert response.status_code == 422 and said in page and 'value="77"' in page
    assert not Run.objects.exists()


def test_what_was_lost_is_shown_with_the_calls_that_led_there(manager, project):
    bad = {**GOOD, "correct": False, "comparison": "Step <b>2</b> does not follow."}
    with serving(sensible((CHECK, lambda seen, nth: bad))) as server:
        run = a_run(project, an_endpoint(server), target=2, most_candidates=3)
        jobs.drain(run.job)
    page = manager.get(page_of(run)).content.decode()
    assert "No candidates left" in page and "Wrong answer" in page and "check/1" in page
    losses = manager.get(page_of(run, "losses"), {"reason": "wrong_answer"}).content.decode()
    assert "Step &lt;b&gt;2&lt;/b&gt; does not follow." in losses and "<b>2" not in losses
    call = Loss.objects.first().calls.order_by("pk").last()
    shown = manager.get(page_of(run, f"calls/{call.uuid}"), headers={"HX-Request": "true"}).content.decode()
    assert (
        "does not follow" in shown
        and "<b>2" not in shown
        and "The reader will see the task" in shown
        and "<html" not in shown
    )


def test_a_call_of_another_run_is_not_found(manager, project):
    with serving(sensible()) as server:
        endpoint = an_endpoint(server)
        run, other = (a_run(project, endpoint, target=1) for _ in range(2))
        jobs.drain(other.job)
    call = Call.objects.filter(job=other.job).first()
    assert manager.get(page_of(run, f"calls/{call.uuid}")).status_code == 404


def test_a_run_is_paused_resumed_and_cancelled_from_its_page(manager, project):
    with serving(sensible()) as server:
        run = a_run(project, an_endpoint(server), target=2)
        jobs.plan(run.job_id)
        for verb, standing in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
            assert manager.post(page_of(run, verb)).status_code == 302
            assert Run.objects.get().standing == standing
        assert manager.get(page_of(run, "pause")).status_code == 405
        assert "can be resumed" in manager.get(page_of(run)).content.decode()


def test_the_form_offers_what_a_coverage_cell_asks_for(manager, project):
    Endpoint.objects.create(name="Tiny", address="http://127.0.0.1:9/v1", model="tiny")
    page = manager.get(
        "/projects/stars/runs/new",
        {"skill": "working out a quantity", "difficulty": "hard", "workflow": "self-revision"},
    ).content.decode()
    for value in ("working out a quantity", "hard", "self-revision"):
        assert f'<option value="{value}" selected>' in page


def test_the_list_of_runs_asks_as_much_for_many_as_for_one(manager, project, django_assert_max_num_queries):
    endpoint = Endpoint.objects.create(name="Tiny", address="http://127.0.0.1:9/v1", model="tiny")
    for _ in range(5):
        a_run(project, endpoint, target=1)
    with django_assert_max_num_queries(14):
        assert manager.get("/projects/stars/runs/").content.decode().count("table-line number") >= 5


def test_a_run_over_rest(client, project):
    from curation.actions import people

    _, token = people.issue_token(make.a_member(project, "manager"), "script")
    headers = {"Authorization": f"Bearer {token}"}

    def post(path, **body):
        return client.post(
            f"/api/v1/projects/stars/{path}",
            json.dumps(body),
            content_type="application/json",
            headers=headers,
        )

    with serving(sensible()) as server:
        an_endpoint(server)
        body = {
            "workflow": "rewrite",
            "target": 3,
            "budget_tokens": 100_000,
            "accepting": "verdicts",
            "required": ["judge"],
            "pilot": 1,
            "options": {"forms": ["reasoning"]},
        }
        assert post("generate", **{**body, "budget_tokens": None}).status_code == 409
        response = post("generate", **body)
        assert response.status_code == 202, response.content
        run = Run.objects.get()
        jobs.drain(run.job)
        told = client.get(f"/api/v1/projects/stars/runs/{run.uuid}", headers=headers).json()
        assert told["state"] == "ready" and told["estimate"]["candidates"][1] == 3
        assert post(f"runs/{run.uuid}/pause").status_code == 409
        assert (
            post(f"runs/{run.uuid}/go-on", target=3, most_candidates=9, budget_tokens=900_000).status_code
            == 202
        )
        jobs.drain(run.job)
        told = client.get(f"/api/v1/projects/stars/runs/{run.uuid}", headers=headers).json()
    assert (told["state"], told["accepted"], told["samples"]) == ("target", 3, Sample.objects.count())
    assert told["tokens"] == server.tokens
