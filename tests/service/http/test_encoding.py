from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.load import DESCRIPTIONS, load_encoder
from service.schemas.encoding import EmbeddingsAnswer

if TYPE_CHECKING:
    from embeddings.types import Vectors
    from service.settings import Settings
    from tests.service.http.conftest import Client, Start

TEXTS = ["배송은 얼마나 걸리나요?", "how long does delivery take?"]


@pytest.fixture(scope="module")
def vectors():
    return load_encoder("hash:64").encode(TEXTS, role="document").vectors


def test_embeddings_in_openais_shape(steady: Client, vectors: Vectors):
    plain = {"input": TEXTS, "model": "hash:64", "user": "me", "encoding_format": None}
    answer = steady.post("/v1/embeddings", plain)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    for index, item in enumerate(body.pop("data")):
        numbers = item.pop("embedding")
        assert item == {"object": "embedding", "index": index}
        exact = np.array(numbers, dtype=np.float32)
        assert np.array_equal(exact, vectors[index]), "read as float32 they are exact"
    assert body == {
        "object": "list",
        "model": "hash:64",
        "usage": {"prompt_tokens": 10, "total_tokens": 10},
        "truncated": [],
    }


def test_one_text_is_a_list_of_one(steady: Client, vectors: Vectors):
    data = steady.post("/v1/embeddings", {"input": TEXTS[0], "model": "hash:64"}).json()["data"]
    assert np.array_equal(np.array([item["embedding"] for item in data], np.float32), vectors[:1])


@pytest.mark.parametrize("packed", [False, True])
def test_as_many_as_may_be_come_in_their_order(steady: Client, packed: bool):
    texts = [f"text {n}" for n in range(2048)]
    body = {"input": texts, "model": "hash:64", "encoding_format": "base64" if packed else "float"}
    answer = EmbeddingsAnswer.model_validate(steady.post("/v1/embeddings", body).json())
    assert [item.index for item in answer.data] == list(range(2048))
    expected = load_encoder("hash:64").encode(texts, role="document").vectors
    if packed:
        found = [np.frombuffer(base64.b64decode(item.embedding), "<f4") for item in answer.data]
    else:
        found = [np.array(item.embedding, dtype=np.float32) for item in answer.data]
    assert np.array_equal(np.stack(found), expected)
    assert (answer.object, answer.model, answer.truncated) == ("list", "hash:64", [])
    assert answer.usage.total_tokens == 2 * 2048


def test_base64_is_little_endian_float32(steady: Client, vectors: Vectors):
    body = {"input": TEXTS, "model": "hash:64", "encoding_format": "base64", "dimensions": 64}
    data = steady.post("/v1/embeddings", body).json()["data"]
    for item, vector in zip(data, vectors, strict=True):
        assert np.array_equal(np.frombuffer(base64.b64decode(item["embedding"]), "<f4"), vector)


def test_cut_texts_are_told(steady: Client):
    body = {"input": ["short", "cat " * 300, "x " * 257], "model": "hash:64"}
    answer = steady.post("/v1/embeddings", body).json()
    assert answer["truncated"] == [1, 2]
    assert answer["usage"] == {"prompt_tokens": 513, "total_tokens": 513}


@pytest.mark.parametrize(
    ("change", "status", "param", "words"),
    [
        ({"model": "gpt"}, 404, "model", "model 'gpt' is not in use here; there is: hash:64"),
        ({"model": "hash:32"}, 404, "model", "is not in use here"),
        ({"model": None}, 400, "model", "model is null"),
        ({"dimensions": 32}, 400, "dimensions", "is 32; 'hash:64' offers 64 alone, for it was not"),
        ({"dimensions": 65}, 400, "dimensions", "dimensions is 65; 'hash:64' offers 64 alone"),
        ({"dimensions": 0}, 400, "dimensions", "dimensions is 0; 'hash:64' offers 64 alone"),
        ({"dimensions": "64"}, 400, "dimensions", "valid integer"),
        ({"encoding_format": "int8"}, 400, "encoding_format", "'float' or 'base64'"),
        ({"input_type": "x"}, 400, "input_type", "'query' or 'document'"),
        ({"input": []}, 400, "input", "input is a list of 0 items"),
        ({"input": ""}, 422, "input", "input is empty"),
        ({"input": ["a", " "]}, 422, "input[1]", "input[1] is empty"),
        ({"input": [1, 2]}, 400, "input", "encoder 'hash:64' cuts texts into words, without token"),
        ({"input": [[1, 2]]}, 400, "input", "without token ids; send texts"),
        ({"input": [1, "a"]}, 400, "input[1]", "no token id, and what stands before it is"),
        ({"input": [1, True]}, 400, "input[1]", "input[1] is no token id"),
        ({"input": [True]}, 400, "input[0]", "input[0] is not a text"),
        ({"input": [1, 2.0]}, 400, "input[1]", "input[1] is no token id"),
        ({"input": [[1], "a"]}, 400, "input[1]", "input[1] is no list of token ids, others are"),
        ({"input": [[1], []]}, 400, "input[1]", "input[1] is a list of 0 token ids"),
        ({"input": [[1], [2, None]]}, 400, "input[1][1]", "input[1][1] is no token id"),
        ({"input": ["a", [1]]}, 400, "input[1]", "input[1] is not a text"),
        ({"input": [1] * 300_001}, 400, "input", "300,001 token ids in all; at most 300,000"),
        ({"input": [[1] * 200_000, [1] * 100_001]}, 400, "input", "holds 300,001 token ids in all"),
        ({"input": [[1]] * 2049}, 400, "input", "2,049 items; at most 2,048"),
        ({"input": ["a", None]}, 400, "input[1]", "input[1] is not a text"),
        ({"input": {"a": 1}}, 400, "input", "not a text or a list of texts"),
        ({"input": ["x"] * 2049}, 400, "input", "2,049 items; at most 2,048"),
        ({"input": ["x", "y" * 65_537]}, 422, "input[1]", "65,537 bytes"),
        ({"inputs": "x"}, 400, "inputs", "not a field here"),
    ],
)
def test_impossible_embeddings(
    steady: Client, change: dict[str, object], status: int, param: str | None, words: str
):
    answer = steady.post("/v1/embeddings", {"input": "text", "model": "hash:64"} | change)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (status, param), error
    assert words in error["message"]
    if status == 404:
        assert error["code"] == "model_not_found"


def test_half_a_surrogate_pair_in_the_input(steady: Client):
    answer = steady.post(
        "/v1/embeddings",
        content='{"model":"hash:64","input":["a","\\ud83d"]}',
        headers={"content-type": "application/json"},
    )
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (422, "input[1]")


def test_encoders_of_collections_are_models(client: Client):
    client.post("/v1/collections", {"name": "a", "encoder": "hash:32"})
    client.post("/v1/collections", {"name": "b", "encoder": "hash:32"})
    models = client.get("/v1/models").json()
    assert models["object"] == "list"
    assert all(model.pop("created") > 1_700_000_000 for model in models["data"])
    assert models["data"] == [
        {
            "id": name,
            "object": "model",
            "owned_by": "meari",
            "dim": dim,
            "dimensions": [dim],
            "max_tokens": 256,
            "fingerprint": load_encoder(name).card.fingerprint,
        }
        for name, dim in [("hash:64", 64), ("hash:32", 32)]
    ]
    answer = client.post("/v1/embeddings", {"input": "x", "model": "hash:32"}).json()
    assert len(answer["data"][0]["embedding"]) == 32

    encoders = client.get("/v1/encoders").json()["encoders"]
    assert [(e["name"], e["default"], e["collections"]) for e in encoders] == [
        ("hash:64", True, []),
        ("hash:32", False, ["a", "b"]),
        *((name, False, []) for name in DESCRIPTIONS),
    ]
    assert encoders[1]["card"] == load_encoder("hash:32").card.to_json()
    assert encoders[-1]["card"] is None
    assert encoders[-1]["description"] == list(DESCRIPTIONS.values())[-1]


def test_one_encoder_is_one_model_whatever_it_is_called(settings: Settings, started: Start):
    """`hash` and `hash:64` are the same; the service's own name for it stands."""
    with started(settings.model_copy(update={"encoder": "hash"})) as client:
        client.post("/v1/collections", {"name": "a"})
        client.post("/v1/collections", {"name": "b", "encoder": "hash:64:256"})
        client.post("/v1/collections", {"name": "c", "encoder": "hash:32"})
        assert client.get("/v1/collections/a").json()["encoder"]["name"] == "hash:64"
        models = client.get("/v1/models").json()["data"]
        assert [(model["id"], model["dim"]) for model in models] == [("hash", 64), ("hash:32", 32)]
        encoders = client.get("/v1/encoders").json()["encoders"]
        assert [(e["name"], e["default"], e["collections"]) for e in encoders] == [
            ("hash", True, ["a", "b"]),
            ("hash:32", False, ["c"]),
            ("meari-ko-en", False, []),
            ("meari-static", False, []),
            ("minilm", False, []),
        ]
        assert encoders[0]["card"]["fingerprint"] == models[0]["fingerprint"]
        vectors = [
            client.post("/v1/embeddings", {"model": name, "input": "x"}).json()["data"]
            for name in ("hash", "hash:64")
        ]
        assert vectors[0] == vectors[1]
        unknown = client.post("/v1/embeddings", {"model": "hash:16", "input": "x"}).json()
        assert unknown["error"]["message"].endswith("there is: hash, hash:64, hash:32")


def test_similarity_is_the_cosine(steady: Client, vectors: Vectors):
    body = {"source": TEXTS[0], "texts": [TEXTS[1], TEXTS[0], "배송은"]}
    answer = steady.post("/v1/similarity", body)
    assert answer.status_code == 200, answer.text
    encoder = load_encoder("hash:64")
    third = encoder.encode(["배송은"], role="query").vectors[0]
    expected = [float(vectors[0] @ vectors[1]), 1.0, float(vectors[0] @ third)]
    assert answer.json()["scores"] == pytest.approx(expected, abs=1e-6)
    assert answer.json()["receipt"] == {
        "encoder": {"name": "hash:64", "fingerprint": encoder.card.fingerprint},
        "tokens": 4 + 6 + 4 + 1,
        "source_truncated": False,
        "truncated": [],
    }


def test_similarity_tells_what_was_cut(steady: Client):
    body = {"source": "cat " * 300, "texts": ["cat", "dog " * 300]}
    receipt = steady.post("/v1/similarity", body).json()["receipt"]
    assert (receipt["source_truncated"], receipt["truncated"]) == (True, [1])


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"source": "a", "texts": []}, 400, "texts"),
        ({"source": "a", "texts": "b"}, 400, "texts"),
        ({"source": "", "texts": ["b"]}, 422, "source"),
        ({"source": "a", "texts": ["b", ""]}, 422, "texts[1]"),
        ({"source": "a"}, 400, "texts"),
        ({"source": "a", "texts": ["b"], "model": "nope"}, 404, "model"),
    ],
)
def test_impossible_similarity(steady: Client, body: object, status: int, param: str | None):
    answer = steady.post("/v1/similarity", body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param), answer.text
