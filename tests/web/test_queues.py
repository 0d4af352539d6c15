import uuid

import pytest

from curation.actions import queues, review
from curation.actions.queues import Filling
from curation.models import Queue, Slot
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


@pytest.fixture
def queue(project, manager):
    for _ in range(3):
        make.a_seed(project)
    return queues.create_queue(project, manager, kind="seeds", name="Seeds", wanted=2)


def address(queue, action=""):
    return f"/projects/{queue.project.slug}/queues/{queue.uuid}/{action}"


def test_a_queue_is_created_by_kind_then_filled(client, project, manager):
    assert client.get("/projects/stars/queues/new").templates[0].name == "queues/kinds.html"
    for kind in ("seeds", "scores", "samples"):
        assert client.get(f"/projects/stars/queues/new?kind={kind}").status_code == 200
    sent = {
        "kind": "scores",
        "name": "Rate",
        "wanted": 2,
        "order": "random",
        "random_seed": 5,
        "dispute_gap": 2,
    }
    response = client.post("/projects/stars/queues/new", sent)
    queue = Queue.objects.get()
    assert response["Location"] == address(queue, "fill")
    assert (queue.wanted, queue.order, queue.random_seed) == (2, "random", 5)
    assert client.post("/projects/stars/queues/new", sent).status_code == 422
    assert (
        client.post("/projects/stars/queues/new", {**sent, "name": "B", "order": "highest"}).status_code
        == 422
    )


def test_the_count_shown_is_what_is_added(client, project, queue):
    response = client.get(address(queue, "fill"), {"take": 2, "sample_seed": 4})
    assert (response.context["matching"], response.context["new"]) == (2, 2)
    assert "Add 2 items" in response.content.decode()
    client.post(address(queue, "fill"), {"take": 2, "sample_seed": 4})
    assert queue.items.count() == 2
    assert Slot.objects.filter(queue=queue).count() == 4
    queue.refresh_from_db()
    assert queue.filter == {"take": 2, "sample_seed": 4}
    assert "a random sample of 2 with seed 4" in client.get(address(queue)).content.decode()


def test_the_count_comes_as_a_part_for_htmx(client, queue):
    response = client.get(address(queue, "fill"), headers={"HX-Request": "true"})
    assert next(template.name for template in response.templates) == "queues/_count.html"
    assert "<html" not in response.content.decode()


def test_a_filter_that_makes_no_sense_is_refused(client, queue):
    for wrong in (
        {"least_score": 2},
        {"rubric": "factual", "least_score": 4, "most_score": 2},
        {"sources": "999"},
    ):
        assert client.get(address(queue, "fill"), wrong).status_code == 422
        assert client.post(address(queue, "fill"), wrong).status_code == 422
    assert queue.items.count() == 0


def test_a_source_of_another_project_cannot_be_chosen(client, queue):
    foreign = make.a_source(make.a_project())
    assert client.post(address(queue, "fill"), {"sources": str(foreign.pk)}).status_code == 422


def test_pages_of_queues_take_few_queries(client, queue, manager, django_assert_max_num_queries):
    queues.fill(queue, Filling(), manager)
    review.claim(queue, make.a_member(queue.project))
    for path in ("/projects/stars/queues/", address(queue), address(queue, "fill"), address(queue, "edit")):
        with django_assert_max_num_queries(12):
            assert client.get(path).status_code == 200


def test_buttons_say_what_should_be(client, queue, manager):
    for action, field in (("pause", "paused_at"), ("close", "archived_at")):
        client.post(address(queue, action))
        client.post(address(queue, action))
        queue.refresh_from_db()
        assert getattr(queue, field)
    for action, field in (("reopen", "archived_at"), ("resume", "paused_at")):
        client.post(address(queue, action))
        queue.refresh_from_db()
        assert getattr(queue, field) is None
        assert client.get(address(queue, action)).status_code == 405


def test_a_manager_frees_what_somebody_holds(client, queue, manager):
    queues.fill(queue, Filling(), manager)
    person = make.a_member(queue.project)
    claim = review.claim(queue, person)
    assert str(person) in client.get(address(queue)).content.decode()
    client.post(address(queue, "free"), {"lease": str(claim.lease)})
    assert not Slot.objects.filter(queue=queue, state="held").exists()
    for nonsense in ("", "x", str(uuid.uuid4())):
        assert client.post(address(queue, "free"), {"lease": nonsense}).status_code == 302


def test_a_queue_is_changed(client, queue):
    sent = {"name": "Better", "wanted": 3, "order": "random", "random_seed": 9, "guidelines": "Be kind"}
    assert client.post(address(queue, "edit"), sent).status_code == 302
    queue.refresh_from_db()
    assert (queue.name, queue.wanted, queue.order, queue.random_seed) == ("Better", 3, "random", 9)
    assert client.post(address(queue, "edit"), {**sent, "wanted": 12}).status_code == 422


def test_a_queue_of_another_project_is_not_there(client, queue):
    foreign = make.a_queue(make.a_project())
    for action in ("", "edit", "fill"):
        assert client.get(f"/projects/stars/queues/{foreign.uuid}/{action}").status_code == 404
    for action in ("pause", "resume", "close", "reopen", "free", "fill", "edit"):
        assert client.post(f"/projects/stars/queues/{foreign.uuid}/{action}").status_code == 404


def test_items_are_paged_by_key(client, queue, manager):
    for _ in range(60):
        make.a_seed(queue.project)
    queues.fill(queue, Filling(), manager)
    first = client.get(address(queue))
    assert len(first.context["page"]) == keyset.PAGE_SIZE
    second = client.get(address(queue), {"after": first.context["page"].older})
    assert len(second.context["page"]) == 63 - keyset.PAGE_SIZE
    assert not {item.pk for item in first.context["page"]} & {item.pk for item in second.context["page"]}
    assert client.get(address(queue), {"state": "accepted"}).status_code == 200


def test_the_shares_of_a_learning_queue_are_set_and_never_more_than_the_whole(client, project, manager):
    said = {"name": "Learn", "wanted": 1, "order": "learning", "random_seed": 1, "dispute_gap": 2}
    new = f"/projects/{project.slug}/queues/new?kind=scores"
    refused = client.post(new, {**said, "kind": "scores", "share_random": 0.7, "share_top": 0.5})
    assert refused.status_code == 422
    assert "more than the whole" in refused.content.decode()
    client.post(new, {**said, "kind": "scores", "share_random": 0.5, "share_top": 0.25})
    queue = project.queues.get(name="Learn")
    assert (queue.share_random, queue.share_top) == (0.5, 0.25)
    client.post(address(queue, "edit"), {**said, "share_random": 0.1, "share_top": 0})
    queue.refresh_from_db()
    assert (queue.share_random, queue.share_top) == (0.1, 0)
