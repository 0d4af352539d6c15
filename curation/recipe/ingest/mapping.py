"""Mapping: which field of a table is the text, the title, the address. Given by a person, or guessed from names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from curation.recipe.ingest import thread
from curation.recipe.ingest.found import ADDRESS, LICENCE, TITLE, Row, shorten, storable

#: What a field can be. `text`, `markdown`, `html` and `question` are bodies: exactly one of them is mapped. A question makes one
#: document with its `answers`, where a row has any.
BODIES = {
    "text": "text/plain",
    "markdown": "text/markdown",
    "html": "text/html",
    "question": thread.MEDIA_TYPE,
}
DETAILS = ("answers", "title", "address", "licence")
ROLES = (*BODIES, *DETAILS)

#: Names to guess by, the likeliest first, compared without case, spaces, hyphens and underscores.
NAMES: dict[str, tuple[str, ...]] = {
    "text": (
        *(
            "text",
            "content",
            "body",
            "maintext",
            "maincontent",
            "pagecontent",
            "fulltext",
            "article",
            "articlebody",
        ),
        *("document", "passage", "rawcontent", "plaintext", "story", "abstract", "description", "code"),
        *("question", "problem", "prompt", "instruction", "input"),
        *("sentence", "review", "comment", "message"),
    ),
    "markdown": ("markdown", "md", "contentmarkdown", "textmarkdown"),
    "html": ("html", "rawhtml", "pagehtml", "htmlcontent", "contenthtml"),
    "title": ("title", "headline", "name", "heading", "subject", "pagetitle"),
    "address": ("url", "address", "uri", "link", "sourceurl", "pageurl", "canonicalurl", "permalink", "href"),
    "licence": ("licence", "license", "licensename", "licencename", "spdx", "licenseid"),
}
BODY_ORDER = ("text", "markdown", "html")
#: A table with a field of each is questions with answers, unless one of `text` that comes before them is there.
QUESTIONS = ("question", "problem", "prompt", "instruction", "query")
ANSWERS = (
    *(
        "answers",
        "answer",
        "acceptedanswer",
        "bestanswer",
        "solution",
        "canonicalsolution",
        "response",
        "responses",
    ),
    *("output", "completion"),
)

META_FIELDS = 40
META_TEXT = 500  # characters


class MappingError(ValueError):
    """A mapping that cannot be used, said in a sentence for the person who gave it."""


class Missing(ValueError):
    """A row that has nothing to make a document of. The message follows "Row 3 of pages.jsonl "."""


def read_mapping(pairs: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """Read `["text=body", "title=headline"]` or the same as a dict. Raises MappingError naming what is wrong."""
    if not isinstance(pairs, Mapping):
        split = [pair.partition("=") for pair in pairs]
        if wrong := next((role for role, equals, _ in split if not equals), None):
            raise MappingError(f"A mapping is written field=column, for example text=body; got {wrong!r}.")
        pairs = {role: column for role, _, column in split}
    mapping = {role.strip(): column.strip() for role, column in pairs.items() if column.strip()}
    if unknown := [role for role in mapping if role not in ROLES]:
        raise MappingError(f"{unknown[0]!r} is not a field of a document; the fields are {', '.join(ROLES)}.")
    if len([role for role in mapping if role in BODIES]) > 1:
        raise MappingError(f"Map one of {', '.join(BODIES)}: a document has one body.")
    if "answers" in mapping and any(role in mapping for role in BODY_ORDER):
        raise MappingError("Answers go with a question: map question=… too.")
    return mapping


def body_of(mapping: Mapping[str, str]) -> str:
    """The role that is the body (`text`, `markdown`, `html` or `question`), or an empty string."""
    return next((role for role in BODIES if role in mapping), "")


def guess(columns: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Complete a mapping from the columns of a table.

    `columns` maps each column's name to a sample of its text, empty where it holds no text. What was given stays.
    Without a column of a known name, the one with by far the longest text is the body. No body found: none is mapped.
    """
    plain = {_plain(name): name for name in reversed(list(columns))}
    mapping = dict(given)
    taken = set(mapping.values())
    if not body_of(mapping):
        mapping |= _questions(plain, columns, taken)
    if not body_of(mapping):
        for role in BODY_ORDER:
            found = next((plain[name] for name in NAMES[role] if _is_text(plain, name, columns, taken)), None)
            if found is not None:
                mapping[role] = found
                break
        else:
            if longest := _longest(columns, taken):
                mapping["text"] = longest
        taken = set(mapping.values())
    for role in DETAILS:
        if role in mapping or role not in NAMES:
            continue
        found = next(
            (plain[name] for name in NAMES[role] if name in plain and plain[name] not in taken), None
        )
        if found is not None:
            mapping[role] = found
            taken.add(found)
    return mapping


def _questions(plain: Mapping[str, str], columns: Mapping[str, str], taken: set[str]) -> dict[str, str]:
    """The mapping of a table of questions with answers; empty for any other."""
    names = NAMES["text"]
    if any(_is_text(plain, name, columns, taken) for name in names[: names.index("question")]):
        return {}
    asked = next((plain[name] for name in QUESTIONS if _is_text(plain, name, columns, taken)), None)
    said = next((plain[name] for name in ANSWERS if name in plain and plain[name] not in taken), None)
    return {"question": asked, "answers": said} if asked is not None and said is not None else {}


def _is_text(plain: Mapping[str, str], name: str, columns: Mapping[str, str], taken: set[str]) -> bool:
    return name in plain and bool(columns[plain[name]].strip()) and plain[name] not in taken


def _longest(columns: Mapping[str, str], taken: set[str]) -> str:
    free = sorted(((len(text), name) for name, text in columns.items() if name not in taken), reverse=True)
    return free[0][1] if free and free[0][0] >= 60 else ""


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def no_body(columns: Sequence[str]) -> str:
    """The complaint about a table in which no column looks like text."""
    shown = ", ".join(f"`{shorten(name, 40)}`" for name in list(columns)[:12]) or "none"
    return f"has no field that looks like text (its fields: {shown}). Say which one it is, for example text=body."


class NoBody(MappingError):
    """A table in which no column looks like text."""


@dataclass(slots=True)
class Choice:
    """Chooses the mapping of every table of a file: as given, completed by a guess, and kept in `resolved`.

    `resolved` maps a member's name ("" outside an archive) to its whole mapping. What it already holds is taken as it
    is, so that a row is found again by the mapping that it was read with.
    """

    given: Mapping[str, str]
    resolved: dict[str, dict[str, str]]
    columns: dict[str, str] = field(default_factory=dict)  # of the first table that was chosen for

    def known(self, member: str) -> Picker | None:
        mapping = self.resolved.get(member)
        return Picker.of(member, mapping) if mapping else None

    def choose(self, member: str, columns: Mapping[str, str]) -> Picker:
        """`columns` as for `guess`. Raises NoBody when nothing looks like text."""
        if known := self.known(member):
            return known
        self.columns = self.columns or dict(columns)
        mapping = guess(columns, self.given)
        if not body_of(mapping):
            raise NoBody(no_body(list(columns)))
        self.resolved[member] = mapping
        return Picker.of(member, mapping)


@dataclass(slots=True)
class Picker:
    """Makes a `Row` of one record of a table, by a complete mapping."""

    member: str
    body: str
    media_type: str
    title: str | None
    address: str | None
    licence: str | None
    answers: str | None
    mapped: frozenset[str]

    @classmethod
    def of(cls, member: str, mapping: Mapping[str, str]) -> Picker:
        role = body_of(mapping)
        return cls(
            member,
            mapping[role],
            BODIES[role],
            mapping.get("title"),
            mapping.get("address"),
            mapping.get("licence"),
            mapping.get("answers"),
            frozenset(mapping.values()),
        )

    def row(self, record: Mapping[str, Any], row: int, offset: int | None, length: int | None) -> Row:
        """Raises Missing when the record has no usable body."""
        return Row(
            self.member,
            row,
            self.content(record),
            self.media_type,
            detail(record, self.title, TITLE),
            detail(record, self.address, ADDRESS),
            detail(record, self.licence, LICENCE),
            meta(record, self.mapped),
            offset,
            length,
        )

    @property
    def made_of(self) -> frozenset[str]:
        """The columns that the content is made of."""
        asked = self.media_type == thread.MEDIA_TYPE
        return frozenset(filter(None, [self.body, self.answers, self.title] if asked else [self.body]))

    def content(self, record: Mapping[str, Any]) -> bytes:
        """Raises Missing when the record has no usable body."""
        body = self._body(record)
        if self.media_type != thread.MEDIA_TYPE:
            return body
        question = thread.written("question", body.decode("utf-8", "replace"))
        said = _at(record, self.answers) if self.answers else None
        return thread.thread(detail(record, self.title, TITLE), question, thread.answers_in(said))

    def _body(self, record: Mapping[str, Any]) -> bytes:
        value = _at(record, self.body)
        if isinstance(value, str):
            if not value or value.isspace():
                raise Missing(f"has an empty `{self.body}`. Map another field, or leave it out.")
            return value.encode("utf-8", "replace")
        if value is None:
            raise Missing(f"has no `{self.body}`. Map another field, or leave it out.")
        if isinstance(value, bytes) and value.strip():
            return value
        raise Missing(
            f"has a `{self.body}` that is {_kind(value)}, not text. Map another field, or leave it out."
        )


def detail(record: Mapping[str, Any], column: str | None, limit: int) -> str:
    """A short field of a record as one line of storable text; numbers are written out."""
    if column is None:
        return ""
    value = _at(record, column)
    if value is None:
        return ""
    if not isinstance(value, str):
        value = str(value) if isinstance(value, int | float) else ""
    if len(value) > limit:
        value = value[:limit]
    value = storable(value)
    return " ".join(value.split()) if value and not value.isprintable() else value.strip()


def meta(record: Mapping[str, Any], mapped: frozenset[str]) -> dict[str, Any]:
    """The other fields that are short enough to keep beside the document: where a row came from should stay known."""
    kept: dict[str, Any] = {}
    for name, value in record.items():
        if name in mapped or value is None:
            continue
        if isinstance(value, str):
            if 0 < len(value) <= META_TEXT:
                kept[storable(name)] = storable(value)
        elif isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 1 << 53):
            kept[storable(name)] = value
        if len(kept) >= META_FIELDS:
            break
    return kept


def _at(record: Mapping[str, Any], column: str) -> Any:
    value = record.get(column)
    return _inside(record, column) if value is None else value


def _inside(record: Mapping[str, Any], path: str) -> Any:
    """`content.body` looks into nested objects where the record has no field of that very name."""
    if "." not in path:
        return None
    value: Any = record
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def _kind(value: Any) -> str:
    kinds: list[tuple[Any, str]] = [
        (bool, "true or false"),
        ((int, float), "a number"),
        ((list, tuple), "a list"),
        (Mapping, "an object"),
        (bytes, "empty"),
    ]
    return next((name for kind, name in kinds if isinstance(value, kind)), "a value")
