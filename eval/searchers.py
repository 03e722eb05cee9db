"""What can be evaluated on this machine: an encoder alone, or a collection."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np

from eval.target import Receipts, TargetFacts, TextCounts
from indexing.index.exact import comparable
from indexing.types import Metric, SearchRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Self

    from embeddings.types import Encoder
    from eval.target import Progress
    from indexing.index.flat import FlatIndex
    from indexing.local import LocalCollection
    from indexing.types import Document, Match

_DOCUMENT_BATCH = 1024
_QUERY_BATCH = 64
_PAGE = 1000


class EncoderSearcher:
    """An encoder and its vectors of a corpus in memory, compared one by one.

    Made by `over`. Documents lie in the order of their ids, so that equal scores come out by id.
    Memory: 4 * dim bytes a document.
    """

    def __init__(
        self, encoder: Encoder, ids: Sequence[str], index: FlatIndex | None, facts: TargetFacts
    ) -> None:
        self._encoder = encoder
        self._ids = ids
        self._index = index
        self._facts = facts
        self._queries = TextCounts()

    @classmethod
    def over(
        cls,
        encoder: Encoder,
        documents: Iterable[Document],
        *,
        metric: Metric = Metric.COSINE,
        progress: Progress | None = None,
    ) -> Self:
        """Encode the documents in the role `document`, titles in front of their texts.

        Documents without title and text are left out and counted in the facts.
        """
        started = time.perf_counter()
        given = sorted(documents, key=lambda document: document.id)
        kept = [document for document in given if document.encoded_text]
        counts = TextCounts()
        vectors = np.empty((len(kept), encoder.dim), dtype=np.float32)
        for start in range(0, len(kept), _DOCUMENT_BATCH):
            texts = [document.encoded_text for document in kept[start : start + _DOCUMENT_BATCH]]
            encoding = encoder.encode(texts, role="document")
            vectors[start : start + len(texts)] = encoding.vectors
            counts += TextCounts.of(encoding, encoder.max_tokens)
            if progress is not None:
                progress("encode", start + len(texts), len(kept))
        facts = TargetFacts(
            kind="encoder",
            name=encoder.card.name,
            encoder=encoder.card,
            metric=metric.value,
            index="flat",
            exact=True,
            recall_estimate=1.0,
            grouped=False,
            documents=counts,
            queries=TextCounts(),
            blank_documents=len(given) - len(kept),
            prepare_seconds=time.perf_counter() - started,
        )
        return cls(encoder, [document.id for document in kept], _index(vectors, metric), facts)

    def search(self, queries: Sequence[str], k: int) -> list[list[tuple[str, float]]]:
        """Every document compared in float32; equal scores by document id."""
        answers: list[list[tuple[str, float]]] = []
        for start in range(0, len(queries), _QUERY_BATCH):
            encoding = self._encoder.encode(queries[start : start + _QUERY_BATCH], role="query")
            self._queries += TextCounts.of(encoding, self._encoder.max_tokens)
            if self._index is None:
                answers += [[] for _ in range(len(encoding))]
                continue
            asked = comparable(encoding.vectors, Metric(self._facts.metric))
            hits = self._index.search(asked, min(k, len(self._ids)))
            answers += [
                [(self._ids[row], float(score)) for row, score in zip(rows, scores, strict=True)]
                for rows, scores in zip(hits.ids, hits.scores, strict=True)
            ]
        return answers

    def describe(self) -> TargetFacts:
        """The encoder, exact search, and what was read."""
        return replace(self._facts, queries=self._queries)

    def lacking(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Documents outside the corpus, or without text in it."""
        held = set(self._ids)
        return tuple(id_ for id_ in ids if id_ not in held)


class CollectionSearcher:
    """A collection as users ask it; chunks are folded into the texts they were cut from.

    Its encoder is loaded here, so that it is no time of the search.

    Args:
        collection: open for reading or writing.
        exact: compare every vector, whatever index there is.
        progress: told after every batch of queries.
    """

    def __init__(
        self,
        collection: LocalCollection,
        *,
        exact: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self._collection = collection
        self._exact = exact
        self._progress = progress
        self._grouped = collection.describe().parents > 0
        _ = collection.encoder
        self._receipts = Receipts()
        self._held: tuple[set[str], TextCounts] | None = None

    def search(self, queries: Sequence[str], k: int) -> list[list[tuple[str, float]]]:
        """The collection's own answers, in its order."""
        answers: list[list[tuple[str, float]]] = []
        max_tokens = self._collection.card.encoder.max_tokens
        for start in range(0, len(queries), _QUERY_BATCH):
            batch = queries[start : start + _QUERY_BATCH]
            for result in self._collection.search_many([self._request(text, k) for text in batch]):
                self._receipts.add(asdict(result.receipt), max_tokens)
                answers.append([(_text_id(match), match.score) for match in result.matches])
            if self._progress is not None:
                self._progress("search", len(answers), len(queries))
        return answers

    def describe(self) -> TargetFacts:
        """The card, the index that answered, and what was read, every document counted."""
        card, status, receipts = self._collection.card, self._collection.describe(), self._receipts
        return TargetFacts(
            kind="collection",
            name=card.name,
            encoder=card.encoder,
            metric=card.metric.value,
            index=", ".join(sorted(receipts.indexes)) or status.index,
            exact=receipts.exact,
            recall_estimate=receipts.recall,
            grouped=self._grouped,
            documents=self._contents()[1],
            queries=receipts.queries,
            warnings=tuple(dict.fromkeys((*status.problems, *receipts.warnings))),
        )

    def lacking(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Ids that are neither a document's nor a chunked text's."""
        held = self._contents()[0]
        return tuple(id_ for id_ in ids if id_ not in held)

    def _request(self, query: str, k: int) -> SearchRequest:
        return SearchRequest(
            query=query,
            limit=k,
            exact=self._exact,
            group="parents" if self._grouped else "documents",
        )

    def _contents(self) -> tuple[set[str], TextCounts]:
        """Ids that can be found, and counts, by reading every document once."""
        if self._held is None:
            max_tokens = self._collection.card.encoder.max_tokens
            ids: set[str] = set()
            texts = tokens = read = truncated = unknown = 0
            cursor: str | None = None
            while True:
                page = self._collection.scan(cursor=cursor, limit=_PAGE)
                for stored in page.documents:
                    parent = stored.document.parent
                    ids.add(stored.document.id if parent is None else parent.id)
                    texts += 1
                    tokens += stored.tokens
                    read += min(stored.tokens, max_tokens)
                    truncated += stored.truncated
                    unknown += stored.unknown
                cursor = page.cursor
                if cursor is None:
                    break
            self._held = ids, TextCounts(texts, tokens, read, truncated, unknown)
        return self._held


def _index(vectors: np.ndarray, metric: Metric) -> FlatIndex | None:
    """An exact index; None for no vectors."""
    from indexing.index.flat import FlatIndex

    return FlatIndex.build(comparable(vectors, metric), metric) if len(vectors) else None


def _text_id(match: Match) -> str:
    parent = match.document.parent
    return match.document.id if parent is None else parent.id
