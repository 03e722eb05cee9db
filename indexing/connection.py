"""A SQLite connection whose errors are this floor's: damage and closing have names and remedies."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

from indexing.errors import CollectionClosedError, DamagedError
from indexing.files import storage_failed, storage_full
from indexing.filter_sql import register_functions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Self

    Values = Sequence[object] | Mapping[str, object]

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_FAILED = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
_ALMOST_FULL = 1 << 20
_WAIT_SECONDS = 30
_MMAP_BYTES = 1 << 30


def connect(path: Path, *, writable: bool) -> sqlite3.Connection:
    """A connection to the database that any thread may use, one at a time.

    Args:
        path: the file; made if missing in write mode.
        writable: False refuses every change; the file must exist.

    Raises:
        DamagedError: the file is missing (for reading) or not a database.
        StorageFailedError: the disk failed.
    """
    if not writable and not path.is_file():
        message = f"{path} is missing; restore it from a backup"
        raise DamagedError(message)
    try:
        connection = sqlite3.connect(
            _address(path, writable=writable),
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=_WAIT_SECONDS,
            factory=_Connection,
        )
    except sqlite3.DatabaseError as error:
        raise named(error, path) from error
    connection.path = path
    try:
        if writable:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        else:
            connection.execute("PRAGMA query_only = ON")
        connection.execute(f"PRAGMA mmap_size = {_MMAP_BYTES}")
        register_functions(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _address(path: Path, *, writable: bool) -> str:
    """The file as SQLite is to open it."""
    if writable or not _is_read_only(path):
        return str(path)
    return f"{path.absolute().as_uri()}?immutable=1"


def _is_read_only(path: Path) -> bool:
    """True on a disk that nobody can write to, where SQLite cannot make the files it reads with.

    Raises:
        DamagedError: what was written last is in a file that SQLite would have to change to read.
    """
    if os.access(path.parent, os.W_OK):
        return False
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size and not os.access(log, os.W_OK):
        message = (
            f"{path} was not closed and lies on a read-only disk; open it once where it can be "
            "written to"
        )
        raise DamagedError(message)
    return True


class _Connection(sqlite3.Connection):
    """Closing it from another thread waits for the statement that runs: `sqlite3` would crash."""

    path: Path

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        self.running = threading.RLock()
        super().__init__(*arguments, **options)

    def close(self) -> None:
        """Give back the file; a second call does nothing."""
        with self.running:
            super().close()

    def cursor(self, factory: object = None) -> sqlite3.Cursor:  # type: ignore[override]
        """A cursor with this floor's errors."""
        try:
            return super().cursor(_Cursor)
        except sqlite3.ProgrammingError as error:
            raise named(error, self.path) from error

    def execute(self, sql: str, parameters: Values = (), /) -> sqlite3.Cursor:  # type: ignore[override]
        """As `sqlite3` does, with this floor's errors."""
        return self.cursor().execute(sql, parameters)

    def executescript(self, sql: str, /) -> sqlite3.Cursor:
        """As `sqlite3` does, with this floor's errors."""
        return self.cursor().executescript(sql)

    def executemany(  # type: ignore[override]
        self, sql: str, parameters: Iterable[Values], /
    ) -> sqlite3.Cursor:
        """As `sqlite3` does, with this floor's errors."""
        return self.cursor().executemany(sql, parameters)


class _Cursor(sqlite3.Cursor):
    """Fetch with `fetchone` and `fetchall`: iterating shows SQLite's own errors."""

    connection: _Connection

    def execute(self, sql: str, parameters: Values = (), /) -> Self:  # type: ignore[override]
        try:
            with self.connection.running:
                return super().execute(sql, parameters)
        except sqlite3.DatabaseError as error:
            raise named(error, self.connection.path) from error

    def executemany(  # type: ignore[override]
        self, sql: str, parameters: Iterable[Values], /
    ) -> Self:
        try:
            with self.connection.running:
                return super().executemany(sql, parameters)
        except sqlite3.DatabaseError as error:
            raise named(error, self.connection.path) from error

    def executescript(self, sql: str, /) -> Self:
        try:
            with self.connection.running:
                super().executescript(sql)
                return self
        except sqlite3.DatabaseError as error:
            raise named(error, self.connection.path) from error

    def fetchone(self) -> tuple[object, ...] | None:
        try:
            with self.connection.running:
                row: tuple[object, ...] | None = super().fetchone()
        except sqlite3.DatabaseError as error:
            raise named(error, self.connection.path) from error
        return row

    def fetchall(self) -> list[tuple[object, ...]]:
        try:
            with self.connection.running:
                return super().fetchall()
        except sqlite3.DatabaseError as error:
            raise named(error, self.connection.path) from error


def named(error: sqlite3.DatabaseError, path: Path) -> Exception:
    """This floor's error for damage, a full disk and a closed database; any other as it is."""
    if "closed database" in str(error):
        message = f"collection {path.parent.name!r} is closed; open it again to use it"
        return CollectionClosedError(message)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(path)):
        return storage_full(path)
    if code in _FAILED:
        return storage_failed(path, str(error))
    if code in _DAMAGE:
        message = (
            f"{path} is damaged ({error}); `meari collections verify` tells more, and a backup "
            "restores it"
        )
        return DamagedError(message)
    return error


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _ALMOST_FULL
    except OSError:
        return False
