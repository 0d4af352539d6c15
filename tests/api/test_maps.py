import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from curation.jobs.run import drain
from curation.models import Job, ProjectMap
from tests import factories as make
from tests import labelling
from tests.api.test_api import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make.a_project("stars")


def test_the_map_is_drawn_and_described(project):
    api = Api(make.a_member(project, "manager"))
    assert api.get("/projects/stars/map").status_code == 404
    refused = api.post("/projects/stars/map", {})
    assert refused.status_code == 409 and refused.json()["error"] == "map_refused"
    labelling.pages(project, labelling.vectors(12))
    assert api.post("/projects/stars/map", {"colour": "red"}).status_code == 422
    started = api.post("/projects/stars/map", {"with_left_out": True})
    assert started.status_code == 202 and started.json()["kind"] == "map"
    drain(Job.objects.get(uuid=started.json()["job"]))
    found = api.get("/projects/stars/map").json()
    assert (found["passages"], found["left_aside"], found["with_left_out"]) == (12, 0, True)
    assert found["id"] == str(ProjectMap.objects.get().uuid)


def test_the_command_draws_the_map_and_says_what_is_on_it(project):
    with pytest.raises(CommandError, match="Curate the project"):
        call_command("map", "stars")
    labelling.pages(project, labelling.vectors(12))
    out = StringIO()
    call_command("map", "stars", stdout=out)
    said = json.loads(out.getvalue())
    assert (said["passages"], said["left_aside"]) == (12, 0)
    assert said["map"] == str(ProjectMap.objects.get(project=project).uuid)
