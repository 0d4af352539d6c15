"""Stack Exchange dumps: `Posts.xml`, a question with all its answers as one document, the accepted one first.

Answers stand anywhere after their question, so the posts are sorted into a temporary SQLite file first: memory stays
bounded, and the disk holds the dump once more while it is read. Rows are numbered by the question's own Id. Posts that are
no question and no answer (tag wikis, nominations) are left out by name, as are answers whose question is not there.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from curation.recipe.ingest import thread
from curation.recipe.ingest.found import LICENCE, LICENCE_EVIDENCE, TITLE, BadRow, Place, Row, storable
from curation.recipe.ingest.licences import of_words
from curation.recipe.ingest.limits import Limits, Refused, readable_bytes
from curation.recipe.ingest.mapping import Choice
from curation.recipe.ingest.readers.elements import Elements, root_of
from curation.recipe.ingest.walk import Member

QUESTION, ANSWER = "1", "2"
KINDS = {
    "3": "an orphaned tag wiki",
    "4": "a tag's excerpt",
    "5": "a tag wiki",
    "6": "a moderator's nomination",
    "7": "a wiki placeholder",
}
TAG = re.compile(r"[<|]([^<>|]{1,80})(?=[>|])")
KEPT = 1_000  # posts put into the file at once

SCHEMA = """
    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16000;
    CREATE TABLE question (id INTEGER PRIMARY KEY, post BLOB);
    CREATE TABLE answer (parent INTEGER, id INTEGER, post BLOB, PRIMARY KEY (parent, id)) WITHOUT ROWID;
"""


def marked(head: bytes) -> bool:
    return root_of(head) == "posts"


def read(member: Member, choice: Choice, limits: Limits) -> Iterator[Row | BadRow]:
    with tempfile.TemporaryDirectory(prefix="seedbed-posts-") as folder:
        held = sqlite3.connect(Path(folder) / "posts")
        try:
            held.executescript(SCHEMA)
            posts = _Posts(member.place, held)
            elements = Elements(limits, posts.opened, lambda name, text: None)
            broken: Exception | None = None
            more = True
            while more:
                try:
                    more = elements.feed(member.stream)
                except (Refused, ValueError, OSError, EOFError) as error:
                    broken, more = error, False
                ready, posts.bad = posts.bad, []
                yield from ready
            posts.keep()
            yield from _threads(held, member.place, limits)
            if broken is not None:
                raise broken  # the questions before the damage are kept
        finally:
            held.close()


class _Posts:
    """Puts every post into the file, and those that are none aside."""

    def __init__(self, place: Place, held: sqlite3.Connection) -> None:
        self.place, self.held = place, held
        self.bad: list[BadRow] = []
        self.waiting: dict[str, list[tuple[Any, ...]]] = {QUESTION: [], ANSWER: []}
        self.number = 0

    def opened(self, name: str, said: dict[str, str]) -> None:
        if name != "row":
            return
        self.number += 1
        key, kind = _number(said.get("Id")), said.get("PostTypeId", "")
        parent = _number(said.get("ParentId"))
        if key is None:
            self._refuse(self.number, "has no Id that is a number. It was left out.", said)
        elif kind not in self.waiting:
            self._refuse(
                key,
                f"is {KINDS.get(kind, 'of no type that is known')}, no question and no answer. It was left out.",
                said,
            )
        elif not said.get("Body", "").strip():
            self._refuse(key, "has an empty Body. It was left out.", said)
        elif kind == ANSWER and parent is None:
            self._refuse(key, "is an answer without a ParentId. It was left out.", said)
        else:
            written = orjson.dumps({name: storable(value) for name, value in said.items()})
            self.waiting[kind].append((key, written) if kind == QUESTION else (parent, key, written))
            if len(self.waiting[kind]) >= KEPT:
                self.keep()

    def keep(self) -> None:
        self.held.executemany("INSERT OR IGNORE INTO question VALUES (?, ?)", self.waiting[QUESTION])
        self.held.executemany("INSERT OR IGNORE INTO answer VALUES (?, ?, ?)", self.waiting[ANSWER])
        self.waiting = {QUESTION: [], ANSWER: []}

    def _refuse(self, number: int, complaint: str, said: dict[str, str]) -> None:
        self.bad.append(self.place.bad_row(number, complaint, said.get("Body", "")[:400]))


def _threads(held: sqlite3.Connection, place: Place, limits: Limits) -> Iterator[Row | BadRow]:
    for key, post in held.execute("SELECT id, post FROM question ORDER BY id"):
        answers: list[dict[str, str]] = []
        size = len(post)
        for (answer,) in held.execute("SELECT post FROM answer WHERE parent = ? ORDER BY id", (key,)):
            size += len(answer)
            if size > limits.document_bytes:
                break
            answers.append(orjson.loads(answer))
        if size > limits.document_bytes:
            complaint = f"is larger than {readable_bytes(limits.document_bytes)} with its answers, the limit on one document."
            yield place.bad_row(key, complaint, post[:400])
        else:
            yield _row(key, orjson.loads(post), answers, place)
    orphans = "SELECT id, post FROM answer WHERE parent NOT IN (SELECT id FROM question) ORDER BY id"
    for key, post in held.execute(orphans):
        yield place.bad_row(
            key, "is an answer whose question is not in this file. It was left out.", post[:400]
        )


def _row(key: int, question: dict[str, str], answers: list[dict[str, str]], place: Place) -> Row:
    title = question.get("Title", "")[:TITLE]
    accepted = question.get("AcceptedAnswerId", "")
    tags = TAG.findall(question.get("Tags", ""))
    content = thread.thread(
        title,
        _post("question", question),
        [_post("answer", one, accepted=one["Id"] == accepted) for one in answers],
        tags,
    )
    licences = Counter(
        of_words(one["ContentLicense"]) for one in [question, *answers] if one.get("ContentLicense")
    )
    meta: dict[str, Any] = {
        "score": _number(question.get("Score")) or 0,
        "answers": len(answers),
        "accepted": bool(accepted),
        "date": question.get("CreationDate", "")[:40],
    }
    row = Row(place.member, key, content, thread.MEDIA_TYPE, title, meta=meta)
    if licences:
        row.licence = " AND ".join(sorted(licences))[:LICENCE]
        row.meta[LICENCE_EVIDENCE] = "ContentLicense of its posts"
    return row


def _post(kind: str, said: dict[str, str], accepted: bool = False) -> dict[str, Any]:
    author = said.get("OwnerDisplayName") or (
        f"user {said['OwnerUserId']}" if said.get("OwnerUserId") else ""
    )
    return thread.post(
        kind,
        said["Body"],
        "html",
        author=author[:200],
        score=_number(said.get("Score")),
        date=said.get("CreationDate", "")[:10],
        accepted=accepted,
        licence=of_words(said.get("ContentLicense", "")),
    )


def _number(written: str | None) -> int | None:
    if written is None or not re.fullmatch(r"-?\d{1,18}", written.strip()):
        return None
    return int(written)
