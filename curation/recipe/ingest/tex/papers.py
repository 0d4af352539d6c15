"""Which files of an archive make a paper. A paper is one document: its main file, put together with what it inputs.

A main file has a `\\documentclass` and is input by no other. The LaTeX parts of an archive are held back until all of it
has been seen; then each main file comes out as one member under its own name, and the parts that were used are gone into it.
What belongs to a paper and is not its text (figures, styles, drafts that nothing uses) is left out by name. An archive without
a main file comes out as it is. Several papers in folders of one archive, or in archives of one archive, are several documents.
"""

from __future__ import annotations

import io
import os
import posixpath
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from curation.recipe.ingest.extractors.decode import decode
from curation.recipe.ingest.found import BadRow, Place
from curation.recipe.ingest.limits import MIB, Budget, Limits, Refused
from curation.recipe.ingest.tex.flatten import COMMENT, asked_for, flatten
from curation.recipe.ingest.walk import BROKEN_ARCHIVE, Member, broken

SOURCES = frozenset((".tex", ".ltx", ".latex"))
PARTS = SOURCES | {".bbl", ".bib", ".sty", ".cls", ".bst", ".clo", ".def"}
FIGURES = frozenset((".pdf",))
HELD = 64 * MIB  # of PDFs that may be figures, and of LaTeX parts

CLASS = re.compile(
    r"^[ \t]*\\document(?:class|style)\s*(?:\[[^\]]{0,1000}\])?\s*\{\s*([^{}]{1,100}?)\s*\}", re.MULTILINE
)
#: Classes of files that are made to be parts of others.
PART_CLASSES = frozenset(("standalone", "subfiles", "minimal"))


class Part(NamedTuple):
    """A member that is held: where it stands, the name that chooses its reader, and its bytes."""

    place: Place
    name: str
    content: bytes


def is_part(member: str) -> bool:
    """Whether a member of this name may be a part of a paper."""
    return _suffix(member) in PARTS


def gathered(
    members: Iterable[Member | BadRow], limits: Limits, only: Container[str] | None = None
) -> Iterator[Member | BadRow]:
    """The members with every paper as one. `only` names those that are asked for again: others need no putting together."""
    held = _Held(limits, only)
    for found in members:
        if isinstance(found, BadRow) or not found.place.member:
            yield found
            continue
        if (archive := _archive(found.place.member)) != held.archive:
            yield from held.released()
            held.archive = archive
        suffix = _suffix(found.place.member)
        if suffix in PARTS or (suffix in FIGURES and only is None):
            yield from held.take(found, suffix in FIGURES)
        else:
            yield found
    yield from held.released()


@dataclass(slots=True)
class _Held:
    """The parts and figures of the archive that is being walked."""

    limits: Limits
    only: Container[str] | None
    archive: str = ""
    parts: dict[str, Part] = field(default_factory=dict)  # by path inside the archive
    figures: dict[str, Part] = field(default_factory=dict)
    size: int = 0
    figure_size: int = 0

    def take(self, member: Member, figure: bool) -> Iterator[Member | BadRow]:
        try:
            content = _read(member, self.limits)
        except Refused as refused:
            yield member.place.bad_file(f"{refused}. It was refused.")
            return
        except BROKEN_ARCHIVE as error:
            yield member.place.bad_file(broken(error))
            return
        part = Part(member.place, member.name, content)
        path = member.place.member[len(self.archive) :]
        if figure:
            self.figures[path] = part
            self.figure_size += len(content)
            while self.figure_size > HELD:
                yield self._let_go(self.figures)
        else:
            self.parts[path] = part
            self.size += len(content)
            if self.size > HELD:
                yield from self.released()

    def _let_go(self, held: dict[str, Part]) -> Member:
        part = held.pop(next(iter(held)))
        self.figure_size -= len(part.content)
        return _member(part, self.limits)

    def released(self) -> Iterator[Member | BadRow]:
        """Everything that is held, as papers where there are main files, else as it came."""
        parts, figures = self.parts, self.figures
        self.parts, self.figures, self.size, self.figure_size = {}, {}, 0, 0
        mains = main_files({path: part.content for path, part in parts.items()})
        used: set[str] = set()
        for main in mains:
            if self.only is not None and parts[main].place.member not in self.only:
                continue
            try:
                flat = flatten(
                    main, {path: part.content for path, part in parts.items()}, self.limits.document_bytes
                )
            except Refused as refused:
                yield parts[main].place.bad_file(f"{refused}. It was refused.")
                continue
            used |= flat.used
            yield _member(parts[main]._replace(content=flat.text.encode("utf-8", "replace")), self.limits)
        for path, part in {**parts, **figures}.items():
            if path in used or path in mains:
                continue
            paper = next((main for main in mains if _below(path, main)), "")
            if not paper:
                yield _member(part, self.limits)
            else:
                yield part.place.bad_file(_why(path, paper))


def _read(member: Member, limits: Limits) -> bytes:
    pieces = []
    size = 0
    while size <= limits.document_bytes and (piece := member.stream.read(MIB)):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def main_files(files: dict[str, bytes]) -> list[str]:
    """The main files among LaTeX parts (path → bytes), in their order."""
    sources = {path: decode(content)[0] for path, content in files.items() if _suffix(path) in SOURCES}
    inputs: set[str] = set()
    for path, source in sources.items():
        for name in asked_for(source):
            for folder in (posixpath.dirname(path), ""):
                stem = posixpath.normpath(posixpath.join(folder, name))
                inputs |= {stem, f"{stem}.tex"} - {path}
    return [path for path, source in sources.items() if _class(source) and path not in inputs]


def _class(source: str) -> str:
    """The document class that a source states, if it is one of documents."""
    found = CLASS.search("\n".join(COMMENT.sub(r"\1", line) for line in source[:200_000].split("\n")))
    return "" if found is None or found[1] in PART_CLASSES else found[1]


def _member(part: Part, limits: Limits) -> Member:
    stream = io.BufferedReader(io.BytesIO(part.content))  # type: ignore[type-var]
    return Member(part.place, part.name, stream, Budget(len(part.content), limits))


def _archive(member: str) -> str:
    """The beginning of a member's path that names the archive inside the archive: `a.tar!/`."""
    return member[: member.rfind("!/") + 2] if "!/" in member else ""


def _suffix(member: str) -> str:
    return os.path.splitext(member)[1].lower()


def _below(path: str, main: str) -> bool:
    folder = posixpath.dirname(main)
    return not folder or path.startswith(folder + "/")


def _why(path: str, paper: str) -> str:
    suffix = _suffix(path)
    if suffix in FIGURES:
        if posixpath.splitext(path)[0] == posixpath.splitext(paper)[0]:
            return f"is {paper} once more, as a PDF. It was left out."
        return f"is a figure of {paper}. It was left out; import it by itself if it is a document."
    if suffix in SOURCES:
        return (
            f"is a part that {paper} does not use. It was left out; import it by itself if it is a document."
        )
    return f"belongs to {paper} and holds none of its text. It was left out."
