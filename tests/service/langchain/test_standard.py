"""What LangChain wants of every vector store, retriever and embeddings: its own suites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_tests.integration_tests import (
    EmbeddingsIntegrationTests,
    RetrieversIntegrationTests,
    VectorStoreIntegrationTests,
)

from service.client import AsyncClient, Client
from service.langchain import MeariEmbeddings, MeariRetriever, MeariVectorStore

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio


class TestVectorStore(VectorStoreIntegrationTests):
    """With the client that waits: asynchronous methods wait in a thread."""

    @pytest.fixture
    def vectorstore(self, client: Client, collection: str) -> MeariVectorStore:
        return MeariVectorStore(client, collection)


class TestAwaitedVectorStore(VectorStoreIntegrationTests):
    """With the client for an event loop."""

    @pytest.fixture
    def vectorstore(self, client: Client, collection: str, url: str) -> MeariVectorStore:
        return MeariVectorStore(client, collection, async_client=short_lived(url))


class TestHybridVectorStore(VectorStoreIntegrationTests):
    """Searching by words as well."""

    @pytest.fixture
    def vectorstore(self, client: Client, collection: str) -> MeariVectorStore:
        return MeariVectorStore(client, collection, mode="hybrid")


class TestEmbeddings(EmbeddingsIntegrationTests):
    """Vectors of the server."""

    @pytest.fixture(autouse=True)
    def _served(self, url: str) -> Iterator[None]:
        with Client(url) as TestEmbeddings.client:
            yield

    @property
    def embeddings_class(self) -> type[MeariEmbeddings]:
        return MeariEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"client": self.client}


class TestRetriever(RetrieversIntegrationTests):
    """Four documents, found by meaning and by words."""

    @pytest.fixture(autouse=True)
    def _filled(self, client: Client, collection: str) -> None:
        texts = ("a cat sleeps", "a dog barks", "a bird sings", "a cat sings")
        documents = [{"id": str(n), "text": text} for n, text in enumerate(texts)]
        client.upload(collection, documents)
        self.params = {"client": client, "collection": collection}

    @property
    def retriever_constructor(self) -> type[MeariRetriever]:
        return MeariRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return self.params

    @property
    def retriever_query_example(self) -> str:
        return "a cat that sings"


def short_lived(url: str) -> AsyncClient:
    """A client for the loop of one test; its connections end with their answers."""
    return AsyncClient(url, headers={"Connection": "close"})
