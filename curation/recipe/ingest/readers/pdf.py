"""PDF: a file is one document, whatever number of pages it has."""

from __future__ import annotations

from collections.abc import Iterator

from curation.recipe.ingest.found import BadRow, Row
from curation.recipe.ingest.limits import Limits
from curation.recipe.ingest.mapping import Choice
from curation.recipe.ingest.readers.whole import document
from curation.recipe.ingest.walk import Member

NEAR_THE_START = 1024  # bytes before the mark that viewers put up with


def read(member: Member, choice: Choice, limits: Limits) -> Iterator[Row | BadRow]:
    return document(member, "application/pdf", limits)


def marked(head: bytes) -> bool:
    return b"%PDF-" in head[:NEAR_THE_START]
