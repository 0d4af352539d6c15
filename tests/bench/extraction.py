"""HTML to text against trafilatura alone, in the same run on the same pages.

`extraction`: WCXB's development split (385 pages, seven types of page). ours = mean over the pages of the F1 of lower-case
words (\\w+, each as often as it occurs) against the gold text; details per type, and the shares of the snippets that must and
must not stand in the text. The weights were fitted on these very pages, and on those of `scrapinghub`: `extraction_fit` has
the figures for pages not seen.

`scrapinghub`: 181 article pages, with that benchmark's own measure: runs of four words, precision and recall averaged over the
pages, F1 of the averages.

`webmainbench_samples`: pages with Markdown gold, case by case: code, formulas and tables kept.

What counts is plain words: `plain` takes Markdown's signs off both sides' output alike.
"""

from __future__ import annotations

import gzip
import json
import re
import tarfile
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from difflib import SequenceMatcher
from statistics import mean
from typing import Any

from tests.bench.data import folder

WORD = re.compile(r"\w+")
IMAGE = re.compile(r"!\[[^\]]*\]\([^()\s]*\)")
LINK = re.compile(r"\[([^\[\]]*)\]\((?:[^()\s]|\([^()\s]*\))*(?: \"[^\"]*\")?\)")
FENCE = re.compile(r"^(`{3,})([^\n`]*)\n(.*?)\n\1[ \t]*$", re.MULTILINE | re.DOTALL)
FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+?)\$", re.DOTALL)
ROW = re.compile(r"^\|.*\|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Page:
    """A page with its gold text. `kind` is its type; `must` and `must_not` are snippets."""

    key: str
    address: str
    content: bytes
    gold: str
    kind: str = ""
    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()


def wcxb() -> list[Page]:
    where = folder("extraction/wcxb_dev")
    contents = _members(where / "html.tar.xz")
    with gzip.open(where / "ground_truth.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = list(map(json.loads, file))
    return [
        Page(
            row["id"], row["url"], contents[row["id"]], row["main_content"],
            row["page_type"], tuple(row["with"]), tuple(row["without"]),
        )
        for row in rows
    ]  # fmt: skip


def articles() -> list[Page]:
    where = folder("extraction/scrapinghub")
    contents = _members(where / "html.tar.xz")
    gold = json.loads((where / "ground-truth.json").read_text("utf-8"))
    return [
        Page(key, row.get("url", ""), gzip.decompress(contents[key]), row["articleBody"])
        for key, row in gold.items()
    ]


def _members(path: Any) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {
            one.name.rsplit("/", 1)[-1].split(".")[0]: file.read()
            for one in archive
            if (file := archive.extractfile(one)) is not None
        }


def plain(text: str) -> str:
    """Markdown's links without their addresses; its other signs are no words anyway."""
    return LINK.sub(r"\1", IMAGE.sub("", text))


def words(text: str) -> list[str]:
    return WORD.findall(plain(text).lower())


def f1(text: str, gold: str) -> float:
    given, wanted = Counter(words(text)), Counter(words(gold))
    if not given and not wanted:
        return 1.0
    both = (given & wanted).total()
    return 2 * both / (given.total() + wanted.total())


def ours(content: bytes, address: str) -> str:
    from curation.recipe.ingest.extract import extract
    from curation.recipe.records import Dropped

    found = extract(content, "text/html", address)
    return "" if isinstance(found, Dropped) else found.text


def trafilatura(content: bytes, address: str) -> str:
    from trafilatura import extract

    return extract(content, url=address or None, output_format="markdown", include_comments=True) or ""


def extraction() -> dict[str, Any]:
    pages = wcxb()
    figures = {side.__name__: _over(side, pages) for side in (ours, trafilatura)}
    return {
        "name": "extraction",
        "ours": figures["ours"]["f1"]["all"],
        "unit": "mean word F1",
        "peer": figures["trafilatura"]["f1"]["all"],
        "peer_name": "trafilatura, Markdown",
        "n": len(pages),
        "details": {"seen while fitting": True, **figures},
    }


def _over(side: Callable[[bytes, str], str], pages: list[Page]) -> dict[str, Any]:
    texts = _texts(side, pages)
    scores: dict[str, list[float]] = defaultdict(list)
    must, must_not = [], []
    for one, text in zip(pages, texts, strict=True):
        for name in ("all", one.kind):
            scores[name].append(f1(text, one.gold))
        flat = " ".join(words(text))
        must += [" ".join(words(snippet)) in flat for snippet in one.must]
        must_not += [" ".join(words(snippet)) in flat for snippet in one.must_not]
    return {
        "f1": {name: round(mean(values), 3) for name, values in sorted(scores.items())},
        "must_have": round(mean(must), 3),
        "must_not_have": round(mean(must_not), 3),
    }


def _texts(side: Callable[[bytes, str], str], pages: list[Page]) -> list[str]:
    with ProcessPoolExecutor(2) as pool:
        return list(
            pool.map(side, [one.content for one in pages], [one.address for one in pages], chunksize=8)
        )


def scrapinghub() -> dict[str, Any]:
    pages = articles()
    figures = {side.__name__: by_runs(_texts(side, pages), pages) for side in (ours, trafilatura)}
    return {
        "name": "scrapinghub",
        "ours": figures["ours"]["f1"],
        "unit": "F1 of runs of four words",
        "peer": figures["trafilatura"]["f1"],
        "peer_name": "trafilatura, Markdown",
        "n": len(pages),
        "details": figures,
    }


def by_runs(texts: list[str], pages: list[Page]) -> dict[str, float]:
    precisions, recalls = [], []
    for text, one in zip(texts, pages, strict=True):
        given, wanted = _runs(words(text)), _runs(WORD.findall(one.gold.lower()))
        both = (given & wanted).total()
        if given:
            precisions.append(both / given.total())
        if wanted:
            recalls.append(both / wanted.total())
    precision, recall = mean(precisions), mean(recalls)
    return {
        "f1": round(2 * precision * recall / max(precision + recall, 1e-9), 4),
        "precision": round(precision, 4),
        "recall": round(recall, 4),
    }


def _runs(given: list[str], size: int = 4) -> Counter[tuple[str, ...]]:
    if len(given) < size:
        return Counter([tuple(given)] if given else [])
    return Counter(tuple(given[at : at + size]) for at in range(len(given) - size + 1))


def webmainbench_samples() -> dict[str, Any]:
    with gzip.open(
        folder("extraction/webmainbench_samples") / "samples.jsonl.gz", "rt", encoding="utf-8"
    ) as file:
        rows = list(map(json.loads, file))
    cases = [
        {"case": row["track_id"], "address": row["url"]}
        | {
            side.__name__: _kept(side(row["html"].encode(), row["url"]), row["groundtruth_content"])
            for side in (ours, trafilatura)
        }
        for row in rows
    ]
    return {
        "name": "webmainbench_samples",
        "ours": round(mean(case["ours"]["text"] for case in cases), 3),
        "unit": "mean word F1",
        "peer": round(mean(case["trafilatura"]["text"] for case in cases), 3),
        "peer_name": "trafilatura, Markdown",
        "n": len(cases),
        "details": {"cases": cases},
    }


def _kept(text: str, gold: str) -> dict[str, float]:
    """The words' F1, and for code, formulas and tables, where the gold has any, how alike they are, in characters."""
    found = {"text": round(f1(text, gold), 3)}
    for name, parts in (("code", _code), ("formulas", _formulas), ("tables", _rows)):
        if wanted := parts(gold):
            found[name] = round(SequenceMatcher(None, wanted, parts(text), autojunk=False).ratio(), 3)
    return found


def _code(text: str) -> str:
    return "\n".join(found[3] for found in FENCE.finditer(text))


def _formulas(text: str) -> str:
    return "\n".join(
        "".join((one or other).split())
        for one, other in FORMULA.findall(FENCE.sub("", text))
        if "\\" in one + other
    )


def _rows(text: str) -> str:
    return "\n".join(
        "|".join(cell.strip() for cell in row.split("|")) for row in ROW.findall(FENCE.sub("", text))
    )
