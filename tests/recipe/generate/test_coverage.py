"""Coverage: what is wanted of each place, and where a set is thin."""

from __future__ import annotations

import pytest

from curation.recipe.generate.coverage import MOST_FOUND, Coverage, shares, values

EVEN = {"a": 0.5, "b": 0.5}
SKILLS = {"x": 0.5, "y": 0.5}
HARD = {"easy": 0.5, "hard": 0.5}


def test_an_axis_has_ours_first_and_the_most_frequent_others_after_them():
    found = {"hard": 1, "tricky": 5, "": 9} | {f"rare {n:02}": 1 for n in range(MOST_FOUND)}
    axis = values(found, ("easy", "hard"))
    assert axis[:3] == ["easy", "hard", "tricky"] and len(axis) == 2 + MOST_FOUND
    assert "" not in axis and f"rare {MOST_FOUND - 1}" not in axis


def test_shares_follow_the_weights_and_are_even_without_any():
    assert shares(["a", "b", "c", "d"], {}) == dict.fromkeys("abcd", 0.25)
    assert shares(["a", "b", "c"], {"a": 2, "c": 0}) == pytest.approx({"a": 2 / 3, "b": 1 / 3, "c": 0})
    assert shares(["a", "b"], {"a": 0, "b": 0}) == {"a": 0.5, "b": 0.5}
    assert shares([], {}) == {}


def test_a_place_is_thin_when_it_holds_less_than_half_of_what_is_wanted_there():
    table = Coverage(
        {("a", "x", "easy"): 17, ("a", "x", "hard"): 2, ("b", "y", "easy"): 13}, EVEN, SKILLS, HARD
    )
    assert table.total == 32 and table.places == 8
    whole, one = table.cell(), table.cell("a", "x", "hard")
    assert (whole.count, whole.wanted) == (32, 32)
    assert (one.count, one.wanted, one.thin) == (2, 4, False)
    nothing = table.cell("b", "x", "hard")
    assert (nothing.count, nothing.thin, nothing.missing) == (0, True, 4)
    row = table.cell(difficulty="hard")
    assert (row.count, row.wanted, row.thin) == (2, 16, True)


def test_what_is_wanted_too_little_of_is_never_thin():
    table = Coverage({("a", "x", "easy"): 3}, {"a": 0.9, "b": 0.1}, SKILLS, HARD)
    assert not any(cell.thin for cell in table.cells())
    unwanted = Coverage({("a", "x", "easy"): 80}, {"a": 1.0, "b": 0.0}, SKILLS, HARD)
    assert not unwanted.cell("b").thin and unwanted.cell("a", "y").thin


def test_the_thinnest_places_come_first_and_full_ones_not_at_all():
    table = Coverage({("a", "x", "easy"): 60, ("b", "y", "hard"): 4}, {"a": 0.75, "b": 0.25}, SKILLS, HARD)
    first, *rest = table.thinnest(10)
    assert (first.topic, first.count, first.missing) == ("a", 0, 12)
    assert len(rest) == 5 and ("a", "x", "easy") not in {
        (one.topic, one.skill, one.difficulty) for one in rest
    }


def test_in_a_small_set_skills_are_named_and_not_places():
    many = {f"topic {n}": 0.05 for n in range(20)}
    table = Coverage({("topic 1", "x", "easy"): 8}, many, SKILLS, HARD)
    assert [(one.topic, one.skill, one.difficulty) for one in table.thinnest(2)] == [
        ("", "x", "hard"),
        ("", "y", "easy"),
    ]
    assert Coverage({("topic 1", "x", "easy"): 1}, many, SKILLS, HARD).thinnest(2) == []


def test_samples_that_say_too_little_stand_outside_and_are_counted():
    table = Coverage(
        {("", "x", "easy"): 2, ("a", "rare", "easy"): 1, ("a", "x", "easy"): 4}, EVEN, SKILLS, HARD
    )
    assert (table.total, table.outside, table.cell("a").count) == (4, 3, 4)
