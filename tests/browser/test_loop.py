"""The loop of scores and duplicates from start to end, as two people go through it: sixty ratings by keys, a version that appears by
itself, compared, a threshold moved, applied and undone; a cluster ruled on and taken back; a drop of near duplicates undone.

PICTURES=folder keeps a picture of every station.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from curation.actions import queues, scorers
from curation.jobs import run
from curation.models import Decision, Embedding, Job, Passage, Project, Scorer
from tests import factories as make
from tests import labelling
from tests.browser.accessibility import problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PageOf = Callable[..., Page]
RATED = 60
#: (what both texts say, the second one's addition, the angle between their vectors in degrees)
CLOSE = (
    ("Rye was sown in autumn because it stands the winter better than wheat does.", " So say the farmers.", 10),
    ("The guilds of Ghent set the price of cloth and watched over its quality.", " It was a rich town.", 25),
    ("A comet's tail points away from the sun, since its light pushes the dust.", " Halley saw it.", 26),
)  # fmt: skip


@pytest.fixture
def project() -> Project:
    """Sixty passages that nobody rated yet, scored by the starters, and three pairs of close ones."""
    made = make.a_project(
        "physics",
        name="Physics",
        knobs={"min_educational": 0.0, "min_factual": 0.2, "min_reasoning": 5.0, "scores_decisions": 1},
    )
    labelling.pages(made, labelling.vectors(RATED, seed=11))
    for number, (text, addition, degrees) in enumerate(CLOSE):
        a_close_pair(made, text, addition, degrees, labelling.vectors(2, seed=100 + number))
    labelling.scored(made)
    Job.objects.create(project=made, kind="near_duplicates", lane="curate", then=["select"])
    drain_all()
    return made


def a_close_pair(project: Project, text: str, addition: str, degrees: float, axes: np.ndarray) -> None:
    first, other = axes
    other = other - (other @ first) * first
    other /= np.linalg.norm(other)
    turned = np.cos(np.radians(degrees)) * first + np.sin(np.radians(degrees)) * other
    for said, vector in ((text + addition, first), (text, turned)):
        passage = make.a_kept_passage(project, said)
        Embedding.objects.keep(labelling.bundled(), {passage.text_sha256: vector.astype(np.float32)})


def drain_all() -> None:
    """What the workers would do."""
    while waiting := list(Job.objects.active().order_by("pk")):
        for job in waiting:
            run.drain(job)


@pytest.fixture
def station() -> Callable[[Page, str], None]:
    """Looks at a page on the way: axe, and a picture where they are kept."""
    number = iter(range(1, 100))

    def look(page: Page, name: str) -> None:
        assert problems(page) == [], name
        if folder := os.environ.get("PICTURES"):
            page.screenshot(path=Path(folder) / f"loop-{next(number):02d}-{name}.png", full_page=True)

    return look


def left_out(project: Project) -> int:
    return project.passages.filter(left_out="near_duplicate").count()


def test_from_sixty_ratings_to_a_drop_that_is_undone(
    page_of: PageOf, project: Project, station: Callable[[Page, str], None]
) -> None:
    ann = make.a_member(project, "annotator", "ann@example.org")
    mia = make.a_member(project, "manager", "mia@example.org")

    rate_all(page_of(ann), project, station)
    assert Decision.objects.filter(user=ann).count() == RATED

    scorers.train_what_is_due()  # as the beat does every minute
    drain_all()
    page = page_of(mia)
    page.on("dialog", lambda dialog: dialog.accept())
    a_version_appears_and_is_compared(page, project, station)
    a_threshold_is_moved_applied_and_undone(page, project, station)
    a_cluster_is_ruled_on_and_the_ruling_taken_back(page, project, station)
    a_drop_is_undone(page, project, station)


def rate_all(page: Page, project: Project, station: Callable[[Page, str], None]) -> None:
    """The person reads which passage it is and knows what it is worth."""
    queue = queues.create_queue(project, None, kind="scores", name="Ratings", wanted=1, order="learning")
    rated = Passage.objects.filter(project=project, text__startswith="Passage ").order_by("pk")
    worth = labelling.teacher(labelling.vectors(RATED, seed=11))
    queues.add_subjects(queue, rated)
    with page.expect_response("**/next"):
        page.goto(f"/projects/physics/review/queues/{queue.uuid}")
    station(page, "rate")
    text = page.locator(".item-main")
    for _ in range(RATED):
        found = re.search(r"Passage (\d+) of", text.inner_text())
        assert found is not None
        factual = int(worth[int(found[1])])
        page.keyboard.press(str(factual))
        page.keyboard.press(str(5 - factual))
        with page.expect_response("**/decide"):
            page.keyboard.press("Enter")
        expect(text.filter(has_text=f"Passage {found[1]} of")).to_have_count(0)


def a_version_appears_and_is_compared(
    page: Page, project: Project, station: Callable[[Page, str], None]
) -> None:
    assert Scorer.objects.filter(project=project, rubric__key="factual").count() == 1
    page.goto("/projects/physics/scorers/factual/")
    expect(page.get_by_role("link", name="head-1").first).to_be_visible()
    station(page, "version")
    page.get_by_role("link", name="Compare two").click()
    page.get_by_label("Left").select_option("starter-1")
    page.get_by_label("Right").select_option("head-1")
    page.wait_for_url("**left=starter-1&right=head-1")
    expect(page.get_by_role("heading", name="Where they differ most")).to_be_visible()
    station(page, "compare")


def a_threshold_is_moved_applied_and_undone(
    page: Page, project: Project, station: Callable[[Page, str], None]
) -> None:
    kept = project.passages.filter(left_out="").count()
    page.goto("/projects/physics/thresholds/min_factual/")
    handle = page.get_by_role("slider")
    handle.focus()
    for _ in range(56):
        handle.press("ArrowRight")
    page.wait_for_url("**value=3**")
    expect(page.locator("#look")).to_contain_text("leave")
    station(page, "moved")
    applied(page, "Apply 3")
    station(page, "applied")
    fewer = project.passages.filter(left_out="").count()
    assert fewer < kept
    undone(page)
    assert project.passages.filter(left_out="").count() == kept


def applied(page: Page, button: str) -> None:
    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("heading", name="A change of thresholds")).to_be_visible()
    drain_all()
    expect(page.locator("#change")).to_contain_text("Applied")


def undone(page: Page) -> None:
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Undoing a change")).to_be_visible()
    drain_all()
    expect(page.locator("#change")).to_contain_text("Applied")


def a_cluster_is_ruled_on_and_the_ruling_taken_back(
    page: Page, project: Project, station: Callable[[Page, str], None]
) -> None:
    assert left_out(project) == 1
    page.goto("/projects/physics/duplicates/")
    station(page, "clusters")
    page.locator("#rows").get_by_role("link").first.click()
    expect(page.locator("#ruling del").first).to_contain_text("So say the farmers")
    station(page, "cluster")
    page.keyboard.press("n")
    expect(page.get_by_text("Told apart")).to_be_visible()
    drain_all()
    assert left_out(project) == 0
    page.reload()
    station(page, "ruled")
    page.get_by_role("button", name="Take back").click()
    expect(page.get_by_text("Taken back. Clusters are drawn anew.")).to_be_visible()
    drain_all()
    assert left_out(project) == 1


def a_drop_is_undone(page: Page, project: Project, station: Callable[[Page, str], None]) -> None:
    page.goto("/projects/physics/thresholds/near_duplicate_cosine/")
    handle = page.get_by_role("slider")
    handle.focus()
    for _ in range(5):
        handle.press("ArrowLeft")
    page.wait_for_url("**value=0.895**")
    expect(page.locator("#look")).to_contain_text("2 passages leave")
    station(page, "drop-foretold")
    applied(page, "Apply 0.895")
    station(page, "dropped")
    assert left_out(project) == 3
    undone(page)
    station(page, "drop-undone")
    assert left_out(project) == 1
