"""Lines that a source repeats on its pages: consent notices, "share this", footers that the extractor took for text.

A line counts once per document, over (a sample of) a source's documents. It is boilerplate from `LEAST` documents and `SHARE` of them on.
Never counted and never cut: code, formulas, tables, quotations, headings with or without marks (a short line without a full stop
between empty ones is taken for a heading). Documents that repeat each other for the most part are copies: they
do not count, and nothing is cut from them, since what they share is their text (`dedup` finds them).

After Gopher and C4's removal of repeated lines, but by source rather than over a corpus, so that a phrase which many sites use is not enough.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

LEAST = 5  # documents
SHARE = 0.10  # of the source's documents
#: So much of a document's prose in repeated lines makes it a copy.
COPY = 0.75
LEAST_LETTERS = 12
LONG = 40  # characters from which a line is no heading
REASON = "repeated across its source"
EXCERPT = 160
MOST_CUTS = 50  # that are noted of one document

_FENCE = re.compile(r"[ \t>]*(```+|~~~+)")
_STRUCTURE = re.compile(
    r"#|\||>|\$\$|\\(?:begin|end|\[)|={3,}|-{3,}|\*\*[^*]+\*\*:?$|__[^_]+__:?$|!\[|\[\^|\t| {4}"
)
_FORMULA = re.compile(r"\$[^$]+\$|\\[a-z]+\{")
_ENDED = re.compile(r"[.!?…。！？।»\"”')\]]$|©")
_IDEOGRAPH = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


class Line(NamedTuple):
    """A line of prose: its place among the text's lines, what it is compared by, and whether it may be a heading without marks."""

    at: int
    said: str
    titled: bool


def prose_lines(text: str) -> Iterator[Line]:
    """The lines that may be boilerplate at all."""
    fence = ""
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if mark := _FENCE.match(line):
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        elif not fence and not _STRUCTURE.match(line) and "|" not in line and not _FORMULA.search(line):
            said = " ".join(line.split())
            alone = not any(near.strip() for near in lines[max(0, at - 1) : at] + lines[at + 1 : at + 2])
            underlined = at + 1 < len(lines) and re.fullmatch(r"(?:=+|-+)[ \t]*", lines[at + 1]) is not None
            if said and not underlined:
                yield Line(at, said, alone and len(said) < LONG and not _ENDED.search(said))


def _enough(said: str) -> bool:
    return sum(map(str.isalpha, said)) + len(_IDEOGRAPH.findall(said)) >= LEAST_LETTERS


def gather(texts: Iterable[str]) -> dict[str, int]:
    """{line: in how many of the documents} of the lines that a source repeats. Equal texts count once. Holds numbers, not the texts."""
    words: dict[str, int] = {}
    documents: list[list[int]] = []
    seen: set[int] = set()
    titled: Counter[int] = Counter()
    for text in texts:
        lines = list(prose_lines(text))
        held = [words.setdefault(line.said, len(words)) for line in lines]
        titled.update({number for number, line in zip(held, lines, strict=True) if line.titled})
        if held and hash(tuple(held)) not in seen:
            seen.add(hash(tuple(held)))
            documents.append(held)
    said = list(words)
    for _ in range(2):
        counted = Counter(number for held in documents for number in set(held))
        often = {number for number, count in counted.items() if count >= max(LEAST, SHARE * len(documents))}
        documents = [held for held in documents if _share(held, often, said) < COPY]
    counted = Counter(number for held in documents for number in set(held))
    return {
        said[number]: counted[number]
        for number in sorted(often, key=lambda one: (-counted[one], said[one]))
        if counted[number] >= LEAST and titled[number] * 2 < counted[number] and _enough(said[number])
    }


def _share(held: list[int], often: set[int], said: list[str]) -> float:
    """How much of a document is in lines that are repeated, by characters."""
    whole = sum(len(said[number]) for number in held)
    return sum(len(said[number]) for number in held if number in often) / whole


def cut(text: str, repeated: dict[str, int]) -> tuple[str, list[dict[str, Any]]]:
    """The text without those lines, and what was cut: reason, the line, its characters, and in how many documents it stands.

    The text itself where such lines are most of it.
    """
    prose = list(prose_lines(text))
    goes = [line for line in prose if line.said in repeated and not line.titled]
    if not goes or sum(len(line.said) for line in goes) >= COPY * sum(len(line.said) for line in prose):
        return text, []
    gone = {line.at for line in goes}
    kept: list[str] = []
    for at, line in enumerate(text.split("\n")):
        if at in gone or (at - 1 in gone and not line.strip() and (not kept or not kept[-1].strip())):
            continue
        kept.append(line)
    cuts = [
        {"reason": REASON, "excerpt": line.said[:EXCERPT], "characters": len(line.said), "documents": repeated[line.said]}
        for line in goes[:MOST_CUTS]
    ]  # fmt: skip
    return "\n".join(kept).strip("\n"), cuts
