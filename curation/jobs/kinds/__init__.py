"""The table of job kinds: one line each. A kind's file is where rows meet records."""

from __future__ import annotations

from curation.jobs.kind import Kind
from curation.jobs.kinds import extract, ingest, snapshot

KINDS: dict[str, Kind] = {
    kind.name: kind for kind in (ingest.IMPORT, ingest.UNDO, extract.KIND, snapshot.KIND)
}
