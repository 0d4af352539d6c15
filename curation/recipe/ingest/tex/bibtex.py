"""Entries of a BibTeX file, and a list of references made of them where BibTeX itself never ran."""

from __future__ import annotations

import re
from typing import NamedTuple

ENTRY = re.compile(r"@\s*([A-Za-z]+)\s*[{(]\s*([^\s,{}()]{1,200})\s*,")
FIELD = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,40})\s*=\s*")
NO_ENTRIES = frozenset(("comment", "string", "preamble"))
MOST = 5_000  # entries that are listed
LONGEST = 20_000  # characters of one entry

#: What a reference says of a work, in this order.
SAID = (
    "title",
    "journal",
    "booktitle",
    "publisher",
    "school",
    "institution",
    "volume",
    "pages",
    "url",
    "doi",
)


class Entry(NamedTuple):
    kind: str
    fields: dict[str, str]


def entries(source: str) -> dict[str, Entry]:
    """Key → entry, in the file's order. What is not built as it should be is passed over."""
    found: dict[str, Entry] = {}
    starts = [start for start in ENTRY.finditer(source) if start[1].lower() not in NO_ENTRIES]
    for number, start in enumerate(starts):
        following = starts[number + 1].start() if number + 1 < len(starts) else len(source)
        fields = _fields(source[start.end() : min(following, start.end() + LONGEST)])
        if fields:
            found.setdefault(start[2], Entry(start[1].lower(), fields))
    return found


def _fields(source: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    at = 0
    while field := FIELD.search(source, at):
        value, at = _value(source, field.end())
        fields.setdefault(field[1].lower(), " ".join(value.split()))
    return fields


def _value(source: str, at: int) -> tuple[str, int]:
    """A value in braces, in quotation marks or bare, and where it ends."""
    if at >= len(source):
        return "", len(source) + 1
    if source[at] not in '{"':
        end = re.compile(r"[,}\n]").search(source, at)
        stop = end.start() if end else len(source)
        return source[at:stop], stop
    quoted = source[at] == '"'
    depth = 0
    for place in range(at, len(source)):
        letter = source[place]
        if letter == "{":
            depth += 1
        elif letter == "}":
            depth -= 1
        if (depth == 0 and not quoted) or (quoted and letter == '"' and place > at and depth <= 0):
            return source[at + 1 : place], place + 1
    return source[at + 1 :], len(source)


def listed(found: dict[str, Entry]) -> str:
    """A `thebibliography` of the entries, labelled by author and year as natbib does."""
    lines = ["\\begin{thebibliography}{99}"]
    for key, entry in list(found.items())[:MOST]:
        fields = entry.fields
        author = fields.get("author") or fields.get("editor") or fields.get("organization") or key
        year = fields.get("year") or fields.get("date", "")[:4]
        said = [words for name in SAID if (words := fields.get(name))]
        body = ". ".join(filter(None, [_people(author), year, *said]))
        lines.append(f"\\bibitem[{{{_short(author)}({year})}}]{{{key}}} {body}.")
    return "\n".join([*lines, "\\end{thebibliography}"])


def _names(author: str) -> list[str]:
    return [name for name in re.split(r"\s+and\s+", author) if name]


def _people(author: str) -> str:
    names = []
    for name in _names(author):
        last, comma, first = name.partition(",")
        names.append(f"{first.strip()} {last.strip()}" if comma else name)
    return ", ".join(names)


def _short(author: str) -> str:
    """`Ada and Bob`, or `Ada et al.` for more than two."""
    names = [
        name.partition(",")[0].strip() if "," in name else name.rpartition(" ")[2] for name in _names(author)
    ]
    return " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
