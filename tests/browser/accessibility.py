"""An axe check of the page as it stands, dark and light alike."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

#: WCAG 2.0 to 2.2, levels A and AA, and axe's own best practices.
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
#: What the admin panel's pages must pass: their frame is the library's, without landmarks and with small tick boxes.
PANEL_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


def problems(page: Page, rules: dict[str, Any] = RULES) -> list[str]:
    """What axe finds, one line per rule with the first offending element; empty when the page is fine.

    The page's policy refuses scripts that are put into it, so axe runs in a context that bypasses the policy:
    make the page with `bypass_csp=True`.
    """
    found: list[dict[str, Any]] = Axe().run(page, options=rules).response["violations"]
    return [f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:160]}" for one in found]
