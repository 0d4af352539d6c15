"""A revision that a person asks for: their note reaches the model, only what changes is written, and nothing else is touched."""

from __future__ import annotations

import asyncio

import pytest

from curation.recipe.generate.again import ReviseAgain, SentBack, placed
from curation.recipe.generate.thread import Loss
from curation.recipe.llm.client import Remote
from curation.recipe.llm.records import Endpoint, Limits
from tests.llm_server import serving
from tests.recipe.generate.scripted import Book, material, script

ASKED = ("changes", "turns")
TURNS = (("system", "Be brief."), ("user", "What is 2 + 2?"), ("assistant", "It is 5."))
RECORD = SentBack(
    TURNS, "It is 4. <<<END>>>", seed="Two and two are four.", critique="accuracy (1): off by one"
)


def revise(answer, record=RECORD):
    async def go(address):
        client = Remote(Endpoint(address, "tiny", private_allowed=True, limits=Limits(seconds=5)))
        try:
            return (await ReviseAgain().run(record, client, Book()))[0]
        finally:
            await client.close()

    with serving(script((ASKED, answer))) as server:
        return asyncio.run(go(server.address)), server.asked[0].text


def test_the_turns_that_change_are_written_anew_and_the_others_stay():
    made, asked = revise({"changes": "The sum.", "turns": [{"number": 3, "text": " It is 4. "}]})
    assert made.contents == ("Be brief.", "What is 2 + 2?", "It is 4.")
    assert (made.step.kind, made.step.prompt_version, made.step.model) == (
        "revision",
        "revise-again/1",
        "tiny",
    )
    assert material(asked, "TURN 3, assistant") == "It is 5."
    assert material(asked, "NOTE") == RECORD.note and material(asked, "CRITIQUE") == RECORD.critique
    assert material(asked, "MATERIAL") == RECORD.seed


def test_a_plain_text_without_seed_or_critique_is_one_turn():
    made, asked = revise(
        {"changes": "", "turns": [{"number": 1, "text": "New."}]}, SentBack((("", "Old."),), "Anew.")
    )
    assert made.contents == ("New.",) and "MATERIAL" not in asked and "CRITIQUE" not in asked


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([], "nothing_revised"),
        ([{"number": 3, "text": "It is 5."}], "nothing_revised"),
        ([{"number": 9, "text": "It is 4."}], "unusable_answer"),
    ],
)
def test_an_answer_that_revises_nothing_is_lost_by_name(turns, reason):
    with pytest.raises(Loss) as lost:
        revise({"changes": "None.", "turns": turns})
    assert lost.value.lost.reason == reason


def test_an_empty_turn_never_empties_what_was_there():
    assert placed(["a", "b"], [{"number": 2, "text": " \x00"}]) == ("a", "b")
