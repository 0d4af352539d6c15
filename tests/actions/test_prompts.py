"""Prompts as rows: which words are in force in a project, and that what was asked once can be told for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest

from curation.actions import prompts
from curation.actions.prompts import OURS, PromptOutdated, PromptRefused
from curation.models import Activity, Prompt, PromptVersion
from curation.recipe.chain import LIMITS
from curation.recipe.generate.workflows import WORKFLOWS
from curation.recipe.llm.prompts import Part
from tests.factories import a_member, a_project

pytestmark = pytest.mark.django_db
KEY = "rewrite-discussion"


def words(of=KEY, *, said="Write it well. "):
    system, user = OURS[of].template.parts
    return (system, Part("user", said + user.template))


def saved(project, said="Write it well. ", **more):
    return prompts.save(
        project, KEY, words(said=said), by=more.pop("by", None) or a_member(project, "manager"), **more
    )


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_without_a_projects_own_every_prompt_asks_in_our_words(workflow):
    found = prompts.in_force(a_project(), workflow)
    assert list(found) == [one.key for one in WORKFLOWS[workflow].prompts]
    assert prompts.wording(found.values()) == WORKFLOWS[workflow].prompts
    assert {version.label for version in found.values()} == {one.label for one in WORKFLOWS[workflow].prompts}


def test_a_projects_own_words_stand_in_for_ours_in_that_project_only():
    project, other = a_project(), a_project()
    version = saved(project)
    found = prompts.in_force(project, "rewrite")
    assert found[KEY] == version and version.label == f"{KEY}/own-1"
    (worded,) = [one for one in prompts.wording(found.values()) if one.key == KEY]
    assert worded == replace(OURS[KEY], version=1, own=True, template=version.template)
    assert worded.label == version.label and len(worded.label) <= LIMITS["prompt_version"]
    assert prompts.in_force(other, "rewrite")[KEY].label == f"{KEY}/1"


def test_the_form_of_an_answer_stays_ours():
    project = a_project()
    version = prompts.save(project, "check", words("check"), by=a_member(project, "manager"))
    assert version.schema == OURS["check"].template.schema
    # The prompt is asked by two workflows, and both ask in the new words.
    assert (
        prompts.in_force(project, "question-answer")["check"]
        == version
        == prompts.in_force(project, "rewrite")["check"]
    )


def test_a_version_saved_later_takes_over_and_going_back_makes_no_new_one():
    project = a_project()
    manager = a_member(project, "manager")
    first = saved(project, by=manager)
    second = saved(project, "Write it better. ", by=manager, parent=first, note="Better.")
    assert (
        second.number == 2 and second.parent == first and prompts.in_force(project, "rewrite")[KEY] == second
    )
    prompts.use(project, KEY, first, by=manager)
    assert prompts.in_force(project, "rewrite")[KEY] == first
    assert saved(project, "Write it better. ", by=manager) == second
    assert prompts.in_force(project, "rewrite")[KEY] == second and PromptVersion.objects.count() == 2 + 5
    prompts.use(project, KEY, None, by=manager)
    assert prompts.in_force(project, "rewrite")[KEY].label == f"{KEY}/1"
    chosen = Prompt.objects.get(project=project)
    assert chosen.chosen_by == manager and chosen.chosen_at
    log = Activity.objects.filter(project=project).order_by("id").values_list("subject", flat=True)
    assert [*log] == [first.label, second.label, first.label, second.label, f"ours of {KEY}"]


def test_words_that_leave_out_what_is_asked_about_are_refused_and_nothing_is_stored():
    project = a_project()
    with pytest.raises(PromptRefused) as refused:
        prompts.save(project, KEY, (Part("user", "Write a discussion."),), by=a_member(project, "manager"))
    assert any("`notes`" in one for one in refused.value.faults) and len(refused.value.faults) == 5
    assert not Prompt.objects.filter(project=project).exists()


def test_a_version_of_another_project_cannot_be_put_in_force():
    project, other = a_project(), a_project()
    theirs = saved(other)
    with pytest.raises(PromptRefused, match="another prompt"):
        prompts.use(project, KEY, theirs, by=a_member(project, "manager"))


def test_a_version_for_answers_of_another_form_is_refused_by_name_until_its_words_are_saved_anew(monkeypatch):
    project = a_project()
    manager = a_member(project, "manager")
    version = prompts.save(project, "check", words("check"), by=manager)
    mine = OURS["check"]
    schema = {**mine.template.schema, "properties": {"correct": {"type": "boolean"}}, "required": ["correct"]}
    changed = replace(mine, version=2, template=replace(mine.template, schema=schema))
    monkeypatch.setattr(prompts, "OURS", {**OURS, "check": changed})
    for refused in (lambda: prompts.in_force(project, "rewrite"), lambda: prompts.wording([version])):
        with pytest.raises(
            PromptOutdated, match="check/own-1 was written for answers of another form than check/2"
        ):
            refused()
    again = prompts.save(project, "check", version.template.parts, by=manager)
    assert again.number == 2 and prompts.in_force(project, "rewrite")["check"] == again


def test_an_earlier_version_of_ours_is_still_asked_in_its_own_words(monkeypatch):
    before = prompts.ours(KEY)
    mine = OURS[KEY]
    system, user = mine.template.parts
    changed = replace(
        mine,
        version=2,
        template=replace(mine.template, parts=(system, Part("user", "New. " + user.template))),
    )
    monkeypatch.setattr(prompts, "OURS", {**OURS, KEY: changed})
    assert prompts.wording([before]) == (mine,)
    assert prompts.ours(KEY).label == f"{KEY}/2"
