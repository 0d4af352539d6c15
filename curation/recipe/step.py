"""The contract of a step: a pure stage of the recipe, the same object in a worker, a test and a batch lane.

A step is a dataclass whose fields are its options. `setup()` runs once per worker (it loads a model).
`process_batch(records)` returns one entry per record, in order: a result, `Dropped` or `Failed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol


class Step(Protocol):
    name: ClassVar[str]

    def setup(self) -> None: ...

    def process_batch(self, records: Sequence[Any], /) -> list[Any]: ...
