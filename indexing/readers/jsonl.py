"""One JSON object a line."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, NoReturn

from indexing.readers.fields import make_record, resolve
from indexing.readers.lines import as_text, check_kind, read_lines
from indexing.readers.records import Origin, Record, Reject, excerpt
from indexing.readers.vectors import take_vector
from indexing.types import Document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexing.readers.fields import FieldMapping
    from indexing.readers.files import OpenFile, SourceFile
    from indexing.readers.lines import Line
    from indexing.readers.records import Item


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is no JSON number"
    raise ValueError(message)


def _unite(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    united = dict(pairs)
    if len(united) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        message = f"the key {twice!r} stands twice in one object"
        raise ValueError(message)
    return united


_decode = json.JSONDecoder(object_pairs_hook=_unite, parse_constant=_refuse_constant).decode


def read_jsonl(
    file: SourceFile, opened: OpenFile, mapping: FieldMapping, encoding: str
) -> Iterator[Item]:
    """The records of a JSONL file, in order; blank lines are passed over in silence.

    Raises:
        SourceError: it is no text, or UTF-16 where UTF-8 was said.
    """
    check_kind(opened.peek(), encoding, file.shown)
    with as_text(opened.stream, encoding, newline="\n") as text:
        for line in read_lines(text, encoding):
            if line.text.strip() or line.fault:
                yield parse_line(file, line, mapping)


def read_stdin(
    file: SourceFile, opened: OpenFile, mapping: FieldMapping, encoding: str
) -> Iterator[Item]:
    """Standard input: JSONL, or one text a line if the first line is no JSON object.

    Raises:
        SourceError: as `read_jsonl`.
    """
    check_kind(opened.peek(), encoding, file.shown)
    is_json: bool | None = None
    with as_text(opened.stream, encoding, newline="\n") as text:
        for line in read_lines(text, encoding):
            if not (line.text.strip() or line.fault):
                continue
            if is_json is None:
                is_json = line.text.lstrip().startswith("{")
            yield parse_line(file, line, mapping) if is_json else _plain_line(file, line)


def _plain_line(file: SourceFile, line: Line) -> Item:
    origin = Origin(file.shown, line.number)
    if line.fault:
        return Reject(origin, line.fault, excerpt=excerpt(line.text))
    return Record(origin, Document(f"{file.stem}:{line.number}", line.text.strip()))


def parse_line(file: SourceFile, line: Line, mapping: FieldMapping) -> Item:
    """The record that a line of JSON holds, or why it holds none."""
    origin = Origin(file.shown, line.number)
    if line.fault:
        return Reject(origin, line.fault, excerpt=excerpt(line.text))
    try:
        values: Any = _decode(line.text)
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg.removesuffix(' at')} at character {error.pos + 1}"
        return Reject(origin, reason, excerpt=excerpt(line.text))
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        return Reject(origin, f"not JSON: {reason}", excerpt=excerpt(line.text))
    if not isinstance(values, dict):
        reason = f"not a JSON object but {type(values).__name__}"
        return Reject(origin, reason, excerpt=excerpt(line.text))
    try:
        vector = take_vector(values)
    except ValueError as error:
        return Reject(origin, str(error), excerpt=excerpt(line.text))
    return make_record(
        origin,
        values,
        resolve(tuple(values), mapping),
        numbered=f"{file.stem}:{line.number}",
        raw=line.text,
        mapping=mapping,
        vector=vector,
    )
