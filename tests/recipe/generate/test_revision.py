"""Self-revision: critiques with scores, revisions until the stop rule, all of them kept, the best one taken."""

from __future__ import annotations

import re

import pytest

from curation.recipe.generate import revision
from curation.recipe.generate.records import Seed
from curation.recipe.generate.revision import SelfRevision, Version, why_stop
from tests.recipe.generate.scripted import (
    LEVERS,
    PASSAGES,
    check_lineage,
    check_resumed,
    material,
    run,
    script,
)

DRAFT = ("plan", "task", "answer")
REQUIREMENTS = ("consideration", "criteria")
CRITIQUE = ("own_work", "criteria")
REVISE = ("changes", "task", "answer")
NAMES = ("correctness", "soundness", "self")


def version(number):
    return {
        "task": f"Version {number}: how do the forces compare?",
        "answer": f"Version {number}: as 1 to 4.",
    }


def critiques(*rounds):
    """A critique whose scores hang on the version it sees; each round is a score for each of the names."""

    def answer(seen, nth):
        number = int(re.search(r"Version (\d)", material(seen.text, "TASK")).group(1))
        scores = rounds[min(number, len(rounds) - 1)]
        criteria = [
            {"name": name, "discussion": "It holds.", "score": score, "suggestion": "Say which end."}
            for name, score in zip(NAMES, scores, strict=False)
        ]
        return {"own_work": "I find the same.", "criteria": criteria}

    return answer


def revise(seen, nth):
    number = int(re.search(r"Version (\d)", material(seen.text, "TASK")).group(1))
    assert "Suggestion: Say which end." in material(seen.text, "CRITIQUE")
    return {"changes": "I say which end.", **version(number + 1)}


SET = {
    "consideration": "What matters here.",
    "criteria": [{"name": name, "full_marks": "It is.", "low_marks": "It is not."} for name in NAMES],
}


def scripted(*rounds, **other):
    return script(
        (DRAFT, {"plan": "Compare the forces.", **version(0)} | other),
        (REQUIREMENTS, SET),
        (CRITIQUE, critiques(*rounds)),
        (REVISE, revise),
    )


IMPROVING = ((3, 4, 4), (4, 4, 4), (5, 5, 5))


def test_twenty_passages_are_written_criticised_and_revised_with_every_step_kept():
    seeds = [Seed(text) for text in PASSAGES]
    outcomes, book, _ = run(SelfRevision(), seeds, scripted(*IMPROVING))
    for seed, outcome in zip(seeds, outcomes, strict=True):
        (made,) = outcome.made
        check_lineage(outcome, seed, book, revision.PROMPTS)
        assert [one.kind for one in made.sample.steps] == [
            "draft", "prompt", "critique", "revision", "critique", "revision", "critique",
        ]  # fmt: skip
        scores = [one.scores for one in made.sample.steps if one.kind == "critique"]
        assert [tuple(one.values()) for one in scores] == list(IMPROVING)
        assert made.sample.messages[0].content.startswith("Version 2")
        assert made.sample.meta["revision"] == 2 and made.sample.meta["stopped"] == "full marks"


@pytest.mark.parametrize(
    ("rounds", "taken", "stopped", "critiques"),
    [
        ([(5, 5, 5)], 0, "full marks", 1),
        ([(4, 4, 4), (4, 4, 4)], 0, "no criterion improved", 2),
        ([(4, 4, 4), (3, 4, 4)], 0, "no criterion improved", 2),
        ([(4, 4, 4), (5, 4, 2), (4, 4, 4)], 0, "most revisions", 4),
        ([(3, 3, 3), (4, 3, 3), (4, 4, 3), (4, 4, 4)], 3, "most revisions", 4),
    ],
)
def test_the_stop_rule_and_the_best_revision(rounds, taken, stopped, critiques):
    if stopped == "most revisions" and taken == 0:
        rounds = [(4, 4, 4), (5, 4, 2), (4, 4, 3), (4, 4, 4)]  # each improves on something
    (outcome,), _, _ = run(SelfRevision(), [Seed(LEVERS)], scripted(*rounds))
    (made,) = outcome.made
    assert (made.sample.meta["revision"], made.sample.meta["stopped"]) == (taken, stopped)
    assert [one.kind for one in made.sample.steps].count("critique") == critiques
    assert made.sample.messages[0].content.startswith(f"Version {taken}")


def test_a_critique_that_names_other_criteria_is_compared_by_its_mean():
    before, after = Version(0, "t", "a", {"x": 3, "y": 3}), Version(1, "t", "a", {"p": 4, "q": 3})
    assert why_stop([before, after], 3) == ""
    assert why_stop([after, Version(2, "t", "a", {"x": 3, "y": 3})], 3) == "no criterion improved"


def test_resuming_from_the_ledger_asks_nothing_twice():
    check_resumed(SelfRevision(), [Seed(LEVERS)], scripted(*IMPROVING))


@pytest.mark.parametrize(
    ("rounds", "other", "reason"),
    [
        ([(2, 3, 3), (2, 3, 3)], {}, "not_good_enough"),
        ([(5, 5)], {}, "unusable_answer"),
        ([(5, 5, 5)], {"task": "Version 0: What does the passage say?"}, "not_standalone"),
        ([(5, 5, 5)], {"answer": " "}, "too_little_written"),
        ([(9, 9, 9)], {}, "unusable_answer"),
    ],
)
def test_what_misbehaves_is_lost_by_name(rounds, other, reason):
    (outcome,), _, _ = run(SelfRevision(), [Seed(LEVERS)], scripted(*rounds, **other))
    (lost,) = outcome.lost
    assert lost.reason == reason and lost.said and not outcome.made
