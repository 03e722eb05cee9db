"""Texts in the order of how well they answer, in each of the shapes that clients speak."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.cross_encoder import CrossEncoderReranker
from embeddings.load import load_encoder
from embeddings.reranker import load_reranker
from service.settings import Settings
from tests.indexing.test_reranking import make_body
from tests.service.http.conftest import started as start
from tests.service.http.gone import Gone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from embeddings.reranker import Reranker
    from tests.service.http.conftest import Client

QUERY = "which gift"
TEXTS = ["a gift", "parcels leave today", "x", "gift cards are valid five years"]
PATHS = ["/rerank", "/v1/rerank", "/v2/rerank"]


@pytest.fixture(scope="module")
def cosines() -> np.ndarray:
    encoder = load_encoder("hash:64")
    asked = encoder.encode([QUERY], role="query").vectors[0]
    return encoder.encode(TEXTS, role="document").vectors @ asked


def answer(client: Client, body: dict[str, object], path: str = "/rerank"):
    sent = client.post(path, body)
    assert sent.status_code == 200, sent.text
    return sent.json()


@pytest.mark.parametrize("path", PATHS)
def test_documents_in_the_shape_of_cohere(steady: Client, cosines: np.ndarray, path: str):
    sent = steady.post(path, {"query": QUERY, "documents": TEXTS, "model": "hash:64"})
    assert sent.status_code == 200, sent.text
    body = sent.json()
    order = np.argsort(-cosines, kind="stable").tolist()
    assert [each.pop("index") for each in body["results"]] == order
    scores = [each.pop("relevance_score") for each in body.pop("results")]
    assert scores == pytest.approx(((1 + cosines[order]) / 2).tolist(), abs=1e-6)
    assert body == {
        "id": sent.headers["x-request-id"],
        "object": "list",
        "model": "hash:64",
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
        "usage": {"prompt_tokens": 14, "total_tokens": 14},
        "receipt": {"method": "cosine", "model": "hash:64", "truncated": []},
    }


def test_the_best_and_their_documents(steady: Client):
    given = [{"text": text, "lang": None, "n": n} for n, text in enumerate(TEXTS)]
    body = {"query": QUERY, "documents": [*given, "which gift"], "top_n": 2}
    found = answer(steady, body | {"return_documents": True})["results"]
    assert [each["document"] for each in found] == [{"text": "which gift"}, given[0]]
    assert found[0]["relevance_score"] == pytest.approx(1.0, abs=1e-6)
    assert all("document" not in each for each in answer(steady, body)["results"])
    assert len(answer(steady, {**body, "top_n": 1000})["results"]) == 5


@pytest.mark.parametrize("path", PATHS)
def test_texts_in_the_shape_of_tei(steady: Client, cosines: np.ndarray, path: str):
    order = np.argsort(-cosines, kind="stable").tolist()
    sent = steady.post(path, {"query": QUERY, "texts": TEXTS})
    found = sent.json()
    assert [each["index"] for each in found] == order
    assert [set(each) for each in found] == [{"index", "score"}] * 4
    scores = [each["score"] for each in found]
    assert scores == pytest.approx(((1 + cosines[order]) / 2).tolist(), abs=1e-6)
    assert sent.headers["x-truncated"] == "0"
    body = {"query": QUERY, "texts": TEXTS, "raw_scores": True, "return_text": True}
    found = answer(steady, body)
    assert [each["text"] for each in found] == [TEXTS[position] for position in order]
    raw = [each["score"] for each in found]
    assert raw == pytest.approx(cosines[order].tolist(), abs=1e-6)


def test_equal_texts_stay_in_their_order(steady: Client):
    found = answer(steady, {"query": "a", "documents": ["b", "a", "c", "a"]})["results"]
    assert [each["index"] for each in found][:2] == [1, 3]


def test_units_and_cuts_are_counted(steady: Client):
    long = "gift " * 300
    body = answer(steady, {"query": "gift", "documents": [*["x"] * 100, long]})
    assert body["meta"]["billed_units"] == {"search_units": 2}
    assert body["receipt"]["truncated"] == [100]
    assert body["usage"]["total_tokens"] == 1 + 100 + 256
    sent = steady.post("/rerank", {"query": "gift", "texts": ["x", long, long]})
    assert sent.headers["x-truncated"] == "2"
    body = answer(steady, {"query": long, "documents": ["a", "b"]})
    assert body["receipt"]["truncated"] == [0, 1], "a query that was cut is read beside none whole"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder with random weights."""
    from sentence_transformers import CrossEncoder

    body = tmp_path_factory.mktemp("body")
    make_body(body, "BertForSequenceClassification")
    saved = tmp_path_factory.mktemp("models") / "judge"
    CrossEncoder(str(body), device="cpu").save_pretrained(str(saved))
    return saved


@pytest.fixture(scope="module")
def judge(folder: Path) -> Reranker:
    return load_reranker(folder, device="cpu")


@pytest.fixture(scope="module")
def judging(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    data = tmp_path_factory.mktemp("data")
    with start(Settings(data=data, encoder="hash:64", reranker=folder, device="cpu")) as client:
        yield client


@pytest.mark.parametrize("model", [None, "judge"])
def test_a_configured_reranker_reads(judging: Client, judge: Reranker, model: str | None):
    expected = judge.score(QUERY, TEXTS)
    order = np.argsort(-expected, kind="stable").tolist()
    body = answer(judging, {"query": QUERY, "documents": TEXTS, "model": model})
    assert [each["index"] for each in body["results"]] == order
    scores = [each["relevance_score"] for each in body["results"]]
    assert scores == pytest.approx(expected[order].tolist(), abs=1e-5)
    assert body["receipt"] == {"method": "cross-encoder", "model": "judge", "truncated": [3]}
    assert body["model"] == "judge"
    assert "usage" not in body
    found = answer(judging, {"query": QUERY, "texts": TEXTS, "raw_scores": True})
    raw = judge.score_raw(QUERY, TEXTS)
    assert [each["score"] for each in found] == pytest.approx(raw[order].tolist(), abs=1e-4)


def test_an_encoder_can_be_asked_beside_it(judging: Client, cosines: np.ndarray):
    body = answer(judging, {"query": QUERY, "documents": TEXTS, "model": "hash:64"})
    assert body["receipt"]["method"] == "cosine"
    assert body["results"][0]["relevance_score"] == pytest.approx((1 + cosines.max()) / 2)
    error = judging.post("/rerank", {"query": "a", "documents": ["b"], "model": "x"}).json()
    assert error["error"]["message"] == (
        "model 'x' is not in use here; there is: hash:64; and the reranker judge"
    )
    assert judging.get("/info").json()["reranker"] == "judge"


def test_what_the_reranker_did_not_read_is_told(judging: Client):
    long = "a " * 40
    body = answer(judging, {"query": "ab", "documents": ["a", long]})
    assert body["receipt"]["truncated"] == [1]
    sent = judging.post("/rerank", {"query": "ab", "texts": ["a", long], "truncate": False})
    error = sent.json()["error"]
    assert (sent.status_code, error["param"]) == (422, "texts[1]")
    assert error["message"] == (
        "texts[1] has more tokens than 'judge' reads at once, and truncate is false: split it"
    )
    small = {"query": "ab", "documents": ["a"], "max_tokens_per_doc": 31}
    sent = judging.post("/v2/rerank", small)
    assert sent.json()["error"]["message"] == (
        "max_tokens_per_doc is 31; 'judge' reads 32 tokens of a document: name at least that, or "
        "leave it out"
    )
    assert answer(judging, small | {"max_tokens_per_doc": 4096})["model"] == "judge"


def test_many_documents_are_read_in_parts(judging: Client, judge: Reranker):
    """Of any lengths, in any order; each has the score it would have alone."""
    texts = [f"{'gift ' * (n * 7 % 11)}number {n}" for n in range(150)]
    found = answer(judging, {"query": QUERY, "texts": texts, "raw_scores": True})
    expected = judge.score_raw(QUERY, texts)
    assert len(found) == 150
    scores = {each["index"]: each["score"] for each in found}
    assert [scores[n] for n in range(150)] == pytest.approx(expected.tolist(), abs=1e-3)
    cut = answer(judging, {"query": QUERY, "documents": texts})["receipt"]["truncated"]
    assert cut == np.flatnonzero(judge.truncated(QUERY, texts)).tolist()


def test_nobody_is_read_for_in_vain(judging: Client, monkeypatch: pytest.MonkeyPatch):
    """Once its sender is gone a request costs no more than the part that is being read."""
    entered, opened, read = threading.Event(), threading.Event(), []
    score = CrossEncoderReranker.score

    def slowly(self: CrossEncoderReranker, query: str, texts: list[str]):
        entered.set()
        assert opened.wait(30)
        read.append(len(texts))
        return score(self, query, texts)

    monkeypatch.setattr(CrossEncoderReranker, "score", slowly)
    documents = [f"gift {n}" for n in range(300)]
    sender = Gone({"query": "gift", "documents": documents})
    thread = threading.Thread(target=sender.ask, args=(judging, "/rerank"))
    thread.start()
    assert entered.wait(30)
    sender.leave()
    thread.join(30)
    assert not thread.is_alive()
    opened.set()
    assert answer(judging, {"query": "gift", "documents": ["a", "b"]})["model"] == "judge"
    assert sender.sent == []
    deadline = time.monotonic() + 30
    while len(read) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)  # the part that nobody waits for may come to its end later
    assert sorted(read) == [2, 64]


GOOD: dict[str, object] = {"query": "a", "documents": ["b"]}


@pytest.mark.parametrize(
    ("body", "status", "param", "words"),
    [
        ({"query": "a"}, 400, "documents", "neither documents nor texts is there; send"),
        (GOOD | {"texts": ["b"]}, 400, "documents", "both are there; send documents"),
        ({"documents": ["b"]}, 400, "query", "query is missing"),
        (GOOD | {"query": " "}, 422, "query", "query is empty"),
        (GOOD | {"query": ["a"]}, 400, "query", "query is a list of 1 items"),
        (GOOD | {"documents": []}, 400, "documents", "documents is a list of 0 items"),
        ({"query": "a", "texts": []}, 400, "texts", "texts is a list of 0 items; at least 1"),
        (GOOD | {"documents": "b"}, 400, "documents", "documents is not a list"),
        (GOOD | {"documents": ["b", 5]}, 400, "documents[1]", "neither a text nor an object"),
        (GOOD | {"documents": [{"body": "b"}]}, 400, "documents[0].text", "has no `text`"),
        (GOOD | {"documents": [{"text": 5}]}, 400, "documents[0].text", "has no `text`"),
        (GOOD | {"documents": ["b", ""]}, 422, "documents[1]", "documents[1] is empty"),
        (GOOD | {"documents": ["b", {"text": " "}]}, 422, "documents[1]", "documents[1] is empty"),
        (GOOD | {"documents": ["b"] * 2049}, 400, "documents", "2,049 items; at most 2,048"),
        ({"query": "a", "texts": ["b"] * 2049}, 400, "texts", "2,049 items; at most 2,048"),
        ({"query": "a", "texts": [{"text": "b"}]}, 400, "texts[0]", "texts[0] is an object"),
        (GOOD | {"documents": ["a " * 30_000] * 11}, 400, "documents", "330,000 tokens in all"),
        (GOOD | {"model": "rerank-v3.5"}, 404, "model", "there is: hash:64"),
        (GOOD | {"top_n": 0}, 400, "top_n", "1 to 1,000,000 are possible"),
        (GOOD | {"top_n": "1"}, 400, "top_n", "valid integer"),
        (GOOD | {"max_tokens_per_doc": 255}, 400, "max_tokens_per_doc", "reads 256 tokens of a"),
        (GOOD | {"raw_scores": True}, 400, "raw_scores", "no field of requests with documents"),
        (
            {"query": "a", "texts": ["b"], "top_n": 1},
            400,
            "top_n",
            "no field of requests with texts",
        ),
        (GOOD | {"rank_fields": ["text"]}, 400, "rank_fields", "not a field here"),
        (
            {"query": "a", "texts": ["b"], "truncation_direction": "Left"},
            *(400, "truncation_direction", "of long texts the beginning is read: send 'right'"),
        ),
        ([], 400, None, "the body is a list of 0 items; it must be a JSON object"),
    ],
)
def test_impossible_requests(steady: Client, body: object, status: int, param: str, words: str):
    sent = steady.post("/rerank", body)
    error = sent.json()["error"]
    assert (sent.status_code, error["param"]) == (status, param), error
    assert words in error["message"]
