"""Mixed traffic for a server under test: good requests, bad ones, and clients that hang up."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

NAME = "soak"
PATH = f"/v1/collections/{NAME}"
_PATIENCE = 60.0


@dataclass(slots=True)
class Tally:
    """What came of the requests.

    Attributes:
        seconds: of each answer, by kind, with the moment since the start at which it came.
        statuses: how often each was seen, by kind.
        unexpected: what should not have been answered, at most a few of each.
    """

    seconds: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    unexpected: Counter[str] = field(default_factory=Counter)

    @property
    def requests(self) -> int:
        """How many were answered."""
        return sum(sum(each.values()) for each in self.statuses.values())


class Traffic:
    """Several clients that each do one thing after another, drawn by its share.

    The collection holds a ring of ids that are written, changed and deleted over and over, so that
    what is stored stays as large as it is.

    Args:
        url: of the server.
        model: its encoder.
        texts: to write and ask with.
        ids: documents in the ring.
        pause: seconds a client rests between two requests.
        seed: of the draws.
    """

    def __init__(
        self,
        url: str,
        model: str,
        texts: Sequence[str],
        *,
        ids: int,
        pause: float,
        seed: int,
    ) -> None:
        self.tally = Tally()
        self._url = url
        self._model = model
        self._texts = texts
        self._ids = ids
        self._pause = pause
        self._random = random.Random(seed)
        self._http = httpx.AsyncClient(base_url=url, timeout=_PATIENCE, trust_env=False)
        self._began = time.monotonic()
        self._shares: dict[Callable[[], Awaitable[None]], int] = {
            self._search: 40,
            self._search_many: 4,
            self._embed: 8,
            self._similarity: 3,
            self._upsert: 10,
            self._delete: 6,
            self._count: 3,
            self._page: 3,
            self._watch: 4,
            self._bad: 8,
            self._leave: 6,
            self._come_and_go: 1,
        }

    async def fill(self) -> None:
        """Make the collection and write every document of the ring once."""
        body = {"name": NAME, "encoder": self._model}
        await self._send("make", "POST", "/v1/collections", body, {201})
        for first in range(0, self._ids, 64):
            await self._write("fill", range(first, min(first + 64, self._ids)))

    async def run(self, clients: int, until: float) -> None:
        """Go on until that moment of `time.monotonic`."""
        self._began = time.monotonic()
        await asyncio.gather(*(self._client(until) for _ in range(clients)), self._jobs(until))
        await self._http.aclose()

    async def _client(self, until: float) -> None:
        actions, shares = tuple(self._shares), tuple(self._shares.values())
        while time.monotonic() < until:
            (action,) = self._random.choices(actions, shares)
            await action()
            await asyncio.sleep(self._pause * self._random.uniform(0.5, 1.5))

    async def _jobs(self, until: float) -> None:
        """One job after the other, of different kinds, with rests between."""
        kinds = ("clusters", "outliers", "duplicates")
        turn = 0
        while time.monotonic() < until:
            answer = await self._send("job", "POST", f"{PATH}/{kinds[turn % 3]}", {}, {202})
            turn += 1
            while answer is not None and time.monotonic() < until:
                job = await self._send("job", "GET", f"/v1/jobs/{answer.json()['id']}", None, {200})
                if job is None or job.json()["state"] not in {"queued", "running"}:
                    break
                await asyncio.sleep(0.5)
            await asyncio.sleep(min(5.0, max(0.0, until - time.monotonic())))

    async def _search(self) -> None:
        mode = self._random.choice(("dense", "lexical", "hybrid", "hybrid"))
        body: dict[str, Any] = {"query": self._text(), "mode": mode, "limit": 10}
        if self._random.random() < 0.3:
            even = {"key": "even", "match": {"value": bool(self._random.getrandbits(1))}}
            body["filter"] = {"must": [even, {"key": "number", "range": {"lt": self._ids // 2}}]}
        await self._send(f"search {mode}", "POST", f"{PATH}/search", body, {200})

    async def _search_many(self) -> None:
        body = {"searches": [{"query": self._text(), "limit": 3} for _ in range(5)]}
        await self._send("search many", "POST", f"{PATH}/search/batch", body, {200})

    async def _embed(self) -> None:
        body = {"model": self._model, "input": [self._text() for _ in range(4)]}
        await self._send("embed", "POST", "/v1/embeddings", body, {200})

    async def _similarity(self) -> None:
        body = {"source": self._text(), "texts": [self._text(), self._text()]}
        await self._send("similarity", "POST", "/v1/similarity", body, {200})

    async def _upsert(self) -> None:
        await self._write("upsert", [self._random.randrange(self._ids) for _ in range(8)])

    async def _write(self, kind: str, numbers: Sequence[int]) -> None:
        documents = [
            {
                "id": f"d{number}",
                "text": self._text(),
                "metadata": {"number": number, "even": number % 2 == 0},
            }
            for number in dict.fromkeys(numbers)
        ]
        await self._send(kind, "POST", f"{PATH}/documents", {"documents": documents}, {200})

    async def _delete(self) -> None:
        ids = [f"d{self._random.randrange(self._ids)}" for _ in range(2)]
        await self._send("delete", "POST", f"{PATH}/documents/delete", {"ids": ids}, {200})

    async def _count(self) -> None:
        filter = {"must": [{"key": "even", "match": {"value": True}}]}
        await self._send("count", "POST", f"{PATH}/documents/count", {"filter": filter}, {200})

    async def _page(self) -> None:
        """The first pages of a listing, as an export reads them."""
        cursor = ""
        for _ in range(3):
            path = f"{PATH}/documents?limit=200" + (f"&cursor={cursor}" if cursor else "")
            answer = await self._send("page", "GET", path, None, {200})
            if answer is None or not (cursor := answer.json()["cursor"] or ""):
                return

    async def _watch(self) -> None:
        path = self._random.choice(("/metrics", "/health", "/readyz", "/v1/collections"))
        await self._send("watch", "GET", path, None, {200})

    async def _bad(self) -> None:
        """What has to be refused; each time with other names, which must leave nothing behind."""
        odd = f"x{self._random.getrandbits(40)}"
        method, path, body, status = self._random.choice(
            [
                ("POST", f"{PATH}/search", {"query": ""}, 422),
                ("POST", f"{PATH}/search", {"query": "a", odd: 1}, 400),
                ("POST", f"{PATH}/search", {"query": "a", "limit": -1}, 400),
                ("POST", f"/v1/collections/{odd}/search", {"query": "a"}, 404),
                ("GET", f"/{odd}/{odd}", None, 404),
                ("GET", f"{PATH}/documents/{odd}", None, 404),
                ("DELETE", f"/v1/jobs/{odd}", None, 404),
                ("POST", "/v1/embeddings", {"model": odd, "input": "a"}, 404),
                ("POST", f"{PATH}/documents", {"documents": [{"id": odd}]}, 422),
                (odd.upper(), "/livez", None, 405),
            ]
        )
        await self._send("bad", method, path, body, {status, 400})

    async def _leave(self) -> None:
        """Hang up: in the middle of a head, of a body, or before the answer."""
        body = json.dumps({"query": self._text(), "limit": 50}).encode()
        head = (
            f"POST {PATH}/search HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        )
        whole = head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body
        cut = self._random.choice((20, len(head), len(whole) - 5, len(whole)))
        address = urlsplit(self._url)
        try:
            _, writer = await asyncio.open_connection(address.hostname, address.port)
        except OSError as error:
            self.tally.unexpected[f"leave: {error}"] += 1
            return
        writer.write(whole[:cut])
        await asyncio.sleep(self._random.choice((0, 0.003)))
        writer.transport.abort()

    async def _come_and_go(self) -> None:
        """A collection of another name each time, written and dropped."""
        name = f"t{self._random.getrandbits(48)}"
        body = {"name": name, "encoder": self._model}
        if await self._send("make", "POST", "/v1/collections", body, {201}) is None:
            return
        documents = [{"id": str(number), "text": self._text()} for number in range(3)]
        path = f"/v1/collections/{name}"
        await self._send("make", "POST", f"{path}/documents", {"documents": documents}, {200})
        await self._send("make", "POST", f"{path}/search", {"query": self._text()}, {200})
        await self._send("make", "DELETE", path, None, {200})

    def _text(self) -> str:
        """One of the texts with a word that is never said twice, so that no cache has it."""
        text = self._random.choice(self._texts)
        return f"{text} {self._random.getrandbits(32):x}" if self._random.random() < 0.5 else text

    async def _send(
        self, kind: str, method: str, path: str, body: object, expected: set[int]
    ) -> httpx.Response | None:
        """The answer if it is one of those expected; else it is noted."""
        begun = time.monotonic()
        try:
            answer = await self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            self.tally.unexpected[f"{kind}: {type(error).__name__}"] += 1
            return None
        now = time.monotonic()
        self.tally.statuses.setdefault(kind, Counter())[answer.status_code] += 1
        if answer.status_code not in expected:
            told = answer.text[:200] if answer.status_code >= 500 else ""
            self.tally.unexpected[f"{kind}: {method} {answer.status_code} {told}".strip()] += 1
            return None
        self.tally.seconds.setdefault(kind, []).append((now - self._began, now - begun))
        return answer
