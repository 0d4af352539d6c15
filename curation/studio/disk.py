"""The disk guard: says when space runs low, and refuses work that writes before the disk is full.

A PostgreSQL on a full disk stops taking anything, so the studio keeps a reserve (`STUDIO_DISK_RESERVE_MB`): below it
no job that writes is started, and from four times the reserve on people are warned.
"""

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from curation.studio.refusal import Refusal

LOW_AT = 4
GIGABYTE = 1e9


class DiskFull(Refusal):
    """There is too little space left to begin this."""


@dataclass(frozen=True)
class Disk:
    """Space on the fullest of the studio's disks, in bytes."""

    folder: Path
    free: int
    total: int
    reserve: int

    @property
    def level(self) -> Literal["ok", "low", "full"]:
        """`low` below four times the reserve, `full` below the reserve."""
        if self.free < self.reserve:
            return "full"
        return "low" if self.free < self.reserve * LOW_AT else "ok"

    def __str__(self) -> str:
        return self._say(f" on the disk of {self.folder}")

    @property
    def said(self) -> str:
        """The same without the folder's name, for people who do not run the machine."""
        return self._say(" on the studio's disk")

    def _say(self, where: str) -> str:
        left = f"{self.free / GIGABYTE:.1f} of {self.total / GIGABYTE:.1f} GB are free{where}"
        if self.level == "full":
            return f"The disk is nearly full: {left}. New jobs that write wait until there is space."
        return f"The disk is filling up: {left}." if self.level == "low" else f"{left}."


def fullest(folders: Iterable[Path], reserve: int) -> Disk:
    """The disk with the least free space among those of these folders, which need not exist yet."""
    measured = []
    for folder in folders:
        there = folder
        while not os.path.exists(there):
            there = there.parent
        usage = shutil.disk_usage(there)
        measured.append(Disk(folder, usage.free, usage.total, reserve))
    return min(measured, key=lambda disk: disk.free)


def disk() -> Disk:
    """The studio's disk by the settings. Cheap enough for every page: two system calls."""
    from django.conf import settings

    folders = [settings.STUDIO_HOME]
    if settings.EMBEDDED_POSTGRES:
        from curation.studio.cluster import place

        folders.append(place(settings.HOME).data)
    return fullest(folders, settings.DISK_RESERVE)


def require_space() -> None:
    """Call before beginning work that writes.

    Raises:
        DiskFull: less than the reserve is left; the message says how much, and where.
    """
    found = disk()
    if found.level == "full":
        raise DiskFull(str(found))
