"""Fill in the middle: what is removed, what the solver sees, which guess is kept."""

from __future__ import annotations

import pytest

from curation.recipe.generate import fill_middle
from curation.recipe.generate.fill_middle import GAP, FillMiddle, leaks, pieces
from curation.recipe.generate.records import Seed
from tests.recipe.generate.scripted import (
    ICE,
    LEVERS,
    PASSAGES,
    check_lineage,
    check_resumed,
    material,
    run,
    script,
)

CHOOSE = ("consideration", "parts")
SOLVE = ("background", "reasoning", "guess")
GRADE = ("comparison", "grade", "hint")
SOLVED = {
    "background": "It is about a rule.",
    "reasoning": "1. What follows needs it.",
    "guess": "They change together.",
}


def parts(*found):
    return {"consideration": "It argues.", "parts": list(found)}


def part(first=2, last=None, rebuildable=4):
    return {
        "reasons": "The rest forces it.",
        "first": first,
        "last": last or first,
        "rebuildable": rebuildable,
    }


def graded(grade, hint="Look at what the last sentence presupposes."):
    return {"comparison": "The same in substance.", "grade": grade, "hint": hint}


def scripted(chosen=None, solved=SOLVED, grade=None):
    return script((CHOOSE, chosen or parts(part(2), part(3))), (SOLVE, solved), (GRADE, grade or graded(5)))


def guesses(seen, nth):
    """Another guess for every attempt: the hints that it was given tell attempts apart, and so does asking again."""
    return SOLVED | {"guess": f"They change together, guess {seen.text.count('Look at')} {nth}."}


def grades(*each):
    """One grade after the other, whatever is asked."""
    left = list(each)
    return lambda seen, nth: left.pop(0)


def test_twenty_passages_become_exercises_in_rebuilding():
    seeds = [Seed(text) for text in PASSAGES]
    outcomes, book, server = run(FillMiddle(), seeds, scripted())
    for seed, outcome in zip(seeds, outcomes, strict=True):
        (made,) = outcome.made
        check_lineage(outcome, seed, book, fill_middle.PROMPTS)
        task, removed = made.sample.messages[0].content, made.sample.meta["drawn"]["removed"]
        assert removed in seed.text and removed not in task and seed.text.replace(removed, GAP) in task
        assert made.sample.messages[1].content.startswith("Background: It is")
        assert made.sample.verdicts[0].scores["grade"] == 5
    places = [
        seed.text.index(one.made[0].sample.meta["drawn"]["removed"]) > 100
        for seed, one in zip(seeds, outcomes, strict=True)
    ]
    assert 0 < sum(places) < 20  # both parts were drawn
    for seen in server.asked:
        if "Final guess: the missing part" in seen.text:
            assert GAP in material(seen.text, "TEXT")


def test_a_poor_guess_is_tried_again_with_a_hint_and_all_attempts_are_kept():
    (outcome,), _, server = run(
        FillMiddle(), [Seed(LEVERS)], scripted(solved=guesses, grade=grades(graded(2), graded(3), graded(4)))
    )
    (made,) = outcome.made
    assert made.sample.meta["attempt"] == 3 and len(made.sample.meta["hints"]) == 2
    assert [one.scores["grade"] for one in made.sample.steps if one.kind == "critique"] == [2, 3, 4]
    solving = [one.text for one in server.asked if "Final guess: the missing part" in one.text]
    assert "HINTS" not in solving[0] and material(solving[1], "HINTS").startswith("Look at")


def test_the_same_guess_is_graded_once():
    (outcome,), _, server = run(FillMiddle(), [Seed(LEVERS)], scripted(grade=graded(2)))
    assert outcome.lost[0].reason == "not_rebuilt"
    assert sum("Grade: 5 the same" in one.text for one in server.asked) == 1


def test_a_hint_that_gives_the_middle_away_is_not_passed_on():
    line = LEVERS.splitlines()[1]
    script_ = scripted(parts(part(2)), guesses, grades(graded(2, f"It says: {line}"), graded(5)))
    (outcome,), _, server = run(FillMiddle(), [Seed(LEVERS)], script_)
    assert outcome.made[0].sample.meta["hints"] == []
    assert line not in [one.text for one in server.asked if "Final guess" in one.text][-1]
    assert leaks(line, line, "") and not leaks("Ask what balances it.", line, "")
    assert not leaks(line[:40], line, line)


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("One sentence only, which goes on and on without any end in sight, and has no other one after it", {}, "too_short"),
        (LEVERS, {"chosen": parts()}, "no_middle"),
        (LEVERS, {"chosen": parts(part(rebuildable=3))}, "no_middle"),
        (LEVERS, {"chosen": parts(part(1), part(5), part(3, 2), part(4, 9))}, "no_middle"),
        (LEVERS, {"chosen": parts(part(2, 4))}, "no_middle"),
        (LEVERS, {"grade": graded(3)}, "not_rebuilt"),
        (LEVERS, {"solved": SOLVED | {"guess": " "}}, "too_little_written"),
        (LEVERS, {"solved": "I cannot tell."}, "unusable_answer"),
        (LEVERS, {"grade": graded(7)}, "unusable_answer"),
    ],
)  # fmt: skip
def test_what_misbehaves_is_lost_by_name(text, options, reason):
    (outcome,), _, _ = run(FillMiddle(), [Seed(text)], scripted(**options))
    assert [one.reason for one in outcome.lost] == [reason] and not outcome.made


def test_resuming_from_the_ledger_asks_nothing_twice():
    by_attempt = lambda seen, nth: graded(4 if "Look at" in seen.text else 5)  # noqa: E731
    check_resumed(FillMiddle(), [Seed(LEVERS), Seed(ICE)], scripted(grade=by_attempt))


def test_pieces_are_lines_and_sentences_with_their_places():
    text = "One is here. Two is 3.5 m long.\n\ndef f():\n    return 1"
    assert [text[a:b] for a, b in pieces(text)] == [
        "One is here.",
        "Two is 3.5 m long.",
        "def f():",
        "    return 1",
    ]
