"""A document that is a ZIP of parts, looked into before anything else unpacks it: what swells or is locked is refused by name."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

from curation.recipe.ingest.found import Unreadable
from curation.recipe.ingest.limits import MIB, Limits, Refused, readable_bytes
from curation.recipe.ingest.walk import BROKEN_ARCHIVE, check_zip_directory

PARTS = 20_000
UNPACKED = 256 * MIB  # of all parts together, pictures included
RATIO = 200
RATIO_FREE = 16 * MIB  # unpacked, below which a ratio says nothing
OLE = b"\xd0\xcf\x11\xe0"
LIMITS = Limits(members=PARTS)


@dataclass(frozen=True, slots=True)
class Package:
    """The parts of a package, each read as it is asked for."""

    archive: zipfile.ZipFile

    @classmethod
    def of(cls, content: bytes) -> Package:
        """Raises Unreadable: `damaged`, `encrypted`, `too_large` or `unsafe`, by what its directory states.

        What the directory lies about, `read` refuses: a part gives no more bytes than are stated.
        """
        if content.startswith(OLE):
            raise Unreadable(
                "encrypted", "It opens only with a password. Save it without one and import it again."
            )
        try:
            check_zip_directory(io.BytesIO(content), LIMITS)
            archive = zipfile.ZipFile(io.BytesIO(content))
        except Refused as refused:
            raise Unreadable("unsafe", f"It {refused}.") from refused
        except BROKEN_ARCHIVE as error:
            raise Unreadable("damaged", f"Its parts cannot be unpacked: {_words(error)}.") from error
        parts = archive.infolist()
        if any(part.flag_bits & 0x1 for part in parts):
            raise Unreadable("encrypted", "Its parts open only with a password.")
        if any(
            ".." in part.filename.replace("\\", "/").split("/") or part.filename.startswith("/")
            for part in parts
        ):
            raise Unreadable("unsafe", "The name of a part climbs out of it.")
        size = sum(part.file_size for part in parts)
        if size > UNPACKED:
            raise Unreadable(
                "too_large", f"It unpacks to {readable_bytes(size)}; the limit is {readable_bytes(UNPACKED)}."
            )
        for part in parts:
            if part.file_size > max(RATIO_FREE, part.compress_size * RATIO):
                raise Unreadable(
                    "unsafe", f"A part unpacks to {RATIO} times its size, as decompression bombs do."
                )
        return cls(archive)

    @property
    def names(self) -> list[str]:
        return self.archive.namelist()

    def holds(self, name: str) -> bool:
        return name in self.archive.NameToInfo

    def read(self, name: str) -> bytes:
        """One part. Raises Unreadable when it is missing or damaged."""
        try:
            with self.archive.open(name) as part:
                return part.read(self.archive.NameToInfo[name].file_size + 1)
        except KeyError as error:
            raise Unreadable("damaged", f"Its part {name} is missing.") from error
        except BROKEN_ARCHIVE as error:
            raise Unreadable("damaged", f"Its part {name} cannot be unpacked: {_words(error)}.") from error

    def with_part(self, name: str, content: bytes) -> bytes:
        """The package with another content of one part. Pictures and other packed objects are not copied."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as copy:
            for other in self.names:
                if other.endswith((".xml", "mimetype")) or other == name:
                    copy.writestr(other, content if other == name else self.read(other))
        return out.getvalue()


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:160].rstrip(".") or type(error).__name__
