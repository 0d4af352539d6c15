import pytest

from curation.jobs import run
from curation.models import Activity, Job, KnobChange
from curation.recipe.knobs import Knobs
from curation.web import keyset
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make.a_project("stars")


@pytest.fixture
def manager(project, client):
    user = make.a_member(project, "manager")
    client.force_login(user)
    return user


def test_the_page_says_which_thresholds_are_ours(client, project, manager):
    project.knobs = {"min_factual": 3.5}
    project.save()
    response = client.get("/projects/stars/settings/")
    ours = {knob["field"].name: knob["is_ours"] for knob in response.context["knobs"]}
    assert not ours.pop("min_factual")
    assert all(ours.values())
    assert "Our default is 2" in response.content.decode()


def test_a_threshold_is_stored_while_it_differs_from_ours(client, project, manager):
    client.post("/projects/stars/settings/thresholds", {"min_factual": "3.5"})
    project.refresh_from_db()
    assert project.knobs == {"min_factual": 3.5}
    assert Activity.objects.get(project=project).details == {"min_factual": [Knobs().min_factual, 3.5]}
    client.post("/projects/stars/settings/thresholds", {"min_factual": ""})
    project.refresh_from_db()
    assert project.knobs == {}


def test_a_threshold_of_a_project_with_documents_moves_by_a_job_that_can_be_undone(client, project, manager):
    make.a_document(project)
    sent = {"min_factual": "3.5", "seeds_decisions": "2"}
    response = client.post("/projects/stars/settings/thresholds", sent)
    project.refresh_from_db()
    assert project.knobs == {"seeds_decisions": 2}
    change = KnobChange.objects.get(project=project)
    assert (change.after, change.by) == ({"min_factual": 3.5}, manager)
    assert response["Location"].endswith(f"/thresholds/changes/{change.uuid}/")
    assert client.post("/projects/stars/settings/thresholds", {"min_factual": "3"}).status_code == 422
    assert run.drain(change.job).state == Job.State.DONE
    project.refresh_from_db()
    assert project.knobs == {"seeds_decisions": 2, "min_factual": 3.5}


def test_a_threshold_out_of_range_is_refused(client, project, manager):
    response = client.post("/projects/stars/settings/thresholds", {"min_factual": "7"})
    assert response.status_code == 422
    for nonsense in ("nan", "inf", "five"):
        assert (
            client.post("/projects/stars/settings/thresholds", {"min_factual": nonsense}).status_code == 422
        )
    project.refresh_from_db()
    assert project.knobs == {}


def test_what_a_project_says_of_itself_is_saved(client, project, manager):
    sent = {"name": "Stars", "description": "Bright", "languages": "en, fr", "guidelines": "# Read\r\nslowly"}
    assert client.post("/projects/stars/settings/about", sent).status_code == 302
    project.refresh_from_db()
    assert project.languages == ["en", "fr"]
    assert project.guidelines == "# Read\nslowly"
    assert (
        client.post("/projects/stars/settings/about", {**sent, "languages": "toolonglanguage"}).status_code
        == 422
    )
    assert client.post("/projects/stars/settings/about", {**sent, "name": " "}).status_code == 422


def test_a_project_is_archived_and_restored(client, project, manager):
    annotator = make.a_member(project)
    client.post("/projects/stars/settings/archive")
    client.post("/projects/stars/settings/archive")
    project.refresh_from_db()
    assert project.archived_at
    assert "Restore project" in client.get("/projects/stars/settings/").content.decode()
    client.force_login(annotator)
    assert client.post("/projects/stars/settings/restore").status_code == 403
    client.force_login(manager)
    client.post("/projects/stars/settings/restore")
    project.refresh_from_db()
    assert project.archived_at is None
    assert Activity.objects.filter(project=project).count() == 2


def test_a_project_with_a_running_job_is_not_archived(client, project, manager):
    Job.objects.create(project=project, kind="extract")
    client.post("/projects/stars/settings/archive")
    project.refresh_from_db()
    assert project.archived_at is None


def test_the_activity_log_is_paged_and_scoped(client, project, manager, django_assert_max_num_queries):
    for number in range(60):
        Activity.objects.create(project=project, actor=manager, verb=f"did {number}")
    Activity.objects.create(project=make.a_project(), actor=manager, verb="elsewhere")
    with django_assert_max_num_queries(12):
        response = client.get("/projects/stars/settings/activity")
    assert len(response.context["page"]) == keyset.PAGE_SIZE
    assert "elsewhere" not in response.content.decode()
