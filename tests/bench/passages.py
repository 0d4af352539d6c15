"""Real passages of 100 to 200 tokens, made of web pages, papers and articles by our own extraction and splitter."""

from __future__ import annotations

import gzip
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

from curation.recipe.ingest.extract import Extracted, extract
from curation.recipe.text import tokens
from curation.recipe.text.normalise import normal_hash
from curation.recipe.text.split import HIGH, LOW, split

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def real_passages(count: int) -> list[str]:
    """So many different passages, or all there are, in an order of their content."""
    found: dict[str, str] = {}
    for text in (*_pages(), *_papers(), *_articles()):
        for passage in _of_size(text):
            found.setdefault(normal_hash(passage), passage)
    return [found[digest] for digest in sorted(found)][:count]


def _of_size(text: str) -> Iterator[str]:
    """Passages as the splitter makes them; short neighbours together, and what is too long or short left out."""
    start = end = None
    for span in split(text):
        if start is not None and sum(tokens.count([text[start : span.end]])) <= HIGH:
            end = span.end
        else:
            start, end = span.start, span.end
        weight = sum(tokens.count([text[start:end]]))
        if weight >= LOW:
            if weight <= HIGH:
                yield text[start:end]
            start = end = None


def _pages() -> Iterator[str]:
    with tarfile.open(DATA / "extraction" / "wcxb_dev" / "html.tar.xz") as archive:
        for name, content in _files(archive):
            page = extract(content, "text/html", f"https://example.org/{name}")
            if isinstance(page, Extracted):
                yield page.text


def _papers() -> Iterator[str]:
    from lxml import etree

    parser = etree.XMLParser(recover=True, load_dtd=False, no_network=True, resolve_entities=False)
    with tarfile.open(DATA / "papers" / "plos_jats.tar.xz") as archive:
        for _, content in _files(archive):
            paragraphs = etree.fromstring(content, parser).iter("p")
            said = [" ".join("".join(one.itertext()).split()) for one in paragraphs]
            yield "\n\n".join(filter(None, said))


def _articles() -> Iterator[str]:
    with gzip.open(DATA / "quality" / "onestopenglish" / "onestop.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)["text"]


def _files(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in sorted(archive.getmembers(), key=lambda one: one.name):
        if (file := archive.extractfile(member)) is not None:
            yield member.name, file.read()
