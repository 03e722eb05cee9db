"""LangChain's `OpenAIEmbeddings`, pointed here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
from tokenizers import Tokenizer

from embeddings.bundled import find_bundled
from tests.service.clients.conftest import MODEL

openai = pytest.importorskip("openai", reason="the openai client is not installed (meari[dev])")
langchain = pytest.importorskip(
    "langchain_openai", reason="langchain-openai is not installed (meari[dev])"
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from embeddings.types import Encoder

    Make = Callable[..., langchain.OpenAIEmbeddings]

TEXTS = ["배송은 언제 도착하나요?", "When will my parcel arrive?"]


@pytest.fixture
def made(url: str) -> Iterator[Callable[..., langchain.OpenAIEmbeddings]]:
    """Makes the embeddings; they leave connections of their own open."""
    with httpx.Client(trust_env=False, timeout=60) as http:
        given = {"model": MODEL, "base_url": f"{url}/v1", "api_key": "none", "max_retries": 0}
        yield lambda **how: langchain.OpenAIEmbeddings(**given, http_client=http, **how)


def test_texts_are_sent_as_they_are(made: Make, encoder: Encoder):
    expected = encoder.encode(TEXTS, role="document").vectors
    embeddings = made(check_embedding_ctx_length=False)
    np.testing.assert_allclose(embeddings.embed_documents(TEXTS), expected, atol=1e-5)
    np.testing.assert_allclose(embeddings.embed_query(TEXTS[0]), expected[0], atol=1e-5)
    narrow = made(check_embedding_ctx_length=False, dimensions=64)
    cut = expected[:, :64] / np.linalg.norm(expected[:, :64], axis=1, keepdims=True)
    np.testing.assert_allclose(narrow.embed_documents(TEXTS), cut, atol=1e-5)


def test_from_an_event_loop(made: Make, encoder: Encoder):
    async def ask() -> list[list[float]]:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
            embeddings = made(check_embedding_ctx_length=False, http_async_client=http)
            return await embeddings.aembed_documents(TEXTS)

    expected = encoder.encode(TEXTS, role="document").vectors
    np.testing.assert_allclose(asyncio.run(ask()), expected, atol=1e-5)


def test_long_texts_are_split_by_the_encoders_own_tokenizer(made: Make, encoder: Encoder):
    """The parts' vectors are averaged by LangChain, each by its number of characters."""
    embeddings = made(
        tiktoken_enabled=False,
        tiktoken_model_name=str(find_bundled(MODEL)),
        embedding_ctx_length=500,
    )
    expected = encoder.encode(TEXTS, role="document").vectors
    np.testing.assert_allclose(embeddings.embed_documents(TEXTS), expected, atol=1e-4)
    text = "parcel " * 498 + "고양이 " * 498
    assert encoder.encode([text], role="document").truncated.all()
    tokenizer = Tokenizer.from_file(str(find_bundled(MODEL) / "tokenizer.json"))
    tokenizer.no_truncation()
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    split = [ids[start : start + 500] for start in range(0, len(ids), 500)]
    assert [len(part) for part in split] == [500, 496]
    texts = [tokenizer.decode(part) for part in split]
    assert not encoder.encode(texts, role="document").truncated.any()
    # What the service says of the parts; that this is right, tests of encoders hold.
    parts = np.array(made(check_embedding_ctx_length=False).embed_documents(texts))
    mean = np.array([len(text) for text in texts]) @ parts
    found = embeddings.embed_documents([text])
    np.testing.assert_allclose(found, [mean / np.linalg.norm(mean)], atol=1e-4)


def test_ids_of_another_tokenizer_are_refused(made: Make, monkeypatch: pytest.MonkeyPatch):
    """LangChain's default is tiktoken's ids; here of a vocabulary of bytes, made on the spot."""
    import tiktoken

    bytes_alone = tiktoken.Encoding(
        "bytes",
        pat_str=r"\s?\S+",
        mergeable_ranks={bytes([byte]): 100_000 + byte for byte in range(256)},
        special_tokens={},
    )
    monkeypatch.setattr(tiktoken, "encoding_for_model", lambda name: bytes_alone)
    with pytest.raises(openai.BadRequestError) as caught:
        made().embed_documents(["parcel"])
    assert caught.value.param == "input[0][0]"
    assert caught.value.message.endswith(
        "input[0][0] is the token id 100,112, which 'meari-ko-en' gives for no text (it has 0 to "
        "46,521): send ids of its own tokenizer, or texts"
    )
