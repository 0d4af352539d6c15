"""`ingest_speed`: HTML pages from an archive on disk until their text is in the database: the import job and the extraction job,
with as many children as there are cores.

ours = pages per second. The peer is trafilatura alone over the same pages, one process, nothing read or stored. Both sides see each
page once; the pages are WCXB's development split, each several times with a comment of its own, so that no two are the same document.
"""

from __future__ import annotations

import time
import zipfile
from pathlib import Path
from typing import Any

from tests.bench.database import a_database
from tests.bench.extraction import Page, trafilatura, wcxb

COPIES = 3


def ingest_speed() -> dict[str, Any]:
    pages = wcxb()
    with a_database() as home:
        path = home / "pages.zip"
        _pack(pages, path)
        seconds, counts = _ours(path)
    start = time.perf_counter()
    for one in pages:
        trafilatura(one.content, one.address)
    peer = len(pages) / (time.perf_counter() - start)
    return {
        "name": "ingest_speed",
        "ours": round(len(pages) * COPIES / seconds, 1),
        "unit": "pages/s until their text is committed",
        "peer": round(peer, 1),
        "peer_name": "trafilatura alone, one process, nothing stored",
        "n": len(pages) * COPIES,
        "details": {
            "seconds": round(seconds, 1),
            "times the peer": round(len(pages) * COPIES / seconds / peer, 2),
            **counts,
        },
    }


def _pack(pages: list[Page], path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for copy in range(COPIES):
            for one in pages:
                archive.writestr(f"{one.key}-{copy}.html", one.content + f"<!-- {copy} -->".encode())


def _ours(path: Path) -> tuple[float, dict[str, int]]:
    from curation.actions import imports
    from curation.actions.curation import start_curation
    from curation.jobs.run import drain
    from curation.models import Document, Extraction, Project

    project = Project.objects.create(slug="ours", name="Ours")
    source = imports.find_or_create_source(project, "Pages", None)
    start = time.perf_counter()
    batch = imports.draft_import(source, [("pages.zip", imports.keep_path(path))], None)
    drain(imports.start_import(batch, None))
    drain(start_curation(project, None, ("extract",)))
    seconds = time.perf_counter() - start
    return seconds, {"documents": Document.objects.count(), "extractions": Extraction.objects.count()}
