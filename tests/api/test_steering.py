import pytest

from curation.actions import scorers, thresholds
from curation.jobs.run import drain
from curation.models import Job, KnobChange, Project
from tests import factories as make
from tests import labelling
from tests.api.test_api import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(monkeypatch):
    monkeypatch.setattr(scorers, "AFTER_SCORING", ("select",))
    monkeypatch.setattr(thresholds, "COMPARED_ANEW", ("select",))
    made = make.a_project("stars", knobs={"min_educational": 0.0, "min_factual": 0.0, "min_reasoning": 0.0})
    labelling.embedded(made)
    points = labelling.vectors(80)
    passages = labelling.pages(made, points, model=labelling.bundled())
    labelling.scored(made)
    labelling.rated(make.a_queue(made, "scores"), passages, {"factual": labelling.teacher(points)})
    return made


@pytest.fixture
def api(project):
    return Api(make.a_member(project, "manager"))


def carried_out(project):
    while job := Job.objects.active().filter(project=project).order_by("pk").first():
        assert drain(job).state == Job.State.DONE


def speaking(api):
    return {
        (one["rubric"], one["scorer"]) for one in api.get("/projects/stars/scorers").json() if one["speaks"]
    }


def test_a_version_is_trained_activated_and_rolled_back(api, project):
    response = api.post("/projects/stars/rubrics/factual/train", {})
    assert response.status_code == 202, response.content
    assert response.json()["kind"] == "train"
    carried_out(project)
    assert ("factual", "head-1") in speaking(api)
    assert api.post("/projects/stars/rubrics/factual/roll-back", {}).status_code == 202
    carried_out(project)
    assert ("factual", "starter-1") in speaking(api)
    body = {"version": "head-1", "why": "It is better."}
    assert api.post("/projects/stars/rubrics/factual/activate", body).status_code == 202
    carried_out(project)
    assert ("factual", "head-1") in speaking(api)
    refused = api.post("/projects/stars/rubrics/factual/activate", body)
    assert (refused.status_code, refused.json()["error"]) == (409, "scorer_refused")


def test_too_few_labels_and_unknown_rubrics_are_told(api):
    refused = api.post("/projects/stars/rubrics/reasoning/train", {})
    assert (refused.status_code, refused.json()["error"]) == (409, "scorer_refused")
    assert "50 more settled labels" in refused.json()["detail"]
    assert api.post("/projects/stars/rubrics/charm/train", {}).status_code == 404


def test_thresholds_are_tried_moved_and_moved_back(api, project):
    changes = {"changes": {"min_factual": 5, "min_reasoning": 5}}
    foretold = api.post("/projects/stars/thresholds/effect", changes).json()
    assert (foretold["passages"]["before"], foretold["passages"]["after"]) == (80, 0)
    assert not KnobChange.objects.exists()
    moved = api.post("/projects/stars/thresholds", changes)
    assert moved.status_code == 202, moved.content
    assert not moved.json()["applied"]
    carried_out(project)
    assert api.get("/projects/stars/thresholds").json()["min_factual"] == 5
    undone = api.post(f"/projects/stars/thresholds/{moved.json()['id']}/undo", {})
    assert undone.json()["undoes"] == moved.json()["id"]
    carried_out(project)
    assert api.get("/projects/stars/thresholds").json()["min_factual"] == 0
    assert Project.objects.get(slug="stars").knobs == project.knobs
    wrong = api.post("/projects/stars/thresholds", {"changes": {"min_charm": 5}})
    assert (wrong.status_code, wrong.json()["error"]) == (409, "threshold_refused")
