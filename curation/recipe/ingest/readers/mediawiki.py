"""MediaWiki XML dumps (export-0.3 to 0.11): one article is one document, its wikitext as it stands in the dump.

Redirects, talk pages and other namespaces than articles are left out by name. Of a dump with every revision the last one in
the file is taken, as dumps have them in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from curation.recipe.ingest.found import ADDRESS, LICENCE_EVIDENCE, TITLE, BadRow, Place, Row, storable
from curation.recipe.ingest.limits import Limits
from curation.recipe.ingest.mapping import Choice
from curation.recipe.ingest.readers.elements import Elements, root_of
from curation.recipe.ingest.walk import Member

MEDIA_TYPE = "text/x-wiki"
GATHERED = {
    "title",
    "ns",
    "id",
    "timestamp",
    "username",
    "ip",
    "text",
    "model",
    "format",
    "base",
    "dbname",
    "sitename",
    "namespace",
}
#: The projects of the Wikimedia Foundation, whose texts are under this licence (https://foundation.wikimedia.org/wiki/Policy:Terms_of_Use).
WIKIMEDIA = (
    "wikipedia.org",
    "wiktionary.org",
    "wikibooks.org",
    "wikiversity.org",
    "wikivoyage.org",
    "wikiquote.org",
    "wikisource.org",
)
ARTICLES = "0"
TALK = "is a talk page: people talking about an article, no article. It was left out."


def marked(head: bytes) -> bool:
    return root_of(head) == "mediawiki"


def read(member: Member, choice: Choice, limits: Limits) -> Iterator[Row | BadRow]:
    """Rows are numbered by page from 1."""
    dump = _Dump(member.place)
    elements = Elements(limits, dump.opened, dump.closed, GATHERED.__contains__)
    more = True
    while more:
        try:
            more = elements.feed(member.stream)
        finally:
            # What was read before the dump broke off is kept.
            ready, dump.ready = dump.ready, deque()
            yield from ready


class _Dump:
    """Gathers pages from elements. `ready` holds those that are whole."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.site: dict[str, str] = {}
        self.namespaces: dict[str, str] = {}
        self.key = ""
        self.page: dict[str, Any] | None = None
        self.inside = ""  # revision or contributor, whose ids are not the page's
        self.number = 0
        self.ready: deque[Row | BadRow] = deque()

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        if name == "page":
            self.page = {}
        elif name == "redirect" and self.page is not None:
            self.page["redirect"] = attributes.get("title", "")
        elif name in ("revision", "contributor", "upload"):
            self.inside = name
        elif name == "namespace":
            self.key = attributes.get("key", "")

    def closed(self, name: str, text: str) -> None:
        if self.page is None:
            if name == "namespace":
                self.namespaces[self.key] = text[:80]
            elif name in ("base", "dbname", "sitename"):
                self.site[name] = text[:ADDRESS]
        elif name == "page":
            self.number += 1
            self.ready.append(self._row(self.page, self.number))
            self.page = None
        elif name in ("revision", "upload"):
            self.inside = ""
        elif name == "contributor":
            self.inside = "revision"
        elif name == "id":
            key = {"": "id", "revision": "revision_id"}.get(self.inside)
            if key:
                self.page[key] = text
        elif name in ("ip", "username"):
            self.page["author"] = text
        elif name in GATHERED:
            self.page[name] = text

    def _row(self, page: dict[str, Any], number: int) -> Row | BadRow:
        title = storable(" ".join(page.get("title", "").split()))[:TITLE]
        text = page.get("text", "")
        if complaint := self._complaint(page, text):
            return self.place.bad_row(number, f"({title or 'without a title'}) {complaint}", text[:400])
        meta = {
            key: storable(page[source])[:200]
            for key, source in (
                ("page_id", "id"),
                ("revision_id", "revision_id"),
                ("date", "timestamp"),
                ("last_author", "author"),
            )
            if page.get(source)
        }
        if self.site.get("sitename"):
            meta["site"] = storable(self.site["sitename"])[:200]
        row = Row(
            self.place.member,
            number,
            text.encode("utf-8", "replace"),
            MEDIA_TYPE,
            title,
            self._address(title),
            meta=meta,
        )
        if any(site in self.site.get("base", "") for site in WIKIMEDIA):
            row.licence = "CC-BY-SA-4.0"
            row.meta[LICENCE_EVIDENCE] = (
                f"the terms of the Wikimedia projects; the dump is of {self.site['base'][:200]}"
            )
        return row

    def _complaint(self, page: dict[str, Any], text: str) -> str:
        namespace = page.get("ns", ARTICLES).strip() or ARTICLES
        if "redirect" in page or text[:60].lstrip().upper().startswith("#REDIRECT"):
            return f"is a redirect to {storable(page.get('redirect', ''))[:120] or 'another page'}. It was left out."
        if namespace.isdigit() and int(namespace) % 2:
            return TALK
        if namespace != ARTICLES:
            name = self.namespaces.get(namespace) or f"namespace {namespace}"
            return f"is in “{name}”, which holds no articles. It was left out."
        if page.get("model", "wikitext") != "wikitext":
            return f"is {page['model'][:40]}, not wikitext. It was left out."
        if not text.strip():
            return "has no text. It was left out."
        return ""

    def _address(self, title: str) -> str:
        """The address of an article, from the address of the main page that the dump states."""
        prefix, slash, _ = self.site.get("base", "").rpartition("/")
        if not slash or not prefix.startswith(("http://", "https://")) or not title:
            return ""
        return f"{prefix}/{quote(title.replace(' ', '_'), safe='/:(),')}"[:ADDRESS]
