"""A retriever whose documents say how they were found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field

from service.client import AsyncClient, Client  # noqa: TC001 - pydantic reads them
from service.client.questions import Mode  # noqa: TC001 - as above
from service.langchain.documents import to_document

if TYPE_CHECKING:
    from langchain_core.callbacks import (
        AsyncCallbackManagerForRetrieverRun,
        CallbackManagerForRetrieverRun,
    )
    from langchain_core.documents import Document

    from service.client.answers import SearchAnswer

RECEIPT = "meari"
"""Under this name a document's metadata tells how it was found."""


class MeariRetriever(BaseRetriever):
    """Finds documents of a collection by meaning and by words.

    `metadata["meari"]` of each document has its `score`, `rank`, `confidence`, `channels` and
    `snippet`, and the answer's `receipt`. `invoke` takes other values of `k`, `mode`, `filter`,
    and whatever else the API's search takes.

    Attributes:
        client: of the server.
        collection: its name.
        k: documents wanted.
        mode: `hybrid` finds by meaning and by words, `dense` and `lexical` by one of them.
        filter: only documents that satisfy it, in Meari's grammar (docs/filters.md).
        score_threshold: only documents of at least this score; None: all.
        options: whatever else the API's search takes, such as `exact` or `rerank`.
        async_client: used by the asynchronous methods; without, they wait in a thread.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    client: Client
    collection: str
    k: int = 4
    mode: Mode = "hybrid"
    filter: dict[str, Any] | None = None
    score_threshold: float | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    async_client: AsyncClient | None = None

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        **kwargs: Any,
    ) -> list[Document]:
        del run_manager
        return _documents(self.client.search(self.collection, query, **self._asked(kwargs)))

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,
        **kwargs: Any,
    ) -> list[Document]:
        if self.async_client is None:
            return await super()._aget_relevant_documents(query, run_manager=run_manager, **kwargs)
        asked = self._asked(kwargs)
        return _documents(await self.async_client.search(self.collection, query, **asked))

    def _asked(self, given: dict[str, Any]) -> dict[str, Any]:
        options = {**self.options, **given}
        return {
            "limit": options.pop("k", self.k),
            "mode": options.pop("mode", self.mode),
            "filter": options.pop("filter", self.filter),
            "score_threshold": options.pop("score_threshold", self.score_threshold),
            **options,
        }


def _documents(answer: SearchAnswer) -> list[Document]:
    told = ("score", "rank", "confidence", "channels", "snippet")
    documents = []
    for match in answer["matches"]:
        document = to_document(match)
        found: dict[str, Any] = {name: value for name, value in match.items() if name in told}
        document.metadata[RECEIPT] = {**found, "receipt": answer["receipt"]}
        documents.append(document)
    return documents
