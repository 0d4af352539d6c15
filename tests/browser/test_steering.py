"""Steering in a real browser: a scorer appears from sixty labels, a threshold is moved by keys and by hand, applied and undone;
without script too; every page passes axe."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from curation.actions import scorers
from curation.jobs import run
from curation.models import Document, Job, KnobChange, Project, Rubric, Score, Scorer, Signals, User
from curation.recipe.scoring import signals
from curation.recipe.scoring.starter import shipped
from tests import factories as make
from tests.browser.accessibility import problems_on_screens
from tests.labelling import our_rubric, pages, rated, teacher, vectors
from tests.web.browsing import HOSTILE

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PageOf = Callable[..., Page]
LABELS = 60


@pytest.fixture
def project() -> Project:
    """Sixty passages that people rated, ten pages with scores, the starter for both levels."""
    for key in ("educational", "factual", "reasoning"):
        our_rubric(key)
    project = make.a_project("physics", name="Physics")
    points = vectors(LABELS, seed=11)
    passages = pages(project, points)
    people = [make.a_member(project, email=f"{name}@example.org") for name in ("ann", "ben")]
    rated(make.a_queue(project, "scores", wanted=2), passages, {"factual": teacher(points)}, people)
    for key, level in (("educational", "document"), ("factual", "passage"), ("reasoning", "passage")):
        scorer = make.an_active_scorer(project, key, level)
        Scorer.objects.filter(pk=scorer.pk).update(parameters=shipped().as_dict())
        if level == "passage":
            Score.objects.bulk_create(
                Score(scorer=scorer, passage=one, value=round(1.5 + at / 24, 3))
                for at, one in enumerate(passages)
            )
    educational = make.an_active_scorer(project)
    for at in range(10):
        document = make.a_kept_document(project, f"A page {at}. {HOSTILE}", title=f"Page {at}", topic="arts")
        document.extraction.characters, document.extraction.normal_sha256 = 900, document.sha256
        document.extraction.save()
        Signals.objects.create(
            extraction=document.extraction,
            version=signals.VERSION,
            values=signals.measure(document.extraction.text),
        )
        Document.objects.filter(pk=document.pk).update(characters=900)
        Score.objects.create(scorer=educational, document=document, value=2.4 + at / 10)
    return project


@pytest.fixture
def mia(project: Project) -> User:
    return make.a_member(project, "manager", "mia@example.org")


def drain_all() -> None:
    """What the workers would do."""
    while waiting := list(Job.objects.active().order_by("pk")):
        for job in waiting:
            run.drain(job)


def test_a_manager_trains_compares_activates_and_rolls_back(
    page_of: PageOf, project: Project, mia: User
) -> None:
    page = page_of(mia)
    page.goto("/projects/physics/scorers/")
    expect(page.get_by_role("region", name="Factual value")).to_contain_text("60 settled labels")
    page.get_by_role("link", name="Factual value").click()
    page.get_by_role("button", name="Train now").click()
    expect(page.get_by_role("heading", name="Train a scorer")).to_be_visible()
    drain_all()
    head = Scorer.objects.get(project=project)
    page.goto("/projects/physics/scorers/factual/")
    page.get_by_role("link", name="Compare two").click()
    page.get_by_label("Left").select_option("starter-1")
    page.get_by_label("Right").select_option("head-1")
    page.wait_for_url("**left=starter-1&right=head-1")
    expect(page.get_by_role("heading", name="Where they differ most")).to_be_visible()
    if (
        str(scorers.history(project, head.rubric)[0].scorer if scorers.history(project, head.rubric) else "")
        != "head-1"
    ):
        page.get_by_role("link", name="head-1").first.click()
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Activate").click()
        drain_all()
    page.goto("/projects/physics/scorers/factual/versions/head-1/")
    expect(page.get_by_role("heading", name="head-1")).to_contain_text("Speaks")


def test_the_handle_is_moved_by_keys_applied_and_undone(page_of: PageOf, project: Project, mia: User) -> None:
    page = page_of(mia)
    page.goto("/projects/physics/thresholds/")
    page.get_by_role("link", name="Educational value of a page").click()
    handle = page.get_by_role("slider", name="Threshold: Educational value of a page")
    expect(handle).to_have_value("2.3")
    expect(page.get_by_role("button", name="Apply")).to_have_count(0)
    handle.focus()
    for _ in range(10):
        handle.press("ArrowRight")
    expect(page.locator("[data-handle-says]")).to_have_text("2.80")
    expect(page.get_by_role("button", name="Apply 2.8")).to_be_visible()
    expect(page.locator("#look")).to_contain_text("4 documents leave")
    expect(page.locator(".is-kept[data-middle]")).to_have_count(6)
    page.wait_for_url("**value=2.8**")
    page.get_by_role("button", name="Apply 2.8").click()
    expect(page.get_by_role("heading", name="A change of thresholds")).to_be_visible()
    drain_all()
    expect(page.locator("#change")).to_contain_text("Applied")
    pages = project.documents.filter(title__startswith="Page ")
    assert pages.filter(left_out="low_educational").count() == 4
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Undoing a change")).to_be_visible()
    drain_all()
    expect(page.locator("#change")).to_contain_text("Applied")
    assert pages.filter(left_out="").count() == 10
    project.refresh_from_db()
    assert project.knobs == {}


def test_the_handle_is_dragged_and_the_bars_follow_at_once(
    page_of: PageOf, project: Project, mia: User
) -> None:
    page = page_of(mia)
    page.goto("/projects/physics/thresholds/min_educational/")
    box = page.get_by_role("slider").bounding_box()
    assert box is not None
    inner, middle = box["width"] - 22, box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 11 + inner * 2.3 / 5, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 11 + inner * 3.05 / 5, middle, steps=6)
    expect(page.locator(".is-kept[data-middle]")).to_have_count(3)
    expect(page.locator("#look")).to_contain_text("Documents from 2.3 up")
    page.mouse.up()
    expect(page.locator("#look")).to_contain_text("Documents from 3.05 up")


def test_without_script_the_same_is_a_form(page_of: PageOf, project: Project, mia: User) -> None:
    page = page_of(mia, java_script_enabled=False)
    page.goto("/projects/physics/thresholds/min_educational/?value=2.8")
    page.get_by_label("Good means rated").select_option("4")
    page.get_by_role("button", name="Show").click()
    assert "value=2.8" in page.url and "good=4" in page.url
    page.get_by_role("button", name="Apply 2.8").click()
    drain_all()
    page.reload()
    assert "Applied" in page.locator("#change").inner_text()
    page.get_by_role("button", name="Undo").click()
    drain_all()
    assert KnobChange.objects.filter(applied_at__isnull=False).count() == 2


def test_a_topic_gets_a_floor_and_a_rubric_is_written(page_of: PageOf, project: Project, mia: User) -> None:
    page = page_of(mia)
    page.goto("/projects/physics/thresholds/topics")
    page.get_by_role("spinbutton").first.fill("2.8")
    page.get_by_role("button", name="Show what would change").click()
    page.get_by_role("button", name="Apply 1 floor").click()
    drain_all()
    expect(page.locator("#change")).to_contain_text("Applied")
    project.refresh_from_db()
    assert project.topic_floors == {"arts": 2.8}
    page.goto("/projects/physics/rubrics/create")
    page.get_by_label("Name").fill("Clarity")
    page.get_by_label("Question").fill("Could a newcomer follow it?")
    page.get_by_label("0 means").fill("No")
    page.get_by_label("1 means").fill("Yes")
    page.get_by_role("button", name="Write rubric").click()
    expect(page.get_by_role("heading", name="Clarity")).to_be_visible()
    assert Rubric.objects.get(project=project).highest == 1


def test_the_pages_pass_axe_and_fit_the_screen(page_of: PageOf, project: Project, mia: User) -> None:
    run.drain(scorers.train(project, our_rubric("factual"), mia))
    drain_all()
    change = KnobChange.objects.create(
        project=project, before={"min_factual": 2.9}, after={"min_factual": 3.1}, by=mia
    )
    page = page_of(mia, bypass_csp=True)
    wrong = []
    for rest in (  # those that look otherwise with material than on the walk over every page
        *("scorers/", "scorers/factual/", "scorers/factual/versions/head-1/"),
        "scorers/factual/compare?left=starter-1&right=head-1",
        *("signals/words/?value=9", "thresholds/", "thresholds/min_factual/?value=3.2"),
        *("thresholds/near_duplicate_cosine/", "thresholds/topics?topic:arts=3"),
        f"thresholds/changes/{change.uuid}/",
    ):
        response = page.goto(f"/projects/physics/{rest}")
        assert response is not None and response.status == 200, rest
        wrong += [f"{rest}: {problem}" for problem in problems_on_screens(page)]
    assert wrong == []
