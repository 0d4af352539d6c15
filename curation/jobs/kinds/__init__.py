"""The table of job kinds: one line each. A kind's file is where rows meet records."""

from __future__ import annotations

from curation.jobs.kind import Kind

KINDS: dict[str, Kind] = {}
