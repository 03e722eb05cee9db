"""What reads bytes of strangers, each as a function that only documented errors may leave.

A target is made by calling it, which imports what it tries; what it gives is called with bytes.
Errors that a target's docstrings promise are caught here, and nothing else is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    One = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Target:
    """Something to try.

    Attributes:
        make: from an empty folder to the function that tries one input.
        seeds: from that folder to inputs to begin with.
        words: that inputs are made of.
        weight: its share of all executions; a quick one has more.
        longest: bytes of an input.
    """

    make: Callable[[Path], One]
    seeds: Callable[[Path], list[bytes]]
    words: tuple[str, ...] = ()
    weight: int = 10
    longest: int = 1024
    modules: tuple[str, ...] = field(default=("indexing", "service", "embeddings"))


def lines(*values: object) -> list[bytes]:
    """Each value as JSON."""
    return [json.dumps(value, ensure_ascii=False).encode() for value in values]


def filters(_: Path) -> One:
    """Filters from JSON: what is read comes back the same from what it writes."""
    from indexing.errors import InvalidFilterError
    from indexing.filters import Filter
    from service.errors import BadJsonError, BadTextError
    from service.strict_json import parse_json

    def one(data: bytes) -> None:
        try:
            read = Filter.parse(parse_json(data, "filter"))
        except (InvalidFilterError, BadJsonError, BadTextError):
            return
        if Filter.parse(read.to_json()) != read:
            message = f"{read} is read otherwise than it is written"
            raise AssertionError(message)

    return one


def filter_seeds(_: Path) -> list[bytes]:
    """One filter of each kind of condition."""
    return lines(
        {"must": [{"key": "a.b[]", "match": {"value": 1}}]},
        {"should": [{"key": "a", "match": {"any": ["x", 2, True]}}], "must_not": []},
        {"must": {"key": "a", "range": {"gte": 1.5, "lt": 2}}},
        {"must": [{"key": "t", "range": {"gt": "2026-01-02T03:04:05.6Z"}}]},
        {"min_should": {"conditions": [{"has_id": ["a"]}], "min_count": 1}},
        {"must": [{"is_empty": {"key": "a"}}, {"is_null": {"key": "b"}}]},
        {"must": [{"must": [{"key": "한글", "match": {"text": "가 나"}}]}]},
        {"must": [{"key": "a", "match": {"except": ["x"]}}]},
    )


def strict_json(_: Path) -> One:
    """Bodies: what is accepted, the standard library reads alike."""
    from service.errors import BadJsonError, BadTextError
    from service.strict_json import parse_json

    def one(data: bytes) -> None:
        try:
            read = parse_json(data)
        except (BadJsonError, BadTextError):
            return
        if read != json.loads(data):
            message = f"{data!r} is read as {read!r}"
            raise AssertionError(message)

    return one


def json_seeds(_: Path) -> list[bytes]:
    """Numbers, escapes, nesting."""
    return [
        *lines({"a": [1, -2.5e3, None, True, "\ud55c"]}, [], "x", {"a": {"b": [[1]]}}),
        b'{"a": "\\ud83d\\ude00 \\u0000"}',
        b'{"a":1,"a":2}',
        b"[1e999]",
        b"\xef\xbb\xbf[]",
        "[한]".encode("utf-16"),
    ]


def bodies(_: Path) -> One:
    """Bodies of requests: judged, and the complaint told."""
    from pydantic import ValidationError

    from service.errors import BadJsonError, BadTextError
    from service.schemas.documents import UpsertBody
    from service.schemas.encoding import EmbeddingsBody
    from service.schemas.rerank import RerankBody
    from service.schemas.search import SearchBody
    from service.strict_json import parse_json
    from service.validation import describe_validation

    def one(data: bytes) -> None:
        try:
            value = parse_json(data)
        except (BadJsonError, BadTextError):
            return
        for body in (SearchBody, UpsertBody, EmbeddingsBody, RerankBody):
            try:
                body.model_validate(value)
            except ValidationError as error:
                found = [each | {"loc": ("body", *each["loc"])} for each in error.errors()]
                told = describe_validation(found)
                told.message.encode()

    return one


def body_seeds(_: Path) -> list[bytes]:
    """A body of each kind."""
    return lines(
        {"query": "a", "limit": 3, "offset": 1, "mode": "hybrid", "filter": {}},
        {"vector": [0.5, -1], "exact": True, "with_vectors": True, "score_threshold": 0.1},
        {"document_id": "x", "group": "parents", "recall": 0.9, "with_snippets": True},
        {"documents": [{"id": "a", "text": "b", "metadata": {"k": [1]}, "image": "aGk="}]},
        {"documents": [{"id": "a", "text": "b", "parent": {"id": "p", "chunk": 0}}]},
        {"input": ["a", "b"], "model": "m", "encoding_format": "base64", "dimensions": 3},
        {"input": [[1, 2], [3]], "user": "u"},
        {"query": "q", "documents": ["a", {"text": "b"}], "top_n": 1, "return_documents": True},
        {"query": "q", "texts": ["a"], "raw_scores": True, "truncate": True},
    )


def cursors(_: Path) -> One:
    """Cursors of pages: one that is read is the one that would be written."""
    from indexing.cursor import read_cursor, write_cursor
    from indexing.errors import InvalidRequestError
    from indexing.types import SearchRequest

    asked = SearchRequest(query="q")

    def one(data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape")
        try:
            cursor = read_cursor(text, asked)
        except InvalidRequestError:
            return
        if read_cursor(write_cursor(cursor, asked), asked) != cursor:
            message = f"{text!r} is read as {cursor}"
            raise AssertionError(message)

    return one


def cursor_seeds(_: Path) -> list[bytes]:
    """Cursors that are right."""
    from indexing.cursor import Cursor, write_cursor
    from indexing.types import SearchRequest

    asked = SearchRequest(query="q")
    made = (Cursor(0.25, "a", 1), Cursor(-1e30, "한글 b", 9_000), Cursor(0.0, "", 2))
    return [write_cursor(each, asked).encode() for each in made]


def snippets(_: Path) -> One:
    """Passages and marks of any text and words: inside the text, ascending, apart."""
    from indexing.snippet import cut_snippet

    def one(data: bytes) -> None:
        text, _, words = data.decode("utf-8", "replace").partition("\0")
        snippet = cut_snippet(text, words.split()[:8])
        edge = -1
        for first, last in snippet.highlights:
            if not edge < first < last <= len(snippet.text):
                message = f"marks {snippet.highlights} in {snippet.text!r}"
                raise AssertionError(message)
            edge = last
        if text[snippet.start :][: len(snippet.text)] != snippet.text:
            message = f"{snippet.text!r} is not at {snippet.start} of {text!r}"
            raise AssertionError(message)

    return one


def snippet_seeds(_: Path) -> list[bytes]:
    """Texts and words of both languages."""
    pairs = [
        ("Happiness is happy. The customer's card costs 1,000 won.", "happy card 1000"),
        ("소포를 당일배송합니다. 어제 보냈는데요 " * 20, "소포 배송 보내다"),
        ("ＧＰＵ 최신GPU를 Cafés ÉCLAIRS straße", "gpu cafe strasse"),
        ("日本語 한글 \u1100\u1161\u11a8 e\u0301", "각 é"),
    ]
    return [f"{text}\0{words}".encode() for text, words in pairs]


def manifests(folder: Path) -> One:
    """Manifests of backups with a checksum that is right, as a stranger would write them."""
    from indexing.backup.manifest import is_path, read_manifest
    from indexing.errors import DamagedError

    path = folder / f"{_ID}.json"

    def one(data: bytes) -> None:
        path.write_bytes(_with_checksum(data))
        try:
            read = read_manifest(path)
        except DamagedError:
            return
        if not all(is_path(file.path) for file in read.files):
            message = f"{[file.path for file in read.files]}"
            raise AssertionError(message)

    return one


_ID = "20260102T030405000000Z-0a1b"


def _with_checksum(data: bytes) -> bytes:
    import hashlib

    try:
        told: Any = json.loads(data)
        told.pop("sha256", None)
        content = json.dumps(told, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    except (ValueError, AttributeError, TypeError, RecursionError):
        return data
    return json.dumps(told | {"sha256": hashlib.sha256(content.encode()).hexdigest()}).encode()


def manifest_seeds(_: Path) -> list[bytes]:
    """A manifest of a small collection."""
    from embeddings.load import load_encoder
    from indexing.card import CollectionCard

    del _
    card = load_encoder("hash:8").card.to_json()
    listed = [
        {"path": name, "size": 100, "block": 65_536, "lists": ["ab" * 32]}
        for name in ("card.json", "documents.sqlite", "vectors.f32", "index-1.faiss")
    ]
    collection = {"format": 1, "name": "c", "encoder": card, "metric": "cosine"}
    collection |= {"analyzer": "kiwi", "created": "2026-01-02T03:04:05Z"}
    facts = {"format": 1, "id": _ID, "created": "2026-01-02T03:04:05Z", "card": collection}
    facts |= {"documents": 3, "version": 4, "files": listed, "written": 400, "seconds": 0.5}
    assert CollectionCard.from_json(collection).name == "c"  # noqa: S101 - a seed that is whole
    return lines(facts, {**facts, "files": []})
