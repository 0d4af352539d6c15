"""`./manage.py extract`: text of files without a project, a line per document, and a status that says when nothing came out."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SENTENCE = "Water boils at one hundred degrees at sea level, and at less than that on high mountains. "
PAGE = f"<!doctype html><html><head><title>Boiling</title></head><body><article><h1>Boiling</h1><p>{SENTENCE * 4}</p></article></body></html>"


def extract(*arguments: str, given: bytes = b"") -> tuple[int, list[dict[str, Any]], str]:
    """Run as a person would, where a database could not even be looked for."""
    environment = {"PATH": "/usr/bin:/bin", "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "extract", *arguments],
        input=given,
        capture_output=True,
        env=environment | {"STUDIO_ENV_FILE": "/dev/null"},
        timeout=300,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def test_files_folders_and_archives_become_a_line_each_without_a_database(tmp_path: Path) -> None:
    (tmp_path / "folder" / "node_modules").mkdir(parents=True)
    (tmp_path / "folder" / "a.html").write_text(PAGE)
    (tmp_path / "folder" / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("in/d.md", f"# Steam\n\n{SENTENCE}")
        archive.writestr("../e.md", "climbs out")
    status, lines, _ = extract(str(tmp_path / "folder"), str(tmp_path / "c.zip"), str(tmp_path / "none"))
    assert status == 0
    modules, page, picture, steam, climbing, missing = lines
    assert page["path"].endswith("folder/a.html") and SENTENCE.strip() in page["text"]
    assert (page["title"], page["language"]) == ("Boiling", "en") and page["extractor"].startswith("html/")
    assert {"page_type", "cut", "why", "by", "licence", "notes"} <= page.keys()
    assert (steam["member"], steam["title"]) == ("in/d.md", "Steam")
    for refused in (modules, picture, climbing, missing):
        assert refused["left_out"] == "unreadable" and refused["reason"] and not refused["text"]


def test_standard_input_goes_by_the_name_it_is_given() -> None:
    status, (line,), _ = extract("-", "--name", "page.html", given=PAGE.encode())
    assert status == 0 and line["path"] == "-" and line["media_type"] == "text/html"


def test_nothing_that_became_text_is_an_error_with_the_reasons(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<html><body></body></html>")
    status, (line,), complaint = extract(str(tmp_path / "page.html"))
    assert status == 1 and line["left_out"] == "empty"
    assert "Nothing became text: 1 no text." in complaint
