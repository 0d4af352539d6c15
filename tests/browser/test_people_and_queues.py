"""What managers do in the browser: accounts, members, settings, queues, the panel, and the API's documentation."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from curation.actions import people, queues, review
from curation.actions.queues import Filling
from curation.models import Job, Membership, Project, Queue, User
from tests import factories as make
from tests.browser.accessibility import problems_on_screens

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PageOf = Callable[..., Page]
PASSWORD = "a long enough phrase"
#: Where to put a picture of each page; none are taken unless it is set.
PICTURES = os.environ.get("SEEDBED_PICTURES", "")


@pytest.fixture
def project() -> Project:
    project = make.a_project("physics", name="Physics for tutors", description="Passages that teach a step.")
    for name, role in (
        ("Ada Lovelace", "reviewer"),
        ("Emmy Noether", "annotator"),
        ("Lise Meitner", "annotator"),
    ):
        user = make.a_member(project, role, f"{name.split()[0].lower()}@example.org")
        people.rename(user, name)
    people.invite(project, "new@example.org", "annotator", None)
    return project


@pytest.fixture
def mia(project: Project) -> User:
    user = make.a_member(project, "manager", "mia@example.org")
    people.rename(user, "Mia Manager")
    people.issue_token(user, "Nightly import")
    return user


@pytest.fixture
def queue(project: Project, mia: User) -> Queue:
    for _ in range(12):
        make.a_seed(project)
    queue = queues.create_queue(
        project, mia, kind="seeds", name="Seeds", guidelines="Take *one* step at a time."
    )
    queues.fill(queue, Filling(), mia)
    ada = User.objects.get(email="ada@example.org")
    for verdict, reason in (("accept", ""), ("reject", "shallow")):
        claim = review.claim(queue, ada)
        assert claim
        review.decide(
            ada, queue.items.get(pk=claim.item_id), claim.lease, review.Answer(verdict, reason=reason)
        )
    review.claim(queue, ada)
    return queue


def picture(page: Page, *names: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{'-'.join(names)}.png", full_page=True)


def pages_of(queue: Queue) -> Iterator[tuple[str, str]]:
    """Every page of this area, with a name for its picture."""
    home = f"/projects/{queue.project.slug}"
    yield "projects", "/"
    yield "account", "/account"
    yield "password", "/account/password"
    yield "members", f"{home}/members/"
    yield "settings", f"{home}/settings/"
    yield "activity", f"{home}/settings/activity"
    yield "queues", f"{home}/queues/"
    yield "queue-kinds", f"{home}/queues/new"
    yield "queue-new", f"{home}/queues/new?kind=scores"
    yield "queue", f"{home}/queues/{queue.uuid}/"
    yield "queue-edit", f"{home}/queues/{queue.uuid}/edit"
    yield "queue-fill", f"{home}/queues/{queue.uuid}/fill"


def test_the_pages_pass_axe_and_fit_the_screen(page_of: PageOf, queue: Queue, mia: User) -> None:
    page = page_of(mia, bypass_csp=True)
    wrong = []
    for name, address in pages_of(queue):
        page.goto(address)
        look = partial(picture, page, name)
        wrong += [f"{name}: {problem}" for problem in problems_on_screens(page, look=look)]
    stranger = page_of(None, bypass_csp=True)
    link = f"/sign-in/link/{people.hand_out_link(User.objects.get(email='new@example.org'), None)}"
    for name, address in (("sign-in", "/sign-in"), ("link", link), ("link-gone", "/sign-in/link/gone")):
        stranger.goto(address)
        look = partial(picture, stranger, name)
        wrong += [f"{name}: {problem}" for problem in problems_on_screens(stranger, look=look)]
    assert wrong == []


def test_a_manager_invites_somebody_who_sets_a_password_and_is_in(
    page_of: PageOf, project: Project, mia: User
) -> None:
    page = page_of(mia)
    page.goto("/projects/physics/members/")
    page.get_by_label("Email").fill("rosalind@example.org")
    page.get_by_role("button", name="Add member").click()
    address = page.get_by_label("The link").input_value()
    picture(page, "members-link")
    stranger = page_of(None)
    stranger.goto(address)
    stranger.goto(address)
    stranger.get_by_label("New password").fill(PASSWORD)
    stranger.get_by_label("The same again").fill(PASSWORD)
    stranger.get_by_role("button", name="Set password and sign in").click()
    expect(stranger.get_by_role("link", name="Physics for tutors").first).to_be_visible()
    stranger.get_by_role("button", name="You: ").click()
    stranger.get_by_role("button", name="Sign out").click()
    stranger.get_by_label("Email").fill("rosalind@example.org")
    stranger.get_by_label("Password").fill("not this one")
    stranger.get_by_role("button", name="Sign in").click()
    expect(stranger.get_by_role("alert")).to_contain_text("do not fit together")
    stranger.get_by_label("Password").fill(PASSWORD)
    stranger.get_by_role("button", name="Sign in").click()
    expect(stranger.get_by_role("link", name="Physics for tutors").first).to_be_visible()


def test_a_queue_is_made_and_filled_without_script(page_of: PageOf, project: Project, mia: User) -> None:
    for _ in range(5):
        make.a_passage(project)
    page = page_of(mia, java_script_enabled=False)
    page.goto("/projects/physics/queues/")
    page.get_by_role("link", name="Create queue").click()
    page.locator("a[href='?kind=scores']").click()
    page.get_by_role("button", name="Create queue").click()
    page.get_by_label("Random sample of").fill("3")
    page.get_by_role("button", name="Count").click()
    page.get_by_role("button", name="Add 3 items").click()
    expect(page.locator(".notice-success")).to_contain_text("3 items are in the queue now")
    assert Queue.objects.get().items.count() == 3


def test_the_count_follows_the_filter(page_of: PageOf, queue: Queue, mia: User) -> None:
    make.a_seed(queue.project, state="rejected")
    page = page_of(mia)
    page.goto(f"/projects/physics/queues/{queue.uuid}/fill")
    expect(page.locator("#count")).to_contain_text("1 new of 13 that match")
    page.get_by_label("State").select_option("rejected")
    expect(page.locator("#count")).to_contain_text("of 2 that match")


def test_a_token_is_made_shown_once_and_revoked(page_of: PageOf, mia: User) -> None:
    page = page_of(mia)
    page.goto("/account")
    page.get_by_label("What will use it").fill("Laptop")
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_label("The token")).to_have_value(re.compile(r"sb_[\w-]{40,}"))
    picture(page, "account-token")
    page.goto("/account")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Revoke Laptop").click()
    expect(page.locator(".notice-success")).to_contain_text("no longer works")


def test_the_panel_works_under_its_policy(page_of: PageOf, queue: Queue, mia: User) -> None:
    Job.objects.create(project=queue.project, kind="extract", created_by=mia)
    page = page_of(mia)
    page.goto("/admin/")
    expect(page.get_by_role("heading", name="Running jobs")).to_be_visible()
    picture(page, "admin-dashboard")
    for name in ("project", "source", "queue", "decision", "job", "membership", "snapshot", "activity"):
        page.goto(f"/admin/curation/{name}/")
        expect(page.locator("#changelist, #content").first).to_be_visible()
        picture(page, f"admin-{name}")
    page.goto(f"/admin/curation/project/{queue.project.pk}/change/")
    picture(page, "admin-project-change")
    page.goto("/admin/curation/queue/")
    page.locator("input[name=_selected_action]").first.check()
    page.locator("select[name=action]").select_option(label="Close")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("Nobody is offered them any more")).to_be_visible()
    picture(page, "admin-confirm")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("body")).to_contain_text("1 closed")


def test_the_api_s_documentation_works_under_the_policy(page_of: PageOf, project: Project, mia: User) -> None:
    page = page_of(mia)
    page.goto("/api/v1/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    picture(page, "api-docs")
    page.locator("#operations-projects-curation_api_projects_projects .opblock-summary-control").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".responses-table.live-responses-table")).to_contain_text("physics")


def test_roles_are_changed_from_the_list(page_of: PageOf, project: Project, mia: User) -> None:
    page = page_of(mia)
    page.goto("/projects/physics/members/")
    page.get_by_label("Role of Emmy Noether").select_option("reviewer")
    page.get_by_role("button", name="Set the role of Emmy Noether").click()
    expect(page.locator(".notice-success")).to_contain_text("Emmy Noether is reviewer now")
    assert Membership.objects.get(user__email="emmy@example.org").role == "reviewer"
