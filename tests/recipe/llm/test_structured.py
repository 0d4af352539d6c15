"""Fields in what models write: found, repaired where that is safe, and held against the schema."""

from __future__ import annotations

import pytest

from curation.recipe.llm.errors import CallFailed
from curation.recipe.llm.records import Choice, Message, Request
from curation.recipe.llm.structured import BadSchema, fields_of, model_of, prose_of, spelled_out

SCHEMA = {
    "type": "object",
    "properties": {
        "reasons": {"type": "string"},
        "score": {"type": "integer", "minimum": 0, "maximum": 5},
        "tags": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "maxItems": 2},
        "inner": {"type": "object", "properties": {"x": {"type": "number"}}},
    },
    "required": ["reasons", "score"],
}


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ('{"reasons": "so", "score": 3}', ()),
        ('  {"reasons": "so", "score": 3}\n', ()),
        ('Sure:\n```json\n{"reasons": "so", "score": 3}\n```\nDone.', ("fenced",)),
        ('```\n{"reasons": "so", "score": 3}', ("fenced",)),
        ('<think>perhaps {"score": 1}</think>\n{"reasons": "so", "score": 3}', ("thought",)),
        ("{'reasons': 'so', 'score': 3,}", ("repaired",)),
        ('{"reasons": "so", "score": 3', ("repaired",)),
        ('Here you are: {"reasons": "so", "score": 3}', ("repaired",)),
        ('{"reasons": "so", "score": "3"}', ("coerced",)),
        ('{"reasons": "so", "score": 3.0}', ("coerced",)),
        ('{"reasons": "so", "score": 3, "more": 1}', ()),
    ],
)
def test_what_is_found_and_what_it_took(text, notes):
    found = fields_of(Choice(text), SCHEMA)
    assert (found.values["reasons"], found.values["score"]) == ("so", 3)
    assert found.notes == notes


@pytest.mark.parametrize(
    ("text", "finish", "name"),
    [
        ("", "stop", "empty"),
        (" \n", "stop", "empty"),
        ("", "length", "truncated"),
        ('{"reasons": "so", "sco', "length", "truncated"),
        ("three", "stop", "invalid_json"),
        ("[1, 2]", "stop", "invalid_json"),
        ("3", "stop", "invalid_json"),
        ('{"score": 3}', "stop", "wrong_fields"),
        ('{"reasons": "so", "score": 6}', "stop", "wrong_fields"),
        ('{"reasons": "so", "score": 3.5}', "stop", "wrong_fields"),
        ('{"reasons": "so", "score": null}', "stop", "wrong_fields"),
        ('{"reasons": {"a": 1}, "score": 3}', "stop", "wrong_fields"),
        ('{"reasons": "so", "score": 3, "tags": ["c"]}', "stop", "wrong_fields"),
        ('{"reasons": "so", "score": 3, "inner": {"x": "much"}}', "stop", "wrong_fields"),
        ("{}", "content_filter", "content_filter"),
    ],
)
def test_what_cannot_be_used_has_a_name(text, finish, name):
    with pytest.raises(CallFailed) as failed:
        fields_of(Choice(text, finish), SCHEMA)
    assert failed.value.name == name


def test_a_failure_names_fields_and_never_what_the_model_said():
    with pytest.raises(CallFailed) as failed:
        fields_of(Choice('{"reasons": "secret words", "score": 77}'), SCHEMA)
    assert "score" in failed.value.detail
    assert "77" not in str(failed.value) and "secret words" not in str(failed.value)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (b'{"type":"array"}', "must be an object"),
        (b'{"properties":{"a":{"type":"string","pattern":"x"}},"type":"object"}', "answer.a uses pattern"),
        (b'{"properties":{"a":{}},"type":"object"}', "answer.a needs a type"),
    ],
)
def test_a_schema_that_is_not_checked_whole_is_refused(schema, said):
    with pytest.raises(BadSchema, match=said):
        model_of(schema)


def test_a_schema_in_words_stands_at_the_end_of_the_last_message():
    request = Request(messages=(Message("system", "s"), Message("user", "u")), schema=SCHEMA)
    system, user = spelled_out(request).messages
    assert system.content == "s" and user.content.startswith("u\n\nAnswer with one JSON object")
    assert spelled_out(Request(prompt="p", schema=SCHEMA)).prompt.endswith("}")
    assert spelled_out(Request(prompt="p")).prompt == "p"


def test_prose_is_taken_without_what_was_thought_aloud_and_without_what_no_row_can_hold():
    assert prose_of(Choice(" Ice floats.\n")).values == {"text": "Ice floats."}
    found = prose_of(Choice("<think>Hm.</think>\nIce\x00 floats \ud800."))
    assert (found.values["text"], found.notes) == ("Ice floats \ufffd.", ("thought",))


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        (Choice("  "), "empty"),
        (Choice("<think>Hm.</think>"), "empty"),
        (Choice("Ice fl", finish="length"), "truncated"),
        (Choice("", refusal="No."), "refused"),
        (Choice("Ice", finish="content_filter"), "content_filter"),
    ],
)
def test_prose_that_is_none_is_named(choice, name):
    with pytest.raises(CallFailed) as failed:
        prose_of(choice)
    assert failed.value.name == name
