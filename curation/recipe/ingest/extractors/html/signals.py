"""What is measured of each block of a page: the columns that the judgement of what is main text is fitted on.

Every column is about form (length, links, punctuation, tags, names of elements, repetition, place), about the block's
neighbours and containers, or about the page as a whole; none is about what a text is about or whose page it is on.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from typing import Any

import numpy as np

from curation.recipe.ingest.extractors.html.blocks import HEADINGS, WORD, Block, Blocks
from curation.recipe.ingest.extractors.html.hints import NAMES

Matrix = np.ndarray[Any, np.dtype[np.float32]]

TAGS = (
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "li",
    "td",
    "dt",
    "dd",
    "table",
    "pre",
    "button",
    "label",
    "option",
    "summary",
)
LONG = 15.0  # words from which a block is a paragraph rather than a label
PHRASES: dict[str, re.Pattern[str]] = {
    name: re.compile(words, re.IGNORECASE)
    for name, words in {
        "rights": r"©|\(c\) ?\d{4}|all rights reserved|copyright|privacy policy|terms of (?:use|service)|terms (?:&|and) conditions|cookie",
        "account": r"\b(?:log|sign) ?(?:in|out|up)\b|\bregister\b|\bmy account\b|password|\bsubscribe\b|newsletter|your (?:e-?mail|inbox)|e-?mail address",
        "shopping": r"add to (?:cart|bag|basket|wish)|buy now|checkout|your (?:cart|bag|basket)|out of stock|sold out|in stock|free shipping|quick (?:view|shop|add)|quantity|regular price|sale price|unit price",
        "acting": r"^(?:read|learn|see|view|show|load|shop|find|get|book|start|try|join|contact|call|download|click|discover|explore|browse|apply|register|request)\b.{0,30}$",
        "steering": r"^(?:skip to|back to|menu|search|home|close|next|previous|prev|share|print|follow|reply|quote|report|like|filter|sort|categories|tags|archives?|recent posts|comments?|leave a (?:reply|comment)|related|you (?:may|might) also|recommended|popular|trending|more from|advertisement|sponsored|loading)\b",
        "price": r"[$£€¥₹]\s?\d|\d\s?(?:€|usd|eur|gbp)\b",
        "date": r"\b(?:19|20)\d\d\b|\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* \d{1,2}\b|\b\d+ (?:minutes?|hours?|days?|weeks?|months?|years?) ago\b",
        "byline": r"^(?:by|written by|posted by|author|posted on|published|updated|last updated|reviewed by)\b",
        "person": r"\b(?:i|we|you|my|our|your)\b",
        "stars": r"\b\d(?:\.\d)? (?:out of|/) ?5\b|\bstars?\b|\breviews?\b|\bratings?\b",
        "question": r"\?$",
        "more": r"\brelated\b|also (?:like|bought|viewed|enjoy|interested)|\brecommend|more (?:from|like|articles|posts|stories|news)|similar|bought together|recently viewed|best ?sellers?|\bpopular|trending|\blatest|up next|read next|explore|keep reading|featured|discover",
        "reviewing": r"customer reviews|write a review|verified (?:buyer|purchase)|helpful|out of 5|testimonial|what (?:our|people|customers)|\bfaqs?\b|frequently asked",
    }.items()
}
WINDOWS = (1, 2, 3)
REACHES = (5, 15)
LEVELS = (1, 2, 3, 4)
HEADED = (
    "acting",
    "steering",
    "stars",
    "question",
    "more",
    "reviewing",
    "shopping",
    "account",
)  # what a section's heading tells of it


#: The columns in their order.
COLUMNS: tuple[str, ...] = (
    *("size", "characters", "links", "sentences", "commas", "digits", "capitals", "titled", "word length"),
    *("ends", "colon", "depth", "numbered", "quoted", "hidden", "whole", "lines", "in title", "in described"),
    *(f"is {tag}" for tag in TAGS),
    *(f"says {name}" for name in PHRASES),
    *(f"around {name}" for name in NAMES),
    *(f"near {name}" for name in NAMES),
    *("place", "words before", "from heading", "repeats", "kin", "kin size", "kin links", "kin spread"),
    *(
        f"{side} {step} {what}"
        for step in WINDOWS
        for side in ("before", "after")
        for what in ("size", "links", "heading")
    ),
    *(f"within {reach} {what}" for reach in REACHES for what in ("size", "links", "long")),
    *(
        f"level {level} {what}"
        for level in LEVELS
        for what in ("share", "links", "blocks", "mean", "long", "headings")
    ),
    *("in content", "before content", "after content", "content share", "outer share"),
    *("page size", "page blocks", "page links", "page long", "page long share", "page headings"),
    *(f"headed {name}" for name in HEADED),
    *("headed level", "headed title", "after main heading", "from main heading"),
)


def measure(found: Blocks, title: str, described: str) -> Matrix:
    """One row per block. `title` is the page's, `described` what it says of itself elsewhere (description, JSON-LD)."""
    blocks = found.blocks
    own = np.array([_own(block) for block in blocks], dtype=np.float32).reshape(len(blocks), -1)
    titled = set(WORD.findall(title.lower()))
    pairs = _pairs(described)
    known = np.array([_known(block, titled, pairs) for block in blocks], dtype=np.float32)
    tags = np.array([[block.kind == tag for tag in TAGS] for block in blocks], dtype=np.float32)
    says = np.array(
        [[bool(words.search(block.plain[:300])) for words in PHRASES.values()] for block in blocks],
        dtype=np.float32,
    )
    bits = np.arange(len(NAMES))
    around = (np.array([block.around for block in blocks], dtype=np.int64)[:, None] >> bits) & 1
    near = (np.array([block.near for block in blocks], dtype=np.int64)[:, None] >> bits) & 1
    headed = _headed(blocks, says, known[:, 0])
    return np.hstack([own, known, tags, says, around, near, _set(found), headed]).astype(np.float32)


def _own(block: Block) -> list[float]:
    text = block.plain
    characters = max(1, len(text))
    size = block.size
    capitals = sum(word[0].isupper() for word in text.split()) if size < 60 else 0
    return [
        np.log1p(size),
        np.log1p(characters),
        block.links / characters,
        (
            text.count(". ")
            + text.count("? ")
            + text.count("! ")
            + text.count("。")
            + text.endswith((".", "!", "?"))
        ),
        text.count(",") / max(1.0, size),
        sum(map(str.isdigit, text[:400])) / min(characters, 400),
        sum(map(str.isupper, text[:400])) / min(characters, 400),
        capitals / max(1.0, size),
        characters / max(1.0, size),
        float(text[-1:] in '.!?。！？"”'),
        float(text.endswith(":")),
        block.depth,
        float(block.number > 0),
        block.quoted,
        float(block.hidden),
        float(block.whole),
        text.count("\n"),
    ]


def _pairs(text: str) -> set[tuple[str, str]]:
    words = WORD.findall(text.lower())
    return set(itertools.pairwise(words))


def _known(block: Block, titled: set[str], pairs: set[tuple[str, str]]) -> tuple[float, float]:
    """The shares of its words that the page's title has, and of its pairs of words that the description has."""
    words = WORD.findall(block.plain[:600].lower())
    if not words:
        return 0.0, 0.0
    in_title = sum(word in titled for word in words) / len(words) if len(words) < 30 else 0.0
    own = list(itertools.pairwise(words))
    return in_title, sum(pair in pairs for pair in own) / len(own) if own and pairs else 0.0


def _set(found: Blocks) -> Matrix:
    """The columns that look at more than one block."""
    blocks = found.blocks
    count = len(blocks)
    size = np.array([block.size for block in blocks])
    characters = np.array([len(block.plain) for block in blocks], dtype=float)
    links = np.array([block.links for block in blocks], dtype=float)
    heading = np.array([block.kind in HEADINGS for block in blocks], dtype=float)
    density = links / np.maximum(1.0, characters)
    long = ((size >= LONG) & (density < 0.5)).astype(float)
    sums = {
        name: np.concatenate([[0.0], np.cumsum(values)])
        for name, values in (
            ("size", size),
            ("characters", characters),
            ("links", links),
            ("long", long * size),
            ("longs", long),
            ("heading", heading),
        )
    }
    total = max(1.0, sums["size"][-1])
    total_long = max(1.0, sums["long"][-1])
    at = np.arange(count)
    out: list[Any] = [at / count, sums["size"][:-1] / total, _since(heading)]
    out += _kinship(found, size, density)
    for step in WINDOWS:
        for shifted in (-step, step):
            there = np.clip(at + shifted, 0, count - 1)
            inside = (at + shifted >= 0) & (at + shifted < count)
            out += [np.log1p(size[there]) * inside, density[there] * inside, heading[there] * inside]
    for reach in REACHES:
        first, last = np.maximum(0, at - reach), np.minimum(count, at + reach + 1)
        words = _between(sums["characters"], first, last)
        out += [
            np.log1p(_between(sums["size"], first, last)),
            _between(sums["links"], first, last) / np.maximum(1.0, words),
            _between(sums["longs"], first, last) / (last - first),
        ]
    levels, content, outer = _levels(found, sums["long"])
    for first, last in levels:
        words = _between(sums["size"], first, last)
        number = np.maximum(1, last - first)
        out += [
            words / total,
            _between(sums["links"], first, last) / np.maximum(1.0, _between(sums["characters"], first, last)),
            np.log1p(number),
            np.log1p(words / number),
            _between(sums["longs"], first, last) / number,
            _between(sums["heading"], first, last) / number,
        ]
    start, end = content
    out += [
        ((at >= start) & (at < end)).astype(float),
        np.log1p(np.maximum(0, start - at)),
        np.log1p(np.maximum(0, at - end + 1)),
        np.full(count, (sums["size"][end] - sums["size"][start]) / total),
        outer,
    ]
    page = [
        np.log1p(total),
        np.log1p(count),
        sums["links"][-1] / max(1.0, sums["characters"][-1]),
        np.log1p(sums["longs"][-1]),
        total_long / total,
        sums["heading"][-1] / count,
    ]
    out += [np.full(count, value) for value in page]
    return np.array(out, dtype=np.float32).T


def _headed(blocks: list[Block], says: Matrix, in_title: Matrix) -> Matrix:
    """What the heading above each block tells, and where the block stands from the page's main heading."""
    at = np.arange(len(blocks))
    level = np.array([HEADINGS.get(block.kind, 0) for block in blocks])
    above = np.maximum.accumulate(np.where(level > 0, at, -1))
    there = (above >= 0).astype(np.float32)
    names = list(PHRASES)
    told = says[above][:, [names.index(name) for name in HEADED]] * there[:, None]
    rank = np.where(level > 0, in_title * 2 + (level == 1) * 1.5 - level * 0.1, -1.0)
    main = int(rank.argmax())
    known = rank[main] > 0.5
    after = (at >= main).astype(np.float32) * known
    far = np.log1p(np.abs(at - main)) * np.where(at >= main, 1.0, -1.0) * known
    return np.column_stack([told, level[above] * there, in_title[above] * there, after, far])


def _between(sums: Any, first: Any, last: Any) -> Any:
    return sums[last] - sums[first]


def _since(heading: Any) -> Any:
    """How many blocks ago the last heading was, by its logarithm."""
    at = np.arange(len(heading))
    last = np.maximum.accumulate(np.where(heading > 0, at, -1))
    return np.log1p(np.where(last < 0, 50, at - last))


def _kinship(found: Blocks, size: Any, density: Any) -> list[Any]:
    """How often the text repeats, and what the blocks with the same path of elements are like."""
    texts = Counter(block.plain for block in found.blocks)
    paths = found.paths
    numbers: dict[str, int] = {}
    kin = np.array([numbers.setdefault(path, len(numbers)) for path in paths], dtype=np.int64)
    count = np.bincount(kin)
    at = np.arange(len(kin))
    first = np.full(len(count), len(kin))
    np.minimum.at(first, kin, at)
    last = np.zeros(len(count), dtype=np.int64)
    np.maximum.at(last, kin, at)
    return [
        np.log([texts[block.plain] for block in found.blocks]),
        np.log1p(count[kin]),
        np.log1p(np.bincount(kin, size) / count)[kin],
        (np.bincount(kin, density) / count)[kin],
        ((last - first + 1) / len(kin))[kin],
    ]


def _levels(found: Blocks, long: Any) -> tuple[list[tuple[Any, Any]], tuple[int, int], Any]:
    """The ranges of blocks of the containers around each block, innermost first, each wider than the one before; the range
    of the smallest container that holds most of the long text; and the share of long text in the widest below the body."""
    containers = found.containers
    count = len(found.blocks)
    wider: list[int] = []  # container → the nearest one around it that holds more blocks, or -1
    for one in containers:
        above = one.parent
        if above >= 0 and (containers[above].first, containers[above].last) == (one.first, one.last):
            above = wider[above]
        wider.append(above)
    first = np.array([one.first for one in containers] + [0])
    last = np.array([one.last for one in containers] + [count])
    up = np.array([*wider, -1])
    at = np.array([block.container for block in found.blocks])
    levels = []
    for _ in LEVELS:
        levels.append((first[at], last[at]))
        at = up[at]
    total = max(1.0, long[-1])
    held = (long[last] - long[first]) / total
    good = np.where(held >= 0.6, last - first, count + 1)
    best = int(np.argmin(good)) if good.min() <= count else len(containers)
    outer = np.zeros(count)
    top = np.array([block.container for block in found.blocks])
    for _ in range(200):
        above = up[top]
        climbing = (above >= 0) & (held[above] < 0.95)
        if not climbing.any():
            break
        top = np.where(climbing, above, top)
    outer = held[top]
    return levels, (int(first[best]), int(last[best])), outer
