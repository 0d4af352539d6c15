import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from curation.actions import review, thresholds
from curation.admin.site import site
from curation.models import (
    Activity,
    Call,
    Chunk,
    Decision,
    Endpoint,
    Job,
    KnobChange,
    Membership,
    Mishap,
    Project,
    Queue,
    Slot,
    Snapshot,
    Source,
    User,
)
from tests import factories as make
from tests.world import a_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make.a_project("stars")


@pytest.fixture
def foreign():
    return make.a_project("secret-moons")


@pytest.fixture
def manager(project, client):
    user = make.a_member(project, "manager", "mia@example.org")
    client.force_login(user)
    return user


def populate(project):
    """A row in every list of the panel, each findable by the project's name."""
    source = make.a_source(project, f"Source of {project.slug}")
    batch = make.an_import(source)
    job = Job.objects.create(project=project, kind="extract", reason=f"Reason of {project.slug}")
    chunk = Chunk.objects.create(job=job, ordinal=0, size=1, worker=f"worker-{project.slug}")
    Mishap.objects.create(job=job, chunk=chunk, subject=f"Mishap of {project.slug}", reason="x")
    queue = make.a_queue(project, name=f"Queue of {project.slug}")
    item = make.an_item(queue)
    person = make.a_member(project, email=f"member@{project.slug}.example")
    review.decide(person, item, review.claim(queue, person).lease, review.Answer("accept"))
    Snapshot.objects.create(project=project, what="seeds", format="jsonl", created_by=person)
    Activity.objects.create(project=project, actor=person, verb="did", subject=f"Log of {project.slug}")
    endpoint = Endpoint.objects.create(project=project, name=f"Endpoint of {project.slug}", model="tiny")
    call = Call.objects.create(
        project=project, endpoint=endpoint, model=f"model of {project.slug}", job=job, key="0" * 64
    )
    return {
        "project": project.pk,
        "source": source.pk,
        "import": batch.pk,
        "job": job.pk,
        "chunk": chunk.pk,
        "mishap": Mishap.objects.get(job=job).pk,
        "queue": queue.pk,
        "decision": Decision.objects.get(item=item).pk,
        "membership": Membership.objects.get(user=person).pk,
        "snapshot": Snapshot.objects.get(project=project).pk,
        "activity": Activity.objects.filter(project=project).first().pk,
        "call": call.pk,
        "run": a_run(project, job, endpoint).pk,
    }


LISTS = (
    "project",
    "source",
    "import",
    "job",
    "chunk",
    "mishap",
    "queue",
    "decision",
    "membership",
    "snapshot",
    "activity",
    "call",
    "run",
)


def act(client, model, action, *rows, **more):
    data = {"action": action, ACTION_CHECKBOX_NAME: [row.pk for row in rows], "index": 0, **more}
    return client.post(reverse(f"admin:curation_{model}_changelist"), data)


def test_every_registered_list_is_in_these_tests():
    assert {model._meta.model_name for model in site._registry} == {
        *LISTS,
        "user",
        "endpoint",
        "promptversion",
    }


def test_the_panel_is_for_managers_and_site_admins(client, project):
    assert client.get("/admin/").status_code == 302
    for role, status in (("annotator", 403), ("reviewer", 403), ("manager", 200)):
        client.force_login(make.a_member(project, role))
        assert client.get("/admin/", follow=True).status_code == status
    client.force_login(make.an_admin())
    assert client.get("/admin/").status_code == 200
    client.force_login(make.a_user())
    assert client.get("/admin/", follow=True).status_code == 403


def test_a_visitor_signs_in_on_the_studio_s_own_page(client):
    response = client.get("/admin/curation/queue/", follow=True)
    assert response.redirect_chain[-1][0].startswith("/sign-in?next=/admin/curation/queue/")


def test_lists_and_pages_show_one_s_own_projects_and_nothing_of_others(client, project, foreign, manager):
    mine, theirs = populate(project), populate(foreign)
    for name in LISTS:
        page = client.get(reverse(f"admin:curation_{name}_changelist"))
        assert page.status_code == 200, name
        body = page.content.decode()
        assert "secret-moons" not in body.lower(), name
        assert "Secret Moons" not in body, name
        if name != "activity":
            assert (
                client.get(reverse(f"admin:curation_{name}_change", args=[mine[name]])).status_code == 200
            ), name
        for page_name in ("change", "history", "delete"):
            address = reverse(f"admin:curation_{name}_{page_name}", args=[theirs[name]])
            assert client.get(address).status_code in (403, 404), (name, page_name)


def test_filters_and_searches_reach_nothing_of_others(client, project, foreign, manager):
    populate(project), populate(foreign)
    for name in LISTS:
        address = reverse(f"admin:curation_{name}_changelist")
        for query in ({"q": "secret"}, {"project": "secret-moons"}):
            body = client.get(address, query).content.decode()
            assert "of secret-moons" not in body.replace("secret-moons&quot;", ""), (name, query)
        assert client.get(address, {"project__slug": "secret-moons"}).status_code in (302, 400), name


def test_the_filter_by_project_works(client, project, manager):
    populate(project)
    other = make.a_project("planets")
    Membership.objects.create(project=other, user=manager, role="manager")
    populate(other)
    for name in LISTS[1:]:
        address = reverse(f"admin:curation_{name}_changelist")
        both, one = (
            client.get(address).context["cl"],
            client.get(address, {"project": "planets"}).context["cl"],
        )
        assert 0 < one.queryset.count() < both.queryset.count(), name


def test_autocomplete_reaches_nothing_of_others(client, project, foreign, manager):
    populate(project), populate(foreign)
    for model, field in (
        ("source", "project"),
        ("job", "project"),
        ("membership", "user"),
        ("queue", "project"),
    ):
        query = {"app_label": "curation", "model_name": model, "field_name": field, "term": "secret"}
        response = client.get("/admin/autocomplete/", query)
        assert response.status_code == 403 or response.json()["results"] == [], (model, field)


def test_lists_take_few_queries(client, project, manager, django_assert_max_num_queries):
    populate(project)
    for _ in range(5):
        make.a_queue(project), make.a_source(project)
        Job.objects.create(project=project, kind="extract")
    for name in LISTS:
        with django_assert_max_num_queries(12):
            client.get(reverse(f"admin:curation_{name}_changelist"))


def test_nothing_is_added_or_deleted_in_the_panel(client, project, manager):
    rows = populate(project)
    for name in LISTS:
        assert client.get(reverse(f"admin:curation_{name}_add")).status_code == 403, name
        assert (
            client.post(
                reverse(f"admin:curation_{name}_delete", args=[rows[name]]), {"post": "yes"}
            ).status_code
            == 403
        )
        response = act(client, name, "delete_selected", site_row(name, rows))
        assert response.status_code in (200, 302)
    assert Project.objects.filter(pk=project.pk).exists()
    assert Decision.objects.count() == 1


def site_row(name, rows):
    model = next(model for model in site._registry if model._meta.model_name == name)
    return model._default_manager.get(pk=rows[name])


def test_decisions_cannot_be_changed(client, project, manager):
    rows = populate(project)
    response = client.post(
        reverse("admin:curation_decision_change", args=[rows["decision"]]), {"verdict": "reject"}
    )
    assert response.status_code == 403
    assert Decision.objects.get().verdict == "accept"


def test_an_open_item_s_decisions_are_hidden_until_one_has_answered(client, project, manager):
    queue = make.a_queue(project, wanted=2)
    item = make.an_item(queue)
    other = make.a_member(project)
    answer = review.Answer("reject", reason="garbled", note="canary in the note")
    review.decide(other, item, review.claim(queue, other).lease, answer)
    listed = reverse("admin:curation_decision_changelist")
    page = reverse("admin:curation_decision_change", args=[Decision.objects.get().pk])
    for address in (listed, page):
        body = client.get(address).content.decode()
        assert "hidden until you have answered" in body
        assert "garbled" not in body
        assert "canary" not in body
    assert client.get(listed, {"verdict": "reject"}).context["cl"].queryset.count() == 0
    for sneaky in ({"note__contains": "canary"}, {"reason": "garbled"}, {"o": "5"}):
        assert client.get(listed, sneaky).status_code in (200, 302, 400)
    assert client.get(listed, {"q": "canary"}).context["cl"].queryset.count() == 0
    review.decide(manager, item, review.claim(queue, manager).lease, review.Answer("accept"))
    assert "canary" in client.get(page).content.decode()


def test_accounts_are_for_site_admins(client, manager):
    assert client.get(reverse("admin:curation_user_changelist")).status_code == 403
    assert client.get(reverse("admin:curation_user_change", args=[manager.pk])).status_code in (403, 404)
    assert "/admin/curation/user/" not in client.get("/admin/").content.decode()
    client.force_login(make.an_admin())
    assert client.get(reverse("admin:curation_user_changelist")).status_code == 200


def test_a_site_admin_runs_accounts(client):
    admin = make.an_admin()
    client.force_login(admin)
    assert client.get(reverse("admin:curation_user_add")).status_code == 200
    client.post(reverse("admin:curation_user_add"), {"email": "New@Example.org", "name": "New"})
    user = User.objects.get(email="new@example.org")
    assert not user.has_usable_password()
    asked = act(client, "user", "deactivate", user)
    assert "Their decisions stay" in asked.content.decode()
    assert User.objects.get(pk=user.pk).is_active
    act(client, "user", "deactivate", user, confirmed="yes")
    assert not User.objects.get(pk=user.pk).is_active
    act(client, "user", "reactivate", user)
    assert User.objects.get(pk=user.pk).is_active
    links = act(client, "user", "hand_out_link", user, confirmed="yes")
    assert "/sign-in/link/" in links.content.decode()
    assert "no-store" in links["Cache-Control"]
    refused = act(client, "user", "deactivate", admin, confirmed="yes")
    assert refused.status_code == 302
    assert User.objects.get(pk=admin.pk).is_active
    client.post(
        reverse("admin:curation_user_change", args=[user.pk]), {"name": "Renamed", "is_superuser": "on"}
    )
    user.refresh_from_db()
    assert (user.name, user.is_superuser) == ("Renamed", False)


def test_a_project_s_thresholds_are_changed_through_the_actions(client, project, manager):
    address = reverse("admin:curation_project_change", args=[project.pk])
    form = client.get(address).context["adminform"].form
    sent = {name: form[name].value() for name in form.fields} | {"name": "Bright stars", "languages": "en,de"}
    sent = {name: "" if value is None else value for name, value in sent.items()} | {
        "knob_min_factual": "3.5"
    }
    assert client.post(address, sent).status_code == 302
    project.refresh_from_db()
    assert (project.name, project.languages, project.knobs) == (
        "Bright stars",
        ["en", "de"],
        {"min_factual": 3.5},
    )
    assert Activity.objects.filter(project=project, verb="changed settings", actor=manager).exists()
    assert client.post(address, {**sent, "knob_min_factual": "9"}).status_code == 200
    assert client.post(address, {**sent, "languages": "klingon!"}).status_code == 200


def test_thresholds_that_cannot_move_now_stay_and_say_why(client, project, manager):
    make.a_document(project)
    thresholds.apply(project, {"min_factual": 3.0}, manager)
    address = reverse("admin:curation_project_change", args=[project.pk])
    form = client.get(address).context["adminform"].form
    sent = {name: form[name].value() for name in form.fields} | {"knob_min_factual": "3.5", "languages": ""}
    shown = client.post(
        address, {name: "" if value is None else value for name, value in sent.items()}, follow=True
    )
    assert "Another change of thresholds is being applied" in shown.content.decode()
    assert KnobChange.objects.filter(project=project).count() == 1


def test_projects_are_archived_after_asking_and_restored(client, project, manager):
    act(client, "project", "archive", project)
    assert Project.objects.get().archived_at is None
    act(client, "project", "archive", project, confirmed="yes")
    assert Project.objects.get().archived_at
    act(client, "project", "restore", project)
    assert Project.objects.get().archived_at is None


def test_an_action_does_nothing_to_what_is_somebody_else_s(client, project, foreign, manager):
    queue = make.a_queue(foreign)
    act(client, "queue", "pause", queue, confirmed="yes")
    act(client, "project", "archive", foreign, confirmed="yes")
    assert Queue.objects.get().paused_at is None
    assert Project.objects.get(pk=foreign.pk).archived_at is None


def test_queues_sources_and_jobs_have_their_actions(client, project, manager):
    queue, source = make.a_queue(project), make.a_source(project)
    make.an_item(queue)
    review.claim(queue, manager)
    job = Job.objects.create(project=project, kind="extract")
    act(client, "queue", "free_leases", queue, confirmed="yes")
    assert not Slot.objects.filter(state="held").exists()
    act(client, "queue", "pause", queue)
    act(client, "queue", "close", queue, confirmed="yes")
    queue.refresh_from_db()
    assert queue.paused_at
    assert queue.archived_at
    act(client, "source", "archive", source, confirmed="yes")
    assert Source.objects.get().archived_at
    act(client, "job", "cancel", job, confirmed="yes")
    assert Job.objects.get().state == "cancelled"
    act(client, "job", "resume", job)
    assert Job.objects.get().state == "waiting"


def test_a_run_is_paused_resumed_and_cancelled_from_its_list(client, project, manager):
    endpoint = Endpoint.objects.create(name="Tiny", model="tiny")
    run = a_run(project, _running(project), endpoint)
    for action, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        act(client, "run", action, run, confirmed="yes")
        assert Job.objects.get().state == state
    verbs = Activity.objects.filter(actor=manager).values_list("verb", flat=True)
    assert {"paused a run", "resumed a run", "cancelled a run"} <= set(verbs)


def _running(project):
    return Job.objects.create(project=project, kind="generate", state="running", started_at=timezone.now())


def test_roles_are_set_with_the_same_guards_as_on_the_members_page(client, project, manager):
    mine = Membership.objects.get(user=manager)
    other = Membership.objects.get(user=make.a_member(project))
    act(client, "membership", "make_annotator", mine)
    mine.refresh_from_db()
    assert mine.role == "manager"
    act(client, "membership", "make_reviewer", other)
    other.refresh_from_db()
    assert other.role == "reviewer"
    act(client, "membership", "remove", mine, other, confirmed="yes")
    assert list(Membership.objects.all()) == [mine]


def test_a_queue_is_edited_with_the_orders_of_its_kind(client, project, manager):
    queue = make.a_queue(project, "scores")
    address = reverse("admin:curation_queue_change", args=[queue.pk])
    form = client.get(address).context["adminform"].form
    assert [value for value, _ in form.fields["order"].choices] == ["random", "oldest", "learning"]
    sent = {
        "name": "Rate",
        "wanted": 3,
        "order": "random",
        "random_seed": 4,
        "dispute_gap": 2,
        "guidelines": "",
    }
    assert client.post(address, sent).status_code == 302
    queue.refresh_from_db()
    assert (queue.name, queue.wanted, queue.order) == ("Rate", 3, "random")


def test_the_dashboard_shows_one_s_own_projects_in_few_queries(
    client, project, foreign, manager, django_assert_max_num_queries
):
    populate(project), populate(foreign)
    with django_assert_max_num_queries(25):
        body = client.get("/admin/").content.decode()
    assert "Stars" in body
    assert "Secret Moons" not in body


def test_the_panel_s_policy_is_looser_and_the_studio_s_is_not(client, manager):
    assert "'unsafe-eval'" in client.get("/admin/")["Content-Security-Policy"]
    assert "unsafe" not in client.get("/account")["Content-Security-Policy"]


def test_a_change_needs_the_csrf_token(project, manager):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(manager)
    response = act(browser, "project", "archive", project, confirmed="yes")
    assert response.status_code == 403
