import json
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from curation.actions import people
from curation.models import ApiToken, Decision, Job, Membership, Slot
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make.a_project("stars")


class Api:
    """A client with somebody's token."""

    def __init__(self, user):
        self.client = Client()
        _, self.secret = people.issue_token(user, "test")

    def get(self, path, **query):
        return self.client.get(f"/api/v1{path}", query, headers=self.headers)

    def post(self, path, body=None):
        return self.client.post(
            f"/api/v1{path}", json.dumps(body or {}), content_type="application/json", headers=self.headers
        )

    @property
    def headers(self):
        return {"Authorization": f"Bearer {self.secret}"}


@pytest.fixture
def person(project):
    return make.a_member(project)


@pytest.fixture
def api(person):
    return Api(person)


def claim(api, queue):
    return api.post(f"/queues/{queue.uuid}/claim").json()


def decide(api, claimed, verdict="accept", **more):
    return api.post(
        f"/items/{claimed['item']}/decide", {"lease": claimed["lease"], "verdict": verdict, **more}
    )


def test_a_person_works_through_a_queue(api, project):
    queue = make.a_queue(project)
    items = [make.an_item(queue) for _ in range(3)]
    listed = api.get("/projects/stars/queues").json()
    assert [(one["id"], one["items"], one["open"]) for one in listed] == [(str(queue.uuid), 3, 3)]
    seen = []
    while (response := api.post(f"/queues/{queue.uuid}/claim")).status_code == 200:
        claimed = response.json()
        assert claimed["kind"] == "seeds"
        assert claimed["subject"]["text"].startswith("Passage")
        answered = decide(api, claimed, seconds=3.5)
        assert answered.json()["counts"] is True
        seen.append(claimed["item"])
    assert response.status_code == 204
    assert response["Seedbed-Why"] == "all_done"
    assert seen == [str(item.uuid) for item in items]


def test_every_kind_of_queue_shows_its_subject(api, project):
    for kind in ("seeds", "scores", "samples"):
        queue = make.a_queue(project, kind)
        item = make.an_item(queue)
        claimed = claim(api, queue)
        assert claimed["item"] == str(item.uuid)
        assert claimed["subject"]["text"]
        body = {"verdict": "rate", "ratings": {"factual": 3, "reasoning": 4}} if kind == "scores" else {}
        assert decide(api, claimed, **body).status_code == 200


def test_an_edit_is_kept_as_a_version(api, project):
    queue = make.a_queue(project, "samples")
    make.an_item(queue)
    claimed = claim(api, queue)
    messages = claimed["subject"]["messages"]
    messages[-1]["content"] = "Better."
    assert decide(api, claimed, messages=messages).status_code == 200
    assert Decision.objects.get().text_version.messages[-1]["content"] == "Better."


def test_the_same_decision_sent_twice_is_one(api, project):
    queue = make.a_queue(project)
    make.an_item(queue)
    claimed = claim(api, queue)
    first, second = decide(api, claimed), decide(api, claimed)
    assert first.json() == second.json()
    assert Decision.objects.count() == 1


def test_skip_flag_and_undo(api, project):
    queue = make.a_queue(project)
    make.an_item(queue), make.an_item(queue)
    one, two = claim(api, queue), claim(api, queue)
    assert decide(api, one, "skip").json()["counts"] is False
    assert decide(api, two, "flag", note="look").json()["event"] == "flag"
    again = api.post(f"/items/{one['item']}/undo").json()
    assert (
        decide(api, {"item": one["item"], "lease": again["lease"]}, "reject", reason="wrong").status_code
        == 200
    )
    assert api.post(f"/items/{one['item']}/undo").status_code == 200
    assert api.post(f"/items/{two['item']}/undo").status_code == 200
    response = api.post(f"/items/{two['item']}/undo")
    assert response.status_code == 409
    assert response.json()["error"] == "nothing_to_undo"


def test_leases_are_renewed_and_released(api, project):
    queue = make.a_queue(project)
    make.an_item(queue)
    claimed = claim(api, queue)
    assert [one["lease"] for one in api.get(f"/queues/{queue.uuid}/held").json()] == [claimed["lease"]]
    Slot.objects.update(expires_at=timezone.now() + timedelta(seconds=5))
    renewed = api.post(f"/items/{claimed['item']}/renew", {"lease": claimed["lease"]}).json()
    assert renewed["expires_at"] > (timezone.now() + timedelta(minutes=5)).isoformat()
    body = {"lease": claimed["lease"]}
    assert api.post(f"/items/{claimed['item']}/release", body).json() == {"released": True}
    assert api.post(f"/items/{claimed['item']}/release", body).json() == {"released": False}
    gone = api.post(f"/items/{claimed['item']}/renew", body)
    assert gone.status_code == 410
    assert gone.json()["error"] == "lease_gone"
    assert gone.json()["way_out"]


def test_a_decision_that_comes_too_late_is_surplus(api, project):
    queue = make.a_queue(project)
    make.an_item(queue)
    claimed = claim(api, queue)
    Slot.objects.update(expires_at=timezone.now() - timedelta(hours=1))
    other = Api(make.a_member(project))
    assert decide(other, claim(other, queue)).json()["counts"] is True
    late = decide(api, claimed).json()
    assert (late["counts"], late["surplus"]) == (False, True)


def test_somebody_else_s_lease_decides_nothing(api, project):
    queue = make.a_queue(project)
    make.an_item(queue)
    other = Api(make.a_member(project))
    theirs = claim(other, queue)
    response = decide(api, theirs)
    assert response.status_code == 409
    assert response.json()["error"] == "lease_unknown"
    for action in ("renew", "release"):
        assert api.post(f"/items/{theirs['item']}/{action}", {"lease": theirs["lease"]}).status_code == 409
    assert Slot.objects.get().state == "held"


def test_answers_that_do_not_fit_are_refused_and_nothing_is_lost(api, project):
    queue = make.a_queue(project)
    make.an_item(queue)
    claimed = claim(api, queue)
    for body in (
        {"verdict": "reject"},
        {"verdict": "reject", "reason": "because"},
        {"verdict": "rate", "ratings": {"factual": 2}},
        {"verdict": "maybe"},
        {"note": "a\x00b"},
        {"note": "\ud800"},
        {"seconds": -1},
        {"text": " "},
        {"colour": "red"},
        {"lease": "x"},
    ):
        response = decide(api, claimed, **body)
        assert response.status_code == 422, body
        assert response.json()["error"] == "invalid"
        assert response.json()["detail"]
    assert decide(api, claimed).status_code == 200


def test_a_queue_that_is_paused_gives_nothing(api, project):
    queue = make.a_queue(project, paused_at=timezone.now())
    make.an_item(queue)
    response = api.post(f"/queues/{queue.uuid}/claim")
    assert (response.status_code, response["Seedbed-Why"]) == (204, "paused")


def test_nobody_takes_a_queue_away(api, project):
    queue = make.a_queue(project)
    for _ in range(12):
        make.an_item(queue)
    for _ in range(10):
        assert api.post(f"/queues/{queue.uuid}/claim").status_code == 200
    response = api.post(f"/queues/{queue.uuid}/claim")
    assert (response.status_code, response.json()["error"]) == (409, "too_many_held")


def test_claiming_takes_few_queries(api, project, django_assert_max_num_queries):
    for kind in ("seeds", "scores", "samples"):
        queue = make.a_queue(project, kind)
        make.an_item(queue), make.an_item(queue)
        claim(api, queue)
        with django_assert_max_num_queries(9):
            assert api.post(f"/queues/{queue.uuid}/claim").status_code == 200


# Who


def test_without_a_token_or_session_nothing_is_told(client, project):
    queue = make.a_queue(project)
    for path in ("/projects", "/projects/stars", f"/queues/{queue.uuid}/held"):
        response = client.get(f"/api/v1{path}")
        assert (response.status_code, response.json()["error"]) == (401, "not_signed_in")
        assert response["WWW-Authenticate"] == "Bearer"
    assert client.post(f"/api/v1/queues/{queue.uuid}/claim").status_code == 401


def test_a_wrong_token_is_refused_even_in_a_signed_in_browser(client, person):
    client.force_login(person)
    assert client.get("/api/v1/projects").status_code == 200
    assert client.get("/api/v1/projects", headers={"Authorization": "Bearer nonsense"}).status_code == 401
    assert client.get("/api/v1/projects", headers={"Authorization": "Basic abc"}).status_code == 401


def test_a_revoked_token_or_a_deactivated_person_is_out_at_once(api, person):
    assert api.get("/projects").status_code == 200
    other = Api(person)
    people.revoke_token(ApiToken.objects.first())
    assert {api.get("/projects").status_code, other.get("/projects").status_code} == {200, 401}
    people.deactivate(person, make.an_admin())
    assert api.get("/projects").status_code == other.get("/projects").status_code == 401


def test_a_session_changes_things_only_with_its_csrf_token(person, project):
    queue = make.a_queue(project)
    make.an_item(queue)
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(person)
    response = browser.post(f"/api/v1/queues/{queue.uuid}/claim")
    assert (response.status_code, response.json()["error"]) == (403, "csrf")
    browser.get("/account")
    token = browser.cookies["seedbed_csrf"].value
    assert (
        browser.post(f"/api/v1/queues/{queue.uuid}/claim", headers={"X-CSRFToken": token}).status_code == 200
    )


def test_what_is_not_mine_is_not_there(api):
    foreign = make.a_project("secret")
    queue = make.a_queue(foreign)
    item = make.an_item(queue)
    job = Job.objects.create(project=foreign, kind="extract")
    gets = (
        "/projects/secret",
        f"/projects/{foreign.uuid}",
        "/projects/secret/queues",
        "/projects/secret/jobs",
    )
    for path in (*gets, f"/jobs/{job.uuid}", f"/queues/{queue.uuid}/held", f"/exports/{uuid.uuid4()}"):
        assert api.get(path).status_code == 404, path
    lease = {"lease": str(uuid.uuid4())}
    for path in ("renew", "release", "undo"):
        assert api.post(f"/items/{item.uuid}/{path}", lease).status_code == 404
    assert api.post(f"/items/{item.uuid}/decide", {**lease, "verdict": "skip"}).status_code == 404
    assert api.post(f"/queues/{queue.uuid}/claim").status_code == 404
    assert [one["slug"] for one in api.get("/projects").json()] == ["stars"]


def test_a_role_that_is_too_low_is_told_so(api, project):
    job = Job.objects.create(project=project, kind="extract")
    response = api.post(f"/jobs/{job.uuid}/cancel")
    assert (response.status_code, response.json()["error"]) == (403, "not_allowed")
    assert api.post("/projects/stars/exports", {"what": "documents"}).status_code == 403


def test_who_left_the_project_cannot_use_what_they_hold(api, person, project):
    queue = make.a_queue(project)
    make.an_item(queue)
    claimed = claim(api, queue)
    Membership.objects.filter(user=person).delete()
    assert decide(api, claimed).status_code == 404


# Jobs, imports, exports


def test_jobs_are_listed_shown_cancelled_and_resumed(project):
    manager = Api(make.a_member(project, "manager"))
    made = [Job.objects.create(project=project, kind="extract", lane=str(n)) for n in range(3)]
    listed = manager.get("/projects/stars/jobs", limit=2).json()
    assert [one["id"] for one in listed] == [str(made[2].uuid), str(made[1].uuid)]
    rest = manager.get("/projects/stars/jobs", before=listed[-1]["id"]).json()
    assert [one["id"] for one in rest] == [str(made[0].uuid)]
    assert manager.get(f"/jobs/{made[0].uuid}").json()["progress"]["total"] == 0
    assert manager.post(f"/jobs/{made[0].uuid}/cancel").json()["state"] == "cancelled"
    assert manager.post(f"/jobs/{made[0].uuid}/cancel").status_code == 409
    assert manager.post(f"/jobs/{made[0].uuid}/resume").json()["state"] == "waiting"


def test_the_studio_s_own_jobs_are_nobody_s():
    job = Job.objects.create(kind="sweep")
    assert Api(make.an_admin()).get(f"/jobs/{job.uuid}").status_code == 404


# The rest


def test_the_documentation_opens_without_anything_from_elsewhere(client):
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    body = page.content.decode()
    assert "https://" not in body
    assert "<script>" not in body
    assert client.get("/api/v1/openapi.json").json()["paths"]["/api/v1/queues/{queue}/claim"]


def test_unknown_addresses_and_methods_are_told_as_json(client, api):
    response = client.get("/api/v1/nothing")
    assert (response.status_code, response.json()["error"]) == (404, "not_found")
    response = api.get(f"/queues/{uuid.uuid4()}/claim")
    assert (response.status_code, response.json()["error"]) == (405, "method_not_allowed")
    assert api.get("/queues/not-an-id/held").status_code == 404
    broken = api.client.post(
        f"/api/v1/items/{uuid.uuid4()}/decide", "{", content_type="application/json", headers=api.headers
    )
    assert (broken.status_code, broken.json()["error"]) == (400, "bad_request")
