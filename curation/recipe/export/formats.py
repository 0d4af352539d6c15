"""Every format an export can have. To add one: a file beside this one, a line here, a round-trip test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from curation.recipe.export import jsonl, listing, parquet
from curation.recipe.export.schemas import Schema
from curation.recipe.export.sink import Sink


@dataclass(frozen=True, slots=True)
class Format:
    key: str
    title: str
    help: str
    suffix: str
    media_type: str
    write: Callable[[Iterable[Mapping[str, Any]], Schema, Sink], int]
    libraries: tuple[str, ...]  # whose version decides the bytes; named in the manifest


FORMATS: dict[str, Format] = {
    entry.key: entry
    for entry in (
        Format(
            "jsonl",
            "JSON Lines",
            "One JSON object a line; every trainer and script reads it.",
            ".jsonl",
            "application/x-ndjson",
            jsonl.write,
            ("orjson",),
        ),
        Format(
            "parquet",
            "Parquet",
            "Typed, compressed columns; for large sets, pandas, DuckDB and the Hugging Face hub.",
            ".parquet",
            "application/vnd.apache.parquet",
            parquet.write,
            ("pyarrow", "orjson"),
        ),
    )
}

#: Not for people to choose: how the list of a snapshot's rows is written, whatever the rows themselves are.
LISTING = Format(
    "listing",
    "List of rows",
    "UUID and SHA-256 of each row.",
    ".tsv",
    "text/tab-separated-values",
    listing.write,
    (),
)
