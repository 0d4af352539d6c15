"""Conversations: roles take turns, each turn is revised, a director sums up, brings in and ends."""

from __future__ import annotations

import pytest

from curation.recipe.generate import conversation
from curation.recipe.generate.conversation import Converse
from curation.recipe.generate.records import Seed
from tests.recipe.generate.scripted import (
    LEVERS,
    PASSAGES,
    check_lineage,
    check_resumed,
    material,
    run,
    script,
)

CAST = ("situation", "expert", "others", "opening")
TURN = ("thought", "says")
REVIEW = ("faults", "score", "turn")
DIRECT = ("summary", "judgement", "injection", "finished")
WHOLE = ("discussion", "accuracy", "reasoning", "progress", "stands_alone", "gravest")


def person(name):
    return {
        "name": name,
        "profile": f"{name} works with their hands.",
        "aim": f"{name} has an aim of their own.",
    }


ROLES = {
    "situation": "A workshop, late.",
    "expert": person("Ada"),
    "others": [person("Ben"), person("Cleo")],
    "opening": "How do I lift this?",
}
DIRECTED = {
    "summary": "They agree on the rule.",
    "judgement": "It goes well.",
    "injection": "The plank cracks.",
    "finished": False,
}
JUDGED = {
    "discussion": "Sound.",
    "accuracy": 5,
    "reasoning": 4,
    "progress": 4,
    "stands_alone": True,
    "gravest": "none",
}


def turn(seen, nth):
    name = material(seen.text, "PROFILE").split(".")[0]
    count = material(seen.text, "CONVERSATION").count("\n\n") + 1
    return {"thought": "Hm.", "says": f"{name} draft after {count}"}


def review(seen, nth):
    return {"faults": "None.", "score": 4, "turn": material(seen.text, "TURN").replace("draft", "says")}


def scripted(**other):
    answers = {"cast": ROLES, "turn": turn, "review": review, "direct": DIRECTED, "whole": JUDGED} | other
    return script((CAST, answers["cast"]), (TURN, answers["turn"]), (REVIEW, answers["review"]),
                  (DIRECT, answers["direct"]), (WHOLE, answers["whole"]))  # fmt: skip


def test_twenty_passages_become_conversations_that_the_expert_ends():
    seeds = [Seed(text) for text in PASSAGES]
    outcomes, book, _ = run(Converse(), seeds, scripted())
    for seed, outcome in zip(seeds, outcomes, strict=True):
        (made,) = outcome.made
        check_lineage(outcome, seed, book, conversation.PROMPTS)
        roles = [one.role for one in made.sample.messages]
        assert roles == ["user", "assistant"] * 4 and len(made.sample.verdicts) == 1
        assert {one.meta["speaker"] for one in made.sample.messages if one.role == "assistant"} == {"Ada"}
        assert all("draft" not in one.content for one in made.sample.messages)
        revised = [one for one in made.sample.steps if one.kind == "revision"]
        assert len(revised) == 7 and all(one.scores == {"score": 4} for one in revised)
    casts = {len(one.made[0].sample.meta["roles"]) for one in outcomes}
    assert casts == {2, 3}


def test_what_the_director_brings_in_is_taken_up_once_and_aims_stay_ones_own():
    _, _, server = run(Converse(most_turns=6), [Seed(LEVERS)], scripted())
    turns = [one.text for one in server.asked if "Then say your turn" in one.text]
    taken_up = [text for text in turns if "<<<EVENT" in text]
    assert len(taken_up) == 1 and material(taken_up[0], "EVENT") == "The plank cracks."
    assert material(taken_up[0], "SUMMARY") == "They agree on the rule."
    for text in turns:
        assert text.count("has an aim of their own") == 1


def test_the_director_ends_a_conversation_and_an_open_question_is_answered():
    (outcome,), _, _ = run(
        Converse(), [Seed(LEVERS)], scripted(direct=DIRECTED | {"finished": True, "injection": ""})
    )
    assert [one.role for one in outcome.made[0].sample.messages] == ["user", "assistant"] * 2


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"cast": ROLES | {"others": []}}, "unusable_answer"),
        ({"cast": ROLES | {"others": [person("ada")]}}, "unusable_answer"),
        ({"cast": ROLES | {"opening": ""}}, "unusable_answer"),
        ({"turn": {"thought": "Hm.", "says": " "}}, "no_conversation"),
        ({"review": {"faults": "", "score": 6, "turn": "x"}}, "unusable_answer"),
        ({"direct": "Cut!"}, "unusable_answer"),
        ({"whole": JUDGED | {"accuracy": 1}}, "not_good_enough"),
        ({"whole": JUDGED | {"stands_alone": False}}, "not_standalone"),
    ],
)
def test_what_misbehaves_is_lost_by_name(other, reason):
    (outcome,), _, _ = run(Converse(), [Seed(LEVERS)], scripted(**other))
    assert [one.reason for one in outcome.lost] == [reason] and outcome.lost[0].said is not None


def test_a_conversation_of_too_few_turns_is_none():
    (outcome,), _, _ = run(Converse(most_turns=2), [Seed(LEVERS)], scripted())
    assert [one.reason for one in outcome.lost] == ["no_conversation"]


def test_resuming_from_the_ledger_asks_nothing_twice():
    check_resumed(Converse(), [Seed(LEVERS)], scripted())
