"""The truth about documents: one SQLite file, one writer, any number of reading threads."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
import weakref
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from indexing.committing import Commits
from indexing.connection import connect
from indexing.errors import (
    CollectionClosedError,
    DamagedError,
    InvalidRequestError,
)
from indexing.files import reporting_full_disk, sync_folder
from indexing.filter_sql import compile_filter
from indexing.hashes import Hashes
from indexing.images import KeptPicture, load_image
from indexing.schema import check_schema, migrate
from indexing.terms import unpack
from indexing.transaction import COLUMNS, Append
from indexing.types import Document, Parent, StoredDocument

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from indexing.connection import Values
    from indexing.filters import Filter
    from indexing.terms import Terms
    from indexing.transaction import Transaction
    from indexing.types import Ids

DOCUMENTS_FILE = "documents.sqlite"
_FEW = 64
"""Up to so many rows are named one by one: as many statements as SQLite's cache of them takes."""
_decode = json.JSONDecoder().raw_decode
_NAMED = (
    "id IN (SELECT value FROM json_each(:ids)) OR parent IN (SELECT value FROM json_each(:ids))"
)


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over all documents."""

    documents: int
    parents: int
    truncated: int
    tokens: int
    unknown: int


class DocumentStore:
    """Documents by id and by row.

    Args:
        path: the SQLite file, made if missing in write mode.
        writable: False refuses every change.

    Raises:
        DamagedError: the file is not a database of this kind.
    """

    def __init__(self, path: Path, *, writable: bool) -> None:
        self._path = path
        self._name = path.parent.name
        self._writable = writable
        self._threads = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._closed = False
        self._commits = Commits(path)
        self._lost = False
        weakref.finalize(self, _close_all, self._connections)
        try:
            if writable:
                migrate(self._connection)
            else:
                check_schema(self._connection)
            self._connection.execute("SELECT count(*) FROM appends").fetchone()
            # Who only reads cannot bring an older file to today's tables: it holds no pictures.
            known = self._connection.execute("PRAGMA table_info(documents)").fetchall()
            if writable:  # SQLite does this for its log, and says nothing where it fails
                with reporting_full_disk(path):
                    sync_folder(path.parent)
            self._has_images = any(column[1] == "image" for column in known)
        except (sqlite3.DatabaseError, DamagedError) as error:
            self.close()
            if isinstance(error, DamagedError) and error.__cause__ is None:
                raise
            message = (
                f"{path} cannot be read ({error.__cause__ or error}); restore it from a backup"
            )
            raise DamagedError(message) from error
        except BaseException:
            self.close()
            raise

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return self._path

    @property
    def _connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if connection is None:
            with self._guard:
                self.check_open()
                if self._lost:
                    message = (
                        f"{self._path} is being replaced by a compaction that was interrupted; "
                        "open the collection again to finish it"
                    )
                    raise DamagedError(message)
                connection = connect(self._path, writable=self._writable)
                self._connections.append(connection)
            self._threads.connection = connection
        return connection

    def check_open(self) -> None:
        """Refuse a closed collection.

        Raises:
            CollectionClosedError: it is one.
        """
        if self._closed:
            message = f"collection {self._name!r} is closed; open it again to use it"
            raise CollectionClosedError(message)

    @contextmanager
    def moving(self, folder: Path) -> Iterator[None]:
        """The block moves the file and what SQLite keeps beside it into `folder`.

        Reading goes on from there, and the folder goes with the last who reads. Nobody may write
        from here on.
        """
        with self._guard:
            self._lost = True  # nobody may connect to whatever has the old name meanwhile
            yield
            self._path = folder / self._path.name
            self._lost = False
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def close(self) -> None:
        """Close every thread's connection; a second call does nothing."""
        with self._guard:
            self._closed = True
            _close_all(self._connections)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """What this thread reads is of one moment until the block ends."""
        connection = self._connection
        connection.execute("BEGIN")
        try:
            connection.execute("SELECT number FROM version").fetchone()
            yield
        finally:
            connection.execute("ROLLBACK")

    # -- reading -------------------------------------------------------------------------

    def by_ids(self, ids: Sequence[str]) -> dict[str, StoredDocument]:
        """The documents of those ids that there are."""
        stored = self._select("id IN (SELECT value FROM json_each(?))", _json_ids(ids))
        return {item.document.id: item for item in stored}

    def by_rows(self, rows: Iterable[int]) -> dict[int, StoredDocument]:
        """The documents of those rows that there are."""
        wanted = [int(row) for row in rows]
        if len(wanted) <= _FEW:  # half the time of a table made of JSON
            stored = self._select(f"row IN ({','.join('?' * len(wanted))})", *wanted)
        else:
            stored = self._select("row IN (SELECT value FROM json_each(?))", json.dumps(wanted))
        return {item.row: item for item in stored}

    def names(self, rows: Iterable[int]) -> dict[int, tuple[str, str | None]]:
        """Id, and the parent's id of a chunk, of the documents of those rows that there are."""
        query = (
            "SELECT row, id, parent FROM documents WHERE row IN (SELECT value FROM json_each(?))"
        )
        wanted = json.dumps([int(row) for row in rows])
        return {row: (id_, parent) for row, id_, parent in self._all(query, (wanted,))}

    def ids_from(self, row: int) -> list[tuple[int, str]]:
        """Row and id of the documents from that row on, in row order."""
        query = "SELECT row, id FROM documents WHERE row >= ? ORDER BY row"
        return self._all(query, (row,))

    def after(self, row: int, limit: int, filter: Filter | None) -> list[StoredDocument]:
        """Up to `limit` documents behind `row`, in row order."""
        where, values = _where(filter)
        return self._select(f"d.row > ? AND ({where}) ORDER BY d.row LIMIT ?", row, *values, limit)

    def rows(self, filter: Filter | None = None) -> Ids:
        """int64, ascending: the rows of documents that satisfy the filter."""
        where, values = _where(filter)
        query = f"SELECT d.row FROM documents AS d WHERE {where} ORDER BY d.row"  # noqa: S608
        found = self._all(query, values)
        return np.fromiter((row for (row,) in found), dtype=np.int64, count=len(found))

    def metadata(self, first: int, stop: int) -> list[tuple[int, str]]:
        """Rows `first` to `stop` - 1 that hold documents, ascending, and their metadata's JSON."""
        query = "SELECT row, metadata FROM documents WHERE row >= ? AND row < ? ORDER BY row"
        return self._all(query, (first, stop))

    def count(self, filter: Filter | None = None) -> int:
        """How many documents satisfy the filter."""
        where, values = _where(filter)
        query = f"SELECT count(*) FROM documents AS d WHERE {where}"  # noqa: S608
        number: int = self._connection.execute(query, values).fetchone()[0]
        return number

    def rows_of(self, ids: Sequence[str]) -> list[int]:
        """Rows of documents with those ids, and of all chunks of parents with those ids."""
        query = f"SELECT row FROM documents WHERE {_NAMED}"  # noqa: S608
        return [row for (row,) in self._all(query, {"ids": _json_ids(ids)})]

    def rows_of_leftovers(self, chunks: Mapping[str, int]) -> list[int]:
        """Rows of what earlier versions of the texts in `chunks` left behind.

        That is every chunk numbered at or above the text's number of chunks today, and the
        whole text as one document if it has chunks today.
        """
        query = (
            "SELECT d.row FROM json_each(:chunks) AS j "
            "CROSS JOIN documents AS d ON d.parent = j.key AND d.chunk >= j.value "
            "UNION ALL SELECT d.row FROM json_each(:chunks) AS j "
            "CROSS JOIN documents AS d ON d.id = j.key WHERE j.value > 0"
        )
        possible = {id_: number for id_, number in chunks.items() if _is_possible(id_)}
        return [row for (row,) in self._all(query, {"chunks": json.dumps(possible)})]

    def hashes(self, ids: Sequence[str]) -> dict[str, tuple[int, Hashes]]:
        """Row and hashes of the documents of those ids that there are."""
        query = (
            "SELECT id, row, text_hash, content_hash FROM documents "
            "WHERE id IN (SELECT value FROM json_each(?))"
        )
        found = self._all(query, (_json_ids(ids),))
        return {id_: (row, Hashes(text, content)) for id_, row, text, content in found}

    def content_hashes(self, after: str, limit: int) -> list[tuple[str, int, bytes]]:
        """Id, row and hash of everything of documents whose ids come after that one, by id."""
        query = "SELECT id, row, content_hash FROM documents WHERE id > ? ORDER BY id LIMIT ?"
        return self._all(query, (after, limit))

    def terms(self, rows: Iterable[int], fingerprint: str) -> dict[int, Terms]:
        """The terms kept of those rows, by an analyzer of that fingerprint, that are undamaged."""
        query = (
            "SELECT row, packed FROM terms WHERE row IN (SELECT value FROM json_each(?)) "
            "AND analyzer = (SELECT number FROM analyzers WHERE fingerprint = ?)"
        )
        wanted = json.dumps([int(row) for row in rows])
        kept = self._connection.execute(query, (wanted, fingerprint)).fetchall()
        found = zip(kept, unpack(packed for _, packed in kept), strict=True)
        return {row: terms for (row, _), terms in found if terms is not None}

    def analyzer(self) -> str | None:
        """Fingerprint of the analyzer of the last document's terms; None where none are kept."""
        query = (
            "SELECT fingerprint FROM terms JOIN analyzers ON number = analyzer "
            "ORDER BY row DESC LIMIT 1"
        )
        found = self._connection.execute(query).fetchone()
        return None if found is None else str(found[0])

    def picture(self, id_: str) -> KeptPicture | None:
        """The picture kept of a document; None where it has none, or is not there."""
        if not self._has_images:
            return None
        query = (
            "SELECT thumbnail, original FROM pictures "
            "WHERE row = (SELECT row FROM documents WHERE id IN (SELECT value FROM json_each(?)))"
        )
        found = self._connection.execute(query, (_json_ids([id_]),)).fetchone()
        return None if found is None else KeptPicture(*found)

    def originals(self, rows: Iterable[int]) -> dict[int, bytes]:
        """Original files that are kept, by row."""
        query = (
            "SELECT row, original FROM pictures WHERE original IS NOT NULL "
            "AND row IN (SELECT value FROM json_each(?))"
        )
        return dict(self._all(query, (json.dumps([int(row) for row in rows]),)))

    def totals(self) -> Totals:
        """Counts over all documents."""
        query = (
            "SELECT count(*), count(DISTINCT parent), total(truncated), total(tokens), "
            "total(unknown) FROM documents"
        )
        return Totals(*map(int, self._connection.execute(query).fetchone()))

    def appends(self) -> list[Append]:
        """Every committed write to the file of vectors, in order."""
        query = "SELECT first, rows, crc32 FROM appends ORDER BY first"
        return [Append(*values) for values in self._all(query)]

    def version(self) -> int:
        """How many writes there were; what is derived from the documents says which it follows."""
        number: int = self._connection.execute("SELECT number FROM version").fetchone()[0]
        return number

    def committed_rows(self) -> int:
        """Rows of the file of vectors that a transaction refers to."""
        query = "SELECT first + rows FROM appends ORDER BY first DESC LIMIT 1"
        found = self._connection.execute(query).fetchone()
        return int(found[0]) if found else 0

    def generation(self) -> int:
        """How often the collection was compacted."""
        numbers = [number for number, _ in self._generations()]
        return max(numbers, default=-1) + 1

    def row_since(self, generation: int, row: int) -> int:
        """Where a row of an earlier generation is now; of a deleted one, the row before it.

        Raises:
            InvalidRequestError: a generation that never was, or too long ago.
        """
        later = {number: kept for number, kept in self._generations() if number >= generation}
        if not later or sorted(later) != list(range(generation, max(later) + 1)):
            message = "cursor is not of this collection, or too old; start from the beginning"
            raise InvalidRequestError(message, "cursor")
        for _, packed in sorted(later.items()):
            bits = np.frombuffer(zlib.decompress(packed), dtype=np.uint8)
            kept = np.unpackbits(bits, bitorder="little")
            row = int(kept[: row + 1].sum()) - 1 if row >= 0 else row
        return row

    def _generations(self) -> list[tuple[int, bytes]]:
        """(number, kept rows) of earlier generations; the table comes with the first compaction."""
        query = "SELECT 1 FROM sqlite_master WHERE name = 'generations'"
        if not self._all(query):
            return []
        return self._all("SELECT number, kept FROM generations")

    def check(self) -> list[str]:
        """What SQLite finds wrong with its own file; empty if nothing."""
        try:
            found = [text for (text,) in self._all("PRAGMA quick_check(20)")]
        except DamagedError as error:
            return [str(error)]
        return [] if found == ["ok"] else found

    def _select(self, where: str, *values: object) -> list[StoredDocument]:
        columns = COLUMNS if self._has_images else COLUMNS.replace("image", "NULL")
        query = f"SELECT {columns} FROM documents AS d WHERE {where}"  # noqa: S608
        return [_stored(values) for values in self._all(query, values)]

    def _all(self, query: str, values: Values = ()) -> list[Any]:
        return self._connection.execute(query, values).fetchall()

    # -- writing -------------------------------------------------------------------------

    def transaction(self, *, counted: bool = True) -> AbstractContextManager[Transaction]:
        """Changes that are on disk, all of them, when the block ends; see `Commits`.

        Args:
            counted: False for what is derived from documents: `version` stays.
        """
        return self._commits.transaction(self._connection, counted=counted)

    @property
    def is_unsettled(self) -> bool:
        """True if nobody knows whether the last changes stand; see `Commits`."""
        return self._commits.is_unsettled

    def settle(self) -> None:
        """Let changes whose commit failed be gone for good; see `Commits`."""
        self._commits.settle(self._connection)


def _close_all(connections: list[sqlite3.Connection]) -> None:
    for connection in connections:
        connection.close()
    connections.clear()


def _where(filter: Filter | None) -> tuple[str, list[object]]:
    return compile_filter(filter) if filter is not None else ("1", [])


def _json_ids(ids: Sequence[str]) -> str:
    """The ids that a document can have, as JSON for SQLite."""
    return json.dumps([id_ for id_ in ids if _is_possible(id_)])


def _is_possible(id_: str) -> bool:
    """False for ids that no document has and that SQLite would read as others.

    Its JSON cuts strings at U+0000, and half surrogates cannot be bound at all.
    """
    return "\0" not in id_ and not any("\ud800" <= char <= "\udfff" for char in id_)


def _stored(values: tuple[Any, ...]) -> StoredDocument:
    row, id_, title, text, metadata, parent, chunk, start, stop, *rest = values
    tokens, truncated, unknown, image = rest
    place = None if parent is None else Parent(parent, chunk, start, stop)
    document = Document(id_, text, title, _decode(metadata)[0], place, load_image(image))
    return StoredDocument(document, row, tokens, bool(truncated), unknown)
