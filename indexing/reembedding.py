"""A collection of the same documents with another encoder, kept in step until it takes over."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from indexing.backup.comparing import first_words, overlap, sample, side_by_side
from indexing.errors import CollectionExistsError
from indexing.files import write_atomically
from indexing.types import SearchRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.types import Encoder
    from indexing.backup.making import Told
    from indexing.card import CollectionCard
    from indexing.data_folder import DataFolder
    from indexing.documents import DocumentStore
    from indexing.local import LocalCollection
    from indexing.types import Document

FOLLOWS_FILE = "follows.json"
"""In the folder of a collection that may be made one of another's documents: that one's name."""
DEPTH = 10
_BLOCK = 256
_FEW = 256
_MOST_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Followed:
    """What it took to bring a shadow up to its collection.

    Attributes:
        written: documents encoded, or given other labels.
        deleted: documents that were gone.
    """

    written: int = 0
    deleted: int = 0

    def __add__(self, other: Followed) -> Followed:
        """Both together."""
        return Followed(self.written + other.written, self.deleted + other.deleted)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How alike two collections of the same documents answer.

    Attributes:
        queries: asked: the first words of sampled documents.
        overlap: share of the ten best by meaning that both have, on average.
        first: share of the queries for which both have the same best.
    """

    queries: int
    overlap: float
    first: float


def prepare(
    folder: DataFolder, source: LocalCollection, name: str, encoder: str
) -> LocalCollection:
    """The shadow of a collection: made, or the one that an earlier run began.

    Args:
        folder: of both.
        source: the collection.
        name: of the shadow.
        encoder: the new one's name.

    Raises:
        CollectionExistsError: one of that name is something else, or has documents of its own; or
            the collection has that encoder already.
        EncoderNotFoundError: no such encoder.
    """
    loaded = check_encoder(folder, source, encoder)
    card = source.card
    if name in folder.names():
        shadow = folder.collection(name)
        check_shadow(shadow.card, card, loaded.card.fingerprint)
        if shadow.count() and followed(shadow) != card.name:
            message = f"collection {name!r} stands already, with documents of its own, which would"
            raise CollectionExistsError(f"{message} be deleted; drop it, or name another")
    else:
        shadow = folder.create(name, encoder=encoder, metric=card.metric, analyzer=card.analyzer)
    mark(shadow, card.name)
    shadow.storage.sealer.demand(source.storage.sealer.wish, shadow.storage.snapshot)
    return shadow


def check_encoder(folder: DataFolder, source: LocalCollection, encoder: str) -> Encoder:
    """The encoder of that name, which must be another one than the collection's.

    Raises:
        CollectionExistsError: the collection has that encoder already.
        EncoderNotFoundError: no such encoder.
    """
    loaded = folder.encoder(encoder)
    card = source.card
    if loaded.card.fingerprint == card.encoder.fingerprint:
        message = f"collection {card.name!r} holds vectors of encoder {card.encoder.name!r} already"
        raise CollectionExistsError(message)
    return loaded


def check_shadow(shadow: CollectionCard, card: CollectionCard, fingerprint: str) -> None:
    """Refuse to go on with a collection that is no shadow.

    Args:
        shadow: what stands there.
        card: of the collection that is to have one.
        fingerprint: of the new encoder.

    Raises:
        CollectionExistsError: it has another encoder or another metric.
    """
    message = f"collection {shadow.name!r} stands already"
    remedy = "drop it, or name another"
    if shadow.encoder.fingerprint != fingerprint:
        raise CollectionExistsError(f"{message}, with encoder {shadow.encoder.name!r}; {remedy}")
    if shadow.metric != card.metric:
        raise CollectionExistsError(f"{message} and compares by {shadow.metric.value}; {remedy}")


def mark(shadow: LocalCollection, name: str) -> None:
    """Note that a collection may be made one of the documents of that name's.

    Raises:
        StorageFullError: the disk is full.
        StorageFailedError: the disk failed.
    """
    if followed(shadow) != name:
        write_atomically(shadow.folder / FOLLOWS_FILE, json.dumps({"name": name}).encode())


def followed(shadow: LocalCollection) -> str | None:
    """The name that was noted; None where none was."""
    try:
        name: str = json.loads((shadow.folder / FOLLOWS_FILE).read_bytes())["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return name


def follow(source: LocalCollection, shadow: LocalCollection, told: Told) -> Followed:
    """Let the shadow hold what the collection held at some moment of this call.

    What stands there already is not encoded again, so that a run that was interrupted goes on.

    Args:
        source: others may write to it meanwhile.
        shadow: with another encoder; nobody else writes to it.
        told: hears of documents written; may raise to stop, and what was written stays.

    Raises:
        InvalidDocumentError: a picture whose file is not there any more.
        StorageFullError: the disk is full; what was written stays.
    """
    rows: list[int] = []
    gone: list[str] = []
    documents = source.storage.documents  # whose rows stay what they are, compacted or not
    for ours, theirs in side_by_side(source.storage, shadow.storage):
        if ours is None:
            gone += [] if theirs is None else [theirs[0]]
        elif theirs is None or ours[2] != theirs[2]:
            rows.append(ours[1])
    rows.sort()
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        shadow.add(_documents(documents, block))
        told("encoding", start + len(block), len(rows))
    if gone:
        shadow.delete(gone)
    return Followed(len(rows), len(gone))


def catch_up(source: LocalCollection, shadow: LocalCollection, told: Told) -> Followed:
    """Follow again and again, until few documents were written while it did."""
    total = Followed()
    for _ in range(_MOST_ROUNDS):
        version = source.storage.documents.version()
        round_ = follow(source, shadow, told)
        total += round_
        if source.storage.documents.version() == version or round_.written < _FEW:
            break
    return total


def compare(
    before: LocalCollection,
    after: LocalCollection,
    told: Told,
    *,
    queries: int = 100,
    seed: int = 0,
) -> Agreement:
    """How alike both answer by meaning, every vector compared.

    Args:
        before: a collection.
        after: one of the same documents.
        told: hears of queries asked.
        queries: documents that are sampled, 1 or more.
        seed: of the sample.
    """
    sampled = sample(before.storage, queries, np.random.default_rng(seed))
    texts = [first_words(each.document) for each in sampled]
    shares, first = [], []
    texts = [text for text in texts if text]
    for place, text in enumerate(texts):
        request = SearchRequest(query=text, mode="dense", limit=DEPTH, exact=True)
        ours, theirs = before.search(request).matches, after.search(request).matches
        shares.append(overlap(ours, theirs))
        first.append([each.document.id for each in ours[:1]] == [m.document.id for m in theirs[:1]])
        told("comparing", place + 1, len(texts))
    if not texts:
        return Agreement(0, 1.0, 1.0)
    return Agreement(len(texts), float(np.mean(shares)), float(np.mean(first)))


def _documents(store: DocumentStore, rows: Sequence[int]) -> list[Document]:
    """The documents of those rows, with the files that are kept of their pictures."""
    found = store.by_rows(rows)
    documents = [found[row].document for row in rows if row in found]
    if all(document.image is None for document in documents):
        return documents
    originals = store.originals(rows)
    by_id = {stored.document.id: originals.get(row) for row, stored in found.items()}
    return [
        document
        if document.image is None or by_id[document.id] is None
        else replace(document, image=replace(document.image, data=by_id[document.id]))
        for document in documents
    ]
