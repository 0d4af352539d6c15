"""Tables as rows: JSONL, JSON, CSV and Parquet, with their mapping, their bad rows and finding single rows again."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from curation.recipe.ingest.found import BadRow, Ref, Row
from curation.recipe.ingest.limits import DEFAULT, Limits
from curation.recipe.ingest.mapping import MappingError, guess, read_mapping
from curation.recipe.ingest.rows import preview, read_back, read_rows

Write = Callable[[str, bytes | str], Path]

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60).filter(str.strip)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, content: bytes | str) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def read(path: Path, mapping: Any = (), limits: Limits = DEFAULT) -> tuple[list[Row], list[BadRow]]:
    found = list(read_rows(path, path.name, read_mapping(mapping), limits))
    return [row for row in found if isinstance(row, Row)], [row for row in found if isinstance(row, BadRow)]


def jsonl(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


# JSONL


def test_a_jsonl_row_becomes_a_document_with_its_details_and_its_place(write: Write) -> None:
    path = write("pages.jsonl", jsonl({"body": "Wasser", "headline": "W", "url": "https://x.org/w", "n": 3}))
    (row,), bad = read(path)
    assert not bad
    assert (row.content, row.title, row.address, row.row) == (b"Wasser", "W", "https://x.org/w", 1)
    assert row.meta == {"n": 3}
    assert (row.offset, row.length) == (0, path.stat().st_size)


def test_bad_jsonl_rows_are_named_by_file_and_line_and_the_good_ones_stay(write: Write) -> None:
    lines = [
        '{"text": "one"}',
        "",
        '{"text": ',
        '{"no": "text"}',
        "[1]",
        '{"text": 7}',
        '{"text": " "}',
        '{"text": "two"}',
    ]
    rows, bad = read(write("pages.jsonl", "\n".join(lines)))
    assert [(row.row, row.content) for row in rows] == [(1, b"one"), (8, b"two")]
    assert [(row.row, row.file) for row in bad] == [(3, "pages.jsonl"), (4, "pages.jsonl")] + [
        (number, "pages.jsonl") for number in (5, 6, 7)
    ]
    assert bad[1].reason == "Row 4 of pages.jsonl has no `text`. Map another field, or leave it out."
    assert bad[1].excerpt == '{"no": "text"}'
    assert "is not JSON" in bad[0].reason and "not an object" in bad[2].reason
    assert "is a number, not text" in bad[3].reason and "empty `text`" in bad[4].reason


def test_a_large_row_number_is_written_with_separators(write: Write) -> None:
    path = write("pages.jsonl", '{"text": "a"}\n' * 1203 + '{"headline": "b"}\n')
    _, (bad,) = read(path)
    assert bad.reason == "Row 1,204 of pages.jsonl has no `text`. Map another field, or leave it out."


def test_a_line_beyond_the_limit_is_one_bad_row_and_reading_goes_on(write: Write) -> None:
    path = write("long.jsonl", jsonl({"text": "a"}, {"text": "x" * 5000}, {"text": "b"}))
    rows, (bad,) = read(path, ["text=text"], Limits(line_bytes=1000))
    assert [row.content for row in rows] == [b"a", b"b"] and [row.row for row in rows] == [1, 3]
    assert bad.row == 2 and "is longer than 1.0 kB" in bad.reason


def test_lone_surrogates_and_bad_utf8_are_mended_and_noted(write: Write) -> None:
    content = b'{"text": "a\\ud800b"}\n{"text": "caf\xe9"}\n{"text": "\\ud83d\\ude00"}\n'
    rows, bad = read(write("odd.jsonl", content))
    assert not bad
    assert rows[0].content == "a\ufffdb".encode() and rows[0].notes == ("lone_surrogates",)
    assert rows[1].content == "caf\ufffd".encode() and rows[1].notes == ("invalid_utf8",)
    assert rows[2].content == "😀".encode() and not rows[2].notes


def test_nul_never_reaches_a_title_or_the_meta(write: Write) -> None:
    (row,), _ = read(write("nul.jsonl", jsonl({"text": "a\x00b", "title": "t\x00", "k\x00": "v\x00"})))
    assert row.title == "t" and row.meta == {"k": "v"} and row.content == b"a\x00b"


def test_nesting_that_would_break_the_reader_is_a_bad_row(write: Write) -> None:
    path = write("deep.jsonl", '{"text": "a"}\n{"text": ' + "[" * 100_000 + "\n" + '{"text": "b"}\n')
    rows, bad = read(path)
    assert len(rows) == 2 and [row.row for row in bad] == [2]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-32"])
def test_a_byte_order_mark_is_believed(write: Write, encoding: str) -> None:
    rows, bad = read(write("marked.jsonl", jsonl({"text": "Ärger"}, {"text": "zwei"}).encode(encoding)))
    assert not bad and [row.content.decode() for row in rows] == ["Ärger", "zwei"]


@given(texts=st.lists(TEXTS, min_size=1, max_size=8))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_texts_come_back_from_jsonl_whole_and_one_by_one(write: Write, texts: list[str]) -> None:
    path = write("any.jsonl", jsonl(*[{"text": text} for text in texts]))
    assert_round_trip(path, texts)


def assert_round_trip(path: Path, texts: list[str]) -> None:
    resolved: dict[str, dict[str, str]] = {}
    found = list(read_rows(path, path.name, {}, resolved=resolved))
    rows = [row for row in found if isinstance(row, Row)]
    assert [row.content.decode() for row in rows] == texts
    refs = [Ref(row.member, row.row, row.offset, row.length) for row in rows]
    assert dict(read_back(path, path.name, [ref._replace(offset=None) for ref in refs], resolved)) == {
        ref._replace(offset=None): text.encode() for ref, text in zip(refs, texts, strict=True)
    }
    again = dict(read_back(path, path.name, refs[::2], resolved))
    assert again == {ref: text.encode() for ref, text in zip(refs[::2], texts[::2], strict=True)}


# JSON


def test_a_json_array_is_read_object_by_object(write: Write) -> None:
    path = write("all.json", json.dumps([{"text": "a"}, 3, {"text": "b"}], indent=2))
    rows, (bad,) = read(path)
    assert [(row.row, row.content) for row in rows] == [(1, b"a"), (3, b"b")]
    assert bad.row == 2


def test_a_broken_json_array_keeps_what_stands_before_the_break(write: Write) -> None:
    rows, (bad,) = read(write("cut.json", '[{"text": "a"}, {"text": "b"}, {"te'))
    assert [row.content for row in rows] == [b"a", b"b"]
    assert bad.row == 3 and "Reading stopped here" in bad.reason


def test_a_json_array_larger_than_a_piece_is_streamed(write: Write) -> None:
    rows, bad = read(
        write("big.json", json.dumps([{"text": f"{number} " + "x" * 9000} for number in range(400)]))
    )
    assert len(rows) == 400 and not bad


# CSV


def test_a_csv_record_of_several_lines_is_numbered_by_its_first_line(write: Write) -> None:
    rows, bad = read(write("t.csv", 'text,url\n"one\ntwo",https://a\nthree,https://b\n'))
    assert not bad
    assert [(row.row, row.content, row.address) for row in rows] == [
        (2, b"one\ntwo", "https://a"),
        (4, b"three", "https://b"),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_separator_is_found(write: Write, delimiter: str) -> None:
    lines = [["text", "title"], ["Regen, viel; sehr", "R"], ["Schnee", "S"]]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(lines)
    rows, bad = read(write("t.csv", out.getvalue()))
    assert not bad and [(row.content.decode(), row.title) for row in rows] == [
        tuple(line) for line in lines[1:]
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1252"])
def test_the_encoding_of_a_csv_is_found(write: Write, encoding: str) -> None:
    text = "Die Größe der Würfel überrascht die Schüler, und später auch die Lehrerin."
    rows, _ = read(write("t.csv", f"text;title\n{text};Würfel\n".encode(encoding)))
    assert rows[0].content.decode() == text and rows[0].title == "Würfel"


def test_a_row_with_more_values_than_the_header_is_a_bad_row(write: Write) -> None:
    rows, (bad,) = read(write("t.csv", "text,title\na,b\nc,d,e\nf,g\n"))
    assert [row.content for row in rows] == [b"a", b"f"]
    assert bad.row == 3 and "has 3 values and the header 2" in bad.reason


def test_a_quote_that_is_never_closed_costs_its_row_and_not_the_memory(write: Write) -> None:
    path = write("t.csv", 'text,title\na,b\n"open,c\n' + "word,x\n" * 400)
    rows, bad = read(path, limits=Limits(line_bytes=1000))
    assert rows[0].content == b"a" and len(rows) > 100
    assert "quote that is not closed" in bad[0].reason and bad[0].row == 3


def test_huge_fields_are_read(write: Write) -> None:
    rows, bad = read(write("t.csv", 'text,title\n"' + "y" * 300_000 + '",big\n'))
    assert not bad and len(rows[0].content) == 300_000


def test_a_csv_that_ends_its_lines_with_lone_returns_is_read(write: Write) -> None:
    rows, _ = read(write("mac.csv", b"text,title\rone,1\rtwo,2\r"))
    assert [row.content for row in rows] == [b"one", b"two"]


@given(texts=st.lists(TEXTS.filter(lambda text: "\r" not in text), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_texts_come_back_from_csv_whole_and_one_by_one(write: Write, texts: list[str]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerows([["text", "n"], *[[text, str(number)] for number, text in enumerate(texts)]])
    assert_round_trip(write("any.csv", out.getvalue()), texts)


# Parquet


def test_parquet_is_read_in_batches_and_its_rows_are_found_again(tmp_path: Path) -> None:
    texts = [f"text {number}" for number in range(5000)]
    table = pa.table(
        {"content": texts, "url": [f"https://x/{n}" for n in range(5000)], "score": [0.5] * 5000}
    )
    path = tmp_path / "t.parquet"
    parquet.write_table(table, path, row_group_size=700)
    rows, bad = read(path)
    assert not bad and len(rows) == 5000
    assert (rows[4999].row, rows[4999].address, rows[4999].meta) == (5000, "https://x/4999", {"score": 0.5})
    refs = [Ref("", row, None, None) for row in (5000, 1, 701, 1400, 9999)]
    again = dict(read_back(path, path.name, refs, {"": {"text": "content"}}))
    assert [again[ref] for ref in refs] == [b"text 4999", b"text 0", b"text 700", b"text 1399", None]


def test_a_parquet_column_in_a_struct_is_mapped_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"page": [{"body": "a"}, {"body": None}], "id": [1, 2]}), path)
    (row,), (bad,) = read(path, ["text=page.body"])
    assert row.content == b"a" and bad.row == 2


def test_a_parquet_text_that_is_repeated_is_not_multiplied_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"text": ["z" * 1_000_000] * 300}), path, compression="zstd")
    assert path.stat().st_size < 100_000
    rows = read_rows(path, path.name)
    assert sum(isinstance(row, Row) for row in rows) == 300


def test_a_mapped_column_that_does_not_exist_is_said_once_for_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"content": ["a", "b"]}), path)
    rows, (bad,) = read(path, ["text=body"])
    assert not rows and "has no column `body`" in bad.reason and "content" in bad.reason


def test_a_damaged_parquet_file_is_refused_by_name(write: Write) -> None:
    rows, (bad,) = read(write("t.parquet", b"PAR1" + b"x" * 200 + b"PAR1"))
    assert not rows and bad.reason.startswith("t.parquet is damaged")


# Mapping


def test_a_mapping_is_guessed_from_usual_names_and_what_was_given_stays() -> None:
    columns = {"Article Body": "t", "Headline": "h", "URL": "u", "License": "mit", "other": "o"}
    assert guess(columns, {}) == {
        "text": "Article Body",
        "title": "Headline",
        "address": "URL",
        "licence": "License",
    }
    assert guess(columns, {"text": "other", "title": "URL"})["text"] == "other"
    assert "address" not in guess(columns, {"text": "other", "title": "URL"})


def test_the_longest_text_is_guessed_when_no_name_is_known() -> None:
    assert guess({"q1": "short", "q2": "long " * 40}, {}) == {"text": "q2"}


def test_a_table_without_anything_like_text_says_its_fields_and_the_way_out(write: Write) -> None:
    rows, (bad,) = read(write("n.csv", "a,b\n1,2\n3,4\n"))
    assert not rows and bad.row == 0
    assert bad.reason.startswith("n.csv has no field that looks like text (its fields: `a`, `b`)")


@pytest.mark.parametrize(
    ("given", "words"),
    [(["text"], "field=column"), (["colour=x"], "not a field"), (["text=a", "html=b"], "one body")],
)
def test_a_mapping_that_cannot_be_used_says_why(given: list[str], words: str) -> None:
    with pytest.raises(MappingError, match=words):
        read_mapping(given)


def test_an_html_column_gives_html_documents(write: Write) -> None:
    (row,), _ = read(write("h.jsonl", jsonl({"html": "<p>a</p>", "url": "https://a"})))
    assert row.media_type == "text/html"


def test_a_preview_shows_columns_mapping_rows_and_bad_rows(write: Write) -> None:
    shown = preview(write("p.csv", "headline,body\nT,Some text\nU,\n"), "p.csv")
    assert shown.reader == "csv"
    assert shown.mapping == {"text": "body", "title": "headline"}
    assert list(shown.columns) == ["headline", "body"]
    assert [(row.title, row.text) for row in shown.rows] == [("T", "Some text")]
    assert [row.row for row in shown.bad_rows] == [3]
