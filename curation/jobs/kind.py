"""The contract of a job kind: how a stage is planned into chunks, processed, saved and finished."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from curation.models import Chunk, Job


class Cancelled(Exception):
    """The job was cancelled: stop between two batches."""


class Lost(Exception):
    """Another worker has the chunk by now: whatever this one did is dropped."""


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """Frozen inputs of one restartable piece; `size` is in the kind's unit."""

    inputs: dict[str, Any]
    size: int


@dataclass(slots=True)
class Tally:
    """What one chunk did, counted. Mishaps are (subject, reason, detail) of records that failed by accident."""

    done: int = 0
    dropped: int = 0
    failed: int = 0
    mishaps: list[tuple[str, str, str]] = field(default_factory=list)


class Pulse(Protocol):
    def beat(self, done: int = 0) -> None:
        """Say how many records are processed. Raises Cancelled or Lost when there is no use in going on."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`process` runs outside any transaction and may take minutes; `save` runs in the transaction that closes
    the chunk, `finish` in the one that closes the job. Run twice, the same rows."""

    name: str
    title: str
    unit: str
    plan: Callable[[Job], Iterable[ChunkPlan]]
    process: Callable[[Job, Chunk, Pulse], Any]
    save: Callable[[Job, Chunk, Any], Tally]
    finish: Callable[[Job], dict[str, Any]] | None = None
    transient: tuple[type[Exception], ...] = ()
    writes_much: bool = False  # refuses to start when the disk is nearly full
    lane: str = ""  # it waits, in the order of asking, until it has this lane of its project to itself
    #: Whether a job runs code that nobody trusts and needs the database alone: it is left to workers that may have nothing else.
    runs_code: Callable[[Job], bool] | None = None
