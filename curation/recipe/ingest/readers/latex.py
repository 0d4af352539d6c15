"""LaTeX: a main file is one document. What a paper in an archive is put together from, `tex_papers` has gathered before."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curation.recipe.ingest.found import BadRow, Row
from curation.recipe.ingest.limits import Limits
from curation.recipe.ingest.mapping import Choice
from curation.recipe.ingest.readers.whole import document
from curation.recipe.ingest.walk import Member

MEDIA_TYPE = "text/x-tex"
CLASS = re.compile(rb"^[ \t]*\\document(?:class|style)\b", re.MULTILINE)


def read(member: Member, choice: Choice, limits: Limits) -> Iterator[Row | BadRow]:
    return document(member, MEDIA_TYPE, limits)


def shows(head: bytes) -> bool:
    return bool(CLASS.search(head))
