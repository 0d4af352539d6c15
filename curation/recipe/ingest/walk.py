"""Walking a stored file: the file itself, what is packed in it, and the members of archives, as a stream.

Nothing is ever written under a name that an archive gives, yet members with names that climb out, links and
devices are refused: a good archive has none, and its material should not depend on how we read it.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Self, cast

from curation.recipe.ingest.found import BadRow, Place, storable
from curation.recipe.ingest.limits import MIB, Budget, Limits, Refused
from curation.recipe.ingest.packages import ZIP, package_of
from curation.recipe.ingest.unpack import BROKEN, BUFFER, Guarded, compression_of, unpack, without_suffix

MEMBER_NAME = 900  # characters
HEAD = 4096

#: What an archive holds besides its material.
SYSTEM_NAMES = {".DS_Store", "Thumbs.db", "desktop.ini"}

BROKEN_ARCHIVE = (
    *BROKEN,
    tarfile.TarError,
    zipfile.BadZipFile,
    struct.error,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    MemoryError,
)

if TYPE_CHECKING:
    from typing import TypeAlias

    Stream: TypeAlias = io.BufferedReader[Any]

Wanted = Callable[[str], bool]


@dataclass(slots=True)
class Member:
    """A file to read: the stored file itself (`place.member` is empty) or one inside an archive.

    `name` is what chooses the reader, without the endings of compression. The stream is good until the next member
    is asked for. `plain` is the stored file's own path when the stream is that file, byte for byte.
    """

    place: Place
    name: str
    stream: Stream
    budget: Budget
    plain: Path | None = None

    def head(self) -> bytes:
        """The first bytes (up to 4,096), without taking them out of the stream."""
        return self.stream.peek(HEAD)[:HEAD]


class Watch:
    """Tells how far reading has come, in bytes of the stored file. To be asked in the thread that reads."""

    def __init__(self) -> None:
        self._tell: Callable[[], int] = lambda: 0

    @property
    def position(self) -> int:
        return self._tell()

    def follow(self, tell: Callable[[], int]) -> None:
        self._tell = tell


def walk(
    path: Path,
    name: str,
    limits: Limits,
    wanted: Wanted = lambda member: True,
    watch: Watch | None = None,
) -> Iterator[Member | BadRow]:
    """Yield every file in the stored file at `path`, in the archive's order; what is refused as `BadRow`.

    `name` is the name that it came with. `wanted` may skip members by their name before they are unpacked.
    """
    size = path.stat().st_size
    with open(path, "rb", buffering=BUFFER) as stream:
        if watch:
            watch.follow(stream.tell)
        walker = _Walk(name, limits, Budget(size, limits), wanted)
        yield from walker.open(cast("Stream", stream), Place(name), name, 0, 0, path)
        if watch:
            watch.follow(lambda: size)


@dataclass(slots=True)
class _Walk:
    file: str
    limits: Limits
    budget: Budget
    wanted: Wanted

    def open(
        self,
        stream: Stream,
        place: Place,
        name: str,
        archives: int,
        layers: int,
        plain: Path | None = None,
    ) -> Iterator[Member | BadRow]:
        try:
            head = stream.peek(HEAD)[:HEAD]
            compression = compression_of(head)
            if compression:
                yield from self._unpacked(stream, compression, place, name, archives, layers)
            elif archive := archive_of(head, name):
                yield from self._archive(stream, archive, place, archives)
            else:
                yield Member(place, name, stream, self.budget, plain)
        except Refused as refusal:
            yield place.bad_file(f"{refusal}. It was refused.")
        except BROKEN_ARCHIVE as error:
            yield place.bad_file(broken(error))

    def _unpacked(
        self, stream: Stream, compression: str, place: Place, name: str, archives: int, layers: int
    ) -> Iterator[Member | BadRow]:
        if layers >= self.limits.compression_depth:
            raise Refused("is packed again and again")
        inner = unpack(stream, compression, self.budget, self.limits)
        yield from self.open(inner, place, without_suffix(name), archives, layers + 1)

    def _archive(
        self, stream: Stream, archive: str, place: Place, archives: int
    ) -> Iterator[Member | BadRow]:
        if archives >= self.limits.archive_depth:
            raise Refused("is an archive in an archive in an archive")
        if archive == "tar":
            yield from self._tar(stream, place, archives)
        elif stream.seekable() and not isinstance(stream.raw, Guarded):
            yield from self._zip(stream, place, archives)
        else:
            with spooled(stream) as copy:
                yield from self._zip(cast("Stream", copy), place, archives)

    def _zip(self, stream: BinaryIO, place: Place, archives: int) -> Iterator[Member | BadRow]:
        check_zip_directory(stream, self.limits)
        names = _Names(self.limits)
        with zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                if info.is_dir():
                    continue
                inner = _inner(place, names.take(info.filename))
                if not self._asked(inner.member):
                    continue
                if complaint := zip_complaint(info):
                    yield inner.bad_file(complaint)
                    continue
                # A member keeps to the ratio of its own packed size too: one bomb among many good pages.
                own, before = Budget(info.compress_size, self.limits), self.budget.spent
                try:
                    with archive.open(info) as member:
                        guarded = Guarded(Guarded(member, own), self.budget)
                        yield from self.open(
                            io.BufferedReader(guarded, BUFFER), inner, info.filename, archives + 1, 0
                        )
                except BROKEN_ARCHIVE as error:
                    yield inner.bad_file(broken(error))
                self.budget.settle(before, own.refused)

    def _tar(self, stream: Stream, place: Place, archives: int) -> Iterator[Member | BadRow]:
        names = _Names(self.limits)
        trouble: list[str] = []
        header = _header_class(self.limits, trouble)
        seekable = stream.seekable() and not isinstance(stream.raw, Guarded)
        with tarfile.open(fileobj=stream, mode="r:" if seekable else "r|", tarinfo=header) as archive:
            while (info := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # or they add up over a large archive
                if info.isdir():
                    continue
                inner = _inner(place, names.take(info.name))
                if not self._asked(inner.member):
                    continue
                if complaint := tar_complaint(info):
                    yield inner.bad_file(complaint)
                    continue
                member = cast(IO[bytes], archive.extractfile(info))
                own, before = Budget(info.size, self.limits), self.budget.spent
                reader = io.BufferedReader(Guarded(member, own), BUFFER)
                yield from self.open(reader, inner, info.name, archives + 1, 0)
                self.budget.settle(before, own.refused)
        if trouble:
            raise tarfile.ReadError(trouble[0])

    def _asked(self, member: str) -> bool:
        """An archive inside is opened when anything in it may be wanted: only it knows the names."""
        return self.wanted(member) or bool(archive_suffix(member))


class _Names:
    """Names of one archive, counted and told apart: a second `a.html` becomes `a.html#2`, so that both have a place."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.seen: set[str] = set()

    def take(self, name: str) -> str:
        if len(self.seen) >= self.limits.members:
            raise Refused(f"holds more than {self.limits.members:,} files; split it into smaller archives")
        clean = _bounded(storable(name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")))
        unique, count = clean, 1
        while unique in self.seen:
            count += 1
            unique = f"{clean}#{count}"
        self.seen.add(unique)
        return unique


def _inner(place: Place, name: str) -> Place:
    """`inner.zip!/page.html` names a member of an archive inside an archive."""
    return Place(place.file, _bounded(f"{place.member}!/{name}") if place.member else name)


def _bounded(name: str) -> str:
    """A name as it is, or its beginning with a check sum where it is longer than a name may be."""
    return name if len(name) <= MEMBER_NAME else f"{name[: MEMBER_NAME - 9]}#{zlib.crc32(name.encode()):08x}"


ARCHIVE_SUFFIXES = {".zip": "zip", ".tar": "tar"}


def archive_suffix(name: str) -> str:
    """The archive that a name speaks of, whatever it is packed with, or an empty string."""
    return ARCHIVE_SUFFIXES.get(os.path.splitext(without_suffix(name))[1].lower(), "")


def archive_of(head: bytes, name: str) -> str:
    """`zip`, `tar` or an empty string. Office files and e-books are ZIPs too: they are read as what they are."""
    if head[257:262] == b"ustar" or (archive_suffix(name) == "tar" and _tar_checksum(head)):
        return "tar"
    if head[:4] in (ZIP, b"PK\x05\x06") and not package_of(head):
        return "" if os.path.splitext(name)[1].lower() in PACKAGE_SUFFIXES else "zip"
    return ""


PACKAGE_SUFFIXES = {".docx", ".xlsx", ".pptx", ".odt", ".epub"}


def _tar_checksum(head: bytes) -> bool:
    try:
        stated = int(head[148:156].strip(b" \0") or b"x", 8)
    except ValueError:
        return False
    return len(head) >= 512 and stated == sum(head[:148]) + 8 * 32 + sum(head[156:512])


def check_zip_directory(stream: BinaryIO, limits: Limits) -> None:
    """Refuse a ZIP whose list of contents would fill memory, before zipfile reads all of it."""
    stream.seek(0, os.SEEK_END)
    size = stream.tell()
    stream.seek(max(0, size - 65_557))
    tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    if at >= 0 and len(tail) >= at + 22:
        count, directory = (
            struct.unpack("<H", tail[at + 10 : at + 12])[0],
            struct.unpack("<L", tail[at + 12 : at + 16])[0],
        )
        if directory == 0xFFFFFFFF or count == 0xFFFF:
            wide = tail.rfind(b"PK\x06\x06", 0, at)
            if wide >= 0 and len(tail) >= wide + 56:
                count, directory = struct.unpack("<QQ", tail[wide + 32 : wide + 48])
        if count > limits.members or directory > limits.members * 400:
            raise Refused(f"holds more than {limits.members:,} files; split it into smaller archives")
    stream.seek(0)


def unsafe_name(name: str) -> str:
    """Why a member's name is refused, or an empty string."""
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or (len(name) > 1 and name[1] == ":" and name[0].isalpha()):
        return "has an absolute path for a name. It was refused."
    if ".." in parts:
        return "has a name that climbs out of the archive. It was refused."
    if parts[0] == "__MACOSX" or parts[-1] in SYSTEM_NAMES:
        return "is a file of the operating system, not material. It was left out."
    if not parts[-1]:
        return "has no name. It was refused."
    return ""


def zip_complaint(info: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if complaint := unsafe_name(info.filename):
        return complaint
    if kind == stat.S_IFLNK:
        return "is a link. Links in archives are refused; pack the file itself."
    if kind not in (0, stat.S_IFREG):
        return "is a device or a pipe. It was refused."
    if info.flag_bits & 0x1:
        return "is encrypted. Unpack it with its password and import the files."
    return ""


def tar_complaint(info: tarfile.TarInfo) -> str:
    if complaint := unsafe_name(info.name):
        return complaint
    if info.issym() or info.islnk():
        return "is a link. Links in archives are refused; pack the file itself."
    if info.issparse():
        return "is a sparse file. It was refused; pack it without holes."
    if not info.isreg():
        return "is a device or a pipe. It was refused."
    return ""


def _header_class(limits: Limits, trouble: list[str]) -> type[tarfile.TarInfo]:
    """A TarInfo that refuses long-name and pax headers of absurd size, since tarfile reads them whole.

    It also notes bad headers in `trouble`: tarfile takes one in the middle for the end and says nothing.
    """

    class Header(tarfile.TarInfo):
        def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
            if self.type in EXTENDED_HEADERS and self.size > limits.header_bytes:
                raise Refused("has a header of absurd size")
            return super()._proc_member(archive)  # type: ignore[misc, no-any-return]

        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
            try:
                return super().frombuf(buf, encoding, errors)
            except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:  # type: ignore[attr-defined]
                trouble.append(str(error))
                raise

    return Header


EXTENDED_HEADERS = {
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
}


def spooled(stream: BinaryIO) -> IO[bytes]:
    """A seekable copy of what is left of a stream: in memory while small, then in an unnamed temporary file."""
    copy = tempfile.SpooledTemporaryFile(max_size=16 * MIB)  # noqa: SIM115
    while data := stream.read(BUFFER):
        copy.write(data)
    copy.seek(0)
    return cast(IO[bytes], copy)


def broken(error: BaseException) -> str:
    """What a person is told about damaged packed data."""
    if isinstance(error, EOFError):
        return "ends early: its packed data is cut off. Fetch it again; what came before the cut is kept."
    if isinstance(error, MemoryError) or "memory" in str(error).lower():
        return "needs more memory to unpack than is allowed. Pack it again with a smaller window."
    return f"is damaged: {shortened(error)}. Fetch it again; what came before is kept."


def shortened(error: BaseException) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    return words[:160].rstrip(".")
