"""The files of folders, and of a list of paths: sorted, links not followed out, and what is no material left out by name."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from curation.recipe.ingest.arrival import Arrival
from curation.recipe.ingest.found import BadRow, Place
from curation.recipe.ingest.licences import Licence, beside

#: Folders that hold no material of their own, by name. Each is left out as one, without looking inside.
FOREIGN_FOLDERS = {
    **dict.fromkeys((".git", ".hg", ".svn"), "what version control keeps"),
    **dict.fromkeys(("node_modules", "bower_components", "site-packages"), "packages of others"),
    **dict.fromkeys((".venv", ".tox", ".nox"), "an environment with packages of others"),
    **dict.fromkeys(("__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"), "a cache"),
}


class Found(NamedTuple):
    """A file, and the name it goes by: its path below the folder that was given, so that two files of one name differ.

    `shown` is what a person calls it where that is not its path.
    """

    path: Path
    name: str
    shown: str = ""
    arrival: Arrival = Arrival()


def files_of(paths: Sequence[Path]) -> Iterator[Found | BadRow]:
    """Every file, folders walked in sorted order. Links to files are followed, links to folders are not."""
    known: dict[Path, Licence | None] = {}
    for given in paths:
        if not given.is_dir():
            yield _checked(given, given.name, known)
            continue
        for folder, folders, names in os.walk(given):
            folders.sort()
            for name in list(folders):
                inner = Path(folder) / name
                if inner.is_symlink():
                    yield _refused(inner, "is a link to a folder. Give the folder itself.")
                elif name in FOREIGN_FOLDERS:
                    folders.remove(name)
                    yield _refused(inner, f"holds {FOREIGN_FOLDERS[name]}. It was left out.")
            for name in sorted(names):
                inner = Path(folder) / name
                yield _checked(inner, str(inner.relative_to(given)), known)


def foreign_folder(path: str) -> str:
    """Why a file at this path in an archive or upload is no material, by a folder above it; "" where it may be."""
    above = path.replace("!/", "/").split("/")[:-1]
    name = next((part for part in above if part in FOREIGN_FOLDERS), "")
    return f"lies in {name}, which holds {FOREIGN_FOLDERS[name]}. It was left out." if name else ""


def _checked(path: Path, name: str, known: dict[Path, Licence | None]) -> Found | BadRow:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return _refused(path, f"cannot be read: {(error.strerror or str(error)).lower()}.")
    if not stat.S_ISREG(mode):
        return _refused(path, "is no file but a device or a pipe. It was refused.")
    if not os.access(path, os.R_OK):
        return _refused(path, "may not be read by this user.")
    return Found(path, name, arrival=Arrival(licence=beside(path, name, known)))


def _refused(path: Path, complaint: str) -> BadRow:
    name = os.fsencode(path).decode("utf-8", "replace")[-900:]
    return Place(name).bad_file(complaint)
