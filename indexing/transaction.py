"""The changes that can be made to `documents.sqlite`, inside a transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexing.errors import DamagedError
from indexing.hashes import Hashes
from indexing.images import dump_image
from indexing.terms import pack
from indexing.validation import dump_json
from indexing.vectors import VECTORS_FILE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable

    from indexing.images import KeptPicture
    from indexing.terms import Analysis
    from indexing.types import Document, Parent, StoredDocument
    from indexing.vectors import VectorFile

COLUMNS = (
    "row, id, title, text, metadata, parent, chunk, start, stop, tokens, truncated, unknown, image"
)


@dataclass(frozen=True, slots=True)
class Append:
    """One write to the file of vectors: `rows` rows from row `first`, and their CRC-32."""

    first: int
    rows: int
    crc32: int


def check_appends(
    connection: sqlite3.Connection,
    vectors: VectorFile,
    aim: str,
    *,
    schema: str = "main",
    between: Callable[[int], None] = lambda _: None,
) -> None:
    """Refuse to go on with vectors that are not what was written.

    Args:
        connection: to the documents.
        vectors: theirs.
        aim: what they have to be whole for, as `the collection can be compacted`.
        schema: under which the documents are attached.
        between: called after each write that was checked, with 0; may raise to stop.

    Raises:
        DamagedError: some fail their checksum.
    """
    query = f"SELECT first, rows, crc32 FROM {schema}.appends ORDER BY first"  # noqa: S608
    for append in (Append(*values) for values in connection.execute(query).fetchall()):
        if vectors.checksum(append.first, append.rows) != append.crc32:
            last = append.first + append.rows - 1
            message = (
                f"{VECTORS_FILE}: rows {append.first} to {last} fail their checksum; `meari "
                f"collections verify NAME --repair` encodes them again, before {aim}"
            )
            raise DamagedError(message)
        between(0)


class Transaction:
    """The changes a `DocumentStore.transaction` can make."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def insert(self, items: Iterable[StoredDocument]) -> None:
        """Put documents into their rows; ids and rows must be free."""
        self._connection.executemany(
            f"INSERT INTO documents ({COLUMNS}, text_hash, content_hash) "  # noqa: S608
            f"VALUES ({','.join('?' * 15)})",
            (_values(item) for item in items),
        )

    def keep_terms(self, rows: Iterable[int], analysis: Analysis) -> None:
        """Keep the terms of the documents in those rows, instead of any that were kept before.

        They go when their documents go, and with them from row to row.
        """
        if not analysis.terms:
            return
        self._connection.execute(
            "INSERT OR IGNORE INTO analyzers (fingerprint) VALUES (?)", (analysis.fingerprint,)
        )
        query = "SELECT number FROM analyzers WHERE fingerprint = ?"
        number = self._connection.execute(query, (analysis.fingerprint,)).fetchone()[0]
        self._connection.executemany(
            "INSERT OR REPLACE INTO terms (row, analyzer, packed) VALUES (?, ?, ?)",
            (
                (int(row), number, packed)
                for row, packed in zip(rows, pack(analysis.terms), strict=True)
            ),
        )

    def keep_pictures(self, rows: Iterable[int], pictures: Iterable[KeptPicture | None]) -> None:
        """Keep the pictures of the documents in those rows; None where a document has none."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO pictures (row, thumbnail, original) VALUES (?, ?, ?)",
            (
                (int(row), picture.thumbnail, picture.original)
                for row, picture in zip(rows, pictures, strict=True)
                if picture is not None
            ),
        )

    def relabel(self, row: int, document: Document) -> None:
        """Replace what is neither encoded nor analysed: metadata and parent."""
        parent = document.parent
        self._connection.execute(
            "UPDATE documents SET title = ?, text = ?, metadata = ?, parent = ?, chunk = ?, "
            "start = ?, stop = ?, image = ?, content_hash = ? WHERE row = ?",
            (
                document.title,
                document.text,
                dump_json(document.metadata),
                *_place(parent),
                dump_image(document.image),
                Hashes.of(document).content,
                row,
            ),
        )

    def rehash(self, document: Document) -> None:
        """Keep what a document is compared by anew."""
        hashes = Hashes.of(document)
        self._connection.execute(
            "UPDATE documents SET text_hash = ?, content_hash = ? WHERE id = ?",
            (hashes.text, hashes.content, document.id),
        )

    def delete(self, rows: Iterable[int]) -> None:
        """Forget the documents in those rows; the rows become tombstones."""
        self._connection.execute(
            "DELETE FROM documents WHERE row IN (SELECT value FROM json_each(?))",
            (json.dumps([int(row) for row in rows]),),
        )

    def orphan(self, first: int) -> None:
        """Take their rows from documents at or behind row `first`: they have no vector.

        Each gets a number of its own below 0 and below those that lost theirs before.
        """
        query = "SELECT min(0, coalesce(min(row), 0)) FROM documents"
        lowest = self._connection.execute(query).fetchone()[0]
        self._connection.execute(
            "UPDATE documents SET row = ? - row WHERE row >= ?", (lowest - 1 + first, first)
        )

    def record(self, append: Append) -> None:
        """Refer to rows that were written to the file of vectors, replacing an earlier record."""
        self._connection.execute(
            "INSERT OR REPLACE INTO appends VALUES (?, ?, ?)",
            (append.first, append.rows, append.crc32),
        )

    def replace_records(self, appends: Iterable[Append]) -> None:
        """Refer to these rows of the file of vectors and no others."""
        self._connection.execute("DELETE FROM appends")
        for append in appends:
            self.record(append)


def _place(parent: Parent | None) -> tuple[str | None, int | None, int | None, int | None]:
    if parent is None:
        return (None, None, None, None)
    return (parent.id, parent.chunk, parent.start, parent.end)


def _values(item: StoredDocument) -> tuple[object, ...]:
    document, hashes = item.document, Hashes.of(item.document)
    return (
        *(item.row, document.id, document.title, document.text, dump_json(document.metadata)),
        *_place(document.parent),
        *(item.tokens, int(item.truncated), item.unknown, dump_image(document.image)),
        *(hashes.text, hashes.content),
    )
