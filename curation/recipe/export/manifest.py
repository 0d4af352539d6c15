"""What a snapshot says of itself: enough to check its files, to explain its rows, and to make it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from curation.recipe.export.formats import Format
from curation.recipe.export.schemas import VERSION, Schema
from curation.recipe.export.shards import Shard
from curation.recipe.reasons import REASONS

NAME = "manifest.json"
#: The exact rows, in order. Beside the manifest rather than in it, as it grows with the rows.
ROWS_NAME = "rows.tsv"


def manifest(
    *,
    snapshot: Mapping[str, Any],
    schema: Schema,
    form: Format,
    shards: Sequence[Shard],
    rows_file: Shard,
    left_out: Mapping[str, int],
    licences: Mapping[str, int],
    versions: Mapping[str, Any],
) -> dict[str, Any]:
    """The manifest as a JSON object. Raises ValueError when files and rows do not agree: a snapshot never lies."""
    rows = sum(shard.rows for shard in shards)
    if not rows == rows_file.rows == snapshot["rows"]:
        raise ValueError(
            f"the files hold {rows:,} rows and the list of rows {rows_file.rows:,}, "
            f"but {snapshot['rows']:,} were frozen; delete the snapshot's folder and run the job again"
        )
    return {
        **snapshot,
        "schema": {"what": schema.what, "version": VERSION},
        "format": form.key,
        "files": [shard.as_row() for shard in shards],
        "rows_file": rows_file.as_row(),
        "left_out": named(left_out),
        "licences": dict(licences),
        "versions": dict(versions),
        "libraries": libraries(form),
    }


def named(left_out: Mapping[str, int]) -> list[dict[str, Any]]:
    """Counts per reason with the reason's title, most frequent first."""
    ordered = sorted(left_out.items(), key=lambda entry: (-entry[1], entry[0]))
    return [{"reason": key, "title": REASONS[key].title, "count": count} for key, count in ordered]


def libraries(form: Format) -> dict[str, str]:
    """Versions of the libraries that decide the bytes: same rows and same libraries, same files."""
    return {name: version(name) for name in form.libraries}
