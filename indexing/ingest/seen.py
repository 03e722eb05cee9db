"""What a run has met already, kept on disk so that memory does not grow with the sources."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

_CACHE_KIB = 65_536


class Seen:
    """Ids with their content, and texts; for one thread.

    A private temporary database of SQLite's: it lives in memory up to 64 MiB, then in a nameless
    file, and is gone when closed.
    """

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(
            "CREATE TABLE ids (id TEXT PRIMARY KEY, content BLOB, origin TEXT) WITHOUT ROWID"
        )
        self._connection.execute("CREATE TABLE texts (hash BLOB PRIMARY KEY) WITHOUT ROWID")
        self._connection.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def earlier(self, id: str, content: bytes, origin: str) -> tuple[bytes, str] | None:
        """Content and origin of the first document of this id; None if this is the first."""
        added = self._connection.execute(
            "INSERT OR IGNORE INTO ids VALUES (?, ?, ?)", (id, content, origin)
        )
        if added.rowcount:
            return None
        found: tuple[bytes, str] = self._connection.execute(
            "SELECT content, origin FROM ids WHERE id = ?", (id,)
        ).fetchone()
        return found

    def knows_text(self, digest: bytes) -> bool:
        """Whether this was asked before of the same text."""
        added = self._connection.execute("INSERT OR IGNORE INTO texts VALUES (?)", (digest,))
        return not added.rowcount
