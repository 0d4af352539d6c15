import re

import pytest

from curation.actions import people
from curation.models import Membership, Project, User
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


def test_the_page_lists_members_with_roles_in_few_queries(
    client, project, manager, django_assert_max_num_queries
):
    for role in ("annotator", "reviewer"):
        for _ in range(5):
            make.a_member(project, role)
    with django_assert_max_num_queries(12):
        response = client.get("/projects/stars/members/")
    assert response.status_code == 200
    assert len(response.context["rows"]) == 11


def test_only_managers_see_it(client, project):
    for role, status in (("annotator", 403), ("reviewer", 403), ("manager", 200)):
        client.force_login(make.a_member(project, role))
        assert client.get("/projects/stars/members/").status_code == status
    client.force_login(make.a_user())
    assert client.get("/projects/stars/members/").status_code == 404


def test_a_new_person_gets_a_link_that_is_shown_once(client, project, manager):
    response = client.post(
        "/projects/stars/members/invite", {"email": "new@example.org", "name": "New", "role": "reviewer"}
    )
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    address = re.search(r"http://[^\"]+/sign-in/link/[\w-]+", response.content.decode()).group()
    client.logout()
    assert client.get(address.partition("8000")[2] or address).status_code == 200
    assert Membership.objects.get(project=project, user__email="new@example.org").role == "reviewer"


def test_a_refused_invitation_says_why(client, project, manager):
    response = client.post("/projects/stars/members/invite", {"email": manager.email, "role": "annotator"})
    assert response.status_code == 422
    assert "member already" in response.content.decode()
    assert (
        client.post("/projects/stars/members/invite", {"email": "x", "role": "annotator"}).status_code == 422
    )
    assert (
        client.post("/projects/stars/members/invite", {"email": "a@b.org", "role": "king"}).status_code == 422
    )
    assert not User.objects.filter(email="a@b.org").exists()


def test_roles_are_set_and_members_removed(client, project, manager):
    member = make.a_member(project)
    membership = Membership.objects.get(project=project, user=member)
    client.post(f"/projects/stars/members/{membership.pk}/role", {"role": "reviewer"})
    membership.refresh_from_db()
    assert membership.role == "reviewer"
    client.post(f"/projects/stars/members/{membership.pk}/remove")
    assert not Membership.objects.filter(pk=membership.pk).exists()


def test_a_refused_change_keeps_the_page_and_says_why(client, project, manager):
    mine = Membership.objects.get(project=project, user=manager)
    response = client.post(f"/projects/stars/members/{mine.pk}/remove")
    assert response.status_code == 422
    assert "keeps one manager" in response.content.decode()


def test_a_member_of_another_project_is_not_reached_through_this_one(client, project, manager):
    elsewhere = Membership.objects.get(user=make.a_member(make.a_project()))
    for action in ("role", "link", "remove"):
        response = client.post(f"/projects/stars/members/{elsewhere.pk}/{action}", {"role": "manager"})
        assert response.status_code == 404
    elsewhere.refresh_from_db()
    assert elsewhere.role == "annotator"


def test_no_link_is_offered_for_people_of_other_projects(client, project, manager):
    theirs = make.a_member(project)
    shared = make.a_member(project)
    Membership.objects.create(project=make.a_project(), user=shared, role="annotator")
    rows = {row["membership"].user: row for row in client.get("/projects/stars/members/").context["rows"]}
    assert rows[theirs]["may_link"]
    assert not rows[shared]["may_link"]
    assert not rows[manager]["may_link"]
    for user, row in rows.items():
        assert row["may_link"] == people.may_hand_out_link(manager, user)
    membership = Membership.objects.get(project=project, user=shared)
    assert client.post(f"/projects/stars/members/{membership.pk}/link").status_code == 422


def test_home_lists_one_s_own_projects(client, project, manager):
    make.a_project("hidden")
    page = client.get("/").content.decode()
    assert "Stars" in page
    assert "Hidden" not in page
    assert "Create project" not in page


def test_home_counts_members_and_open_queues(client, project, manager):
    make.a_member(project)
    make.a_queue(project), make.a_queue(project)
    row = client.get("/").context["current"][0]
    assert (row["project"].member_count, row["project"].queue_count, row["role"]) == (2, 2, "Manager")


def test_site_admins_create_projects_and_nobody_else(client, project, manager):
    assert client.get("/new-project").status_code == 403
    assert client.post("/new-project", {"name": "Mine"}).status_code == 403
    admin = make.an_admin()
    client.force_login(admin)
    assert (
        client.post("/new-project", {"name": "Moons of Jupiter", "languages": "en, DE en"}).status_code == 302
    )
    made = Project.objects.get(slug="moons-of-jupiter")
    assert made.languages == ["en", "de"]
    assert Membership.objects.get(project=made).role == "manager"
    assert client.post("/new-project", {"name": "Moons of Jupiter"}).status_code == 422
    assert client.post("/new-project", {"name": "火星"}).status_code == 422
    assert client.post("/new-project", {"name": "x", "languages": "klingon!"}).status_code == 422
