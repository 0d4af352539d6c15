"""The map in a real browser: drawn, coloured, cut out by mouse, by keys and by touch, into a list and a queue; axe finds nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from curation.jobs import run
from curation.models import Item, Job, Project, ProjectMap, Queue, User
from curation.recipe.atlas import grid
from tests import factories as make
from tests import labelling
from tests.browser.accessibility import problems
from tests.web.browsing import scored
from tests.world import a_map

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PageOf = Callable[..., Page]
HERE = "/projects/stars/map/"
#: Two crowds, left and right, and a loner.
PLACES = [
    *[(12_000 + 900 * at, 30_000 + 1_100 * (at % 5)) for at in range(12)],
    *[(45_000 + 900 * at, 36_000 + 1_100 * (at % 4)) for at in range(8)],
    (33_000, 60_000),
]
LEFT, RIGHT = 12, 8


@pytest.fixture
def project() -> Project:
    return make.a_project("stars", name="Stars")


@pytest.fixture
def mapped(project: Project) -> ProjectMap:
    """A map with two crowds: science with high scores on the left, arts with low ones on the right."""
    passages = []
    for at in range(len(PLACES)):
        science = at < LEFT
        document = make.a_kept_document(project, topic="science" if science else "arts", title=f"Page {at}")
        one = make.a_passage(project, f"Star number {at} is bright.", document, heading=f"Star {at}")
        scored(one, reasoning=4.2 if science else 1.3)
        make.a_seed(project, passage=one)
        passages.append(one)
    drawn = a_map(project, *passages)
    points = grid.points(np.array([one.pk for one in passages]), np.array(PLACES, dtype=np.uint16))
    drawn.points, drawn.count = points.tobytes(), len(PLACES)
    drawn.regions = [{"x": 16_000, "y": 33_000, "words": ["comets", "tails"], "count": LEFT, "level": 0}]
    drawn.save()
    return drawn


@pytest.fixture
def mia(project: Project) -> User:
    return make.a_member(project, "manager", "mia@example.org")


def opened(page: Page, by: str = "topic") -> Page:
    page.goto(f"{HERE}?by={by}")
    expect(page.locator(f'[data-ready="{by}"]')).to_be_visible()
    return page


def at(canvas: Locator, x: float, y: float) -> tuple[float, float]:
    """Where a place of the map lies on the screen, while all of it is shown."""
    box: Any = canvas.bounding_box()
    scale = min(box["width"], box["height"]) / grid.SIDE
    middle = grid.SIDE / 2
    return (
        box["x"] + box["width"] / 2 + (x - middle) * scale,
        box["y"] + box["height"] / 2 - (y - middle) * scale,
    )


def drag_around_the_left(page: Page) -> None:
    canvas = page.locator("canvas")
    corners = [
        (9_000, 27_000),
        (16_000, 25_500),
        (24_500, 27_000),
        (24_500, 38_000),
        (15_000, 39_500),
        (9_000, 38_000),
    ]
    first, *others = [at(canvas, *corner) for corner in corners]
    page.mouse.move(*first)
    page.mouse.down()
    for corner in others:
        page.mouse.move(*corner, steps=5)
    page.mouse.up()


def test_a_map_is_drawn_and_shows_itself_when_it_is_ready(
    page_of: PageOf, project: Project, mia: User
) -> None:
    labelling.pages(project, labelling.vectors(60))
    page = page_of(mia)
    page.goto(HERE)
    page.get_by_role("button", name="Draw the map").click()
    expect(page.get_by_role("heading", name="The map is being drawn")).to_be_visible()
    assert run.drain(Job.objects.get(kind="map")).state == Job.State.DONE
    expect(page.locator("[data-ready]")).to_be_visible()
    expect(page.get_by_role("application", name="Map of 60 passages, coloured by topic")).to_be_visible()
    expect(page.get_by_role("button", name="Draw it anew")).to_be_visible()


def test_colouring_changes_the_legend_and_keeps_the_view(
    page_of: PageOf, mapped: ProjectMap, mia: User
) -> None:
    page = opened(page_of(mia))
    legend = page.get_by_role("region", name="Legend")
    expect(legend.get_by_role("button", name="Science")).to_be_visible()
    legend.get_by_label("Colour by").select_option(label="reasoning")
    expect(page.locator('[data-ready="score:reasoning"]')).to_be_visible()
    expect(legend.get_by_role("link", name="12 passages: 4 to 4.5, in the list")).to_be_visible()
    assert "by=score%3Areasoning" in page.url
    group = legend.get_by_role("button", name="4 to 4.5")
    group.click()
    expect(group).to_have_attribute("aria-pressed", "true")
    legend.get_by_role("link", name="12 passages: 4 to 4.5, in the list").click()
    expect(page.get_by_role("heading", name="Passages")).to_be_visible()
    expect(page.locator(".listing-head strong")).to_have_text("12")


def test_a_lasso_leads_to_the_list_and_to_a_queue(
    page_of: PageOf, project: Project, mapped: ProjectMap, mia: User
) -> None:
    page = opened(page_of(mia))
    page.get_by_role("button", name="Lasso").click()
    drag_around_the_left(page)
    selection = page.get_by_role("region", name="Selection")
    expect(selection).to_contain_text(f"{LEFT} passages")
    expect(page.get_by_role("button", name="Lasso")).to_have_attribute("aria-pressed", "false")
    page.get_by_role("link", name="Show them in the list").click()
    expect(page.locator(".listing-head strong")).to_have_text(str(LEFT))
    expect(page.locator("tbody")).not_to_contain_text(f"Star {LEFT} ")
    page.get_by_role("link", name="See them on the map").click()
    expect(selection).to_contain_text(f"{LEFT} passages")
    page.get_by_role("button", name="Give the selection up").click()
    expect(selection).to_be_hidden()
    page.keyboard.down("Shift")
    drag_around_the_left(page)
    page.keyboard.up("Shift")
    page.get_by_role("link", name="Make a queue of them").click()
    page.get_by_role("link", name="Seeds Is this passage worth").click()
    page.get_by_label("Name").fill("The left crowd")
    page.get_by_role("button", name="Create queue").click()
    expect(page.locator("#count")).to_contain_text(f"{LEFT} new of {LEFT}")
    page.get_by_role("button", name=f"Add {LEFT} items").click()
    expect(page.get_by_role("heading", name="The left crowd")).to_be_visible()
    headings = Item.objects.filter(queue=Queue.objects.get()).values_list("seed__passage__heading", flat=True)
    assert set(headings) == {f"Star {n}" for n in range(LEFT)}


def test_a_filter_keeps_the_area_and_can_be_taken_away(
    page_of: PageOf, mapped: ProjectMap, mia: User
) -> None:
    page = opened(page_of(mia))
    page.get_by_role("button", name="Lasso").click()
    drag_around_the_left(page)
    page.get_by_role("link", name="Show them in the list").click()
    page.get_by_label("Order").select_option(label="Oldest")
    expect(page.locator("tbody tr").first).to_contain_text("Star 0")
    assert "area=" in page.url and "sort=oldest" in page.url
    page.get_by_role("link", name="Take the filter away: In an area of the map").click()
    expect(page.locator(".listing-head strong")).to_have_text(str(len(PLACES)))


def test_a_point_shows_its_passage_and_opens_it(page_of: PageOf, mapped: ProjectMap, mia: User) -> None:
    page = opened(page_of(mia))
    where = at(page.locator("canvas"), *PLACES[-1])
    page.mouse.move(*where)
    card = page.locator("[data-card]")
    expect(card).to_contain_text(f"Star {len(PLACES) - 1}")
    expect(card).to_contain_text("1.3")
    page.mouse.move(where[0] + 120, where[1])
    expect(card).to_be_hidden()
    page.mouse.click(*where)
    expect(page.get_by_role("heading", name=f"Star {len(PLACES) - 1}")).to_be_visible()


def test_the_wheel_zooms_where_the_pointer_is_and_dragging_moves(
    page_of: PageOf, mapped: ProjectMap, mia: User
) -> None:
    page = opened(page_of(mia))
    where = at(page.locator("canvas"), *PLACES[-1])
    page.mouse.move(*where)
    for _ in range(5):
        page.mouse.wheel(0, -120)
    expect(page.locator("canvas")).to_have_attribute("data-zoom", "4.48")
    expect(page.locator("[data-card]")).to_contain_text(f"Star {len(PLACES) - 1}")
    page.mouse.down()
    page.mouse.move(where[0] - 90, where[1] + 60, steps=4)
    page.mouse.up()
    page.mouse.move(where[0] + 150, where[1] + 100)
    expect(page.locator("[data-card]")).to_be_hidden()
    page.mouse.move(where[0] - 90, where[1] + 60)
    expect(page.locator("[data-card]")).to_contain_text(f"Star {len(PLACES) - 1}")
    page.get_by_role("button", name="Select what is in view").click()
    expect(page.get_by_role("region", name="Selection")).to_contain_text("1 passage")


def test_the_keyboard_alone_is_enough(page_of: PageOf, mapped: ProjectMap, mia: User) -> None:
    page = opened(page_of(mia))
    canvas = page.get_by_role("application")
    canvas.focus()
    for _ in range(3):
        page.keyboard.press("+")
    expect(canvas).to_have_attribute("data-zoom", "2.74")
    for _ in range(9):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("v")
    selection = page.get_by_role("region", name="Selection")
    expect(selection).to_contain_text("passages")
    page.keyboard.press("Escape")
    expect(selection).to_be_hidden()
    page.keyboard.press("0")
    page.keyboard.press("v")
    expect(selection).to_contain_text(f"{len(PLACES)} passages")
    page.get_by_role("link", name="Show them in the list").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".listing-head strong")).to_have_text(str(len(PLACES)))


def test_the_passage_at_the_cross_is_said_and_enter_opens_it(
    page_of: PageOf, mapped: ProjectMap, mia: User
) -> None:
    middle = np.array([(grid.SIDE // 2, grid.SIDE // 2), *PLACES[1:]], dtype=np.uint16)
    array = mapped.array
    mapped.points = grid.points(array["passage"].astype(np.int64), middle).tobytes()
    mapped.save()
    page = opened(page_of(mia))
    page.get_by_role("application").focus()
    page.keyboard.press("+")
    expect(page.locator("[data-card]")).to_contain_text("Star 0")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Star 0")).to_be_visible()


def test_highlighting_says_how_many_of_a_selection_stand_out(
    page_of: PageOf, mapped: ProjectMap, mia: User
) -> None:
    page = opened(page_of(mia))
    page.get_by_role("button", name="Arts").click()
    page.get_by_role("button", name="Select what is in view").click()
    expect(page.get_by_role("region", name="Selection")).to_contain_text(f"{RIGHT + 1} of them highlighted")


def test_an_annotator_has_no_queue_to_make_and_no_scores(
    page_of: PageOf, project: Project, mapped: ProjectMap
) -> None:
    page = opened(page_of(make.a_member(project)))
    page.get_by_role("button", name="Select what is in view").click()
    expect(page.get_by_role("link", name="Show them in the list")).to_be_visible()
    expect(page.get_by_role("link", name="Make a queue of them")).to_have_count(0)
    expect(page.get_by_role("button", name="Draw it anew")).to_have_count(0)
    assert "reasoning" not in page.get_by_label("Colour by").inner_text()


def test_a_map_that_was_drawn_anew_meanwhile_says_so(page_of: PageOf, mapped: ProjectMap, mia: User) -> None:
    page = opened(page_of(mia))
    ProjectMap.objects.all().delete()
    page.evaluate("document.querySelector('#legend').dataset.points")
    page.get_by_role("application").focus()
    page.evaluate(
        "document.body.dispatchEvent(new CustomEvent('htmx:afterSwap', {detail: {target: document.getElementById('legend'), elt: document.body}}))"
    )
    expect(page.get_by_text("The map was drawn anew. Load the page again.")).to_be_visible()


def test_without_script_the_legend_is_the_map_in_words(
    page_of: PageOf, mapped: ProjectMap, mia: User
) -> None:
    page = page_of(mia, java_script_enabled=False)
    page.goto(f"{HERE}?by=topic")
    expect(page.get_by_text("The picture needs JavaScript")).to_be_visible()
    page.get_by_label("Colour by").select_option(label="State")
    page.get_by_role("button", name="Colour", exact=True).click()
    page.get_by_role("link", name=f"{len(PLACES)} passages: Seed, not reviewed").click()
    expect(page.get_by_role("heading", name="Seeds")).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing_with_a_selection_and_a_card(
    page_of: PageOf, mapped: ProjectMap, mia: User, scheme: str, width: int
) -> None:
    page = page_of(mia, color_scheme=scheme, viewport={"width": width, "height": 844}, bypass_csp=True)
    opened(page, "score:reasoning")
    page.get_by_role("button", name="4 to 4.5").click()
    page.mouse.move(*at(page.locator("canvas"), *PLACES[-1]))
    expect(page.locator("[data-card]")).to_be_visible()
    assert problems(page) == []
    page.get_by_role("button", name="Select what is in view").click()
    assert problems(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_a_telephone_a_finger_draws_the_lasso_and_a_tap_shows_a_passage(
    page_of: PageOf, mapped: ProjectMap, mia: User
) -> None:
    page = page_of(mia, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    opened(page)
    canvas = page.locator("canvas")
    canvas.scroll_into_view_if_needed()
    page.touchscreen.tap(*at(canvas, *PLACES[-1]))
    expect(page.locator("[data-card]")).to_contain_text(f"Star {len(PLACES) - 1}")
    page.get_by_role("button", name="Lasso").tap()
    fingers = page.context.new_cdp_session(page)
    corners = [(9_000, 27_000), (24_500, 27_000), (24_500, 38_000), (9_000, 38_000), (9_000, 27_500)]
    where = [at(canvas, *corner) for corner in corners]
    for kind, places in [
        ("touchStart", where[:1]),
        *[("touchMove", [one]) for one in where[1:]],
        ("touchEnd", []),
    ]:
        points = [{"x": x, "y": y} for x, y in places]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(page.get_by_role("region", name="Selection")).to_contain_text(f"{LEFT} passages")


def test_two_fingers_zoom(page_of: PageOf, mapped: ProjectMap, mia: User) -> None:
    page = page_of(mia, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    opened(page)
    canvas = page.locator("canvas")
    canvas.scroll_into_view_if_needed()
    x, y = at(canvas, *PLACES[-1])
    fingers = page.context.new_cdp_session(page)
    for kind, apart in [
        ("touchStart", 10),
        *[("touchMove", apart) for apart in range(16, 120, 8)],
        ("touchEnd", 0),
    ]:
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}] if apart else []
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    page.get_by_role("button", name="Select what is in view").tap()
    expect(page.get_by_role("region", name="Selection")).to_contain_text("1 passage")
