"""`ingest_speed`: HTML pages from an archive on disk until their text is in the database: the import job and the extraction job,
with as many children as there are cores (four at most).

ours = pages per second over WCXB's development split. The peer is trafilatura alone over the same pages, one process, nothing read
from disk or stored. The children are started before the clock is, as they are in a studio that runs.
"""

from __future__ import annotations

import time
import zipfile
from pathlib import Path
from typing import Any

from tests.bench.database import a_database
from tests.bench.extraction import Page, trafilatura, wcxb


def ingest_speed() -> dict[str, Any]:
    pages = wcxb()
    with a_database() as home:
        path = home / "pages.zip"
        _pack(pages, path)
        seconds, counts = _ours(path)
    trafilatura(pages[0].content, pages[0].address)
    start = time.perf_counter()
    for one in pages:
        trafilatura(one.content, one.address)
    peer = len(pages) / (time.perf_counter() - start)
    rate = len(pages) / seconds
    return {
        "name": "ingest_speed",
        "ours": round(rate, 1),
        "unit": "pages/s until their text is committed",
        "peer": round(peer, 1),
        "peer_name": "trafilatura alone, one process, nothing stored",
        "n": len(pages),
        "details": {"seconds": round(seconds, 1), "times the peer": round(rate / peer, 2), **counts},
    }


def _pack(pages: list[Page], path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for one in pages:
            archive.writestr(f"{one.key}.html", one.content)


def _ours(path: Path) -> tuple[float, dict[str, int]]:
    from curation.actions import imports
    from curation.actions.curation import start_curation
    from curation.jobs.kinds.extract import pool
    from curation.jobs.run import drain
    from curation.models import Document, Extraction, Project
    from curation.recipe.ingest.pool import Request

    project = Project.objects.create(slug="ours", name="Ours")
    source = imports.find_or_create_source(project, "Pages", None)
    list(pool().run([Request(b"<p>Awake</p>", "text/html")] * pool().size * 2))
    start = time.perf_counter()
    batch = imports.draft_import(source, [("pages.zip", imports.keep_path(path))], None)
    drain(imports.start_import(batch, None))
    drain(start_curation(project, None, ("extract",)))
    seconds = time.perf_counter() - start
    pool().close()
    return seconds, {"documents": Document.objects.count(), "extractions": Extraction.objects.count()}
