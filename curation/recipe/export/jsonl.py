"""JSON Lines: one row, one line, UTF-8, keys in the schema's order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from curation.recipe.export.schemas import Schema
from curation.recipe.export.sink import Sink


def write(rows: Iterable[Mapping[str, Any]], schema: Schema, sink: Sink) -> int:
    """Write `rows` and return how many there were. A field that a row lacks is null; memory holds one row."""
    import orjson

    names, count = schema.names, 0
    for row in rows:
        sink.write(orjson.dumps({name: row.get(name) for name in names}, option=orjson.OPT_APPEND_NEWLINE))
        count += 1
    return count
