"""One moment of a collection as every analysis sees it: ids, vectors, texts, terms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from analysis.errors import UnsuitableCorpusError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from embeddings.text.analyzer import Analyzer
    from embeddings.types import Vectors
    from indexing.card import CollectionCard
    from indexing.filters import Filter
    from indexing.generation import Generation
    from indexing.local import LocalCollection
    from indexing.types import Document, Ids

_TRIES = 5
_BLOCK = 2_000


@dataclass(frozen=True, eq=False)
class Corpus:
    """The documents of a collection that satisfy a filter, in the order they were written.

    A position (0 to n-1) names a document in everything an analysis computes; what is kept longer
    names it by id, because a compaction gives documents other rows.

    Attributes:
        card: of the collection.
        version: of its documents; another after each write.
        filter: what was asked for; None: everything.
        rows: int64 (n,), ascending.
        ids: StringDType (n,).
    """

    card: CollectionCard
    version: int
    filter: Filter | None
    rows: Ids
    ids: npt.NDArray[np.str_]
    _mapped: Vectors
    _places: Ids | None
    """Of the documents in `_mapped`; None: all of it, in its order."""
    _generation: Generation

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def vectors(self) -> Vectors:
        """float32 (n, dim), `comparable` under the collection's metric (of length 1 for cosine).

        Mapped where every row is wanted, so do not write to it, and else copied when first asked
        for: of a few documents take `vectors_at`.
        """
        return self._mapped if self._places is None else self._mapped[self._places]

    def vectors_at(self, positions: Ids) -> Vectors:
        """float32 (len(positions), dim), a copy of theirs alone."""
        places = positions if self._places is None else self._places[positions]
        found: Vectors = self._mapped[places]
        return found

    def documents(self, positions: Sequence[int] | Ids) -> list[Document | None]:
        """The documents at those positions; None where one was deleted meanwhile."""
        rows = [int(self.rows[position]) for position in positions]
        found = self._generation.documents.by_rows(rows)
        return [found[row].document if row in found else None for row in rows]

    def texts(self, positions: Sequence[int] | Ids) -> list[str]:
        """Title and text joined, as encoded; "" where a document was deleted meanwhile."""
        return [
            "" if document is None else document.encoded_text
            for document in self.documents(positions)
        ]

    def terms(self, positions: Sequence[int] | Ids, analyzer: Analyzer) -> list[list[str]]:
        """The terms of those documents, a title's first; those kept with them are not found anew.

        Documents without kept terms, or with those of another analyzer, are analysed now; nothing
        is written. One that was deleted meanwhile has none.

        Raises:
            AnalyzerError: Kiwi cannot be loaded.
        """
        rows = [int(self.rows[position]) for position in positions]
        kept = self._generation.documents.terms(rows, analyzer.fingerprint)
        missing = [place for place, row in enumerate(rows) if row not in kept]
        texts = self.texts([int(positions[place]) for place in missing])
        found = dict(zip(missing, analyzer.analyze(texts), strict=True))
        return [
            found[place] if place in found else [*kept[row].title, *kept[row].text]
            for place, row in enumerate(rows)
        ]

    def blocks(self, size: int = _BLOCK) -> Iterator[tuple[int, list[str]]]:
        """Every text in blocks, each with the position of its first."""
        for first in range(0, len(self), size):
            yield first, self.texts(range(first, min(first + size, len(self))))


def read_corpus(
    collection: LocalCollection, *, filter: Filter | None = None, least: int = 1
) -> Corpus:
    """This moment of a collection.

    Args:
        collection: to read; writers and searches go on.
        filter: only documents that satisfy it.
        least: documents needed.

    Raises:
        UnsuitableCorpusError: fewer documents than `least`.
    """
    storage = collection.storage
    storage.documents.check_open()
    for _ in range(_TRIES):
        corpus = _read(collection, filter)
        if corpus is not None:
            break
    else:
        with storage.publishing:
            corpus = _read(collection, filter, settled=True)
    if corpus is None or len(corpus) < least:
        number = 0 if corpus is None else len(corpus)
        among = "that satisfy the filter" if filter is not None else "in it"
        message = (
            f"collection {collection.card.name!r}: {number:,} "
            f"{'document' if number == 1 else 'documents'} {among}; "
            f"at least {least:,} {'is' if least == 1 else 'are'} needed"
        )
        raise UnsuitableCorpusError(message)
    return corpus


def _read(
    collection: LocalCollection, filter: Filter | None, *, settled: bool = False
) -> Corpus | None:
    """One look; None if a writer came between rows and ids."""
    storage = collection.storage
    version, generation = storage.version, storage.generation
    snapshot = generation.snapshot
    if filter is None:
        rows = np.flatnonzero(snapshot.live).astype(np.int64, copy=False)
    else:
        rows = generation.documents.rows(filter)
        rows = rows[rows < len(snapshot.live)]
        rows = rows[snapshot.live[rows]]
    ids = generation.row_ids.of(rows)
    number = generation.documents.version()
    if not settled and (version % 2 or version != storage.version or bool((ids == "").any())):
        return None
    places = None if len(rows) == len(snapshot.vectors) else rows
    return Corpus(collection.card, number, filter, rows, ids, snapshot.vectors, places, generation)
