"""Transactions of `documents.sqlite`, and what becomes of one whose commit failed."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from indexing.errors import IndexingError, StorageFailedError
from indexing.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Commits:
    """Writes, and knows whether the last write stands.

    A commit whose flush fails is undone by SQLite in memory, but may stand whole in its log, where
    whoever opens the file after a crash takes it for committed. So the log is emptied before
    anything else is written.

    Args:
        path: the SQLite file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unsettled = False

    @property
    def is_unsettled(self) -> bool:
        """True if a crash might bring changes back that were undone."""
        return self._unsettled

    @contextmanager
    def transaction(
        self, connection: sqlite3.Connection, *, counted: bool
    ) -> Iterator[Transaction]:
        """Changes that are on disk, all of them, when the block ends without an error.

        Args:
            connection: the writing thread's.
            counted: the documents have another version afterwards.

        Raises:
            StorageFullError: the disk is full; nothing is changed.
            StorageFailedError: the disk failed; nothing is changed, unless `is_unsettled` and the
                process ends before the next write.
        """
        self.settle(connection)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield Transaction(connection)
            if counted:
                connection.execute("UPDATE version SET number = number + 1")
            self._unsettled = True
            connection.execute("COMMIT")
            self._unsettled = False
        except BaseException as error:
            if connection.in_transaction:
                with suppress(IndexingError):  # what went wrong first is what is told
                    connection.execute("ROLLBACK")
            if getattr(error.__cause__, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
                self._unsettled = False  # the log ends before the commit
            with suppress(IndexingError):
                self.settle(connection)
            raise

    def settle(self, connection: sqlite3.Connection) -> None:
        """Empty SQLite's log after a commit that failed, so that its changes never come back.

        Raises:
            StorageFullError, StorageFailedError: the disk does not let it; nothing is written
                until it does.
        """
        if not self._unsettled:
            return
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        found = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if found[0]:
            message = f"{self._path} is being read; repeat this write"
            raise StorageFailedError(message)
        self._unsettled = False
