"""A collection behind a server's HTTP API, asked as any client asks it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from embeddings.types import EncoderCard
from eval.errors import TargetError
from eval.target import Receipts, TargetFacts, TextCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import httpx

    from eval.target import Progress

_BUSY = frozenset({429, 503})
_ATTEMPTS = 5
_LONGEST_WAIT = 30.0
TIMEOUT = 120.0
CONNECTIONS = 4


class ServerSearcher:
    """Sends one request a query, a few at a time; close the client afterwards.

    A busy server (429, 503) is asked again after the time it names, at most 30 seconds and five
    times in all.

    Args:
        client: its base URL is the server; it limits connections and time.
        collection: name of the collection there.
        exact: ask for every vector to be compared.
        progress: told after every answer.
        sleep: what waits; for tests.

    Raises:
        TargetError: no server there, or no such collection.
    """

    def __init__(
        self,
        client: httpx.Client,
        collection: str,
        *,
        exact: bool = False,
        progress: Progress | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._url = client.base_url.copy_with(username=None, password=None)
        self._collection = collection
        self._path = f"/v1/collections/{quote(collection, safe='')}"
        self._exact = exact
        self._progress = progress
        self._sleep = sleep
        self._receipts = Receipts()
        self._status = self._ask("GET", self._path)
        self._card = self._encoder_card()
        self._grouped = self._read(self._status, "parents", int) > 0

    @classmethod
    def connect(
        cls,
        url: str,
        collection: str,
        *,
        api_key: str | None = None,
        **options: Any,  # noqa: ANN401 - the class's
    ) -> ServerSearcher:
        """A searcher with a client of its own; `options` as for the class.

        Args:
            url: where the server is.
            collection: asked.
            api_key: sent along, for a server that asks for one.
            options: of the class.

        Raises:
            TargetError: `url` is not one, no server there, or no such collection.
        """
        import httpx

        limits = httpx.Limits(max_connections=CONNECTIONS)
        headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        try:
            client = httpx.Client(
                base_url=url, headers=headers, timeout=TIMEOUT, limits=limits, trust_env=False
            )
            is_http = client.base_url.scheme in {"http", "https"} and client.base_url.host
        except httpx.InvalidURL:
            is_http = False
        if not is_http:
            message = f"url {url!r} is not of the form http://HOST:PORT"
            raise TargetError(message)
        try:
            return cls(client, collection, **options)
        except BaseException:
            client.close()
            raise

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def search(self, queries: Sequence[str], k: int) -> list[list[tuple[str, float]]]:
        """The server's own answers, in its order."""
        answers: list[list[tuple[str, float]]] = []
        with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="ask") as pool:
            try:
                for answer in pool.map(lambda query: self._search_one(query, k), queries):
                    answers.append(self._matches(answer))
                    self._receipts.add(answer["receipt"], self._card.max_tokens)
                    if self._progress is not None:
                        self._progress("search", len(answers), len(queries))
            except KeyError as error:
                raise self._strange(f"a search answer without {error}") from error
            finally:
                pool.shutdown(cancel_futures=True)
        return answers

    def describe(self) -> TargetFacts:
        """What the server says of the collection, and what its receipts said."""
        status, receipts = self._status, self._receipts
        truncated = self._read(status, "truncated", int)
        tokens = self._read(status, "tokens", int)
        return TargetFacts(
            kind="server",
            name=f"{self._url} {self._collection}",
            encoder=self._card,
            metric=self._read(status, "metric", str),
            index=", ".join(sorted(receipts.indexes)) or self._read(status, "index", str),
            exact=receipts.exact,
            recall_estimate=receipts.recall,
            grouped=self._grouped,
            documents=TextCounts(
                texts=self._read(status, "documents", int),
                tokens=tokens,
                tokens_read=None if truncated else tokens,
                truncated=truncated,
                unknown=self._read(status, "unknown", int),
            ),
            queries=receipts.queries,
            warnings=tuple(
                dict.fromkeys((*self._read(status, "problems", list), *receipts.warnings))
            ),
        )

    def lacking(self, ids: Sequence[str]) -> None:
        """None: asking for every document would cost as many requests."""
        del ids

    def _search_one(self, query: str, k: int) -> dict[str, Any]:
        group = "parents" if self._grouped else "documents"
        body = {
            "query": query,
            "limit": k,
            "mode": "dense",
            "exact": self._exact,
            "group": group,
        }
        return self._ask("POST", f"{self._path}/search", body)

    def _matches(self, answer: Mapping[str, Any]) -> list[tuple[str, float]]:
        return [
            ((match.get("parent") or match)["id"], float(match["score"]))
            for match in answer["matches"]
        ]

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        import httpx

        for attempt in range(1, _ATTEMPTS + 1):
            try:
                response = self._client.request(method, path, json=body)
            except httpx.HTTPError as error:
                message = (
                    f"{self._url} cannot be asked ({error or type(error).__name__}); "
                    "start a server with `meari serve`, or evaluate the data folder without a url"
                )
                raise TargetError(message) from error
            if response.status_code not in _BUSY or attempt == _ATTEMPTS:
                break
            named = response.headers.get("retry-after", "")
            self._sleep(min(float(named) if named.isdecimal() else attempt / 2, _LONGEST_WAIT))
        return self._object(response)

    def _object(self, response: httpx.Response) -> dict[str, Any]:
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if response.is_error:
            error = answer.get("error") if isinstance(answer, dict) else None
            told = error.get("message") if isinstance(error, dict) else response.reason_phrase
            asked = response.request.url.copy_with(username=None, password=None)
            message = f"{asked} answered {response.status_code}: {told}"
            raise TargetError(message)
        if not isinstance(answer, dict):
            raise self._strange("something that is not a JSON object")
        return answer

    def _encoder_card(self) -> EncoderCard:
        try:
            return EncoderCard.from_json(self._read(self._status, "encoder", dict))
        except TypeError as error:
            raise self._strange(f"an encoder card of another form ({error})") from error

    def _read(self, status: Mapping[str, Any], key: str, kind: type) -> Any:  # noqa: ANN401
        if not isinstance(status.get(key), kind):
            raise self._strange(f"a collection without {key!r}")
        return status[key]

    def _strange(self, what: str) -> TargetError:
        return TargetError(f"{self._url} answered {what}; is it a Meari server of this version?")
