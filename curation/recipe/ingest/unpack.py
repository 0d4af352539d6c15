"""Decompression as a stream: gzip, bzip2, xz and Zstandard behind one raw reader that keeps to a budget."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, cast

import zstandard

from curation.recipe.ingest.limits import MIB, Budget, Limits, Refused

#: What broken or truncated packed data raises, whichever library reads it.
BROKEN = (EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError)

BUFFER = 1 * MIB


class Guarded(io.RawIOBase):
    """A raw reader that fills whole buffers and spends what it reads from a budget.

    Filling matters: `BufferedReader.peek` shows no more than one raw read gave. What was read before damage is given
    first; the next read tells of the damage.
    """

    def __init__(self, inner: Any, budget: Budget) -> None:
        self.read_some = getattr(inner, "read1", inner.read)  # what gathers more at once loses it at damage
        self.budget = budget
        self.damage: BaseException | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.damage:
            raise self.damage
        view = memoryview(buffer)
        filled = 0
        while filled < len(view):
            try:
                data = self.read_some(min(BUFFER, len(view) - filled))
            except BROKEN as error:
                if not filled:
                    raise
                self.damage = error
                break
            if not data:
                break
            self.budget.spend(len(data))
            view[filled : filled + len(data)] = data
            filled += len(data)
        return filled


class Unpacked:
    """Streams through decompressor objects of the standard library's shape, frame after frame.

    The standard library's own file classes are not used because LZMAFile takes no memory limit.
    """

    def __init__(self, stream: BinaryIO, start: Callable[[], Any]) -> None:
        self.stream = stream
        self.start = start
        self.decompressor = start()
        self.touched = False

    def read(self, size: int) -> bytes:
        while True:
            if self.decompressor.eof:
                rest = self.decompressor.unused_data or self.stream.read(BUFFER)
                rest = rest.lstrip(b"\0")  # padding that xz allows and other packers leave
                if not rest:
                    return b""
                self.decompressor = self.start()
                data = self.decompressor.decompress(rest, size)
            elif self.decompressor.needs_input:
                packed = self.stream.read(BUFFER)
                if not packed:
                    if not self.touched:
                        return b""
                    raise EOFError("the packed data ends early")
                self.touched = True
                data = self.decompressor.decompress(packed, size)
            else:
                data = self.decompressor.decompress(b"", size)
            if data:
                return cast(bytes, data)


class ZstandardFrame:
    """One Zstandard frame with the shape of a `bz2.BZ2Decompressor`.

    The library's stream reader takes a truncated file for a whole one, so this goes through its decompressobj, which
    knows no output limit: it is fed by `FEED` bytes, each of which can unpack to at most 32 KiB.
    """

    FEED = 512

    def __init__(self, window: int) -> None:
        self.frame = zstandard.ZstdDecompressor(max_window_size=window).decompressobj()
        self.packed = memoryview(b"")
        self.ready = memoryview(b"")

    @property
    def needs_input(self) -> bool:
        return not self.packed and not self.ready

    @property
    def eof(self) -> bool:
        return self.frame.eof and not self.ready

    @property
    def unused_data(self) -> bytes:
        return bytes(self.frame.unused_data) + bytes(self.packed)

    def decompress(self, data: bytes, size: int) -> bytes:
        if data:
            self.packed = memoryview(data)
        while not self.ready and self.packed and not self.frame.eof:
            self.ready = memoryview(self.frame.decompress(self.packed[: self.FEED]))
            self.packed = self.packed[self.FEED :]
        given, self.ready = bytes(self.ready[:size]), self.ready[size:]
        return given


MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)

#: Endings that a compressed file's name loses when it is unpacked.
SUFFIXES = {
    ".gz": "",
    ".tgz": ".tar",
    ".bz2": "",
    ".tbz2": ".tar",
    ".tbz": ".tar",
    ".xz": "",
    ".txz": ".tar",
} | {
    ".zst": "",
    ".tzst": ".tar",
}


def compression_of(head: bytes) -> str:
    """The compression that these first bytes show, or an empty string."""
    for magic, name in MAGIC:
        if head.startswith(magic) and (name != "bzip2" or head[3:4].isdigit()):
            return name
    return ""


def without_suffix(name: str) -> str:
    """`pages.jsonl.gz` becomes `pages.jsonl`, `pages.tgz` becomes `pages.tar`; other names stay."""
    for suffix, instead in SUFFIXES.items():
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)] + instead
    return name


def unpack(stream: BinaryIO, compression: str, budget: Budget, limits: Limits) -> io.BufferedReader:
    """Open packed data for reading. Raises Refused beyond a limit and one of BROKEN for damaged data, while read."""
    inner: Any
    if compression == "gzip":
        inner = gzip.GzipFile(fileobj=stream, mode="rb")
    elif compression == "bzip2":
        inner = Unpacked(stream, bz2.BZ2Decompressor)
    elif compression == "xz":
        inner = Unpacked(stream, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, limits.packed_memory))
    elif compression == "zstd":
        inner = Unpacked(stream, lambda: ZstandardFrame(limits.packed_memory // 2))
    else:
        raise Refused(f"is packed in a way the studio does not read ({compression})")
    return io.BufferedReader(Guarded(inner, budget), BUFFER)
