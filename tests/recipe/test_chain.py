"""The JSON form of samples: what is read, what is refused and how, and that nothing is lost on the way."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.recipe.chain import (
    MADE_SAFE,
    ChainError,
    as_row,
    identity,
    looks_like_chain,
    parse,
    rendered,
)

DOCS = Path(__file__).parents[2] / "docs" / "sample-schema.md"

TURNS = [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}]


def problem(row: object) -> str:
    with pytest.raises(ChainError) as caught:
        parse(row)
    return str(caught.value)


def test_a_text_alone_is_a_sample() -> None:
    assert parse({"text": "A lever."}).text == "A lever."


def test_the_examples_of_the_documentation_are_read() -> None:
    examples = re.findall(r"```json\n(.*?)\n```", DOCS.read_text(encoding="utf-8"), re.S)
    chains = [parse(json.loads(example)) for example in examples]
    assert [bool(chain.messages) for chain in chains] == [False, True]
    assert [step.kind for step in chains[1].steps] == ["prompt", "draft", "critique", "revision"]
    assert chains[1].verdicts[1].scores == {"helpful": 4.5}


def test_an_unknown_role_is_named_with_its_place_and_the_way_out() -> None:
    row = {"messages": [*TURNS, {"role": "bot", "content": "hi"}]}
    with pytest.raises(ChainError) as caught:
        parse(row)
    assert caught.value.at(12, "samples.jsonl") == (
        'Row 12 of samples.jsonl: `messages[2].role` is "bot"; use system, user, assistant or tool.'
    )


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ([], "A sample is a JSON object, and this is a list."),
        ({}, "It has neither `messages` nor `text`; a sample needs one of them."),
        ({"text": "  "}, "neither `messages` nor `text`"),
        ({"text": "a", "messages": TURNS}, "both `messages` and `text`"),
        ({"text": 5}, "`text` is a number; it must be a string."),
        ({"messages": "hi"}, "`messages` is a string; it must be a list of objects."),
        ({"messages": ["hi"]}, "`messages[0]` is a string; it must be an object."),
        ({"messages": TURNS[:1]}, "no assistant message"),
        ({"messages": [{"role": "assistant"}]}, "`messages[0].content` is missing"),
        ({"messages": [{"role": "assistant", "content": None}]}, "`messages[0].content` is null"),
        ({"messages": [{"role": "assistant", "content": " "}]}, "`messages[0].content` is empty"),
        ({"text": "a", "seed": {}}, "`seed` needs an `address` (and a `quote`), or a `text`."),
        ({"text": "a", "seed": "b"}, "`seed` is a string; it must be an object."),
        (
            {"text": "a", "language": "English"},
            '`language` is "English"; use a code such as en, zh or pt-BR.',
        ),
        ({"text": "a", "topics": "levers"}, "`topics` is a string; it must be a list of strings."),
        ({"text": "a", "topics": ["a", 5]}, "`topics[1]` is a number; it must be a string."),
        ({"text": "a", "id": "x" * 201}, "`id` is 201 characters long; at most 200 are kept."),
        ({"text": "a", "id": True}, "`id` is true or false; it must be a string."),
        ({"text": "a", "steps": [{"kind": "draft"}]}, "`steps[0]` has no `prompt`, `output` or `scores`"),
        (
            {"text": "a", "steps": [{"output": "b"}]},
            "`steps[0].kind` is missing; use prompt, draft, critique or",
        ),
        (
            {"text": "a", "verdicts": [{"kind": "judge", "outcome": "good"}]},
            '`verdicts[0].outcome` is "good"; use passed, failed or uncertain.',
        ),
        (
            {"text": "a", "verdicts": [{"kind": "judge", "outcome": "passed", "scores": {"clear": "4"}}]},
            '`verdicts[0].scores.clear` is "4"; a score is a number.',
        ),
        ({"text": "a", "steps": [{"kind": "draft", "scores": {"n": 10**400}}]}, "a score is a number"),
        ({"text": "a", "meta": [1]}, "`meta` is a list; it must be an object."),
        (
            {"text": "a", "colour": 1, "meta": {"colour": 2}},
            "`colour` also stands in `meta` with another value",
        ),
        ({"text": "a", "licence": "MIT", "license": "GPL-3.0"}, "keep one of them"),
        ({"text": "a", "meta": {"x": float("nan")}}, "NaN or Infinity"),
    ],
)
def test_a_wrong_row_is_refused_by_name(row: object, said: str) -> None:
    assert said in problem(row)


def test_everything_that_is_wrong_with_a_row_is_said_at_once() -> None:
    with pytest.raises(ChainError) as caught:
        parse({"messages": [{"role": "bot", "content": ""}], "topics": 5})
    assert len(caught.value.problems) == 3


def test_nesting_that_no_recursion_survives_is_refused() -> None:
    deep: dict[str, object] = {}
    for _ in range(5_000):
        deep = {"a": deep}
    assert "levels deep" in problem({"text": "a", "meta": deep})


def test_what_the_schema_does_not_know_is_kept_in_the_meta_of_its_object() -> None:
    row = {
        "messages": [{"role": "assistant", "content": "4", "tool_calls": [1]}],
        "seed": {"text": "sums", "page": 3},
        "steps": [{"kind": "draft", "output": "4", "temperature": 0.7}],
        "verdicts": [{"kind": "format", "outcome": "passed", "seconds": 2}],
        "run": {"id": 9},
        "meta": {"batch": 1},
    }
    chain = parse(row)
    assert chain.meta == {"batch": 1, "run": {"id": 9}}
    assert chain.messages[0].meta == {"tool_calls": [1]}
    assert chain.seed is not None
    assert chain.seed.meta == {"page": 3}
    assert chain.steps[0].meta == {"temperature": 0.7}
    assert chain.verdicts[0].meta == {"seconds": 2}


def test_numbers_are_taken_as_the_text_of_ids_and_difficulties() -> None:
    chain = parse({"text": "a", "id": 7, "difficulty": 0.25, "license": "MIT"})
    assert (chain.id, chain.difficulty, chain.licence) == ("7", "0.25", "MIT")


def test_what_the_database_cannot_hold_is_taken_out_and_noted() -> None:
    chain = parse({"text": "a\x00b\ud800", "meta": {"k\x00": ["\x00"]}})
    assert chain.text == "ab\ufffd"
    assert chain.meta == {"k": [""], MADE_SAFE: {"nul_removed": 3, "surrogates_replaced": 1}}


def test_a_sample_is_known_by_its_id_else_by_its_turns() -> None:
    plain, dressed = parse({"messages": TURNS}), parse({"messages": TURNS, "model": "m", "meta": {"a": 1}})
    assert identity(parse({"messages": TURNS, "id": "x"})) == "x"
    assert identity(plain) == identity(dressed)
    assert identity(plain).startswith("sha256:")
    assert identity(plain) != identity(parse({"messages": TURNS[::-1]}))
    assert identity(plain) != identity(parse({"text": rendered(plain)}))


def test_messages_are_rendered_with_a_blank_line_between() -> None:
    assert rendered(parse({"messages": TURNS})) == "2 + 2?\n\n4"
    assert rendered(parse({"text": "plain"})) == "plain"


def test_a_row_with_a_chain_is_told_from_a_document() -> None:
    assert all(map(looks_like_chain, [{"messages": []}, {"text": "a", "steps": []}]))
    assert not any(map(looks_like_chain, [{"text": "a", "url": "b"}, ["messages"]]))


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=20)
words = names.filter(str.strip)
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
metas = st.dictionaries(names.map(lambda name: "x-" + name), anything, max_size=3)
scores = st.dictionaries(names, st.integers(0, 5) | st.floats(0, 5), max_size=3)
steps = st.fixed_dictionaries(
    {"kind": st.sampled_from(["prompt", "draft", "critique", "revision"]), "output": words},
    optional={
        "name": names,
        "prompt": words,
        "prompt_version": names,
        "model": names,
        "scores": scores,
        "meta": metas,
    },
)
verdicts = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["judge", "code", "maths", "format"]),
        "outcome": st.sampled_from(["passed", "failed"]),
    },
    optional={"judge": names, "scores": scores, "evidence": words, "meta": metas},
)
turns = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool"]), "content": words},
    optional={"meta": metas},
)
rest = {
    "id": names,
    "seed": st.fixed_dictionaries(
        {"text": words}, optional={"address": names, "quote": words, "meta": metas}
    ),
    "workflow": names,
    "language": st.sampled_from(["en", "zh", "pt-BR"]),
    "topics": st.lists(names, max_size=3),
    "steps": st.lists(steps, max_size=3),
    "verdicts": st.lists(verdicts, max_size=2),
    "lineage": metas,
    "meta": metas,
}
rows = st.fixed_dictionaries({"text": words}, optional=rest) | st.fixed_dictionaries(
    {
        "messages": st.lists(turns, max_size=3).map(
            lambda said: [*said, {"role": "assistant", "content": "yes"}]
        )
    },
    optional=rest,
)


@given(rows)
def test_what_was_read_and_written_reads_and_writes_the_same(row: dict[str, object]) -> None:
    chain = parse(row)
    written = json.loads(json.dumps(as_row(chain)))
    assert parse(written) == chain
    assert as_row(parse(written)) == written
