"""A team's words: what they may say otherwise, and what is wrong with them, by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from curation.recipe.generate.trial import LONGEST, VARIABLES, example, faults, variables
from curation.recipe.generate.workflows import WORKFLOWS
from curation.recipe.llm.prompts import Part, Template, render
from curation.recipe.llm.wording import Material

#: What a project can put into its own words.
PROMPTS = {one.label: one for workflow in WORKFLOWS.values() for one in workflow.prompts}
TURN = PROMPTS["conversation-turn/1"]
DISCUSSION = PROMPTS["rewrite-discussion/1"]
CAST = PROMPTS["conversation-cast/1"]
TAGS = PROMPTS["excerpt-tags/1"]


def reworded(prompt, change):
    system, user = prompt.template.parts
    return replace(prompt.template, parts=(system, Part("user", change(user.template))))


@pytest.mark.parametrize("label", PROMPTS)
def test_ours_have_no_faults_and_render_with_the_examples(label):
    prompt = PROMPTS[label]
    assert faults(prompt, prompt.template) == []
    assert all(one.content for one in render(prompt.template, _plain(example(prompt))))


def _plain(values):
    return {name: one.values if isinstance(one, Material) else one for name, one in values.items()}


def test_an_example_shows_a_seed_as_its_workflow_does():
    def shown(label, name):
        return example(PROMPTS[label], "One holds. Two follows. Three ends it.\nFour.")[name].text

    assert shown("rewrite-notes/1", "passage").startswith("One holds. Two")
    assert shown("reversal-describe/1", "code") == shown("check/1", "material")
    assert shown("excerpt-tags/1", "passage").splitlines()[1] == "2: Four."
    assert shown("middle-choose/1", "passage").splitlines()[1] == "2: Two follows."
    assert "[the missing part]" in shown("middle-grade/1", "passage")
    assert shown("middle-grade/1", "removed") == "Three ends it."


def test_every_variable_of_the_table_is_put_into_some_prompt():
    assert {one.name for prompt in PROMPTS.values() for one in variables(prompt)} == set(VARIABLES)


def test_other_words_around_the_same_material_are_fine():
    words = "For {{ audience }}, {{ difficulty }} ({{ meaning }}), {{ skill }}.\n<{{ notes.mark }}>\n{{ notes.text }}\n<{{ notes.mark }}>"
    assert faults(DISCUSSION, Template((Part("user", words),))) == []


def test_what_ours_shows_and_theirs_does_not_is_named_with_the_way_to_show_it():
    found = faults(DISCUSSION, reworded(DISCUSSION, lambda words: words.replace("{{ skill }}", "thinking")))
    assert found == [
        "It does not show `skill` (the skill to be practised, drawn or aimed at). Put in {{ skill }}."
    ]
    found = faults(CAST, reworded(CAST, lambda words: words.replace("{{ temper }}", "kind")))
    assert len(found) == 1 and "`tempers`" in found[0] and "{% for one in tempers %}" in found[0]
    found = faults(TAGS, Template((Part("user", "Find chains."),)))
    assert len(found) == 1 and "{{ passage.text }}" in found[0]


def test_material_without_its_marks_is_named():
    found = faults(TAGS, Template((Part("user", "Find chains in {{ passage.text }}"),)))
    assert len(found) == 1 and "no marks" in found[0] and "{{ passage.mark }}" in found[0]


def test_what_is_there_only_sometimes_may_be_missing_and_must_be_shown_when_it_is_there():
    assert faults(TURN, TURN.template) == []
    found = faults(
        TURN,
        reworded(TURN, lambda words: words.replace("{% if summary %}", "").replace("{% endif %}", "", 1)),
    )
    assert len(found) == 1 and "None" in found[0] and "In the user message: Line" in found[0]
    found = faults(TURN, reworded(TURN, lambda words: words.replace("{% if injected %}", "{% if false %}")))
    assert [one.split("`")[1] for one in found] == ["injected"]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ((), "The last message has to be the user's"),
        ((Part("user", "a"), Part("system", "b")), "The last message"),
        ((Part("tool", "a"), Part("user", "b")), "one of the roles system, user, assistant"),
        ((Part("system", " \n"), Part("user", "b")), "A message is empty"),
        ((Part("user", "x" * (LONGEST + 1)),), "40,001 characters; at most 40,000"),
        ((Part("system", "a"), Part("user", "a\n{{ pasage }}")), "In the user message: Line 2: 'pasage' is undefined"),
        ((Part("user", "{% for x in y %}"),), "Line 1: Unexpected end of template"),
        ((Part("user", "{% for a in range(99999) %}{{ a * 9 }}{{ passage.text * 40 }}{% endfor %}"),), "more than 1,000,000 characters"),
    ],
)  # fmt: skip
def test_words_that_cannot_be_asked_are_refused_by_name(parts, said):
    assert any(said in one for one in faults(TAGS, Template(parts)))
