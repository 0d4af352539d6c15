"""Values on their way between the tests and the code under test, which are processes that do not trust each other.

JSON with tags, so that what arrives is plain data whatever was sent: no object of the code's making, with an `__eq__` of its own, ever
reaches a test. Subclasses of plain types arrive as the plain type. What has no form here raises `CannotTravel`.
"""

from __future__ import annotations

import json
import os
import struct
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Any

LARGEST = 64 << 20  # bytes of one message
MOST_ITEMS = 1_000_000  # of an iterator, which may have no end
_LENGTH = struct.Struct("=I")


class CannotTravel(Exception):
    """A value is no plain data."""


class TestsNeedObjects(CannotTravel):
    """It is the tests, and not the code, that use such a value."""


class Gone(Exception):
    """The other side has ended."""


#: tag: (type, to plain data, from plain data). The first type that fits is taken: a datetime is a date, a Counter a dict.
TAGGED: dict[str, tuple[type | tuple[type, ...], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "tuple": (tuple, list, tuple),
    "counter": (Counter, lambda value: list(map(list, dict.items(value))), lambda pairs: Counter(dict(pairs))),
    "ordered": (OrderedDict, lambda value: list(map(list, value.items())), OrderedDict),
    "dict": ((dict, defaultdict), lambda value: list(map(list, dict.items(value))), dict),
    "set": (set, list, set),
    "frozenset": (frozenset, list, frozenset),
    "deque": (deque, list, deque),
    "bytes": (bytes, lambda value: value.decode("latin-1"), lambda text: text.encode("latin-1")),
    "bytearray": (bytearray, lambda value: value.decode("latin-1"), lambda text: bytearray(text, "latin-1")),
    "complex": (complex, lambda value: [value.real, value.imag], lambda parts: complex(*parts)),
    "range": (range, lambda value: [value.start, value.stop, value.step], lambda parts: range(*parts)),
    "decimal": (Decimal, str, Decimal),
    "fraction": (Fraction, str, Fraction),
    "datetime": (datetime, datetime.isoformat, datetime.fromisoformat),
    "date": (date, date.isoformat, date.fromisoformat),
    "timedelta": (timedelta, lambda value: [value.days, value.seconds, value.microseconds], lambda parts: timedelta(*parts)),
    "views": ((type({}.keys()), type({}.values()), type({}.items())), list, list),
    "iterator": (Iterator, lambda value: list(islice(value, MOST_ITEMS)), iter),
}  # fmt: skip


def plain(value: Any) -> Any:
    """The value as JSON can hold it. Raises CannotTravel (RecursionError for a value that holds itself)."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        # Beyond 4,300 digits Python refuses decimal; hexadecimal costs no more than the digits.
        return int(value) if abs(value) < 1 << 63 else {"tag": "int", "of": hex(value)}
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    for tag, (kind, to, _) in TAGGED.items():
        if isinstance(value, kind):
            return {"tag": tag, "of": plain(to(value))}
    raise CannotTravel(f"a value of type {type(value).__name__}")


def restored(value: Any) -> Any:
    """The value that `plain` was given."""
    if isinstance(value, list):
        return [restored(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value["tag"] == "int":
        return int(value["of"], 16)
    return TAGGED[value["tag"]][2](restored(value["of"]))


def send(channel: int, message: dict[str, Any]) -> None:
    """Write a message to a descriptor. Raises Gone, or CannotTravel for one that is too large."""
    body = json.dumps(message).encode()
    if len(body) > LARGEST:
        raise CannotTravel(f"more than {LARGEST >> 20} MiB")
    data = memoryview(_LENGTH.pack(len(body)) + body)
    try:
        while data:
            data = data[os.write(channel, data) :]
    except OSError as error:
        raise Gone from error


def receive(channel: int) -> dict[str, Any]:
    """Read a message from a descriptor. Raises Gone, also where what comes is no message."""
    (length,) = _LENGTH.unpack(_exactly(channel, _LENGTH.size))
    if length > LARGEST:
        raise Gone
    try:
        message = json.loads(_exactly(channel, length))
    except (ValueError, RecursionError) as error:
        raise Gone from error
    if not isinstance(message, dict):
        raise Gone
    return message


def _exactly(channel: int, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        read = os.read(channel, min(length - len(parts), 1 << 20))
        if not read:
            raise Gone
        parts += read
    return bytes(parts)
