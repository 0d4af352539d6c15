"""Blocks joined to Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from curation.recipe.ingest.extractors.html.blocks import HEADINGS, Block


def joined(blocks: Iterable[Block]) -> str:
    """The blocks as one text: an empty line between them, none between items of a list and pairs of a definition."""
    out: list[str] = []
    before: Block | None = None
    for block in blocks:
        text = _marked(block)
        if before is not None:
            near = block.kind == before.kind == "li" or (block.kind == "dd" and before.kind in ("dt", "dd"))
            out.append("\n" if near and block.quoted == before.quoted else "\n\n")
        out.append(text)
        before = block
    return "".join(out)


def _marked(block: Block) -> str:
    text = block.text
    indent = "  " * max(0, block.depth - 1)
    if block.kind in HEADINGS:
        text = f"{'#' * HEADINGS[block.kind]} {text}"
    elif block.kind == "li":
        mark = f"{block.number}. " if block.number else "- "
        text = indent + mark + text.replace("\n", "\n" + indent + " " * len(mark))
    if block.quoted and not block.whole:
        sign = "> " * min(block.quoted, 3)
        text = "\n".join(sign + line for line in text.split("\n"))
    return text


def tidy(text: str) -> str:
    """No trailing white space, never more than one empty line, except in fenced code, which stays as it is."""
    out: list[str] = []
    fence = ""
    for line in text.split("\n"):
        start = line.lstrip()[:4].rstrip()
        if not fence and start.startswith("```"):
            fence = "````" if start.startswith("````") else "```"
            out.append(line.rstrip())
        elif fence:
            out.append(line)
            fence = "" if line.strip() == fence else fence
        elif line.strip() or (out and out[-1]):
            out.append(line.rstrip())
    return "\n".join(out).strip("\n")
