"""Bar: every address × every kind of person × one's own project and a foreign one, against the table in docs/roles.md."""

import json
import re
from fnmatch import fnmatch
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client

from curation.access import CAPABILITIES
from curation.actions import people, snapshots
from curation.models import Membership, Role, User
from tests import factories as make
from tests.walk import address_of, addresses, arguments
from tests.world import Person, a_worker, a_world

ROLES_PAGE = Path(__file__).resolve().parents[2] / "docs" / "roles.md"
MEMBERS = ("annotator", "reviewer", "manager")
KINDS = ("anonymous", "deactivated", "outsider", *MEMBERS, "site admin")
NOT_SIGNED_IN = ("anonymous", "deactivated")
#: To whom one project is as foreign as the other; the panel refuses others before it looks for a project.
EVERYWHERE_THE_SAME = (*NOT_SIGNED_IN, "outsider")
KEPT_OUT_OF_THE_PANEL = (*EVERYWHERE_THE_SAME, "annotator", "reviewer")
#: Parts of addresses that mean the same in every project.
SAME_EVERYWHERE = {"signal", "knob", "prompt"}
#: Addresses that answer 404 to whoever may go there.
EMPTY_BY_NATURE = {"api:nothing", "api:api-root", "admin:rest", "admin:view_on_site"}
#: Addresses of what one has decided oneself: in a foreign project nobody has.
ONE_S_OWN = {"review:latest", "review:past"}
API_BODIES = {
    "api:exports": {"what": "seeds"},
    "api:generate": {"workflow": "rewrite", "target": 1, "budget_tokens": 10},
    "api:run_go_on": {"target": 4, "most_candidates": 9, "budget_tokens": 10},
    "api:activate_scorer": {"version": "head-1"},
    "api:thresholds": {"changes": {"min_factual": 3}},
    "api:threshold_effect": {"changes": {"min_factual": 3}},
}
ADMIN_QUERIES = {
    "admin:autocomplete": {
        "app_label": "curation",
        "model_name": "queue",
        "field_name": "project",
        "term": "",
    },
    "admin:search": {"s": "queue"},
}


# The table


def table_of_addresses() -> dict[str, str]:
    """What docs/roles.md says each address needs."""
    part = ROLES_PAGE.read_text(encoding="utf-8").partition("## Every address")[2]
    rows = re.findall(r"^\| (`.+?) \| ([\w ]+) \|$", part, re.MULTILINE)
    found: dict[str, str] = {}
    for names, needs in rows:
        for name in re.findall(r"`([^`]+)`", names):
            assert name not in found, f"{name} is in the table twice"
            found[name] = needs
    return found


def needs_of(name: str, table: dict[str, str]) -> str:
    if name in table:
        return table[name]
    return next(needs for pattern, needs in table.items() if "*" in pattern and fnmatch(name, pattern))


def test_every_address_is_in_the_table_and_nothing_else():
    table, known = table_of_addresses(), addresses()
    missing = [name for name in known if not any(fnmatch(name, pattern) for pattern in table)]
    assert not missing, f"say in docs/roles.md what these need: {missing}"
    gone = [pattern for pattern in table if not any(fnmatch(name, pattern) for name in known)]
    assert not gone, f"docs/roles.md names addresses that do not exist: {gone}"


def test_the_table_of_capabilities_is_the_one_in_the_code():
    rows = re.findall(
        r"^\| `(\w+)` \| (yes|no) \| (yes|no) \| (yes|no) \| (yes|no) \|",
        ROLES_PAGE.read_text(),
        re.MULTILINE,
    )
    said = {
        name: [role for role, may in zip((*MEMBERS, "site admin"), says, strict=True) if may == "yes"]
        for name, *says in rows
    }
    assert said.pop("admin") == ["site admin"]
    assert set(said) == set(CAPABILITIES)
    for name, least in CAPABILITIES.items():
        allowed = [role for role in MEMBERS if Role(role).rank >= least.rank]
        assert said[name] == [*allowed, "site admin"], name


# The walk


@pytest.fixture
def own(db):
    return a_world("own")


@pytest.fixture
def foreign(db):
    return a_world("foreign")


@pytest.fixture
def persons(own):
    """One of each kind, to the project `own`."""
    found = {"anonymous": Person()}
    for role in MEMBERS:
        found[role] = a_worker(own, make.a_member(own.project, role))
    found["site admin"] = a_worker(own, make.an_admin())
    for kind in ("outsider", "deactivated"):
        user = make.a_user() if kind == "outsider" else make.a_member(own.project, "manager")
        found[kind] = Person(user, people.issue_token(user, "walk")[1])
    # A project keeps one manager: with another, none of the guards for the last one is in the way.
    make.a_member(own.project, "manager")
    return found


class Walk:
    """Asks for addresses as somebody, and undoes what that changed."""

    def __init__(self, persons):
        self.persons = persons
        self.sessions = {}
        for kind, person in persons.items():
            if person.user:
                client = Client()
                client.force_login(person.user)
                self.sessions[kind] = client.cookies[settings.SESSION_COOKIE_NAME].value
        people.deactivate(persons["deactivated"].user, persons["site admin"].user)

    def ask(self, kind, name, method, kwargs):
        """What came of it: allowed, sign in, refused, missing, or no such method."""
        person = self.persons[kind]
        client = Client()
        if kind in self.sessions:
            client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[kind]
        point = transaction.savepoint()
        try:
            response = self._send(client, person, name, method, kwargs)
            while response.status_code == 302 and response["Location"].startswith("/admin/login/"):
                response = client.get(response["Location"])
            return self._outcome(name, response)
        finally:
            transaction.savepoint_rollback(point)

    def _send(self, client, person, name, method, kwargs):
        address = address_of(name, kwargs)
        if name.startswith("api:"):
            return self._send_api(client, person, name, method, address)
        if method == "GET":
            return client.get(address, ADMIN_QUERIES.get(name, {}))
        return client.post(address, {})

    def _send_api(self, client, person, name, method, address):
        client.cookies.clear()
        headers = {"Authorization": f"Bearer {person.token}"} if person.token else {}
        if method == "GET":
            return client.get(address, headers=headers)
        if name == "api:imports":
            file = BytesIO(b"A text.")
            file.name = "a.txt"
            return client.post(address, {"source": "Walk", "files": file}, headers=headers)
        body = API_BODIES.get(name, {})
        if name in ("api:renew", "api:release", "api:decide"):
            lease = person.claim.lease if person.claim else "00000000-0000-0000-0000-000000000000"
            body = {"lease": str(lease)} | ({"verdict": "skip"} if name == "api:decide" else {})
        return client.post(address, json.dumps(body), content_type="application/json", headers=headers)

    def _outcome(self, name, response):
        status = response.status_code
        # No worker runs here, and healthz says so.
        assert status < 500 or name == "healthz", (name, status, response.content[:500])
        if status == 401 or (status == 302 and response["Location"].startswith("/sign-in?next=")):
            return "sign in"
        if status == 404 and name in EMPTY_BY_NATURE:
            return "allowed"
        return {403: "refused", 404: "missing", 405: "no such method"}.get(status, "allowed")


def expected(needs, kind, at_home, has_object):
    """What the table's word means for a kind of person, in their own project or a foreign one."""
    if needs == "anyone":
        return "allowed"
    if kind in NOT_SIGNED_IN:
        return "sign in"
    if needs == "signed in":
        return "allowed"
    if needs in ("admin", "nobody"):
        return "allowed" if needs == "admin" and kind == "site admin" else "kept out"
    if needs == "panel":
        if kind not in ("manager", "site admin"):
            return "refused"
        return "missing" if has_object and not at_home and kind == "manager" else "allowed"
    if kind == "site admin":
        return "allowed"
    if kind == "outsider" or not at_home:
        return "missing"
    return "allowed" if Role(kind).rank >= CAPABILITIES[needs].rank else "refused"


def check(walk, name, names, needs, world, at_home, methods=("GET", "POST")):
    """Ask for one address as everybody, by GET and POST; returns what was not as the table says."""
    wrong, met = [], False
    same = KEPT_OUT_OF_THE_PANEL if name.startswith("admin:") else EVERYWHERE_THE_SAME
    for method in methods:
        asked = {}
        for kind in KINDS:
            if not at_home and kind in same:
                continue
            point = transaction.savepoint()
            kwargs = arguments(name, names, world, walk.persons[kind])
            asked[kind] = walk.ask(kind, name, method, kwargs)
            transaction.savepoint_rollback(point)
        if asked["site admin"] == "no such method":
            # Django sends whoever may not enter the panel from its sign-out to its front door.
            bad = {
                k: outcome for k, outcome in asked.items() if outcome == "allowed" and name != "admin:logout"
            }
        else:
            met = True
            has_object = bool(set(names) - {"project"}) and not name.endswith("_rest")
            bad = {
                kind: f"{outcome}, expected {want}"
                for kind, outcome in asked.items()
                if not _is(outcome, want := expected(needs, kind, at_home, has_object))
            }
        if bad:
            wrong.append(f"{method} {name} ({'own' if at_home else 'foreign'}): {bad}")
    return wrong if met or wrong else [f"{name} takes neither GET nor POST"]


def _is(outcome, want):
    """Whoever is kept out of the panel's own things is refused or told that there is nothing."""
    return outcome in ("refused", "missing") if want == "kept out" else outcome == want


def walk_through(persons, own, foreign, wanted):
    table, walk, wrong = table_of_addresses(), Walk(persons), []
    for name, names in addresses().items():
        if not wanted(name):
            continue
        needs = needs_of(name, table)
        wrong += check(walk, name, names, needs, own, True)
        if needs not in ("anyone", "signed in") and name not in ONE_S_OWN:
            wrong += check(walk, name, names, needs, foreign, False)
    assert not wrong, "\n".join(wrong)


def test_pages_let_in_whom_the_table_says(own, foreign, persons):
    walk_through(persons, own, foreign, lambda name: not name.startswith(("api:", "admin:")))


def test_the_api_lets_in_whom_the_table_says(own, foreign, persons, tmp_path, monkeypatch):
    (tmp_path / "seeds-00000.jsonl").write_text("{}\n")
    monkeypatch.setattr(snapshots, "folder_of", lambda snapshot: tmp_path)
    walk_through(persons, own, foreign, lambda name: name.startswith("api:"))


def test_the_panel_lets_in_whom_the_table_says(own, foreign, persons):
    for world in (own, foreign):
        world.rows["content_type_id"], world.rows["app_label"] = "1", "curation"
    table, walk, wrong = table_of_addresses(), Walk(persons), []
    for name, names in addresses().items():
        if not name.startswith("admin:"):
            continue
        needs = needs_of(name, table)
        for world, at_home in ((own, True), (foreign, False)):
            row = _row_of(name, world)
            if row is None and not at_home:
                continue
            world.rows["object_id"] = row or "1"
            names = [one for one in names if one != "url"]
            listed = _admin_of(name)
            if listed and name.endswith("_change") and not listed.editable:
                wrong += check(walk, name, names, needs, world, at_home, ("GET",))
                wrong += check(walk, name, names, "nobody", world, at_home, ("POST",))
            else:
                wrong += check(walk, name, names, needs, world, at_home)
    assert not wrong, "\n".join(wrong)


def _row_of(name, world):
    """The key of a row of this world in the list that an address of the panel is about."""
    model_admin = _admin_of(name)
    if model_admin is None or name.endswith(("_changelist", "_add")):
        return None
    if model_admin.model is User:
        return world.somebody_s.user.pk
    path = model_admin.project_path
    return (
        model_admin.model._default_manager.filter(**{path: world.project}).first().pk
        if path
        else world.project.pk
    )


def _admin_of(name):
    """The list of the panel that an address is about, if it is about one."""
    from curation.admin.site import site

    found = re.match(r"admin:curation_([a-z]+)_\w+$", name)
    return next(
        (one for model, one in site._registry.items() if found and model._meta.model_name == found.group(1)),
        None,
    )


def test_something_of_another_project_is_not_under_this_one_s_address(own, foreign, persons):
    """For site admins too: an address that mixes two projects names nothing."""
    walk, wrong = Walk(persons), []
    for name, names in addresses().items():
        if (
            not set(names) - {"project"} - SAME_EVERYWHERE
            or "project" not in names
            or name.startswith("api:")
        ):
            continue
        foreign_part = {**arguments(name, names, foreign, Person()), "project": "own"}
        for method in ("GET", "POST"):
            for kind in ("manager", "site admin"):
                outcome = walk.ask(kind, name, method, foreign_part)
                if outcome not in ("missing", "no such method"):
                    wrong.append(f"{method} {name} as {kind}: {outcome}")
    assert not wrong, "\n".join(wrong)


def test_nobody_decides_in_an_archived_project(own, persons):
    from curation.actions.projects import archive_project

    archive_project(own.project, persons["site admin"].user)
    walk = Walk(persons)
    for name in ("api:claim", "api:decide", "api:undo", "review:next_item", "review:decide", "review:undo"):
        names = addresses()[name]
        for kind in (*MEMBERS, "site admin"):
            kwargs = arguments(name, names, own, persons[kind])
            assert walk.ask(kind, name, "POST", kwargs) == "refused", (name, kind)
    assert walk.ask("annotator", "documents:list", "GET", {"project": "own"}) == "allowed"


def test_who_was_removed_is_an_outsider_at_once(own, persons):
    Membership.objects.filter(user=persons["reviewer"].user).delete()
    walk = Walk(persons)
    for name in ("documents:list", "review:queues", "disputes:list"):
        assert walk.ask("reviewer", name, "GET", {"project": "own"}) == "missing"
