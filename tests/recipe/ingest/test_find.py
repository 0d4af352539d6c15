"""Personal data and secrets: what is found, what is passed over, and what stands in its place."""

import re

import pytest

from curation.recipe.ingest.cleaning.find import KINDS, MASKS, counts, find, mask
from tests.recipe.ingest.personal_cases import NEGATIVES, POSITIVES


def test_there_are_enough_cases_of_every_kind():
    assert len(POSITIVES) >= 80 and len(NEGATIVES) >= 80
    assert {kind for kind, _ in POSITIVES} == set(KINDS) == set(MASKS)


@pytest.mark.parametrize(("kind", "text"), POSITIVES)
def test_what_is_somebody_s_is_found_as_what_it_is(kind, text):
    assert counts(find(text)) == {kind: 1}


@pytest.mark.parametrize("text", NEGATIVES)
def test_what_only_looks_like_it_is_passed_over(text):
    assert [(span.kind, text[span.start : span.end]) for span in find(text)] == []


def test_masks_stand_in_place_and_nothing_else_changes():
    text = "Ask Ada (ada@lovelace-lab.org, tel. 617-253-1000) or Bob (bob@post.ie) on Monday."
    found = find(text)
    assert counts(found) == {"email": 2, "phone": 1}
    masked = mask(text, found)
    assert masked == "Ask Ada ([email], tel. [phone]) or Bob ([email]) on Monday."
    assert find(masked) == []


def test_a_whole_key_block_is_one_thing_and_goes_as_one():
    block = next(text for kind, text in POSITIVES if kind == "private_key")
    text = f"before\n{block}\nafter"
    assert mask(text, find(text)) == "before\n[private key]\nafter"


def test_hostile_text_takes_no_longer_than_its_length():
    for sign in ("a@", "1-", "+1 ", "1.1.", "eyJ", "://a:", "password=", "-----BEGIN PRIVATE KEY-----", "2a:", "DE89 ", "(1", "a.", "| 1 "):  # fmt: skip
        text = sign * (60_000 // len(sign))
        find(text)
    assert re.search("x", "x")
