"""Every page of a project and of the panel in a real browser, wide and light, narrow and dark: axe finds nothing, and
nothing is wider than the screen.

PICTURES=folder keeps a picture of each.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests import factories as make
from tests.browser.accessibility import PANEL_RULES, RULES, problems
from tests.walk import address_of, addresses, arguments
from tests.world import Person, World, a_worker, a_world

pytestmark = pytest.mark.django_db(transaction=True)
PageOf = Callable[..., Page]

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


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_every_page_passes_axe_and_fits_the_screen(
    page_of: PageOf, world: World, scheme: str, width: int
) -> None:
    admin = a_worker(world, make.an_admin())
    page = page_of(admin.user, color_scheme=scheme, viewport={"width": width, "height": 860}, bypass_csp=True)
    wrong, seen = [], 0
    for name, address in pages(world, admin):
        response = page.request.get(address, max_redirects=0)
        if response.status != 200 or "<!doctype html" not in response.text()[:200].lower():
            continue  # takes POST only, leads elsewhere, or is a part of a page
        seen += 1
        page.goto(address)
        _picture(page, f"{name.replace(':', '-')}-{scheme}-{width}")
        rules = PANEL_RULES if name.startswith("admin:") else RULES
        wrong += [f"{name}: {problem}" for problem in problems(page, rules)]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wrong.append(f"{name} is wider than {width} pixels")
    assert seen > 40, "hardly any page was found: the test proves nothing"
    assert wrong == []


def _picture(page: Page, name: str) -> None:
    if folder := os.environ.get("PICTURES"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)
