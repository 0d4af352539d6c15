import io
import json

import pytest

from curation.actions import snapshots
from curation.jobs.run import drain
from curation.models import Document, Import, Job, Snapshot
from tests import factories as make
from tests.api.test_api import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make.a_project("stars")


@pytest.fixture
def api(project):
    return Api(make.a_member(project, "manager"))


def upload(api, *files, **fields):
    sent = [io.BytesIO(content) for _, content in files]
    for stream, (name, _) in zip(sent, files, strict=True):
        stream.name = name
    return api.client.post(
        "/api/v1/projects/stars/imports", {"source": "Web", "files": sent, **fields}, headers=api.headers
    )


def test_files_are_imported_by_a_job(api, project):
    rows = "\n".join(json.dumps({"body": f"Star number {n} is far away."}) for n in range(3))
    response = upload(
        api, ("stars.jsonl", rows.encode()), ("one.txt", b"A single star."), mapping='{"text": "body"}'
    )
    assert response.status_code == 202, response.content
    assert response.json()["files"] == ["stars.jsonl", "one.txt"]
    drain(Job.objects.get(uuid=response.json()["job"]))
    assert Document.objects.filter(project=project).count() == 4
    assert api.get(f"/jobs/{response.json()['job']}").json()["state"] == "done"


def test_an_import_that_cannot_be_is_refused_with_the_reason(api, project):
    assert upload(api).status_code == 422
    for wrong in (
        {"mapping": "{"},
        {"mapping": "[1]"},
        {"mapping": '{"colour": "x"}'},
        {"kind": "x"},
        {"what": "x"},
        {"source": ""},
    ):
        response = upload(api, ("a.txt", b"A star."), **wrong)
        assert response.status_code == 422, wrong
        assert response.json()["detail"]
    assert not Import.objects.exists()
    assert upload(Api(make.a_member(project)), ("a.txt", b"A star.")).status_code == 403


def test_what_is_approved_is_exported_and_downloaded(api, project):
    make.a_seed(project, state="approved")
    make.a_seed(project)
    made = api.post("/projects/stars/exports", {"what": "seeds"})
    assert made.status_code == 202, made.content
    assert made.json()["rows"] == 1
    assert made.json()["files"] == []
    drain(Job.objects.get(uuid=made.json()["job"]))
    ready = api.get(f"/exports/{made.json()['id']}").json()
    assert ready["state"] == "ready"
    file = ready["files"][0]
    body = b"".join(api.client.get(file["address"], headers=api.headers).streaming_content)
    assert len(body) == file["bytes"]
    assert api.get(f"/exports/{ready['id']}/files/../../../secret").status_code == 404
    assert api.get(f"/exports/{ready['id']}/files/nothing.jsonl").status_code == 404


def test_a_file_that_the_disk_has_lost_is_not_there(api, project, tmp_path, monkeypatch):
    make.a_seed(project, state="approved")
    made = api.post("/projects/stars/exports", {"what": "seeds"}).json()
    drain(Job.objects.get(uuid=made["job"]))
    name = Snapshot.objects.get().files.first().name
    monkeypatch.setattr(snapshots, "folder_of", lambda snapshot: tmp_path)
    assert api.get(f"/exports/{made['id']}/files/{name}").status_code == 404


def test_an_export_that_cannot_be_is_refused_with_the_reason(api, project):
    nothing = api.post("/projects/stars/exports", {"what": "seeds"})
    assert (nothing.status_code, nothing.json()["error"]) == (409, "export_refused")
    make.a_seed(project, state="approved")
    assert api.post("/projects/stars/exports", {"what": "seeds", "expected": 7}).status_code == 409
    assert (
        api.post("/projects/stars/exports", {"what": "seeds", "filters": {"colour": "red"}}).status_code
        == 422
    )
    assert api.post("/projects/stars/exports", {"what": "pairs"}).status_code == 422
    assert not Snapshot.objects.exists()
