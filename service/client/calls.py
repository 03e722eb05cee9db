"""The requests there are, each a function: what is asked in, what is sent out.

`Client` and `AsyncClient` have a method for each of them, so that the two cannot differ.
"""

from __future__ import annotations

import json
import sys
from array import array
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, Unpack
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from os import PathLike

    from service.client import answers, answers_models, answers_structure
    from service.client.answers import JsonObject
    from service.client.questions import (
        DocumentInput,
        OptimizeOptions,
        RecommendOptions,
        ReembedOptions,
        Role,
        Search,
        SearchOptions,
    )

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request, and the type of its answer.

    Attributes:
        method: of HTTP.
        path: escaped, with its query.
        body: sent as JSON; None sends none.
        content: sent as it is, as JSON, in the place of `body`.
        works: whether it may take as long as work does.
        repeats: whether the server may get it twice: if the connection breaks, nobody knows
            whether it got it once.
        any_status: whether an answer counts whatever its status.
        read: what is made of the answer's object; None leaves it as it is.
        is_file: whether the answer is a file's bytes and no JSON.
    """

    method: str
    path: str
    body: JsonObject | None = None
    content: bytes | None = None
    works: bool = False
    repeats: bool = True
    any_status: bool = False
    read: Callable[[Any], T] | None = None
    is_file: bool = False


AnyCall: TypeAlias = Call[Any]


def health() -> Call[answers.HealthAnswer]:
    """What the server says of itself; an unready server answers too."""
    return Call("GET", "/health", any_status=True)


def collections() -> Call[answers.CollectionsAnswer]:
    """The collections there are."""
    return Call("GET", "/v1/collections")


def collection(name: str) -> Call[answers.CollectionAnswer]:
    """Card and status of one collection."""
    return Call("GET", _path(name))


def create(
    name: str, *, encoder: str | None = None, metric: str = "cosine", analyzer: str = "auto"
) -> Call[answers.CollectionAnswer]:
    """A new collection; `encoder` None takes the server's."""
    body = {"name": name, "encoder": encoder, "metric": metric, "analyzer": analyzer}
    return Call("POST", "/v1/collections", body, works=True, repeats=False)


def drop(name: str) -> Call[answers.DropAnswer]:
    """Remove a collection and everything in it."""
    return Call("DELETE", _path(name), repeats=False)


def upsert(name: str, documents: Sequence[DocumentInput]) -> Call[answers.WriteAnswer]:
    """Insert or replace documents by id, in one request: all of them or none.

    `upload` takes any number.
    """
    body = {"documents": list(documents)}
    return Call("POST", _path(name, "documents"), body, works=True)


def upsert_written(name: str, content: bytes) -> Call[answers.WriteAnswer]:
    """`upsert` of a body that is JSON already."""
    return Call("POST", _path(name, "documents"), content=content, works=True)


def states(name: str, documents: Sequence[DocumentInput]) -> Call[answers.StatesAnswer]:
    """What an upsert would do with each document, in one request; nothing is written."""
    return Call("POST", _path(name, "documents", "states"), {"documents": list(documents)})


def trim(name: str, chunks: Mapping[str, int]) -> Call[answers.DeletedAnswer]:
    """Delete what longer versions of texts left, told how many chunks each has now."""
    body = {"chunks": dict(chunks)}
    return Call("POST", _path(name, "documents", "trim"), body, repeats=False)


def delete(
    name: str, ids: Sequence[str] | None = None, *, filter: JsonObject | None = None
) -> Call[answers.DeletedAnswer]:
    """Delete documents by id or by filter."""
    body = _given(ids=None if ids is None else list(ids), filter=filter)
    return Call("POST", _path(name, "documents", "delete"), body, repeats=False)


def document(name: str, document_id: str) -> Call[answers.DocumentAnswer]:
    """One document."""
    return Call("GET", _path(name, "documents", document_id))


def documents(
    name: str, *, filter: JsonObject | None = None, cursor: str | None = None, limit: int = 100
) -> Call[answers.PageAnswer]:
    """A page of documents in the order they were written, and the next page's cursor."""
    query = _given(cursor=cursor, limit=str(limit))
    if filter is not None:
        query["filter"] = json.dumps(filter, ensure_ascii=False)
    return Call("GET", f"{_path(name, 'documents')}?{urlencode(query)}")


def count(name: str, *, filter: JsonObject | None = None) -> Call[answers.CountAnswer]:
    """How many documents there are, or satisfy the filter."""
    return Call("POST", _path(name, "documents", "count"), _given(filter=filter))


def search(
    name: str, query: str | None = None, **options: Unpack[SearchOptions]
) -> Call[answers.SearchAnswer]:
    """The best matches and the receipt.

    Args:
        name: the collection.
        query: text to ask with; None if `vector`, `document_id` or `image` stands in its place.
        options: what the API's search takes: `limit`, `mode`, `filter`, `exact` ...
    """
    body = _written_out({**_given(query=query), **options})
    return Call("POST", _path(name, "search"), body)


def search_many(name: str, searches: Sequence[str | Search]) -> Call[answers.SearchesAnswer]:
    """Answers to up to 100 searches in one request, in their order.

    Args:
        name: the collection.
        searches: texts, or objects with `query` (or `vector`, `document_id`) and options.
    """
    bodies = [
        {"query": each} if isinstance(each, str) else _written_out(dict(each)) for each in searches
    ]
    return Call("POST", _path(name, "search", "batch"), {"searches": bodies})


def thumbnail(name: str, document_id: str) -> Call[bytes]:
    """The JPEG of a document's picture, 192 pixels a side at most."""
    return Call("GET", _path(name, "thumbnails", document_id), is_file=True)


def recommend(
    name: str, positive: Sequence[str], **options: Unpack[RecommendOptions]
) -> Call[answers.SearchAnswer]:
    """What is like the documents of ids `positive` and unlike those of `negative`."""
    return Call("POST", _path(name, "recommend"), {"positive": list(positive), **options})


def optimize(name: str, **wish: Unpack[OptimizeOptions]) -> Call[answers.CollectionAnswer]:
    """Build the index that is wished for (`recall`, `memory_bytes`, `kind`), or as before."""
    return Call("POST", _path(name, "optimize"), {**wish}, works=True)


def reembed(name: str, encoder: str, **wish: Unpack[ReembedOptions]) -> Call[answers_structure.Job]:
    """A job that encodes the documents anew into a collection beside it (`shadow`, `swap`...)."""
    return Call(
        "POST", _path(name, "reembed"), {"encoder": encoder, **wish}, works=True, repeats=False
    )


def verify(name: str, *, repair: bool = False) -> Call[answers.VerifyAnswer]:
    """Whether the collection's files agree with each other."""
    return Call("POST", _path(name, "verify"), {"repair": repair}, works=True)


def embed(
    texts: Sequence[str],
    *,
    model: str,
    role: Role = "document",
    dimensions: int | None = None,
) -> Call[answers.EmbeddingsAnswer]:
    """The texts' vectors, in their order.

    Args:
        texts: one or more.
        model: an encoder in use on the server.
        role: which of the encoder's prompts goes in front, if it has any.
        dimensions: numbers of each vector; None for the encoder's own.

    Raises:
        TypeError: one text instead of several.
    """
    if isinstance(texts, str):
        message = f"texts is one text ({texts[:40]!r}); give a list of texts"
        raise TypeError(message)
    asked = {"input": list(texts), "model": model, "input_type": role, "encoding_format": "base64"}
    body = {**asked, **_given(dimensions=dimensions)}
    return Call("POST", "/v1/embeddings", body, works=True, read=_with_numbers)


def similarity(
    source: str, texts: Sequence[str], *, model: str | None = None
) -> Call[answers.SimilarityAnswer]:
    """Cosines of `source` with each text; `model` None takes the server's encoder."""
    return Call("POST", "/v1/similarity", {"source": source, "texts": list(texts), "model": model})


def encoders() -> Call[answers.EncodersAnswer]:
    """The encoders the server knows and uses."""
    return Call("GET", "/v1/encoders")


def words() -> Call[answers_models.WordModelsAnswer]:
    """The word vectors in the server's data folder."""
    return Call("GET", "/v1/words")


def neighbours(model: str, word: str, *, limit: int = 10) -> Call[answers_models.NeighboursAnswer]:
    """Words near a word, by word vectors in the server's data folder."""
    query = urlencode({"word": word, "limit": str(limit)})
    return Call("GET", f"{_words(model, 'neighbours')}?{query}")


def analogy(
    model: str, a: str, b: str, c: str, *, limit: int = 10, rule: str = "3cosadd"
) -> Call[answers_models.AnalogyAnswer]:
    """What is to `c` as `b` is to `a`."""
    body = {"a": a, "b": b, "c": c, "limit": limit, "rule": rule}
    return Call("POST", _words(model, "analogy"), body)


def word_similarity(model: str, a: str, b: str) -> Call[answers_models.WordSimilarityAnswer]:
    """The cosine of two words."""
    return Call("GET", f"{_words(model, 'similarity')}?{urlencode({'a': a, 'b': b})}")


def classifiers() -> Call[answers_models.ClassifiersAnswer]:
    """The classifiers in the server's data folder."""
    return Call("GET", "/v1/classify")


def classify(
    model: str, texts: Sequence[str], *, top: int = 1
) -> Call[answers_models.ClassifyAnswer]:
    """Which class each text belongs to, by a classifier in the server's data folder."""
    body = {"texts": list(texts), "top": top}
    return Call("POST", f"/v1/classify/{quote(model, safe='')}", body)


def _path(name: str, *parts: str) -> str:
    """`/v1/collections/NAME/...` with every part escaped."""
    return "/".join(["/v1/collections", *(quote(part, safe="") for part in (name, *parts))])


def _words(model: str, question: str) -> str:
    return f"/v1/words/{quote(model, safe='')}/{question}"


def _given(**values: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
    return {name: value for name, value in values.items() if value is not None}


def _with_numbers(answer: Any) -> answers.EmbeddingsAnswer:  # noqa: ANN401 - as it came
    """The answer with numbers where base64 came: a third of the bytes on the way."""
    for each in answer["data"]:
        numbers = array("f", b64decode(each["embedding"]))
        if sys.byteorder == "big":
            numbers.byteswap()
        each["embedding"] = numbers.tolist()
    result: answers.EmbeddingsAnswer = answer
    return result


def _written_out(body: dict[str, Any]) -> dict[str, Any]:
    """The body with its picture, a path or bytes, in base64."""
    image = body.get("image")
    return body if image is None else {**body, "image": packed(image)}


def packed(image: str | bytes | PathLike[str]) -> str:
    """A picture's file in base64: of a path or of its bytes; a string is base64 already."""
    if isinstance(image, str):
        return image
    content = image if isinstance(image, bytes) else Path(image).read_bytes()
    return b64encode(content).decode()
