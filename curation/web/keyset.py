"""Pages of a list by key: the page after a row, never "skip 5,000 rows". Page 2,000 costs what page 1 costs."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Field, Q, QuerySet
from django.http import HttpRequest

PAGE_SIZE = 40


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one page with the cursors of its neighbours ("" where there is none).

    In a list with the newest first, `newer` leads up and `older` leads down.
    """

    rows: list[Any]
    newer: str
    older: str

    def __iter__(self) -> Any:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def page(
    request: HttpRequest, rows: QuerySet[Any], order: Sequence[str] = ("-id",), size: int = PAGE_SIZE
) -> Page:
    """One page of `rows`, by `?after=` or `?before=` of the request. One query.

    `order` names columns (or annotations) that are never null, "-" for descending; together they must be unique,
    so end with the id. A cursor that cannot be read starts at the beginning.
    """
    after = _read(request.GET.get("after", ""), rows, order)
    before = None if after else _read(request.GET.get("before", ""), rows, order)
    if before:
        found = list(rows.filter(_beyond(_reversed(order), before)).order_by(*_reversed(order))[: size + 1])
        more, found = len(found) > size, found[:size][::-1]
        newer, older = (_cursor(found, 0, order) if more else ""), _cursor(found, -1, order)
    else:
        asked = rows.filter(_beyond(order, after)) if after else rows
        found = list(asked.order_by(*order)[: size + 1])
        more, found = len(found) > size, found[:size]
        newer, older = (
            (_cursor(found, 0, order) if after else ""),
            (_cursor(found, -1, order) if more else ""),
        )
    return Page(rows=found, newer=newer, older=older)


def _beyond(order: Sequence[str], values: Sequence[Any]) -> Q:
    """Rows after `values`. The first column's bound is said twice: it is what an index can start from."""
    condition = Q()
    same = Q()
    for name, value in zip(order, values, strict=True):
        column = name.removeprefix("-")
        step = "lt" if name.startswith("-") else "gt"
        condition |= same & Q(**{f"{column}__{step}": value})
        same &= Q(**{column: value})
    bound = Q(**{f"{order[0].removeprefix('-')}__{'lte' if order[0].startswith('-') else 'gte'}": values[0]})
    return bound & condition


def _reversed(order: Sequence[str]) -> list[str]:
    return [name[1:] if name.startswith("-") else f"-{name}" for name in order]


def _cursor(rows: Sequence[Any], at: int, order: Sequence[str]) -> str:
    if not rows:
        return ""
    values = [_value(rows[at], name.removeprefix("-")) for name in order]
    return urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode().rstrip("=")


def _value(row: Any, column: str) -> Any:
    for name in column.split("__"):
        row = row[name] if isinstance(row, dict) else getattr(row, name)
    if isinstance(row, datetime):
        return row.isoformat()
    return str(row) if isinstance(row, UUID) else row


def _read(cursor: str, rows: QuerySet[Any], order: Sequence[str]) -> list[Any] | None:
    if not cursor:
        return None
    try:
        values = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or len(values) != len(order):
            return None
        return [
            _typed(rows, name.removeprefix("-"), value) for name, value in zip(order, values, strict=True)
        ]
    except (ValueError, TypeError, ValidationError):
        return None


def _typed(rows: QuerySet[Any], column: str, value: Any) -> Any:
    """A hostile cursor must not reach the database as another type."""
    if value is None or isinstance(value, list | dict | bool):
        raise ValueError("a cursor holds plain values")
    annotation = rows.query.annotations.get(column)
    field = annotation.output_field if annotation is not None else _field_of(rows, column)
    return field.to_python(value)


def _field_of(rows: QuerySet[Any], column: str) -> Field[Any, Any]:
    model: Any = rows.model
    *path, last = column.split("__")
    for name in path:
        model = model._meta.get_field(name).related_model
    try:
        return model._meta.get_field(last)
    except FieldDoesNotExist:  # `source_id` names the column of a foreign key
        return model._meta.get_field(last.removesuffix("_id")).target_field
