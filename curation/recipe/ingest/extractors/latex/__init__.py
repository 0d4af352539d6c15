"""LaTeX to Markdown: pandoc over a source made ready for it, and a stripper of our own where pandoc gives up or loses text.

Made ready: the list of references is read by us, since pandoc knows no `\\bibitem`, and citations get their labels from it.
"""

from __future__ import annotations

import re
from typing import Any

from curation.recipe.ingest.extractors.decode import decode, mend
from curation.recipe.ingest.extractors.latex.ready import ready
from curation.recipe.ingest.extractors.latex.references import References
from curation.recipe.ingest.extractors.latex.strip import stripped, words_of
from curation.recipe.ingest.extractors.pandoc.run import PandocFailed, tree
from curation.recipe.ingest.extractors.pandoc.write import Writer
from curation.recipe.ingest.found import TITLE, Unreadable, shorten

SHARE = 0.6  # of the stripper's words, below which pandoc is taken to have lost the text
RUN = 4  # words side by side, by which a passage is looked for
PASSED = 0.1  # of its runs, below which a passage is taken to be lost
LONG = 10  # runs, from which a paragraph is worth looking for
FORMULA = re.compile(r"\$\$?[^$]{1,2000}\$\$?")
WORD = re.compile(r"[^\W\d_]{2,}")
PANDOC_SECONDS = 30.0
PANDOC_CPU_SECONDS = 20

#: What the source still asks for, so nobody brought it.
ASKS = re.compile(r"^[^%\n]*?\\(?:input|include|subfile)\s*\{([^{}]{1,200})\}", re.MULTILINE)
MARKED = re.compile(r"\[\^\d+\]|\*+")
AFFILIATED = re.compile(r"\$[^$]{0,200}\$|`[^`]{0,300}`")
BEGIN = re.compile(r"\\begin\s*\{document\}")


def latex(content: bytes, address: str) -> dict[str, object]:
    """Raises Unreadable where there is no text between the commands."""
    source, notes = decode(content)
    source = source.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    references = References.of(source)
    plain = stripped(references.without, references)
    by, why = "pandoc", ""
    meta: dict[str, Any] = {}
    writer = Writer(references.cited, lambda raw: words_of(raw, references))
    try:
        text, meta = _by_pandoc(references, writer)
        if len(text.split()) < SHARE * len(plain.text.split()):
            by, why, text = "stripper", "pandoc lost much of the text", plain.text
    except PandocFailed as failed:
        by, why, text = "stripper", failed.detail, plain.text
    if not text.strip():
        raise Unreadable("empty", "Nothing but commands was found in it.")
    title = _plain(meta.get("title")) or plain.title
    text = "\n\n".join(
        filter(
            None,
            [
                f"# {title}" if title else "",
                text,
                plain.references and f"## References\n\n{plain.references}",
            ],
        )
    )
    text, mended = mend(text)
    notes |= mended | {"by": by}
    if why:
        notes["why"] = why
    if author := _authors(meta.get("author")):
        notes["author"] = author
    if date := _plain(meta.get("date")):
        notes["date"] = date
    if missing := sorted(set(ASKS.findall(source))):
        notes["missing_parts"] = missing[:20]
    if by == "pandoc" and (lost := passed_over(plain.text, text)):
        reason, excerpt = "passages that pandoc passed over", shorten(" · ".join(lost), 400)
        notes["cut"] = [{"reason": reason, "excerpt": excerpt, "characters": sum(map(len, lost))}]
    return {"text": text, "title": shorten(title, TITLE), "address": address, "notes": notes}


def _by_pandoc(references: References, writer: Writer) -> tuple[str, dict[str, Any]]:
    """The Markdown and pandoc's metadata; tried once more without the preamble where that is what breaks it."""
    writer.shift = 1
    source = ready(references.without)
    try:
        found = tree(source.encode(), "latex", PANDOC_SECONDS, PANDOC_CPU_SECONDS)
    except PandocFailed as failed:
        body = BEGIN.split(source, maxsplit=1)
        if failed.reason != "extraction_failed" or len(body) < 2:
            raise
        bare = "\\documentclass{article}\\begin{document}" + body[1]
        found = tree(bare.encode(), "latex", PANDOC_SECONDS, PANDOC_CPU_SECONDS)
    meta = found["meta"]
    parts = []
    if abstract := meta.get("abstract"):
        parts.append(f"## Abstract\n\n{writer.document(_blocks(abstract))}")
    parts.append(writer.document(found["blocks"]))
    return "\n\n".join(filter(None, parts)), meta


def passed_over(whole: str, text: str) -> list[str]:
    """Paragraphs of the stripper's text of which next to nothing stands in pandoc's."""
    there = _runs(text)
    return [
        paragraph
        for paragraph in whole.split("\n\n")
        if len(runs := _runs(paragraph)) >= LONG and len(runs & there) < PASSED * len(runs)
    ]


def _runs(text: str) -> set[tuple[str, ...]]:
    words = WORD.findall(FORMULA.sub(" ", text))
    return {tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}


def _blocks(meta: dict[str, Any]) -> list[dict[str, Any]]:
    if meta["t"] == "MetaInlines":
        return [{"t": "Para", "c": meta["c"]}]
    return meta["c"] if meta["t"] == "MetaBlocks" else []


def _plain(meta: dict[str, Any] | None) -> str:
    """A metadata field on one line, without emphasis and footnotes."""
    if meta is None:
        return ""
    if meta["t"] == "MetaString":
        return " ".join(str(meta["c"]).split())
    writer = Writer()
    return " ".join(MARKED.sub(" ", writer.blocks(_blocks(meta))).split())


def _authors(meta: dict[str, Any] | None) -> str:
    if meta is None:
        return ""
    people = meta["c"] if meta["t"] == "MetaList" else [meta]
    names = (" ".join(AFFILIATED.sub(" ", _plain(one)).split()) for one in people)
    return shorten(", ".join(filter(None, names)), TITLE)
