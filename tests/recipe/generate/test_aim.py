"""Aims: what a run fixes is asked for and recorded, and what it leaves to chance is drawn as without it."""

from __future__ import annotations

import pickle

import pytest

from curation.recipe.generate.drawn import AIMS, DIFFICULTIES, SKILLS, AimError, setting
from curation.recipe.generate.question_answer import QuestionAnswer
from curation.recipe.generate.records import Seed
from curation.recipe.generate.revision import SelfRevision
from curation.recipe.generate.rewrite import Rewrite
from curation.recipe.generate.workflows import WORKFLOWS
from tests.recipe.generate import test_question_answer, test_revision, test_rewrite
from tests.recipe.generate.scripted import CHECKED, LEVERS, run, script

AIM = {"skill": SKILLS[3], "difficulty": "hard"}


def test_what_is_aimed_at_is_fixed_and_the_rest_is_drawn_as_it_would_have_been():
    seeds = [Seed(LEVERS, candidate=n) for n in range(20)]
    free = [setting(4, one, "x", {}) for one in seeds]
    aimed = [setting(4, one, "x", AIM) for one in seeds]
    assert all(one == {**other, **AIM} for one, other in zip(aimed, free, strict=True))
    assert len({one["audience"] for one in aimed}) > 2
    assert aimed == [setting(4, one, "x", AIM) for one in seeds]


@pytest.mark.parametrize(
    ("aim", "said"),
    [
        ({"topic": "tides"}, "Nothing called topic"),
        ({"difficulty": "C"}, "There is no difficulty C; there are easy, medium, hard"),
        ({"skill": " "}, "the skill has 0"),
        ({"skill": "x" * 81}, "the skill has 81"),
    ],
)
def test_an_aim_that_cannot_be_kept_is_refused_by_name(aim, said):
    with pytest.raises(AimError, match=said):
        SelfRevision(aim=aim)


def test_a_step_with_an_aim_travels_to_a_worker():
    step = Rewrite(aim=AIM)
    assert pickle.loads(pickle.dumps(step)) == step


@pytest.mark.parametrize("key", WORKFLOWS)
def test_the_table_says_what_each_workflow_can_aim_at(key):
    assert set(WORKFLOWS[key].aims) <= set(AIMS)


def test_rewriting_towards_an_aim_asks_for_it_and_leaves_out_the_form_that_cannot_keep_it():
    (outcome,), _, server = run(Rewrite(aim=AIM), [Seed(LEVERS)], script(*test_rewrite.SENSIBLE))
    assert {made.sample.meta["drawn"]["form"] for made in outcome.made} == {
        "exercises",
        "discussion",
        "reasoning",
    }
    assert {(made.sample.skill, made.sample.difficulty) for made in outcome.made} == {(SKILLS[3], "hard")}
    drafts = [one.text for one in server.asked if "It is for" in one.text]
    assert len(drafts) == 3 and all(SKILLS[3] in one and DIFFICULTIES["hard"] in one for one in drafts)


def test_an_aim_at_an_audience_keeps_every_form():
    assert Rewrite(aim={"audience": "a gardener"}).aimed == Rewrite().forms
    assert Rewrite(aim=AIM, forms=("web",)).aimed == ("web",)


def test_self_revision_towards_an_aim_asks_for_it_and_records_it():
    (outcome,), _, server = run(SelfRevision(aim=AIM), [Seed(LEVERS)], test_revision.scripted((5, 5, 5)))
    sample = outcome.made[0].sample
    assert (sample.skill, sample.difficulty) == (SKILLS[3], "hard")
    assert SKILLS[3] in server.asked[0].text


def test_questions_towards_an_aim_are_asked_of_excerpts_that_are_as_hard():
    tagged = test_question_answer.tags(
        test_question_answer.excerpt(complexity_level="B"),
        test_question_answer.excerpt(complexity_level="E", end_line=4),
    )
    answers = script(
        (test_question_answer.TAGS, tagged),
        (test_question_answer.QUESTIONS, test_question_answer.questions),
        CHECKED,
    )
    (outcome,), _, server = run(QuestionAnswer(aim=AIM), [Seed(LEVERS)], answers)
    assert {(made.sample.skill, made.sample.difficulty) for made in outcome.made} == {(SKILLS[3], "hard")}
    assert {made.sample.meta["excerpt"]["complexity_level"] for made in outcome.made} == {"E"}
    assert any(f"ask for {SKILLS[3]}" in one.text for one in server.asked)
    (easy,), _, _ = run(QuestionAnswer(aim={"difficulty": "medium"}), [Seed(LEVERS)], answers)
    assert [one.reason for one in easy.lost] == ["no_deduction"] and "none that is medium" in easy.lost[
        0
    ].detail
