"""Where a format writes to: a stream that counts and hashes what passes."""

from __future__ import annotations

import hashlib
from typing import Any, BinaryIO


class Sink:
    """A binary stream for writing. Not seekable: formats must stream. `stream` is not closed with it."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.size, self.digest = stream, 0, hashlib.sha256()

    def write(self, data: Any, /) -> int:
        view = memoryview(data)
        self.digest.update(view)
        self.size += view.nbytes
        self.stream.write(view)
        return view.nbytes

    def flush(self) -> None:
        self.stream.flush()

    def tell(self) -> int:
        return self.size

    def close(self) -> None:
        """The writer's end is not the file's: whoever opened the file syncs and closes it."""

    @property
    def sha256(self) -> str:
        """SHA-256 (hex) of what was written so far."""
        return self.digest.hexdigest()
