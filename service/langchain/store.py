"""A collection of a server as LangChain's vector store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from langchain_core.runnables import run_in_executor
from langchain_core.vectorstores import VectorStore

from service.client import ClientError
from service.langchain.documents import relevance, to_document, to_inputs
from service.langchain.embeddings import MeariEmbeddings
from service.langchain.requests import deletion, having, parts, refuse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings

    from service.client import AsyncClient, Client
    from service.client.answers import JsonObject, SearchAnswer
    from service.client.questions import Mode


class MeariVectorStore(VectorStore):
    """Stores texts in a collection of a server and finds them again.

    The server encodes texts and queries with the collection's encoder. `filter` is in Meari's
    grammar (docs/filters.md); further keyword arguments of searches go to the API as they are
    (`mode`, `exact`, `recall`, `score_threshold`, `group`, `rerank`).

    Args:
        client: of the server.
        collection: its name; `create` makes it.
        mode: how is searched: by meaning (`dense`) as LangChain means it, or as Meari usually
            does (`hybrid`), or by words (`lexical`).
        async_client: used by the asynchronous methods; without, they wait in a thread.
    """

    def __init__(
        self,
        client: Client,
        collection: str,
        *,
        mode: Mode = "dense",
        async_client: AsyncClient | None = None,
    ) -> None:
        self.client = client
        self.async_client = async_client
        self.collection = collection
        self.mode: Mode = mode
        self._card: JsonObject | None = None

    def create(self, *, encoder: str | None = None, metric: str = "cosine") -> Self:
        """Make the collection if it is not there; one that is there is left as it is.

        Args:
            encoder: None takes the server's.
            metric: `cosine`, `euclidean` or `dot`.
        """
        try:
            self.client.create(self.collection, encoder=encoder, metric=metric)
        except ClientError as error:
            if error.code != "collection_exists":
                raise
        return self

    @property
    def card(self) -> JsonObject:
        """The collection's card, asked for once."""
        if self._card is None:
            self._card = self.client.collection(self.collection)
        return self._card

    @property
    def embeddings(self) -> MeariEmbeddings:
        """What encodes; asks the server for the collection's encoder."""
        return MeariEmbeddings(
            self.client, model=self.card["encoder"]["name"], async_client=self.async_client
        )

    # -- writing -------------------------------------------------------------------------------

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Store texts, those with an id in the place of the one that had it; gives their ids."""
        refuse(kwargs)
        inputs = to_inputs(texts, metadatas, ids)
        self.client.upload(self.collection, inputs)
        return [each["id"] for each in inputs]

    async def aadd_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """`add_texts`, awaited."""
        if self.async_client is None:
            return await super().aadd_texts(texts, metadatas, ids=ids, **kwargs)
        refuse(kwargs)
        inputs = to_inputs(texts, metadatas, ids)
        await self.async_client.upload(self.collection, inputs)
        return [each["id"] for each in inputs]

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool | None:
        """Delete documents by `ids`, or those that satisfy `filter`; unknown ids are no fault."""
        given = deletion(ids, kwargs)
        if given is not None:
            self.client.delete(self.collection, **given)
        return True

    async def adelete(self, ids: list[str] | None = None, **kwargs: Any) -> bool | None:
        """`delete`, awaited."""
        if self.async_client is None:
            return await run_in_executor(None, self.delete, ids, **kwargs)
        given = deletion(ids, kwargs)
        if given is not None:
            await self.async_client.delete(self.collection, **given)
        return True

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings | None = None,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> Self:
        """A store that holds the texts.

        Args:
            texts: what to store.
            embedding: `MeariEmbeddings`, whose model becomes the encoder of a new collection;
                None for the server's own. Others cannot be: the server encodes.
            metadatas: one for each text.
            ids: one for each text; None makes them.
            kwargs: `client` and `collection` as for the class, or `url` in the place of
                `client`; `metric` of a new collection; `mode` and `async_client` as for the class.

        Raises:
            TypeError: `embedding` is of another kind.
        """
        encoder = None
        if isinstance(embedding, MeariEmbeddings):
            encoder = embedding.model
            kwargs.setdefault("client", None if "url" in kwargs else embedding.client)
        elif embedding is not None:
            message = (
                f"embedding is {type(embedding).__name__}; the server encodes texts itself: give "
                "MeariEmbeddings, or None for its own encoder"
            )
            raise TypeError(message)
        metric = kwargs.pop("metric", "cosine")
        url = kwargs.pop("url", None)
        if kwargs.get("client") is None and url is not None:
            from service.client import Client

            kwargs["client"] = Client(url)
        store = cls(**kwargs).create(encoder=encoder, metric=metric)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    # -- reading -------------------------------------------------------------------------------

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """The documents of those ids, in their order; ids that are not there are left out."""
        found = {}
        for part in parts(ids):
            page = self.client.documents(self.collection, filter=having(part), limit=len(part))
            found.update({each["id"]: each for each in page["documents"]})
        return [to_document(found[each]) for each in dict.fromkeys(ids) if each in found]

    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """`get_by_ids`, awaited."""
        if self.async_client is None:
            return await run_in_executor(None, self.get_by_ids, ids)
        found = {}
        for part in parts(ids):
            page = await self.async_client.documents(
                self.collection, filter=having(part), limit=len(part)
            )
            found.update({each["id"]: each for each in page["documents"]})
        return [to_document(found[each]) for each in dict.fromkeys(ids) if each in found]

    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        """The `k` documents that answer best."""
        return _documents(self._ask(query, k, kwargs))

    async def asimilarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        """`similarity_search`, awaited."""
        return _documents(await self._ask_async(query, k, kwargs))

    def similarity_search_with_score(
        self, query: str, k: int = 4, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """The `k` best documents with the score of the mode; higher is better in each."""
        answer = self._ask(query, k, kwargs)
        return [(to_document(match), match["score"]) for match in answer["matches"]]

    async def asimilarity_search_with_score(
        self, query: str, k: int = 4, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """`similarity_search_with_score`, awaited."""
        answer = await self._ask_async(query, k, kwargs)
        return [(to_document(match), match["score"]) for match in answer["matches"]]

    def similarity_search_by_vector(
        self, embedding: list[float], k: int = 4, **kwargs: Any
    ) -> list[Document]:
        """The `k` documents whose vectors are nearest to one of the collection's width."""
        options = {"mode": "dense", **kwargs}
        return _documents(self.client.search(self.collection, vector=embedding, limit=k, **options))

    def _similarity_search_with_relevance_scores(
        self, query: str, k: int = 4, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        metric, mode = self.card["metric"], kwargs.get("mode", self.mode)
        return [
            (to_document(match), relevance(match, metric=metric, mode=mode))
            for match in self._ask(query, k, kwargs)["matches"]
        ]

    async def _asimilarity_search_with_relevance_scores(
        self, query: str, k: int = 4, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        card = await run_in_executor(None, lambda: self.card)
        mode = kwargs.get("mode", self.mode)
        return [
            (to_document(match), relevance(match, metric=card["metric"], mode=mode))
            for match in (await self._ask_async(query, k, kwargs))["matches"]
        ]

    def max_marginal_relevance_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        **kwargs: Any,
    ) -> list[Document]:
        """`k` of the `fetch_k` nearest documents, each near the query and unlike the others.

        Carbonell and Goldstein (1998); `lambda_mult` 1 counts nearness alone, 0 difference alone.
        """
        vector = self.embeddings.embed_query(query)
        return self.max_marginal_relevance_search_by_vector(
            vector, k, fetch_k, lambda_mult, **kwargs
        )

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        **kwargs: Any,
    ) -> list[Document]:
        """`max_marginal_relevance_search` by a vector of the collection's width."""
        import numpy as np
        from langchain_core.vectorstores.utils import maximal_marginal_relevance

        options = {"mode": "dense", **kwargs, "with_vectors": True}
        limit = max(k, fetch_k)
        answer = self.client.search(self.collection, vector=embedding, limit=limit, **options)
        matches = answer["matches"]
        vectors = [match["vector"] for match in matches]
        chosen = maximal_marginal_relevance(
            np.array(embedding, dtype=np.float32), vectors, lambda_mult, k
        )
        return [to_document(matches[place]) for place in chosen]

    def _ask(self, query: str, k: int, options: dict[str, Any]) -> SearchAnswer:
        asked = {"mode": self.mode, **options}
        return self.client.search(self.collection, query, limit=k, **asked)

    async def _ask_async(self, query: str, k: int, options: dict[str, Any]) -> SearchAnswer:
        if self.async_client is None:
            return await run_in_executor(None, self._ask, query, k, options)
        asked = {"mode": self.mode, **options}
        return await self.async_client.search(self.collection, query, limit=k, **asked)


def _documents(answer: SearchAnswer) -> list[Document]:
    return [to_document(match) for match in answer["matches"]]
