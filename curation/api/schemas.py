"""What goes in and out. Ids are UUIDs; times are UTC; nothing here shows what others decided or what a model scored."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import AfterValidator, ConfigDict, Field


def _storable(text: str) -> str:
    """PostgreSQL keeps neither NUL nor half of a surrogate pair."""
    if "\x00" in text:
        raise ValueError("contains a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("is not valid Unicode: it has half of a surrogate pair") from None
    return text


Text = Annotated[str, AfterValidator(_storable)]


class Asked(Schema):
    """A body that a client sends: a name that we do not know is an error, not ignored."""

    model_config = ConfigDict(extra="forbid")


class ProjectOut(Schema):
    id: UUID
    slug: str
    name: str
    description: str
    languages: list[str]
    role: Literal["annotator", "reviewer", "manager"] = Field(description="Yours in it.")
    archived: bool


class QueueOut(Schema):
    id: UUID
    name: str
    kind: Literal["seeds", "pages", "scores", "pairs", "samples"]
    question: str
    verdicts: list[str]
    rubrics: list[str]
    wanted: int = Field(description="Decisions by different people per item.")
    paused: bool
    items: int
    open: int = Field(description="Items that still want a decision of somebody.")
    settled: int


class RejectReasonOut(Schema):
    key: str
    title: str


class ClaimOut(Schema):
    item: UUID
    lease: UUID
    expires_at: datetime
    kind: Literal["seeds", "pages", "scores", "pairs", "samples"]
    queue: UUID
    question: str
    verdicts: list[str] = Field(
        description="What `decide` takes here, besides skip, flag and, for samples, send_back."
    )
    rubrics: list[str] = Field(description="What a `rate` verdict rates, 0 to 5 each.")
    reject_reasons: list[RejectReasonOut]
    subject: dict[str, Any] = Field(description="The text, and where it comes from.")


class HeldOut(Schema):
    item: UUID
    lease: UUID
    expires_at: datetime


class LeaseIn(Asked):
    lease: UUID


class RenewedOut(Schema):
    lease: UUID
    expires_at: datetime


class ReleasedOut(Schema):
    released: bool = Field(description="False when the lease had ended already.")


class MessageIn(Asked):
    role: Text
    content: Text


class DecideIn(Asked):
    lease: UUID
    verdict: Literal["accept", "reject", "rate", "skip", "flag", "send_back"]
    reason: Text = Field("", max_length=40, description="Of a reject: a key of the claim's `reject_reasons`.")
    ratings: dict[str, int] = Field(default_factory=dict, description="Of a rate: {rubric: 0 to 5}.")
    text: Text | None = Field(None, max_length=2_000_000, description="Of an accept: the text as edited.")
    messages: list[MessageIn] | None = Field(
        None, description="Of an accepted sample: its messages as edited."
    )
    revision: Text = Field(
        "", max_length=40, description="Of an accepted sample: the key of another of the claim's `texts`."
    )
    note: Text = Field("", max_length=10_000, description="Of send_back: what the revision should change.")
    seconds: float | None = Field(None, ge=0, le=86_400, description="Of attention.", allow_inf_nan=False)


class DecidedOut(Schema):
    item: UUID
    decision: UUID
    event: Literal["decide", "skip", "flag", "send_back"]
    verdict: str
    counts: bool = Field(description="Whether it fills one of the item's slots.")
    surplus: bool = Field(description="It came when the slots were filled: kept, and does not count.")


class UndoneOut(Schema):
    item: UUID
    undone: UUID
    lease: UUID | None = Field(
        description="Under which to decide again; null when somebody else has the item."
    )
    expires_at: datetime | None


class ProgressOut(Schema):
    total: int
    done: int
    dropped: int
    failed: int
    rate: float | None = Field(description="Per second.")
    left: float | None = Field(description="Seconds.")


class JobOut(Schema):
    id: UUID
    kind: str
    title: str
    unit: str
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    reason: str
    result: dict[str, Any]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    progress: ProgressOut | None = Field(None, description="Of a single job, not in lists.")


class ImportOut(Schema):
    id: UUID
    job: UUID
    source: str
    files: list[str]


class ExportIn(Asked):
    what: Literal["documents", "passages", "seeds", "samples"]
    format: Literal["jsonl", "parquet"] = "jsonl"
    filters: dict[str, Any] = Field(default_factory=dict)
    expected: int | None = Field(
        None, ge=0, description="The count that you were shown; another count is refused."
    )


class FileOut(Schema):
    name: str
    rows: int
    bytes: int
    sha256: str
    address: str


class SnapshotOut(Schema):
    id: UUID
    what: str
    format: str
    state: str
    rows: int
    left_out: dict[str, int]
    licences: dict[str, int]
    filters: dict[str, Any]
    versions: dict[str, Any]
    created_at: datetime
    job: UUID | None
    files: list[FileOut]
