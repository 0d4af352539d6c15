"""Prompts: read by every member, written by managers; versions that never change, a preview on a real seed, and what is refused by name."""

from __future__ import annotations

import pytest

from curation.actions import prompts
from curation.actions.prompts import OURS
from curation.models import PromptVersion, SampleStep
from tests import factories as make
from tests.web.browsing import HOSTILE, LIST_QUERIES, queries, seen_by, text_of

pytestmark = pytest.mark.django_db

LIST = "/projects/stars/prompts/"
KEY = "rewrite-notes"
PAGE = f"{LIST}{KEY}/"
SYSTEM, USER = (one.template for one in OURS[KEY].template.parts)


@pytest.fixture
def project():
    return make.a_project("stars")


@pytest.fixture
def manager(project):
    return seen_by(project, "manager")


def sent(**changes):
    return {
        "part_0": SYSTEM,
        "part_1": f"Slowly now. {USER}",
        "note": "Slower.",
        "parent": f"{KEY}/1",
    } | changes


def saved(manager, **changes):
    response = manager.post(f"{PAGE}edit", sent(**changes))
    assert response.status_code == 302, response.context["form"].errors
    return PromptVersion.objects.order_by("-id").first()


def test_the_list_shows_what_every_workflow_asks_and_how_many_samples_came_of_it(project):
    sample = make.a_sample(project)
    for ordinal in range(2):
        SampleStep.objects.create(
            sample=sample, ordinal=ordinal, kind="prompt", prompt_version=f"{KEY}/1", output="x"
        )
    SampleStep.objects.create(
        sample=make.a_sample(make.a_project()), ordinal=0, kind="prompt", prompt_version=f"{KEY}/1"
    )
    page = text_of(seen_by(project, "annotator"), LIST)
    assert page.count("Look at a task and its answer once more") == 2 and "Fill in the middle" in page
    assert f'?prompt={KEY}/1">1</a>' in page
    assert text_of(seen_by(project), f"/projects/stars/samples/?prompt={KEY}/1").count('<th scope="row"') == 1
    assert "No sample fits" in text_of(seen_by(project), f"/projects/stars/samples/?prompt={KEY}/2")


def test_a_manager_saves_own_words_which_are_in_force_and_can_be_put_out_of_force(project, manager):
    version = saved(manager)
    assert (version.label, version.note, version.parent.label) == (f"{KEY}/own-1", "Slower.", f"{KEY}/1")
    assert version.template.parts[1].template.startswith("Slowly now.")
    assert prompts.in_force(project, "rewrite")[KEY] == version
    page = text_of(manager, PAGE)
    assert "Own words" in text_of(manager, LIST) and "Use ours again" in page and "Slower." in page
    assert manager.post(f"{PAGE}use", {}).status_code == 302
    assert prompts.in_force(project, "rewrite")[KEY].label == f"{KEY}/1"
    assert manager.post(f"{PAGE}use", {"version": version.label}).status_code == 302
    assert prompts.in_force(project, "rewrite")[KEY] == version


def test_line_ends_of_browsers_make_no_other_words(project, manager):
    first = saved(manager)
    again = saved(manager, part_1=f"Slowly now. {USER}".replace("\n", "\r\n"))
    assert again == first and "\r" not in first.template.parts[1].template


def test_what_changed_between_two_versions_is_marked_word_by_word(project, manager):
    saved(manager)
    page = text_of(seen_by(project, "annotator"), f"{PAGE}?from={KEY}/1&to={KEY}/own-1")
    assert "<ins>Slowly now. </ins>" in page and "The same in both" in page
    assert "Write your own" not in page and "Use this" not in page


def test_words_that_leave_out_the_material_are_refused_and_stay_in_the_editor(project, manager):
    response = manager.post(f"{PAGE}edit", sent(part_1="Take notes. {{ nothing }}"))
    assert response.status_code == 422
    page = response.content.decode()
    assert "In the user message: Line 1: &#x27;nothing&#x27; is undefined" in page and "Take notes." in page
    response = manager.post(f"{PAGE}edit", sent(part_1="Take notes."))
    assert response.status_code == 422 and "It does not show `passage`" in response.content.decode()
    response = manager.post(f"{PAGE}edit", sent(part_1=USER))
    assert response.status_code == 422 and "These are our words as they stand" in response.content.decode()
    assert not PromptVersion.objects.filter(prompt__project=project).exists()


def test_a_preview_renders_on_a_seed_of_the_project_and_saves_nothing(project, manager):
    first, second = (
        make.a_seed(project, f"A seed on levers. {HOSTILE}"),
        make.a_seed(project, "A seed on ice."),
    )
    make.a_seed(make.a_project(), "A seed of others.")
    response = manager.post(f"{PAGE}preview", sent(), headers={"HX-Request": "true"})
    part = response.content.decode()
    assert "<html" not in part and "A seed on levers." in part and "<script>" not in part
    assert "Slowly now. Read the passage" in part and "tokens" in part
    following = manager.post(
        f"{PAGE}preview", sent(seed=first.uuid, go="next"), headers={"HX-Request": "true"}
    ).content.decode()
    assert (
        "A seed on ice." in following
        and "A seed on levers." not in following
        and f'value="{second.uuid}"' in following
    )
    whole = manager.post(f"{PAGE}preview", sent(seed=second.uuid)).content.decode()
    assert (
        "<html" in whole
        and "A seed on ice." in whole
        and "Slowly now." in whole
        and "A seed of others." not in whole
    )
    assert not PromptVersion.objects.filter(prompt__project=project).exists()


def test_a_preview_without_seeds_uses_examples_and_says_so(project, manager):
    part = manager.post("/projects/stars/prompts/conversation-turn/preview", {
        f"part_{at}": one.template for at, one in enumerate(OURS["conversation-turn"].template.parts)
    }, headers={"HX-Request": "true"}).content.decode()  # fmt: skip
    assert "no seeds yet" in part and "(who speaks: name, profile and aim)" in part


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("one\n{{ passage.txet }}", "Line 2"),
        ("one\n{% if %}", "Line 2"),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}", "It took more than"),
    ],
)  # fmt: skip
def test_a_template_that_fails_or_never_ends_is_said_by_its_line(project, manager, words, said):
    part = manager.post(f"{PAGE}preview", sent(part_1=words), headers={"HX-Request": "true"}).content.decode()
    assert "It cannot be rendered." in part and said in part


def test_a_version_that_can_no_longer_be_read_is_marked_and_cannot_be_put_in_force(project, manager):
    version = saved(manager)
    PromptVersion.objects.create(
        prompt=version.prompt, number=2, parts=version.parts, schema={"type": "object"}, sha256="1" * 64
    )
    assert "Outdated" in text_of(manager, PAGE)
    response = manager.post(f"{PAGE}use", {"version": f"{KEY}/own-2"}, follow=True)
    assert "written for answers of another form" in response.content.decode()
    assert prompts.in_force(project, "rewrite")[KEY] == version


def test_an_unknown_prompt_or_version_is_no_page(project, manager):
    assert manager.get(f"{LIST}no-such/").status_code == 404
    response = manager.post(f"{PAGE}use", {"version": "rewrite-notes/own-9"}, follow=True)
    assert "There is no version" in response.content.decode()


def test_pages_ask_the_database_a_handful_of_times(project, manager):
    for number in range(4):
        saved(manager, part_1=f"{number}. {USER}")
    assert queries(manager, LIST) <= LIST_QUERIES
    assert queries(manager, PAGE) <= LIST_QUERIES + 2
