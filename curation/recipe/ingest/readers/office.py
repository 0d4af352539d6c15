"""Texts of word processors: DOCX (Word) and ODT (LibreOffice), a file each one document."""

from __future__ import annotations

from collections.abc import Iterator

from curation.recipe.ingest.found import BadRow, Row
from curation.recipe.ingest.limits import Limits
from curation.recipe.ingest.mapping import Choice
from curation.recipe.ingest.packages import package_of
from curation.recipe.ingest.readers.whole import document
from curation.recipe.ingest.walk import Member

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ODT = "application/vnd.oasis.opendocument.text"


def docx(member: Member, choice: Choice, limits: Limits) -> Iterator[Row | BadRow]:
    return document(member, DOCX, limits)


def odt(member: Member, choice: Choice, limits: Limits) -> Iterator[Row | BadRow]:
    return document(member, ODT, limits)


def is_docx(head: bytes) -> bool:
    return package_of(head) == "docx"


def is_odt(head: bytes) -> bool:
    return package_of(head) == "odt"
