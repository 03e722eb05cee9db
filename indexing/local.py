"""A collection in a folder of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from embeddings.load import load_encoder
from indexing.answer import answer, answer_each
from indexing.card import check_encoder, read_card, write_card
from indexing.encoding import DocumentEncoder
from indexing.errors import InvalidRequestError
from indexing.lock import FolderLock
from indexing.maintenance import Maintenance
from indexing.neighbours import find_neighbours
from indexing.status import CollectionStatus, take_status
from indexing.storage import Storage
from indexing.types import Document, Page, StoredDocument, WriteReceipt
from indexing.verification import VerifyReport, verify
from indexing.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from collections.abc import Collection as Container
    from contextlib import AbstractContextManager
    from contextvars import Context
    from pathlib import Path
    from typing import Self

    from embeddings.reranker import Reranker
    from embeddings.types import Encoder, Vectors
    from indexing.card import CollectionCard
    from indexing.filters import Filter
    from indexing.generation import Generation
    from indexing.hashes import State
    from indexing.images import KeptPicture
    from indexing.planner import IndexWish
    from indexing.types import EncodedQuery, Neighbours, SearchRequest, SearchResult

_MOST_PAGE = 10_000
_BEFORE_ALL = -(1 << 62)


class LocalCollection:
    """Documents in SQLite, vectors in a file, FAISS in between; see `Collection` for the contract.

    Any number of threads may search while one at a time writes.

    Use `open` and `create`, and `close` in the end.
    """

    def __init__(
        self,
        folder: Path,
        card: CollectionCard,
        *,
        encoder: Encoder | None = None,
        load_encoder: Callable[[str], Encoder] = load_encoder,
        load_reranker: Callable[[], Reranker | None] | None = None,
        writable: bool,
        maintain: bool = True,
        indexed: bool = True,
        lock: FolderLock | None,
    ) -> None:
        self.folder = folder
        self._card = card
        self._encoding = DocumentEncoder(card, load_encoder, encoder)
        self._load_reranker = load_reranker
        self._writable = writable
        self._lock = lock
        self._storage = Storage(
            folder,
            card.encoder.dim,
            card.metric,
            card.analyzer,
            writable=writable,
            indexed=indexed,
        )
        self._writer = Writer(card, self._storage, self._encoding)
        self._maintenance = Maintenance(self._storage, active=maintain and writable)
        self._maintenance.wake()

    # -- opening and closing -------------------------------------------------------------

    @classmethod
    def create(
        cls,
        folder: Path,
        card: CollectionCard,
        *,
        load_encoder: Callable[[str], Encoder] = load_encoder,
        load_reranker: Callable[[], Reranker | None] | None = None,
        maintain: bool = True,
    ) -> Self:
        """A new, empty collection in `folder`, which must not hold one; the caller locks."""
        folder.mkdir(parents=True, exist_ok=True)
        write_card(folder, card)
        return cls(
            folder,
            card,
            load_encoder=load_encoder,
            load_reranker=load_reranker,
            writable=True,
            maintain=maintain,
            lock=None,
        )

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        encoder: Encoder | None = None,
        load_encoder: Callable[[str], Encoder] = load_encoder,
        load_reranker: Callable[[], Reranker | None] | None = None,
        mode: Literal["read", "write"] = "write",
        locked: bool = False,
        maintain: bool = True,
        indexed: bool = True,
    ) -> Self:
        """The collection in `folder`.

        Args:
            folder: where it lies.
            encoder: to use instead of loading the one the card names.
            load_encoder: from a name to an encoder.
            load_reranker: gives what requests with `rerank` are reordered by; None refuses them.
            mode: `read` shares the folder and changes nothing, `write` owns it.
            locked: True if the caller holds a lock that covers the folder.
            maintain: let a thread compact and index in the background when it is due; see
                `indexing.maintenance`.
            indexed: False, which is for reading alone, loads no index: vectors are compared one
                by one, and nothing is found by words.

        Raises:
            CollectionNotFoundError: no collection there.
            FolderLockedError: another process owns it.
            EncoderMismatchError: `encoder` is not the one whose vectors are stored.
            DamagedError: its files cannot be read.
        """
        if mode == "write" and not indexed:
            message = "a collection without its indexes can be read alone: its mode is 'write'"
            raise InvalidRequestError(message, "mode")
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
                load_reranker=load_reranker,
                writable=mode == "write",
                maintain=maintain,
                indexed=indexed,
                lock=lock,
            )
        except BaseException:
            if lock is not None:
                lock.release()
            raise

    def resting(self) -> AbstractContextManager[None]:
        """Give up what is being done in the background, and do nothing until the block ends."""
        return self._maintenance.resting()

    def close(self) -> None:
        """Give back files and lock; a second call does nothing."""
        self._maintenance.stop()
        self._storage.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- identity ------------------------------------------------------------------------

    @property
    def card(self) -> CollectionCard:
        """What this collection is: name, encoder, metric."""
        return self._card

    @property
    def problems(self) -> tuple[str, ...]:
        """What was found wrong on opening and by maintenance, one sentence each."""
        return (*self._storage.problems, *self._maintenance.problems)

    @property
    def encoder(self) -> Encoder:
        """The collection's encoder, loaded when first needed; see `DocumentEncoder.encoder`."""
        return self._encoding.encoder

    @property
    def reranks(self) -> bool:
        """True if a reranker is configured."""
        return self._load_reranker is not None

    @property
    def reranker(self) -> Reranker | None:
        """What requests with `rerank` are reordered by, loaded when first needed; None: nothing."""
        return None if self._load_reranker is None else self._load_reranker()

    # -- writing -------------------------------------------------------------------------

    def add(self, documents: Sequence[Document], *, vectors: Vectors | None = None) -> WriteReceipt:
        """Insert or replace documents by id; see `Collection.add`.

        Args:
            documents: of different ids.
            vectors: float32 (len(documents), dim), made elsewhere by the collection's encoder:
                stored instead of encoding. The documents' words are then found before the next
                search for words, not now.

        Raises:
            DimensionMismatchError: vectors of another width.
            InvalidRequestError: not one vector a document, NaN or infinity among them, or for
                cosine one of zeros.
        """
        receipt = self._write().add(documents, vectors)
        self._maintenance.wake()
        return receipt

    def states(self, documents: Sequence[Document]) -> list[State]:
        """What `add` would do with each document."""
        return self._writer.states(documents)

    def delete(self, ids: Container[str] | None = None, *, filter: Filter | None = None) -> int:
        """Delete by id, parent id or filter; see `Collection.delete`."""
        deleted = self._write().delete(ids, filter)
        self._maintenance.wake()
        return deleted

    def trim_parents(self, chunks: Mapping[str, int]) -> int:
        """Delete what earlier versions of chunked texts left behind.

        Args:
            chunks: by text id, how many chunks it has now (0: it is one plain document now).
                Chunks numbered at or above go, and so does the plain document of a text that
                has chunks now.

        Returns:
            How many documents went.
        """
        deleted = self._write().trim_parents(chunks)
        self._maintenance.wake()
        return deleted

    def rewrite(self, stored: Sequence[StoredDocument]) -> None:
        """Encode stored documents again into new rows; for repairs."""
        self._write().rewrite(stored)

    def _write(self) -> Writer:
        if not self._writable:
            message = f"collection {self.card.name!r} is open for reading alone"
            raise InvalidRequestError(message, "mode")
        return self._writer

    # -- reading -------------------------------------------------------------------------

    def search(
        self, request: SearchRequest, *, encoded: EncodedQuery | None = None
    ) -> SearchResult:
        """The best matches and how they were found; see `Collection.search`.

        Args:
            request: what is asked.
            encoded: its query, if that was encoded already.
        """
        return self.search_many([request], encoded=[encoded])[0]

    def search_many(
        self,
        requests: Sequence[SearchRequest],
        *,
        encoded: Sequence[EncodedQuery | None] | None = None,
    ) -> list[SearchResult]:
        """Answers to several requests, their queries encoded in one batch.

        Args:
            requests: what is asked.
            encoded: for each its query, or None where that is to be encoded.
        """
        self._storage.documents.check_open()
        return answer(self, requests, encoded or [None] * len(requests))

    def search_each(
        self,
        requests: Sequence[SearchRequest],
        *,
        encoded: Sequence[EncodedQuery | None] | None = None,
        contexts: Sequence[Context] | None = None,
    ) -> Iterator[SearchResult | Exception]:
        """Answers to requests that know nothing of each other, each as soon as it is there.

        What they find is what each would find alone. For one that cannot be answered the error
        that `search` would raise is given instead; the others go on.

        Args:
            requests: what is asked.
            encoded: for each its query, or None where that is to be encoded, one by one.
            contexts: in which each request is read; None: the caller's.
        """
        self._storage.documents.check_open()
        return answer_each(self, requests, encoded or [None] * len(requests), contexts)

    def nearest(
        self,
        vectors: Vectors,
        k: int = 10,
        *,
        filter: Filter | None = None,
        exact: bool = False,
        recall: float | None = None,
    ) -> Neighbours:
        """The k nearest documents of each vector: ids and scores, without texts.

        Args:
            vectors: float32 (n, dim).
            k: 1 to 10,000.
            filter: only documents that satisfy it.
            exact: compare with every vector, whatever index there is.
            recall: recall the index shall reach, above 0 to 1; None takes the collection's.

        Raises:
            InvalidRequestError: an impossible value.
            DimensionMismatchError: vectors of another width.
        """
        self._storage.documents.check_open()
        return find_neighbours(self, vectors, k, filter=filter, exact=exact, recall=recall)

    def get(self, ids: Sequence[str]) -> list[StoredDocument | None]:
        """The documents of those ids, in that order; None where there is none."""
        found = self._storage.documents.by_ids(ids)
        return [found.get(id_) for id_ in ids]

    def picture(self, id_: str) -> KeptPicture | None:
        """The thumbnail of a document's picture, and its original where it is kept.

        None where there is no such document, or it has no picture.
        """
        self._storage.documents.check_open()
        return self._storage.documents.picture(id_)

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
        generation = self._storage.generation
        row = _BEFORE_ALL if cursor is None else _row_of(cursor, generation)
        found = generation.documents.after(row, limit + 1, filter)
        page = tuple(found[:limit])
        more = len(found) > limit
        return Page(page, f"{generation.number}.{page[-1].row}" if more else None)

    def count(self, filter: Filter | None = None) -> int:
        """How many documents there are, or satisfy the filter."""
        return self._storage.documents.count(filter)

    @property
    def storage(self) -> Storage:
        """The files behind the collection; for searching and verifying."""
        return self._storage

    # -- care ----------------------------------------------------------------------------

    def optimize(self, wish: IndexWish | None = None) -> CollectionStatus:
        """Give back the space of deleted documents and build the index for today's vectors.

        Searches and writes go on. What maintenance does by itself when it is due is done here at
        once and whole.

        Args:
            wish: what the index shall be like from now on; None: as before.

        Raises:
            InvalidRequestError: the memory allowed is too little for it; all stays as it was.
        """
        self._write()
        self._maintenance.optimize(wish)
        return self.describe()

    def describe(self) -> CollectionStatus:
        """Counts, index, problems and maintenance of this moment."""
        return take_status(self._storage, self._maintenance)

    def verify(self, *, repair: bool = False) -> VerifyReport:
        """Hold the files against each other; see `indexing.verification`."""
        if repair:
            self._write()
        with self._storage.caring, self._storage.writing:
            return verify(self, repair=repair)


def _row_of(cursor: str, generation: Generation) -> int:
    """The row behind which the cursor goes on, among those of the generation."""
    before, _, text = cursor.partition(".")
    try:
        number, row = int(before), int(text)
    except ValueError as error:
        message = f"cursor {cursor!r} is not one that a page gave"
        raise InvalidRequestError(message, "cursor") from error
    if number == generation.number:
        return row
    return generation.documents.row_since(number, row)
