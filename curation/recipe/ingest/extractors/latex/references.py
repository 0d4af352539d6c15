"""The list of references of a LaTeX source: its entries with their labels, and what a citation says in a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

LIST = re.compile(r"\\begin\s*\{thebibliography\}(.*?)\\end\s*\{thebibliography\}", re.DOTALL)
ITEM = re.compile(r"\\bibitem\b")
NATBIB = re.compile(r"(.{1,300}?)\(([^()]{0,40})\)", re.DOTALL)
PLAIN_COMMAND = re.compile(r"\\[a-zA-Z@]+\s*|[{}]")
ACCENT = re.compile(r"\\[`'^\"~=.]\s*")


class Entry(NamedTuple):
    """`author` and `year` as natbib labels them; without those `number`, its place in the list."""

    number: int
    author: str
    year: str
    body: str


@dataclass(frozen=True, slots=True)
class References:
    """`without` is the source with the list taken out."""

    source: str
    entries: dict[str, Entry]

    @classmethod
    def of(cls, source: str) -> References:
        entries: dict[str, Entry] = {}
        for found in LIST.finditer(source):
            for item in ITEM.split(found[1])[1:]:
                label, rest = _group(item, "[", "]")
                key, body = _group(rest, "{", "}")
                author, year = _natbib(label)
                entries.setdefault(key.strip(), Entry(len(entries) + 1, author, year, body.strip()))
        return cls(source, entries)

    @property
    def without(self) -> str:
        return LIST.sub("", self.source)

    def cited(self, citations: Sequence[dict[str, Any]], write: Callable[[Any], str]) -> str:
        """`(Ammar et al., 2018)`, `Ammar et al. (2018)`, or `[3, 7]` where the list is numbered."""
        in_text = bool(citations) and citations[0]["citationMode"]["t"] == "AuthorInText"
        said = []
        numbered = True
        for citation in citations:
            entry = self.entries.get(citation["citationId"])
            before, after = (
                write(citation["citationPrefix"]).strip(),
                write(citation["citationSuffix"]).strip(),
            )
            if entry is None:
                words = citation["citationId"]
            elif not entry.author:
                words = str(entry.number)
            else:
                numbered = False
                words = f"{entry.author} ({entry.year})" if in_text else f"{entry.author}, {entry.year}"
            after = after if after.startswith((",", ";")) or not after else f", {after}"
            said.append(f"{before} {words}{after}".strip())
        if numbered:
            return f"[{', '.join(said)}]"
        return ", ".join(said) if in_text else f"({'; '.join(said)})"

    def said(self, keys: str, in_text: bool) -> str:
        """The same for the keys of one command, `a,b`."""
        mode = {"t": "AuthorInText" if in_text else "NormalCitation"}
        citations = [
            {"citationId": key.strip(), "citationPrefix": "", "citationSuffix": "", "citationMode": mode}
            for key in keys.split(",")
        ]
        return self.cited(citations, lambda words: "")


def _group(text: str, opening: str, closing: str) -> tuple[str, str]:
    """What stands in the brackets that a text starts with, and what follows them; nothing without them."""
    text = text.lstrip()
    if not text.startswith(opening):
        return "", text
    depth = 0
    for place, letter in enumerate(text):
        if letter in "{[" and (letter == opening or letter == "{"):
            depth += 1
        elif letter in "}]" and (letter == closing or letter == "}"):
            depth -= 1
            if depth == 0:
                return text[1:place], text[place + 1 :]
    return "", text


def _natbib(label: str) -> tuple[str, str]:
    """Author and year of `{Ammar et~al.(2018)Ammar, Groeneveld}`; two empty words for a label of another kind."""
    found = NATBIB.match(label.strip().removeprefix("{"))
    if not found:
        return "", ""
    author = PLAIN_COMMAND.sub("", ACCENT.sub("", found[1].replace("~", " ")))
    return " ".join(author.split()), PLAIN_COMMAND.sub("", found[2]).strip()
