import pytest
from django.urls import reverse

from curation.actions import people
from curation.actions.sign_in import LIMITS
from curation.models import ApiToken, SignInFailure, SignInLink
from tests import factories as make

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough phrase"


def sign_in(client, email, password, **extra):
    return client.post("/sign-in", {"email": email, "password": password, **extra})


def test_a_signed_out_visitor_is_sent_to_the_sign_in_and_back(client):
    user = make.a_user()
    response = client.get("/account")
    assert response.status_code == 302
    assert response["Location"] == "/sign-in?next=/account"
    assert client.get(response["Location"]).status_code == 200
    assert sign_in(client, user.email, "correct horse", next="/account")["Location"] == "/account"
    assert client.get("/account").status_code == 200


def test_a_part_that_htmx_asks_for_sends_the_whole_page_to_the_sign_in(client):
    response = client.get(
        "/account", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/account?a=1"}
    )
    assert response.status_code == 204
    assert response["HX-Redirect"] == "/sign-in?next=/account%3Fa%3D1"


def test_an_address_of_another_site_is_not_gone_to(client):
    user = make.a_user()
    for elsewhere in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
        assert sign_in(client, user.email, "correct horse", next=elsewhere)["Location"] == "/"
        client.logout()


def test_the_email_is_read_without_case_and_spaces(client):
    make.a_user("ana@example.org")
    assert sign_in(client, " Ana@Example.ORG ", "correct horse").status_code == 302


def test_nothing_tells_whether_an_account_exists(client):
    user, gone = make.a_user(), make.a_user(is_active=False)
    answers = [
        sign_in(client, email, password)
        for email, password in [
            (user.email, "wrong"),
            ("nobody@example.org", "wrong"),
            (gone.email, "correct horse"),
        ]
    ]
    assert {answer.status_code for answer in answers} == {422}
    said = {str(answer.context["form"].non_field_errors()) for answer in answers}
    assert len(said) == 1


def test_guessing_is_stopped_even_when_the_next_guess_is_right(client):
    user = make.a_user()
    for _ in range(LIMITS["pair"][0]):
        assert sign_in(client, user.email, "wrong").status_code == 422
    response = sign_in(client, user.email, "correct horse")
    assert response.status_code == 429
    assert response["Retry-After"]
    assert "Too many tries" in response.content.decode()


def test_guessing_from_elsewhere_does_not_lock_a_person_out(client):
    user = make.a_user()
    for _ in range(LIMITS["pair"][0]):
        client.post("/sign-in", {"email": user.email, "password": "wrong"}, REMOTE_ADDR="203.0.113.9")
    assert sign_in(client, user.email, "correct horse").status_code == 302


def test_one_machine_that_tries_many_accounts_is_stopped(client, monkeypatch):
    monkeypatch.setitem(LIMITS, "address", (5, LIMITS["address"][1]))
    for number in range(5):
        sign_in(client, f"person{number}@nowhere.example", "wrong")
    user = make.a_user()
    assert sign_in(client, user.email, "correct horse").status_code == 429


def test_signing_in_forgets_the_failures_and_what_was_typed_is_not_kept(client):
    user = make.a_user()
    sign_in(client, user.email, "wrong")
    assert SignInFailure.objects.count() == 3
    assert not any(user.email in failure.key for failure in SignInFailure.objects.all())
    sign_in(client, user.email, "correct horse")
    assert SignInFailure.objects.count() == 1


def test_signing_out_takes_a_post(client):
    client.force_login(make.a_user())
    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out").status_code == 302
    assert client.get("/account").status_code == 302


def test_opening_a_link_changes_nothing_and_sending_its_form_signs_in(client):
    user = make.a_user()
    address = reverse("accounts:link", kwargs={"secret": people.hand_out_link(user, None)})
    for _ in range(3):
        response = client.get(address)
        assert response.status_code == 200
        assert response["Referrer-Policy"] == "no-referrer"
        assert "no-store" in response["Cache-Control"]
    assert client.head(address).status_code == 200
    assert SignInLink.objects.get().used_at is None
    assert client.post(address, {"password": PASSWORD, "again": PASSWORD}).status_code == 302
    assert client.get("/account").status_code == 200
    assert client.get(address).status_code == 410


def test_a_link_refuses_passwords_that_differ_or_are_weak(client):
    user = make.a_user()
    address = reverse("accounts:link", kwargs={"secret": people.hand_out_link(user, None)})
    assert client.post(address, {"password": PASSWORD, "again": "another"}).status_code == 422
    assert client.post(address, {"password": "password12", "again": "password12"}).status_code in (302, 422)
    assert client.post(address, {"password": "short", "again": "short"}).status_code == 422


def test_a_made_up_link_is_gone(client):
    assert client.get("/sign-in/link/abc").status_code == 410
    assert client.post("/sign-in/link/abc", {"password": PASSWORD, "again": PASSWORD}).status_code == 410


def test_a_token_is_shown_once_and_can_be_revoked(client):
    user = make.a_user()
    client.force_login(user)
    made = client.post("/account/tokens", {"token-name": "laptop"})
    secret = made.context["secret"]
    assert secret in made.content.decode()
    assert "no-store" in made["Cache-Control"]
    assert secret not in client.get("/account").content.decode()
    token = ApiToken.objects.get(user=user)
    client.post(f"/account/tokens/{token.pk}/revoke")
    assert people.user_of_token(secret) is None


def test_nobody_revokes_the_token_of_another(client):
    token, secret = people.issue_token(make.a_user(), "theirs")
    client.force_login(make.a_user())
    assert client.post(f"/account/tokens/{token.pk}/revoke").status_code == 404
    assert people.user_of_token(secret)


def test_changing_the_password_asks_for_the_current_one_and_ends_other_sessions(client):
    from django.test import Client

    user = make.a_user()
    other = Client()
    other.force_login(user)
    client.force_login(user)
    wrong = {"current": "wrong", "password": PASSWORD, "again": PASSWORD}
    assert client.post("/account/password", wrong).status_code == 422
    assert client.post("/account/password", {**wrong, "current": "correct horse"}).status_code == 302
    assert client.get("/account").status_code == 200
    assert other.get("/account").status_code == 302


def test_a_deactivated_account_is_out_at_once(client):
    user = make.a_user()
    client.force_login(user)
    people.deactivate(user, make.an_admin())
    assert client.get("/account").status_code == 302
    assert sign_in(client, user.email, "correct horse").status_code == 422


def test_health_is_open_to_all(client):
    assert client.get("/healthz").status_code in (200, 503)
