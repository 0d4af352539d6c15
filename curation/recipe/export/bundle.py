"""Many files as one ZIP, made while it is sent: no second copy on disk, memory of one piece."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PIECE = 1 << 20
#: A fixed date (the oldest that ZIP knows), so that the same files make the same archive.
EPOCH = (1980, 1, 1, 0, 0, 0)


def zipped(files: Iterable[tuple[str, Path]]) -> Iterator[bytes]:
    """Yield the bytes of a ZIP of `files` (name in the archive, path on disk), stored without compression.

    Raises FileNotFoundError, before the first byte of that member, where a file is gone.
    """
    outbox = _Outbox()
    with zipfile.ZipFile(outbox, "w", zipfile.ZIP_STORED) as archive:
        for name, path in files:
            yield from _member(archive, outbox, name, path)
    yield outbox.taken()


def _member(archive: zipfile.ZipFile, outbox: _Outbox, name: str, path: Path) -> Iterator[bytes]:
    info = zipfile.ZipInfo(name, EPOCH)
    info.external_attr = 0o644 << 16
    with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as member:
        while piece := source.read(PIECE):
            member.write(piece)
            yield outbox.taken()


class _Outbox:
    """What ZipFile has written and nobody has sent yet. Not seekable, so ZipFile streams."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, data: Any, /) -> int:
        self.pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits here: `taken` is the sending."""

    def close(self) -> None:
        """Nothing to close."""

    def taken(self) -> bytes:
        sent, self.pieces = b"".join(self.pieces), []
        return sent
