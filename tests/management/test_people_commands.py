import io

import pytest
from django.core.management import CommandError, call_command

from curation.actions import people
from curation.models import Membership, User
from tests import factories as make

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_member_makes_an_account_and_prints_a_link_that_works(client, settings):
    project = make.a_project("stars")
    settings.STUDIO_URL = "http://127.0.0.1:9000"
    said = run("member", "stars", "New@Example.org", "--role", "reviewer").strip()
    assert said.startswith("http://127.0.0.1:9000/sign-in/link/")
    assert Membership.objects.get(project=project).role == "reviewer"
    path = said.removeprefix("http://127.0.0.1:9000")
    assert client.get(path).status_code == 200
    sent = {"password": "a long enough phrase", "again": "a long enough phrase"}
    assert client.post(path, sent).status_code == 302
    assert client.get("/account").status_code == 200


def test_member_again_changes_the_role_and_prints_a_new_link():
    project = make.a_project("stars")
    first = run("member", "stars", "a@example.org", "--role", "annotator")
    second = run("member", "stars", "A@example.org", "--role", "manager", "--base", "studio.example.org")
    assert first != second
    assert second.startswith("http://studio.example.org/sign-in/link/")
    assert Membership.objects.get(project=project).role == "manager"
    assert User.objects.count() == 1


def test_member_names_what_is_wrong():
    make.a_project("stars")
    with pytest.raises(CommandError, match="Projects: stars"):
        run("member", "moons", "a@example.org", "--role", "annotator")
    with pytest.raises(CommandError, match="email"):
        run("member", "stars", "nobody", "--role", "annotator")
    with pytest.raises(CommandError, match="without a path"):
        run("member", "stars", "a@example.org", "--role", "annotator", "--base", "http://x/y")
    with pytest.raises(CommandError):
        run("member", "stars", "a@example.org", "--role", "king")


def test_token_prints_the_token_alone():
    user = make.a_user("a@example.org")
    secret = run("token", "A@example.org").strip()
    assert people.user_of_token(secret) == user
    with pytest.raises(CommandError, match="no account"):
        run("token", "b@example.org")
    people.deactivate(user, make.an_admin())
    with pytest.raises(CommandError, match="deactivated"):
        run("token", "a@example.org")
