"""Vectors of a server's encoder, as LangChain asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core.embeddings import Embeddings
from langchain_core.runnables import run_in_executor

if TYPE_CHECKING:
    from service.client import AsyncClient, Client
    from service.client.answers import EmbeddingsAnswer

_AT_ONCE = 256
"""Texts in one request."""


class MeariEmbeddings(Embeddings):
    """Vectors of texts, made by a server.

    Args:
        client: of the server.
        model: an encoder in use there; None takes the server's own.
        dimensions: numbers of each vector; None for the encoder's own.
        async_client: used by the asynchronous methods; without, they wait in a thread.
    """

    def __init__(
        self,
        client: Client,
        *,
        model: str | None = None,
        dimensions: int | None = None,
        async_client: AsyncClient | None = None,
    ) -> None:
        self.client = client
        self.async_client = async_client
        self.model = model
        self.dimensions = dimensions

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of texts to be found, in their order."""
        found: list[list[float]] = []
        for batch in _batches(texts):
            found += _vectors(
                self.client.embed(batch, model=self.model, dimensions=self.dimensions)
            )
        return found

    def embed_query(self, text: str) -> list[float]:
        """The vector of a text to find by."""
        answer = self.client.embed(
            [text], model=self.model, role="query", dimensions=self.dimensions
        )
        return _vectors(answer)[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """`embed_documents`, awaited."""
        if self.async_client is None:
            return await run_in_executor(None, self.embed_documents, texts)
        found: list[list[float]] = []
        for batch in _batches(texts):
            found += _vectors(
                await self.async_client.embed(batch, model=self.model, dimensions=self.dimensions)
            )
        return found

    async def aembed_query(self, text: str) -> list[float]:
        """`embed_query`, awaited."""
        if self.async_client is None:
            return await run_in_executor(None, self.embed_query, text)
        answer = await self.async_client.embed(
            [text], model=self.model, role="query", dimensions=self.dimensions
        )
        return _vectors(answer)[0]


def _batches(texts: list[str]) -> list[list[str]]:
    return [texts[start : start + _AT_ONCE] for start in range(0, len(texts), _AT_ONCE)]


def _vectors(answer: EmbeddingsAnswer) -> list[list[float]]:
    return [each["embedding"] for each in answer["data"]]
