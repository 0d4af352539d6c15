"""What becomes of every document of some files, without a database: its text, or the reason why there is none.

The same readers, children and judgements as an import and its extraction; `./manage.py extract` prints these outcomes, and
the page on which a manager tries an extraction shows them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from curation.recipe.ingest.extract import Extracted, extractor_of
from curation.recipe.ingest.folders import Found
from curation.recipe.ingest.found import LICENCE_EVIDENCE, BadRow, Row
from curation.recipe.ingest.limits import DEFAULT, Limits
from curation.recipe.ingest.pool import Pool, Request
from curation.recipe.ingest.rows import read_rows
from curation.recipe.records import Dropped
from curation.recipe.text import language

#: What became of a row that cannot be read: it never was a document, so it has none of `reasons.REASONS`.
UNREADABLE = "unreadable"


@dataclass(slots=True)
class Outcome:
    """One document, or one row that is none. `left_out` is a key of `reasons.REASONS`, `unreadable`, or "" for a text.

    `content` is the raw bytes, kept only where they were asked for.
    """

    path: str
    member: str = ""
    row: int = 0
    left_out: str = ""
    reason: str = ""
    text: str = ""
    title: str = ""
    address: str = ""
    licence: str = ""
    media_type: str = ""
    extractor: str = ""
    language: str = ""
    language_scores: list[tuple[str, float]] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    content: bytes = b""

    def as_dict(self) -> dict[str, Any]:
        """What a line of `./manage.py extract` says; each of the two shapes always has all of its fields."""
        where = {"path": self.path, "member": self.member, "row": self.row}
        kind = {"media_type": self.media_type, "extractor": self.extractor}
        if self.left_out:
            return {**where, "left_out": self.left_out, "reason": self.reason, **kind, "text": ""}
        notes = dict(self.notes)
        said = {name: notes.pop(name, "") for name in ("page_type", "by", "why", "author", "date")}
        cut, licence = notes.pop("cut", []), notes.pop("licence", None)
        if self.licence:
            licence = {"name": self.licence, "evidence": self.meta.get(LICENCE_EVIDENCE, "stated by its row")}
        return {
            **where,
            "title": self.title,
            "language": self.language,
            "language_scores": [[code, round(score, 4)] for code, score in self.language_scores],
            "address": self.address,
            **kind,
            **said,
            "licence": licence,
            "cut": cut,
            "notes": notes,
            "meta": self.meta,
            "text": self.text,
        }


def outcomes(
    files: Iterable[Found | BadRow],
    pool: Pool,
    mapping: Mapping[str, str] | None = None,
    limits: Limits = DEFAULT,
    keep: int = 0,
) -> Iterator[Outcome]:
    """Every document of the files in order, in bounded memory. `keep` bytes of each one's raw content come with it."""
    asked: deque[Outcome] = deque()

    def requests() -> Iterator[Request | Dropped]:
        for file in files:
            if isinstance(file, BadRow):
                asked.append(Outcome(file.file))
                yield Dropped(UNREADABLE, file.reason)
                continue
            path = file.shown or str(file.path)
            for row in read_rows(file.path, file.name, mapping, limits, arrival=file.arrival):
                if isinstance(row, BadRow):
                    asked.append(Outcome(path, row.member, row.row))
                    yield Dropped(UNREADABLE, row.reason)
                else:
                    asked.append(_asked(path, row, keep))
                    yield Request(row.content, row.media_type, row.address)

    for result in pool.run(requests()):
        yield _told(asked.popleft(), result)


def _asked(path: str, row: Row, keep: int) -> Outcome:
    return Outcome(
        path,
        row.member,
        row.row,
        title=row.title,
        address=row.address,
        licence=row.licence,
        media_type=row.media_type,
        extractor=extractor_of(row.media_type),
        meta=row.meta,
        content=row.content[:keep],
    )


def _told(outcome: Outcome, result: Extracted | Dropped) -> Outcome:
    if isinstance(result, Dropped):
        outcome.left_out, outcome.reason = result.reason, result.detail
        return outcome
    said = language.identify([result.text])[0]
    outcome.text, outcome.notes = result.text, dict(result.notes)
    if said.uncertain:
        outcome.notes["language"] = said.doubt
    outcome.title = outcome.title or result.title
    outcome.address = outcome.address or result.address
    outcome.language, outcome.language_scores = said.code, list(said.scores)
    return outcome
