"""Parquet files: columns with types, which metadata keeps as far as JSON has words for them."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import UUID

from indexing.errors import SourceError
from indexing.readers.fields import make_record, resolve_table
from indexing.readers.records import Origin, Reject, excerpt
from indexing.readers.vectors import VECTOR, ReadyVector, finite, is_export, origin_of_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexing.readers.fields import Columns, FieldMapping
    from indexing.readers.files import OpenFile, SourceFile
    from indexing.readers.records import Item

_BATCH_ROWS = 256
_PLACES = frozenset(("parent", VECTOR))
"""Columns of an export that are no metadata."""


def read_parquet(
    file: SourceFile, opened: OpenFile, mapping: FieldMapping, encoding: str
) -> Iterator[Item]:
    """The rows, in order, one batch in memory at a time; a packed file is unpacked to disk first.

    Raises:
        SourceError: not Parquet, damaged, no text column, or a metadata column of bytes.
    """
    del encoding
    from pyarrow import ArrowException

    with tempfile.TemporaryFile() as unpacked:
        stream: BinaryIO = opened.stream
        if file.packing:
            shutil.copyfileobj(opened.stream, unpacked)
            stream = unpacked
        try:
            yield from _read(file, opened, stream, mapping)
        except ArrowException as error:
            message = f"{file.shown} is not Parquet, or damaged: {error}"
            raise SourceError(message) from error


def _read(
    file: SourceFile, opened: OpenFile, stream: BinaryIO, mapping: FieldMapping
) -> Iterator[Item]:
    from pyarrow.parquet import ParquetFile

    opened.tell_position(0)
    table = ParquetFile(stream, pre_buffer=False)
    names = tuple(table.schema_arrow.names)
    columns = resolve_table(names, mapping, file.shown)
    exported = is_export(table.schema_arrow.metadata)
    made_by = origin_of_table(table.schema_arrow.metadata) if VECTOR in names else None
    if exported:
        columns = replace(
            columns,
            metadata=tuple(name for name in columns.metadata if name not in _PLACES),
            image=None,  # of a picture an export tells about the file and does not hold it
        )
    _refuse_bytes(table.schema_arrow, columns, file)
    wanted = {*columns.text, *columns.metadata, columns.id, columns.title, columns.image} - {None}
    if exported and "parent" in names:
        wanted.add("parent")
    vectors = {VECTOR} if made_by is not None else set()
    rows = max(table.metadata.num_rows, 1)
    number = 0
    read = sorted(wanted | vectors, key=names.index)
    for batch in table.iter_batches(_BATCH_ROWS, columns=read):
        ready = None if made_by is None else _vectors(batch.column(VECTOR), file)
        told = _microseconds(batch.select(sorted(wanted, key=names.index)))
        for place, row in enumerate(told.to_pylist()):
            number += 1
            vector = None
            if ready is not None and made_by is not None:
                vector = ReadyVector(ready[place], made_by)
            if exported:
                row["metadata"] = _parsed(row.get("metadata"))
            yield _record(row, number, columns, file=file, mapping=mapping, vector=vector)
        opened.tell_position(opened.size * number // rows)


def _vectors(column: Any, file: SourceFile) -> Any:  # noqa: ANN401
    """float32 (n, dim) of a column of vectors.

    Raises:
        SourceError: it is none, or one is missing.
    """
    import pyarrow.types as kinds

    kind = column.type
    if not kinds.is_fixed_size_list(kind) or not kinds.is_float32(kind.value_type):
        message = f"{file.shown}: column {VECTOR!r} holds no vectors but {kind}"
        raise SourceError(message)
    if column.null_count or column.flatten().null_count:
        message = f"{file.shown}: column {VECTOR!r} has empty places"
        raise SourceError(message)
    return column.flatten().to_numpy().reshape(-1, kind.list_size)


def _parsed(text: object) -> object:
    """The metadata that an export wrote as JSON; anything else as it is."""
    try:
        return json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return text


def _refuse_bytes(schema: Any, columns: Columns, file: SourceFile) -> None:  # noqa: ANN401
    import pyarrow.types as kinds

    for name in columns.metadata:
        kind = schema.field(name).type
        if kinds.is_binary(kind) or kinds.is_large_binary(kind) or kinds.is_binary_view(kind):
            message = (
                f"{file.shown}: column {name!r} holds bytes, which metadata cannot; name the "
                "columns to keep with --metadata-field"
            )
            raise SourceError(message)


def _microseconds(batch: Any) -> Any:  # noqa: ANN401
    """Times in nanoseconds cut to microseconds, the finest that Python knows."""
    import pyarrow as pa

    for place, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            kind = pa.timestamp("us", tz=field.type.tz)
            column = batch.column(place).cast(kind, safe=False)
            batch = batch.set_column(place, field.name, column)
    return batch


def _record(
    row: dict[str, Any],
    number: int,
    columns: Columns,
    *,
    file: SourceFile,
    mapping: FieldMapping,
    vector: ReadyVector | None = None,
) -> Item:
    origin = Origin(file.shown, number)
    shown = {name: value for name, value in row.items() if name != columns.image}
    raw = json.dumps(shown, ensure_ascii=False, default=str)
    try:
        labels = {name: as_json(row[name]) for name in columns.metadata}
        if vector is not None:
            finite(vector.values)
    except (TypeError, ValueError) as error:
        what = "metadata: " if isinstance(error, TypeError) else ""
        return Reject(origin, f"{what}{error}", excerpt=excerpt(raw))
    return make_record(
        origin,
        row,
        columns,
        numbered=f"{file.stem}:{number}",
        raw=raw,
        mapping=mapping,
        labels=labels,
        vector=vector,
    )


def as_json(value: object) -> Any:  # noqa: ANN401, PLR0911
    """A Parquet value as JSON.

    Times become RFC 3339 in UTC (one without a zone is taken as UTC), decimals numbers where a
    number says the same and else text, durations seconds, missing numbers null, maps objects.

    Raises:
        TypeError: bytes, or a map whose keys are not text.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, list):
        if value and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):
            return _as_object(value)
        return [as_json(item) for item in value]
    if isinstance(value, dict):
        return _as_object(list(value.items()))
    if isinstance(value, datetime):
        return _as_time(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return _as_number(value)
    if isinstance(value, UUID):
        return str(value)
    message = f"a value of type {type(value).__name__} is not possible in JSON"
    raise TypeError(message)


def _as_object(pairs: list[tuple[object, object]]) -> dict[str, Any]:
    for key, _ in pairs:
        if not isinstance(key, str):
            message = f"a map with the key {key!r} is not possible in JSON; keys are text"
            raise TypeError(message)
    return {str(key): as_json(value) for key, value in pairs}


def _as_time(value: datetime) -> str:
    utc = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return utc.isoformat().replace("+00:00", "Z")


def _as_number(value: Decimal) -> int | float | str:
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    return number if Decimal(repr(number)) == value else str(value)
