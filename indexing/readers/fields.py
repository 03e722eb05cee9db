"""Which column or key is what: the id, the text, the title, the metadata."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexing.errors import InvalidDocumentError, SourceError
from indexing.readers.picture_cells import IMAGE_NAMES, picture_of
from indexing.readers.records import Record, Reject, excerpt
from indexing.types import Document, Parent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexing.readers.records import Item, Origin
    from indexing.readers.vectors import ReadyVector

ID_NAMES = ("id", "_id", "doc_id", "docid", "document_id")
TEXT_NAMES = ("text", "content", "body", "contents", "본문", "내용")
CAPTION_NAMES = (*TEXT_NAMES, "caption", "설명")
TITLE_NAMES = ("title", "제목", "name", "headline", "subject")
_NAMED = 20
"""Columns a message names."""
_MOST_REMEMBERED = 200
"""Names whose columns are looked up once and kept; objects with more are rarely alike."""


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """Which columns (CSV, Parquet) or keys (JSONL) make a document.

    Attributes:
        id: None: the first of `ID_NAMES` that is there; "" : none, records are numbered.
        text: joined by newlines, empty ones left out; (): the first of `TEXT_NAMES`.
        title: None: the first of `TITLE_NAMES` that is there; "": none.
        metadata: None: everything else.
        image: "": no pictures; None: the first of `IMAGE_NAMES` that is there. A row with one is
            a document of it, and its text, which may be missing, what is said of it.
    """

    id: str | None = None
    text: tuple[str, ...] = ()
    title: str | None = None
    metadata: tuple[str, ...] | None = None
    image: str | None = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """A mapping resolved against names that are really there; None and () where there is none."""

    id: str | None
    text: tuple[str, ...]
    title: str | None
    metadata: tuple[str, ...]
    image: str | None = None


def resolve(names: tuple[str, ...], mapping: FieldMapping) -> Columns:
    """What each column is. Guessed names match in any case of letters; given ones exactly."""
    return _remembered(names, mapping) if len(names) <= _MOST_REMEMBERED else _look(names, mapping)


def _look(names: tuple[str, ...], mapping: FieldMapping) -> Columns:
    text = tuple(name for name in mapping.text if name in names)
    image = mapping.image if mapping.image in names else None
    if mapping.image is None:
        image = _guess(names, IMAGE_NAMES, taken=(mapping.id, mapping.title, *text))
    if not mapping.text:
        known = TEXT_NAMES if image is None else CAPTION_NAMES
        guess = _guess(names, known, taken=(mapping.id, mapping.title, image))
        text = () if guess is None else (guess,)
    id_ = mapping.id if mapping.id in names else None
    if mapping.id is None:
        id_ = _guess(names, ID_NAMES, taken=(*text, mapping.title))
    title = mapping.title if mapping.title in names else None
    if mapping.title is None:
        title = _guess(names, TITLE_NAMES, taken=(*text, id_))
    if mapping.metadata is None:
        rest = tuple(name for name in names if name not in {id_, title, image, *text})
    else:
        rest = tuple(name for name in mapping.metadata if name in names)
    return Columns(id_, text, title, rest, image)


_remembered = lru_cache(maxsize=1024)(_look)


def _guess(
    names: tuple[str, ...], candidates: tuple[str, ...], taken: tuple[str | None, ...]
) -> str | None:
    free = {name.strip().casefold(): name for name in reversed(names) if name not in taken}
    return next((free[candidate] for candidate in candidates if candidate in free), None)


def resolve_table(names: tuple[str, ...], mapping: FieldMapping, where: str) -> Columns:
    """`resolve` for a file whose columns are the same in every row.

    Raises:
        SourceError: a named column is missing, a name stands twice, or no text column is found.
    """
    there = ", ".join(names[:_NAMED])
    if len(names) > _NAMED:
        there = f"{there} and {len(names) - _NAMED:,} more"
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        message = f"{where} names the column {twice[0]!r} twice; rename one (columns: {there})"
        raise SourceError(message)
    wanted = (mapping.id, *mapping.text, mapping.title, *(mapping.metadata or ()))
    known = set(names)
    missing = [name for name in wanted if name and name not in known]
    if missing:
        message = f"{where} has no column {missing[0]!r}; its columns are {there}"
        raise SourceError(message)
    columns = resolve(names, mapping)
    if not columns.text and columns.image is None:
        message = (
            f"{where} has no column {', '.join(TEXT_NAMES)}; name the text with --text-field "
            f"(columns: {there})"
        )
        raise SourceError(message)
    return columns


def make_record(
    origin: Origin,
    values: Mapping[str, Any],
    columns: Columns,
    *,
    numbered: str,
    raw: str,
    mapping: FieldMapping,
    labels: Mapping[str, Any] | None = None,
    vector: ReadyVector | None = None,
) -> Item:
    """The record of one row, or why it is none.

    Args:
        origin: where the row stands.
        values: by column name.
        columns: what each column is.
        numbered: the id if there is no id column.
        raw: the row as it stood, for the excerpt.
        mapping: what was asked for, to name what is missing.
        labels: what the metadata columns hold, where it is not what `values` says.
        vector: that came along.
    """
    id_ = image = None
    try:
        id_ = _id(values, columns, mapping, numbered)
        if columns.image is not None and values.get(columns.image) is not None:
            image = picture_of(values[columns.image], columns.image, Path(origin.file).parent)
        text = _text(values, columns, mapping) if image is None else _caption(values, columns)
        title = _string(values.get(columns.title), columns.title) if columns.title else ""
    except (_FaultError, InvalidDocumentError) as fault:
        return Reject(origin, str(fault), id_, excerpt=excerpt(raw))
    parent = _parent(values.get("parent"))
    metadata = _metadata(values if labels is None else labels, columns, mapping)
    document = Document(id_, text, title, metadata, parent, image)
    return Record(origin, document, vector=vector)


class _FaultError(Exception):
    """What is wrong with a row."""


def _id(values: Mapping[str, Any], columns: Columns, mapping: FieldMapping, numbered: str) -> str:
    if columns.id is None:
        if mapping.id:
            raise _FaultError(f"no key {mapping.id!r} for the id")
        return numbered
    value = values[columns.id]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    id_ = _string(value, columns.id)
    if not id_.strip():
        raise _FaultError(f"{columns.id!r} is empty; a document needs an id")
    return id_


def _caption(values: Mapping[str, Any], columns: Columns) -> str:
    """What is said of a picture; empty where nothing is."""
    parts = [values.get(name) for name in columns.text]
    return "\n".join(part for part in parts if isinstance(part, str) and part.strip())


def _text(values: Mapping[str, Any], columns: Columns, mapping: FieldMapping) -> str:
    if not columns.text:
        names = mapping.text or TEXT_NAMES
        raise _FaultError(f"no text: there is no key {' or '.join(map(repr, names))}")
    parts = [_string(values[name], name) for name in columns.text]
    text = parts[0] if len(parts) == 1 else "\n".join(part for part in parts if part.strip())
    if not text.strip():
        raise _FaultError(f"{' and '.join(map(repr, columns.text))} is empty; no text to search")
    return text


def _string(value: object, name: str) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise _FaultError(f"{name!r} holds bytes that are not UTF-8") from None
    raise _FaultError(f"{name!r} is {_kind(value)}; a string is needed")


def _kind(value: object) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", list: "a list"}
    return kinds.get(type(value), "an object" if isinstance(value, dict) else type(value).__name__)


def _metadata(values: Mapping[str, Any], columns: Columns, mapping: FieldMapping) -> dict[str, Any]:
    """The metadata columns; an object under the key `metadata` is merged in and wins."""
    metadata = {name: values[name] for name in columns.metadata if name in values}
    nested = values.get("metadata")
    if isinstance(nested, dict):
        if mapping.metadata is None:
            del metadata["metadata"]
            metadata.update(nested)
        else:
            metadata.update((name, nested[name]) for name in mapping.metadata if name in nested)
    if _parent(metadata.get("parent")) is not None:
        del metadata["parent"]
    return metadata


def _parent(value: object) -> Parent | None:
    """The place of a chunk, as an exported collection writes it; None for anything else."""
    if not isinstance(value, dict) or value.keys() != {"id", "chunk", "start", "end"}:
        return None
    numbers = [value["chunk"], value["start"], value["end"]]
    if not isinstance(value["id"], str) or any(type(number) is not int for number in numbers):
        return None
    return Parent(value["id"], *numbers)
