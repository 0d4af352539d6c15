"""The list of a snapshot's rows: tab-separated, a header and one row a line; nothing in it needs quoting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from curation.recipe.export.schemas import Schema
from curation.recipe.export.sink import Sink


def write(rows: Iterable[Mapping[str, Any]], schema: Schema, sink: Sink) -> int:
    """Write `rows`, whose values are UUIDs and hashes, and return how many there were."""
    sink.write(("\t".join(schema.names) + "\n").encode())
    count = 0
    for row in rows:
        sink.write(("\t".join(row[name] for name in schema.names) + "\n").encode())
        count += 1
    return count
