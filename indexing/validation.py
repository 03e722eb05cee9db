"""Checks of names, documents and vectors at the edge; behind it they are trusted."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from embeddings.types import as_vectors
from indexing.errors import (
    DimensionMismatchError,
    InvalidDocumentError,
    InvalidNameError,
    InvalidRequestError,
)
from indexing.types import MAX_ID_BYTES, MAX_METADATA_BYTES, MAX_TEXT_BYTES, Metric

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from embeddings.types import Vectors
    from indexing.types import Document

_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_MAX_NAME = 64
_MAX_DEPTH = 64


def check_name(name: str, field: str | None = None) -> str:
    """The collection name in NFC: letters, digits, `-`, `_` and `.` inside, at most 64.

    Args:
        name: as asked for.
        field: where it stood, if not in `name`; the error tells it.

    Raises:
        InvalidNameError: anything else, so that a name is always one plain folder name.
    """
    name = unicodedata.normalize("NFC", name)
    plain = all(char.isalnum() or char in "-_." for char in name)
    if not (1 <= len(name) <= _MAX_NAME and plain and name[0].isalnum()):
        message = (
            f"collection name {name[:80]!r} is not possible; use 1 to {_MAX_NAME} letters, "
            "digits, '-', '_' and '.', a letter or digit first"
        )
        raise InvalidNameError(message, field)
    return name


def check_documents(documents: Iterable[Document]) -> None:
    """Refuse what cannot be stored.

    Raises:
        InvalidDocumentError: naming the document and what is wrong with it.
    """
    seen: set[str] = set()
    for document in documents:
        check_document(document)
        if document.id in seen:
            message = f"document id {document.id!r} stands twice in one request; ids are unique"
            raise InvalidDocumentError(message, document.id)
        seen.add(document.id)


def check_document(document: Document) -> None:
    """Refuse a document that cannot be stored.

    Raises:
        InvalidDocumentError: an empty id, empty or too long text, metadata that is not JSON, ...
    """
    name = document.id[:80]
    if not document.id:
        raise InvalidDocumentError("a document has an empty id; give it one")
    _check_size(document, "id", document.id, MAX_ID_BYTES)
    if not document.text.strip() and document.image is None:
        message = f"document {name!r} has empty text; there is nothing to search"
        raise InvalidDocumentError(message, document.id)
    _check_size(document, "text", document.text, MAX_TEXT_BYTES)
    _check_size(document, "title", document.title, MAX_TEXT_BYTES)
    if document.image is not None:
        _check_size(document, "image source", document.image.source, MAX_TEXT_BYTES)
    try:
        metadata = dump_json(document.metadata)
    except (TypeError, ValueError, RecursionError) as error:
        message = f"document {name!r}: metadata is not a JSON object ({error})"
        raise InvalidDocumentError(message, document.id) from error
    _check_size(document, "metadata", metadata, MAX_METADATA_BYTES)
    if _depth(document.metadata) > _MAX_DEPTH:
        message = f"document {name!r}: metadata is nested deeper than {_MAX_DEPTH} levels"
        raise InvalidDocumentError(message, document.id)
    if "\0" in document.id or _ESCAPED_NUL.search(metadata):
        message = f"document {name!r}: U+0000 in id or metadata; SQLite would cut the text there"
        raise InvalidDocumentError(message, document.id)


def _depth(data: object) -> int:
    """Levels of arrays and objects in JSON data; a number or a string has none."""
    depth, level = 0, [data]
    while inner := [item for item in level if isinstance(item, Mapping | list | tuple)]:
        depth += 1
        level = [
            value
            for item in inner
            for value in (item.values() if isinstance(item, Mapping) else item)
        ]
    return depth


def _check_size(document: Document, part: str, value: str, most: int) -> None:
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        message = (
            f"document {document.id[:80]!r}: {part} holds half a surrogate pair at character "
            f"{error.start}; it is not valid Unicode"
        )
        raise InvalidDocumentError(message, document.id) from error
    if size > most:
        remedy = "; split it into chunks" if part == "text" else ""
        message = (
            f"document {document.id[:80]!r}: {part} has {size:,} bytes, at most {most:,} are "
            f"possible{remedy}"
        )
        raise InvalidDocumentError(message, document.id)


def dump_json(data: Mapping[str, Any]) -> str:
    """Canonical JSON: keys sorted, no blanks, no NaN.

    Raises:
        TypeError: something that JSON has no word for.
        ValueError: NaN or infinity.
    """
    return json.dumps(
        dict(data), ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )


def check_vectors(vectors: Vectors, dim: int, metric: Metric, what: str) -> Vectors:
    """`vectors` as float32 (n, dim), finite, and with a direction where cosine needs one.

    Raises:
        DimensionMismatchError: another width.
        InvalidRequestError: NaN, infinity, or for cosine a row of zeros.
    """
    try:
        array = as_vectors(vectors, what=what)
    except ValueError as error:
        raise InvalidRequestError(str(error), what) from error
    if array.shape[1] != dim:
        message = f"{what} has {array.shape[1]} dimensions, the collection's vectors have {dim}"
        raise DimensionMismatchError(message)
    if metric is Metric.COSINE and not np.any(array, axis=1).all():
        row = int(np.argmin(np.any(array, axis=1)))
        message = f"{what} is all zeros (row {row}); cosine needs a direction"
        raise InvalidRequestError(message, what)
    return array
