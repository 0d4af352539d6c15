"""What an import may cost: limits on sizes, counts and how far compressed data may swell."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """All sizes in bytes. What goes beyond one is refused by name; the rest of the import goes on.

    A plain file may be of any size: rows are streamed. `ratio` is what unpacked data may be of packed data; it is
    not looked at before `ratio_free_bytes` are unpacked, since small text packs better than that.
    """

    line_bytes: int = 32 * MIB  # one line of JSONL, one record of CSV or JSON
    document_bytes: int = 64 * MIB  # a whole file that is one document
    members: int = 200_000  # of one archive
    header_bytes: int = 1 * MIB  # a long name or pax header of a TAR
    unpacked_bytes: int = 256 * 1024 * MIB  # of one stored file, all layers together
    ratio: int = 200
    ratio_free_bytes: int = 32 * MIB
    packed_memory: int = 256 * MIB  # what a decompressor may ask for (xz dictionary, zstd window)
    column_bytes: int = 4096 * MIB  # one column chunk of a Parquet row group, unpacked
    archive_depth: int = 2  # an archive in an archive is read, one in that is not
    compression_depth: int = 2  # page.html.gz in pages.tar.gz


DEFAULT = Limits()


class Refused(Exception):
    """Data that goes beyond a limit. The message is a sentence without its subject ("unpacks to more than …")."""


def readable_bytes(size: float) -> str:
    """A size in words: `1.5 MB`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000
    raise AssertionError("unreachable")


class Budget:
    """Counts what one stored file unpacks to over all its layers, and refuses a bomb while it unpacks.

    What a refused member of an archive had unpacked to is forgiven, up to a bound: one bomb costs itself and not the good
    members after it, and many bombs end the archive.
    """

    FORGIVEN = 64  # times what is free of the ratio

    def __init__(self, packed: int, limits: Limits) -> None:
        self.packed = max(packed, 1)
        self.limits = limits
        self.spent = 0
        self.forgiven = 0
        self.refused = False

    def spend(self, size: int) -> None:
        self.spent += size
        limits = self.limits
        counted = self.spent - self.forgiven
        if self.spent > limits.unpacked_bytes:
            self.refused = True
            raise Refused(f"unpacks to more than {readable_bytes(limits.unpacked_bytes)}")
        if counted > limits.ratio_free_bytes and counted > self.packed * limits.ratio:
            self.refused = True
            raise Refused(f"unpacks to more than {limits.ratio} times its size, as decompression bombs do")

    def settle(self, before: int, refused: bool) -> None:
        """After a member of an archive: `before` is what was spent when it began, `refused` whether it was a bomb."""
        size = self.spent - before
        if (refused or self.refused) and self.forgiven + size <= self.FORGIVEN * self.limits.ratio_free_bytes:
            self.forgiven += size
            self.refused = False
