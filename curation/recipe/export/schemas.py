"""What a row of each kind of export has, field by field. docs/export-schemas.md is this table in words.

A snapshot's manifest names the version of the schema it was written with; a change to a field's name, type or
meaning is a new version.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

VERSION = "1"


class Kind(Enum):
    """A type that is no list and no record. The value is the word the documentation uses."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    JSON = "any JSON"
    SCORES = "numbers by name"


@dataclass(frozen=True, slots=True)
class Many:
    of: Kind | Record


@dataclass(frozen=True, slots=True)
class Record:
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    type: Kind | Many | Record
    meaning: str
    always: bool = False  # never null

    @property
    def type_name(self) -> str:
        if isinstance(self.type, Many):
            of = self.type.of
            return "list of objects" if isinstance(of, Record) else f"list of {of.value}s"
        return "object" if isinstance(self.type, Record) else self.type.value


@dataclass(frozen=True, slots=True)
class Schema:
    what: str
    title: str
    help: str
    fields: tuple[Field, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    def described(self) -> Iterator[tuple[str, Field]]:
        """Every field with its full name, nested ones as `lineage.source` and `steps[].kind`."""
        yield from _described(self.fields, "")


def _described(fields: tuple[Field, ...], prefix: str) -> Iterator[tuple[str, Field]]:
    for field in fields:
        yield prefix + field.name, field
        inner: Any = field.type.of if isinstance(field.type, Many) else field.type
        if isinstance(inner, Record):
            yield from _described(
                inner.fields, f"{prefix}{field.name}{'[]' if inner is not field.type else ''}."
            )


STRING, INTEGER, NUMBER, BOOLEAN, JSON, SCORES = Kind
STRINGS = Many(STRING)

#: What every row says of the model's opinion. A person's rating is never in here.
SCORES_OF_SCORERS = Field(
    "scores",
    Many(
        Record(
            (
                Field("rubric", STRING, "`educational`, `factual` or `reasoning`", always=True),
                Field("scorer", STRING, "name and version, such as `starter-1`", always=True),
                Field("value", NUMBER, "0 to 5", always=True),
            )
        )
    ),
    "what the active scorers said when the snapshot was made",
    always=True,
)

_SOURCE = (
    Field("source", STRING, "UUID of the source it was first found in", always=True),
    Field("source_name", STRING, "its name", always=True),
    Field(
        "source_kind", STRING, "`web`, `code`, `academic`, `book`, `questions` or `synthetic`", always=True
    ),
    Field("licence", STRING, "of the place it was found in, else of its source; null when nobody said"),
)

_DOCUMENT = (
    Field("document", STRING, "UUID of the document"),
    Field("document_sha256", STRING, "SHA-256 of the document's raw bytes"),
    Field("extractor", STRING, "name and version of what made text of it"),
    Field("title", STRING, "the document's title"),
    Field("address", STRING, "where the document was found first"),
)

_SPAN = (
    Field("ordinal", INTEGER, "place of the passage in its document, from 0"),
    Field("start", INTEGER, "first code point of the passage in the extraction"),
    Field("end", INTEGER, "one after its last code point"),
    Field("heading", STRING, "the heading it stands under"),
)

_TEXT = (
    Field("text", STRING, "what is trained on", always=True),
    Field("text_sha256", STRING, "SHA-256 of `text` in UTF-8", always=True),
)

_EDITED = (
    Field("edited", BOOLEAN, "a person changed the text, and the change was accepted", always=True),
    Field("original_sha256", STRING, "SHA-256 of the text before that", always=True),
)

_DECISIONS = Field("decisions", INTEGER, "decisions by people that count", always=True)

DOCUMENTS = Schema(
    "documents",
    "Documents",
    "Whole texts that passed every filter.",
    (
        Field("uuid", STRING, "UUID of the document", always=True),
        *_TEXT,
        Field("title", STRING, "its title"),
        Field("language", STRING, "language code"),
        Field("characters", INTEGER, "length of `text` in code points", always=True),
        Field("sha256", STRING, "SHA-256 of its raw bytes", always=True),
        Field("media_type", STRING, "what the bytes were, such as `text/html`"),
        Field("extractor", STRING, "name and version of what made text of it", always=True),
        Field("address", STRING, "where it was found first"),
        *_SOURCE,
        Field(
            "occurrences",
            Many(
                Record(
                    (
                        Field("source", STRING, "UUID of the source", always=True),
                        Field("address", STRING, "where in it"),
                        Field("licence", STRING, "licence there, else of the source"),
                    )
                )
            ),
            "every place it was found in, oldest first",
            always=True,
        ),
        SCORES_OF_SCORERS,
    ),
)

PASSAGES = Schema(
    "passages",
    "Passages",
    "Spans of documents that passed every filter.",
    (
        Field("uuid", STRING, "UUID of the passage", always=True),
        *_TEXT,
        Field("language", STRING, "language code"),
        Field("tokens", INTEGER, "length in tokens of the bundled tokeniser"),
        *_EDITED,
        *_DOCUMENT,
        *_SPAN,
        *_SOURCE,
        SCORES_OF_SCORERS,
        _DECISIONS,
    ),
)

SEEDS = Schema(
    "seeds",
    "Seeds",
    "Passages and questions that people accepted to generate from.",
    (
        Field("uuid", STRING, "UUID of the seed", always=True),
        *_TEXT,
        Field("kind", STRING, "`passage` or `question`", always=True),
        Field("tags", JSON, "what was noted of it", always=True),
        Field("language", STRING, "language code"),
        *_EDITED,
        Field("passage", STRING, "UUID of the passage; this and what follows is null for a question"),
        *_DOCUMENT,
        *_SPAN,
        Field("source", STRING, "UUID of the source the document was first found in"),
        Field("source_name", STRING, "its name"),
        Field("source_kind", STRING, "`web`, `code`, `academic`, `book`, `questions` or `synthetic`"),
        Field("licence", STRING, "of the place it was found in, else of its source; null when nobody said"),
        SCORES_OF_SCORERS,
        _DECISIONS,
    ),
)

_META = Field("meta", JSON, "what came with it that the schema does not know")

MESSAGES = Many(
    Record(
        (
            Field("role", STRING, "`system`, `user`, `assistant` or `tool`", always=True),
            Field("content", STRING, "what was said", always=True),
            _META,
        )
    )
)

STEPS = Many(
    Record(
        (
            Field("kind", STRING, "`prompt`, `draft`, `critique` or `revision`", always=True),
            Field("name", STRING, "what the workflow calls the step"),
            Field("prompt", STRING, "what was asked"),
            Field("prompt_version", STRING, "version of the prompt's template"),
            Field("model", STRING, "who answered"),
            Field("output", STRING, "the answer"),
            Field("scores", SCORES, "numbers the step gave, by criterion", always=True),
            _META,
        )
    )
)

VERDICTS = Many(
    Record(
        (
            Field("judge", STRING, "who or what judged, with its version"),
            Field("kind", STRING, "`judge`, `code`, `maths` or `format`", always=True),
            Field("outcome", STRING, "`passed`, `failed` or `uncertain`", always=True),
            Field("scores", SCORES, "numbers by criterion", always=True),
            Field("evidence", STRING, "why: the judge's words, a test's output"),
            _META,
        )
    )
)

LINEAGE = Record(
    (
        Field("sample", STRING, "UUID of the sample in the studio that wrote the row", always=True),
        Field("sha256", STRING, "content hash of `messages` or `text` (see the sample schema)", always=True),
        *_EDITED,
        Field("source", STRING, "UUID of the source it was imported into, or of its run's", always=True),
        Field("source_name", STRING, "its name", always=True),
        Field("seed", STRING, "UUID of the seed"),
        Field("passage", STRING, "UUID of the passage it was generated from"),
        *_DOCUMENT,
        *_SPAN,
        Field("document_licence", STRING, "licence of the document it was generated from"),
        Field("run", STRING, "UUID of the run that made it"),
        Field("candidate", INTEGER, "which attempt of the run made it, from 1"),
        Field("rank", INTEGER, "its place among the samples that the run accepted, from 1"),
        Field("accepted_by", STRING, "what the run took for accepted: `verdicts` or `people`"),
        _DECISIONS,
        Field("before", JSON, "the lineage that the row had when it was imported"),
    )
)

SAMPLES = Schema(
    "samples",
    "Samples",
    "Generated examples that people accepted, with the chain that made them.",
    (
        Field("id", STRING, "its id where it was made, else its UUID", always=True),
        Field("messages", MESSAGES, "the turns; null for a sample that is one text"),
        Field("text", STRING, "the text; null for a sample of messages"),
        Field(
            "seed",
            Record(
                (
                    Field("address", STRING, "address of the document it was generated from"),
                    Field("quote", STRING, "the span of it"),
                    Field("text", STRING, "the seed itself, where it is no document's"),
                    _META,
                )
            ),
            "what it was generated from, as the row said",
        ),
        Field("workflow", STRING, "recipe of steps that made it"),
        Field("model", STRING, "model that wrote it"),
        Field("language", STRING, "language code"),
        Field("licence", STRING, "of the row, else of its source; null when nobody said"),
        Field("topics", STRINGS, "what it is about", always=True),
        Field("skill", STRING, "what it teaches"),
        Field("difficulty", STRING, "how hard it is, in the maker's scale"),
        Field("steps", STEPS, "the chain, in order", always=True),
        Field("verdicts", VERDICTS, "what machines concluded", always=True),
        Field("lineage", LINEAGE, "where it stands in the studio that wrote the row", always=True),
        Field("meta", JSON, "what came with it that the schema does not know", always=True),
    ),
)

SCHEMAS: dict[str, Schema] = {schema.what: schema for schema in (DOCUMENTS, PASSAGES, SEEDS, SAMPLES)}

#: The list of exactly which rows a snapshot froze; a file beside the shards.
ROWS = Schema(
    "rows",
    "Rows",
    "Which rows a snapshot holds, in order.",
    (
        Field("uuid", STRING, "UUID of the row's subject", always=True),
        Field("sha256", STRING, "SHA-256 of its text", always=True),
    ),
)
