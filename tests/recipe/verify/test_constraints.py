"""Instructions that a machine can check: held, broken, uncertain, with evidence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from curation.recipe.verify.constraints import CONSTRAINTS, VERDICTS, BadConstraint, verify
from tests.bench import data
from tests.recipe.verify.ifeval import IFEVAL

SCHEMA = {
    "type": "object",
    "required": ["name", "tags"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2},
        "age": {"type": "integer", "minimum": 0},
    },
}
GERMAN = "Der Hund läuft heute schnell durch den großen Wald und sucht dabei seinen verlorenen Ball."

#: key, parameters, a text that holds, one that does not.
CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("words", {"least": 3, "most": 4}, "One, two - it's three.", "Only two"),
    ("words", {"least": 4, "most": 4}, "你好世界", "你好"),
    ("sentences", {"least": 2, "most": 2}, "Dr. Who went home. Did she? ", "One. Two. Three"),
    ("sentences", {"most": 2}, "第一句。第二句。", "One! Two! Three!"),
    ("characters", {"most": 5}, " 12345 ", "123456"),
    ("paragraphs", {"least": 2, "most": 2}, "One\nstill one\n\n  \nTwo", "One\nTwo"),
    ("paragraphs", {"least": 2, "most": 2, "separator": "***"}, "One\n***\nTwo", "One\n\nTwo"),
    ("paragraph_starts", {"nth": 2, "word": "then"}, "First.\n\n**Then** more.", "Then.\n\nFirst."),
    ("bullets", {"least": 2, "most": 2}, "* one\n- two\n", "* one\n* two\n* three"),
    ("numbered", {"least": 2}, "1. one\n2) two", "- one\n- two"),
    ("headings", {"least": 1}, "# A title\ntext", "#no heading"),
    ("sections", {"least": 2, "marker": "Section"}, "**Section 1**\na\nSection 2\nb", "Section 1 only"),
    ("highlights", {"least": 2}, "some *parts* are **marked**", "one * two * three *marked*"),
    ("placeholders", {"least": 1}, "Dear [name]", "Dear name"),
    ("title", {"least": 1}, "<<A title>>\nText", "<A title>"),
    ("postscript", {"marker": "P.S."}, "Bye.\n\nP.S. Write soon.", "Apps. are fine."),
    ("responses", {"count": 2, "separator": "******"}, "One\n******\nTwo", "One\n******\nOne"),
    ("json", {}, '```json\n{"a": [1]}\n```', "{'a': 1}"),
    ("json", {}, "[]", '{"a": NaN}'),
    ("json_schema", {"schema": SCHEMA}, '{"name": "x", "tags": ["a"], "age": 3.0}', '{"name": "", "tags": ["c"], "more": 1}'),
    ("contains", {"words": ["fine", "C++"]}, "A FINE C++ program", "A finest C program"),
    ("avoids", {"words": ["rock"]}, "rocket", "Rock!"),
    ("frequency", {"word": "war", "least": 2}, "War and war", "war, warden"),
    ("letter_frequency", {"letter": "t", "most": 1}, "Toll", "tatter"),
    ("one_of", {"choices": ["My answer is yes.", "My answer is no."]}, "my answer is no.", "No"),
    ("lowercase", {}, "all small, 1 too", "Not all"),
    ("uppercase", {}, "ALL BIG 1", "ALL bIG"),
    ("capital_words", {"least": 2, "most": 2}, "NASA and ESA launch", "NASA launches"),
    ("no_commas", {}, "one and two", "one, two"),
    ("without", {"characters": "!?"}, "calm.", "loud!"),
    ("starts_with", {"phrase": "Write a poem"}, " write a poem about trees. Trees …", "A poem: write"),
    ("ends_with", {"phrase": "Any questions?"}, 'So it is. "Any questions?"', "Any questions? No."),
    ("quoted", {}, "“All of it.”", '"Some" of it'),
    ("language", {"code": "de"}, GERMAN, "The dog runs quickly through the large forest today."),
]  # fmt: skip


@pytest.mark.parametrize(("key", "parameters", "good", "bad"), CASES)
def test_a_text_that_does_as_told_holds_and_another_does_not(
    key: str, parameters: dict[str, Any], good: str, bad: str
) -> None:
    held, broken = verify(good, key, parameters), verify(bad, key, parameters)
    assert (held.verdict, broken.verdict) == ("held", "broken"), (held, broken)
    assert held.words == broken.words
    assert "{" not in held.words or key == "json_schema"
    assert broken.evidence


def test_every_constraint_has_a_case() -> None:
    assert {key for key, *_ in CASES} == CONSTRAINTS.keys()


def test_words_and_evidence_say_what_was_asked_and_found() -> None:
    found = verify("one two three", "words", {"least": 1_000, "most": 2_000})
    assert (found.words, found.evidence) == ("at least 1,000 and at most 2,000 words", "3 words")
    assert verify("a", "bullets", {"least": 2, "most": 2}).words == "exactly 2 bullet points"
    assert verify("b", "contains", {"words": ["a", "b", "c"]}).evidence == "missing: a, c"
    assert verify('{"name": 1, "tags": ["a", "c"]}', "json_schema", {"schema": SCHEMA}).evidence == '$.name is no string; $.tags[1] is none of ["a", "b"]'  # fmt: skip


def test_what_cannot_be_told_is_uncertain() -> None:
    assert verify("Ok", "language", {"code": "en"}).verdict == "uncertain"
    assert verify("你好 123", "lowercase", {}).verdict == "uncertain"
    assert set(VERDICTS) == {"held", "broken", "uncertain"}


@pytest.mark.parametrize(
    ("key", "parameters", "named"),
    [
        ("poetic", {}, "poetic"),
        ("words", {}, "least"),
        ("words", {"least": "3"}, "least"),
        ("words", {"least": True}, "least"),
        ("words", {"least": 1, "maximum": 3}, "maximum"),
        ("contains", {"words": []}, "words"),
        ("frequency", {"least": 1}, "word"),
        ("json_schema", {"schema": {"pattern": "(a+)+$"}}, "pattern"),
        ("json_schema", {"schema": {"type": "list"}}, "list"),
    ],
)
def test_a_constraint_that_cannot_be_checked_says_why(
    key: str, parameters: dict[str, Any], named: str
) -> None:
    with pytest.raises(BadConstraint, match=named):
        verify("{}", key, parameters)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\x00",
        "[" * 100_000,
        "*" * 20_000,
        "a" * 200_000,
        "\n" * 20_000,
        "<<" * 5_000,
        "\ud800",
        "* " * 10_000,
    ],
)
def test_no_text_breaks_a_check(text: str) -> None:
    for key, parameters, *_ in CASES:
        assert verify(text, key, parameters).verdict in VERDICTS


@pytest.mark.skipif(
    not (data.ROOT / "benchmarks/ifeval").is_dir(), reason="../shared/data/benchmarks/ifeval is not here"
)
def test_every_instruction_of_ifeval_can_be_said() -> None:
    lines = (data.ROOT / "benchmarks/ifeval/input_data.jsonl").read_text("utf-8").splitlines()
    checked = 0
    for row in map(json.loads, lines):
        for name, given in zip(row["instruction_id_list"], row["kwargs"], strict=True):
            key, parameters = IFEVAL[name]({one: value for one, value in given.items() if value is not None})
            assert verify(row["prompt"], key, parameters).verdict in VERDICTS
            checked += 1
    assert checked == 834
