"""Rewriting a collection without its tombstones while searches and writes go on.

Documents, vectors and terms are copied into `compacted/`, the indexes are built over the copy,
what was written meanwhile follows, and then the files change places (`indexing.swap`). Until the
journal of that is written, the old files are untouched and any failure leaves them standing.
"""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

from indexing.copying import Copy
from indexing.documents import DOCUMENTS_FILE, DocumentStore
from indexing.errors import DamagedError
from indexing.figures import has_tail
from indexing.files import reporting_full_disk, sync_file, withdrawn
from indexing.lexicon import FOLDER as LEXICAL_FOLDER
from indexing.lexicon import Lexicon
from indexing.swap import COMPACTED, JOURNAL, RETIRED, Swap
from indexing.vectors import VECTORS_FILE, VectorFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from indexing.sealed import SealedIndex
    from indexing.storage import Storage

    Step = Callable[[str, float], None]
    """Told the name of what comes next and the share of everything that is done, 0 to 1."""

logger = logging.getLogger(__name__)

_FEW = 2_000
"""What was written meanwhile is copied while writers go on until it is fewer than this."""
_MOST_ROUNDS = 8


def compact(
    storage: Storage, step: Step = lambda *_: None, stop: Callable[[], bool] = lambda: False
) -> None:
    """Give every document the lowest row there is, in the order of today, and the disk back.

    Args:
        storage: whoever holds it may go on reading and writing; writers wait at the very end.
        step: called before everything that changes a file, and after each block; may raise to
            stop, up to `journal`.
        stop: asked now and then while the index is built; True gives up.

    Raises:
        InterruptedError: it was given up; the old files stand.
        DamagedError: what is there does not fit together; it is left alone.
        StorageFullError: the disk cannot hold both; the old files stand.
        StorageFailedError: the disk failed; the old files stand, or `storage.broken` says what to
            do.
    """
    if storage.broken:
        message = f"{storage.folder}: {storage.broken}"
        raise DamagedError(message)
    with storage.caring, reporting_full_disk(storage.folder / COMPACTED):
        folder = storage.folder / COMPACTED
        shutil.rmtree(folder, ignore_errors=True)
        step("start", 0.0)
        folder.mkdir()
        try:
            _rewrite(storage, folder, step, stop)
        finally:
            storage.touched = None
            if not storage.broken:
                shutil.rmtree(folder, ignore_errors=True)


def _rewrite(storage: Storage, folder: Path, step: Step, stop: Callable[[], bool]) -> None:
    storage.touched = set()
    copy = Copy(storage.generation, folder)
    try:
        _shorten_tail(storage)
        step("copy", 0.0)
        most = max(1, storage.snapshot.documents)
        copy.start(lambda rows: step("copy", 0.4 * min(1.0, rows / most)))
        _shorten_tail(storage)
        step("index", 0.4)
        sealed = storage.build(folder, copy.kept, stop)
        _shorten_tail(storage)
        step("words", 0.8)
        _settle_words(storage, folder)
        for _ in range(_MOST_ROUNDS):
            step("follow", 0.9)
            if copy.follow(storage.writing, storage.take_touched) < _FEW:
                break
        _settle_words(storage, folder)
        with storage.writing:
            step("follow last", 0.95)
            copy.follow(storage.writing, storage.take_touched)
            step("finish", 0.97)
            copy.finish(storage.generation.number)
            _swap(storage, copy, sealed, step)
    finally:
        copy.close()


def _shorten_tail(storage: Storage) -> None:
    """Put what was written lately into the old index: searches compare it until the end."""
    if has_tail(storage.figures()):
        storage.extend()


def _settle_words(storage: Storage, folder: Path) -> None:
    """Bring the lexical index of the copy up to its documents."""
    documents = DocumentStore(folder / DOCUMENTS_FILE, writable=True)
    try:
        Lexicon(folder, storage.analyzer, documents, writable=True).close()
    finally:
        documents.close()


def _swap(storage: Storage, copy: Copy, sealed: SealedIndex | None, step: Step) -> None:
    """Put the copy in the place of the files it was made from; the caller holds `writing`."""
    before, folder = storage.generation, storage.folder
    swap = _plan(folder, before.number)
    sync_file(folder / COMPACTED / DOCUMENTS_FILE)
    step("journal", 0.98)
    storage.broken = "a compaction was interrupted; open the collection again to finish it"
    try:
        swap.commit(folder)
    except BaseException:
        if withdrawn(folder / JOURNAL):
            storage.broken = ""
        raise
    before.lexicon.freeze()
    with before.documents.moving(folder / swap.retired):
        swap.perform(folder, lambda name: step(name, 0.98))
    step("open", 0.99)
    documents = DocumentStore(folder / DOCUMENTS_FILE, writable=True)
    vectors = VectorFile(folder / VECTORS_FILE, before.vectors.dim, writable=True)
    lexicon = Lexicon(folder, storage.analyzer, documents, writable=True)
    storage.succeed(documents, vectors, lexicon, copy.kept, sealed)
    storage.broken = ""
    before.vectors.close()
    logger.info("%s: compacted to %d rows", folder, len(copy.kept))


def _plan(folder: Path, number: int) -> Swap:
    """What goes and what takes its place.

    The new index file gets a number behind all old ones: the newest is the one that counts.
    """
    old = sorted(path for path in folder.glob("index-*.*"))
    numbers = [int(path.stem[6:]) for path in old if path.stem[6:].isdecimal()]
    stem = f"index-{max(numbers, default=0) + 1}"
    new = sorted((folder / COMPACTED).glob("index-*.*"))
    names = [DOCUMENTS_FILE, VECTORS_FILE]
    if (folder / COMPACTED / LEXICAL_FOLDER).exists():
        names.append(LEXICAL_FOLDER)
    return Swap(
        remove=(
            *(f"{DOCUMENTS_FILE}-wal", f"{DOCUMENTS_FILE}-shm", LEXICAL_FOLDER),
            *(path.name for path in old),
        ),
        move=(
            *((name, name) for name in names),
            *((path.name, f"{stem}{path.suffix}") for path in new),
        ),
        retired=f"{RETIRED}-{number}",
    )
