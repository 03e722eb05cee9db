"""The data folder answering as a server would: the same bodies in, the same objects out."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Unpack

from embeddings.errors import AnalyzerError
from service.marks import Marks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexing.data_folder import DataFolder
    from indexing.local import LocalCollection
    from indexing.types import Mode
    from service.client import JsonObject
    from service.client.questions import OptimizeOptions, RecommendOptions, SearchOptions
    from service.schemas.results import SearchAnswer
    from service.schemas.search import SearchBody


class LocalStore:
    """A `Store` over a data folder that is open.

    Args:
        folder: open for reading; for writing where something is dropped, optimised or repaired.
    """

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder

    def collections(self) -> JsonObject:
        """The collections there are, and why others cannot be opened."""
        from indexing.errors import IndexingError
        from service.schemas.collections import CollectionAnswer, CollectionsAnswer

        found: list[CollectionAnswer] = []
        unusable: dict[str, str] = {}
        for name in self._folder.names():
            try:
                found.append(CollectionAnswer.of(self._folder.collection(name)))
            except (IndexingError, sqlite3.DatabaseError) as error:
                unusable[name] = str(error)
        return CollectionsAnswer(collections=found, unusable=unusable).model_dump(mode="json")

    def collection(self, name: str) -> JsonObject:
        """Card and status of one collection."""
        from service.schemas.collections import CollectionCardAnswer

        return CollectionCardAnswer.of(self._folder.collection(name)).model_dump(mode="json")

    def drop(self, name: str) -> JsonObject:
        """Remove a collection; one that cannot be opened counts as empty."""
        from indexing.errors import DamagedError
        from service.schemas.collections import DropAnswer

        try:
            documents = self._folder.collection(name).count()
        except (DamagedError, sqlite3.DatabaseError):
            documents = 0
        self._folder.drop(name)
        return DropAnswer(name=name, documents=documents).model_dump(mode="json")

    def search(
        self, name: str, query: str | None = None, **options: Unpack[SearchOptions]
    ) -> JsonObject:
        """The best matches and the receipt."""
        from indexing.filters import Filter
        from service.schemas.results import SearchAnswer
        from service.schemas.search import SearchBody

        asked = SearchBody.model_validate({"query": query, **options})
        filter = None if asked.filter is None else Filter.parse(asked.filter)
        collection = self._folder.collection(name)
        if asked.query is not None:
            _load(collection, asked.query, asked.chosen_mode)
        answer = SearchAnswer.of(collection.search(asked.to_request(filter)))
        return _marked(collection, answer, Marks.of(asked), asked)

    def recommend(
        self, name: str, positive: Sequence[str], **options: Unpack[RecommendOptions]
    ) -> JsonObject:
        """What is like the documents of `positive` and unlike those of `negative`."""
        from indexing.filters import Filter
        from service.schemas.results import SearchAnswer
        from service.schemas.search import RecommendBody

        asked = RecommendBody.model_validate({"positive": list(positive), **options})
        filter = None if asked.filter is None else Filter.parse(asked.filter)
        collection = self._folder.collection(name)
        answer = SearchAnswer.of(collection.search(asked.to_request(filter)))
        return _marked(collection, answer, Marks(clusters=asked.with_clusters))

    def optimize(self, name: str, **wish: Unpack[OptimizeOptions]) -> JsonObject:
        """Build the index that is wished for (`recall`, `memory_bytes`, `kind`), or as before."""
        from service.schemas.index import OptimizeBody

        OptimizeBody.model_validate(wish).optimize(self._folder.collection(name))
        return self.collection(name)

    def verify(self, name: str, *, repair: bool = False) -> JsonObject:
        """Whether the collection's files agree with each other."""
        from service.schemas.collections import VerifyAnswer

        report = self._folder.collection(name).verify(repair=repair)
        return VerifyAnswer.of(report).model_dump(mode="json")


def _marked(
    collection: LocalCollection,
    answer: SearchAnswer,
    marks: Marks,
    asked: SearchBody | None = None,
) -> JsonObject:
    """The answer as JSON, with what is wanted beside its matches."""
    if marks != Marks():
        from service.analyses.kept import Shelf

        vector = None
        if marks.question and asked is not None and asked.query is not None:
            vector = collection.encoder.encode([asked.query], role="query").vectors[0]
        answer = marks.on(answer, collection, Shelf(), vector)
    return answer.model_dump(mode="json")


def _load(collection: LocalCollection, query: str, mode: Mode) -> None:
    """Load what reads the query, so that it is no time of the search in its receipt."""
    from embeddings.text.analyzer import load_analyzer

    if mode != "lexical":
        _ = collection.encoder
    if mode != "dense":
        with suppress(AnalyzerError):  # the search tells of it
            load_analyzer(collection.card.analyzer).analyze_queries([query])
