"""Which blocks of a page are its main text, what is said of those that are not, and when another extractor is asked.

Every block has a likelihood. The set that is kept is the one whose expected F1 is highest: blocks in falling order of
likelihood, as many as that takes (Lewis 1995; Ye et al. 2012, "Optimizing F-measures"). So there is no threshold to tune,
and a page that is all doubt keeps more than one that is all clear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from curation.recipe.ingest.extractors.html.blocks import HEADINGS, WORD, Block, Blocks
from curation.recipe.ingest.extractors.html.hints import BIT
from curation.recipe.ingest.found import shorten

LEAST = 0.5  # words that a block counts for at least, so that one without any is not kept for nothing
UNSURE = 0.62  # expected F1 below which the first opinion looks wrong
SHORT = 25.0  # words of main text below which it does
VOTE = 0.2  # what the other extractor's word weighs then
#: Type of page → likelihood below which a block is not kept although expected F1 would have it: an article has a text that is
#: beyond doubt, and teasers, captions and comments around it that are not.
FLOORS = {"article": 0.78}
MOST_OF_IT = 0.4  # share of what is kept that has to be above the floor for it to hold
MANY = 3  # blocks of one pattern from which it is one of a list
TOGETHER = 0.5  # how far those are moved towards their mean
AGAIN = (
    4.0  # words from which a text that was kept before is not kept again, as layouts for two widths have it
)
PAIRS = 3  # words in a row that have to be found in the other's text
MOST_CUTS = 40
EXCERPT = 120

#: What is around a block → why it was cut, the more telling first.
REASONS = (
    ("consent", "consent"),
    ("newsletter", "sign-up"),
    ("breadcrumb", "breadcrumb"),
    ("paging", "paging"),
    ("share", "sharing"),
    ("comments", "comments"),
    ("related", "related"),
    ("advert", "advertising"),
    ("footer", "footer"),
    ("navigation", "navigation"),
    ("sidebar", "sidebar"),
    ("header", "header"),
    ("dialog", "dialog"),
    ("search", "search"),
    ("shop", "shop"),
    ("bio", "about the author"),
    ("reviews", "reviews"),
    ("tools", "tools"),
)


@dataclass(slots=True)
class Chosen:
    """What is kept of a page, with the expected F1 of it and the other extractor that was asked, "" when none was."""

    keep: Any  # one boolean per block
    again: Any  # likewise: what would be kept if it had not been said before
    expected: float
    asked: str = ""


def best_set(likely: Any, sizes: Any) -> tuple[Any, float]:
    """The blocks to keep, as booleans, and the F1 expected of them. `sizes` are words."""
    if not len(likely):
        return np.zeros(0, dtype=bool), 0.0
    sizes = np.maximum(sizes, LEAST)
    order = np.argsort(-likely, kind="stable")
    right = np.cumsum((likely * sizes)[order])
    taken = np.cumsum(sizes[order])
    expected = 2 * right / (taken + right[-1] + 1e-9)
    count = int(np.argmax(expected)) + 1
    keep = np.zeros(len(likely), dtype=bool)
    keep[order[:count]] = True
    return keep, float(expected[count - 1])


def evened(likely: Any, sizes: Any, paths: list[str]) -> Any:
    """The likelihoods, those of blocks of one pattern moved towards their mean: entries of a list stay or go together."""
    numbers: dict[str, int] = {}
    kin = np.array([numbers.setdefault(path, len(numbers)) for path in paths], dtype=np.int64)
    weight = np.maximum(sizes, LEAST)
    mean = np.bincount(kin, weight * likely) / np.bincount(kin, weight)
    share = np.where(np.bincount(kin) >= MANY, TOGETHER, 0.0)
    return (1 - share[kin]) * likely + share[kin] * mean[kin]


def said_before(texts: list[str], sizes: Any, keep: Any) -> Any:
    """The kept blocks, as booleans, whose text another one had before them."""
    seen: set[str] = set()
    again = np.zeros(len(texts), dtype=bool)
    for at in np.flatnonzero(keep & (sizes >= AGAIN)):
        again[at] = texts[at] in seen
        seen.add(texts[at])
    return again


def settled(keep: Any, likely: Any, sizes: Any, whole: Any, kind: str) -> Any:
    """The kept blocks that are as likely as this type of page wants, where those are enough of the text; code and tables
    (`whole`) that were kept or stand between kept blocks stay in any case: a text without its code is another text."""
    sure = keep & ((likely >= FLOORS.get(kind, 0.0)) | whole)
    enough = max(SHORT, MOST_OF_IT * float(sizes[keep].sum()))
    if float(sizes[sure].sum()) >= enough:
        keep = sure
    before = np.concatenate([[False], keep[:-1]])
    after = np.concatenate([keep[1:], [False]])
    return keep | (whole & before & after)


def chosen(found: Blocks, likely: Any, kind: str, tree: Any, address: str) -> Chosen:
    """Our own choice; where it looks wrong, trafilatura's text is asked for and moves the likelihoods towards it. `kind` is
    the page's type."""
    blocks = found.blocks
    sizes = np.array([block.size for block in blocks])
    likely = evened(likely, sizes, found.paths)
    keep, expected = best_set(likely, sizes)
    asked = ""
    if expected < UNSURE or float(sizes[keep].sum()) < SHORT:
        other = second_opinion(tree, address)
        if other:
            asked = "trafilatura"
            likely = (1 - VOTE) * likely + VOTE * votes(blocks, other)
            keep, expected = best_set(likely, sizes)
    keep = settled(keep, likely, sizes, np.array([block.whole for block in blocks]), kind)
    again = said_before([block.plain for block in blocks], sizes, keep)
    return Chosen(keep & ~again, again, expected, asked)


def second_opinion(tree: Any, address: str) -> str:
    """The main text as trafilatura sees it; "" when it sees none."""
    from lxml import etree
    from trafilatura import extract as trafilatura_extract

    markup = etree.tostring(tree, encoding="unicode", method="html")
    found = trafilatura_extract(
        markup,
        url=address or None,
        output_format="txt",
        include_tables=True,
        include_comments=True,
        favor_recall=True,
    )
    return found or ""


def votes(blocks: list[Block], text: str) -> Any:
    """1 for a block whose words stand in the text in their order, 0 for one whose do not, and between for a part of them."""
    words = WORD.findall(text.lower())
    runs = {
        tuple(words[at : at + size]) for size in range(1, PAIRS + 1) for at in range(len(words) - size + 1)
    }
    shares = []
    for block in blocks:
        own = WORD.findall(block.plain.lower())[:400]
        size = min(PAIRS, len(own))
        count = len(own) - size + 1
        shares.append(sum(tuple(own[at : at + size]) in runs for at in range(count)) / count if size else 0.0)
    return np.array(shares, dtype=np.float32)


def cuts(blocks: list[Block], keep: Any, again: Any = None) -> list[dict[str, Any]]:
    """What was not kept (`again`: because it had been said before), in the order of the page: neighbours cut for the same reason are one entry with an excerpt of the
    first. Beyond `MOST_CUTS` the smallest are summed up in a last entry without an excerpt."""
    found: list[dict[str, Any]] = []
    before = None
    for at, (block, kept) in enumerate(zip(blocks, keep, strict=True)):
        if kept:
            continue
        reason = "said before" if again is not None and again[at] else reason_of(block)
        if found and before == at - 1 and found[-1]["reason"] == reason:
            found[-1]["characters"] += len(block.plain)
        else:
            found.append(
                {"reason": reason, "excerpt": shorten(block.plain, EXCERPT), "characters": len(block.plain)}
            )
        before = at
    if len(found) <= MOST_CUTS:
        return found
    largest = sorted(range(len(found)), key=lambda at: -found[at]["characters"])
    shown, rest = sorted(largest[: MOST_CUTS - 1]), largest[MOST_CUTS - 1 :]
    summed = sum(found[at]["characters"] for at in rest)
    return [
        *(found[at] for at in shown),
        {"reason": f"{len(rest):,} smaller pieces", "excerpt": "", "characters": summed},
    ]


def reason_of(block: Block) -> str:
    """Why a block that was not likely enough is none of the main text, as what is around it tells."""
    if block.hidden:
        return "hidden"
    for hints in (block.near, block.around):
        for name, reason in REASONS:
            if hints & BIT[name]:
                return reason
    if block.kind in ("button", "option", "label"):
        return "controls"
    if block.links * 2 > len(block.plain):
        return "links"
    if block.kind in HEADINGS:
        return "heading of what was cut"
    return "apart from the main text"
