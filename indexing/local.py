"""A collection in a folder of this machine."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from embeddings.errors import EmbeddingError
from embeddings.load import load_encoder
from indexing.answer import answer
from indexing.card import check_encoder, read_card, write_card
from indexing.documents import DOCUMENTS_FILE, Append, DocumentStore, Hashes, State
from indexing.errors import InvalidDocumentError, InvalidRequestError
from indexing.index.exact import comparable
from indexing.lock import FolderLock
from indexing.planner import choose_kind
from indexing.sealed import build_sealed, load_sealed, remove_sealed
from indexing.snapshot import Snapshot
from indexing.status import CollectionStatus, folder_bytes
from indexing.types import Document, Page, StoredDocument, WriteReceipt
from indexing.validation import check_documents
from indexing.vectors import VECTORS_FILE, VectorFile
from indexing.verification import VerifyReport, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Collection as Container
    from pathlib import Path
    from typing import Self

    from embeddings.types import Encoder, Encoding
    from indexing.card import CollectionCard
    from indexing.filters import Filter
    from indexing.types import SearchRequest, SearchResult

logger = logging.getLogger(__name__)

_MOST_PAGE = 10_000


class LocalCollection:
    """Documents in SQLite, vectors in a file, FAISS in between; see `Collection` for the contract.

    Any number of threads may search while one at a time writes. A write appends vectors and
    waits for the disk, then commits the transaction that refers to them; rows that no
    transaction refers to are cut off when the collection is opened for writing.

    Use `open` and `create`, and `close` in the end.
    """

    def __init__(
        self,
        folder: Path,
        card: CollectionCard,
        *,
        encoder: Encoder | None = None,
        load_encoder: Callable[[str], Encoder] = load_encoder,
        writable: bool,
        lock: FolderLock | None,
    ) -> None:
        self.folder = folder
        self._card = card
        self._encoder = encoder
        self._load_encoder = load_encoder
        self._writable = writable
        self._lock = lock
        self._writing = threading.RLock()
        self._loading = threading.Lock()
        self._problems: list[str] = []
        self._documents = DocumentStore(folder / DOCUMENTS_FILE, writable=writable)
        self._vectors = VectorFile(folder / VECTORS_FILE, card.encoder.dim, writable=writable)
        self._snapshot = self._recover()

    # -- opening and closing -------------------------------------------------------------

    @classmethod
    def create(
        cls,
        folder: Path,
        card: CollectionCard,
        *,
        load_encoder: Callable[[str], Encoder] = load_encoder,
    ) -> Self:
        """A new, empty collection in `folder`, which must not hold one; the caller locks."""
        folder.mkdir(parents=True, exist_ok=True)
        write_card(folder, card)
        return cls(folder, card, load_encoder=load_encoder, writable=True, lock=None)

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        encoder: Encoder | None = None,
        load_encoder: Callable[[str], Encoder] = load_encoder,
        mode: Literal["read", "write"] = "write",
        locked: bool = False,
    ) -> Self:
        """The collection in `folder`.

        Args:
            folder: where it lies.
            encoder: to use instead of loading the one the card names.
            load_encoder: from a name to an encoder.
            mode: `read` shares the folder and changes nothing, `write` owns it.
            locked: True if the caller holds a lock that covers the folder.

        Raises:
            CollectionNotFoundError: no collection there.
            FolderLockedError: another process owns it.
            EncoderMismatchError: `encoder` is not the one whose vectors are stored.
            DamagedError: its files cannot be read.
        """
        card = read_card(folder)
        if encoder is not None:
            check_encoder(card, encoder.card)
        lock = None if locked else FolderLock(folder, mode)
        try:
            return cls(
                folder,
                card,
                encoder=encoder,
                load_encoder=load_encoder,
                writable=mode == "write",
                lock=lock,
            )
        except BaseException:
            if lock is not None:
                lock.release()
            raise

    def close(self) -> None:
        """Give back files and lock; a second call does nothing."""
        with self._writing:
            self._documents.close()
            self._vectors.close()
            if self._lock is not None:
                self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _recover(self) -> Snapshot:
        """What is on disk, half-written rows cut off, with anything lost noted."""
        committed = self._documents.committed_rows()
        there = self._vectors.rows
        if self._writable:
            self._vectors.cut(committed)
        if there < committed:
            self._problems.append(
                f"{VECTORS_FILE} holds {there} rows, documents refer to {committed}: documents "
                "behind the cut are not searchable; `collections verify --repair` encodes them "
                "again from their text"
            )
            logger.error("%s: %s", self.folder, self._problems[-1])
        rows = min(there, committed)
        vectors = self._vectors.read(rows)
        stored = self._documents.rows()
        live = np.zeros(rows, dtype=bool)
        live[stored[stored < rows]] = True
        snapshot = Snapshot(
            vectors,
            live,
            documents=int(live.sum()),
            metric=self.card.metric,
            sealed=None,
            lost=int(np.count_nonzero(stored >= rows)),
        )
        sealed, problems = load_sealed(self.folder, vectors, self.card.metric)
        self._problems += [
            f"{problem}; answers are exact until it is rebuilt" for problem in problems
        ]
        snapshot = replace(snapshot, sealed=sealed)
        if problems and self._writable:
            snapshot = self._reseal(snapshot)
            self._problems = [
                *self._problems[: -len(problems)],
                *(f"{problem}; it was rebuilt" for problem in problems),
            ]
        return snapshot

    # -- identity ------------------------------------------------------------------------

    @property
    def card(self) -> CollectionCard:
        """What this collection is: name, encoder, metric."""
        return self._card

    @property
    def problems(self) -> tuple[str, ...]:
        """What was found wrong when the collection was opened, one sentence each."""
        return tuple(self._problems)

    @property
    def encoder(self) -> Encoder:
        """The collection's encoder, loaded when first needed.

        Raises:
            EncoderMismatchError: what its name gives today is another encoder.
            EmbeddingError: it cannot be loaded.
        """
        with self._loading:
            if self._encoder is None:
                encoder = self._load_encoder(self.card.encoder.name)
                check_encoder(self.card, encoder.card)
                self._encoder = encoder
            return self._encoder

    # -- writing -------------------------------------------------------------------------

    def add(self, documents: Sequence[Document]) -> WriteReceipt:
        """Insert or replace documents by id; see `Collection.add`."""
        started = time.perf_counter()
        check_documents(documents)
        with self._writing:
            self._check_writable()
            before = self._documents.hashes([document.id for document in documents])
            states = [_state(document, before) for document in documents]
            fresh = [d for d, s in zip(documents, states, strict=True) if s in {"new", "changed"}]
            labels = [d for d, s in zip(documents, states, strict=True) if s == "relabelled"]
            encoding = self._encode(fresh)
            encoded = time.perf_counter()
            replaced = [before[document.id][0] for document in fresh if document.id in before]
            self._write(
                [] if encoding is None else self._stored(fresh, encoding),
                encoding,
                deleted=replaced,
                relabelled=[(before[document.id][0], document) for document in labels],
            )
        ended = time.perf_counter()
        cut = encoding is not None and encoding.truncated
        return WriteReceipt(
            added=states.count("new"),
            changed=states.count("changed"),
            relabelled=len(labels),
            unchanged=states.count("unchanged"),
            tokens=0 if encoding is None else int(encoding.tokens.sum()),
            truncated=()
            if cut is False
            else tuple(d.id for d, is_cut in zip(fresh, cut, strict=True) if is_cut),
            unknown=0 if encoding is None else int(encoding.unknown.sum()),
            milliseconds={
                "encode": 1e3 * (encoded - started),
                "write": 1e3 * (ended - encoded),
                "total": 1e3 * (ended - started),
            },
        )

    def states(self, documents: Sequence[Document]) -> list[State]:
        """What `add` would do with each document."""
        before = self._documents.hashes([document.id for document in documents])
        return [_state(document, before) for document in documents]

    def delete(self, ids: Container[str] | None = None, *, filter: Filter | None = None) -> int:
        """Delete by id, parent id or filter; see `Collection.delete`."""
        if (ids is None) == (filter is None):
            message = "delete needs either ids or a filter, and not both"
            raise InvalidRequestError(message, "ids")
        with self._writing:
            self._check_writable()
            if ids is not None:
                rows = self._documents.rows_of(list(ids))
            else:
                rows = self._documents.rows(filter).tolist()
            self._write([], None, deleted=rows)
            return len(rows)

    def trim_parents(self, chunks: Mapping[str, int]) -> int:
        """Delete what earlier versions of chunked texts left behind.

        Args:
            chunks: by text id, how many chunks it has now (0: it is one plain document now).
                Chunks numbered at or above go, and so does the plain document of a text that
                has chunks now.

        Returns:
            How many documents went.
        """
        with self._writing:
            self._check_writable()
            rows = self._documents.rows_of_leftovers(chunks)
            self._write([], None, deleted=rows)
            return len(rows)

    def _check_writable(self) -> None:
        if not self._writable:
            message = f"collection {self.card.name!r} is open for reading alone"
            raise InvalidRequestError(message, "mode")

    def _encode(self, documents: Sequence[Document]) -> Encoding | None:
        """Vectors of the documents; equal texts are encoded once."""
        if not documents:
            return None
        check_encoder(self.card, self.encoder.card)
        texts = [document.encoded_text for document in documents]
        unique = list(dict.fromkeys(texts))
        try:
            encoding = self.encoder.encode(unique, role="document")
        except EmbeddingError as error:
            raise InvalidDocumentError(f"documents cannot be encoded: {error}") from error
        if len(unique) == len(texts):
            return encoding
        place = {text: position for position, text in enumerate(unique)}
        order = np.array([place[text] for text in texts])
        return type(encoding)(
            encoding.vectors[order],
            encoding.tokens[order],
            encoding.truncated[order],
            encoding.unknown[order],
        )

    def _stored(self, documents: Sequence[Document], encoding: Encoding) -> list[StoredDocument]:
        first = self._documents.committed_rows()
        return [
            StoredDocument(
                document,
                row=first + position,
                tokens=int(encoding.tokens[position]),
                truncated=bool(encoding.truncated[position]),
                unknown=int(encoding.unknown[position]),
            )
            for position, document in enumerate(documents)
        ]

    def _write(
        self,
        stored: Sequence[StoredDocument],
        encoding: Encoding | None,
        *,
        deleted: Sequence[int] = (),
        relabelled: Sequence[tuple[int, Document]] = (),
    ) -> None:
        """Vectors to disk, then the transaction that refers to them, then the next searches."""
        if not (stored or deleted or relabelled):
            return
        first = self._documents.committed_rows()
        if encoding is not None:
            vectors = comparable(encoding.vectors, self.card.metric)
            crc32 = self._vectors.append(first, vectors)
        try:
            with self._documents.transaction() as change:
                change.delete(deleted)
                for row, document in relabelled:
                    change.relabel(row, document)
                change.insert(stored)
                if encoding is not None:
                    change.record(Append(first, len(stored), crc32))
        except BaseException:
            self._vectors.cut(first)
            raise
        self._publish(deleted)

    def _publish(self, deleted: Sequence[int]) -> None:
        """Let searches see what was just committed."""
        before = self._snapshot
        rows = min(self._documents.committed_rows(), self._vectors.rows)
        live = np.ones(rows, dtype=bool)
        live[: len(before.live)] = before.live
        gone = np.asarray(deleted, dtype=np.int64)
        live[gone[gone < rows]] = False
        self._snapshot = replace(
            before,
            vectors=self._vectors.read(rows) if rows != len(before.vectors) else before.vectors,
            live=live,
            documents=int(np.count_nonzero(live)),
        )

    # -- reading -------------------------------------------------------------------------

    def search(self, request: SearchRequest) -> SearchResult:
        """The best matches and how they were found; see `Collection.search`."""
        return self.search_many([request])[0]

    def search_many(self, requests: Sequence[SearchRequest]) -> list[SearchResult]:
        """Answers to several requests, their queries encoded in one batch."""
        return answer(self, requests)

    def get(self, ids: Sequence[str]) -> list[StoredDocument | None]:
        """The documents of those ids, in that order; None where there is none."""
        found = self._documents.by_ids(ids)
        return [found.get(id_) for id_ in ids]

    def scan(
        self, *, filter: Filter | None = None, cursor: str | None = None, limit: int = 100
    ) -> Page:
        """Documents in the order they were written; see `Collection.scan`.

        Raises:
            InvalidRequestError: an impossible limit or a cursor that no page gave.
        """
        if not 1 <= limit <= _MOST_PAGE:
            message = f"limit is {limit}; 1 to {_MOST_PAGE:,} are possible"
            raise InvalidRequestError(message, "limit")
        try:
            row = -1 if cursor is None else int(cursor)
        except ValueError as error:
            message = f"cursor {cursor!r} is not one that a page gave"
            raise InvalidRequestError(message, "cursor") from error
        found = self._documents.after(row, limit + 1, filter)
        page = tuple(found[:limit])
        return Page(page, str(page[-1].row) if len(found) > limit else None)

    def count(self, filter: Filter | None = None) -> int:
        """How many documents there are, or satisfy the filter."""
        return self._documents.count(filter)

    @property
    def snapshot(self) -> Snapshot:
        """What a search that starts now sees."""
        return self._snapshot

    @property
    def documents(self) -> DocumentStore:
        """The documents by id and row; for reading."""
        return self._documents

    @property
    def vector_file(self) -> VectorFile:
        """The file of vectors; for reading."""
        return self._vectors

    # -- care ----------------------------------------------------------------------------

    def optimize(self) -> CollectionStatus:
        """Build the index that the planner chooses for today's vectors; searches go on."""
        with self._writing:
            self._check_writable()
            self._snapshot = self._reseal(self._snapshot)
        return self.describe()

    def _reseal(self, snapshot: Snapshot) -> Snapshot:
        rows, dim = snapshot.vectors.shape
        kind = choose_kind(rows, dim)
        if kind == "flat":
            remove_sealed(self.folder)
            return replace(snapshot, sealed=None)
        live = np.flatnonzero(snapshot.live)
        sealed = build_sealed(self.folder, kind, snapshot.vectors, live, self.card.metric)
        return replace(snapshot, sealed=sealed)

    def describe(self) -> CollectionStatus:
        """Counts, index and problems of this moment."""
        snapshot, totals = self._snapshot, self._documents.totals()
        sealed = snapshot.sealed
        return CollectionStatus(
            documents=totals.documents,
            parents=totals.parents,
            rows=len(snapshot.live),
            tombstones=len(snapshot.live) - snapshot.documents,
            truncated=totals.truncated,
            tokens=totals.tokens,
            unknown=totals.unknown,
            index="flat" if sealed is None else sealed.card.kind,
            indexed_rows=0 if sealed is None else sealed.rows,
            recall=1.0 if sealed is None else sealed.card.recall,
            effort=None if sealed is None else sealed.card.effort,
            bytes=folder_bytes(self.folder),
            problems=self.problems,
        )

    def verify(self, *, repair: bool = False) -> VerifyReport:
        """Hold the files against each other; see `indexing.verification`."""
        with self._writing:
            if repair:
                self._check_writable()
            return verify(self, repair=repair)

    def rewrite(self, stored: Sequence[StoredDocument]) -> None:
        """Encode stored documents again into new rows; for repairs."""
        with self._writing:
            documents = [item.document for item in stored]
            encoding = self._encode(documents)
            if encoding is not None:
                rows = [item.row for item in stored]
                self._write(self._stored(documents, encoding), encoding, deleted=rows)

    def reload(self) -> None:
        """Read the files again, as on opening, and forget earlier problems."""
        with self._writing:
            self._problems.clear()
            self._snapshot = self._recover()


def _state(document: Document, before: Mapping[str, tuple[int, Hashes]]) -> State:
    if document.id not in before:
        return "new"
    old, now = before[document.id][1], Hashes.of(document)
    if old.text != now.text:
        return "changed"
    return "unchanged" if old.content == now.content else "relabelled"
