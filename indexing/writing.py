"""Writing to a collection: documents become rows, vectors and terms."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from embeddings.types import Encoding
from indexing.errors import InvalidRequestError
from indexing.hashes import Hashes, State
from indexing.index.exact import settled
from indexing.stages import tell_stage
from indexing.terms import NOTHING
from indexing.types import StoredDocument, WriteReceipt
from indexing.validation import check_documents, check_vectors

if TYPE_CHECKING:
    from collections.abc import Collection as Container
    from collections.abc import Mapping, Sequence

    from embeddings.types import Vectors
    from indexing.card import CollectionCard
    from indexing.encoding import DocumentEncoder
    from indexing.filters import Filter
    from indexing.storage import Storage
    from indexing.types import Document

    Before = Mapping[str, tuple[int, Hashes]]
    """Row and hashes of stored documents by id."""


class Writer:
    """Adds and deletes; one thread at a time gets through, others wait.

    Args:
        card: the collection's.
        storage: its files, open for writing.
        encoding: its encoder.
    """

    def __init__(self, card: CollectionCard, storage: Storage, encoding: DocumentEncoder) -> None:
        self._card = card
        self._storage = storage
        self._encoding = encoding

    def add(self, documents: Sequence[Document], vectors: Vectors | None = None) -> WriteReceipt:
        """Insert or replace documents by id; see `LocalCollection.add`."""
        started = time.perf_counter()
        check_documents(documents)
        given = None if vectors is None else self._checked(documents, vectors)
        ids = [document.id for document in documents]
        hashes = [Hashes.of(document) for document in documents]
        while True:
            before = self._storage.documents.hashes(ids)
            states = self._states(documents, hashes, before, given)
            places = [place for place, state in enumerate(states) if state in {"new", "changed"}]
            fresh = [documents[place] for place in places]
            self._storage.room.check(4 * self._card.encoder.dim * len(fresh))
            if given is None:
                # One after the other: beside each other they fight for the interpreter and the
                # cores, which cost 7 % of the whole where the analysis alone is 2 %.
                terms = self._storage.lexicon.analyse(fresh)
                encoded = self._encoding.encode(fresh)
                encoding, pictures = encoded.encoding, encoded.pictures
            else:
                terms, encoding = NOTHING, _ready(given[places])
                pictures = self._encoding.picture(fresh)
            computed = time.perf_counter()
            with self._storage.writing:
                now = self._storage.documents.hashes(ids)
                if {id_: found for id_, (_, found) in now.items()} != {
                    id_: found for id_, (_, found) in before.items()
                }:
                    continue  # another writer was at these documents meanwhile
                self._storage.write(
                    self._stored(fresh, encoding),
                    encoding.vectors,
                    terms,
                    pictures=pictures,
                    deleted=[now[document.id][0] for document in fresh if document.id in now],
                    relabelled=[
                        (now[document.id][0], document)
                        for document, state in zip(documents, states, strict=True)
                        if state == "relabelled"
                    ],
                )
                break
        ended = time.perf_counter()
        tell_stage("encode", started, computed)
        tell_stage("write", computed, ended)
        return WriteReceipt(
            added=states.count("new"),
            changed=states.count("changed"),
            relabelled=states.count("relabelled"),
            unchanged=states.count("unchanged"),
            tokens=int(encoding.tokens.sum()),
            truncated=tuple(fresh[row].id for row in np.flatnonzero(encoding.truncated)),
            unknown=int(encoding.unknown.sum()),
            milliseconds={
                "encode": 1e3 * (computed - started),
                "write": 1e3 * (ended - computed),
                "total": 1e3 * (ended - started),
            },
        )

    def delete(self, ids: Container[str] | None, filter: Filter | None) -> int:
        """Delete by id, parent id or filter; see `Collection.delete`."""
        if (ids is None) == (filter is None):
            message = "delete needs either ids or a filter, and not both"
            raise InvalidRequestError(message, "ids")
        if isinstance(ids, str):
            message = f"ids is the one string {ids!r}; pass a list of ids"
            raise TypeError(message)
        with self._storage.writing:
            if ids is not None:
                rows = self._storage.documents.rows_of(list(ids))
            else:
                rows = self._storage.documents.rows(filter).tolist()
            return self._delete_rows(rows)

    def trim_parents(self, chunks: Mapping[str, int]) -> int:
        """Delete what earlier versions of texts left behind; see `LocalCollection`."""
        with self._storage.writing:
            return self._delete_rows(self._storage.documents.rows_of_leftovers(chunks))

    def states(self, documents: Sequence[Document]) -> list[State]:
        """What `add` would do with each document."""
        before = self._storage.documents.hashes([document.id for document in documents])
        hashes = [Hashes.of(document) for document in documents]
        return self._states(documents, hashes, before, None)

    def rewrite(self, stored: Sequence[StoredDocument]) -> None:
        """Encode stored documents again into new rows; for repairs."""
        with self._storage.writing:
            rows = [item.row for item in stored]
            originals = self._storage.documents.originals(rows)
            documents = [_with_bytes(item.document, originals.get(item.row)) for item in stored]
            encoded = self._encoding.encode(documents)
            terms = self._storage.lexicon.analyse(documents)
            written = self._stored(documents, encoded.encoding)
            self._storage.write(
                written,
                encoded.encoding.vectors,
                terms,
                pictures=encoded.pictures,
                deleted=rows,
            )

    def _delete_rows(self, rows: Sequence[int]) -> int:
        nothing = np.empty((0, self._card.encoder.dim), dtype=np.float32)
        self._storage.write([], nothing, deleted=rows)
        return len(rows)

    def _checked(self, documents: Sequence[Document], vectors: Vectors) -> Vectors:
        """The vectors as they are stored."""
        card = self._card
        found = check_vectors(vectors, card.encoder.dim, card.metric, "vectors")
        if len(found) != len(documents):
            message = f"{len(documents)} documents and {len(found)} vectors; each needs its own"
            raise InvalidRequestError(message, "vectors")
        return settled(found, card.metric)

    def _states(
        self,
        documents: Sequence[Document],
        hashes: Sequence[Hashes],
        before: Before,
        vectors: Vectors | None,
    ) -> list[State]:
        """What becomes of each document; another ready vector is a change."""
        states: list[State] = []
        stored = self._storage.snapshot.vectors
        for place, (document, found) in enumerate(zip(documents, hashes, strict=True)):
            row, hash_before = before.get(document.id, (-1, None))
            state = found.state(hash_before)
            if vectors is not None and state in {"relabelled", "unchanged"}:
                same = 0 <= row < len(stored) and np.array_equal(stored[row], vectors[place])
                state = state if same else "changed"
            states.append(state)
        return states

    def _stored(self, documents: Sequence[Document], encoding: Encoding) -> list[StoredDocument]:
        """The documents in the rows they will take, with their receipts."""
        columns = zip(
            documents,
            encoding.tokens.tolist(),
            encoding.truncated.tolist(),
            encoding.unknown.tolist(),
            strict=True,
        )
        first = self._storage.next_row
        return [
            StoredDocument(values[0], row, *values[1:]) for row, values in enumerate(columns, first)
        ]


def _with_bytes(document: Document, original: bytes | None) -> Document:
    """The document with the file that the collection keeps of its picture."""
    if document.image is None or original is None:
        return document
    return replace(document, image=replace(document.image, data=original))


def _ready(vectors: Vectors) -> Encoding:
    """Vectors that somebody else encoded."""
    none = np.zeros(len(vectors), dtype=np.int32)
    return Encoding(vectors, none, none.astype(bool), none)
