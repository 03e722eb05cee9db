"""What survives an interruption: which run was going on, and what it refused."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

from indexing.errors import SourceError
from indexing.files import reporting_full_disk, write_atomically
from indexing.ingest.types import IngestOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexing.readers.records import Reject

JOURNAL_FILE = "ingest.json"
REJECTS_FILE = "rejects.jsonl"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Run:
    """One ingest, as its journal tells it.

    Attributes:
        sources: absolute paths, or `-`.
        started: RFC 3339, UTC.
        state: `running` also stands there after an interruption.
        counts: by name, as in the report.
        rejects: where refused records are listed; None: nowhere.
    """

    sources: tuple[str, ...]
    options: IngestOptions
    started: str
    state: Literal["running", "done"]
    counts: Mapping[str, int]
    rejects: Path | None

    @classmethod
    def begin(cls, sources: tuple[str, ...], options: IngestOptions, rejects: Path | None) -> Run:
        """A run that starts now."""
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return cls(sources, options, now, "running", {}, rejects)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, `from_json`'s inverse."""
        return {
            "format": _FORMAT,
            "sources": list(self.sources),
            "options": self.options.to_json(),
            "started": self.started,
            "state": self.state,
            "counts": dict(self.counts),
            "rejects": None if self.rejects is None else str(self.rejects),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Run:
        """The run written by `to_json`.

        Raises:
            ValueError, TypeError, KeyError: it is of another format.
        """
        if data["format"] != _FORMAT:
            message = f"journal of format {data['format']}, this version writes {_FORMAT}"
            raise ValueError(message)
        return cls(
            tuple(data["sources"]),
            IngestOptions.from_json(data["options"]),
            data["started"],
            data["state"],
            data["counts"],
            None if data["rejects"] is None else Path(data["rejects"]),
        )


class Journal:
    """`ingest.json` in a collection's folder; without a folder nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / JOURNAL_FILE
        self._run: Run | None = None

    def interrupted(self) -> Run | None:
        """The last run, if it did not come to its end.

        Raises:
            SourceError: the journal cannot be read.
        """
        if self._path is None or not self._path.is_file():
            return None
        try:
            run = Run.from_json(json.loads(self._path.read_text("utf-8", "surrogateescape")))
        except (ValueError, TypeError, KeyError) as error:
            message = (
                f"{self._path} cannot be read ({error}); name the sources: what stands in the "
                "collection is not encoded again"
            )
            raise SourceError(message) from error
        return run if run.state == "running" else None

    def begin(self, run: Run) -> None:
        """Note that this run has started."""
        self._run = run
        self._write(run)

    def note(self, counts: Mapping[str, int], *, done: bool = False) -> None:
        """Note how far it has come, and whether that is the end."""
        if self._run is not None:
            self._run = replace(self._run, counts=counts, state="done" if done else "running")
            self._write(self._run)

    def _write(self, run: Run) -> None:
        if self._path is not None:
            text = json.dumps(run.to_json(), ensure_ascii=False, indent=1)
            # A path may hold bytes that are no UTF-8.
            write_atomically(self._path, text.encode(errors="surrogateescape"))


class RejectLog:
    """The refused records of a run, one JSON object a line; the file appears with the first.

    Args:
        path: of the file; None keeps no list.
        resumed: True goes on behind what an interrupted run listed, without repeating it;
            False removes an earlier list.
    """

    def __init__(self, path: Path | None, *, resumed: bool) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._unsynced = False
        self._listed: set[bytes] = set()
        if path is not None and path.exists():
            with reporting_full_disk(path):
                if resumed:
                    self._read_listed(path)
                else:
                    path.unlink()

    @property
    def path(self) -> Path | None:
        """The list, if there is one."""
        return self._path if self._path is not None and self._path.exists() else None

    def add(self, reject: Reject) -> None:
        """List a record that was refused."""
        entry = {
            "origin": reject.origin.file,
            "line": reject.origin.line,
            **({} if reject.id is None else {"id": reject.id}),
            "reason": reject.reason,
            "excerpt": reject.excerpt,
        }
        line = json.dumps(entry, ensure_ascii=False)
        if self._path is None or _digest(line) in self._listed:
            return
        with reporting_full_disk(self._path):
            if self._file is None:
                self._file = self._path.open("a", encoding="utf-8", errors="replace", newline="\n")
            self._file.write(f"{line}\n")
        self._unsynced = True

    def sync(self) -> None:
        """Wait until the list is on disk.

        Raises:
            StorageFullError, StorageFailedError: the disk does not take it.
        """
        if self._file is not None and self._path is not None and self._unsynced:
            with reporting_full_disk(self._path):
                self._file.flush()
                os.fsync(self._file.fileno())
            self._unsynced = False

    def close(self) -> None:
        """Sync, and give back the file."""
        if self._file is None or self._path is None:
            return
        file, path = self._file, self._path
        try:
            self.sync()
        finally:
            self._file = None
            with reporting_full_disk(path):
                file.close()

    def _read_listed(self, path: Path) -> None:
        """Remember the lines there; one that was torn by the interruption is cut off."""
        whole = 0
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    whole += len(line)
                    self._listed.add(_digest(line.decode(errors="replace").rstrip("\n")))
        os.truncate(path, whole)


def _digest(line: str) -> bytes:
    return blake2b(line.encode(errors="replace"), digest_size=16).digest()
