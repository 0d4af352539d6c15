"""Parquet: typed columns, zstd, row groups that are bounded in rows and in bytes so that memory is too.

A field of type JSON (free-form, like a sample's `meta`) is a string column that holds JSON: Parquet has no type for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from curation.recipe.export.schemas import Field, Kind, Many, Record, Schema
from curation.recipe.export.sink import Sink

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_ROWS = 2_000
GROUP_CHARACTERS = 8_000_000

Convert = Callable[[Any], Any]


def write(rows: Iterable[Mapping[str, Any]], schema: Schema, sink: Sink) -> int:
    """Write `rows` and return how many there were. A field that a row lacks is null."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow = arrow_schema(schema)
    columns = [(field.name, arrow.field(field.name).type, converter(field.type)) for field in schema.fields]
    count = 0
    # Nothing here depends on time or threads: the same rows give the same bytes under one pyarrow version.
    with pq.ParquetWriter(sink, arrow, compression="zstd", write_page_index=True) as writer:
        for group in groups(rows):
            arrays = [
                pa.array([convert(row.get(name)) for row in group], kind) for name, kind, convert in columns
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=arrow), row_group_size=len(group))
            count += len(group)
    return count


def groups(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Rows in groups of at most GROUP_ROWS, closed early when their texts reach GROUP_CHARACTERS."""
    group: list[Mapping[str, Any]] = []
    characters = 0
    for row in rows:
        group.append(row)
        characters += weight(row)
        if len(group) >= GROUP_ROWS or characters >= GROUP_CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group


def weight(value: Any) -> int:
    """Characters of text in a value, however nested."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(map(weight, value.values()))
    return sum(map(weight, value)) if isinstance(value, list | tuple) else 0


def arrow_schema(schema: Schema) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([_arrow_field(field) for field in schema.fields])


def _arrow_field(field: Field) -> pa.Field:
    import pyarrow as pa

    return pa.field(field.name, arrow_type(field.type), nullable=not field.always)


def arrow_type(kind: Kind | Many | Record) -> pa.DataType:
    import pyarrow as pa

    if isinstance(kind, Many):
        return pa.list_(pa.field("item", arrow_type(kind.of), nullable=False))
    if isinstance(kind, Record):
        return pa.struct([_arrow_field(field) for field in kind.fields])
    types: dict[Kind, Callable[[], pa.DataType]] = {
        Kind.STRING: pa.string,
        Kind.INTEGER: pa.int64,
        Kind.NUMBER: pa.float64,
        Kind.BOOLEAN: pa.bool_,
        Kind.JSON: pa.string,
        Kind.SCORES: lambda: pa.map_(pa.string(), pa.float64()),
    }
    return types[kind]()


def converter(kind: Kind | Many | Record) -> Convert:
    """How a value of this type is handed to Arrow; identity for nearly all of them."""
    if kind is Kind.JSON:
        return _as_json
    if kind is Kind.SCORES:
        return lambda scores: None if scores is None else list(scores.items())
    if isinstance(kind, Many):
        return _many(converter(kind.of))
    if isinstance(kind, Record):
        return _record(kind)
    return _same


def _same(value: Any) -> Any:
    return value


def _as_json(value: Any) -> str | None:
    import orjson

    return None if value is None else orjson.dumps(value).decode()


def _many(convert: Convert) -> Convert:
    if convert is _same:
        return _same
    return lambda values: None if values is None else [convert(value) for value in values]


def _record(kind: Record) -> Convert:
    fields = [(field.name, converter(field.type)) for field in kind.fields]
    if all(convert is _same for _, convert in fields):
        return _same
    return lambda value: (
        None if value is None else {name: convert(value.get(name)) for name, convert in fields}
    )
