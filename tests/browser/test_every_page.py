"""Every page of a project and of the panel in a real browser, wide and light, narrow and dark: axe finds nothing, and
nothing is wider than the screen.

PICTURES=folder keeps a picture of each.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests import factories as make
from tests.browser.accessibility import PANEL_RULES, RULES, problems_on_screens
from tests.walk import address_of, addresses, arguments
from tests.world import Person, World, a_worker, a_world

pytestmark = pytest.mark.django_db(transaction=True)
PageOf = Callable[..., Page]

#: Of a project's pages, so that several processes share them.
SHARES = 3
#: What a browser is sent to that is no page: files, parts, the machine's own.
NO_PAGES = (
    "api:",
    "healthz",
    "exports:file",
    "map:points",
    "frame:",
    "admin:autocomplete",
    "admin:jsi18n",
    "admin:logout",
)


@pytest.fixture
def world() -> World:
    return a_world("everything")


def pages(world: World, person: Person) -> Iterator[tuple[str, str]]:
    """Addresses that answer a browser with a whole page."""
    for name, names in addresses().items():
        if name.startswith(NO_PAGES) or name in ("admin:rest", "admin:view_on_site"):
            continue
        if name.startswith("admin:") and names:
            continue  # of single rows: their lists and the forms to add stand for them
        yield name, address_of(name, arguments(name, names, world, person))


@pytest.mark.timeout(1_800)  # dozens of pages, each seen twice, on a machine that may be busy
@pytest.mark.parametrize(
    ("panel", "share"),
    [*((False, share) for share in range(SHARES)), (True, None)],
    ids=[*(f"project, share {share + 1} of {SHARES}" for share in range(SHARES)), "panel"],
)
def test_every_page_passes_axe_and_fits_the_screen(
    page_of: PageOf, world: World, panel: bool, share: int | None
) -> None:
    admin = a_worker(world, make.an_admin())
    page = page_of(admin.user, bypass_csp=True)
    wrong, seen = [], 0
    asked = [one for one in pages(world, admin) if one[0].startswith("admin:") is panel]
    for name, address in asked if share is None else asked[share::SHARES]:
        response = page.request.get(address, max_redirects=0)
        if response.status != 200 or "<!doctype html" not in response.text()[:200].lower():
            continue  # takes POST only, leads elsewhere, or is a part of a page
        seen += 1
        page.goto(address)
        rules = PANEL_RULES if panel else RULES
        look = partial(_picture, page, name.replace(":", "-"))
        wrong += [f"{name}: {one}" for one in problems_on_screens(page, rules, look=look)]
    assert seen > 15, "hardly any page was found: the test proves nothing"
    assert wrong == []


def _picture(page: Page, name: str, screen: str) -> None:
    if folder := os.environ.get("PICTURES"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/{name}-{screen}.png", full_page=True)
