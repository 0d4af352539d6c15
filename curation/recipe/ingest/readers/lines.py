"""Lines of a table as bytes: with their offsets, a limit on their length, and UTF-16 or lone CR made plain."""

from __future__ import annotations

import codecs
import io
from typing import Any, BinaryIO

from curation.recipe.ingest.limits import MIB, Limits

BOMS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def bom_of(head: bytes) -> tuple[bytes, str]:
    """The byte order mark these bytes start with and its encoding, or two empty values."""
    return next(((mark, encoding) for mark, encoding in BOMS if head.startswith(mark)), (b"", ""))


def encoding_of(sample: bytes, whole: bool) -> str:
    """The encoding of text without a mark: UTF-8 where it decodes, else the likeliest, else Windows-1252.

    `whole` says that the sample is all there is; otherwise it may end inside a character.
    """
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=whole)
    except UnicodeDecodeError:
        from resiliparse.parse.encoding import detect_encoding

        found = detect_encoding(sample[:65_536], html5_compatible=True) or "cp1252"
        return found if _known(found) and found not in ("utf-8", "ascii") else "cp1252"
    return "utf-8"


def _known(encoding: str) -> bool:
    try:
        return bool(codecs.lookup(encoding))
    except LookupError:
        return False


class Recoded(io.RawIOBase):
    """A stream in another encoding, read as UTF-8 with its line ends as they were. Offsets lose their meaning."""

    def __init__(self, stream: BinaryIO, encoding: str, lone_cr: bool = False) -> None:
        self.stream = stream
        self.decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self.lone_cr = lone_cr
        self.ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self.ready:
            data = self.stream.read(MIB)
            text = self.decoder.decode(data, final=not data).encode("utf-8", "replace")
            self.ready = memoryview(text.replace(b"\r", b"\n") if self.lone_cr else text)
            if not data:
                break
        count = min(len(buffer), len(self.ready))
        buffer[:count] = self.ready[:count]
        self.ready = self.ready[count:]
        return count


class TooLong(ValueError):
    """A line beyond the limit. `start` is how it begins; the rest has been skipped."""

    def __init__(self, start: bytes) -> None:
        super().__init__("line too long")
        self.start = start


class Lines:
    """Reads lines as bytes, one at a time. `number` is the 1-based line last read, `offset` where the next one starts.

    Offsets are bytes in the member's own stream; `seekable` is False where it had to be recoded.
    """

    def __init__(self, stream: io.BufferedReader, limits: Limits, encoding: str = "") -> None:
        mark, marked = bom_of(stream.peek(4)[:4])
        self.limit = limits.line_bytes
        self.number = 0
        self.offset = len(mark)
        self.seekable = True
        stream.read(len(mark))
        self.encoding = marked or encoding
        source: io.BufferedIOBase = stream
        sample = stream.peek(65_536)
        lone_cr = b"\r" in sample and b"\n" not in sample
        if self.encoding.startswith(("utf-16", "utf-32")) or lone_cr:
            source = io.BufferedReader(Recoded(stream, self.encoding or "utf-8", lone_cr), MIB)
            self.seekable = False
            self.encoding = "utf-8"
        self.readline = source.readline

    def next(self) -> bytes:
        """The next line with its end, or b"" after the last. Raises TooLong, having skipped that line."""
        line = self.readline(self.limit + 1)
        self.number += bool(line)
        self.offset += len(line)
        if len(line) > self.limit and not line.endswith(b"\n"):
            while rest := self.readline(MIB):
                self.offset += len(rest)
                if rest.endswith(b"\n"):
                    break
            raise TooLong(line[:400])
        return line
