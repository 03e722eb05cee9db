"""LangChain's interfaces over a running server: a vector store, a retriever, embeddings.

Texts are encoded by the server, with the encoder of the collection.
"""

from __future__ import annotations

try:
    import langchain_core as _  # noqa: F401
except ModuleNotFoundError as error:
    message = "service.langchain needs langchain-core: pip install 'meari[langchain]'"
    raise ModuleNotFoundError(message, name=error.name) from error

from service.langchain.embeddings import MeariEmbeddings
from service.langchain.retriever import MeariRetriever
from service.langchain.store import MeariVectorStore

__all__ = ["MeariEmbeddings", "MeariRetriever", "MeariVectorStore"]
