"""Jupyter notebooks: a file is one document."""

from __future__ import annotations

from collections.abc import Iterator

from curation.recipe.ingest.found import BadRow, Row
from curation.recipe.ingest.limits import Limits
from curation.recipe.ingest.mapping import Choice
from curation.recipe.ingest.readers.whole import document
from curation.recipe.ingest.walk import Member


def read(member: Member, choice: Choice, limits: Limits) -> Iterator[Row | BadRow]:
    return document(member, "application/x-ipynb+json", limits)
