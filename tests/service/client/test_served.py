"""Both clients against the real application, each method once; and what importing them costs."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from service.app import create_app
from service.client import AsyncClient, Client, ClientError, Pace
from service.client import answers as kinds
from service.settings import Settings
from tests.service.client.conforming import mismatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from anyio.from_thread import BlockingPortal
    from fastapi import FastAPI

    from service.client.questions import DocumentInput

DOCUMENTS: list[DocumentInput] = [
    {"id": "cat", "text": "a cat sleeps", "metadata": {"lang": "en", "legs": 4}},
    {"id": "bird", "text": "a bird sings", "metadata": {"lang": "en", "legs": 2}},
    {"id": "고양이", "text": "고양이가 잔다", "title": "집", "metadata": {"lang": "ko", "legs": 4}},
    {
        "id": "book#0",
        "text": "a long book begins",
        "parent": {"id": "book", "chunk": 0, "start": 0, "end": 18},
    },
]


class AppTransport(httpx.BaseTransport):
    """Requests of a client that waits, answered by an application in another thread."""

    def __init__(self, app: FastAPI, portal: BlockingPortal) -> None:
        self._transport = httpx.ASGITransport(app)
        self._portal = portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def send() -> tuple[int, httpx.Headers, bytes]:
            response = await self._transport.handle_async_request(request)
            return response.status_code, response.headers, await response.aread()

        status, headers, content = self._portal.call(send)
        return httpx.Response(status, headers=headers, content=content)


class Served:
    """A running application, asked through either client by methods of one name."""

    def __init__(self, app: FastAPI, portal: BlockingPortal) -> None:
        self.blocking = Client("http://localhost", transport=AppTransport(app, portal))
        self._awaited = AsyncClient("http://localhost", transport=httpx.ASGITransport(app))
        self._portal = portal

    def ask(self, kind: str, method: str, *args: object, **kwargs: object) -> Any:  # noqa: ANN401
        if kind == "blocking":
            return getattr(self.blocking, method)(*args, **kwargs)
        asked = getattr(self._awaited, method)(*args, **kwargs)

        async def work() -> object:
            if inspect.isasyncgen(asked):
                return [each async for each in asked]
            return await asked

        return self._portal.call(work)

    def close(self) -> None:
        self.blocking.close()
        self._portal.call(self._awaited.close)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    settings = Settings(data=tmp_path_factory.mktemp("data"), encoder="hash:64")
    app = create_app(settings)
    lifespan = app.router.lifespan_context(app)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(lifespan):
        served = Served(app, portal)
        deadline = time.monotonic() + 30
        while served.blocking.health()["status"] != "ok":
            assert time.monotonic() < deadline, served.blocking.health()
            time.sleep(0.01)
        yield served
        served.close()


@pytest.fixture(params=["blocking", "awaited"])
def ask(served: Served, request: pytest.FixtureRequest) -> Callable[..., Any]:
    return partial(served.ask, request.param)


@pytest.fixture
def pets(ask: Callable[..., Any]) -> Iterator[str]:
    ask("create", "pets")
    ask("upload", "pets", DOCUMENTS, pace=Pace(documents=2))
    yield "pets"
    ask("drop", "pets")


def test_a_collection_from_its_making_to_its_end(ask: Callable[..., Any]) -> None:
    made = ask("create", "one", metric="euclidean")
    assert mismatch(made, kinds.CollectionAnswer) is None
    assert (made["metric"], made["encoder"]["name"]) == ("euclidean", "hash:64")
    written = ask("upsert", "one", DOCUMENTS)
    assert mismatch(written, kinds.WriteAnswer) is None
    assert written["added"] == len(DOCUMENTS)
    assert ask("states", "one", DOCUMENTS[:1]) == {"states": ["unchanged"]}
    assert mismatch(ask("collections"), kinds.CollectionsAnswer) is None
    assert ask("reembed", "one", "hash:32", queries=1)["kind"] == "reembed"
    assert mismatch(ask("optimize", "one", recall=0.9), kinds.CollectionAnswer) is None
    checked = ask("verify", "one")
    assert mismatch(checked, kinds.VerifyAnswer) is None
    assert checked["ok"]
    assert ask("drop", "one") == {"name": "one", "documents": len(DOCUMENTS)}
    with pytest.raises(ClientError) as caught:
        ask("collection", "one")
    assert (caught.value.status, caught.value.code) == (404, "collection_not_found")


def test_documents_are_read_counted_and_deleted(ask: Callable[..., Any], pets: str) -> None:
    four = {"must": [{"key": "legs", "match": {"value": 4}}]}
    assert ask("count", pets) == {"count": 4}
    assert ask("count", pets, filter=four) == {"count": 2}
    page = ask("documents", pets, filter=four, limit=1)
    assert mismatch(page, kinds.PageAnswer) is None
    assert [each["id"] for each in page["documents"]] in (["cat"], ["고양이"])
    everything = list(ask("all_documents", pets, page=3))
    by_id = {each["id"]: each for each in everything}  # batches come in any order
    assert sorted(by_id) == ["bird", "book#0", "cat", "고양이"]
    assert by_id["book#0"] == ask("document", pets, "book#0")
    assert ask("trim", pets, {"book": 0}) == {"deleted": 1}
    assert ask("delete", pets, ["cat", "nobody"]) == {"deleted": 1}
    assert ask("delete", pets, filter=four) == {"deleted": 1}
    assert ask("count", pets) == {"count": 1}


def test_searches_in_every_form(ask: Callable[..., Any], pets: str) -> None:
    english = {"must": [{"key": "lang", "match": {"value": "en"}}]}
    answer = ask("search", pets, "a cat", limit=1, filter=english, with_vectors=True)
    assert mismatch(answer, kinds.SearchAnswer) is None
    assert [each["id"] for each in answer["matches"]] == ["cat"]
    assert len(answer["matches"][0]["vector"]) == 64
    like = ask("search", pets, document_id="cat", limit=1)
    assert mismatch(like, kinds.SearchAnswer) is None
    assert like["receipt"]["query_tokens"] is None
    searched = {"query": "고양이", "mode": "lexical"}
    several = ask("search_many", pets, [searched, {"document_id": "cat", "limit": 2}])
    assert mismatch(several, kinds.SearchesAnswer) is None
    assert several["results"][0]["matches"][0]["id"] == "고양이"
    assert len(several["results"][1]["matches"]) == 2
    pages = list(ask("search_pages", pets, "a", limit=3, mode="dense"))
    assert [len(page["matches"]) for page in pages] == [3, 1]
    wanted = ask("recommend", pets, ["cat"], negative=["bird"], limit=1)
    assert mismatch(wanted, kinds.SearchAnswer) is None


def test_vectors_and_scores(ask: Callable[..., Any]) -> None:
    vectors = ask("embed", ["a cat", "고양이"], role="query")
    assert mismatch(vectors, kinds.EmbeddingsAnswer) is None
    assert [len(each["embedding"]) for each in vectors["data"]] == [64, 64]
    cosines = ask("similarity", "a cat", ["a cat", "bird"])
    assert mismatch(cosines, kinds.SimilarityAnswer) is None
    assert cosines["scores"][0] == pytest.approx(1)
    assert mismatch(ask("encoders"), kinds.EncodersAnswer) is None
    assert mismatch(ask("health"), kinds.HealthAnswer) is None
    assert ask("words") == {"models": [], "unusable": {}}
    assert ask("classifiers") == {"models": [], "unusable": {}}


@pytest.mark.parametrize("method", ["neighbours", "word_similarity", "analogy", "classify"])
def test_models_that_are_not_there_are_refused(ask: Callable[..., Any], method: str) -> None:
    given = {"neighbours": ["a"], "word_similarity": ["a", "b"], "analogy": ["a", "b", "c"]}
    with pytest.raises(ClientError) as caught:
        ask(method, "nothing", *given.get(method, [["a"]]))
    assert caught.value.status == 404


def test_vectors_are_the_same_numbers_as_without_base64(served: Served) -> None:
    answer = served.blocking.embed(["같은 글"])
    assert answer["usage"]["prompt_tokens"] > 0
    found = served.blocking.similarity("같은 글", ["같은 글"])["scores"][0]
    assert sum(x * x for x in answer["data"][0]["embedding"]) == pytest.approx(found, abs=1e-6)


def test_both_clients_have_the_same_methods_with_the_same_arguments() -> None:
    def methods(kind: type) -> dict[str, list[str]]:
        public = {name: each for name, each in vars(kind).items() if not name.startswith("_")}
        return {
            name: [f"{each.name}={each.default!r}" for each in signature.parameters.values()]
            for name, method in public.items()
            if callable(method) and (signature := inspect.signature(method))
        }

    assert methods(Client) == methods(AsyncClient)
    assert len(methods(Client)) > 25


def test_importing_the_client_loads_httpx_and_nothing_else() -> None:
    script = (
        "import json, sys, httpx\n"
        "before = set(sys.modules)\n"
        "import service.client\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(json.dumps(sorted(new - sys.stdlib_module_names)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == ["service"]
