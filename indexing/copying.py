"""A copy of a collection's documents and vectors without tombstones, made while others write."""

from __future__ import annotations

import zlib
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from indexing.connection import connect
from indexing.documents import DOCUMENTS_FILE
from indexing.errors import DamagedError, StorageFailedError
from indexing.files import sync_file
from indexing.schema import migrate
from indexing.transaction import check_appends
from indexing.vectors import VECTORS_FILE, VectorFile

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from indexing.generation import Generation
    from indexing.types import Ids

BLOCK = 4096
"""Rows copied between two looks at whether to stop."""

GENERATIONS = """
CREATE TABLE IF NOT EXISTS generations (
    number INTEGER PRIMARY KEY,         -- of an earlier arrangement of rows
    kept BLOB NOT NULL                  -- zlib of a bit by row of it, set for those that were kept
)
"""
_MOST_GENERATIONS = 64


class Copy:
    """Documents in `documents.sqlite` and vectors in `vectors.f32` of a folder, rows dense.

    Rows keep their order. `start` copies one moment, `follow` what changed since.

    Args:
        source: what is copied; its writer goes on meanwhile.
        folder: empty.
    """

    def __init__(self, source: Generation, folder: Path) -> None:
        self._source = source
        self._folder = folder
        self._vectors = VectorFile(
            folder / VECTORS_FILE, source.vectors.dim, writable=True, durable=False
        )
        self.kept: Ids = np.empty(0, dtype=np.int64)
        self._covered = 0
        with closing(connect(self._documents, writable=True)) as connection:
            migrate(connection)

    @property
    def _documents(self) -> Path:
        return self._folder / DOCUMENTS_FILE

    def start(self, between: Callable[[int], None]) -> None:
        """Copy what is there.

        Args:
            between: called after each block with the rows copied so far; may raise to stop.

        Raises:
            DamagedError: vectors fail their checksum, or documents have none.
            StorageFullError: the disk is full.
        """
        with self._reading(bulk=True) as connection:
            rows = self._rows(connection, -(1 << 62))
            if len(rows) and rows[0] < 0:
                message = f"{self._source.documents.path.parent} holds documents without vectors"
                raise DamagedError(f"{message}; repair it before it is compacted")
            self._check_vectors(connection, between)
            self._extend(connection, rows, between)
            self._copy_the_rest(connection)
        # Before anybody else may be told that what was written without waiting was not kept.
        sync_file(self._documents)

    def follow(
        self, writing: AbstractContextManager[Any], touched: Callable[[], Iterable[int]]
    ) -> int:
        """Copy what was written since.

        Args:
            writing: nothing is written while it is held, which is while the moment that is copied
                is fixed: a deletion behind it, told of now, would not be told of again.
            touched: rows, some perhaps in vain, whose documents were deleted or relabelled since
                the moment copied before; asked once, while `writing` is held.

        Returns:
            How many documents were copied.
        """
        with self._reading(bulk=False) as connection:
            with writing:
                rows = self._rows(connection, self._covered)
                old = np.unique(np.fromiter(touched(), dtype=np.int64))
            places = np.searchsorted(self.kept, old)
            known = places < len(self.kept)
            known[known] = self.kept[places[known]] == old[known]
            self._copy_rows(connection, old[known], places[known], again=True)
            self._extend(connection, rows, lambda _: None)
            self._copy_the_rest(connection)
        return int(known.sum()) + len(rows)

    def finish(self, number: int) -> None:
        """Note where the rows went, wait for the disk and give back the files.

        Args:
            number: of the generation copied.

        Raises:
            StorageFullError, StorageFailedError: the disk does not let it.
        """
        with closing(connect(self._documents, writable=True)) as connection:
            bits = np.zeros(self._covered, dtype=bool)
            bits[self.kept] = True
            packed = zlib.compress(np.packbits(bits, bitorder="little").tobytes())
            connection.execute("BEGIN")
            connection.execute(GENERATIONS)
            connection.execute("INSERT INTO generations VALUES (?, ?)", (number, packed))
            connection.execute(
                "DELETE FROM generations WHERE number <= ?", (number - _MOST_GENERATIONS,)
            )
            connection.execute("COMMIT")
            # Closing does this too, and says nothing where it fails: the log does not come along.
            found = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if found is None or found[0]:
                message = f"{self._documents} is still being read; compact it again"
                raise StorageFailedError(message)
        self._vectors.sync()
        self.close()

    def close(self) -> None:
        """Give back the files; a second call does nothing."""
        self._vectors.close()

    @contextmanager
    def _reading(self, *, bulk: bool) -> Iterator[sqlite3.Connection]:
        """The copy's database with the source attached to it as `old`, in one transaction."""
        with closing(connect(self._documents, writable=True)) as connection:
            if bulk:  # a crash removes the copy; it is made durable in the end
                connection.execute("PRAGMA main.journal_mode = OFF")
                connection.execute("PRAGMA main.synchronous = OFF")
            connection.execute("PRAGMA main.cache_size = -65536")
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute("ATTACH ? AS old", (str(self._source.documents.path),))
            connection.execute("CREATE TEMP TABLE moved (old INTEGER PRIMARY KEY, new INTEGER)")
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")

    def _rows(self, connection: sqlite3.Connection, first: int) -> Ids:
        """Rows of documents from `first` on, and how far the source has come."""
        found = connection.execute(
            "SELECT row FROM old.documents WHERE row >= ? ORDER BY row", (first,)
        ).fetchall()
        (self._covered,) = connection.execute(
            "SELECT coalesce(max(first + rows), 0) FROM old.appends"
        ).fetchone()
        return np.fromiter((row for (row,) in found), dtype=np.int64, count=len(found))

    def _check_vectors(
        self, connection: sqlite3.Connection, between: Callable[[int], None]
    ) -> None:
        """Refuse to give new checksums to vectors that fail their old ones."""
        check_appends(
            connection,
            self._source.vectors,
            "the collection can be compacted",
            schema="old",
            between=between,
        )

    def _extend(
        self, connection: sqlite3.Connection, rows: Ids, between: Callable[[int], None]
    ) -> None:
        """Copy documents and vectors of rows behind all that were copied."""
        vectors = self._source.vectors.read(self._covered)
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK]
            first = len(self.kept)
            self._copy_rows(connection, block, np.arange(first, first + len(block)))
            crc32 = self._vectors.append(first, np.ascontiguousarray(vectors[block]))
            values = (first, len(block), crc32)
            connection.execute("INSERT INTO main.appends VALUES (?, ?, ?)", values)
            self.kept = np.concatenate([self.kept, block])
            between(len(self.kept))

    def _copy_rows(
        self, connection: sqlite3.Connection, old: Ids, new: Ids, *, again: bool = False
    ) -> None:
        """Copy every table's rows of those documents under their new numbers."""
        pairs = list(zip(old.tolist(), new.tolist(), strict=True))
        connection.execute("DELETE FROM moved")
        connection.executemany("INSERT INTO moved VALUES (?, ?)", pairs)
        for table, columns in self._tables(connection):
            if "row" not in columns:
                continue
            if again:
                connection.execute(
                    f'DELETE FROM main."{table}" WHERE row IN (SELECT new FROM moved)'  # noqa: S608
                )
            names = ", ".join(f'"{name}"' for name in columns)
            values = ", ".join("m.new" if name == "row" else f't."{name}"' for name in columns)
            connection.execute(
                f'INSERT INTO main."{table}" ({names}) SELECT {values} '  # noqa: S608
                f'FROM moved AS m CROSS JOIN old."{table}" AS t ON t.row = m.old ORDER BY m.new'
            )

    def _copy_the_rest(self, connection: sqlite3.Connection) -> None:
        """Copy tables that do not speak of rows.

        Where the copy found words itself, the analyzer may have another number than it has in the
        source by now; such words are found again.
        """
        connection.execute(
            "DELETE FROM main.terms WHERE analyzer IN (SELECT number FROM (SELECT number, "
            "fingerprint FROM main.analyzers EXCEPT SELECT number, fingerprint FROM old.analyzers))"
        )
        for table, columns in self._tables(connection):
            if "row" in columns or table == "appends":
                continue
            if table == "generations":
                connection.execute(GENERATIONS)
            connection.execute(f'DELETE FROM main."{table}"')  # noqa: S608
            connection.execute(f'INSERT INTO main."{table}" SELECT * FROM old."{table}"')  # noqa: S608

    def _tables(self, connection: sqlite3.Connection) -> list[tuple[str, list[str]]]:
        """Names of the source's tables and of their columns."""
        names = connection.execute(
            "SELECT name FROM old.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return [
            (
                name,
                [
                    column
                    for _, column, *_ in connection.execute(
                        f'PRAGMA old.table_info("{name}")'
                    ).fetchall()
                ],
            )
            for (name,) in names
        ]
