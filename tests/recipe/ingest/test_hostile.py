"""Hostile input of every reader and archive: a named refusal within limits, and the rest of the import unharmed."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.recipe.ingest.extract import EXTRACTORS, Extracted, extract
from curation.recipe.ingest.found import BadRow, Row
from curation.recipe.ingest.limits import MIB, Limits
from curation.recipe.ingest.rows import read_rows
from curation.recipe.reasons import REASONS
from curation.recipe.records import Dropped

SMALL = Limits(line_bytes=1 * MIB, document_bytes=1 * MIB, members=50, ratio=50, ratio_free_bytes=100_000)
GOOD = b"# Good\n\nWater boils at a hundred degrees.\n"
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE {root} [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)


def read(path: Path, limits: Limits = SMALL) -> tuple[list[Row], list[BadRow]]:
    found = list(read_rows(path, path.name, {}, limits))
    return [row for row in found if isinstance(row, Row)], [row for row in found if isinstance(row, BadRow)]


def beside_a_good_one(folder: Path, name: str, content: bytes) -> tuple[list[Row], list[BadRow]]:
    """The file in an archive with a good document after it."""
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr(name, content)
        archive.writestr("good.md", GOOD)
    rows, bad = read(folder / "a.zip")
    assert rows[-1].content == GOOD
    return rows[:-1], bad


DUMPS = {
    "posts.xml": ("posts", '<row Id="1" PostTypeId="1" Title="&i;" Body="&i;"/>'),
    "wiki.xml": ("mediawiki", "<page><title>A</title><revision><text>&i;</text></revision></page>"),
}


@pytest.mark.parametrize("name", DUMPS)
def test_entities_that_swell_are_refused_by_name_before_they_do(tmp_path: Path, name: str) -> None:
    root, body = DUMPS[name]
    rows, bad = beside_a_good_one(
        tmp_path, name, f"{LAUGHS.replace('{root}', root)}<{root}>{body}</{root}>".encode()
    )
    assert not rows and "defines an entity" in bad[0].reason


@pytest.mark.parametrize("name", DUMPS)
def test_an_entity_that_reads_a_file_is_refused(tmp_path: Path, name: str) -> None:
    root, body = DUMPS[name]
    doctype = f'<?xml version="1.0"?><!DOCTYPE {root} [<!ENTITY i SYSTEM "file:///etc/passwd">]>'
    rows, bad = beside_a_good_one(tmp_path, name, f"{doctype}<{root}>{body}</{root}>".encode())
    assert not rows and len(bad) == 1 and "root:" not in bad[0].reason


@pytest.mark.parametrize(
    ("name", "start", "piece", "said"),
    [
        ("a.jsonl", b'{"text": "', b"x", "the limit on one row"),
        ("a.csv", b"text\n", b"x", "the limit on one row"),
        ("a.json", b'[{"text": "', b"x", "is longer than"),
        ("posts.xml", b'<posts><row Id="1" Body="', b"x", "has a tag longer than"),
        ("wiki.xml", b"<mediawiki><page><text>", b"x", "has a text of more than"),
        ("deep.xml", b"<mediawiki>", b"<a>", "is nested deeper than"),
        ("a.py", b"x = '", b"y", "the limit on one document"),
        ("a.md", b"# ", b"y", "the limit on one document"),
    ],
)
def test_a_line_of_two_hundred_megabytes_is_refused_in_little_memory(
    tmp_path: Path, name: str, start: bytes, piece: bytes, said: str
) -> None:
    path = tmp_path / f"{name}.gz"
    with gzip.open(path, "wb", 1) as packed:
        packed.write(start)
        for _ in range(200):
            packed.write(piece * (MIB // len(piece)))
    tracemalloc.start()
    try:
        _, bad = read(path, Limits(line_bytes=1 * MIB, document_bytes=1 * MIB, ratio=10_000))
        assert tracemalloc.get_traced_memory()[1] < 40 * MIB
    finally:
        tracemalloc.stop()
    assert said in bad[0].reason


def test_a_bomb_in_any_packing_costs_only_itself(tmp_path: Path) -> None:
    for name in ("bomb.md.gz", "posts.xml.gz", "wiki.xml.gz", "crawl.warc.gz"):
        _, bad = beside_a_good_one(tmp_path, name, gzip.compress(bytes(4 * MIB)))
        assert "decompression bombs" in bad[0].reason


def test_names_that_climb_out_links_and_devices_are_refused_with_their_names(tmp_path: Path) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, kind in (
            ("../up.py", b"0"),
            ("/abs.py", b"0"),
            ("link.py", tarfile.SYMTYPE),
            ("dev", tarfile.CHRTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("good.md")
        info.size = len(GOOD)
        archive.addfile(info, io.BytesIO(GOOD))
    (tmp_path / "a.tar").write_bytes(made.getvalue())
    rows, bad = read(tmp_path / "a.tar")
    assert [row.member for row in rows] == ["good.md"]
    assert [
        next(words for words in ("climbs out", "absolute path", "is a link", "device") if words in one.reason)
        for one in bad
    ] == ["climbs out", "absolute path", "is a link", "device"]


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\xfa<posts>",
        b"<posts><row Id='1' Body='\xff\xfe\x80'/></posts>",
        b"<mediawiki>\xc3\x28</mediawiki>",
    ],
)
def test_a_broken_encoding_is_a_refusal_or_a_text_and_never_an_accident(
    tmp_path: Path, content: bytes
) -> None:
    _, bad = beside_a_good_one(tmp_path, "a.xml", content)
    assert all("is damaged" in one.reason or "not text" in one.reason for one in bad)


# Fuzzing, bounded: whatever the bytes, rows and named refusals and nothing else

STARTS = {
    "crawl.warc": b"WARC/1.0\r\nWARC-Type: response\r\nContent-Type: application/http\r\nContent-Length: 90\r\n\r\nHTTP/1.1 200 OK\r\n"
    b"Content-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<html\r\n0\r\n\r\n",
    "posts.xml": b'<posts><row Id="1" PostTypeId="1" Body="&lt;p&gt;Why?" Title="T" Tags="&lt;a&gt;"/><row Id="2" PostTypeId="2" ParentId="1" Body="So."/></posts>',
    "wiki.xml": b"<mediawiki><siteinfo><base>https://x.org/wiki/M</base></siteinfo><page><title>A</title><ns>0</ns><revision><text>{|\n|a\n|}</text></revision></page></mediawiki>",
    "code.py": b'#!/usr/bin/env python\n"""Doc."""\ndef f():\n\treturn 1\n',
    "rows.jsonl": b'{"question": "Why?", "answers": [{"text": "So.", "score": 1}]}\n{"question": "How?", "answers": null}\n',
}


def mangled(content: bytes, seed: int) -> bytes:
    chance = random.Random(seed)
    data = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[at:at] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 9)))
            case 1:
                del data[at : at + chance.randrange(1, 20)]
            case 2:
                data[at:at] = data[at : at + 40] * chance.randrange(1, 5)
            case _:
                if at < len(data):
                    data[at] = chance.randrange(256)
    return bytes(data)


@pytest.mark.parametrize("name", STARTS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_damaged_input_gives_rows_and_named_refusals_and_nothing_else(
    tmp_path: Path, name: str, seed: int
) -> None:
    path = tmp_path / name
    path.write_bytes(mangled(STARTS[name], seed))
    rows, bad = read(path)
    assert all(one.reason.strip() for one in bad)
    for row in rows:
        assert row.media_type.partition(";")[0] in EXTRACTORS
        found = extract(row.content, row.media_type)
        assert isinstance(found, Extracted) or (isinstance(found, Dropped) and found.reason in REASONS)


WIKI = st.text(alphabet="ab '\n[]{}|=<>!-*#:;/&\ue000\ue004" + "0", max_size=300)


@settings(max_examples=80, deadline=None)
@given(text=WIKI)
def test_any_wikitext_becomes_a_text_or_none(text: str) -> None:
    found = extract(text.encode(), "text/x-wiki")
    assert isinstance(found, Dropped) or "\ue004" not in found.text


def test_templates_and_tables_without_end_are_read_within_bounds() -> None:
    for text in (
        "{{" * 3_000 + "a",
        "[[" * 3_000,
        "{|\n" * 800 + "|a",
        "<ref>" * 500,
        "'" * 20_000,
        "*" * 2_000 + " a",
        "<blockquote>" * 500 + "a",
    ):
        found = extract(text.encode(), "text/x-wiki")
        assert isinstance(found, Extracted | Dropped)
