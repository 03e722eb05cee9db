"""A collection as a file of documents for other programs, and for `meari index` to read back."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from indexing.errors import DamagedError, InvalidRequestError
from indexing.files import replacing
from indexing.readers.vectors import ENCODER, TABLE_KEY, VECTOR, VectorOrigin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    import numpy.typing as npt

    from embeddings.types import Vectors
    from indexing.card import CollectionCard
    from indexing.filters import Filter
    from indexing.local import LocalCollection
    from indexing.types import Document

    Rows = Iterable[tuple[Sequence[Document], Vectors | None]]
    """Documents, block by block, and their vectors (n, dim)."""

ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet")
_BLOCK = 1000
_FORMAT = 1
_BEFORE_ALL = -(1 << 62)


def export(
    collection: LocalCollection,
    path: Path,
    *,
    filter: Filter | None = None,
    vectors: bool = False,
) -> int:
    """Write the documents as they are at this moment, in the order of writing; how many.

    Args:
        collection: others may go on writing.
        path: its ending says what it becomes, see `ENDINGS`; the file is there whole or not at all.
        filter: only documents that satisfy it.
        vectors: with theirs.

    Raises:
        InvalidRequestError: another ending, or a document with a picture.
        DamagedError: a document without its vector, where those are wanted.
        StorageFullError: the disk is full.
    """
    check_ending(path)
    generation = collection.storage.generation
    documents = generation.documents
    with documents.holding():
        stored = generation.vectors.read(documents.committed_rows()) if vectors else None

        def blocks() -> Iterator[tuple[Sequence[Document], Vectors | None]]:
            row = _BEFORE_ALL
            while found := documents.after(row, _BLOCK, filter):
                row = found[-1].row
                rows = np.array([item.row for item in found], dtype=np.int64)
                if stored is not None and (rows < 0).any():
                    message = (
                        f"document {found[0].document.id[:80]!r} has lost its vector; `meari "
                        "collections verify NAME --repair` encodes it again"
                    )
                    raise DamagedError(message)
                yield [item.document for item in found], None if stored is None else stored[rows]

        return write_rows(path, collection.card, blocks(), vectors=vectors)


def check_ending(path: Path) -> None:
    """Refuse a file that would become nothing known.

    Raises:
        InvalidRequestError: its ending is not in `ENDINGS`.
    """
    if not path.name.endswith(ENDINGS):
        message = f"{path}: documents are written as {', '.join(ENDINGS)}; choose one of these"
        raise InvalidRequestError(message, "to")


def write_rows(path: Path, card: CollectionCard, rows: Rows, *, vectors: bool) -> int:
    """Write documents, and their vectors where those are wanted; how many.

    Raises:
        InvalidRequestError: another ending, or a document with a picture.
        StorageFullError: the disk is full; nothing is there.
    """
    check_ending(path)
    origin = None
    if vectors:
        origin = VectorOrigin(card.encoder.name, card.encoder.fingerprint, card.metric.value)
    count = 0
    with replacing(path) as temporary:
        opened = _parquet if path.suffix == ".parquet" else _lines
        with opened(temporary, path, card, origin) as write:
            for documents, block in rows:
                for document in documents:
                    _check(document)
                write(documents, block)
                count += len(documents)
    return count


class Write(Protocol):
    """Writes a block."""

    def __call__(self, documents: Sequence[Document], vectors: Vectors | None, /) -> None:
        """Documents, and their vectors (n, dim)."""


def _check(document: Document) -> None:
    if document.image is not None:
        message = (
            f"document {document.id[:80]!r} has a picture, which these files cannot hold; a "
            "backup keeps it, or leave such documents out with a filter"
        )
        raise InvalidRequestError(message, "filter")


@contextmanager
def _lines(
    temporary: Path, path: Path, card: CollectionCard, origin: VectorOrigin | None
) -> Iterator[Write]:
    """One JSON object a line, packed as the ending says."""
    import orjson

    del card
    with ExitStack() as stack:
        file = stack.enter_context(_packed(temporary, path.suffix))

        def write(documents: Sequence[Document], vectors: Vectors | None, /) -> None:
            rows: list[dict[str, Any]] = [_row(document) for document in documents]
            if vectors is not None and origin is not None:
                for row, vector in zip(rows, np.ascontiguousarray(vectors), strict=True):
                    row |= {VECTOR: vector, ENCODER: origin.to_json()}
            for row in rows:
                file.write(orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n")

        yield write


@contextmanager
def _packed(path: Path, suffix: str) -> Iterator[BinaryIO]:
    if suffix == ".gz":
        import gzip

        with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
            yield file  # type: ignore[misc] # writes as a binary file does
    elif suffix == ".zst":
        import zstandard

        with path.open("wb") as raw, zstandard.ZstdCompressor(level=6).stream_writer(raw) as file:
            yield file
    else:
        with path.open("wb") as file:
            yield file


def _row(document: Document) -> dict[str, Any]:
    row = {
        "id": document.id,
        "title": document.title,
        "text": document.text,
        "metadata": dict(document.metadata),
    }
    return row if document.parent is None else row | {"parent": _parent(document)}


def _parent(document: Document) -> dict[str, Any] | None:
    parent = document.parent
    if parent is None:
        return None
    return {"id": parent.id, "chunk": parent.chunk, "start": parent.start, "end": parent.end}


@contextmanager
def _parquet(
    temporary: Path, path: Path, card: CollectionCard, origin: VectorOrigin | None
) -> Iterator[Write]:
    """A row a document; metadata are JSON, for objects of any shape have no common columns."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    del path
    about = {"format": _FORMAT, "collection": card.to_json()}
    parent = pa.struct(
        [("id", pa.string()), ("chunk", pa.int64()), ("start", pa.int64()), ("end", pa.int64())]
    )
    fields = [
        *((name, pa.string()) for name in ("id", "title", "text", "metadata")),
        ("parent", parent),
    ]
    if origin is not None:
        about[ENCODER] = origin.to_json()
        fields.append((VECTOR, pa.list_(pa.float32(), card.encoder.dim)))
    told = json.dumps(about, ensure_ascii=False).encode()
    schema = pa.schema(fields, metadata={TABLE_KEY: told})
    with ParquetWriter(str(temporary), schema, compression="zstd") as writer:

        def write(documents: Sequence[Document], vectors: Vectors | None, /) -> None:
            columns = {
                "id": [document.id for document in documents],
                "title": [document.title for document in documents],
                "text": [document.text for document in documents],
                "metadata": [
                    json.dumps(dict(document.metadata), ensure_ascii=False)
                    for document in documents
                ],
                "parent": [_parent(document) for document in documents],
            }
            arrays = [pa.array(columns[name], kind) for name, kind in fields[:5]]
            if origin is not None and vectors is not None:
                flat: npt.NDArray[np.float32] = np.ascontiguousarray(vectors).reshape(-1)
                arrays.append(pa.FixedSizeListArray.from_arrays(flat, card.encoder.dim))
            writer.write_batch(pa.record_batch(arrays, schema=schema))

        yield write
