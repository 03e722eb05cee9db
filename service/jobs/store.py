"""The jobs there are and were, in `jobs.sqlite` of the data folder."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from indexing.connection import named
from indexing.files import reporting_full_disk, sync_folder
from service.jobs.types import UNFINISHED, Fault, Job, JobProgress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from service.jobs.types import State

logger = logging.getLogger(__name__)

JOBS_FILE = "jobs.sqlite"
_VERSION = 1
_WAIT_SECONDS = 30
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  collection TEXT NOT NULL,
  state TEXT NOT NULL,
  content TEXT NOT NULL
)
"""
_COLUMNS = ("kind", "collection", "state")


class JobStore:
    """Jobs by id, in the order they were asked for; safe to use from several threads.

    Args:
        path: the SQLite file; made if missing in write mode. One that is none, or of another
            version, is set aside: jobs are a record, and what they found lies elsewhere.
        writable: False reads alone; a missing file then holds no jobs.
        most: jobs kept; of those that are over the oldest go.
    """

    def __init__(self, path: Path, *, writable: bool = True, most: int = 1_000) -> None:
        self._path = path
        self._most = most
        self._guard = threading.RLock()
        self._connection = _open(path) if writable else _open_to_read(path)

    def close(self) -> None:
        """Give back the file; a second call does nothing."""
        with self._guard:
            self._connection.close()

    def add(self, job: Job) -> Job:
        """The job as it is stored, behind all others; the oldest beyond `most` goes.

        One that is there already gets another number.

        Raises:
            StorageFullError: the disk is full; it is not stored.
            StorageFailedError: the disk failed; likewise.
        """
        with self._writing() as connection:
            found = connection.execute(
                "INSERT OR REPLACE INTO jobs (id, kind, collection, state, content) "
                "VALUES (?, ?, ?, ?, ?)",
                (job.id, job.kind, job.collection, job.state, _content(job)),
            )
            number = int(found.lastrowid or 0)
            connection.execute(
                "DELETE FROM jobs WHERE state NOT IN (?, ?) AND number <= "
                "(SELECT number FROM jobs ORDER BY number DESC LIMIT 1 OFFSET ?)",
                (*UNFINISHED, self._most),
            )
        return replace(job, number=number)

    def update(self, job: Job) -> None:
        """Keep what became of a job; one that went meanwhile stays gone.

        Raises:
            StorageFullError: the disk is full; it stays as it was.
        """
        with self._writing() as connection:
            connection.execute(
                "UPDATE jobs SET state = ?, content = ? WHERE id = ?",
                (job.state, _content(job), job.id),
            )

    def get(self, id: str) -> Job | None:
        """The job of that id; None if there is none."""
        with self._guard:
            row = self._connection.execute(
                "SELECT number, content FROM jobs WHERE id = ?", (id,)
            ).fetchone()
        return None if row is None else _job(*row)

    def page(
        self,
        limit: int,
        *,
        before: int | None = None,
        collection: str | None = None,
        kind: str | None = None,
        state: str | None = None,
    ) -> list[Job]:
        """Jobs, newest first.

        Args:
            limit: so many at most.
            before: only those of lower numbers.
            collection: only those about it.
            kind: only those of that kind.
            state: only those in that state.
        """
        wanted = zip(_COLUMNS, (kind, collection, state), strict=True)
        given = [(f"{column} = ?", value) for column, value in wanted if value is not None]
        if before is not None:
            given.append(("number < ?", str(before)))
        where = " AND ".join(condition for condition, _ in given) or "TRUE"
        values = [value for _, value in given]
        with self._guard:
            rows = self._connection.execute(
                f"SELECT number, content FROM jobs WHERE {where} "  # noqa: S608 - our own columns
                "ORDER BY number DESC LIMIT ?",
                (*values, limit),
            ).fetchall()
        return [_job(*row) for row in rows]

    def unfinished(self) -> list[Job]:
        """Those that wait or run, or did when the process ended; oldest first."""
        with self._guard:
            rows = self._connection.execute(
                "SELECT number, content FROM jobs WHERE state IN (?, ?) ORDER BY number",
                UNFINISHED,
            ).fetchall()
        return [_job(*row) for row in rows]

    def count(self) -> dict[State, int]:
        """How many there are by state; states of none are left out."""
        with self._guard:
            rows = self._connection.execute("SELECT state, count(*) FROM jobs GROUP BY state")
            return dict(rows.fetchall())

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._guard:
            try:
                with self._connection as connection:
                    yield connection
            except sqlite3.OperationalError as error:
                raise named(error, self._path) from error


def _open(path: Path) -> sqlite3.Connection:
    try:
        with reporting_full_disk(path):
            return _connect(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):  # of the disk, not of what is on it
            raise named(error, path) from error
        aside = path.with_name(f"{path.name}.damaged")
        logger.error("%s is no record of jobs (%s); it is now %s", path, error, aside.name)
        path.replace(aside)
        for rest in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                path.with_name(f"{path.name}{rest}").replace(aside.with_name(f"{aside.name}{rest}"))
        return _connect(path)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, check_same_thread=False)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in {0, _VERSION}:
            message = f"version {version}, this reads {_VERSION}"
            raise sqlite3.DatabaseError(message)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(_SCHEMA)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.commit()
        sync_folder(path.parent)  # SQLite says nothing where the name of its log is not flushed
    except BaseException:
        connection.close()
        raise
    return connection


def _open_to_read(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        connection.execute(_SCHEMA)
        return connection
    connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _content(job: Job) -> str:
    facts = {name: value for name, value in asdict(job).items() if name != "number"}
    return json.dumps(facts, ensure_ascii=False)


def _job(number: int, content: str) -> Job:
    facts: dict[str, Any] = json.loads(content)
    progress, error = facts.pop("progress"), facts.pop("error")
    return Job(
        **facts,
        number=number,
        progress=JobProgress(**progress),
        error=None if error is None else Fault(**error),
    )
