"""Files that are either whole or not there: written under another name, synced, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from curation.recipe.export.formats import Format
from curation.recipe.export.schemas import Schema
from curation.recipe.export.sink import Sink


@dataclass(frozen=True, slots=True)
class Shard:
    """One finished file: its name in the snapshot's folder, rows, size in bytes and SHA-256 (hex)."""

    name: str
    rows: int
    bytes: int
    sha256: str

    def as_row(self) -> dict[str, Any]:
        return asdict(self)


def shard_name(what: str, ordinal: int, of: int, form: Format) -> str:
    """`passages-00000-of-00004.parquet`: the hub's way to name shards, counted from 0."""
    return f"{what}-{ordinal:05d}-of-{of:05d}{form.suffix}"


def write_shard(
    folder: Path, name: str, rows: Iterable[Mapping[str, Any]], schema: Schema, form: Format
) -> Shard:
    """Stream `rows` into `folder/name`. Run again, it replaces the file by the same bytes; killed, it leaves none."""
    with replacing(folder / name) as stream:
        sink = Sink(stream)
        count = form.write(rows, schema, sink)
        return Shard(name, count, sink.size, sink.sha256)


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file (a manifest) with the same promise."""
    with replacing(path) as stream:
        stream.write(content)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """`with replacing(path) as stream`: the file appears under its name on success, and only then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, path)
        _sync_folder(path.parent)
    finally:
        Path(part).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable: a power cut could undo it otherwise."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep_parts(folder: Path) -> int:
    """Remove what killed writers left behind; returns how many. For when no writer is at work in the folder."""
    parts = list(folder.glob(".*.part"))
    for part in parts:
        part.unlink(missing_ok=True)
    return len(parts)
