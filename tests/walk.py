"""Every address of the studio, with values for its arguments: what the tests of access and of every page walk along."""

from __future__ import annotations

import re
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from curation.actions import people
from curation.models import ApiToken, Item, Lease, Sample
from tests import factories as make
from tests.world import Person, World


def addresses() -> dict[str, list[str]]:
    """Every URL pattern by name, with the names of its arguments. Nameless ones of the admin are called `…_rest`."""
    found: dict[str, list[str]] = {}

    def walk(patterns: list[URLPattern | URLResolver], space: str = "", route: str = "") -> None:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                inner = f"{pattern.namespace}:" if pattern.namespace else ""
                walk(pattern.url_patterns, space + inner, route + str(pattern.pattern))
                continue
            whole = route + str(pattern.pattern)
            name = pattern.name or _rest(whole)
            found[space + name] = re.findall(r"<(?:\w+:)?(\w+)>", whole)

    walk(get_resolver().url_patterns)
    return found


def _rest(route: str) -> str:
    model = re.search(r"admin/curation/(\w+)/<path:object_id>/$", route)
    return f"curation_{model.group(1)}_rest" if model else "rest"


def address_of(name: str, kwargs: dict[str, Any]) -> str:
    if name == "admin:rest":
        return "/admin/nothing/here/"
    if rest := re.fullmatch(r"admin:curation_(\w+)_rest", name):
        return f"/admin/curation/{rest.group(1)}/{kwargs['object_id']}/"
    return reverse(name, kwargs=kwargs)


def arguments(name: str, names: list[str], world: World, person: Person) -> dict[str, Any]:
    """Values for an address's arguments, of this world; an item or decision of the person's own where they have one."""
    mine = person if person.item is not None and person.item.queue_id == world.queue.pk else world.somebody_s
    known = {
        **world.rows,
        "project": world.project.slug,
        "item": world.disputed.uuid if name.startswith("disputes:") else mine.item.uuid,
        "decision": mine.decision.uuid,
    }
    if name in ("review:step", "review:text"):
        known["item"] = a_given_sample(world, person).uuid
    if name == "api:undo":
        known["item"] = mine.decision.item.uuid
    if name == "accounts:link":
        known["secret"] = people.hand_out_link(make.a_user(), None)
    if name == "accounts:revoke_token":
        known["token"] = ApiToken.objects.create(
            user=person.user or make.a_user(), name="x", digest=f"{name}{id(person)}"
        ).pk
    return {one: known[one] for one in names}


def a_given_sample(world: World, person: Person) -> Item:
    """An item about the world's sample that the person was handed, if they are a member."""
    queue = make.a_queue(world.project, "samples")
    item = make.an_item(queue, Sample.objects.get(uuid=world.rows["sample"]))
    if person.user is not None:
        Lease.objects.create(item=item, user=person.user)
    return item
