"""When to try again: capped exponential waits with full jitter, and what the server asks for where it asks.

AWS Architecture Blog, "Exponential backoff and jitter" (2015): full jitter spreads retries best.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class Retrying:
    """`attempts` in all; waits of at most `first` · 2^k seconds and never more than `most`. A server that asks for a wait
    longer than `patience` is not waited for."""

    attempts: int = 5
    first: float = 1.0
    most: float = 30.0
    patience: float = 120.0

    def wait(self, attempt: int, asked: float | None) -> float | None:
        """Seconds to wait after the attempt of this number (1 is the first); None: give up."""
        if attempt >= self.attempts or (asked is not None and asked > self.patience):
            return None
        drawn = random.uniform(0, min(self.most, self.first * 2 ** (attempt - 1)))  # noqa: S311  no secret hangs on it
        return drawn if asked is None else asked + drawn / 4


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that `Retry-After` (seconds or an HTTP date, RFC 9110 10.2.3) or `retry-after-ms` asks for; None without one."""
    if (milliseconds := _number(headers.get("retry-after-ms", ""))) is not None:
        return milliseconds / 1000
    said = headers.get("retry-after", "").strip()
    if not said:
        return None
    if (seconds := _number(said)) is not None:
        return seconds
    try:
        at = parsedate_to_datetime(said)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - (now or datetime.now(UTC))).total_seconds())


def _number(said: str) -> float | None:
    try:
        value = float(said)
    except ValueError:
        return None
    return value if 0 <= value < 1e9 else None
