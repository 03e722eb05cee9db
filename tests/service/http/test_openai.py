"""OpenAI's language to the letter, spoken with the encoder that ships."""

from __future__ import annotations

import base64
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.hashing import HashEncoder
from embeddings.load import BUILT_IN, load_encoder
from embeddings.token_ids import TokenIds
from service.settings import Settings
from tests.service.http.conftest import started as start
from tests.service.http.gone import Gone

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from embeddings.types import Encoder, Encoding, Role
    from tests.service.http.conftest import Client, Start

MODEL = "meari-ko-en"
TEXTS = ["배송은 언제 도착하나요?", "When will my parcel arrive?", "naïve café 😀"]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(MODEL, device="cpu")


@pytest.fixture(scope="module")
def server(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    del encoder  # its libraries are loaded: the start has less to wait for
    data = tmp_path_factory.mktemp("data")
    with start(Settings(data=data, encoder=MODEL, device="cpu")) as client:
        yield client


def embed(client: Client, given: object, **more: object) -> np.ndarray:
    answer = client.post("/v1/embeddings", {"model": MODEL, "input": given, **more})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert [item["index"] for item in body["data"]] == list(range(len(body["data"])))
    return np.array([item["embedding"] for item in body["data"]], dtype=np.float32)


def test_every_form_of_input_gives_the_texts_vectors(server: Client, encoder: Encoder):
    expected = encoder.encode(TEXTS, role="document").vectors
    ids = [[token.id for token in row] for row in TokenIds.of(encoder).tokenize(TEXTS)]
    bare = [row[1:-1] for row in ids]
    np.testing.assert_allclose(embed(server, TEXTS), expected, atol=1e-5)
    np.testing.assert_allclose(embed(server, TEXTS[0]), expected[:1], atol=1e-5)
    np.testing.assert_allclose(embed(server, ids), expected, atol=1e-5)
    np.testing.assert_allclose(embed(server, bare), expected, atol=1e-5)
    np.testing.assert_allclose(embed(server, ids[1]), expected[1:2], atol=1e-5)


@pytest.mark.parametrize("width", [384, 256, 200, 128, 64])
def test_vectors_are_cut_and_of_length_one(server: Client, encoder: Encoder, width: int):
    whole = encoder.encode(TEXTS, role="document").vectors
    found = embed(server, TEXTS, dimensions=width)
    assert found.shape == (3, width)
    cut = whole[:, :width]
    expected = cut / np.linalg.norm(cut, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    body = {"model": MODEL, "input": TEXTS, "dimensions": width, "encoding_format": "base64"}
    data = server.post("/v1/embeddings", body).json()["data"]
    packed = [np.frombuffer(base64.b64decode(item["embedding"]), "<f4") for item in data]
    np.testing.assert_array_equal(np.stack(packed), found)


@pytest.mark.parametrize("width", [63, 385, 1, 0, -64, 10**20])
def test_other_widths_are_refused_with_those_that_are_offered(server: Client, width: int):
    body = {"model": MODEL, "input": "x", "dimensions": width}
    answer = server.post("/v1/embeddings", body)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (
        400,
        "dimensions",
        "invalid_value",
    )
    assert error["message"] == (
        f"dimensions is {width:,}; 'meari-ko-en' offers 384, 256, 128 and 64, at which it was "
        "trained, and any between them"
    )


@pytest.mark.parametrize(
    ("given", "param", "words"),
    [
        ([5_000, 46_522], "input[1]", "input[1] is the token id 46,522, which 'meari-ko-en' gives"),
        (
            [[5_000], [5_001, 100_256]],
            "input[1][1]",
            "(it has 0 to 46,521): send ids of its own",
        ),
        ([-1], "input[0]", "is the token id -1"),
        ([2000, 279, 13], "input[1]", "is the token id 279, which 'meari-ko-en' gives for no text"),
        ([[10**30]], "input[0][0]", "is the token id 1,000,000"),
    ],
)
def test_ids_of_other_tokenizers_are_refused_by_name(
    server: Client, given: object, param: str, words: str
):
    answer = server.post("/v1/embeddings", {"model": MODEL, "input": given})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, param, "invalid_value")
    assert words in error["message"]


def test_ids_that_say_nothing_are_an_empty_text(server: Client):
    answer = server.post("/v1/embeddings", {"model": MODEL, "input": [[5_000], [101, 102]]})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (422, "input[1]")
    assert error["message"] == "input[1] is empty; there is nothing to encode"


def test_usage_counts_what_was_read(server: Client, encoder: Encoder):
    counts = encoder.count_tokens(TEXTS, role="document")
    long = "parcel " * 600
    body = {"model": MODEL, "input": [*TEXTS, long]}
    answer = server.post("/v1/embeddings", body).json()
    read = int(counts.sum()) + 512
    assert answer["usage"] == {"prompt_tokens": read, "total_tokens": read}
    assert answer["truncated"] == [3]


def test_the_model_is_shown_with_its_widths(server: Client, encoder: Encoder):
    shown = server.get(f"/v1/models/{MODEL}").json()
    assert server.get("/v1/models").json() == {"object": "list", "data": [shown]}
    assert shown.pop("created") > 1_700_000_000
    assert shown == {
        "id": MODEL,
        "object": "model",
        "owned_by": "meari",
        "dim": 384,
        "dimensions": [384, 256, 128, 64],
        "max_tokens": 512,
        "fingerprint": encoder.card.fingerprint,
    }


@pytest.mark.parametrize("name", ["gpt-4", "openai/gpt", "openai%2Fgpt", "meari-ko-en/"])
def test_models_that_are_not_here(server: Client, name: str):
    answer = server.get(f"/v1/models/{name}")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (404, "model_not_found", "model")
    assert error["message"].endswith("is not in use here; there is: meari-ko-en")


def test_all_names_of_an_encoder_are_shown(settings: Settings, started: Start):
    with started(settings.model_copy(update={"encoder": "hash"})) as client:
        client.post("/v1/collections", {"name": "a"})
        for name in ("hash", "hash:64", "hash%3A64"):
            shown = client.get(f"/v1/models/{name}").json()
            assert (shown["id"], shown["dim"]) == (name.replace("%3A", ":"), 64)


def test_three_hundred_thousand_tokens_are_the_end(steady: Client):
    """Counted before any is encoded; a text of more than its window has all its tokens counted."""
    text = "a " * 30_000
    whole = [text] * 10
    body = {"model": "hash:64", "input": whole}
    answer = steady.post("/v1/embeddings", body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["usage"]["total_tokens"] == 10 * 256
    answer = steady.post("/v1/embeddings", {**body, "input": [*whole, "b"]})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, "input", "invalid_value")
    assert error["message"] == (
        "input has 300,001 tokens in all; at most 300,000 are taken in one request: send several"
    )


def test_fifty_megabytes_are_refused_unread(steady: Client):
    taken = []

    async def pieces():
        for piece in range(50):
            taken.append(piece)
            yield b"x" * 1_000_000

    headers = {"content-type": "application/json"}
    announced = headers | {"content-length": "50000000"}
    answer = steady.post("/v1/embeddings", content=pieces(), headers=announced)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (413, "body_too_large")
    assert "50,000,000 bytes; at most 16,777,216 bytes are read here" in error["message"]
    assert taken == []
    answer = steady.post("/v1/embeddings", content=pieces(), headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")
    assert taken[-1] == 16


def test_who_hangs_up_is_not_encoded_for(
    settings: Settings, started: Start, monkeypatch: pytest.MonkeyPatch
):
    """What waits is taken out of the queue; what runs runs on, and the next is answered."""
    entered, opened = threading.Semaphore(0), threading.Event()
    seen: list[str] = []

    class Slow(HashEncoder):
        def encode(self, inputs: Sequence[str], *, role: Role) -> Encoding:
            seen.extend(inputs)
            if "slowly" in inputs:
                entered.release()
                assert opened.wait(30)
            return super().encode(inputs, role=role)

    monkeypatch.setitem(BUILT_IN, "hash", lambda name, device: Slow(64))
    one = {"read_threads": 1, "encode_threads": 1}
    with started(settings.model_copy(update=one)) as client:

        def ask(sender: Gone) -> threading.Thread:
            thread = threading.Thread(target=sender.ask, args=(client, "/v1/embeddings"))
            thread.start()
            return thread

        model = {"model": "hash:64"}
        running, waiting = Gone({"input": "slowly"} | model), Gone({"input": "never"} | model)
        first = ask(running)
        assert entered.acquire(timeout=30)
        second = ask(waiting)
        waiting.leave()
        second.join(30)
        assert not second.is_alive()
        running.leave()
        first.join(30)
        opened.set()
        after = client.post("/v1/embeddings", {"model": "hash:64", "input": "after"})
        assert after.status_code == 200
        assert running.sent == waiting.sent == []
        assert "never" not in seen
        told = client.get("/metrics").text
    line = 'meari_http_requests_total{method="POST",route="/v1/embeddings",status="499"} 2.0'
    assert line in told.splitlines()
