"""The official `openai` client, pointed here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.token_ids import TokenIds
from tests.service.clients.conftest import MODEL

openai = pytest.importorskip("openai", reason="the openai client is not installed (meari[dev])")

if TYPE_CHECKING:
    from collections.abc import Iterator

    from embeddings.types import Encoder

TEXTS = ["배송은 언제 도착하나요?", "When will my parcel arrive?", "naïve café 😀"]


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as made:
        yield made


def vectors_of(answer: object) -> np.ndarray:
    assert [item.index for item in answer.data] == list(range(len(answer.data)))
    return np.array([item.embedding for item in answer.data], dtype=np.float32)


@pytest.mark.parametrize("how", [{}, {"encoding_format": "float"}])
def test_vectors_are_the_encoders(client: openai.OpenAI, encoder: Encoder, how: dict[str, str]):
    """Without a format of its own the client may ask for base64, and unpacks it."""
    expected = encoder.encode(TEXTS, role="document")
    answer = client.embeddings.create(model=MODEL, input=TEXTS, **how)
    np.testing.assert_allclose(vectors_of(answer), expected.vectors, atol=1e-5)
    assert (answer.object, answer.model) == ("list", MODEL)
    assert answer.data[0].object == "embedding"
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == expected.tokens.sum()
    one = client.embeddings.create(model=MODEL, input=TEXTS[0], **how)
    np.testing.assert_allclose(vectors_of(one), expected.vectors[:1], atol=1e-5)


def test_base64_as_it_comes_over_the_wire(client: openai.OpenAI, encoder: Encoder):
    raw = client.embeddings.with_raw_response.create(
        model=MODEL, input=TEXTS, encoding_format="base64"
    )
    packed = raw.http_response.json()["data"]
    assert {type(item["embedding"]) for item in packed} == {str}
    answer = client.embeddings.create(model=MODEL, input=TEXTS, encoding_format="base64")
    embedding = answer.data[0].embedding
    if isinstance(embedding, str):  # asked for by name, versions leave it packed
        assert embedding == packed[0]["embedding"]
    else:
        expected = encoder.encode(TEXTS, role="document").vectors
        np.testing.assert_allclose(np.array(embedding), expected[0], atol=1e-5)


def test_token_ids(client: openai.OpenAI, encoder: Encoder):
    expected = encoder.encode(TEXTS, role="document").vectors
    ids = [[token.id for token in row] for row in TokenIds.of(encoder).tokenize(TEXTS)]
    answer = client.embeddings.create(model=MODEL, input=ids)
    np.testing.assert_allclose(vectors_of(answer), expected, atol=1e-5)
    answer = client.embeddings.create(model=MODEL, input=ids[1])
    np.testing.assert_allclose(vectors_of(answer), expected[1:2], atol=1e-5)


@pytest.mark.parametrize("width", [64, 256, 384])
def test_dimensions(client: openai.OpenAI, encoder: Encoder, width: int):
    cut = encoder.encode(TEXTS, role="document").vectors[:, :width]
    answer = client.embeddings.create(model=MODEL, input=TEXTS, dimensions=width)
    expected = cut / np.linalg.norm(cut, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors_of(answer), expected, atol=1e-5)


def test_models(client: openai.OpenAI):
    listed = list(client.models.list())
    assert [(model.id, model.object, model.owned_by) for model in listed] == [
        (MODEL, "model", "meari")
    ]
    shown = client.models.retrieve(MODEL)
    assert shown == listed[0]
    assert shown.created > 1_700_000_000
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("openai/gpt-5")
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("change", "kind", "code", "param", "words"),
    [
        ({"model": "gpt"}, "NotFoundError", "model_not_found", "model", "there is: meari-ko-en"),
        ({"input": []}, "BadRequestError", "invalid_value", "input", "a list of 0 items"),
        ({"input": ""}, "UnprocessableEntityError", "invalid_text", "input", "input is empty"),
        ({"input": ["x"] * 2049}, "BadRequestError", "invalid_value", "input", "2,049 items"),
        (
            {"input": ["x " * 30_000] * 10},
            *(
                "BadRequestError",
                "invalid_value",
                "input",
                "300,020 tokens in all; at most",
            ),
        ),
        (
            {"input": [[5] * 150_001, [6] * 150_000]},
            *("BadRequestError", "invalid_value", "input", "300,001 token ids in all"),
        ),
        ({"input": [2000, 99_999]}, "BadRequestError", "invalid_value", "input[1]", "id 99,999"),
        (
            {"dimensions": 63},
            *("BadRequestError", "invalid_value", "dimensions", "offers 384, 256, 128 and 64, at"),
        ),
        (
            {"extra_body": {"dimension": 64}},
            *("BadRequestError", "invalid_value", "dimension", "not a field here"),
        ),
        (
            {"extra_headers": {"content-type": "text/plain"}},
            *("APIStatusError", "unsupported_media_type", None, "send application/json"),
        ),
    ],
)
def test_refusals_reach_the_client(
    client: openai.OpenAI, change: dict[str, object], kind: str, code: str, param: str, words: str
):
    with pytest.raises(getattr(openai, kind)) as caught:
        client.embeddings.create(**{"model": MODEL, "input": "x"} | change)
    error = caught.value
    assert (error.code, error.param, error.type) == (code, param, "invalid_request_error")
    assert words in error.message
    assert error.request_id == error.response.headers["x-request-id"]


def test_a_large_body(client: openai.OpenAI):
    with pytest.raises(openai.APIStatusError) as caught:
        client.embeddings.create(model=MODEL, input=["x" * 50_000] * 1000)
    assert (caught.value.status_code, caught.value.code) == (413, "body_too_large")
    assert client.embeddings.create(model=MODEL, input="x").usage.total_tokens == 3


def test_broken_json(client: openai.OpenAI):
    with pytest.raises(openai.BadRequestError) as caught:
        client.post(
            "/embeddings",
            cast_to=object,
            options={"headers": {"content-type": "application/json"}},
            content=b'{"model": "meari-ko-en", "input": ',
        )
    assert (caught.value.code, caught.value.param) == ("invalid_json", None)


def test_many_at_once_from_an_event_loop(url: str, encoder: Encoder):
    texts = [f"parcel number {n} 소포" for n in range(40)]

    async def ask() -> list[np.ndarray]:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as made:
            each = [made.embeddings.create(model=MODEL, input=text) for text in texts]
            return [vectors_of(answer)[0] for answer in await asyncio.gather(*each)]

    found = np.stack(asyncio.run(ask()))
    np.testing.assert_allclose(found, encoder.encode(texts, role="document").vectors, atol=1e-5)


def test_who_gives_up_harms_nobody(client: openai.OpenAI):
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.05).embeddings.create(
            model=MODEL, input=["소포 " * 400] * 200
        )
    answer = client.embeddings.create(model=MODEL, input="소포")
    assert len(answer.data[0].embedding) == 384
