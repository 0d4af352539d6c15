"""One LaTeX source out of many: what a main file inputs is put where it is asked for, as its author's TeX would read it.

What comes out is still LaTeX, so that a person can read it and any extractor can be tried on it: chapters and tables at their
`\\input`, the bibliography at `\\bibliography`, and of local packages the commands that an author defines.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from curation.recipe.ingest.extractors.decode import decode
from curation.recipe.ingest.limits import Refused, readable_bytes
from curation.recipe.ingest.tex import bibtex

DEPTH = 16

COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%.*", re.DOTALL)
ASKED = re.compile(
    r"\\(?:(?:input|include|subfile|subfileinclude)\b\s*(?:\{\s*(?P<file>[^{}]{1,300}?)\s*\}|(?P<bare>[^\s{}\\%$]{1,300}))"
    r"|(?:sub)?(?:import|inputfrom|includefrom)\b\*?\s*\{(?P<folder>[^{}]{0,300})\}\s*\{(?P<inner>[^{}]{1,300})\}"
    r"|(?:bibliography\s*\{(?P<bib>[^{}]{1,1000})\}|(?P<print>printbibliography)\b(?:\[[^\]]{0,300}\])?)"
    r"|(?:usepackage|RequirePackage)\s*(?:\[[^\]]{0,500}\])?\s*\{(?P<packages>[^{}]{1,1000})\})"
)
RESOURCE = re.compile(r"\\addbibresource\s*(?:\[[^\]]{0,200}\])?\s*\{([^{}]{1,300})\}")
BODY = re.compile(r"\\begin\s*\{document\}(.*?)(?:\\end\s*\{document\}|\Z)", re.DOTALL)
VERBATIM = re.compile(r"\\(begin|end)\s*\{(verbatim\*?|lstlisting|minted|Verbatim)\}")

DEFINITION = re.compile(
    r"^[ \t]*\\(?:(?:re)?newcommand\*?|providecommand\*?|DeclareMathOperator\*?|def|newtheorem\*?)",
    re.MULTILINE,
)
DEFINED = 2_000  # characters of one definition in a package that is taken over


@dataclass(slots=True)
class Flat:
    """`text` of the whole source, the files it is made of, and what it asks for and nobody brought."""

    text: str
    used: set[str] = field(default_factory=set)
    missing: list[str] = field(default_factory=list)


def flatten(main: str, files: Mapping[str, bytes], largest: int) -> Flat:
    """Put the source together from `files` (path → bytes). Raises Refused where it swells beyond `largest` bytes."""
    work = _Work(files, main, largest)
    text = work.expanded(main, 0)
    return Flat(text, work.used, sorted(work.missing))


def asked_for(source: str) -> set[str]:
    """The names that a source inputs, as they are written there; bibliographies and packages are not among them."""
    names: set[str] = set()
    for line in source.split("\n"):
        for found in ASKED.finditer(COMMENT.sub(r"\1", line)):
            if name := found["file"] or found["bare"]:
                names.add(name)
            elif found["inner"]:
                names.add(posixpath.join(found["folder"], found["inner"]))
    return names


@dataclass(slots=True)
class _Work:
    files: Mapping[str, bytes]
    main: str
    largest: int
    used: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    resources: list[str] = field(default_factory=list)
    size: int = 0

    def expanded(self, path: str, depth: int) -> str:
        self.used.add(path)
        text, _ = decode(self.files[path])
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        self.size += len(text)
        if self.size > self.largest:
            raise Refused(
                f"is put together from parts that swell to more than {readable_bytes(self.largest)}"
            )
        if depth and (body := BODY.search(text)):
            text = body[1]  # a part that can also be set alone brings a preamble of its own
        lines: list[str] = []
        verbatim = False
        for line in text.split("\n"):
            if verbatim or "\\" not in line:
                lines.append(line)
            else:
                code = COMMENT.sub(r"\1", line)
                self.resources += RESOURCE.findall(code)
                lines.append(ASKED.sub(lambda found: self.put(found, path, depth), code) + line[len(code) :])
            for mark in VERBATIM.finditer(line):
                verbatim = mark[1] == "begin"
        return "\n".join(lines)

    def put(self, found: re.Match[str], path: str, depth: int) -> str:
        """What stands in the place of one command: the file's source, or the command itself."""
        if found["packages"]:
            return found[0] + "".join(
                self.package(name.strip(), path) for name in found["packages"].split(",")
            )
        if found["bib"] or found["print"]:
            return self.bibliography(found, path)
        name = found["file"] or found["bare"] or posixpath.join(found["folder"], found["inner"])
        wanted = self.find(name, path, (".tex", "", ".ltx", ".latex"))
        if wanted is None or depth >= DEPTH:
            self.missing.add(name)
            return found[0]
        return f"% {wanted}\n{self.expanded(wanted, depth + 1)}\n"

    def find(self, name: str, asking: str, endings: tuple[str, ...]) -> str | None:
        """A file by the name it is asked for: from the main file's folder, else from the asking file's."""
        for folder in dict.fromkeys((posixpath.dirname(self.main), posixpath.dirname(asking))):
            for ending in endings:
                path = posixpath.normpath(posixpath.join(folder, name.strip("\"' ") + ending))
                if path in self.files:
                    return path
        return None

    def package(self, name: str, asking: str) -> str:
        """The commands that a local package defines for authors; what it does to the layout is passed over."""
        path = self.find(name, asking, (".sty",))
        if path is None or path in self.used:
            return ""
        self.used.add(path)
        source, _ = decode(self.files[path])
        defined = list(_definitions(source))
        self.size += sum(map(len, defined))
        return "\n" + "\n".join(defined) + "\n" if defined else ""

    def bibliography(self, found: re.Match[str], path: str) -> str:
        """The list of references that BibTeX made, else one made of the entries themselves."""
        stem = posixpath.splitext(self.main)[0]
        made = [name for name in self.files if name.endswith(".bbl")]
        made = [f"{stem}.bbl"] if f"{stem}.bbl" in made else made if len(made) == 1 else []
        if made and b"\\bibitem" in self.files[made[0]]:
            return f"\n{self.expanded(made[0], DEPTH)}\n"
        entries: dict[str, bibtex.Entry] = {}
        for name in (found["bib"] or ",".join(self.resources)).split(","):
            wanted = self.find(name.strip().removesuffix(".bib"), path, (".bib",))
            if wanted is None:
                self.missing.add(name.strip())
            else:
                self.used.add(wanted)
                entries |= bibtex.entries(decode(self.files[wanted])[0])
        return f"\n{bibtex.listed(entries)}\n" if entries else found[0]


def _definitions(source: str) -> list[str]:
    """The definitions of commands whose names an author can type, each whole."""
    source = "\n".join(COMMENT.sub(r"\1", line) for line in source.split("\n"))
    found = []
    for start in DEFINITION.finditer(source):
        end = _end_of(source, start.end())
        words = source[start.start() : end].strip()
        if end and "@" not in words:
            found.append(words)
    return found


def _end_of(source: str, at: int) -> int:
    """Where a definition ends: after its last group on the way. 0 when that does not come soon."""
    depth, last = 0, 0
    for place in range(at, min(at + DEFINED, len(source))):
        letter = source[place]
        if letter == "{" and source[place - 1] != "\\":
            depth += 1
        elif letter == "}" and source[place - 1] != "\\":
            depth -= 1
            if depth == 0:
                last = place + 1
            elif depth < 0:
                break
        elif letter == "\n" and depth == 0 and last:
            return last
    return last if depth == 0 else 0
