"""An axe check of a page: as it stands, or wide and light, then narrow and dark, without loading it again."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

#: WCAG 2.0 to 2.2, levels A and AA, and axe's own best practices.
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
#: What the admin panel's pages must pass: their frame is the library's, without landmarks and with small tick boxes.
PANEL_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
#: Theme and width of the two screens that every rule is tried on: each theme once, each width once.
SCREENS = (("light", 1280), ("dark", 390))
HEIGHT = 860

# Passes are neither worked out in full nor sent back: they would take most of the time. Two frames: what a change of
# size or theme brings about is there then.
RUN = """async (options) => {
    for (const _ of [1, 2]) await new Promise(requestAnimationFrame);
    const {violations} = await axe.run({...options, resultTypes: ["violations"], selectors: false});
    return violations.map(one => `${one.id}: ${one.help}: ${one.nodes[0].html.slice(0, 160)}`);
}"""


def problems(page: Page, rules: dict[str, Any] = RULES) -> list[str]:
    """What axe finds, one line per rule with the first offending element; empty when the page is fine.

    The page's policy refuses scripts that are put into it, so axe runs in a context that bypasses the policy:
    make the page with `bypass_csp=True`.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(_axe())
    found: list[str] = page.evaluate(RUN, rules)
    return found


def problems_on_screens(
    page: Page,
    rules: dict[str, Any] = RULES,
    *,
    look: Callable[[str], object] = lambda screen: None,
) -> list[str]:
    """What axe finds on the loaded page wide and light, then narrow and dark, and where it is wider than the screen.

    `look` is called with the name of each screen while the page is shown on it.
    """
    found = []
    for theme, width in SCREENS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        found += [f"{theme}, {width} pixels: {one}" for one in problems(page, rules)]
        look(f"{theme}-{width}")
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"wider than {width} pixels")
    return found


@cache
def _axe() -> str:
    return str(Axe().axe_script)
