"""HTML to Markdown. What kind of page it is chooses the way; what was chosen, why, and what was cut stands in the notes.

A thread of a platform that `threads` knows is read post by post. Any other page is a list of blocks, each with a
likelihood of being main text that a small model gives it, the page's kind being part of what it looks at; trafilatura is
asked where that looks wrong. What the page keeps out of its markup is taken from its JSON-LD.

The notes: `page_type` with `sure` (0 to 1) and `why`; `by`, who found the text; `expected`, the F1 that the choice
expects of itself; `asked`, the other extractor that was consulted; `cut`, a list of {reason, excerpt, characters};
`author`, `date` and `licence` ({name, evidence}) as the page states them; for a thread `posts`, how many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from curation.recipe.ingest.extractors.decode import decode, mend
from curation.recipe.ingest.extractors.html import (
    choice,
    code,
    formulas,
    markdown,
    metadata,
    page,
    page_type,
    scoring,
    signals,
    structured,
    threads,
)
from curation.recipe.ingest.extractors.html.blocks import Block, Blocks, blocks_of
from curation.recipe.ingest.extractors.html.structured import Stated
from curation.recipe.ingest.extractors.html.threads import Thread
from curation.recipe.ingest.found import storable

__all__ = ["Read", "html", "read"]


@dataclass(slots=True)
class Read:
    """All that is known of a page before anything is judged. The tree has its formulas as TeX and its code as bare text."""

    tree: Any
    stated: Stated
    title: str
    home: str  # the address that it gives itself, else the one it was found at
    address: str  # what its links are relative to
    found: Blocks
    thread: Thread | None
    signs: dict[str, float]
    notes: dict[str, Any]

    def measured(self) -> signals.Matrix:
        return signals.measure(self.found, self.title, structured.described_by(self.tree, self.stated))


def html(content: bytes, address: str) -> dict[str, object]:
    """The fields of `Extracted`. The text is empty when nothing of the page can be parsed."""
    one = read(content, address)
    if one is None:
        return {"text": "", "notes": {}}
    blocks, told = _main(one)
    text, mended = mend(markdown.joined(blocks))
    return {
        "title": one.title,
        "address": one.home,
        "language": storable(one.tree.get("lang") or "")[:8],
        "text": markdown.tidy(text),
        "notes": one.notes | mended | told,
    }


def read(content: bytes, address: str) -> Read | None:
    """The page, or None when nothing of it can be parsed."""
    markup, notes = decode(content, html=True)
    tree = page.parsed(markup)
    if tree is None:
        return None
    stated = structured.stated_by(tree)
    home = storable(metadata.canonical_of(tree)) or address
    title = metadata.title_of(tree)
    notes |= metadata.noted(tree, stated)
    formulas.restore(tree)
    code.tidy(tree)
    found = blocks_of(page.body_of(tree), address or home)
    if found.cut_off:
        notes["blocks_cut_off"] = len(found.blocks)
    thread = threads.thread_of(tree, markup, address or home)
    signs = page_type.signs_of(tree, stated, found, address or home, thread.platform if thread else "")
    return Read(tree, stated, title, home, address or home, found, thread, signs, notes)


def _main(one: Read) -> tuple[list[Block], dict[str, Any]]:
    """The blocks of the main text, and the notes on how they were found."""
    judged = page_type.judged(one.signs, scoring.weights()["page_type"])
    if one.thread is not None:
        return threads.as_blocks(one.thread), {
            "page_type": "forum",
            "why": f"the markup of {one.thread.platform}",
            "by": f"posts of {one.thread.platform}",
            "posts": len(one.thread.posts),
            "cut": choice.cuts(one.found.blocks, threads.kept(one.found.blocks, one.thread)),
        }
    kept, told = _judged(one, judged)
    added = structured.unseen(one.stated, judged.type, "\n".join(block.plain for block in kept))
    if added:
        told["by"] = f"{told['by']}, JSON-LD" if kept else "JSON-LD"
        kept = [*kept, *(Block("p", text, text, 0, 0, 0, -1) for text in added)]
    return kept, {"page_type": judged.type, "sure": judged.sure, "why": judged.why} | told


def _judged(one: Read, judged: page_type.Judgement) -> tuple[list[Block], dict[str, Any]]:
    """The blocks that are likely enough, after a second opinion where one is needed."""
    blocks = one.found.blocks
    if not blocks:
        return [], {"by": "blocks", "cut": []}
    likely = scoring.likelihoods(one.measured(), judged.shares)
    chosen = choice.chosen(one.found, likely, judged.type, one.tree, one.address)
    kept = [block for block, keep in zip(blocks, chosen.keep, strict=True) if keep]
    told: dict[str, Any] = {"by": "blocks", "expected": round(chosen.expected, 3)}
    if chosen.asked:
        told["asked"] = chosen.asked
    return kept, told | {"cut": choice.cuts(blocks, chosen.keep, chosen.again)}
