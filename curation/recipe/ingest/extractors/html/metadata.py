"""What a page says about itself: title, address, language, author, date, and a licence with what says so."""

from __future__ import annotations

import re
from typing import Any

from curation.recipe.ingest import licences
from curation.recipe.ingest.extractors.html.structured import Stated, words_of
from curation.recipe.ingest.found import ADDRESS, EXCERPT, TITLE, shorten, storable

NAME = 120  # characters of an author's name
DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})")
BY = re.compile(r"^\s*(?:(?:written|posted|reviewed) )?by:?\s+", re.IGNORECASE)
AUTHORS = (
    "author",
    "article:author",
    "dc.creator",
    "dcterms.creator",
    "citation_author",
    "parsely-author",
    "sailthru.author",
)
DATES = (
    *(
        "article:published_time",
        "datepublished",
        "dc.date.issued",
        "dcterms.issued",
        "citation_publication_date",
    ),
    *(
        "parsely-pub-date",
        "sailthru.date",
        "pubdate",
        "publishdate",
        "date",
        "dc.date",
        "article:modified_time",
    ),
)
BYLINES = (
    "//*[@rel='author'] | //*[@itemprop='author']//*[@itemprop='name'] | //*[@itemprop='author'][not(*)]"
)


def title_of(tree: Any) -> str:
    """The one main heading where the page's title contains it, else what it shares, else its title."""
    titles = [_words(element) for element in tree.iterfind(".//head/title")]
    shared = [element.get("content") or "" for element in tree.iterfind(".//meta[@property='og:title']")]
    headings = [_words(element) for element in tree.iterfind(".//h1")]
    title = next(filter(None, titles), "")
    if len(headings) == 1 and headings[0] and headings[0].casefold() in title.casefold():
        return shorten(headings[0], TITLE)
    return shorten(next(filter(None, [*shared, title, *headings]), ""), TITLE)


def canonical_of(tree: Any) -> str:
    """The address the page gives itself, if it is a web address."""
    stated = [element.get("href") or "" for element in tree.iterfind(".//link[@rel='canonical']")]
    stated += [element.get("content") or "" for element in tree.iterfind(".//meta[@property='og:url']")]
    return next(
        (
            link.strip()
            for link in stated
            if re.match(r"https?://[^\s]+$", link.strip()) and len(link) < ADDRESS
        ),
        "",
    )


def noted(tree: Any, stated: Stated) -> dict[str, Any]:
    """The author, the date (as YYYY-MM-DD), the licence and what says so, as far as the page states them."""
    metas: dict[str, str] = {}
    for meta in tree.iter("meta"):
        name = (meta.get("name") or meta.get("property") or meta.get("itemprop") or "").lower()
        if name and (content := " ".join((meta.get("content") or "").split())):
            metas.setdefault(name, content)
    notes: dict[str, Any] = {}
    if author := author_of(tree, stated, metas):
        notes["author"] = author
    if date := date_of(tree, stated, metas):
        notes["date"] = date
    if licence := licence_of(tree, stated, metas):
        notes["licence"] = licence
    return notes


def author_of(tree: Any, stated: Stated, metas: dict[str, str]) -> str:
    listed = [words_of(node["author"]) for node in stated.nodes if "author" in node]
    listed += [metas[name] for name in AUTHORS if name in metas]
    for one in listed or [_words(element) for element in tree.xpath(BYLINES)[:3]]:
        name = BY.sub("", one)
        if name and "://" not in name and len(name) <= NAME:
            return storable(name)
    return ""


def date_of(tree: Any, stated: Stated, metas: dict[str, str]) -> str:
    """The day it was published, else the day it was changed."""
    listed = [
        words_of(node[key])
        for key in ("datePublished", "dateCreated", "uploadDate", "dateModified")
        for node in stated.nodes
        if key in node
    ]
    listed += [metas[name] for name in DATES if name in metas]
    listed += [element.get("datetime") or "" for element in tree.iter("time")][:3]
    for one in listed:
        found = DATE.search(one.replace("/", "-"))
        if found and 1 <= int(found[2]) <= 12 and 1 <= int(found[3]) <= 31 and 1990 <= int(found[1]) <= 2100:
            return found[0]
    return ""


def licence_of(tree: Any, stated: Stated, metas: dict[str, str]) -> dict[str, str]:
    """The `name` of the licence (an SPDX identifier) and its `evidence`, the place that says so; empty without one.

    An address counts, words do not. A link in the text counts only where it says of itself that it is the licence, or leads
    to one of Creative Commons'.
    """
    links = tree.xpath("//link[@rel='license'] | //a[contains(concat(' ', @rel, ' '), ' license ')]")
    claims = [(one.get("href") or "", f'<{one.tag} rel="license"> {_words(one)}') for one in links]
    claims += [
        (words, f"JSON-LD license: {words}")
        for node in stated.nodes
        if (words := _address(node.get("license")))
    ]
    claims += [
        (metas[name], f'<meta name="{name}"> {metas[name]}')
        for name in ("dc.rights", "dcterms.license", "copyright")
        if name in metas
    ]
    claims += [
        (element.get("href"), f"link: {_words(element)}")
        for element in tree.xpath("//a[contains(@href, 'creativecommons.org/')]")
    ]
    for address, evidence in claims:
        if name := licences.of_address(address):
            whole = evidence if address in evidence else f"{evidence} {address}"
            return {"name": name, "evidence": shorten(whole, EXCERPT)}
    return {}


def _address(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("url") or value.get("@id") or value.get("name")
    return value.strip() if isinstance(value, str) else ""


def _words(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())
