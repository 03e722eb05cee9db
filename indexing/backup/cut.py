"""The files of a collection as they are at one moment, while writers go on."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexing.backup.manifest import is_path
from indexing.connection import connect, named
from indexing.documents import DOCUMENTS_FILE
from indexing.errors import DamagedError, StorageFailedError, StorageFullError
from indexing.files import reporting_full_disk
from indexing.lexicon import FOLDER as LEXICAL_FOLDER
from indexing.transaction import check_appends
from indexing.vectors import VECTORS_FILE, VectorFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

    from indexing.card import CollectionCard
    from indexing.local import LocalCollection
    from indexing.room import Room
    from indexing.storage import Storage

_BLOCK = 1 << 18
_TRIES = 10


@dataclass(frozen=True, slots=True)
class CutFile:
    """An open file of a cut.

    Attributes:
        path: below the collection's folder, with `/`.
        size: bytes of it that belong to the cut.
        block: bytes that it is best read by: what changes there changes by so many.
        descriptor: it is read from.
    """

    path: str
    size: int
    block: int
    descriptor: int

    def blocks(self) -> Iterator[bytes]:
        """Its content, in blocks.

        Raises:
            DamagedError: it is shorter than it was.
        """
        for offset in range(0, self.size, self.block):
            wanted = min(self.block, self.size - offset)
            content = os.pread(self.descriptor, wanted, offset)
            if len(content) != wanted:
                message = f"{self.path} ends at {offset + len(content):,}, not {self.size:,} bytes"
                raise DamagedError(message)
            yield content


class Cut:
    """One moment of a collection: what was acknowledged until then, and nothing else.

    Making it waits for the write that is going on, and lets none begin for some hundredths of a
    second; nobody waits from then on. It holds files open that a compaction may remove.

    Args:
        collection: open for reading or writing.

    Attributes:
        card: the collection's.
        version: of its documents.
        documents: in it.
        rows: of vectors, tombstones included.

    Raises:
        DamagedError: its files do not fit together.
        CollectionClosedError: it is closed.
    """

    def __init__(self, collection: LocalCollection) -> None:
        self.card: CollectionCard = collection.card
        self._open = ExitStack()
        storage = collection.storage
        try:
            with storage.writing:
                storage.documents.check_open()
                storage.lexicon.settle_quickly()
                self._connection = self._open.enter_context(
                    closing(connect(storage.documents.path, writable=False))
                )
                self._connection.execute("BEGIN")
                (self.version,) = self._one("SELECT number FROM version")
                (self.rows,) = self._one("SELECT coalesce(max(first + rows), 0) FROM appends")
                self._vectors = VectorFile(
                    storage.vectors.path, storage.vectors.dim, writable=False
                )
                self._open.callback(self._vectors.close)
                self._small = self._derived(storage)
        except BaseException:
            self._open.close()
            raise
        (self.documents,) = self._one("SELECT count(*) FROM documents")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def check_vectors(self) -> None:
        """Refuse to keep vectors that are not what was written.

        Raises:
            DamagedError: some fail their checksum.
        """
        check_appends(
            self._connection,
            self._vectors,
            f"collection {self.card.name!r} can be backed up",
        )

    def files(self, folder: Path, room: Room) -> Iterator[CutFile]:
        """All files, each open while it is the current one.

        Args:
            folder: takes a copy of the documents, as large as they are, while they are read.
            room: on its disk.

        Raises:
            StorageFullError: the copy does not fit, or leaves less free than has to stay so.
            StorageFailedError: the disk failed.
            DamagedError: the documents cannot be read.
        """
        copy = folder / f".{os.getpid()}-{DOCUMENTS_FILE}.tmp"
        try:
            block = self._copy_documents(copy, room)
            with copy.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                yield CutFile(DOCUMENTS_FILE, size, block, file.fileno())
        finally:
            copy.unlink(missing_ok=True)
        descriptor = self._vectors.fileno()
        yield CutFile(VECTORS_FILE, self.rows * 4 * self._vectors.dim, _BLOCK, descriptor)
        yield from self._small

    def _one(self, query: str) -> tuple[int, ...]:
        found: tuple[int, ...] = self._connection.execute(query).fetchone()
        return found

    def _copy_documents(self, path: Path, room: Room) -> int:
        """The documents of the cut in a file of their own; gives the size of its pages."""
        (pages,), (size,) = self._one("PRAGMA page_count"), self._one("PRAGMA page_size")
        room.check(pages * size)
        try:
            with reporting_full_disk(path), closing(sqlite3.connect(path)) as copy:
                copy.execute("PRAGMA journal_mode = OFF")
                copy.execute("PRAGMA synchronous = OFF")
                self._connection.backup(copy)
        except sqlite3.DatabaseError as error:
            known = named(error, path)
            if isinstance(known, StorageFullError | StorageFailedError):
                raise known from error
            message = f"{DOCUMENTS_FILE} of {self.card.name!r} cannot be read: {error}"
            raise DamagedError(message) from error
        return size

    def _derived(self, storage: Storage) -> list[CutFile]:
        """The small files and what can be made again; those that go meanwhile are left out."""
        names = ["wish.json", "calibration.json", *_index(storage.folder)]
        results = sorted(path for path in storage.folder.glob("analysis/*/*") if path.is_file())
        names += [path.relative_to(storage.folder).as_posix() for path in results]
        found = [file for name in names if (file := self._opened(storage.folder, name))]
        return [*found, *self._lexical(storage.folder)]

    def _lexical(self, folder: Path) -> list[CutFile]:
        """The files of the last commit of the lexical index; none where merging moves too fast."""
        meta = folder / LEXICAL_FOLDER / "meta.json"
        for _ in range(_TRIES):
            try:
                content = meta.read_bytes()
                segments = json.loads(content)["segments"]
                stems = [segment["segment_id"].replace("-", "") for segment in segments]
                paths = [path for stem in stems for path in sorted(meta.parent.glob(f"{stem}.*"))]
                names = ["meta.json", ".managed.json", *(path.name for path in paths)]
                files = [self._opened(folder, f"{LEXICAL_FOLDER}/{name}") for name in names]
                if meta.read_bytes() == content and all(files):
                    return [file for file in files if file is not None]
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return []

    def _opened(self, folder: Path, name: str) -> CutFile | None:
        path = folder / name
        if not is_path(name) or path.is_symlink():
            return None
        try:
            file = self._open.enter_context(path.open("rb"))
        except FileNotFoundError:
            return None
        size = os.fstat(file.fileno()).st_size
        return CutFile(name, size, _BLOCK, file.fileno())


def _index(folder: Path) -> list[str]:
    """Names of the newest index's files."""
    cards = [path for path in folder.glob("index-*.json") if path.stem[6:].isdecimal()]
    newest = max(cards, key=lambda path: int(path.stem[6:]), default=None)
    return [] if newest is None else [newest.name, f"{newest.stem}.faiss"]
