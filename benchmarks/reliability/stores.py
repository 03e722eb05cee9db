"""A data folder as threads see it that all use it at once: in this process, or over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from indexing.errors import (
    CollectionClosedError,
    CollectionExistsError,
    CollectionNotFoundError,
)
from indexing.filters import Filter
from indexing.types import Document, SearchRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from indexing.data_folder import DataFolder

ENCODER = "hash:32"


class GoneError(Exception):
    """The collection is not there, or there already: documented, where others drop and make it."""


class Store(Protocol):
    """What the threads do; documents are (id, text, version)."""

    def create(self, name: str) -> None:
        """Make a collection."""

    def drop(self, name: str) -> None:
        """Drop a collection."""

    def add(self, name: str, documents: Sequence[tuple[str, str, int]]) -> None:
        """Insert or replace."""

    def delete(self, name: str, ids: Sequence[str]) -> int:
        """Delete by id; gives how many went."""

    def get(self, name: str, id_: str) -> tuple[str, int] | None:
        """Text and version of a document."""

    def search(self, name: str, query: str, mode: str, least: int) -> list[tuple[str, str, int]]:
        """Ten matches of at least that version."""

    def scan(self, name: str, limit: int) -> list[tuple[str, str, int]]:
        """All documents, page by page."""

    def count(self, name: str) -> int:
        """How many documents there are."""

    def optimize(self, name: str) -> None:
        """Compact, and build the index."""

    def verify(self, name: str) -> list[str]:
        """What is wrong with the files."""


def _document(id_: str, text: str, version: int) -> dict[str, Any]:
    return {"id": id_, "text": text, "metadata": {"version": version}}


def _least(version: int) -> dict[str, Any]:
    return {"must": [{"key": "version", "range": {"gte": version}}]}


class LocalStore:
    """The folder opened in this process."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder

    def create(self, name: str) -> None:
        """See `Store`."""
        try:
            self._folder.create(name, encoder=ENCODER)
        except CollectionExistsError as error:
            raise GoneError from error

    def drop(self, name: str) -> None:
        """See `Store`."""
        self._try(lambda: self._folder.drop(name))

    def add(self, name: str, documents: Sequence[tuple[str, str, int]]) -> None:
        """See `Store`."""
        made = [Document(**_document(*each)) for each in documents]
        self._try(lambda: self._folder.collection(name).add(made))

    def delete(self, name: str, ids: Sequence[str]) -> int:
        """See `Store`."""
        return int(self._try(lambda: self._folder.collection(name).delete(ids)))

    def get(self, name: str, id_: str) -> tuple[str, int] | None:
        """See `Store`."""
        stored = self._try(lambda: self._folder.collection(name).get([id_])[0])
        return None if stored is None else _told(stored.document)[1:]

    def search(self, name: str, query: str, mode: str, least: int) -> list[tuple[str, str, int]]:
        """See `Store`."""
        filter = Filter.parse(_least(least))
        request = SearchRequest(query=query, mode=mode, filter=filter)  # type: ignore[arg-type]
        found = self._try(lambda: self._folder.collection(name).search(request))
        return [_told(match.document) for match in found.matches]

    def scan(self, name: str, limit: int) -> list[tuple[str, str, int]]:
        """See `Store`."""
        found: list[tuple[str, str, int]] = []
        cursor = None
        while True:
            at = cursor
            page = self._try(lambda: self._folder.collection(name).scan(cursor=at, limit=limit))  # noqa: B023
            found += [_told(stored.document) for stored in page.documents]
            cursor = page.cursor
            if cursor is None:
                return found

    def count(self, name: str) -> int:
        """See `Store`."""
        return int(self._try(lambda: self._folder.collection(name).count()))

    def optimize(self, name: str) -> None:
        """See `Store`."""
        self._try(lambda: self._folder.collection(name).optimize())

    def verify(self, name: str) -> list[str]:
        """See `Store`."""
        return list(self._folder.collection(name).verify().problems)

    def _try(self, work: Any) -> Any:  # noqa: ANN401 - whatever the work gives
        try:
            return work()
        except (CollectionNotFoundError, CollectionClosedError) as error:
            raise GoneError from error


def _told(document: Document) -> tuple[str, str, int]:
    return document.id, document.text, int(document.metadata["version"])


class HttpStore:
    """The folder behind a server; any status but those of a collection that is gone is an error."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/v1", timeout=120, trust_env=False)

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    def create(self, name: str) -> None:
        """See `Store`."""
        self._ask("POST", "/collections", {"name": name, "encoder": ENCODER})

    def drop(self, name: str) -> None:
        """See `Store`."""
        self._ask("DELETE", f"/collections/{name}")

    def add(self, name: str, documents: Sequence[tuple[str, str, int]]) -> None:
        """See `Store`."""
        body = {"documents": [_document(*each) for each in documents]}
        self._ask("POST", f"/collections/{name}/documents", body)

    def delete(self, name: str, ids: Sequence[str]) -> int:
        """See `Store`."""
        body = {"ids": list(ids)}
        return int(self._ask("POST", f"/collections/{name}/documents/delete", body)["deleted"])

    def get(self, name: str, id_: str) -> tuple[str, int] | None:
        """See `Store`."""
        path = f"/collections/{name}/documents/{id_}"
        found = self._ask("GET", path, missing="document_not_found")
        return None if found is None else _read([found])[0][1:]

    def search(self, name: str, query: str, mode: str, least: int) -> list[tuple[str, str, int]]:
        """See `Store`."""
        body = {"query": query, "mode": mode, "filter": _least(least)}
        return _read(self._ask("POST", f"/collections/{name}/search", body)["matches"])

    def scan(self, name: str, limit: int) -> list[tuple[str, str, int]]:
        """See `Store`."""
        found: list[tuple[str, str, int]] = []
        cursor: str | None = ""
        while cursor is not None:
            more = f"&cursor={cursor}" if cursor else ""
            page = self._ask("GET", f"/collections/{name}/documents?limit={limit}{more}")
            found += _read(page["documents"])
            cursor = page["cursor"]
        return found

    def count(self, name: str) -> int:
        """See `Store`."""
        return int(self._ask("POST", f"/collections/{name}/documents/count", {})["count"])

    def optimize(self, name: str) -> None:
        """See `Store`."""
        self._ask("POST", f"/collections/{name}/optimize", {})

    def verify(self, name: str) -> list[str]:
        """See `Store`."""
        return list(self._ask("POST", f"/collections/{name}/verify", {})["problems"])

    def _ask(
        self, method: str, path: str, body: object = None, *, missing: str | None = None
    ) -> Any:  # noqa: ANN401 - any answer
        answer = self._http.request(method, path, json=body)
        if answer.is_success:
            return answer.json() if answer.content else None
        code = _code(answer)
        if code == missing:
            return None
        if code in {"collection_not_found", "collection_closed", "collection_exists"}:
            raise GoneError(code)
        message = f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        raise RuntimeError(message)


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["code"])
    except (json.JSONDecodeError, KeyError, TypeError):
        return ""


def _read(documents: Iterable[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return [(each["id"], each["text"], each["metadata"]["version"]) for each in documents]
