"""JATS, the XML of PubMed Central: a file is one article."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curation.recipe.ingest.found import BadRow, Row
from curation.recipe.ingest.limits import Limits
from curation.recipe.ingest.mapping import Choice
from curation.recipe.ingest.readers.whole import document
from curation.recipe.ingest.walk import Member

#: The document type of JATS or of NLM's older form of it, or an `article` element with what only theirs have.
MARK = re.compile(
    rb"<!DOCTYPE\s+article\s[^>]*(?:NLM|JATS)|<article\b[^>]*\s(?:article-type|dtd-version)\s*=|<pmc-articleset\b",
    re.IGNORECASE,
)


def read(member: Member, choice: Choice, limits: Limits) -> Iterator[Row | BadRow]:
    return document(member, "application/jats+xml", limits)


def marked(head: bytes) -> bool:
    return bool(MARK.search(head))
