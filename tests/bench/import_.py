"""`import`: 100,000 rows of 1 KB JSONL, from the file on disk until they are committed and the list shows them.

ours = rows per second of storing the file by its hash, the import job (documents, occurrences, mapping, bad rows,
duplicates found) and the first page of the project's list of documents. The peer reads the same file with `json.loads`
and writes the same two tables with Django's `bulk_create`: no stored file, no duplicates, no bad rows, no restart. It
is given the first 20,000 rows, which is enough for its rate.
Both in this process, on the embedded PostgreSQL.
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import psutil

from tests.bench.database import a_database

ROWS = 100_000
PEER_ROWS = 20_000
WORDS = 160


def import_rows() -> dict[str, Any]:
    with a_database() as home:
        path = home / "rows.jsonl"
        _write(path)
        ours = _measured(lambda: _ours(path))
        again = _measured(lambda: _ours(path, known=True))
        peer = _measured(lambda: _peers(path), PEER_ROWS)
        size = path.stat().st_size
    return {
        "name": "import",
        "ours": ours["rows_per_second"],
        "unit": "rows/s until committed and listed",
        "peer": peer["rows_per_second"],
        "peer_name": "json.loads and Django bulk_create of the same two tables",
        "n": ROWS,
        "details": {"mb": round(size / 1e6, 1), "ours": ours, "the_same_again": again, "peer": peer},
    }


def _write(path: Path) -> None:
    chance = random.Random(1)
    words = [
        "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(5_000)
    ]
    with open(path, "w") as file:
        for number in range(ROWS):
            text = f"{number} " + " ".join(chance.choices(words, k=WORDS))
            row = {"text": text[:940], "url": f"https://example.org/{number}", "title": f"Row {number}"}
            file.write(json.dumps(row) + "\n")


def _measured(work: Callable[[], None], rows: int = ROWS) -> dict[str, Any]:
    """Rows per second, and by how many MB the process grew at most, looked at every 20 ms."""
    process, ended = psutil.Process(), threading.Event()
    before = process.memory_info().rss
    seen = [before]

    def watch() -> None:
        while not ended.wait(0.02):
            seen.append(process.memory_info().rss)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    ended.set()
    watcher.join()
    return {
        "rows": rows,
        "rows_per_second": round(rows / seconds),
        "seconds": round(seconds, 2),
        "memory_growth_mb": round((max(seen) - before) / 1e6, 1),
    }


def _ours(path: Path, known: bool = False) -> None:
    from django.test import Client

    from curation.actions import imports
    from curation.jobs.run import drain
    from curation.models import Project, User

    project, _ = Project.objects.get_or_create(slug="ours", defaults={"name": "Ours"})
    source = imports.find_or_create_source(project, "Rows", None)
    batch = imports.draft_import(source, [("rows.jsonl", imports.keep_path(path))], None)
    job = drain(imports.start_import(batch, None))
    assert job.state == "done" and job.result["rows"] == ROWS, job.reason
    assert job.result["documents"] == (0 if known else ROWS)
    browser = Client()
    admin = User.objects.filter(is_superuser=True).first() or User.objects.create_superuser(
        "admin@example.org"
    )
    browser.force_login(admin)
    listed = browser.get("/projects/ours/documents/", headers={"host": "localhost"})
    assert listed.status_code == 200 and f"Row {ROWS - 1}" in listed.content.decode()


def _peers(path: Path) -> None:
    from django.db import transaction

    from curation.models import Document, Import, Occurrence, Project, Source, StoredFile

    project = Project.objects.create(slug="peers", name="Peers")
    source = Source.objects.create(project=project, name="Rows")
    batch = Import.objects.create(project=project, source=source)
    stored = StoredFile.objects.create(sha256="0" * 64, size=path.stat().st_size, path="none")
    with open(path, "rb") as lines:
        number = 0
        while number < PEER_ROWS and (piece := list(islice(lines, 1_000))):
            with transaction.atomic():
                documents = []
                for line in piece:
                    number += 1
                    row = json.loads(line)
                    content = row["text"].encode()
                    documents.append(
                        Document(
                            project=project,
                            sha256=hashlib.sha256(content).hexdigest(),
                            title=row["title"],
                            address=row["url"],
                            media_type="text/plain",
                            size=len(content),
                            stored_file=stored,
                            row=number,
                            first_import=batch,
                        )
                    )
                Document.objects.bulk_create(documents)
                Occurrence.objects.bulk_create(
                    Occurrence(
                        document=document,
                        source=source,
                        batch=batch,
                        stored_file=stored,
                        row=document.row,
                        title=document.title,
                        address=document.address,
                    )
                    for document in documents
                )
