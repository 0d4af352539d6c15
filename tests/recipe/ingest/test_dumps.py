"""Dumps as documents: WARC, MediaWiki, Stack Exchange and tables of questions; what is no material is left out by name."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest

from curation.recipe.ingest.extract import Extracted, extract
from curation.recipe.ingest.found import BadRow, Ref, Row
from curation.recipe.ingest.limits import DEFAULT, Limits
from curation.recipe.ingest.rows import read_back, read_rows

Write = Callable[[str, bytes | str], Path]
SHARED = Path(__file__).resolve().parents[5] / "shared" / "data" / "extraction" / "warc"
PAGE = b"<!doctype html><html><head><title>A page</title></head><body><p>Water boils.</p></body></html>"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, content: bytes | str) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def read(path: Path, limits: Limits = DEFAULT) -> tuple[list[Row], list[BadRow]]:
    found = list(read_rows(path, path.name, {}, limits))
    return [row for row in found if isinstance(row, Row)], [row for row in found if isinstance(row, BadRow)]


def ref_of(row: Row) -> Ref:
    return Ref(row.member, row.row, row.offset, row.length)


def text_of(row: Row) -> str:
    found = extract(row.content, row.media_type, row.address)
    assert isinstance(found, Extracted)
    return found.text


# WARC


def record(kind: str, address: str, body: bytes, **http: str) -> bytes:
    if kind == "response":
        status = http.pop("status", "200 OK")
        named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in http.items())
        body = f"HTTP/1.1 {status}\r\n{named}\r\n".encode() + body
    content_type = (
        "application/http; msgtype=response" if kind == "response" else http.get("Content_Type", "text/plain")
    )
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {address}\r\nWARC-Date: 2020-01-01T00:00:00Z\r\n"
    )
    return (
        f"{head}Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
        + b"\r\n\r\n"
    )


def test_a_crawl_gives_its_pages_with_their_address_and_the_rest_its_reason(write: Write) -> None:
    russian = "<!doctype html><html><body><p>Вода кипит при ста градусах.</p></body></html>"
    crawl = [
        record("warcinfo", "", b"software: none"),
        record("request", "https://x.org/", b"GET / HTTP/1.1"),
        record("response", "https://x.org/", PAGE, Content_Type="text/html"),
        record(
            "response",
            "https://x.org/ru",
            russian.encode("cp1251"),
            Content_Type="text/html; charset=windows-1251",
        ),
        record("response", "https://x.org/gone", b"no", status="404 Not Found", Content_Type="text/html"),
        record("response", "https://x.org/a.png", b"\x89PNG\r\n\x1a\n" + bytes(40), Content_Type="image/png"),
        record(
            "response",
            "https://x.org/z",
            gzip.compress(PAGE),
            Content_Type="text/html",
            Content_Encoding="gzip",
        ),
        record(
            "response",
            "https://x.org/d",
            zlib.compress(PAGE),
            Content_Type="text/html",
            Content_Encoding="deflate",
        ),
        record("response", "https://x.org/lies", PAGE, Content_Type="text/html", Content_Encoding="gzip"),
        record("revisit", "https://x.org/", b""),
        record("conversion", "https://x.org/wet", b"Plain text of a page."),
    ]
    for path in (write("a.warc", b"".join(crawl)), write("a.warc.gz", b"".join(map(gzip.compress, crawl)))):
        rows, bad = read(path)
        assert [(row.row, row.address.rpartition("/")[2], row.media_type) for row in rows] == [
            (3, "", "text/html"),
            (4, "ru", "text/html;charset=cp1251"),
            (7, "z", "text/html"),
            (8, "d", "text/html"),
            (9, "lies", "text/html"),
            (11, "wet", "text/plain"),
        ]
        assert "кипит при ста" in text_of(rows[1])
        assert all(row.content == PAGE for row in (rows[0], rows[2], rows[3], rows[4]))
        reasons = " ".join(one.reason for one in bad)
        assert [one.row for one in bad] == [5, 6, 10]
        assert "status 404" in reasons and "image/png" in reasons and "is a revisit" in reasons


def test_a_clipped_crawl_keeps_what_came_before_the_cut_and_says_so(write: Write) -> None:
    whole = record("response", "https://x.org/1", PAGE, Content_Type="text/html")
    long = record("response", "https://x.org/2", PAGE + b"<p>more</p>" * 9_000, Content_Type="text/html")
    rows, bad = read(write("a.warc.gz", (gzip.compress(whole) + gzip.compress(long, 0))[:-30_000]))
    assert [row.notes for row in rows] == [(), ("clipped",)] and len(rows[1].content) > 50_000
    assert len(bad) == 1 and "ends early" in bad[0].reason


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not here")
def test_real_crawls_are_read_quirks_and_cut_included() -> None:
    counts = {path.name: tuple(map(len, read(path))) for path in SHARED.glob("*.gz")}
    assert counts == {
        "clipped.warc.gz": (1, 1),
        "clueweb-quirk.warc.gz": (29, 0),
        "warcfile.warc.gz": (16, 0),
    }


def test_a_page_that_swells_is_refused_and_the_next_is_read(write: Write) -> None:
    bomb = gzip.compress(bytes(40_000_000))
    crawl = record("response", "https://x.org/b", bomb, Content_Type="text/html", Content_Encoding="gzip")
    rows, bad = read(
        write("a.warc", crawl + record("response", "https://x.org/", PAGE, Content_Type="text/html"))
    )
    assert len(rows) == 1 and "decompression bombs" in bad[0].reason


# MediaWiki


def wiki(*pages: str, base: str = "https://en.wikibooks.org/wiki/Main_Page") -> str:
    names = '<namespace key="0"/><namespace key="1">Talk</namespace><namespace key="4">Project</namespace>'
    info = (
        f"<siteinfo><sitename>Books</sitename><base>{base}</base><namespaces>{names}</namespaces></siteinfo>"
    )
    return f'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11">{info}{"".join(pages)}</mediawiki>'


def wiki_page(title: str, text: str, ns: int = 0, more: str = "") -> str:
    said = "<contributor><username>Ada</username><id>9</id></contributor><timestamp>2020-01-01T00:00:00Z</timestamp>"
    revision = f"<revision><id>5</id>{said}<model>wikitext</model><text>{text}</text></revision>"
    return f"<page><title>{title}</title><ns>{ns}</ns><id>7</id>{more}{revision}</page>"


ARTICLE = """{{Infobox|x=1}}'''Water''' boils at {{convert|100|C}}.&lt;ref&gt;A book&lt;/ref&gt; See [[Steam engine|engines]].

== Heat ==
* one
** two
&lt;math&gt;Q = mc\\Delta T&lt;/math&gt;
{| class="wikitext"
! Height !! Boils
|-
| 0 m || 100
|}
&lt;syntaxhighlight lang="python"&gt;
def boil(t):

    return t
&lt;/syntaxhighlight&gt;
[[File:Pot.jpg|thumb|A pot]][[Category:Water]]
== References ==
{{reflist}}
"""


def test_a_wiki_dump_gives_its_articles_and_names_what_is_none(write: Write) -> None:
    dump = wiki(
        wiki_page("Boiling water", ARTICLE),
        wiki_page("Water", "#REDIRECT [[Boiling water]]", more='<redirect title="Boiling water"/>'),
        wiki_page("Talk:Water", "I disagree.", ns=1),
        wiki_page("Project:Rules", "Be kind.", ns=4),
        wiki_page("Hollow", " "),
    )
    (row,), bad = read(write("dump.xml", dump))
    assert (row.title, row.address) == ("Boiling water", "https://en.wikibooks.org/wiki/Boiling_water")
    assert row.licence == "CC-BY-SA-4.0" and "Wikimedia" in row.meta["licence_evidence"]
    assert (row.meta["page_id"], row.meta["last_author"]) == ("7", "Ada")
    reasons = [one.reason for one in bad]
    for reason, expected in zip(
        reasons, ["is a redirect to Boiling water", "is a talk page", "“Project”", "has no text"], strict=True
    ):
        assert expected in reason


def test_wikitext_becomes_markdown_and_what_was_cut_is_named(write: Write) -> None:
    (row,), _ = read(write("dump.xml", wiki(wiki_page("Boiling water", ARTICLE))))
    found = extract(row.content, row.media_type)
    assert isinstance(found, Extracted)
    assert "**Water** boils at 100 C. See engines.\n\n## Heat\n\n- one\n  - two\n" in found.text
    assert "$Q = mc\\Delta T$" in found.text
    assert "| Height | Boils |\n| --- | --- |\n| 0 m | 100 |" in found.text
    assert "```python\ndef boil(t):\n\n    return t\n```" in found.text
    assert "References" not in found.text and "Pot.jpg" not in found.text
    reasons = {piece["reason"] for piece in found.notes["cut"]}
    assert {"reference", "picture", "category", "template: infobox", "template: reflist"} == reasons


def test_a_table_that_spans_rows_and_columns_keeps_its_columns() -> None:
    table = "{|\n! a !! b !! c\n|-\n| rowspan=2 | 1 || colspan=2 | 2\n|-\n| 3 || 4\n|}"
    found = extract(table.encode(), "text/x-wiki")
    assert isinstance(found, Extracted)
    assert found.text == "| a | b | c |\n| --- | --- | --- |\n| 1 | 2 |  |\n| 1 | 3 | 4 |"


# Stack Exchange


def posts(*rows: dict[str, Any]) -> str:
    lines = [" ".join(f"{name}={quoteattr(str(value))}" for name, value in row.items()) for row in rows]
    return '<?xml version="1.0"?><posts>' + "".join(f"<row {line} />" for line in lines) + "</posts>"


QUESTION = {
    "Id": 1,
    "PostTypeId": 1,
    "AcceptedAnswerId": 4,
    "Title": "Why does it boil?",
    "Tags": "<water><c++>",
} | {
    "Body": "<p>Is <code>t &gt; 99</code> enough?</p>",
    "Score": 3,
    "OwnerUserId": 8,
    "ContentLicense": "CC BY-SA 4.0",
}


def answer(key: int, body: str, **said: Any) -> dict[str, Any]:
    return {"Id": key, "PostTypeId": 2, "ParentId": 1, "Body": body, "ContentLicense": "CC BY-SA 4.0", **said}


def test_a_question_and_its_answers_are_one_document_the_accepted_one_first(write: Write) -> None:
    path = write(
        "Posts.xml",
        posts(
            answer(2, "<p>Popular.</p>", Score=9, OwnerDisplayName="Eva"),
            QUESTION,
            {"Id": 3, "PostTypeId": 5, "Body": "a tag wiki"},
            answer(4, "<pre><code>def f():\n\n    return 1\n</code></pre>", Score=2),
            answer(5, "<p>Lost.</p>") | {"ParentId": 77},
        ),
    )
    (row,), bad = read(path)
    assert (row.row, row.title, row.licence) == (1, "Why does it boil?", "CC-BY-SA-4.0")
    assert (row.meta["answers"], row.meta["accepted"], row.meta["score"]) == (2, True, 3)
    found = extract(row.content, row.media_type)
    assert isinstance(found, Extracted)
    assert found.text == (
        "# Why does it boil?\n\nIs `t > 99` enough?\n\n## Answer 1 (accepted, score 2)\n\n"
        "```\ndef f():\n\n    return 1\n```\n\n## Answer 2 (score 9, by Eva)\n\nPopular."
    )
    assert found.notes["author"] == "user 8" and found.notes["tags"] == ["water", "c++"]
    assert ["tag wiki" in bad[0].reason, "question is not in this file" in bad[1].reason] == [True, True]
    assert dict(read_back(path, "Posts.xml", [ref_of(row)], {}))[ref_of(row)] == row.content


def test_what_came_before_a_dump_broke_off_is_kept(write: Write) -> None:
    rows, bad = read(write("Posts.xml", posts(QUESTION)[:-8] + "<row Id="))
    assert len(rows) == 1 and len(bad) == 1 and "is damaged" in bad[0].reason
    rows, bad = read(write("dump.xml", wiki(wiki_page("A", "x"))[:-12] + "<page><title>"))
    assert len(rows) == 1 and len(bad) == 1 and "is damaged" in bad[0].reason


# Tables of questions


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ("Steam.", "\n\n## Answer\n\nSteam."),
        (4, "\n\n## Answer\n\n4"),
        (["Steam.", "Heat."], "\n\n## Answer 1\n\nSteam.\n\n## Answer 2\n\nHeat."),
        ({"text": ["Steam."], "answer_start": [3]}, "\n\n## Answer\n\nSteam."),
        (
            [
                {"text": "<p>Heat <b>it</b>.</p>", "score": 1},
                {"body": "Steam.", "accepted": True, "user": "Eva"},
            ],
            "\n\n## Answer 1 (accepted, by Eva)\n\nSteam.\n\n## Answer 2 (score 1)\n\nHeat **it**.",
        ),
        (None, ""),
    ],
)
def test_questions_in_a_table_take_their_answers_along_whatever_form_they_have(
    write: Write, answers: Any, text: str
) -> None:
    lines = [{"question": "Why?", "answer": answers}, {"question": "And how?", "answer": "So."}]
    rows, bad = read(write("questions.jsonl", "".join(json.dumps(line) + "\n" for line in lines)))
    assert len(rows) == 2 and not bad
    assert text_of(rows[0]) == f"Why?{text}"


def test_a_question_is_found_again_in_every_kind_of_table(write: Write) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    made = io.BytesIO()
    parquet.write_table(
        pa.table({"problem": ["Why?", "How?"], "solution": ["So.", "Thus."], "title": ["A", "B"]}), made
    )
    paths = [
        write(
            "a.jsonl", '{"problem": "Why?", "solution": "So."}\n{"problem": "How?", "solution": "Thus."}\n'
        ),
        write("a.csv", "problem,solution\nWhy?,So.\nHow?,Thus.\n"),
        write("a.parquet", made.getvalue()),
    ]
    for path in paths:
        resolved: dict[str, dict[str, str]] = {}
        rows = [row for row in read_rows(path, path.name, {}, resolved=resolved) if isinstance(row, Row)]
        again = dict(read_back(path, path.name, [ref_of(row) for row in rows], resolved))
        assert [again[ref_of(row)] for row in rows] == [row.content for row in rows]
        assert "Thus." in text_of(rows[1])


def test_a_table_with_a_text_of_its_own_is_no_table_of_questions(write: Write) -> None:
    (row,), _ = read(write("a.jsonl", '{"text": "Long prose.", "question": "Why?", "answer": "So."}\n'))
    assert row.media_type == "text/plain" and row.content == b"Long prose."
