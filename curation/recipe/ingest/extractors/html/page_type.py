"""What kind of page this is: the judgement that chooses the way its text is taken.

Named signs of a page (what it states in JSON-LD and meta, which generator wrote it, words of its address, how its blocks
look) are weighed by a linear model; the weights lie in `weights.json`, fitted by `tests/bench/extraction_fit.py`. The
reason that is kept names the signs that weighed most.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from curation.recipe.ingest.extractors.html.blocks import Blocks
from curation.recipe.ingest.extractors.html.signals import LONG, PHRASES
from curation.recipe.ingest.extractors.html.structured import Stated

TYPES = ("article", "documentation", "forum", "product", "collection", "listing", "service")

#: schema.org's types → the sign they are. Only what stands for the page, not for its site or its trail of links.
STATED = {
    "article": {
        "Article",
        "NewsArticle",
        "BlogPosting",
        "Report",
        "ScholarlyArticle",
        "Recipe",
        "LiveBlogPosting",
        "HowTo",
    },
    "documentation": {"TechArticle", "APIReference", "SoftwareSourceCode"},
    "thread": {"DiscussionForumPosting", "QAPage", "Question"},
    "product": {"Product", "ProductGroup", "IndividualProduct", "Offer", "AggregateOffer"},
    "collection": {"CollectionPage", "OfferCatalog"},
    "list": {"ItemList", "SearchResultsPage", "Blog"},
    "service": {
        "Service",
        "LocalBusiness",
        "ProfessionalService",
        "Course",
        "SoftwareApplication",
        "WebApplication",
        "FAQPage",
    },
}
GENERATORS = {
    "documentation": r"sphinx|mkdocs|docusaurus|doxygen|javadoc|gitbook|vuepress|vitepress|starlight|readme\.io|hugo.*docs|antora|"
    r"rustdoc|mdbook|typedoc|nextra|mintlify|read the docs|jsdoc|yard |godoc|material for mkdocs|mediawiki|wikimedia",
    "forum": r"discourse|phpbb|vbulletin|xenforo|invision|mybb|smf|flarum|vanilla|nodebb|fluxbb|punbb|khoros",
    "shop": r"shopify|woocommerce|magento|prestashop|bigcommerce|opencart|shopware",
    "site": r"wordpress|drupal|joomla|wix|squarespace|webflow|hubspot|ghost|framer",
}
ADDRESSES = {
    "article": r"/(?:blog|news|article|story|stories|posts?|\d{4}/\d{1,2})(?:/|s/|$)",
    "documentation": r"\bdocs?\b|/documentation|/manual|/reference|/guide|/api\b|/wiki/|/tutorial|/help/|developer|readthedocs|/learn/|/stable/|/latest/",
    "forum": r"\bforums?\b|/threads?/|showthread|viewtopic|/t/[^/]+/\d+|/questions/\d+|/topic/|\bcommunity\.|\bboards?\.|/discussion|/comments/",
    "product": r"/products?/|/dp/|/p/|/item/|/itm/|/sku|-p-?\d+|/pd/",
    "collection": r"/collections?/[^/]+/?$|/categor(?:y|ies)/|/shop/?$|/c/|/product-category/|/cat/|/store/?$|/shop/[^/]+/?$",
    "listing": r"/tags?/|/topics?/|/archive|/blog/?$|/news/?$|/category/|/author/|/search|/jobs|/events|/courses/?$|/podcasts?|/newsletters?|/press|/resources/?$",
    "service": r"/services?|/solutions?|/features?|/pricing|/about|/contact|/programs?/|/platform|/industries|/product/?$",
}
ROOT = re.compile(r"^/?(?:[a-z]{2}(?:-[a-z]{2})?/?)?$|/index\.\w+$", re.IGNORECASE)
NUMBERED = re.compile(r"\d{4,}")


@dataclass(frozen=True, slots=True)
class Judgement:
    """The type of a page, how sure that is (0 to 1), each type's share, and the signs that weighed most."""

    type: str
    sure: float
    shares: tuple[float, ...]
    why: str


def signs_of(root: Any, stated: Stated, found: Blocks, address: str, thread: str) -> dict[str, float]:
    """Sign → how strongly it is there, 0 to about 3. `thread` names the platform whose thread the page is."""
    signs: dict[str, float] = {"a thread's markup": float(bool(thread))}
    types = set(stated.types)
    for name, wanted in STATED.items():
        signs[f"states {name}"] = float(bool(types & wanted))
    signs["states many products"] = float(sum(one == "Product" for one in stated.types) > 3)
    signs["states a product"] = float(
        0 < sum(one in ("Product", "ProductGroup") for one in stated.types) <= 3
    )
    metas = {
        (meta.get("name") or meta.get("property") or "").lower(): (meta.get("content") or "").lower()
        for meta in root.iter("meta")
    }
    kind = metas.get("og:type", "")
    signs["og:type article"] = float("article" in kind)
    signs["og:type product"] = float("product" in kind)
    signs["og:type website"] = float("website" in kind)
    signs["a date of publication"] = float(any("published" in name for name in metas))
    signs["a price in meta"] = float(any("price" in name for name in metas))
    body = root.find("body")
    names = " ".join(
        filter(None, (root.get("class"), *((body.get("class"), body.get("id")) if body is not None else ())))
    ).lower()
    generator = f"{metas.get('generator', '')} {metas.get('application-name', '')} {_first_comment(root)} {names[:1000]}"
    for name, words in GENERATORS.items():
        signs[f"written by {name} software"] = float(bool(re.search(words, generator)))
    signs["named a single post"] = float(bool(re.search(r"\bsingle(?:-post)?\b|post-template", names)))
    signs["named an archive"] = float(
        bool(re.search(r"\barchive|category|\btag\b|\bblog\b|search-results", names))
    )
    signs["named a product"] = float(bool(re.search(r"product(?!s|-categ|-arch)|pdp", names)))
    signs["named a collection"] = float(
        bool(re.search(r"collection|product-category|tax-product|catalog|plp", names))
    )
    return signs | _of_address(address) | _of_form(root, found)


def _first_comment(root: Any) -> str:
    return " ".join(
        f"{one.get('id') or ''} {one.get('class') or ''}" for one in root.xpath("//body/*[position() < 4]")
    )[:500].lower()


def _of_address(address: str) -> dict[str, float]:
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = urlsplit("")
    whole = f"{parts.netloc}{parts.path}?{parts.query}".lower()
    signs = {
        f"address of {name}": float(bool(re.search(words, whole.split("?")[0] if name != "forum" else whole)))
        for name, words in ADDRESSES.items()
    }
    last = parts.path.rstrip("/").rsplit("/", 1)[-1]
    signs["address of a front page"] = float(bool(parts.netloc) and bool(ROOT.search(parts.path)))
    signs["words in its name"] = min(last.count("-"), 9) / 3
    signs["depth of address"] = min(parts.path.count("/"), 8) / 3
    signs["a number in its address"] = float(bool(NUMBERED.search(last)))
    signs["no address"] = float(not parts.netloc)
    return signs


def _of_form(root: Any, found: Blocks) -> dict[str, float]:
    blocks = found.blocks
    count = max(1, len(blocks))
    size = np.array([block.size for block in blocks] or [0.0])
    links = np.array([block.links / max(1, len(block.plain)) for block in blocks] or [0.0])
    long = (size >= LONG) & (links < 0.5)
    share = {
        name: sum(bool(PHRASES[name].search(block.plain[:200])) for block in blocks)
        for name in ("price", "date", "shopping", "stars", "acting", "question")
    }
    kinds = [block.kind for block in blocks]
    elements = {
        tag: sum(1 for _ in root.iter(tag)) for tag in ("article", "time", "code", "form", "h1", "h2", "dl")
    }
    linked = Counter(
        path
        for path, block in zip(found.paths, blocks, strict=True)
        if block.kind in ("h2", "h3", "h4") and block.links * 2 > len(block.plain)
    )
    return {
        "many words": float(np.log1p(size.sum()) / 3),
        "many blocks": float(np.log1p(count) / 3),
        "long paragraphs": float(np.log1p(long.sum()) / 2),
        "share of long text": float(size[long].sum() / max(1.0, size.sum())),
        "length of paragraphs": float(np.log1p(size[long].mean()) / 3) if long.any() else 0.0,
        "share of links": float(links.mean()),
        "prices": float(np.log1p(share["price"]) / 2),
        "dates": float(np.log1p(share["date"]) / 2),
        "words of a shop": float(np.log1p(share["shopping"]) / 2),
        "words of reviews": float(np.log1p(share["stars"]) / 2),
        "calls to act": float(np.log1p(share["acting"]) / 2),
        "questions": float(np.log1p(share["question"]) / 2),
        "code": float(np.log1p(kinds.count("pre") + elements["code"] / 3) / 2),
        "tables": float(np.log1p(kinds.count("table")) / 2),
        "definitions": float(np.log1p(elements["dl"]) / 2),
        "articles in markup": float(np.log1p(elements["article"]) / 2),
        "one article in markup": float(elements["article"] == 1),
        "times in markup": float(np.log1p(elements["time"]) / 2),
        "headings that are links": float(np.log1p(max(linked.values(), default=0)) / 2),
        "sections": float(np.log1p(elements["h2"]) / 2),
        "one main heading": float(elements["h1"] == 1),
        "forms": float(np.log1p(elements["form"]) / 2),
    }  # fmt: skip


def judged(signs: dict[str, float], weights: dict[str, Any]) -> Judgement:
    """Weigh the signs. `weights` has `signs` (their order), `scale` and `mean`, and per type a row and a constant."""
    given = np.array([signs.get(name, 0.0) for name in weights["signs"]])
    values = (given - np.array(weights["mean"])) / np.array(weights["scale"])
    each = np.array(weights["rows"]) * values
    scores = each.sum(axis=1) + np.array(weights["constants"])
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    best = int(shares.argmax())
    moved = each[best] - each.mean(axis=0)
    top = [weights["signs"][at] for at in np.argsort(-moved)[:3] if moved[at] > 0 and given[at] > 0]
    return Judgement(
        TYPES[best], round(float(shares[best]), 3), tuple(float(one) for one in shares), ", ".join(top)
    )
