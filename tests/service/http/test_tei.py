"""The language of text-embeddings-inference."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.load import load_encoder
from service.settings import Settings
from tests.embeddings.conftest import static_folder, transformer_folder
from tests.service.http.conftest import started as start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from embeddings.types import Encoder
    from tests.service.http.conftest import Client

__all__ = ["static_folder", "transformer_folder"]

TEXTS = ["hello", "배송 교환", "abc"]


@pytest.fixture(scope="module")
def encoder(transformer_folder: Path) -> Encoder:
    """Prompts for both roles, width 16, window 24."""
    return load_encoder(transformer_folder, device="cpu")


@pytest.fixture(scope="module")
def server(transformer_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    data = tmp_path_factory.mktemp("data")
    with start(Settings(data=data, encoder=str(transformer_folder), device="cpu")) as client:
        yield client


@pytest.mark.parametrize(
    ("prompt", "role"),
    [
        (None, "document"),
        ("query", "query"),
        ("document", "document"),
        ("passage", "document"),
    ],
)
def test_vectors_alone(server: Client, encoder: Encoder, prompt: str | None, role: str):
    body = {"inputs": TEXTS, "prompt_name": prompt, "truncate": True}
    sent = server.post("/embed", body | {"truncation_direction": "Right"})
    assert sent.status_code == 200, sent.text
    expected = encoder.encode(TEXTS, role=role).vectors
    np.testing.assert_allclose(np.array(sent.json()), expected, atol=1e-5)
    assert sent.headers["x-truncated"] == "0"
    one = server.post("/embed", {"inputs": TEXTS[1], "prompt_name": prompt}).json()
    np.testing.assert_allclose(np.array(one), expected[1:2], atol=1e-5)


def test_what_is_cut_is_counted_or_refused(server: Client):
    inputs = ["a", "a " * 50, "b " * 50]
    sent = server.post("/embed", {"inputs": inputs})
    assert (sent.status_code, sent.headers["x-truncated"]) == (200, "2")
    sent = server.post("/embed", {"inputs": inputs, "truncate": False})
    error = sent.json()["error"]
    assert (sent.status_code, error["param"], error["code"]) == (422, "inputs[1]", "invalid_text")
    assert "reads at once, and truncate is false: split it" in error["message"]
    sent = server.post("/embed", {"inputs": inputs[:1], "truncate": False})
    assert sent.status_code == 200


def test_lengths_are_made_one(tmp_path: Path, static_folder: Path):
    """A table of words gives vectors of any length."""
    encoder = load_encoder(static_folder, device="cpu")
    whole = encoder.encode(["hello", "a b"], role="document").vectors
    lengths = np.linalg.norm(whole, axis=1, keepdims=True)
    assert abs(lengths - 1).min() > 0.1
    with start(Settings(data=tmp_path, encoder=str(static_folder), device="cpu")) as client:
        scaled = client.post("/embed", {"inputs": ["hello", "a b"]}).json()
        np.testing.assert_allclose(np.array(scaled), whole / lengths, atol=1e-6)
        body = {"inputs": ["hello", "a b"], "normalize": False}
        plain = client.post("/embed", body).json()
        np.testing.assert_allclose(np.array(plain), whole, atol=1e-6)


def test_vectors_are_cut(tmp_path: Path, transformer_folder: Path):
    folder = shutil.copytree(transformer_folder, tmp_path / "cuttable")
    card = '{"training": {"recipe": {"loss": {"matryoshka": [8, 4]}}}}'
    (folder / "encoder_card.json").write_text(card, encoding="utf-8")
    whole = load_encoder(folder, device="cpu").encode(TEXTS, role="document").vectors
    settings = Settings(data=tmp_path / "data", encoder=str(folder), device="cpu")
    with start(settings) as client:
        for width in (16, 8, 6, 4):
            found = np.array(client.post("/embed", {"inputs": TEXTS, "dimensions": width}).json())
            cut = whole[:, :width]
            expected = cut / np.linalg.norm(cut, axis=1, keepdims=True)
            np.testing.assert_allclose(found, expected, atol=1e-5)
        sent = client.post("/embed", {"inputs": TEXTS, "dimensions": 3})
        assert "offers 16, 8 and 4, at which" in sent.json()["error"]["message"]
        assert client.get("/v1/models").json()["data"][0]["dimensions"] == [16, 8, 4]


def test_similarity_is_the_cosine(server: Client, encoder: Encoder):
    inputs = {"source_sentence": "hello", "sentences": ["abc", "hello", "배송"]}
    sent = server.post("/similarity", {"inputs": inputs})
    assert sent.status_code == 200, sent.text
    texts = ["hello", "abc", "hello", "배송"]
    for role, parameters in (("query", None), ("document", {"prompt_name": "document"})):
        vectors = encoder.encode(texts, role=role).vectors
        body = {"inputs": inputs, "parameters": parameters}
        found = server.post("/similarity", body).json()
        assert found == pytest.approx((vectors[1:] @ vectors[0]).tolist(), abs=1e-5)
        assert found[1] == pytest.approx(1, abs=1e-6)


def test_similarity_tells_what_was_cut(server: Client):
    inputs = {"source_sentence": "a", "sentences": ["b", "a " * 50]}
    sent = server.post("/similarity", {"inputs": inputs})
    assert sent.headers["x-truncated"] == "1"
    strict = {"inputs": inputs, "parameters": {"truncate": False}}
    assert server.post("/similarity", strict).json()["error"]["param"] == "inputs.sentences[1]"
    strict = {"inputs": {"source_sentence": "a " * 50, "sentences": ["b"]}, **strict}
    strict["inputs"] = {"source_sentence": "a " * 50, "sentences": ["b"]}
    error = server.post("/similarity", strict).json()["error"]
    assert error["param"] == "inputs.source_sentence"


def test_tokens_of_texts(server: Client):
    sent = server.post("/tokenize", {"inputs": ["ab", "배송 a"]})
    assert sent.status_code == 200, sent.text
    first, second = sent.json()
    assert [each["text"] for each in first] == ["[CLS]", "a", "b", "[SEP]"]
    assert first[0] | {"id": 0} == {
        "id": 0,
        "text": "[CLS]",
        "special": True,
        "start": None,
        "stop": None,
    }
    places = [(each["start"], each["stop"]) for each in second[1:-1]]
    assert places == [(0, 3), (3, 6), (7, 8)], "UTF-8 bytes, as TEI counts"
    bare = server.post("/tokenize", {"inputs": "ab", "add_special_tokens": False}).json()
    assert bare == [first[1:-1]]
    asked = server.post("/tokenize", {"inputs": "ab", "prompt_name": "query"}).json()
    assert [each["text"] for each in asked[0]] == ["[CLS]", "query", ":", "a", "b", "[SEP]"]


def test_tokens_come_back_as_vectors(server: Client, encoder: Encoder):
    tokens = server.post("/tokenize", {"inputs": TEXTS, "add_special_tokens": False}).json()
    ids = [[each["id"] for each in row] for row in tokens]
    expected = encoder.encode(TEXTS, role="document").vectors
    for inputs, rows in ((ids, expected), (ids[0], expected[:1])):
        found = server.post("/embed", {"inputs": inputs}).json()
        np.testing.assert_allclose(np.array(found), rows, atol=1e-5)


def test_info_in_the_shape_of_tei(server: Client, encoder: Encoder):
    info = server.get("/info").json()
    assert info.pop("version")
    assert info == {
        "model_id": encoder.card.name,
        "model_sha": encoder.card.fingerprint,
        "model_dtype": "float32",
        "served_model_name": encoder.card.name,
        "model_type": {"embedding": {"pooling": "mean"}},
        "max_concurrent_requests": 256,
        "max_input_length": 24,
        "max_batch_tokens": 300_000,
        "max_batch_requests": None,
        "max_client_batch_size": 2048,
        "auto_truncate": True,
        "tokenization_workers": 8,
        "sha": None,
        "docker_label": None,
        "reranker": None,
    }


PAIR = {"source_sentence": "a", "sentences": ["b"]}


@pytest.mark.parametrize(
    ("path", "body", "status", "param", "words"),
    [
        ("embed", {"inputs": []}, 400, "inputs", "inputs is a list of 0 items"),
        ("embed", {"inputs": ""}, 422, "inputs", "inputs is empty"),
        ("embed", {"inputs": ["a", " "]}, 422, "inputs[1]", "inputs[1] is empty"),
        ("embed", {"inputs": ["a"] * 2049}, 400, "inputs", "2,049 items; at most 2,048"),
        ("embed", {"inputs": [1] * 300_001}, 400, "inputs", "300,001 token ids in all"),
        ("embed", {"inputs": [[9_999]]}, 400, "inputs[0][0]", "is the token id 9,999"),
        (
            "embed",
            {"inputs": ["a " * 30_000] * 11},
            400,
            "inputs",
            "tokens in all; at most 300,000",
        ),
        ("embed", {"input": "a"}, 400, "inputs", "inputs is missing"),
        ("embed", {"inputs": "a", "prompt_name": "x"}, 400, "prompt_name", "must be 'query', 'doc"),
        ("embed", {"inputs": "a", "normalize": False}, 400, "normalize", "have length 1 by nature"),
        ("embed", {"inputs": "a", "dimensions": 8}, 400, "dimensions", "offers 16 alone"),
        (
            *("embed", {"inputs": "a", "truncation_direction": "Left"}),
            *(400, "truncation_direction", "is 'Left'; of long texts the beginning is read"),
        ),
        ("similarity", {"inputs": PAIR | {"sentences": []}}, 400, "inputs.sentences", "0 items"),
        ("similarity", {"inputs": PAIR | {"sentences": [""]}}, 422, "inputs.sentences", "is empty"),
        (
            *("similarity", {"inputs": PAIR | {"source_sentence": ""}}),
            *(422, "inputs.source_sentence", "is empty"),
        ),
        (
            *("similarity", {"inputs": PAIR | {"sentences": ["a"] * 2049}}),
            *(400, "inputs.sentences", "2,049 items; at most 2,048"),
        ),
        (
            *("similarity", {"inputs": PAIR, "parameters": {"truncation_direction": "left"}}),
            *(400, "parameters.truncation_direction", "send 'right'"),
        ),
        ("similarity", {"inputs": "a"}, 400, "inputs", "it must be a JSON object"),
        ("tokenize", {"inputs": [5]}, 400, "inputs", "inputs holds token ids; send texts"),
        ("tokenize", {"inputs": ""}, 422, "inputs", "inputs is empty"),
        ("tokenize", {"inputs": ["a " * 30_000] * 11}, 400, "inputs", "tokens in all"),
    ],
)
def test_impossible_requests(
    server: Client, path: str, body: object, status: int, param: str, words: str
):
    sent = server.post(f"/{path}", body)
    error = sent.json()["error"]
    assert (sent.status_code, error["param"]) == (status, param), error
    assert words in error["message"]


def test_words_have_no_token_ids(steady: Client):
    sent = steady.post("/tokenize", {"inputs": "a"})
    error = sent.json()["error"]
    assert (sent.status_code, error["param"]) == (400, "inputs")
    assert error["message"] == (
        "inputs: encoder 'hash:64' cuts texts into words, without token ids; send texts"
    )
    assert steady.get("/info").json()["model_id"] == "hash:64"


@pytest.mark.parametrize("path", ["/embed", "/similarity", "/tokenize", "/v2/rerank", "/rerank"])
def test_bodies_are_bounded(steady: Client, path: str):
    headers = {"content-type": "application/json", "content-length": "16777217"}
    sent = steady.post(path, content=b"", headers=headers)
    assert (sent.status_code, sent.json()["error"]["code"]) == (413, "body_too_large")
