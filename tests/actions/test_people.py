from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from curation.actions import people, review
from curation.actions.people import LinkGone, PeopleError
from curation.models import Activity, Decision, Membership, SignInLink, Slot, User
from tests import factories as make

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough phrase"


@pytest.fixture
def project():
    return make.a_project()


@pytest.fixture
def manager(project):
    return make.a_member(project, "manager")


def test_an_invitation_makes_an_account_a_membership_and_a_link(project, manager):
    invitation = people.invite(project, " New@Example.org ", "annotator", manager)
    assert invitation.new_account
    assert invitation.user.email == "new@example.org"
    assert not invitation.user.has_usable_password()
    assert Membership.objects.get(project=project, user=invitation.user).role == "annotator"
    assert invitation.secret not in SignInLink.objects.get().digest
    assert people.use_link(invitation.secret, PASSWORD) == invitation.user
    invitation.user.refresh_from_db()
    assert invitation.user.check_password(PASSWORD)


def test_a_link_works_once(project, manager):
    secret = people.invite(project, "new@example.org", "annotator", manager).secret
    people.use_link(secret, PASSWORD)
    with pytest.raises(LinkGone):
        people.use_link(secret, "another long phrase")


def test_looking_at_a_link_does_not_burn_it(project, manager):
    secret = people.invite(project, "new@example.org", "annotator", manager).secret
    people.find_link(secret)
    people.find_link(secret)
    assert people.use_link(secret, PASSWORD)


def test_a_refused_password_leaves_the_link_good(project, manager):
    secret = people.invite(project, "new@example.org", "annotator", manager).secret
    with pytest.raises(ValidationError):
        people.use_link(secret, "short")
    assert people.use_link(secret, PASSWORD)


def test_a_link_expires(project, manager):
    secret = people.invite(project, "new@example.org", "annotator", manager).secret
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(LinkGone):
        people.find_link(secret)


def test_a_newer_link_replaces_an_older_one(project, manager):
    member = make.a_member(project)
    older, newer = people.hand_out_link(member, manager), people.hand_out_link(member, manager)
    with pytest.raises(LinkGone):
        people.find_link(older)
    assert people.find_link(newer).purpose == "reset"


def test_a_manager_hands_out_links_only_where_they_give_nothing_away(project, manager):
    member, admin = make.a_member(project), make.an_admin()
    Membership.objects.create(project=project, user=admin, role="annotator")
    elsewhere = make.a_member(project)
    Membership.objects.create(project=make.a_project(), user=elsewhere, role="annotator")
    assert people.may_hand_out_link(manager, member)
    assert not people.may_hand_out_link(manager, admin)
    assert not people.may_hand_out_link(manager, elsewhere)
    assert not people.may_hand_out_link(manager, make.a_user())
    assert people.may_hand_out_link(admin, elsewhere)
    with pytest.raises(PeopleError, match="site admin"):
        people.hand_out_link(elsewhere, manager)


def test_inviting_somebody_of_another_project_gives_no_link_to_their_account(project, manager):
    other = make.a_project()
    stranger, _ = people.ensure_account("stranger@example.org")
    Membership.objects.create(project=other, user=stranger, role="manager")
    invitation = people.invite(project, "stranger@example.org", "annotator", manager)
    assert invitation.secret == ""
    assert not invitation.new_account


def test_who_has_a_password_gets_no_link_with_an_invitation(project, manager):
    user = make.a_user("known@example.org")
    assert people.invite(project, user.email, "reviewer", manager).secret == ""


def test_a_member_is_not_invited_twice(project, manager):
    member = make.a_member(project, "reviewer")
    with pytest.raises(PeopleError, match="member already"):
        people.invite(project, member.email, "manager", manager)
    assert Membership.objects.get(project=project, user=member).role == "reviewer"


def test_what_is_no_address_is_refused(project, manager):
    for address in ("", "nobody", "a b@c"):
        with pytest.raises(PeopleError, match="email"):
            people.invite(project, address, "annotator", manager)
    with pytest.raises(PeopleError, match="no role"):
        people.invite(project, "a@example.org", "king", manager)
    assert not User.objects.filter(email="a@example.org").exists()


def test_the_last_manager_stays_manager(project, manager):
    admin = make.an_admin()
    with pytest.raises(PeopleError, match="keeps one manager"):
        people.set_role(project, manager, "annotator", admin)
    with pytest.raises(PeopleError, match="keeps one manager"):
        people.remove_member(project, manager, admin)


def test_a_deactivated_manager_does_not_count_as_the_one_that_stays(project, manager):
    gone = make.a_member(project, "manager")
    people.deactivate(gone, make.an_admin())
    with pytest.raises(PeopleError, match="keeps one manager"):
        people.set_role(project, manager, "annotator", make.an_admin())


def test_managers_neither_demote_nor_remove_themselves(project, manager):
    make.a_member(project, "manager")
    with pytest.raises(PeopleError, match="Ask another manager"):
        people.set_role(project, manager, "reviewer", manager)
    with pytest.raises(PeopleError, match="Ask another manager"):
        people.remove_member(project, manager, manager)


def test_leaving_gives_items_back_and_keeps_decisions(project, manager):
    member = make.a_member(project)
    queue = make.a_queue(project)
    first, second = make.an_item(queue), make.an_item(queue)
    claim = review.claim(queue, member)
    review.decide(member, first, claim.lease, review.Answer("accept"))
    review.claim(queue, member)
    people.remove_member(project, member, manager)
    assert not Membership.objects.filter(project=project, user=member).exists()
    assert second.slots.get().state == Slot.State.OPEN
    assert Decision.objects.filter(user=member).count() == 1
    assert Activity.objects.filter(project=project, verb="removed a member").exists()


def test_deactivating_ends_everything_at_once_and_keeps_decisions(client, project):
    member, admin = make.a_member(project), make.an_admin()
    queue = make.a_queue(project)
    item = make.an_item(queue)
    make.an_item(queue)
    review.decide(member, item, review.claim(queue, member).lease, review.Answer("accept"))
    review.claim(queue, member)
    _, secret = people.issue_token(member, "script")
    link = people.hand_out_link(member, admin)
    client.force_login(member)
    people.deactivate(member, admin)
    assert people.user_of_token(secret) is None
    assert not Slot.objects.filter(holder=member, state="held").exists()
    assert Decision.objects.filter(user=member).count() == 1
    with pytest.raises(LinkGone):
        people.find_link(link)
    people.reactivate(User.objects.get(pk=member.pk), admin)
    assert people.user_of_token(secret) is None
    assert "_auth_user_id" in client.session
    assert not client.get("/admin/").wsgi_request.user.is_authenticated


def test_nobody_deactivates_themselves_or_the_last_admin():
    admin, other = make.an_admin(), make.a_user()
    with pytest.raises(PeopleError, match="your own"):
        people.deactivate(admin, admin)
    with pytest.raises(PeopleError, match="only active site admin"):
        people.deactivate(admin, other)
    with pytest.raises(PeopleError, match="from yourself"):
        people.set_site_admin(admin, False, admin)
    people.set_site_admin(other, True, admin)
    people.set_site_admin(admin, False, other)
    assert not User.objects.get(pk=admin.pk).is_superuser


def test_a_changed_password_ends_other_sessions_and_links(client, project, manager):
    member = make.a_member(project)
    link = people.hand_out_link(member, manager)
    client.force_login(member)
    people.change_password(member, PASSWORD)
    assert not client.get("/admin/").wsgi_request.user.is_authenticated
    with pytest.raises(LinkGone):
        people.find_link(link)


def test_a_token_is_stored_as_a_digest_noted_when_used_and_revocable():
    user = make.a_user()
    token, secret = people.issue_token(user, "laptop")
    assert secret.startswith("sb_")
    assert secret not in (token.digest, token.name)
    assert people.user_of_token(secret) == user
    token.refresh_from_db()
    assert token.last_used_at
    people.revoke_token(token)
    people.revoke_token(token)
    assert people.user_of_token(secret) is None


def test_a_person_has_a_limited_number_of_tokens():
    user = make.a_user()
    for number in range(people.MOST_TOKENS):
        people.issue_token(user, str(number))
    with pytest.raises(PeopleError, match="Revoke one"):
        people.issue_token(user, "one more")
    people.revoke_token(user.tokens.first())
    assert people.issue_token(user, "one more")
