"""Archives and packed files: read as streams, and guarded against bombs, names that climb out, links and devices."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from curation.recipe.ingest.found import BadRow, Ref, Row
from curation.recipe.ingest.limits import DEFAULT, Limits
from curation.recipe.ingest.rows import read_back, read_rows

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor().compress,
}
PAGE = b"<!doctype html><html><body><p>A page.</p></body></html>"
SMALL = Limits(ratio=50, ratio_free_bytes=100_000)


def read(path: Path, limits: Limits = DEFAULT, name: str = "") -> tuple[list[Row], list[BadRow]]:
    found = list(read_rows(path, name or path.name, {}, limits))
    return [row for row in found if isinstance(row, Row)], [row for row in found if isinstance(row, BadRow)]


def a_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def a_tar(path: Path, members: list[tuple[str, bytes | dict[str, Any]]], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, dict):
                for field, value in content.items():
                    setattr(info, field, value)
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


# Reading


@pytest.mark.parametrize("ending", list(PACKERS))
def test_a_packed_file_is_read_whatever_packed_it(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"pages.jsonl.{ending}"
    path.write_bytes(PACKERS[ending](b'{"text": "one"}\n{"text": "two"}\n'))
    rows, bad = read(path)
    assert not bad and [(row.row, row.content) for row in rows] == [(1, b"one"), (2, b"two")]


@pytest.mark.parametrize("ending", list(PACKERS))
def test_several_packed_pieces_in_one_file_are_read_one_after_the_other(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"pages.jsonl.{ending}"
    path.write_bytes(PACKERS[ending](b'{"text": "one"}\n') + PACKERS[ending](b'{"text": "two"}\n'))
    rows, bad = read(path)
    assert not bad and [row.content for row in rows] == [b"one", b"two"]


@pytest.mark.parametrize("ending", list(PACKERS))
def test_a_packed_file_that_is_cut_off_keeps_the_rows_before_the_cut(tmp_path: Path, ending: str) -> None:
    import random

    noise = random.Random(1)
    lines = b"".join(b'{"text": "%s"}\n' % noise.randbytes(300).hex().encode() for _ in range(8000))
    packed = PACKERS[ending](lines)
    path = tmp_path / f"pages.jsonl.{ending}"
    path.write_bytes(packed[: len(packed) // 2])
    rows, bad = read(path)
    assert len(bad) == 1 and bad[0].reason.endswith("what came before the cut is kept.")
    assert bad[0].row == (len(rows) + 1 if rows else 0)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_gives_its_files_in_order(tmp_path: Path, mode: str) -> None:
    members: list[tuple[str, bytes | dict[str, Any]]] = [
        ("b/", {"type": tarfile.DIRTYPE}),
        ("b/one.html", PAGE),
        ("a.jsonl", b'{"text": "x"}\n{"text": "y"}\n'),
        ("notes.md", b"# N"),
    ]
    path = a_tar(tmp_path / "pages.tar", members, mode)
    rows, bad = read(path)
    assert not bad
    assert [(row.member, row.row, row.media_type) for row in rows] == [
        ("b/one.html", 0, "text/html"),
        ("a.jsonl", 1, "text/plain"),
        ("a.jsonl", 2, "text/plain"),
        ("notes.md", 0, "text/markdown"),
    ]


def test_a_zip_gives_its_files_and_one_level_of_archives_in_it(tmp_path: Path) -> None:
    inner = a_zip(tmp_path / "inner.zip", {"deep.txt": b"deep"}).read_bytes()
    tar = a_tar(tmp_path / "inner.tar.gz", [("page.html", PAGE)], "w:gz").read_bytes()
    path = a_zip(tmp_path / "all.zip", {"a.txt": b"a", "inner.zip": inner, "inner.tar.gz": tar})
    rows, bad = read(path)
    assert not bad
    assert [row.member for row in rows] == ["a.txt", "inner.zip!/deep.txt", "inner.tar.gz!/page.html"]


def test_packed_pages_in_a_packed_archive_are_read(tmp_path: Path) -> None:
    path = a_tar(tmp_path / "pages.tar.gz", [("page.html.gz", gzip.compress(PAGE))], "w:gz")
    (row,), bad = read(path)
    assert not bad and row.content == PAGE and row.media_type == "text/html"


def test_two_members_of_one_name_both_have_a_place(tmp_path: Path) -> None:
    path = a_tar(tmp_path / "t.tar", [("a.txt", b"one"), ("a.txt", b"two")])
    rows, _ = read(path)
    assert [(row.member, row.content) for row in rows] == [("a.txt", b"one"), ("a.txt#2", b"two")]


@pytest.mark.parametrize("kind", ["t.zip", "t.tar", "t.tar.gz", "t.tar.xz"])
def test_single_rows_of_an_archive_are_found_again(tmp_path: Path, kind: str) -> None:
    members = {f"{number}.txt": f"text {number}".encode() for number in range(20)}
    members["t.csv"] = b"text,n\na,1\nb,2\n"
    path = tmp_path / kind
    if kind.endswith("zip"):
        a_zip(path, members)
    else:
        a_tar(path, list(members.items()), {"t.tar": "w", "t.tar.gz": "w:gz", "t.tar.xz": "w:xz"}[kind])
    resolved: dict[str, dict[str, str]] = {}
    rows = [row for row in read_rows(path, kind, resolved=resolved) if isinstance(row, Row)]
    refs = [
        Ref(row.member, row.row, row.offset, row.length)
        for row in rows
        if row.member in ("3.txt", "17.txt", "t.csv")
    ]
    lost = Ref("gone.txt", 0, None, None)
    again = dict(read_back(path, kind, [*refs, lost], resolved))
    assert again[lost] is None
    assert [again[ref] for ref in refs] == [b"text 3", b"text 17", b"a", b"b"]


# What the name says and what the bytes say


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("page.txt", PAGE, "text/plain"),
        ("page", PAGE, "text/html"),
        ("data.txt", b'{"text": "a"}\n{"text": "b"}\n', "text/plain"),
        ("error.jsonl", PAGE, "text/html"),
        ("README", "Grüße".encode(), "text/plain"),
    ],
)
def test_the_bytes_decide_where_the_name_lies(
    tmp_path: Path, name: str, content: bytes, media_type: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    rows, bad = read(path)
    assert not bad and rows[0].media_type == media_type


def test_a_packed_file_without_the_ending_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_bytes(gzip.compress(b'{"text": "a"}\n'))
    (row,), _ = read(path)
    assert row.content == b"a"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"SQLite format 3\x00 ...", "a database"),
        (b"\x89PNG\r\n\x1a\n....", "a picture"),
        (bytes(range(256)) * 4, "not text"),
    ],
)
def test_what_is_no_text_is_refused_by_name(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "thing.bin"
    path.write_bytes(content)
    rows, (bad,) = read(path)
    assert not rows and bad.row == 0 and bad.reason.startswith("thing.bin is") and words in bad.reason


def test_an_empty_file_is_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "empty.txt"
    path.write_bytes(b"")
    rows, (bad,) = read(path)
    assert not rows and bad.reason == "empty.txt is empty. Leave it out."


# Guards


@pytest.mark.parametrize("ending", list(PACKERS))
def test_a_bomb_is_refused_while_it_unpacks(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"bomb.txt.{ending}"
    path.write_bytes(PACKERS[ending](b"\0" * 30_000_000))
    tracemalloc.start()
    rows, (bad,) = read(path, SMALL)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not rows and "as decompression bombs do. It was refused." in bad.reason
    assert peak < 25_000_000


def test_a_bomb_in_an_archive_costs_itself_and_the_good_members_stay(tmp_path: Path) -> None:
    path = a_zip(tmp_path / "t.zip", {"a.txt": b"a", "bomb.txt": b"\0" * 20_000_000, "z.txt": b"z"})
    rows, (bad,) = read(path, Limits(ratio=50, ratio_free_bytes=19_000_000))
    assert [row.member for row in rows] == ["a.txt", "z.txt"]
    assert bad.member == "bomb.txt" and "decompression bombs" in bad.reason


def test_a_zip_whose_members_share_their_bytes_is_refused_by_its_total(tmp_path: Path) -> None:
    """The overlapping kind of bomb: each member keeps to the ratio, all of them together do not."""
    piece = a_zip(tmp_path / "piece.zip", {"a.txt": b"ab" * 200_000}).read_bytes()
    directory = piece.index(b"PK\x01\x02")
    end = piece.index(b"PK\x05\x06")
    many = 60
    entries = piece[directory:end] * many
    tail = bytearray(piece[end:])
    tail[8:10] = tail[10:12] = many.to_bytes(2, "little")
    tail[12:16] = len(entries).to_bytes(4, "little")
    path = tmp_path / "overlap.zip"
    path.write_bytes(piece[:directory] + entries + bytes(tail))
    rows, bad = read(path, Limits(ratio=1500, ratio_free_bytes=100_000))
    assert bad and len(rows) < many


def test_a_zip_with_too_many_files_is_refused_before_its_list_is_read(tmp_path: Path) -> None:
    path = a_zip(tmp_path / "many.zip", {f"{number}.txt": b"x" for number in range(30)})
    rows, (bad,) = read(path, Limits(members=20))
    assert not rows and "holds more than 20 files" in bad.reason


def test_a_tar_with_too_many_files_keeps_those_before(tmp_path: Path) -> None:
    path = a_tar(tmp_path / "many.tar", [(f"{number}.txt", b"x") for number in range(30)])
    rows, (bad,) = read(path, Limits(members=20))
    assert len(rows) == 20 and "holds more than 20 files" in bad.reason


def test_names_that_climb_out_links_and_devices_are_refused_each_by_name(tmp_path: Path) -> None:
    path = a_tar(
        tmp_path / "evil.tar",
        [
            ("../../etc/passwd", b"x"),
            ("/etc/passwd", b"x"),
            ("c:\\windows\\x.txt", b"x"),
            ("good.txt", b"good"),
            ("link.txt", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
            ("hard.txt", {"type": tarfile.LNKTYPE, "linkname": "good.txt"}),
            ("pipe", {"type": tarfile.FIFOTYPE}),
            ("device", {"type": tarfile.CHRTYPE}),
            ("also.txt", b"also"),
        ],
    )
    rows, bad = read(path)
    assert [row.member for row in rows] == ["good.txt", "also.txt"]
    said = {row.member: row.reason for row in bad}
    assert "climbs out" in said["../../etc/passwd"] and "absolute path" in said["/etc/passwd"]
    assert "absolute path" in said["c:\\windows\\x.txt"]
    assert "is a link" in said["link.txt"] and "is a link" in said["hard.txt"]
    assert "device or a pipe" in said["pipe"] and "device or a pipe" in said["device"]


def test_links_and_encrypted_members_of_a_zip_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("../up.txt", "x")
        archive.writestr("good.txt", "good")
        archive.writestr("secret.txt", "secret")
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1  # the last entry says that it is encrypted
    path.write_bytes(bytes(content))
    rows, bad = read(path)
    assert [row.member for row in rows] == ["good.txt"]
    assert {row.member for row in bad} == {"link.txt", "../up.txt", "secret.txt"}


def test_an_archive_in_an_archive_in_an_archive_is_refused(tmp_path: Path) -> None:
    content = b"x"
    name = "a.txt"
    for level in range(3):
        content = a_zip(tmp_path / f"{level}.zip", {name: content}).read_bytes()
        name = f"{level}.zip"
    rows, (bad,) = read(tmp_path / "2.zip")
    assert not rows and bad.member == "1.zip!/0.zip" and "archive in an archive" in bad.reason


def test_a_file_packed_again_and_again_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz.gz.gz"
    path.write_bytes(gzip.compress(gzip.compress(gzip.compress(b"x"))))
    rows, (bad,) = read(path)
    assert not rows and "packed again and again" in bad.reason


def test_a_tar_header_of_absurd_size_is_refused_before_it_fills_memory(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 3_000_000
    path = tmp_path / "t.tar"
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + b"a" * 3_000_320 + b"\0" * 1024)
    rows, (bad,) = read(path)
    assert not rows and "header of absurd size" in bad.reason


def test_damage_in_the_middle_of_a_tar_is_told_and_not_taken_for_its_end(tmp_path: Path) -> None:
    path = a_tar(tmp_path / "t.tar", [("a.txt", b"a"), ("b.txt", b"b"), ("c.txt", b"c")])
    content = bytearray(path.read_bytes())
    content[1024:1100] = b"\xff" * 76
    path.write_bytes(bytes(content))
    rows, (bad,) = read(path)
    assert [row.member for row in rows] == ["a.txt"] and "t.tar is damaged" in bad.reason


def test_a_member_with_a_wrong_check_sum_costs_itself(tmp_path: Path) -> None:
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "first content")
        archive.writestr("b.txt", "second content")
    path.write_bytes(path.read_bytes().replace(b"first content", b"FIRST content"))
    rows, (bad,) = read(path)
    assert [row.member for row in rows] == ["b.txt"] and bad.member == "a.txt"


def test_a_document_beyond_the_limit_is_refused_and_named(tmp_path: Path) -> None:
    path = a_tar(tmp_path / "t.tar.gz", [("big.txt", b"x" * 5000), ("a.txt", b"a")], "w:gz")
    rows, (bad,) = read(path, Limits(document_bytes=1000))
    assert [row.member for row in rows] == ["a.txt"] and "larger than 1.0 kB" in bad.reason


def test_reading_a_large_file_holds_little_of_it(tmp_path: Path) -> None:
    path = tmp_path / "big.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for number in range(60_000):
            file.write(b'{"text": "%d %s"}\n' % (number, b"words and more " * 60))
    tracemalloc.start()
    count = sum(1 for _ in read_rows(path, path.name, {"text": "text"}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 60_000 and peak < 8_000_000


def test_the_real_archive_of_pages_accounts_for_each() -> None:
    path = Path(__file__).resolve().parents[4] / "shared/data/extraction/wcxb_dev/html.tar.xz"
    if not path.exists():
        pytest.skip(f"the real data is not here ({path})")
    rows, bad = read(path)
    assert len(rows) == 385 and not bad
    assert {row.media_type for row in rows} == {"text/html"}
