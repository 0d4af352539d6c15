"""Parquet: read batch by batch, only the columns that are used, whatever the size of its row groups."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

from curation.recipe.ingest.found import BadRow, Ref, Row
from curation.recipe.ingest.limits import MIB, Limits, Refused, readable_bytes
from curation.recipe.ingest.mapping import Choice, Missing, NoBody, Picker
from curation.recipe.ingest.walk import Member, shortened, spooled

BATCH_BYTES = 8 * MIB
META_COLUMNS = 40
LOOK_AHEAD = 50


def read(member: Member, choice: Choice, limits: Limits) -> Iterator[Row | BadRow]:
    import pyarrow as pa

    # Parquet is read from its end, so packed or archived files are unpacked to a temporary file first.
    held = open(member.plain, "rb") if member.plain else spooled(member.stream)  # noqa: SIM115
    with held as source:
        try:
            yield from _read(source, member, choice, limits)
        except pa.ArrowException as error:
            raise OSError(shortened(error)) from error


def marked(head: bytes) -> bool:
    return head.startswith(b"PAR1")


def again(
    member: Member, refs: Sequence[Ref], picker: Picker, limits: Limits
) -> Iterator[tuple[Ref, bytes | None]]:
    from pyarrow import parquet

    waiting = {ref.row: ref for ref in refs}
    with open(cast(Path, member.plain), "rb") as source:
        file = parquet.ParquetFile(source, memory_map=False, pre_buffer=False)
        size = _batch_size(_check(file.metadata, limits))
        columns = _used(file.schema_arrow, picker.made_of)
        first = 1
        for group in range(file.metadata.num_row_groups):
            after = first + file.metadata.row_group(group).num_rows
            if any(first <= row < after for row in waiting):
                number = first
                for batch in file.iter_batches(size, row_groups=[group], columns=columns, use_threads=False):
                    for row in [row for row in waiting if number <= row < number + batch.num_rows]:
                        yield waiting.pop(row), _content(batch, row - number, picker)
                    number += batch.num_rows
            first = after
    for ref in waiting.values():
        yield ref, None


def _content(batch: Any, index: int, picker: Picker) -> bytes | None:
    record = {name: _value(batch.column(place)[index]) for place, name in enumerate(batch.schema.names)}
    try:
        return picker.content(record)
    except Missing:
        return None


def _batch_size(row_bytes: int) -> int:
    return max(1, min(1024, BATCH_BYTES // row_bytes))


def _read(source: IO[bytes], member: Member, choice: Choice, limits: Limits) -> Iterator[Row | BadRow]:
    from pyarrow import parquet

    place = member.place
    file = parquet.ParquetFile(source, memory_map=False, pre_buffer=False)
    schema = file.schema_arrow
    names = [field.name for field in schema]
    row_bytes = _check(file.metadata, limits)
    if file.metadata.num_rows == 0:
        yield place.bad_file("has no rows. Leave it out.")
        return
    try:
        picker = choice.choose(place.member, _columns(file, schema, row_bytes))
    except NoBody as error:
        yield place.bad_file(str(error), ", ".join(names))
        return
    columns = _used(schema, picker.mapped) + _kept(schema, picker.mapped)
    if picker.body.split(".")[0] not in columns:
        complaint = f"has no column `{picker.body}` (its columns: {', '.join(names[:12])}). Map another one."
        yield place.bad_file(complaint)
        return
    # Texts stay dictionary-encoded as they are stored: a page that repeats one huge value must not be multiplied.
    repeated = [name for name in columns if _texts(schema.field(name).type)]
    file = parquet.ParquetFile(source, memory_map=False, pre_buffer=False, read_dictionary=repeated)
    number = 0
    for batch in file.iter_batches(_batch_size(row_bytes), columns=columns, use_threads=False):
        cells = [batch.column(index) for index in range(batch.num_columns)]
        held = batch.schema.names
        for index in range(batch.num_rows):
            number += 1
            record = {name: _value(cell[index]) for name, cell in zip(held, cells, strict=True)}
            try:
                yield picker.row(record, number, None, None)
            except Missing as missing:
                yield place.bad_row(number, str(missing), str(list(record.values())[:4]))


def _value(cell: Any) -> Any:
    """A cell as Python; a text that is not UTF-8 comes as its bytes, with what cannot be read replaced."""
    try:
        return cell.as_py()
    except UnicodeDecodeError:
        return cell.cast("binary").as_py().decode("utf-8", "replace")


def _check(metadata: Any, limits: Limits) -> int:
    """Refuse what unpacks absurdly. Returns the largest average size of a row among the row groups, in bytes."""
    row_bytes = 1
    for group in range(metadata.num_row_groups):
        part = metadata.row_group(group)
        for column in range(part.num_columns):
            chunk = part.column(column)
            unpacked, packed = chunk.total_uncompressed_size, max(chunk.total_compressed_size, 1)
            if unpacked > limits.column_bytes:
                raise Refused(
                    f"has a column that unpacks to more than {readable_bytes(limits.column_bytes)} at once"
                )
            if unpacked > limits.ratio_free_bytes and unpacked > packed * limits.ratio:
                raise Refused(
                    f"unpacks to more than {limits.ratio} times its size, as decompression bombs do"
                )
        row_bytes = max(row_bytes, part.total_byte_size // max(part.num_rows, 1))
    return row_bytes


def _columns(file: Any, schema: Any, row_bytes: int) -> dict[str, str]:
    texts = [field.name for field in schema if _texts(field.type)]
    columns = {field.name: "" for field in schema}
    count = max(1, min(LOOK_AHEAD, BATCH_BYTES // row_bytes))
    batches: Any = file.iter_batches(batch_size=count, columns=texts, use_threads=False) if texts else ()
    for batch in itertools.islice(batches, 1):
        for name in texts:
            values = [_value(cell) for cell in batch.column(name)]
            columns[name] = max(
                (
                    value if isinstance(value, str) else value.decode("utf-8", "replace")
                    for value in values
                    if value
                ),
                key=len,
                default="",
            )
    return columns


def _texts(kind: Any) -> bool:
    from pyarrow import types

    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
    )


def _used(schema: Any, mapped: Iterable[str]) -> list[str]:
    """The columns that a mapping reads; `content.body` reads a field of the struct `content`."""
    tops = {name if name in schema.names else name.split(".")[0] for name in mapped}
    return [name for name in schema.names if name in tops]


def _kept(schema: Any, mapped: Iterable[str]) -> list[str]:
    """The flat columns that may be kept beside the document."""
    from pyarrow import types

    used = _used(schema, mapped)
    flat = [
        field.name
        for field in schema
        if types.is_string(field.type)
        or types.is_large_string(field.type)
        or types.is_integer(field.type)
        or types.is_floating(field.type)
        or types.is_boolean(field.type)
    ]
    return [name for name in flat if name not in used][:META_COLUMNS]
